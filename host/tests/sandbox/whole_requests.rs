//! Requests in one call of the contract's `http`: the same rules as over wasi:http, by the same tests in short.
//!
//! What may leave is decided in one place for both; these tests hold that this way goes through that place, and what
//! is its own: the one limit on the body, how much of an answer is read, and the codes.

use byway::config::Position;
use byway::contract::OutcomeKind;
use serde_json::{Value, json};

use crate::far_side::{FarSide, Script, nobody};
use crate::stage::{With as _, attempt, call, delivers, fails, http_grant, load, puppet, secret_file, sends};

#[tokio::test]
async fn a_request_arrives_and_its_answer_comes_back() {
    let far_side = FarSide::start(Script::Answer(200, "thanks".into())).await;
    let transport = sends(json!([{ "request": {
        "url": far_side.at("/hooks/agent?x=1"), "headers": { "x-a": "b" }, "chunks": ["hello"]
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
    for line in ["x-a: b\r\n", "content-length: 5\r\n"] {
        assert_eq!(heard[0].matches(line).count(), 1, "{}", heard[0]);
    }
    assert!(heard[0].ends_with("\r\n\r\nhello"), "{}", heard[0]);
}

#[tokio::test]
async fn a_request_is_an_effect_by_its_method_and_the_connection_is_kept() {
    let far_side = FarSide::start(Script::Answer(200, String::new())).await;
    let transport = sends(json!([
        { "request": { "method": "GET", "url": far_side.at("/look") } },
        { "request": { "url": far_side.at("/send?q=1") } }
    ]))
    .http(&far_side.url);
    let transport = load(&transport);
    for _ in 0..3 {
        let attempted = transport.attempt(call()).await.unwrap();
        assert_eq!(
            attempted.effect.unwrap().0,
            format!("POST {}", far_side.at("/send"))
        );
    }
    assert_eq!((far_side.heard().len(), far_side.connections()), (6, 1));
}

#[tokio::test]
async fn what_is_not_granted_does_not_leave_and_the_guest_is_not_told_why() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let mut grant = http_grant(&far_side.url);
    grant.methods = vec!["POST".into()];
    grant.path = byway::config::PathPattern::Beneath("/hooks/".into());
    let hooks = far_side.at("/hooks/x");
    for (step, code) in [
        (
            json!({ "url": far_side.at("/other"), "chunks": ["x"] }),
            "not-granted",
        ),
        (json!({ "url": far_side.at("/hooks/../other") }), "not-granted"),
        (
            json!({ "url": far_side.at("/hooks/%2e%2e/other") }),
            "not-granted",
        ),
        (json!({ "method": "DELETE", "url": hooks }), "not-granted"),
        (json!({ "method": "CONNECT", "url": hooks }), "not-granted"),
        (json!({ "method": "PO ST", "url": hooks }), "invalid"),
        (
            json!({ "url": hooks.replace("127.0.0.1", "localhost") }),
            "not-granted",
        ),
        (
            json!({ "url": hooks.replace("127.0.0.1", "127.1") }),
            "not-granted",
        ),
        (
            json!({ "url": hooks.replace("http://", "http://user@") }),
            "not-granted",
        ),
        (
            json!({ "url": hooks.replace("http://", "file://") }),
            "not-granted",
        ),
        (json!({ "url": "/hooks/x" }), "not-granted"),
        (json!({ "url": format!("{hooks}\r\nx: y") }), "invalid"),
        (
            json!({ "url": hooks, "headers": { "host": "evil.test" } }),
            "invalid",
        ),
        (
            json!({ "url": hooks, "headers": { "x-a": "b\r\nx-evil: 1" } }),
            "invalid",
        ),
        // Hardly a byte, and more of them than a map of headers can hold.
        (
            json!({ "url": hooks, "headers": { "a": "" }, "repeat_headers": 30_000 }),
            "too-large",
        ),
    ] {
        let mut transport = sends(json!([{ "request": step.clone() }]));
        transport.grants.http = vec![grant.clone()];
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, code, "{step}");
        assert!(!failure.message.contains("/hooks"), "{failure:?}");
        assert_eq!(attempted.effect, None, "{step}");
    }
    assert_eq!(far_side.connections(), 0);
}

#[tokio::test]
async fn a_length_the_guest_makes_up_does_not_leave() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let transport = sends(json!([{ "request": {
        "url": far_side.at("/"), "headers": { "content-length": "2" }, "chunks": ["long"]
    } }]));
    assert_eq!(delivers(&transport.http(&far_side.url)).await, "ok");
    assert!(far_side.heard()[0].contains("content-length: 4\r\n"));
}

#[tokio::test]
async fn nothing_was_sent_where_no_connection_stood() {
    let url = nobody().await;
    let nowhere = "http://nowhere.invalid:80/";
    for (url, code) in [(url.as_str(), "connection-refused"), (nowhere, "dns")] {
        let (attempted, failure) = fails(&sends(json!([{ "request": { "url": url } }])).http(url)).await;
        assert_eq!((failure.code.as_str(), attempted.effect), (code, None));
        assert!(attempted.found_nobody);
    }
}

/// Breaks off in these ways, and says what the adapter and the attempt were told.
async fn broken(script: Script) -> (String, OutcomeKind, bool) {
    let far_side = FarSide::start(script).await;
    let transport = sends(json!([{ "request": { "url": far_side.at("/"), "chunks": ["x"] } }]))
        .http(&far_side.url)
        .timeout(400);
    let (attempted, failure) = fails(&transport).await;
    assert!(far_side.heard().len() <= 1, "it is not sent again");
    (failure.code, attempted.outcome.kind(), attempted.effect.is_some())
}

#[tokio::test]
async fn what_may_have_arrived_is_an_effect() {
    for script in [Script::Hang, Script::Deaf] {
        let (code, outcome, effect) = broken(script).await;
        assert_eq!(
            (code.as_str(), outcome, effect),
            ("deadline", OutcomeKind::Unknown, true)
        );
    }
    // The puppet calls every failure retryable, and its word holds: the host adds that there was an effect.
    let (code, outcome, effect) = broken(Script::Reset).await;
    assert_eq!(
        (code.as_str(), outcome, effect),
        ("connection-lost", OutcomeKind::Retryable, true)
    );
    let (code, _, effect) = broken(Script::Raw("no HTTP at all\r\n\r\n".into())).await;
    assert_eq!((code.as_str(), effect), ("http-bad-answer", true));
}

#[tokio::test]
async fn how_an_answers_body_ended_is_told() {
    let cut = Script::Raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".into());
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n3\r\n-in\r\n0\r\n\r\n";
    let long = Script::Answer(200, "x".repeat(10_000));
    for (script, answer_bytes_max, said) in [
        (cut, 1000, "cut off: half".to_owned()),
        (Script::Raw(chunked.into()), 1000, "half-in".to_owned()),
        (Script::Answer(200, String::new()), 0, String::new()),
        (Script::Answer(200, "1234".into()), 4, "1234".to_owned()),
        (Script::Answer(200, "12345".into()), 4, "capped: 1234".to_owned()),
        (long, 20, format!("capped: {}", "x".repeat(20))),
    ] {
        let far_side = FarSide::start(script).await;
        let step = json!({ "url": far_side.at("/"), "answer_bytes_max": answer_bytes_max });
        let transport = sends(json!([{ "request": step }])).http(&far_side.url);
        assert_eq!(delivers(&transport).await, said);
    }
}

#[tokio::test]
async fn the_transports_limit_on_answers_holds_whatever_the_guest_asks_for() {
    let far_side = FarSide::start(Script::Answer(200, "x".repeat(10_000))).await;
    let step = json!({ "url": far_side.at("/"), "answer_bytes_max": 1_000_000 });
    let mut transport = sends(json!([{ "request": step }])).http(&far_side.url);
    transport.limits.answer_bytes_max = 5000;
    let said = delivers(&transport).await;
    assert!(
        said.starts_with("cut off: ") && said.len() < 6000,
        "{}",
        said.len()
    );
}

#[tokio::test]
async fn a_body_beyond_the_limit_does_not_leave() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let step = json!({ "url": far_side.at("/"), "chunks": ["x".repeat(1 << 10)], "repeat": (31 << 10) + 1 });
    let mut transport = sends(json!([{ "request": step }])).http(&far_side.url);
    transport.limits.memory_bytes_max = 256 << 20;
    let (attempted, failure) = fails(&transport).await;
    assert_eq!((failure.code.as_str(), attempted.effect), ("too-large", None));
    assert_eq!(far_side.connections(), 0);
}

#[tokio::test]
async fn a_secret_goes_where_it_is_bound_and_nowhere_else() {
    const VALUE: &str = "v3ry-s3cret-value";
    let far_side = FarSide::start(Script::Echo).await;
    let file = secret_file(VALUE);
    let with = |step: Value| {
        sends(json!([{ "request": step }])).http(&far_side.url).secret(
            "token",
            file.path(),
            Position::Header("authorization".into()),
        )
    };
    let at = far_side.at("/");
    for step in [
        json!({ "url": at, "headers": { "x-other": "$secret:token" } }),
        json!({ "url": format!("{at}?t=$secret:token") }),
        json!({ "url": format!("{at}$secret:token") }),
        json!({ "url": at, "chunks": ["before $secret:token after"] }),
    ] {
        let (attempted, failure) = fails(&with(step.clone())).await;
        assert_eq!(
            (failure.code.as_str(), attempted.effect),
            ("not-granted", None),
            "{step}"
        );
    }
    assert!(far_side.heard().is_empty());
    let echoed = delivers(&with(
        json!({ "url": at, "headers": { "authorization": "Bearer $secret:token" } }),
    ))
    .await;
    assert!(far_side.heard()[0].contains(&format!("authorization: Bearer {VALUE}\r\n")));
    assert!(
        echoed.contains("authorization: Bearer *****************") && !echoed.contains(VALUE),
        "{echoed}"
    );
}

#[tokio::test]
async fn a_probe_and_a_reconciliation_may_look_but_not_send() {
    let far_side = FarSide::start(Script::Answer(200, "arrived".into())).await;
    let steps = |method: &str| json!([{ "request": { "method": method, "url": far_side.at("/") } }]);
    for (method, allowed) in [("GET", true), ("POST", false)] {
        let config = json!({ "probe": steps(method), "reconcile": steps(method) });
        let transport = load(&puppet(config).http(&far_side.url));
        let readiness = transport.probe().await.unwrap();
        assert_eq!(readiness.findings[0].ok, allowed, "{readiness:?}");
        let verdict = transport.reconcile(call()).await.unwrap();
        let arrived = matches!(verdict, byway::contract::Verdict::Arrived(_));
        assert_eq!(arrived, allowed, "{verdict:?}");
    }
    assert!(far_side.heard().iter().all(|request| request.starts_with("GET ")));
}

#[tokio::test]
async fn a_trap_after_the_answer_leaves_it_unknown() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let step = json!({ "url": far_side.at("/"), "then": "trap" });
    let attempted = attempt(&sends(json!([{ "request": step }])).http(&far_side.url)).await;
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Unknown);
}
