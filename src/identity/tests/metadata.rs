//! The metadata service of ECS.
use super::*;

const TOKEN: &str = "TOKEN==";

fn role() -> Provider {
    Provider::EcsRole { role: None, endpoint: None }
}

#[tokio::test]
async fn version_two_asks_for_a_token_first_and_sends_it_along() {
    let script = vec![answer(200, &[], TOKEN), answer(200, &[], "my-role"), answer(200, &[], SESSION)];
    let machine = Machine::new("v2", &[], script);
    let found = machine.chain().await.unwrap();
    assert_eq!((found.access_key_id.as_str(), found.expiration), ("STS.id", Some(Duration::from_secs(NOW + 3_600))));
    let base = "http://100.100.100.200/latest";
    assert_eq!(
        machine.requests(),
        [
            format!("PUT {base}/api/token"),
            format!("GET {base}/meta-data/ram/security-credentials/"),
            format!("GET {base}/meta-data/ram/security-credentials/my-role"),
        ]
    );
    let requests = machine.transport.requests();
    let header = |index: usize, name: &str| {
        let found = requests[index].headers.iter().find(|(own, _)| *own == name);
        found.map(|(_, text)| text.expose().to_owned())
    };
    assert_eq!(header(0, "x-aliyun-ecs-metadata-token-ttl-seconds").as_deref(), Some("21600"));
    for index in [1, 2] {
        assert_eq!(header(index, "x-aliyun-ecs-metadata-token").as_deref(), Some(TOKEN));
    }
    assert!(
        requests.iter().all(|request| request.is_loopback && request.time == Duration::from_secs(1)),
        "no proxy, 1 s"
    );
}

#[tokio::test]
async fn version_one_is_for_services_without_tokens_and_where_it_is_allowed() {
    for status in [404, 405] {
        let script = || vec![answer(status, &[], ""), answer(200, &[], "my-role"), answer(200, &[], SESSION)];
        let machine = Machine::new("v1", &[], script());
        assert_eq!(machine.ask(&role()).await.unwrap().access_key_id, "STS.id");
        let machine = Machine::new("v1-off", &[("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")], script());
        assert_eq!(machine.ask(&role()).await.unwrap_err().kind(), Kind::Credentials);
        assert_eq!(machine.requests().len(), 1);
    }
    // Refused, or silent: not a reason to ask without a token.
    for response in [answer(403, &[], ""), answer(200, &[], "<html> </html>"), unreachable()] {
        let machine = Machine::new("v1-refused", &[], vec![response, answer(200, &[], "my-role")]);
        assert_eq!(machine.ask(&role()).await.unwrap_err().kind(), Kind::Credentials);
        assert_eq!(machine.requests().len(), 1);
    }
}

/// A12: a page, a half answer, a refusal.
#[tokio::test]
async fn what_a_metadata_service_cannot_mean_is_an_error() {
    let named = ("ALIBABA_CLOUD_ECS_METADATA", "my-role");
    for response in [
        answer(200, &[], "<html>hunter2</html>"),
        answer(200, &[], &SESSION.replace("Success", "Failed")),
        answer(200, &[], "{\"Code\":\"Success\",\"AccessKeyId\":\"hunter2\"}"),
        answer(404, &[], "hunter2"),
        unreachable(),
    ] {
        let machine = Machine::new("html", &[named], vec![answer(200, &[], TOKEN), response]);
        let error = machine.chain().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Credentials, "{error}");
        assert!(!error.message().contains("hunter2"));
    }
    let machine = Machine::new("page", &[], vec![answer(200, &[], TOKEN), answer(200, &[], "<html>login</html>")]);
    assert_eq!(machine.chain().await.unwrap_err().kind(), Kind::Credentials);
}

#[tokio::test]
async fn a_machine_that_is_no_instance_or_has_no_role_goes_on() {
    let uri = ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1:9/x");
    for script in [
        vec![unreachable()],
        vec![answer(403, &[], "")],
        vec![answer(404, &[], ""), answer(404, &[], "")],
        vec![answer(404, &[], ""), answer(200, &[], "<html>some other service</html>")],
        vec![answer(200, &[], TOKEN), answer(404, &[], "")],
    ] {
        let script = script.into_iter().chain([answer(200, &[], SESSION)]).collect();
        let machine = Machine::new("absent", &[uri], script);
        assert_eq!(machine.chain().await.unwrap().access_key_id, "STS.id");
        assert_eq!(machine.requests().last().unwrap(), "GET http://127.0.0.1:9/x");
    }
}

#[tokio::test]
async fn a_variable_cannot_send_the_search_to_another_machine() {
    let machine = Machine::new("elsewhere", &[("AIGCLENS_METADATA_ENDPOINT", "https://example.com")], vec![]);
    assert_eq!(machine.chain().await.unwrap_err().kind(), Kind::Config);
    let machine = Machine::new("sts-elsewhere", &[("AIGCLENS_STS_ENDPOINT", "https://example.com")], vec![]);
    let role = crate::credential::Role { arn: Some("acs:ram::1:role/x".into()), ..Default::default() };
    let source = Box::new(Provider::Explicit(Credentials::new("id", "secret", None).unwrap()));
    let error = machine.ask(&Provider::AssumeRole { role, source }).await.unwrap_err();
    assert!(error.kind() == Kind::Config && error.message().contains("AIGCLENS_STS_ENDPOINT"), "{error}");
}
