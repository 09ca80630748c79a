//! A grant for requests: `POST https://example.org:8443/hooks/*`.
//!
//! A grant has one reading only. Everything that two programs could read in two ways (`..` in a
//! path, `127.1`, a name in Unicode, a password in the URL) is refused, so what the operator reads
//! is what the sandbox matches.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::item::Item;
use super::keys;
use super::nearest::nearest;
use super::rights::{HostPattern, HttpGrant, PathPattern};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Why a text is no grant, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HttpGrantError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub fix: String,
}

fn wrong<T>(message: impl Into<String>, fix: impl Into<String>) -> Result<T, HttpGrantError> {
    Err(HttpGrantError {
        message: message.into(),
        fix: fix.into(),
    })
}

/// A grant as text, or as a table with `allow`, `effect` and `private`.
pub(super) fn read_http_grants(item: &Item<'_>) -> Vec<HttpGrant> {
    let items = item.list("http = [\"POST https://example.org/hook\"]");
    let items = items.unwrap_or_default();
    items.iter().filter_map(read_http_grant).collect()
}

fn read_http_grant(item: &Item<'_>) -> Option<HttpGrant> {
    const EXAMPLE: &str = "POST https://example.org/hook";
    if !item.value().is_table() {
        return read_text(item, EXAMPLE);
    }
    let allow = format!("allow = \"{EXAMPLE}\"");
    let table = item.table(&keys::HTTP_GRANT, &format!("{{ {allow} }}"))?;
    let grant = table
        .need("allow", &allow)
        .and_then(|item| read_text(&item, &allow));
    let effect = table.get("effect").and_then(|item| item.flag());
    let private = table.get("private").and_then(|item| item.flag());
    Some(HttpGrant {
        effect,
        private: private.unwrap_or_default(),
        ..grant?
    })
}

fn read_text(item: &Item<'_>, example: &str) -> Option<HttpGrant> {
    let text = item.text(example)?;
    match text.parse() {
        Ok(grant) => Some(grant),
        Err(HttpGrantError { message, fix }) => {
            if text.contains('@') {
                // What stands before it may be a password.
                item.cover();
            }
            item.wrong(message, fix);
            None
        }
    }
}

impl FromStr for HttpGrant {
    type Err = HttpGrantError;

    fn from_str(text: &str) -> Result<Self, HttpGrantError> {
        let (methods, url) = match text.split_once(' ') {
            Some((methods, url)) => (parse_methods(methods)?, url),
            None => (Vec::new(), text),
        };
        let Some((scheme, rest)) = url.split_once("://") else {
            return wrong(
                "a grant ends with a whole URL",
                "write a method and a URL: `POST https://example.org/hook`",
            );
        };
        let default_port = match scheme {
            "http" | "ws" => 80,
            "https" | "wss" => 443,
            _ => {
                return wrong(
                    format!("byway makes no `{scheme}` requests"),
                    "use http, https, ws or wss, in lower case",
                );
            }
        };
        let path_start = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(path_start).unwrap_or((rest, ""));
        let (host, port) = parse_authority(authority)?;
        Ok(Self {
            methods: check_scheme_methods(scheme, methods)?,
            scheme: scheme.to_owned(),
            host,
            port: port.unwrap_or(default_port),
            path: parse_path(path)?,
            effect: None,
            private: false,
            text: text.to_owned(),
        })
    }
}

fn parse_methods(text: &str) -> Result<Vec<String>, HttpGrantError> {
    let mut methods = Vec::new();
    for method in text.split(',') {
        if !METHODS.contains(&method) {
            let fix = match nearest(method, METHODS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one or more of {}", METHODS.join(",")),
            };
            return wrong(format!("`{method}` is not a method that can be granted"), fix);
        }
        methods.push(method.to_owned());
    }
    Ok(methods)
}

/// A WebSocket begins with a GET, whatever is sent over it later.
fn check_scheme_methods(scheme: &str, methods: Vec<String>) -> Result<Vec<String>, HttpGrantError> {
    if !scheme.starts_with("ws") {
        return Ok(methods);
    }
    if methods.iter().any(|method| method != "GET") {
        return wrong(
            "a WebSocket is opened by GET only",
            "write the ws:// or wss:// URL without a method",
        );
    }
    Ok(vec!["GET".to_owned()])
}

fn parse_authority(text: &str) -> Result<(HostPattern, Option<u16>), HttpGrantError> {
    if text.contains('@') {
        return wrong(
            "a grant has no user or password in it",
            "remove what stands before `@`, and bind a secret instead",
        );
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let Some((address, after)) = bracketed.split_once(']') else {
                return wrong(format!("`{text}` has no closing `]`"), "write `[::1]:8080`");
            };
            (parse_ipv6(address)?, after)
        }
        None => {
            let colon = text.find(':').unwrap_or(text.len());
            let (host, after) = text.split_at_checked(colon).unwrap_or((text, ""));
            (parse_host(host)?, after)
        }
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    let digits = port
        .strip_prefix(':')
        .filter(|digits| digits.bytes().all(|c| c.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(port @ 1..) => Ok((host, Some(port))),
        _ => wrong(
            format!("`{port}` is not a port"),
            "write `:` and a number from 1 to 65535",
        ),
    }
}

fn parse_ipv6(text: &str) -> Result<HostPattern, HttpGrantError> {
    match text.parse::<Ipv6Addr>() {
        Ok(address) => Ok(HostPattern::Exact(address.to_string())),
        Err(_) => wrong(format!("`{text}` is not an IPv6 address"), "write `[::1]`"),
    }
}

fn parse_host(text: &str) -> Result<HostPattern, HttpGrantError> {
    if text == "*" {
        return wrong(
            "a grant names its hosts",
            "write the host, or `*.example.org` for every name beneath one",
        );
    }
    let (beneath, name) = match text.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, text),
    };
    if !name.is_ascii() {
        return wrong(
            format!("`{name}` is not written in ASCII"),
            "write the name as DNS has it, with `xn--`",
        );
    }
    let name = name.to_ascii_lowercase();
    let label = |label: &str| {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(allowed)
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return wrong(
            format!("`{text}` is not a host"),
            "write a name, an address, or `*.` and a name",
        );
    }
    // Whatever ends in a number is read as an IPv4 address by some programs: `127.1`, `0x7f.1`.
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|c| c.is_ascii_digit()) || last.starts_with("0x");
    if numeric && (beneath || name.parse::<Ipv4Addr>().is_err()) {
        return wrong(
            format!("`{text}` is not an IPv4 address"),
            "write all four numbers: `127.0.0.1`",
        );
    }
    Ok(if beneath {
        HostPattern::Beneath(name)
    } else {
        HostPattern::Exact(name)
    })
}

fn parse_path(text: &str) -> Result<PathPattern, HttpGrantError> {
    if text.contains(['?', '#']) {
        return wrong(
            "a grant ends with the path",
            "remove the query: any query is allowed with the path",
        );
    }
    let path = if text.is_empty() { "/" } else { text };
    let (beneath, plain) = match path.strip_suffix("/*") {
        Some(before) => (true, format!("{before}/")),
        None => (false, path.to_owned()),
    };
    if plain.contains('*') {
        return wrong(
            format!("`*` cannot stand there in `{path}`"),
            "write `*` as the whole last segment only: `/hooks/*`",
        );
    }
    let in_order = |c: u8| c.is_ascii_graphic() && !matches!(c, b'\\' | b'"' | b'<' | b'>' | b'`' | b'^');
    let climbs = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    };
    if !plain.bytes().all(in_order) || plain.split('/').any(climbs) || !escapes_hold(&plain) {
        return wrong(
            format!("`{path}` is not a path as requests have it"),
            "write it percent-encoded, without `.` and `..`",
        );
    }
    Ok(if beneath {
        PathPattern::Beneath(plain)
    } else {
        PathPattern::Exact(plain)
    })
}

fn escapes_hold(path: &str) -> bool {
    path.split('%').skip(1).all(|after| {
        let digits = after.get(..2);
        digits.is_some_and(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(host: &str) -> HostPattern {
        HostPattern::Exact(host.to_owned())
    }

    #[test]
    fn accepts_method_scheme_host_port_and_path() {
        let grant: HttpGrant = "GET,POST https://Example.org:8443/hooks/*".parse().unwrap();
        assert_eq!(grant.methods, ["GET", "POST"]);
        assert_eq!(grant.scheme, "https");
        assert_eq!(grant.host, exact("example.org"));
        assert_eq!(grant.port, 8443);
        assert_eq!(grant.path, PathPattern::Beneath("/hooks/".to_owned()));
    }

    #[test]
    fn fills_in_what_is_not_written() {
        for (text, methods, host, port) in [
            ("http://a.b", 0, exact("a.b"), 80),
            ("https://a_b.internal/", 0, exact("a_b.internal"), 443),
            ("ws://127.0.0.1:18789", 1, exact("127.0.0.1"), 18789),
            ("wss://[0:0::1]", 1, exact("::1"), 443),
            ("https://*.a.b/", 0, HostPattern::Beneath("a.b".to_owned()), 443),
        ] {
            let grant: HttpGrant = text.parse().unwrap();
            assert_eq!(grant.methods.len(), methods, "{text}");
            assert_eq!((grant.host, grant.port), (host, port), "{text}");
            assert_eq!(grant.path, PathPattern::Exact("/".to_owned()), "{text}");
            assert_eq!(grant.text, text);
        }
    }

    #[test]
    fn refuses_what_can_be_read_in_two_ways() {
        for text in [
            "",
            "POST",
            "POST  https://a/",
            "post https://a/",
            "POTS https://a/",
            "CONNECT https://a/",
            "POST https:/a",
            "ftp://a/",
            "HTTPS://a/",
            "POST ws://a/",
            "https:///x",
            "https://*/",
            "https://a*.b/",
            "https://*.*.b/",
            "https://a..b/",
            "https://a./",
            "https://ä/",
            "https://127.1/",
            "https://0x7f.0x1/",
            "https://1.2.3.4.5/",
            "https://*.2.3/",
            "https://u:p@a/",
            "https://[::1/",
            "https://[::g]/",
            "https://[::1]x/",
            "https://a:0/",
            "https://a:65536/",
            "https://a:/",
            "https://a:+1/",
            "https://a/?q",
            "https://a?q",
            "https://a/#f",
            "https://a/b/../c",
            "https://a/%2E%2e/c",
            "https://a/./c",
            "https://a/h*",
            "https://a/*/b",
            "https://a/*/*",
            "https://a/%zz",
            "https://a/b c",
            "https://a/b\\c",
            "https://a/ü",
        ] {
            assert!(text.parse::<HttpGrant>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(GET |POST |)(https?|wss?)(://|)\\PC{0,40}") {
            let _ = text.parse::<HttpGrant>();
        }
    }
}
