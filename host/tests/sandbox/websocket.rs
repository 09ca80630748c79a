//! WebSockets: what is opened, what leaves, what comes back, and what the attempt is called afterwards.

use byway::config::{Position, Transport};
use byway::contract::OutcomeKind;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::far_side::nobody;
use crate::socket_side::{Play, socket_side};
use crate::stage::{
    With as _, attempt, call, delivers, fails, http_grant, load, problems, puppet, secret_file, sends,
};

const VALUE: &str = "v3ry-s3cret-value";

/// Opens, and then plays these steps.
fn speaks(url: &str, steps: Value) -> Transport {
    let Value::Array(steps) = steps else {
        panic!("steps are a list");
    };
    let mut all = vec![json!({ "ws-open": { "url": url } })];
    all.extend(steps);
    sends(Value::Array(all)).http(url)
}

fn token_at(pointer: &str) -> Position {
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
async fn what_is_not_granted_is_not_opened_and_the_guest_is_not_told_why() {
    let (url, heard) = socket_side(Play::Echo).await;
    let mut grant = http_grant(&url);
    grant.path = byway::config::PathPattern::Beneath("/chat/".into());
    grant.methods = vec!["GET".into()];
    let mut http = http_grant(&url.replace("ws://", "http://"));
    http.text = "http".into();
    for (wanted, code) in [
        (format!("{url}/other"), "not-granted"),
        (format!("{url}/chat"), "not-granted"),
        (format!("{url}/chat/../other"), "invalid"),
        (format!("{url}/chat/%2e%2e/other"), "invalid"),
        (format!("{url}/chat/x#y"), "invalid"),
        (url.replace("ws://", "ws://user@") + "/chat/x", "invalid"),
        (url.replace("ws://", "wss://") + "/chat/x", "not-granted"),
        (url.replace("ws://", "http://") + "/chat/x", "invalid"),
        (url.replace("127.0.0.1", "localhost") + "/chat/x", "not-granted"),
    ] {
        let mut transport = sends(json!([{ "ws-open": { "url": wanted } }]));
        transport.grants.http = vec![grant.clone(), http.clone()];
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, code, "{wanted}");
        assert!(!failure.message.contains("/chat"), "{failure:?}");
        assert_eq!(attempted.effect, None);
    }
    assert_eq!(heard.connections(), 0);
}

#[test]
fn what_a_configuration_needs_is_compared_with_the_grants() {
    let needs = json!({
        "http": ["ws://127.0.0.1:18789/"],
        "secrets": [{ "name": "token", "positions": ["ws-json:/params/auth/token"] }]
    });
    let mut transport = puppet(json!({ "needs": needs }));
    let fixes: Vec<String> = problems(&transport)
        .into_iter()
        .filter_map(|problem| problem.fix)
        .collect();
    assert_eq!(
        fixes,
        [
            r#"in [transports.puppet] write: grants.http = ["ws://127.0.0.1:18789/"]"#,
            r#"in [transports.puppet] write: secrets.token = { env = "TOKEN", in = ["ws-json:/params/auth/token"] }"#,
        ]
    );
    transport.grants.http = vec!["ws://127.0.0.1:18789/".parse().unwrap()];
    let file = secret_file(VALUE);
    load(&transport.secret("token", file.path(), token_at("/params/auth/token")));
}

#[tokio::test]
async fn the_grant_of_a_request_is_none_for_a_websocket_and_the_other_way_round() {
    let (url, heard) = socket_side(Play::Echo).await;
    let http = url.replace("ws://", "http://");
    let opens = sends(json!([{ "ws-open": { "url": url } }])).http(&http);
    assert_eq!(fails(&opens).await.1.code, "not-granted");
    let asks = sends(json!([{ "http": { "method": "GET", "url": http } }])).http(&url);
    assert_eq!(fails(&asks).await.1.code, "httprequestdenied");
    assert_eq!(heard.connections(), 0);
}

#[tokio::test]
async fn a_granted_name_that_leads_to_a_private_address_is_not_dialled() {
    let (url, heard) = socket_side(Play::Echo).await;
    for name in ["127.1", "0x7f000001"] {
        let url = url.replace("127.0.0.1", name);
        let (attempted, failure) = fails(&speaks(&url, json!([]))).await;
        assert_eq!(failure.code, "not-granted", "{name}");
        assert_eq!(attempted.effect, None);
    }
    assert_eq!(heard.connections(), 0);
    let mut transport = speaks(&url.replace("127.0.0.1", "127.1"), json!([{ "ws-send": "x" }]));
    transport.grants.http[0].private = true;
    delivers(&transport).await;
}

#[tokio::test]
async fn a_guest_cannot_set_what_belongs_to_the_handshake() {
    let (url, heard) = socket_side(Play::Echo).await;
    for (name, value) in [
        ("host", "evil.test"),
        ("upgrade", "h2c"),
        ("sec-websocket-key", "x"),
        ("x-a", "b\r\nx-evil: 1"),
    ] {
        let open = json!([{ "ws-open": { "url": url, "headers": { name: value } } }]);
        assert_eq!(fails(&sends(open).http(&url)).await.1.code, "invalid", "{name}");
    }
    assert_eq!(heard.connections(), 0);
}

#[tokio::test]
async fn a_bound_header_of_the_handshake_has_the_value() {
    let (url, heard) = socket_side(Play::Echo).await;
    let file = secret_file(VALUE);
    let open = json!({ "url": url, "headers": { "authorization": "Bearer $secret:token", "origin": "http://x.test" } });
    let transport = sends(json!([{ "ws-open": open }, { "ws-send": "x" }]))
        .http(&url)
        .secret("token", file.path(), Position::Header("authorization".into()));
    delivers(&transport).await;
    let handshake = heard.handshakes.lock().unwrap()[0].clone();
    assert!(
        handshake.contains(&format!("authorization: Bearer {VALUE}")),
        "{handshake}"
    );
    assert!(handshake.contains("origin: http://x.test"), "{handshake}");
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
async fn a_status_in_place_of_a_handshake_is_told_and_no_redirect_is_followed() {
    let (elsewhere, heard) = socket_side(Play::Echo).await;
    for status in [401, 403, 404, 503, 302, 200] {
        let location = format!("location: {elsewhere}/\r\n");
        let answer = format!("HTTP/1.1 {status} Word\r\n{location}content-length: 0\r\n\r\n");
        let (url, _) = socket_side(Play::Raw(answer)).await;
        let transport = speaks(&url, json!([])).http(&elsewhere);
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, format!("http-{status}"));
        assert_eq!(attempted.effect, None);
    }
    assert_eq!(heard.connections(), 0);
}

#[tokio::test]
async fn a_handshake_that_is_none_is_told_apart() {
    for answer in ["SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 101 Switching\r\n\r\n"] {
        let (url, _) = socket_side(Play::Raw(answer.into())).await;
        assert_eq!(
            fails(&speaks(&url, json!([]))).await.1.code,
            "handshake",
            "{answer}"
        );
    }
    let (url, _) = socket_side(Play::Raw(String::new())).await;
    let hung_up = fails(&speaks(&url, json!([]))).await.1.code;
    assert!(
        ["handshake", "not-connected"].contains(&hung_up.as_str()),
        "{hung_up}"
    );
    let url = nobody().await.replace("http://", "ws://");
    assert_eq!(fails(&speaks(&url, json!([]))).await.1.code, "connection-refused");
}

#[tokio::test]
async fn a_handshake_that_is_never_answered_ends_with_the_attempt_before_any_effect() {
    let (url, heard) = socket_side(Play::Silent).await;
    let (attempted, failure) = fails(&speaks(&url, json!([])).timeout(300)).await;
    assert_eq!(failure.code, "deadline");
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Retryable);
    heard.all_over().await;
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
async fn an_attempt_has_four_connections_at_once() {
    let (url, heard) = socket_side(Play::Listen).await;
    let open = json!({ "ws-open": { "url": url } });
    let five = sends(json!([open, open, open, open, open])).http(&url);
    assert_eq!(fails(&five).await.1.code, "too-many");
    heard.all_over().await;
    assert_eq!(heard.connections(), 4);
    let reused = sends(json!([
        open, open, open, open, { "ws-close": null }, open, { "ws-send": "x" }, { "last": "done" }
    ]))
    .http(&url);
    assert_eq!(delivers(&reused).await, "done");
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
