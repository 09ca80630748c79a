//! A transport with a proxy: everything through it, under the same grants, and no other has one.

use byway::config::SecretSource;
use serde_json::json;

use crate::far_side::{FarSide, Script, nobody};
use crate::proxy_side::{ProxySide, Ways};
use crate::socket_side::{Play, socket_side};
use crate::stage::{With as _, again_with, call, delivers, fails, load, secret_file, sends};

#[tokio::test]
async fn a_request_goes_through_a_tunnel() {
    let far_side = FarSide::start(Script::Answer(200, "thanks".into())).await;
    let proxy = ProxySide::start(Ways::Open(None)).await;
    let transport = sends(json!([{ "http": { "url": far_side.at("/x"), "chunks": ["hello"] } }]))
        .http(&far_side.url)
        .proxy(&proxy.url);
    assert_eq!(delivers(&transport).await, "thanks");
    let host = far_side.url.trim_start_matches("http://");
    assert_eq!(
        proxy.asked(),
        [format!("CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n")]
    );
    // The far side hears what it would hear without.
    assert!(far_side.heard()[0].starts_with("POST /x HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_websocket_goes_through_a_tunnel() {
    let (url, heard) = socket_side(Play::Echo).await;
    let proxy = ProxySide::start(Ways::Open(None)).await;
    let steps = json!([{ "ws-open": { "url": url } }, { "ws-send": "hello" }, { "ws-receive": 5000 }]);
    assert_eq!(
        delivers(&sends(steps).http(&url).proxy(&proxy.url)).await,
        "hello"
    );
    assert_eq!((proxy.asked().len(), heard.messages().len()), (1, 1));
}

#[tokio::test]
async fn a_name_is_resolved_by_the_proxy() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let address = far_side.url.trim_start_matches("http://").to_owned();
    let proxy = ProxySide::start(Ways::Open(Some(address))).await;
    let url = "http://nowhere.invalid:80";
    let transport = sends(json!([{ "http": { "url": url } }]))
        .http(url)
        .proxy(&proxy.url);
    assert_eq!(delivers(&transport).await, "ok");
    assert!(proxy.asked()[0].starts_with("CONNECT nowhere.invalid:80 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn what_is_not_granted_or_written_as_an_address_does_not_reach_the_proxy() {
    let proxy = ProxySide::start(Ways::Open(None)).await;
    for (url, granted) in [
        ("http://127.0.0.1:9", "http://127.0.0.2:9"),
        // A resolver could read these as addresses.
        ("http://127.1:9", "http://127.1:9"),
        ("http://0x7f000001:9", "http://0x7f000001:9"),
    ] {
        let mut transport = sends(json!([{ "http": { "url": url } }]))
            .http(granted)
            .proxy(&proxy.url);
        transport.grants.http[0].private = true;
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, "httprequestdenied", "{url}");
        assert_eq!(attempted.effect, None);
    }
    assert!(proxy.asked().is_empty());
}

#[tokio::test]
async fn a_tunnel_that_does_not_come_about_is_no_effect() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    for answer in [
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "",
    ] {
        let proxy = ProxySide::start(Ways::Answer(answer)).await;
        let transport = sends(json!([{ "http": { "url": far_side.at("/") } }]))
            .http(&far_side.url)
            .proxy(&proxy.url);
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, "destinationunavailable", "{answer}");
        assert_eq!(attempted.effect, None);
    }
    let silent = ProxySide::start(Ways::Silent).await;
    for proxy in [silent.url.clone(), nobody().await] {
        let transport = sends(json!([{ "http": { "url": far_side.at("/") } }]))
            .http(&far_side.url)
            .proxy(&proxy)
            .timeout(400);
        assert_eq!(fails(&transport).await.0.effect, None);
    }
    assert_eq!(far_side.connections(), 0);
}

#[tokio::test]
async fn the_proxys_credentials_go_to_the_proxy_alone() {
    // Even a far side that knows them does not get them to the guest.
    let far_side = FarSide::start(Script::Answer(200, "dXNlcjpwQHNzd29yZA== p@ssword".into())).await;
    let proxy = ProxySide::start(Ways::Open(None)).await;
    let file = secret_file("user:p@ssword");
    let mut transport = sends(json!([{ "http": { "url": far_side.at("/") } }]))
        .http(&far_side.url)
        .proxy(&proxy.url);
    transport.proxy.as_mut().unwrap().auth = Some(SecretSource::File(file.path().into()));
    let seen = delivers(&transport).await;
    assert!(seen.chars().all(|it| matches!(it, '*' | ' ')), "{seen}");
    assert!(proxy.asked()[0].contains("\r\nproxy-authorization: Basic dXNlcjpwQHNzd29yZA==\r\n"));
    assert!(!far_side.heard()[0].to_lowercase().contains("proxy-authorization"));
    // Without them no attempt is made at all.
    let loaded = load(&transport);
    std::fs::remove_file(file.path()).unwrap();
    assert_eq!(loaded.missing_secrets()[0].pointer, "/proxy_auth");
    assert_eq!(
        loaded.attempt(call()).await.unwrap_err().code,
        "secret-unavailable"
    );
}

#[test]
fn a_proxy_of_the_environment_is_not_looked_at() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    // Nobody listens there: whoever asked it would not get through.
    let proxy = runtime.block_on(nobody());
    let names = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ];
    let variables: Vec<(&str, &str)> = names.iter().map(|name| (*name, proxy.as_str())).collect();
    if !again_with("proxy::a_proxy_of_the_environment_is_not_looked_at", &variables) {
        return;
    }
    runtime.block_on(async {
        let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
        let (url, _) = socket_side(Play::Echo).await;
        let steps = json!([
            { "http": { "url": far_side.at("/") } },
            { "ws-open": { "url": url } }, { "ws-send": "direct" }, { "ws-receive": 5000 }
        ]);
        assert_eq!(
            delivers(&sends(steps).http(&far_side.url).http(&url)).await,
            "direct"
        );
    });
}
