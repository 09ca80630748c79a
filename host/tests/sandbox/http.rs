//! Requests: what leaves, what does not, and what the attempt is called afterwards.

use byway::contract::OutcomeKind;
use serde_json::json;

use crate::far_side::{FarSide, Script, nobody};
use crate::stage::{With as _, attempt, call, delivers, fails, http_grant, load, puppet, sends};

#[tokio::test]
async fn a_request_arrives_and_its_answer_comes_back() {
    let far_side = FarSide::start(Script::Answer(200, "thanks".into())).await;
    let transport = sends(json!([{ "http": {
        "url": far_side.at("/hooks/agent?x=1"), "headers": { "x-a": "b" }, "chunks": ["hel", "lo"]
    } }]))
    .http(&far_side.url);
    assert_eq!(delivers(&transport).await, "thanks");
    let heard = far_side.heard();
    assert_eq!(heard.len(), 1);
    assert!(
        heard[0].starts_with("POST /hooks/agent?x=1 HTTP/1.1\r\n"),
        "{}",
        heard[0]
    );
    assert!(
        heard[0].contains("x-a: b\r\n") && heard[0].ends_with("\r\n\r\nhello"),
        "{}",
        heard[0]
    );
    let host = far_side.url.trim_start_matches("http://");
    assert_eq!(
        heard[0].matches(&format!("host: {host}\r\n")).count(),
        1,
        "{}",
        heard[0]
    );
}

#[tokio::test]
async fn an_attempt_names_its_first_effect() {
    let far_side = FarSide::start(Script::Answer(200, String::new())).await;
    let transport = sends(json!([
        { "http": { "method": "GET", "url": far_side.at("/look") } },
        { "http": { "url": far_side.at("/send?q=1") } }
    ]))
    .http(&far_side.url);
    let effect = attempt(&transport).await.effect.unwrap();
    assert_eq!(effect.0, format!("POST {}", far_side.at("/send")));
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_attempt() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let transport = load(&sends(json!([{ "http": { "url": far_side.at("/") } }])).http(&far_side.url));
    for _ in 0..3 {
        assert_eq!(
            transport.attempt(call()).await.unwrap().outcome.kind(),
            OutcomeKind::Delivered
        );
    }
    assert_eq!((far_side.heard().len(), far_side.connections()), (3, 1));
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced() {
    let far_side = FarSide::start(Script::AnswerThenHangUp).await;
    let transport = load(&sends(json!([{ "http": { "url": far_side.at("/") } }])).http(&far_side.url));
    for _ in 0..3 {
        assert_eq!(
            transport.attempt(call()).await.unwrap().outcome.kind(),
            OutcomeKind::Delivered
        );
        // Lets the client notice; a request that is written at the same moment would be unknown.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(far_side.heard().len(), 3);
}

#[tokio::test]
async fn nobody_listening_is_told_apart_and_is_no_effect() {
    let url = nobody().await;
    let transport = sends(json!([{ "http": { "url": url } }])).http(&url);
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(failure.code, "connectionrefused");
    assert_eq!((attempted.effect, attempted.found_nobody), (None, true));
}

#[tokio::test]
async fn whoever_found_somebody_did_not_find_nobody() {
    let far_side = FarSide::start(Script::Answer(503, "busy".into())).await;
    let url = nobody().await;
    let mut transport = sends(json!([
        { "http": { "method": "GET", "url": far_side.at("/look") } },
        { "http": { "url": url } }
    ]))
    .http(&far_side.url);
    transport.grants.http.push(http_grant(&url));
    let (attempted, _) = fails(&transport).await;
    assert_eq!((attempted.effect, attempted.found_nobody), (None, false));
    // Nor did one that never looked.
    assert!(!attempt(&sends(json!([]))).await.found_nobody);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_apart_and_is_no_effect() {
    let transport =
        sends(json!([{ "http": { "url": "http://nowhere.invalid:80/" } }])).http("http://nowhere.invalid:80");
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(failure.code, "dnserror");
    assert_eq!((attempted.effect, attempted.found_nobody), (None, true));
}

#[tokio::test]
async fn a_failed_tls_handshake_is_told_apart_and_is_no_effect() {
    let far_side = FarSide::start(Script::Raw("HTTP/1.1 400 Bad\r\n\r\n".into())).await;
    let url = far_side.url.replace("http://", "https://");
    // The far side waits for a whole request; the first bytes of TLS make it wait for more, so it is
    // the deaf one's neighbour that hangs up.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n").await.ok();
        }
    });
    let transport = sends(json!([{ "http": { "url": plain } }])).http(&plain);
    let (attempted, failure) = fails(&transport).await;
    assert!(failure.code.starts_with("tls"), "{failure:?}");
    assert_eq!(attempted.effect, None);

    // A handshake that is never answered ends at the deadline, before anything was sent.
    let transport = sends(json!([{ "http": { "url": url } }])).http(&url).timeout(300);
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Retryable);
    assert!(
        ["deadline", "connectiontimeout"].contains(&failure.code.as_str()),
        "{failure:?}"
    );
    assert_eq!(attempted.effect, None);
}

#[tokio::test]
async fn a_refusal_of_the_far_side_is_the_adapters_to_judge() {
    let far_side = FarSide::start(Script::Answer(503, "later".into())).await;
    let transport = sends(json!([{ "http": { "url": far_side.at("/") } }])).http(&far_side.url);
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Retryable);
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("http-503", "later")
    );
    assert!(attempted.effect.is_some());
}

#[tokio::test]
async fn no_answer_until_the_deadline_is_unknown() {
    let far_side = FarSide::start(Script::Hang).await;
    let transport = sends(json!([{ "http": { "url": far_side.at("/") } }]))
        .http(&far_side.url)
        .timeout(400);
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Unknown, "{failure:?}");
    assert!(attempted.effect.is_some());
    assert_eq!(far_side.heard().len(), 1);
}

#[tokio::test]
async fn a_far_side_that_does_not_read_counts_as_one_that_may_have() {
    let far_side = FarSide::start(Script::Deaf).await;
    let transport = sends(json!([{ "http": { "url": far_side.at("/") } }]))
        .http(&far_side.url)
        .timeout(400);
    let (attempted, _) = fails(&transport).await;
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Unknown);
}

#[tokio::test]
async fn a_reset_after_the_request_is_an_effect_without_an_answer() {
    let far_side = FarSide::start(Script::Reset).await;
    let transport =
        sends(json!([{ "http": { "url": far_side.at("/"), "chunks": ["x"] } }])).http(&far_side.url);
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Unknown, "{failure:?}");
    assert!(attempted.effect.is_some());
    assert_eq!(far_side.heard().len(), 1, "it is not sent again");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unknown() {
    let far_side = FarSide::start(Script::Raw(
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".into(),
    ))
    .await;
    let transport = sends(json!([{ "http": { "url": far_side.at("/") } }])).http(&far_side.url);
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Unknown, "{failure:?}");
    assert!(
        failure.message.contains("incomplete HTTP response"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_cut_off() {
    let far_side = FarSide::start(Script::Answer(200, "x".repeat(10_000))).await;
    let mut transport = sends(json!([{ "http": { "url": far_side.at("/") } }])).http(&far_side.url);
    transport.limits.answer_bytes_max = 5000;
    let (_, failure) = fails(&transport).await;
    assert!(
        failure.message.contains("exceeds limit: 5000 bytes"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn what_is_not_granted_does_not_leave_and_the_guest_is_not_told_why() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let mut grant = http_grant(&far_side.url);
    grant.methods = vec!["POST".into()];
    grant.path = byway::config::PathPattern::Beneath("/hooks/".into());
    for step in [
        json!({ "url": far_side.at("/other"), "chunks": ["x"] }),
        json!({ "url": far_side.at("/hooks/../other") }),
        json!({ "url": far_side.at("/hooks/%2e%2e/other") }),
        json!({ "method": "DELETE", "url": far_side.at("/hooks/x") }),
        json!({ "url": far_side.at("/hooks/x").replace("127.0.0.1", "localhost") }),
        json!({ "url": far_side.at("/hooks/x").replace("http://", "http://user@") }),
    ] {
        let mut transport = sends(json!([{ "http": step.clone() }]));
        transport.grants.http = vec![grant.clone()];
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, "httprequestdenied", "{step}");
        assert!(!failure.message.contains("/hooks"), "{failure:?}");
        assert_eq!(attempted.effect, None);
    }
    assert_eq!(far_side.connections(), 0);
}

#[tokio::test]
async fn a_transport_without_grants_reaches_nothing() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let (_, failure) = fails(&sends(json!([{ "http": { "url": far_side.at("/") } }]))).await;
    assert_eq!(failure.code, "httprequestdenied");
    assert_eq!(far_side.connections(), 0);
}

#[tokio::test]
async fn a_granted_name_that_leads_to_a_private_address_is_not_dialled() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    // The system's resolver reads both as 127.0.0.1, which is not what the grant names.
    for name in ["127.1", "0x7f000001"] {
        let url = far_side.url.replace("127.0.0.1", name);
        let transport = sends(json!([{ "http": { "url": url } }])).http(&url);
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, "httprequestdenied", "{name}");
        assert_eq!(attempted.effect, None);
    }
    assert_eq!(far_side.connections(), 0);
    // And with `private = true` it is.
    let url = far_side.url.replace("127.0.0.1", "127.1");
    let mut transport = sends(json!([{ "http": { "url": url } }])).http(&url);
    transport.grants.http[0].private = true;
    assert_eq!(delivers(&transport).await, "ok");
}

#[tokio::test]
async fn localhost_in_a_grant_allows_itself() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let url = far_side.url.replace("127.0.0.1", "localhost");
    assert_eq!(
        delivers(&sends(json!([{ "http": { "url": url } }])).http(&url)).await,
        "ok"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = FarSide::start(Script::Answer(200, "ok".into())).await;
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.at("/")
    );
    let far_side = FarSide::start(Script::Raw(redirect)).await;
    let transport = sends(json!([{ "http": { "url": far_side.at("/") } }]))
        .http(&far_side.url)
        .http(&elsewhere.url);
    let (_, failure) = fails(&transport).await;
    assert_eq!(failure.code, "http-302");
    assert!(elsewhere.heard().is_empty());
}

#[tokio::test]
async fn a_guest_cannot_set_what_belongs_to_the_connection() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    for (name, value) in [
        ("host", "evil.test"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
    ] {
        let transport = sends(json!([{ "http": { "url": far_side.at("/"), "headers": { name: value } } }]));
        let (_, failure) = fails(&transport.http(&far_side.url)).await;
        assert_eq!(failure.code, "header", "{name}");
    }
    // A line break in a value would be a second header.
    let transport =
        sends(json!([{ "http": { "url": far_side.at("/"), "headers": { "x-a": "b\r\nx-evil: 1" } } }]));
    fails(&transport.http(&far_side.url)).await;
    assert!(far_side.heard().is_empty());
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_says_does_not_leave() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let transport = sends(json!([{ "http": {
        "url": far_side.at("/"), "headers": { "content-length": "2" }, "chunks": ["long"]
    } }]));
    let (attempted, _) = fails(&transport.http(&far_side.url)).await;
    assert_eq!(attempted.effect, None);
    assert!(far_side.heard().is_empty());
}

#[tokio::test]
async fn a_grant_can_say_that_a_request_is_no_effect() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let mut transport = sends(json!([{ "http": { "url": far_side.at("/") } }])).http(&far_side.url);
    transport.grants.http[0].effect = Some(false);
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(failure.code, "delivered-without-effect");
    assert_eq!(attempted.effect, None);
}

#[tokio::test]
async fn a_probe_and_a_reconciliation_may_look_but_not_send() {
    let far_side = FarSide::start(Script::Answer(200, "arrived".into())).await;
    let steps = |method: &str| json!([{ "http": { "method": method, "url": far_side.at("/") } }]);
    for (method, allowed) in [("GET", true), ("POST", false)] {
        let config = json!({ "probe": steps(method), "reconcile": steps(method) });
        let transport = load(&puppet(config).http(&far_side.url));
        let readiness = transport.probe().await.unwrap();
        assert_eq!(readiness.findings[0].ok, allowed, "{readiness:?}");
        let verdict = transport.reconcile(call()).await.unwrap();
        assert_eq!(
            matches!(verdict, byway::contract::Verdict::Arrived(_)),
            allowed,
            "{verdict:?}"
        );
    }
    assert!(far_side.heard().iter().all(|request| request.starts_with("GET ")));
}
