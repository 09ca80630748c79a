//! What a handshake asks for: read from the guest's words, looked at, and put together anew.
//!
//! The same rules as for every other request: the same matcher, the same positions for secrets. The
//! headers that make a request a handshake are byway's own.
//!
//! The library traces what it sends, secrets and all, through the `log` crate. Nothing in byway listens there,
//! and a test here fails should something begin to.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Uri};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::denial;
use crate::config::HttpGrant;
use crate::contract::bindings::byway::transport::types::{Denial, Header};
use crate::sandbox::egress::{Target, find, outgoing};
use crate::sandbox::fix;
use crate::sandbox::limits::HEADER_BYTES_MAX;
use crate::sandbox::state::{Context, Rights};

/// Headers that belong to the connection or are set by the host itself. `sec-websocket-protocol` is not
/// one of them: which protocol is spoken is the adapter's business.
const OURS: [HeaderName; 12] = [
    header::HOST,
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_ACCEPT,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::EXPECT,
];

/// A handshake that may leave.
#[derive(Debug)]
pub(super) struct Handshake {
    /// As it leaves, with secrets in it.
    pub request: Request<()>,
    pub target: Target,
    /// The URL for people: without the query, and without values.
    pub shown: String,
    /// Whether a message over this connection could deliver something.
    pub effect: bool,
}

/// Looks at what a guest wants to open.
///
/// # Errors
/// What the guest is told. The operator's log has more.
pub(super) fn admit(
    rights: &Rights,
    context: &Context,
    url: &str,
    headers: &[Header],
) -> Result<Handshake, Denial> {
    let transport = &rights.transport;
    let name = transport.name.as_str();
    let (uri, target) = read_url(url).map_err(|why| {
        context.tell_denial(name, || format!("a WebSocket was denied: {why}"));
        denial::invalid(&why)
    })?;
    let given = read_headers(headers).map_err(|why| denial::invalid(&context.secrets.for_people(&why)))?;
    let shown = context.secrets.for_people(&target.text());
    let Some(HttpGrant { effect, .. }) = find(&transport.grants.http, &target) else {
        context.tell_denial(name, || {
            let fix = fix::http(transport, &shown);
            format!("the WebSocket {shown} was denied; to allow it, {fix}")
        });
        return Err(denial::not_granted("this WebSocket is not granted"));
    };
    let refused = |refusal: outgoing::Refusal| {
        context.tell_denial(name, || format!("the WebSocket {shown} was denied: {refusal}"));
        denial::denial(
            "reference-not-allowed",
            "a secret may not be put there, or cannot stand there",
        )
    };
    let uri = outgoing::uri(&target, &uri, &context.secrets).map_err(refused)?;
    let given = outgoing::headers(&given, &context.secrets).map_err(refused)?;
    let request =
        request(uri, given).ok_or_else(|| denial::invalid("the handshake cannot be put together"))?;
    Ok(Handshake {
        request,
        target,
        effect: effect.unwrap_or(true),
        shown,
    })
}

/// The URL, if there is one way to read it.
fn read_url(url: &str) -> Result<(Uri, Target), String> {
    if url.len() > HEADER_BYTES_MAX {
        return Err("the URL is too long".into());
    }
    // The reader below would cut a fragment off without a word.
    if url.contains('#') {
        return Err("the URL has a fragment".into());
    }
    let uri: Uri = url.parse().map_err(|_| "the URL cannot be read".to_owned())?;
    let target = Target::read_websocket(&uri).map_err(|why| why.to_string())?;
    Ok((uri, target))
}

fn read_headers(headers: &[Header]) -> Result<HeaderMap, String> {
    let bytes: usize = headers.iter().map(|it| it.name.len() + it.value.len()).sum();
    if bytes > HEADER_BYTES_MAX {
        return Err(format!("the headers may have at most {HEADER_BYTES_MAX} bytes"));
    }
    let mut map = HeaderMap::new();
    for Header { name, value } in headers {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err("a header's name is none".into());
        };
        if OURS.contains(&header) {
            return Err(format!("the header {header} is set by byway"));
        }
        let Ok(value) = HeaderValue::from_str(value) else {
            return Err(format!("the value of the header {header} cannot be sent"));
        };
        map.try_append(header, value)
            .map_err(|_| "there are too many headers".to_owned())?;
    }
    Ok(map)
}

/// The request of RFC 6455, section 4.1.
fn request(uri: Uri, mut headers: HeaderMap) -> Option<Request<()>> {
    let host = HeaderValue::from_str(uri.authority()?.as_str()).ok()?;
    let key = HeaderValue::from_str(&generate_key()).ok()?;
    headers.insert(header::HOST, host);
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    let mut request = Request::new(());
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, value: &str) -> Result<HeaderMap, String> {
        read_headers(&[Header {
            name: name.into(),
            value: value.into(),
        }])
    }

    #[test]
    fn reads_a_url_of_either_scheme() {
        for (url, shown) in [
            ("ws://127.0.0.1:18789", "ws://127.0.0.1:18789/"),
            ("WS://A.test:80/x?q=1", "ws://a.test/x"),
            ("wss://[::1]/x", "wss://[::1]/x"),
        ] {
            assert_eq!(read_url(url).unwrap().1.text(), shown);
        }
    }

    #[test]
    fn refuses_a_url_that_can_be_read_in_two_ways() {
        for url in [
            "",
            "/x",
            "a.test/x",
            "http://a.test/",
            "https://a.test/",
            "ws:a.test",
            "ws://",
            "ws:///x",
            "ws://user@a.test/",
            "ws://a.test:/",
            "ws://a.test:99999/",
            "ws://a.test./",
            "ws://a.test/#x",
            "ws://a.test/x#",
            "ws://a.test/a/../b",
            "ws://a.test/%2e%2e/b",
            "ws://a.test/a b",
            "ws://a.test/\r\nhost: b",
            " ws://a.test/",
        ] {
            assert!(read_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_guest_chooses_origin_and_protocol_and_not_what_makes_a_handshake() {
        for name in ["origin", "sec-websocket-protocol", "authorization", "X-Own"] {
            assert!(headers(name, "x").is_ok(), "{name}");
        }
        for name in [
            "host",
            "Host",
            "connection",
            "upgrade",
            "Sec-WebSocket-Key",
            "sec-websocket-version",
            "sec-websocket-extensions",
            "sec-websocket-accept",
            "content-length",
            "transfer-encoding",
            "a b",
            "",
            "x:y",
            "x\r\ny",
        ] {
            assert!(headers(name, "x").is_err(), "{name}");
        }
        for value in ["a\r\nx-evil: 1", "a\0"] {
            assert!(headers("x-own", value).is_err(), "{value:?}");
        }
    }

    /// With `tracing-log` the subscriber would write the library's traces into byway's log.
    #[test]
    fn nothing_listens_to_what_the_library_traces() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
        assert!(lock.contains("name = \"tracing-subscriber\""));
        for bridge in ["tracing-log", "env_logger", "simple_logger"] {
            assert!(!lock.contains(&format!("name = \"{bridge}\"")), "{bridge}");
        }
    }

    #[test]
    fn a_handshake_has_what_rfc_6455_asks_for() {
        let (uri, _) = read_url("ws://a.test:8080/x?q=1").unwrap();
        let request = request(uri, headers("origin", "http://a.test").unwrap()).unwrap();
        for (name, value) in [
            ("host", "a.test:8080"),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("origin", "http://a.test"),
        ] {
            assert_eq!(request.headers()[name], value, "{name}");
        }
        assert_eq!(request.headers()["sec-websocket-key"].len(), 24);
    }
}
