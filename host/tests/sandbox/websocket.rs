//! Messages over WebSockets: what leaves, what comes back, and what the attempt is called afterwards.

use byway::config::{Position, Transport};
use byway::contract::OutcomeKind;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::socket_side::{Play, socket_side};
use crate::stage::{With as _, attempt, call, delivers, fails, load, puppet, secret_file, sends};

pub(crate) const VALUE: &str = "v3ry-s3cret-value";

/// Opens, and then plays these steps.
pub(crate) fn speaks(url: &str, steps: Value) -> Transport {
    let Value::Array(steps) = steps else {
        panic!("steps are a list");
    };
    let mut all = vec![json!({ "ws-open": { "url": url } })];
    all.extend(steps);
    sends(Value::Array(all)).http(url)
}

pub(crate) fn token_at(pointer: &str) -> Position {
    Position::WsJson(pointer.into())
}

#[tokio::test]
async fn a_message_arrives_and_its_answer_comes_back() {
    let (url, heard) = socket_side(Play::Echo).await;
    let transport = sends(json!([
        { "ws-open": { "url": format!("{url}/chat?x=1") } }, { "ws-send": "hello é" }, { "ws-receive": 5000 }
    ]))
    .http(&url);
    let attempted = attempt(&transport).await;
    assert_eq!(
        attempted.outcome.kind(),
        OutcomeKind::Delivered,
        "{:?}",
        attempted.outcome
    );
    assert_eq!(attempted.effect.unwrap().0, format!("message to {url}/chat"));
    assert_eq!(heard.messages(), ["hello é"]);
    let handshake = heard.handshakes.lock().unwrap()[0].clone();
    let host = url.trim_start_matches("ws://");
    assert!(handshake.starts_with("/chat?x=1\r\n"), "{handshake}");
    assert_eq!(
        handshake.matches(&format!("host: {host}")).count(),
        1,
        "{handshake}"
    );
    // It is closed with the attempt.
    heard.all_over().await;
}

#[tokio::test]
async fn binary_messages_go_both_ways() {
    let (url, heard) = socket_side(Play::Echo).await;
    let steps = json!([{ "ws-send": { "binary": "bytes" } }, { "ws-receive": 5000 }]);
    assert_eq!(delivers(&speaks(&url, steps)).await, "binary bytes");
    assert_eq!(heard.messages(), ["binary bytes"]);
}

#[tokio::test]
async fn what_only_prepares_is_no_effect() {
    let (url, heard) = socket_side(Play::Echo).await;
    let steps = json!([{ "ws-prepare": "login" }, { "ws-receive": 5000 }]);
    let (attempted, failure) = fails(&speaks(&url, steps)).await;
    assert_eq!(failure.code, "delivered-without-effect");
    assert_eq!(attempted.effect, None);
    assert_eq!(heard.messages(), ["login"]);
}

#[tokio::test]
async fn preparing_is_small_comes_first_and_ends_sometime() {
    let (url, heard) = socket_side(Play::Listen).await;
    let preparing = || speaks(&url, json!([{ "ws-prepare": "x".repeat(4097) }]));
    assert_eq!(fails(&preparing()).await.1.code, "too-large");
    let late = speaks(&url, json!([{ "ws-send": "message" }, { "ws-prepare": "late" }]));
    let (attempted, failure) = fails(&late).await;
    assert_eq!(failure.code, "invalid");
    assert!(attempted.effect.is_some());
    let many = vec![json!({ "ws-prepare": "x".repeat(4096) }); 17];
    assert_eq!(fails(&speaks(&url, Value::Array(many))).await.1.code, "too-large");
    heard.all_over().await;
    let messages = heard.messages();
    assert!(!messages.contains(&"late".to_owned()));
    assert_eq!(messages.len(), 1 + 16);
}

#[tokio::test]
async fn a_secret_gets_to_its_pointer_and_its_echo_comes_back_scrubbed() {
    let (url, heard) = socket_side(Play::Echo).await;
    let file = secret_file(VALUE);
    let login = r#"{"id": 1, "params": {"auth": {"token": "$secret:token"}}}"#;
    let transport = speaks(
        &url,
        json!([{ "ws-prepare": login }, { "ws-receive": 5000 }, { "ws-send": "said: $last" }]),
    )
    .secret("token", file.path(), token_at("/params/auth/token"));
    delivers(&transport).await;
    heard.all_over().await;
    let arrived = login.replace("$secret:token", VALUE);
    let echoed = login.replace("$secret:token", "[secret]");
    assert_eq!(heard.messages(), [arrived, format!("said: {echoed}")]);
}

#[tokio::test]
async fn a_secret_that_is_cut_over_two_messages_is_covered() {
    let (url, _) = socket_side(Play::Answer(|said| {
        let (half, rest) = VALUE.split_at(6);
        Some(match said {
            "one" => format!("it is {half}"),
            _ => format!("{rest}."),
        })
    }))
    .await;
    let file = secret_file(VALUE);
    let steps =
        json!([{ "ws-send": "one" }, { "ws-receive": 5000 }, { "ws-send": "two" }, { "ws-receive": 5000 }]);
    let transport = speaks(&url, steps).secret("token", file.path(), token_at("/params/auth/token"));
    assert_eq!(delivers(&transport).await, "[secret].");
}

#[tokio::test]
async fn a_reference_anywhere_else_lets_nothing_leave() {
    let (url, heard) = socket_side(Play::Echo).await;
    let file = secret_file(VALUE);
    for step in [
        json!({ "ws-send": "$secret:token" }),
        json!({ "ws-send": r#"{"params":{"token":"$secret:token"}}"# }),
        json!({ "ws-send": r#"{"$secret:token":1}"# }),
        json!({ "ws-send": r#"{"params":{"auth":{"token":"$secret:token","token":""}}}"# }),
        json!({ "ws-send": { "binary": r#"{"params":{"auth":{"token":"$secret:token"}}}"# } }),
        json!({ "ws-prepare": "$secret:token" }),
        json!({ "ws-open": { "url": format!("{url}/?$secret:token") } }),
        json!({ "ws-open": { "url": url, "headers": { "x-a": "$secret:token" } } }),
    ] {
        let transport =
            speaks(&url, json!([step])).secret("token", file.path(), token_at("/params/auth/token"));
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, "reference-not-allowed", "{step}");
        assert_eq!(attempted.effect, None);
    }
    heard.all_over().await;
    assert!(heard.messages().is_empty());
}

#[tokio::test]
async fn what_a_far_side_says_of_a_secret_comes_back_without_it() {
    let file = secret_file(VALUE);
    for (play, expected) in [
        (Play::Say(Message::text(format!("not {VALUE}!"))), "not [secret]!"),
        (
            Play::Say(Message::binary(format!("not {VALUE}!").into_bytes())),
            "binary not *****************!",
        ),
    ] {
        let (url, _) = socket_side(play).await;
        let steps = json!([{ "ws-receive": 5000 }, { "fail": { "code": "seen", "message": "$last" } }]);
        let transport = speaks(&url, steps).secret("token", file.path(), token_at("/params/auth/token"));
        assert_eq!(fails(&transport).await.1.message, expected);
    }
}

#[tokio::test]
async fn a_close_is_told_with_its_code_and_reason_and_nothing_is_sent_afterwards() {
    let file = secret_file(VALUE);
    let (url, heard) = socket_side(Play::Close(4001, format!("bad token {VALUE}"))).await;
    let steps = json!([
        { "ws-prepare": "login" },
        { "ws-receive": 5000 },
        { "try": { "ws-send": "message" } },
        { "ws-receive": 5000 },
        { "fail": { "code": "seen", "message": "$last" } }
    ]);
    let transport = speaks(&url, steps).secret("token", file.path(), token_at("/x"));
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(failure.message, "closed 4001 bad token [secret]");
    assert_eq!(attempted.effect, None);
    let tried = speaks(
        &url,
        json!([{ "ws-prepare": "login" }, { "ws-receive": 5000 }, { "ws-send": "message" }]),
    );
    assert_eq!(fails(&tried).await.1.code, "closed");
    heard.all_over().await;
    assert_eq!(heard.messages(), ["login", "login"]);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_not_taken() {
    let (url, _) = socket_side(Play::Say(Message::text("x".repeat(10_000)))).await;
    let mut transport = speaks(&url, json!([{ "ws-receive": 5000 }]));
    transport.limits.answer_bytes_max = 5000;
    let (_, failure) = fails(&transport).await;
    assert_eq!(failure.code, "too-large");
    assert!(failure.message.contains("5000 bytes"), "{failure:?}");
}

#[tokio::test]
async fn a_ping_is_answered_while_a_message_is_waited_for() {
    let (url, _) = socket_side(Play::Ping).await;
    let steps = json!([{ "ws-receive": 5000 }, { "fail": { "code": "seen", "message": "$last" } }]);
    assert_eq!(fails(&speaks(&url, steps)).await.1.message, "answered");
}

#[tokio::test]
async fn waiting_in_vain_is_a_timeout_and_loses_no_part_of_a_message() {
    let (url, _) = socket_side(Play::Halves).await;
    let steps = json!([
        { "try": { "ws-receive": 50 } },
        { "ws-send": "first wait: $last" },
        { "ws-receive": 5000 }
    ]);
    let (url_listening, heard) = socket_side(Play::Listen).await;
    assert_eq!(delivers(&speaks(&url, steps.clone())).await, "whole");
    let (_, failure) = fails(&speaks(&url_listening, json!([{ "ws-receive": 0 }]))).await;
    assert_eq!(failure.code, "timeout");
    heard.all_over().await;
}

#[tokio::test]
async fn a_handle_that_is_not_ones_own_leads_nowhere() {
    let (url, heard) = socket_side(Play::Listen).await;
    for handle in [0, 2, u32::MAX] {
        let steps = json!([{ "ws-use": handle }, { "ws-send": "x" }]);
        assert_eq!(fails(&speaks(&url, steps)).await.1.code, "unknown-name");
    }
    let closed = speaks(
        &url,
        json!([{ "ws-close": null }, { "ws-close": null }, { "ws-send": "x" }]),
    );
    assert_eq!(fails(&closed).await.1.code, "unknown-name");
    let close = speaks(&url, json!([{ "ws-send": { "closed": "bye" } }]));
    assert_eq!(fails(&close).await.1.code, "invalid");
    heard.all_over().await;
    assert!(heard.messages().is_empty());
}

#[tokio::test]
async fn a_trap_after_a_message_is_unknown_and_before_it_is_not() {
    let (url, heard) = socket_side(Play::Listen).await;
    let after = fails(&speaks(&url, json!([{ "ws-send": "x" }, { "trap": null }])))
        .await
        .0;
    assert_eq!(after.outcome.kind(), OutcomeKind::Unknown);
    let before = fails(&speaks(&url, json!([{ "ws-prepare": "x" }, { "trap": null }])))
        .await
        .0;
    assert_eq!(before.outcome.kind(), OutcomeKind::Retryable);
    // Neither connection outlives its attempt.
    heard.all_over().await;
    assert_eq!(heard.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_never_comes_is_unknown() {
    let (url, heard) = socket_side(Play::Listen).await;
    let steps = json!([{ "ws-send": "x" }, { "ws-receive": 60_000 }]);
    let (attempted, _) = fails(&speaks(&url, steps).timeout(400)).await;
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Unknown);
    heard.all_over().await;
    assert_eq!(heard.messages(), ["x"]);
}

#[tokio::test]
async fn a_connection_that_breaks_after_a_message_is_unknown_and_before_it_is_not() {
    let (url, _) = socket_side(Play::Reset).await;
    for (step, kind) in [
        ("ws-send", OutcomeKind::Unknown),
        ("ws-prepare", OutcomeKind::Retryable),
    ] {
        let (attempted, failure) = fails(&speaks(&url, json!([{ step: "x" }, { "ws-receive": 5000 }]))).await;
        assert_eq!(failure.code, "io");
        assert_eq!(attempted.outcome.kind(), kind, "{failure:?}");
    }
}

#[tokio::test]
async fn a_probe_and_a_reconciliation_may_prepare_and_listen_but_not_send() {
    let (url, heard) = socket_side(Play::Echo).await;
    let steps =
        |step: &str| json!([{ "ws-open": { "url": url } }, { step: "arrived" }, { "ws-receive": 5000 }]);
    for (step, effect, allowed) in [
        ("ws-prepare", None, true),
        ("ws-send", None, false),
        ("ws-send", Some(false), true),
    ] {
        let mut transport = puppet(json!({ "probe": steps(step), "reconcile": steps(step) })).http(&url);
        transport.grants.http[0].effect = effect;
        let transport = load(&transport);
        let readiness = transport.probe().await.unwrap();
        assert_eq!(readiness.findings[0].ok, allowed, "{readiness:?}");
        let verdict = transport.reconcile(call()).await.unwrap();
        assert_eq!(
            matches!(verdict, byway::contract::Verdict::Arrived(_)),
            allowed,
            "{verdict:?}"
        );
    }
    heard.all_over().await;
    assert_eq!(heard.messages(), ["arrived"; 4]);
}
