//! Roles: `AssumeRole` and `AssumeRoleWithOIDC`, and the profiles that describe them.
use super::*;
use crate::credential::{OidcRole, Role, Sts};
use crate::sign::acs3;

const ANSWER: &str = r#"{"RequestId":"R","Credentials":{"AccessKeyId":"STS.id","AccessKeySecret":"sts-secret",
    "SecurityToken":"sts-token","Expiration":"2025-11-24T17:00:00Z"}}"#;
const ARN: &str = "acs:ram::1234567890123456:role/detector";

fn assume(source: Credentials) -> Provider {
    let role = Role {
        arn: Some(ARN.into()),
        session_name: Some("a session + more".into()),
        policy: Some(r#"{"Version": "1"}"#.into()),
        external_id: Some("e".into()),
        ..Role::default()
    };
    Provider::AssumeRole { role, source: Box::new(Provider::Explicit(source)) }
}

fn base() -> Credentials {
    Credentials::new("LTAI-base", "base-secret", Some("base-token")).unwrap()
}

fn query(request: &Request) -> Vec<(String, String)> {
    crate::encode::parse_form(request.url.expose().split_once('?').unwrap().1).unwrap()
}

#[tokio::test]
async fn assume_role_is_signed_by_our_own_signer_and_spaces_are_signed_right() {
    let machine = Machine::new("assume", &[], vec![answer(200, &[], ANSWER)]);
    let found = machine.ask(&assume(base())).await.unwrap();
    assert_eq!((found.access_key_id.as_str(), found.secrets()), ("STS.id", vec!["sts-secret", "sts-token"]));
    let request = &machine.transport.requests()[0];
    assert!(
        request.url.expose().starts_with("https://sts.aliyuncs.com/?RoleArn=acs%3Aram%3A%3A1234567890123456%3Arole")
    );
    let query = query(request);
    let pairs: Vec<(&str, &str)> = query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert!(pairs.contains(&("RoleSessionName", "a session + more")) && pairs.contains(&("DurationSeconds", "3600")));
    assert!(pairs.contains(&("Policy", r#"{"Version": "1"}"#)) && pairs.contains(&("ExternalId", "e")));
    let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, text)| (*name, text.expose())).collect();
    let signed: Vec<_> = headers.iter().copied().filter(|(name, _)| acs3::is_signed(name)).collect();
    let payload_hash = crate::sign::sha256_hex(b"");
    let whole =
        acs3::Request { method: "POST", path: "/", query: &pairs, headers: &signed, payload_hash: &payload_hash };
    assert!(headers.contains(&("authorization", &acs3::authorize(&whole, "LTAI-base", "base-secret"))));
    assert!(headers.contains(&("x-acs-security-token", "base-token")));
}

#[tokio::test]
async fn a_refusal_says_what_to_do_and_no_secret() {
    let refused = r#"{"RequestId":"R","Code":"NoPermission","Message":"base-secret base-token LTAI-base may not"}"#;
    let machine = Machine::new("refused", &[], vec![answer(403, &[], refused)]);
    let error = machine.ask(&assume(base())).await.unwrap_err();
    assert_eq!((error.kind(), error.facts().code.as_deref()), (Kind::Credentials, Some("NoPermission")));
    assert!(error.message().contains("trust policy"));
    for secret in ["base-secret", "base-token", "LTAI-base"] {
        assert!(!error.message().contains(secret), "{error}");
    }
}

/// A12: a page instead of an answer, and an answer without credentials.
#[tokio::test]
async fn what_is_no_answer_of_sts_is_an_error() {
    for response in [answer(200, &[], "<html>"), answer(502, &[], "<html>"), answer(200, &[], "{}"), unreachable()] {
        let machine = Machine::new("no-sts", &[], vec![response]);
        assert_eq!(machine.ask(&assume(base())).await.unwrap_err().kind(), Kind::Credentials);
    }
}

/// B02: STS refuses a wrong clock; the second request carries its time.
#[tokio::test]
async fn a_wrong_clock_is_put_right_once() {
    let refused = r#"{"RequestId":"R","Code":"InvalidTimeStamp.Expired","Message":"x"}"#;
    let date = [("date", "Mon, 24 Nov 2025 16:20:00 GMT")];
    let machine = Machine::new("skew", &[], vec![answer(400, &date, refused), answer(200, &date, ANSWER)]);
    machine.ask(&assume(base())).await.unwrap();
    let dates: Vec<_> = machine
        .transport
        .requests()
        .iter()
        .map(|request| request.headers.iter().find(|(name, _)| *name == "x-acs-date").unwrap().1.expose().to_owned())
        .collect();
    assert_eq!(dates, ["2025-11-24T16:00:00Z", "2025-11-24T16:20:00Z"]);
}

#[tokio::test]
async fn the_host_follows_region_and_vpc_and_no_other_host_can_be_made_of_them() {
    let region = ("ALIBABA_CLOUD_STS_REGION", "eu-west-1");
    let vpc = ("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true");
    for (variables, own, host) in [
        (vec![], Sts::default(), "sts.aliyuncs.com"),
        (vec![vpc], Sts::default(), "sts.aliyuncs.com"),
        (vec![region], Sts::default(), "sts.eu-west-1.aliyuncs.com"),
        (vec![region, vpc], Sts::default(), "sts-vpc.eu-west-1.aliyuncs.com"),
        (
            vec![region, vpc],
            Sts::new(Some("us-east-1".into()), Some(false), None).unwrap(),
            "sts.us-east-1.aliyuncs.com",
        ),
    ] {
        let machine = Machine::new("host", &variables, vec![answer(200, &[], ANSWER)]);
        let role = Role { arn: Some(ARN.into()), sts: own, ..Role::default() };
        machine.ask(&Provider::AssumeRole { role, source: Box::new(Provider::Explicit(base())) }).await.unwrap();
        assert!(machine.requests()[0].starts_with(&format!("POST https://{host}/?")), "{:?}", machine.requests());
    }
    assert!(Sts::new(Some("evil.example/#".into()), None, None).is_err());
    let machine = Machine::new("host-evil", &[("ALIBABA_CLOUD_STS_REGION", "evil.example/#")], vec![]);
    assert_eq!(machine.ask(&assume(base())).await.unwrap_err().kind(), Kind::Config);
}

#[tokio::test]
async fn an_oidc_token_travels_in_the_body_unsigned_and_is_read_for_every_session() {
    let machine = Machine::new("oidc", &[], vec![answer(200, &[], ANSWER)]).with_file("token", "header.payload.sig\n");
    let role = Role { arn: Some(ARN.into()), duration: Some(900), ..Role::default() };
    let provider = Provider::Oidc(OidcRole {
        role,
        provider_arn: Some("acs:ram::1:oidc-provider/ack".into()),
        token_file: Some(machine.home.join("token")),
    });
    assert_eq!(machine.ask(&provider).await.unwrap().access_key_id, "STS.id");
    let request = &machine.transport.requests()[0];
    let body = crate::encode::parse_form(std::str::from_utf8(&request.body).unwrap()).unwrap();
    let field = |name: &str| body.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!((field("OIDCToken"), field("DurationSeconds")), (Some("header.payload.sig"), Some("900")));
    assert!(field("RoleSessionName").unwrap().starts_with("aigclens-"));
    assert!(query(request).contains(&("Action".to_owned(), "AssumeRoleWithOIDC".to_owned())));
    assert!(
        !request.url.expose().contains("header") && request.headers.iter().all(|(name, _)| *name != "authorization")
    );
}

#[tokio::test]
async fn profiles_describe_roles_and_stand_on_each_other() {
    let source = AK.replace("mine", "source");
    let role = r#"{"name":"mine","mode":"ChainableRamRoleArn","source_profile":"source","ram_role_arn":"acs:ram::1:role/x",
        "ram_session_name":"s","expired_seconds":1800,"sts_region":"us-east-1","enable_vpc":true}"#;
    let machine = Machine::new("chained", &[NO_METADATA], vec![answer(200, &[], ANSWER)])
        .with_file(".aliyun/config.json", &cli(&format!("{source},{role}")));
    assert_eq!(machine.chain().await.unwrap().access_key_id, "STS.id");
    assert!(machine.requests()[0].starts_with("POST https://sts-vpc.us-east-1.aliyuncs.com/"));
    let request = &machine.transport.requests()[0];
    assert!(query(request).contains(&("DurationSeconds".to_owned(), "1800".to_owned())));
    let authorization = request.headers.iter().find(|(name, _)| *name == "authorization").unwrap().1.expose();
    assert!(authorization.contains("Credential=LTAI-cli,"));

    let ini = "[default]\ntype=ram_role_arn\naccess_key_id=LTAI-ini\naccess_key_secret=s\nrole_arn=acs:ram::1:role/y\n";
    let machine = Machine::new("ini-role", &[NO_METADATA], vec![answer(200, &[], ANSWER)])
        .with_file(".alibabacloud/credentials.ini", ini);
    assert_eq!(machine.chain().await.unwrap().access_key_id, "STS.id");
}

#[test]
fn a_session_outside_of_what_sts_takes_is_refused() {
    for seconds in [0, 899, 43_201] {
        let error = Role { duration: Some(seconds), ..Role::default() }.seconds().unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
    }
}

/// A12: a program that fails, prints something else, or too much; its standard error is never shown.
#[cfg(unix)]
#[tokio::test]
async fn a_programs_output_is_read_and_its_errors_are_not_shown() {
    let config = |command: &str| {
        let command = serde_json::to_string(command).unwrap();
        cli(&format!(r#"{{"name":"mine","mode":"External","process_command":{command}}}"#))
    };
    let print = r#"sh -c 'echo "{\"mode\":\"AK\",\"access_key_id\":\"LTAI-out\",\"access_key_secret\":\"s\"}"'"#;
    let machine = Machine::new("external", &[NO_METADATA], vec![]).with_file(".aliyun/config.json", &config(print));
    assert_eq!(machine.chain().await.unwrap().access_key_id, "LTAI-out");
    for (command, says) in [
        ("sh -c 'echo hunter2 >&2; echo hunter2; exit 3'", "exit status: 3"),
        ("echo hunter2", "no JSON object"),
        ("/nowhere/program", "could not be started"),
        ("head -c 100000 /dev/zero", "64 KB"),
        (r#"echo '{"mode":"StsToken","access_key_id":"hunter2","access_key_secret":"hunter2"}'"#, "sts_token"),
        ("echo $(id)", "no JSON object"),
    ] {
        let machine =
            Machine::new("external-bad", &[NO_METADATA], vec![]).with_file(".aliyun/config.json", &config(command));
        let error = machine.chain().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Credentials);
        assert!(error.message().contains(says) && !error.message().contains("hunter2"), "{command}: {error}");
    }
}

/// A12: a program that hangs is ended with its children when nobody waits for it any more.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_program_that_hangs_is_ended_with_its_children() {
    let machine = Machine::new("hangs", &[NO_METADATA], vec![]);
    let pids = machine.home.join("pids");
    let command = format!("sh -c 'sleep 600 & echo $$ $! > {}; wait'", pids.display());
    let config = cli(&format!(r#"{{"name":"mine","mode":"External","process_command":"{command}"}}"#));
    let machine = machine.with_file(".aliyun/config.json", &config);
    {
        let mut running = Box::pin(machine.chain());
        while !std::fs::read_to_string(&pids).is_ok_and(|text| text.ends_with('\n')) {
            assert!(tokio::time::timeout(Duration::from_millis(20), &mut running).await.is_err());
        }
    }
    for pid in std::fs::read_to_string(&pids).unwrap().split_whitespace() {
        // A dead process may wait for its new parent to notice.
        let lives = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        let mut looks = 0;
        while lives() {
            looks += 1;
            assert!(looks < 500, "the program or its child still runs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
