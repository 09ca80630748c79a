//! Guests that want to reach what they were not granted. `{elsewhere}` is a far side that must hear nothing,
//! whatever happens; that is looked at after each case of the whole table.

use byway::contract::OutcomeKind;
use serde_json::{Value, json};

use crate::case::{Case, End, Grant, sends};
use crate::far_side::Script;

/// What wasi:http says of a request that the host denied.
const DENIED: &str = "httprequestdenied";

/// A request that the granted far side must not hear either, or not in this form.
fn asks(name: &'static str, http: Value) -> Case {
    sends(name, json!([{ "http": http }])).granted([Grant::Far])
}

/// A grant for a name, which leads to an address that the grant does not name.
fn resolves(name: &'static str, grant: &'static str, host: &str) -> Case {
    let url = format!("http://{host}:{{port}}/");
    sends(name, json!([{ "http": { "url": url } }]))
        .granted([Grant::Http(grant)])
        .denied_on_the_way()
}

trait OnTheWay {
    /// Refused by the host before a byte left. The puppet, which cannot know that, says unknown.
    fn denied_on_the_way(self) -> Case;
}

impl OnTheWay for Case {
    fn denied_on_the_way(self) -> Case {
        self.fails(OutcomeKind::Unknown, DENIED, "")
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = addresses();
    cases.extend(smuggling());
    cases.extend(in_one_call());
    cases
}

/// The same by the other way out. It leads to the same place, so some of each kind.
fn in_one_call() -> Vec<Case> {
    let asks = |name, request: Value, code| {
        sends(name, json!([{ "request": request }]))
            .granted([Grant::Far])
            .fails(OutcomeKind::Retryable, code, "")
    };
    let with = |header: &str, value: &str| json!({ "url": "{far}/", "headers": { header: value } });
    vec![
        asks(
            "one-call-to-loopback",
            json!({ "url": "{elsewhere}/" }),
            "not-granted",
        ),
        asks(
            "one-call-with-a-user",
            json!({ "url": "http://127.0.0.1@{elsewhere-host}/" }),
            "not-granted",
        ),
        asks(
            "one-call-with-dots",
            json!({ "url": "{far}/a/%2e%2e/b" }),
            "not-granted",
        ),
        asks(
            "one-call-with-a-line-break",
            json!({ "url": "{far}/ HTTP/1.1\r\nx-evil: 1" }),
            "invalid",
        ),
        asks(
            "one-call-header-with-a-line-break",
            with("x-a", "b\r\nx-evil: 1"),
            "invalid",
        ),
        asks(
            "one-call-headers-without-end",
            json!({ "url": "{far}/", "headers": { "a": "" }, "repeat_headers": 30_000 }),
            "too-large",
        ),
        asks("one-call-header-host", with("host", "evil.test"), "invalid"),
        asks(
            "one-call-connect",
            json!({ "url": "{far}/", "method": "CONNECT" }),
            "not-granted",
        ),
    ]
}

fn addresses() -> Vec<Case> {
    let ungranted = |name, url: &str| asks(name, json!({ "url": url })).denied_on_the_way();
    vec![
        ungranted("address-of-loopback", "{elsewhere}/"),
        ungranted("address-of-loopback-by-name", "http://localhost:{port}/"),
        ungranted("address-of-loopback-short", "http://127.1:{port}/"),
        ungranted("address-of-loopback-in-hex", "http://0x7f000001:{port}/"),
        ungranted("address-of-loopback-in-one-number", "http://2130706433:{port}/"),
        ungranted("address-of-loopback-in-octal", "http://0177.0.0.1:{port}/"),
        ungranted("address-of-loopback-in-ipv6", "http://[::1]:{port}/"),
        ungranted("address-of-loopback-mapped", "http://[::ffff:127.0.0.1]:{port}/"),
        ungranted("address-of-everything", "http://0.0.0.0:{port}/"),
        ungranted(
            "address-of-a-metadata-service",
            "http://169.254.169.254/latest/meta-data/",
        ),
        ungranted("another-port-of-a-granted-host", "http://127.0.0.1:{port}/"),
        resolves("name-that-leads-to-loopback", "http://127.1:{port}", "127.1"),
        resolves(
            "name-in-hex-that-leads-to-loopback",
            "http://0x7f000001:{port}",
            "0x7f000001",
        ),
        resolves(
            "name-in-octal-that-leads-to-loopback",
            "http://0177.0.0.1:{port}",
            "0177.0.0.1",
        ),
        resolves(
            "number-that-leads-to-loopback",
            "http://2130706433:{port}",
            "2130706433",
        ),
        resolves(
            "name-that-leads-to-a-metadata-service",
            "http://169.254.43518:{port}",
            "169.254.43518",
        ),
        asks("redirect-to-a-private-address", json!({ "url": "{far}/" }))
            .far(Script::Raw(
                "HTTP/1.1 307 Away\r\nlocation: {elsewhere}/\r\ncontent-length: 0\r\n\r\n".into(),
            ))
            .fails(OutcomeKind::Retryable, "http-307", ""),
    ]
}

fn smuggling() -> Vec<Case> {
    let header = |name, header: &str, value: &str| {
        asks(name, json!({ "url": "{far}/", "headers": { header: value } }))
    };
    vec![
        asks("user-in-the-url", json!({ "url": "{far}/", "authority": "127.0.0.1@{elsewhere-host}" })).denied_on_the_way(),
        asks("absolute-form", json!({ "url": "{far}/", "path": "{elsewhere}/" })).denied("invalid-request"),
        // A path like any other for the far side that was granted.
        asks("path-that-names-a-host", json!({ "url": "{far}/", "path": "//{elsewhere-host}/" }))
            .ends(End::Delivers { says: "POST //" }),
        asks("path-with-a-line-break", json!({ "url": "{far}/", "path": "/ HTTP/1.1\r\nx-evil: 1" })).denied("invalid-request"),
        asks("path-with-dots", json!({ "url": "{far}/a/../../b" })).denied_on_the_way(),
        asks("path-with-encoded-dots", json!({ "url": "{far}/a/%2e%2e/b" })).denied_on_the_way(),
        asks("method-with-a-line-break", json!({ "url": "{far}/", "method": "GET / HTTP/1.1\r\nx-evil: 1\r\n\r\nPOST" }))
            .denied("invalid-request"),
        asks("method-connect", json!({ "url": "{far}/", "method": "CONNECT" })).denied_on_the_way(),
        header("header-with-a-line-break", "x-a", "b\r\nx-evil: 1").denied("header"),
        header("header-name-with-a-line-break", "x-a: b\r\nx-evil", "1").denied("header"),
        header("header-host", "host", "evil.test").denied("header"),
        header("header-transfer-encoding", "transfer-encoding", "chunked").denied("header"),
        header("header-connection", "connection", "x-evil, upgrade").denied("header"),
        header("header-upgrade", "upgrade", "websocket").denied("header"),
        asks(
            "body-longer-than-it-says",
            json!({ "url": "{far}/", "headers": { "content-length": "2" }, "chunks": ["xxPOST /evil HTTP/1.1\r\n\r\n"] }),
        )
        .fails(OutcomeKind::Unknown, "httpprotocolerror", ""),
        asks(
            "body-shorter-than-it-says",
            json!({ "url": "{far}/", "headers": { "content-length": "20" }, "chunks": ["x"] }),
        )
        .fails(OutcomeKind::Unknown, "httpprotocolerror", ""),
    ]
}
