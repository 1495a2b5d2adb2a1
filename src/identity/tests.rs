use super::*;
use crate::http::scripted::{Scripted, answer};
use crate::http::{Failure, Request, Response};
use std::path::PathBuf;

/// 24 November 2025, 16:00 UTC.
const NOW: u64 = 1_764_000_000;
const SESSION: &str = r#"{"Code":"Success","AccessKeyId":"STS.id","AccessKeySecret":"sts-secret","SecurityToken":"sts-token",
    "Expiration":"2025-11-24T17:00:00Z"}"#;
const NO_METADATA: (&str, &str) = ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
const ID: (&str, &str) = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI-env");
const SECRET: (&str, &str) = ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "env-secret");

type Script = Vec<std::result::Result<Response, Failure>>;

/// A machine: its variables, its files, and what its network answers.
struct Machine {
    ambient: Ambient,
    transport: Scripted,
    clock: Skew,
    home: PathBuf,
}

impl Machine {
    fn new(name: &str, variables: &[(&str, &str)], script: Script) -> Self {
        let home = std::env::temp_dir().join(format!("aigclens-identity-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let text = home.to_string_lossy().into_owned();
        let variables: Vec<_> = [("HOME", text.as_str())].into_iter().chain(variables.iter().copied()).collect();
        Self {
            ambient: Ambient::fixed(NOW, &variables),
            transport: Scripted::new(script),
            clock: Skew::default(),
            home,
        }
    }

    fn with_file(self, path: &str, text: &str) -> Self {
        let path = self.home.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        self
    }

    fn world(&self) -> World<'_> {
        World { ambient: &self.ambient, transport: &self.transport, clock: &self.clock, user_agent: "test/1" }
    }

    async fn ask(&self, provider: &Provider) -> Result<Arc<Credentials>> {
        Identity::new(provider).credentials(self.world()).await
    }

    async fn chain(&self) -> Result<Arc<Credentials>> {
        self.ask(&Provider::Chain).await
    }

    fn requests(&self) -> Vec<String> {
        let line = |request: &Request| format!("{} {}", request.method, request.url.expose());
        self.transport.requests().iter().map(line).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn unreachable() -> std::result::Result<Response, Failure> {
    Err(Failure::new(Kind::ConnectTimeout, false, "no connection within 1.000 s; nothing was sent"))
}

fn cli(profiles: &str) -> String {
    format!(r#"{{"current":"mine","profiles":[{profiles}]}}"#)
}

const AK: &str = r#"{"name":"mine","mode":"AK","access_key_id":"LTAI-cli","access_key_secret":"cli-secret"}"#;
const INI: &str = "[default]\ntype = access_key\naccess_key_id = LTAI-ini\naccess_key_secret = ini-secret\n";

/// A01: every place that was tried and why it had none, no value, and the ways out.
#[tokio::test]
async fn where_nothing_is_configured_the_error_lists_every_place() {
    let machine = Machine::new("nothing", &[("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/x")], vec![unreachable()]);
    let error = machine.chain().await.unwrap_err();
    assert_eq!(error.kind(), Kind::CredentialsNotFound);
    for part in [
        "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "credentials=",
        "Client.local()",
        "aigclens demo",
        "not set: ALIBABA_CLOUD_OIDC_PROVIDER_ARN, ALIBABA_CLOUD_OIDC_TOKEN_FILE",
        ".aliyun/config.json",
        "credentials.ini",
        "100.100.100.200",
        "ALIBABA_CLOUD_CREDENTIALS_URI is not set",
    ] {
        assert!(error.message().contains(part), "{part} is missing in: {error}");
    }
    assert!(!error.message().contains("acs:ram"));
    assert_eq!(machine.requests(), ["PUT http://100.100.100.200/latest/api/token"], "one wait, not two");
}

/// A01: the wait for a metadata service that is not there is not paid at every call.
#[tokio::test]
async fn a_missing_metadata_service_is_looked_for_once_in_five_minutes() {
    let machine = Machine::new("quiet", &[], vec![unreachable(), unreachable()]);
    let identity = Identity::new(&Provider::Chain);
    for _ in 0..3 {
        assert_eq!(identity.credentials(machine.world()).await.unwrap_err().kind(), Kind::CredentialsNotFound);
    }
    assert_eq!(machine.requests().len(), 1);
}

/// M09: the order of the places, one after another taken away.
#[tokio::test]
async fn the_first_configured_place_wins_in_the_official_order() {
    let uri = ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1:9/x");
    for (variables, has_cli, has_ini, expected) in [
        (vec![ID, SECRET, uri], true, true, "LTAI-env"),
        (vec![uri], true, true, "LTAI-cli"),
        (vec![("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true"), uri], true, true, "LTAI-ini"),
        (vec![uri], false, true, "LTAI-ini"),
        (vec![uri], false, false, "STS.id"),
    ] {
        let variables: Vec<_> = variables.into_iter().chain([NO_METADATA]).collect();
        let mut machine = Machine::new("order", &variables, vec![answer(200, &[], SESSION)]);
        if has_cli {
            machine = machine.with_file(".aliyun/config.json", &cli(AK));
        }
        if has_ini {
            machine = machine.with_file(".alibabacloud/credentials.ini", INI);
        }
        assert_eq!(machine.chain().await.unwrap().access_key_id, expected);
    }
}

/// What is configured and broken ends the chain: the places behind it belong to somebody else.
#[tokio::test]
async fn a_broken_place_is_an_error_and_no_fall_through() {
    let named = ("ALIBABA_CLOUD_PROFILE", "absent");
    let file = ("ALIBABA_CLOUD_CREDENTIALS_FILE", "/nowhere/credentials.ini");
    let oidc = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/x"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/y"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/nowhere/token"),
    ];
    let sso = r#"{"name":"mine","mode":"CloudSSO"}"#;
    let half = r#"{"name":"mine","mode":"AK","access_key_id":"LTAI-cli"}"#;
    let circle = r#"{"name":"mine","mode":"ChainableRamRoleArn","source_profile":"mine","ram_role_arn":"a"}"#;
    for (variables, config, ini, says) in [
        (vec![ID], cli(AK), INI, "ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"),
        (oidc.to_vec(), cli(AK), INI, "/nowhere/token"),
        (vec![], "{".to_owned(), INI, "config.json"),
        (vec![], cli(sso), INI, "mode External"),
        (vec![], cli(half), INI, "no access_key_secret"),
        (vec![], cli(circle), INI, "stands on itself"),
        (vec![], cli(&AK.replace("AK", "Other")), INI, "Other"),
        (vec![], cli(&AK.replace("cli-secret", "cli-secret\\n")), INI, "white space"),
        (vec![named], cli(AK), INI, "absent"),
        (vec![file], cli(""), INI, "/nowhere"),
        (vec![], cli(""), "[default]\ntype=rsa_key_pair\n", "rsa_key_pair"),
        (vec![], cli(""), "[default]\n", "no type"),
        (vec![], cli(""), "x", "line 1"),
    ] {
        let variables: Vec<_> = variables.into_iter().chain([NO_METADATA]).collect();
        let machine = Machine::new("broken", &variables, vec![])
            .with_file(".aliyun/config.json", &config)
            .with_file(".alibabacloud/credentials.ini", ini);
        let error = machine.chain().await.unwrap_err();
        assert!(error.message().contains(says), "{says}: {error}");
        assert!(!error.message().contains("secret\"") && !error.message().contains("cli-secret"), "{error}");
        assert_eq!(machine.requests(), Vec::<String>::new());
    }
}

/// An empty profile, as the command writes it at first, configures nothing.
#[tokio::test]
async fn a_profile_that_was_never_filled_in_goes_on() {
    let empty = r#"{"name":"mine","mode":"AK","access_key_id":"","access_key_secret":""}"#;
    let machine = Machine::new("empty", &[NO_METADATA], vec![])
        .with_file(".aliyun/config.json", &cli(empty))
        .with_file(".alibabacloud/credentials.ini", INI);
    assert_eq!(machine.chain().await.unwrap().access_key_id, "LTAI-ini");
}

/// The first place that answered is kept; when it has nothing any more, no other identity takes its place.
#[tokio::test]
async fn the_place_that_answered_is_the_clients_from_then_on() {
    let mut machine =
        Machine::new("kept", &[ID, SECRET, NO_METADATA], vec![]).with_file(".alibabacloud/credentials.ini", INI);
    let identity = Identity::new(&Provider::Chain);
    assert_eq!(identity.credentials(machine.world()).await.unwrap().access_key_id, "LTAI-env");
    let home = machine.home.to_string_lossy().into_owned();
    machine.ambient = Ambient::fixed(NOW, &[("HOME", &home)]);
    let error = identity.credentials(machine.world()).await.unwrap_err();
    assert!(error.message().contains("environment") && error.kind() == Kind::CredentialsNotFound, "{error}");
}

/// M09: a byte order mark, CR LF and `=` or `#` in a secret; a file that others may read is a notice, once.
#[cfg(unix)]
#[tokio::test]
async fn odd_files_are_read_and_exposed_ones_are_told_of() {
    use std::os::unix::fs::PermissionsExt;
    let odd = cli(&AK.replace("cli-secret", "a=b#c==")).replace(',', ",\r\n");
    let machine =
        Machine::new("odd", &[NO_METADATA], vec![]).with_file(".aliyun/config.json", &format!("\u{feff}{odd}"));
    std::fs::set_permissions(machine.home.join(".aliyun/config.json"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let identity = Identity::new(&Provider::Chain);
    assert_eq!(identity.credentials(machine.world()).await.unwrap().secrets(), ["a=b#c=="]);
    assert_eq!((identity.notices(), identity.notices()), (vec![EXPOSED], vec![]));
    let ini =
        "\u{feff}[default]\r\ntype = access_key\r\naccess_key_id = LTAI-ini # mine\r\naccess_key_secret = a=b==\r\n";
    let machine = Machine::new("odd-ini", &[NO_METADATA], vec![]).with_file(".alibabacloud/credentials.ini", ini);
    let found = machine.chain().await.unwrap();
    assert_eq!((found.access_key_id.as_str(), found.secrets()), ("LTAI-ini", vec!["a=b=="]));
}

/// A file that changes is read again, without waiting a quarter of an hour.
#[tokio::test]
async fn a_changed_file_is_read_again() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let mut machine = Machine::new("changed", &[], vec![]).with_file(".alibabacloud/credentials.ini", INI);
    let seconds = Arc::new(AtomicU64::new(NOW));
    let own = Arc::clone(&seconds);
    machine.ambient = machine.ambient.clone().with_clock(move || Duration::from_secs(own.load(Ordering::SeqCst)));
    let path = machine.home.join(".alibabacloud/credentials.ini");
    let identity = Identity::new(&Provider::Profile { name: None, path: Some(path) });
    assert_eq!(identity.credentials(machine.world()).await.unwrap().access_key_id, "LTAI-ini");
    let machine = machine.with_file(".alibabacloud/credentials.ini", &INI.replace("LTAI-ini", "LTAI-rotated"));
    assert_eq!(identity.credentials(machine.world()).await.unwrap().access_key_id, "LTAI-ini", "within a second");
    seconds.store(NOW + 2, Ordering::SeqCst);
    assert_eq!(identity.credentials(machine.world()).await.unwrap().access_key_id, "LTAI-rotated");
}

/// A13.
#[tokio::test]
async fn what_has_expired_on_arrival_is_an_error_before_anything_is_signed() {
    let old = SESSION.replace("17:00", "16:00");
    let machine = Machine::new("expired", &[], vec![answer(200, &[], &old)]);
    let error = machine.ask(&Provider::Uri(Some("http://127.0.0.1:9/x".into()))).await.unwrap_err();
    assert_eq!(error.kind(), Kind::CredentialsExpired);
    let given = Credentials::new("id", "secret", None).unwrap().until(Some(Duration::from_secs(NOW)));
    assert_eq!(machine.ask(&Provider::Explicit(given)).await.unwrap_err().kind(), Kind::CredentialsExpired);
}

/// A12: what answers something else than credentials.
#[tokio::test]
async fn a_uri_that_answers_html_or_a_failure_is_an_error() {
    for response in [
        answer(200, &[], "<html>hunter2hunter2</html>"),
        answer(500, &[], "hunter2hunter2"),
        answer(200, &[], &SESSION.replace("Success", "Failure")),
        answer(302, &[("location", "http://elsewhere/")], ""),
        unreachable(),
    ] {
        let machine = Machine::new("uri", &[], vec![response]);
        let error = machine.ask(&Provider::Uri(Some("http://127.0.0.1:9/x?key=hunter2".into()))).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Credentials);
        assert!(!error.message().contains("hunter2"), "{error}");
    }
}

/// A network that never answers.
#[derive(Debug)]
struct Silent;
impl Transport for Silent {
    fn send(&self, _: Request) -> crate::http::Sending<'_> {
        Box::pin(std::future::pending())
    }
}

/// A12: a search that never ends is ended after five seconds.
#[tokio::test(start_paused = true)]
async fn a_search_without_end_is_ended() {
    let machine = Machine::new("silent", &[], vec![]);
    let world = World { transport: &Silent, ..machine.world() };
    let identity = Identity::new(&Provider::Uri(Some("http://127.0.0.1:9/x".into())));
    let started = tokio::time::Instant::now();
    let error = identity.credentials(world).await.unwrap_err();
    assert_eq!((error.kind(), started.elapsed().as_secs()), (Kind::Credentials, 5));
}

mod metadata;
mod roles;
