//! WebSockets before the first message: what is opened, what is not, and what the guest is told.

use byway::config::Position;
use byway::contract::OutcomeKind;
use serde_json::json;

use crate::far_side::nobody;
use crate::socket_side::{Play, socket_side};
use crate::stage::{With as _, delivers, fails, http_grant, load, problems, puppet, secret_file, sends};
use crate::websocket::{VALUE, speaks, token_at};

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
    let (attempted, failure) = fails(&speaks(&url, json!([]))).await;
    assert_eq!(
        (failure.code.as_str(), attempted.found_nobody),
        ("connection-refused", true)
    );
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
