//! Whether a grant covers a request: method, scheme, host, port and path, all five.
//!
//! Pure. A request whose target could be read in two ways (user information, dot segments, an
//! encoded slash beside one, a host with a trailing dot) is not matched at all: what this function
//! reads and what a far side reads must be the same thing.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;

use crate::config::{HostPattern, HttpGrant, PathPattern};

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Target {
    pub method: String,
    pub scheme: String,
    /// Lower case; IPv6 without brackets.
    pub host: String,
    pub port: u16,
    /// Without the query.
    pub path: String,
}

/// Why a request's target is not looked at further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::sandbox) enum Unreadable {
    #[error("the method may not be used")]
    Method,
    #[error("the URL has user information in it")]
    UserInfo,
    #[error("the URL has no host, or one of a form that can be read in two ways")]
    Host,
    #[error("the URL's scheme is not one that may be used here")]
    Scheme,
    #[error("the URL's path does not begin with a slash, or has dot segments in it")]
    Path,
}

impl Target {
    /// Reads a request's target.
    ///
    /// # Errors
    /// Where it could be read in two ways.
    pub(super) fn read(method: &Method, uri: &Uri) -> Result<Self, Unreadable> {
        // CONNECT would open a tunnel, and TRACE echo what the host has put in.
        if *method == Method::CONNECT || *method == Method::TRACE {
            return Err(Unreadable::Method);
        }
        Self::of(method, uri, &[("http", 80), ("https", 443)])
    }

    /// Reads the target of a WebSocket, which is opened by GET.
    ///
    /// # Errors
    /// Where it could be read in two ways.
    pub(in crate::sandbox) fn read_websocket(uri: &Uri) -> Result<Self, Unreadable> {
        Self::of(&Method::GET, uri, &[("ws", 80), ("wss", 443)])
    }

    fn of(method: &Method, uri: &Uri, schemes: &[(&str, u16)]) -> Result<Self, Unreadable> {
        let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
        let default_port = schemes.iter().find(|(it, _)| *it == scheme);
        let (_, default_port) = *default_port.ok_or(Unreadable::Scheme)?;
        let authority = uri.authority().ok_or(Unreadable::Host)?;
        if authority.as_str().contains('@') {
            return Err(Unreadable::UserInfo);
        }
        let host = plain_host(authority.host()).ok_or(Unreadable::Host)?;
        let port = match authority.port() {
            Some(port) => port.as_str().parse().map_err(|_| Unreadable::Host)?,
            // Something stands where a port does, and is none.
            None if authority.as_str() != authority.host() => return Err(Unreadable::Host),
            None => default_port,
        };
        let path = uri.path();
        if !is_plain_path(path) {
            return Err(Unreadable::Path);
        }
        Ok(Self {
            method: method.as_str().to_owned(),
            scheme,
            host,
            port,
            path: path.to_owned(),
        })
    }

    /// As grants are written, without the query.
    pub(in crate::sandbox) fn text(&self) -> String {
        // A WebSocket's grant has no method.
        if self.scheme.starts_with("ws") {
            return self.url();
        }
        format!("{} {}", self.method, self.url())
    }

    /// The URL without the query.
    fn url(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.scheme.as_str(), self.port) {
            ("http" | "ws", 80) | ("https" | "wss", 443) => format!("{}://{host}{}", self.scheme, self.path),
            (_, port) => format!("{}://{host}:{port}{}", self.scheme, self.path),
        }
    }
}

/// Whether a request for this URL may leave under some of the grants, as far as its text says: method, scheme,
/// host, port and path. What can be read in two ways is never covered. Where the host's name leads is
/// looked at only when it is dialled.
#[must_use]
pub fn covers(grants: &[HttpGrant], method: &str, url: &str) -> bool {
    let (Ok(method), Ok(uri)) = (method.parse(), url.parse()) else {
        return false;
    };
    Target::read(&method, &uri).is_ok_and(|target| find(grants, &target).is_some())
}

/// The grant that covers a request.
pub(in crate::sandbox) fn find<'a>(grants: &'a [HttpGrant], target: &Target) -> Option<&'a HttpGrant> {
    grants.iter().find(|grant| is_covered_by(grant, target))
}

/// Whether a grant covers a request.
fn is_covered_by(grant: &HttpGrant, target: &Target) -> bool {
    // To the letter: for a far side, `Post` is another method than `POST` (RFC 9110, section 9.1).
    let method = grant.methods.is_empty() || grant.methods.contains(&target.method);
    method
        && grant.scheme == target.scheme
        && grant.port == target.port
        && host_matches(&grant.host, &target.host)
        && match &grant.path {
            PathPattern::Exact(path) => *path == target.path,
            PathPattern::Beneath(prefix) => target.path.starts_with(prefix.as_str()),
        }
}

/// Whether a pattern covers a host.
pub(in crate::sandbox) fn host_matches(pattern: &HostPattern, host: &str) -> bool {
    match pattern {
        HostPattern::Exact(exact) => exact == host,
        HostPattern::Beneath(domain) => host
            .strip_suffix(domain.as_str())
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|name| !name.is_empty()),
    }
}

/// Whether the method is one that cannot deliver a message.
pub(super) fn is_read_only(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

fn plain_host(host: &str) -> Option<String> {
    let host = match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .filter(|it| it.parse::<std::net::Ipv6Addr>().is_ok())?,
        None => host,
    };
    let plain = !host.is_empty() && !host.ends_with('.') && !host.contains('%');
    plain.then(|| host.to_ascii_lowercase())
}

/// A path that every server takes for the same: decoding it, once or again, never makes a dot
/// segment of it.
fn is_plain_path(path: &str) -> bool {
    if !path.starts_with('/') {
        return false;
    }
    let mut current = path.to_owned();
    for _ in 0..4 {
        if current.split(['/', '\\']).any(|segment| {
            // A far side that cuts parameters off would see a dot segment.
            matches!(segment.split(';').next(), Some("." | ".."))
        }) {
            return false;
        }
        let decoded = percent_decode_str(&current).decode_utf8_lossy().into_owned();
        if decoded == current {
            return !current.contains('\0');
        }
        current = decoded;
    }
    // Encoded four times over: nobody means well by that.
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grant(methods: &[&str], host: HostPattern, path: PathPattern) -> HttpGrant {
        HttpGrant {
            methods: methods.iter().map(|it| (*it).to_owned()).collect(),
            scheme: "https".into(),
            host,
            port: 443,
            path,
            effect: None,
            private: false,
            text: String::new(),
        }
    }

    fn exact(host: &str, path: &str) -> HttpGrant {
        grant(
            &["POST"],
            HostPattern::Exact(host.into()),
            PathPattern::Exact(path.into()),
        )
    }

    fn target(method: &str, url: &str) -> Result<Target, Unreadable> {
        Target::read(&method.parse().unwrap(), &url.parse().unwrap())
    }

    fn is_granted(grant: &HttpGrant, method: &str, url: &str) -> bool {
        target(method, url).is_ok_and(|target| is_covered_by(grant, &target))
    }

    #[test]
    fn all_five_parts_must_match() {
        let grant = exact("example.org", "/hooks/agent");
        assert!(is_granted(&grant, "POST", "https://example.org/hooks/agent"));
        assert!(is_granted(
            &grant,
            "POST",
            "https://EXAMPLE.org:443/hooks/agent?x=1"
        ));
        for (method, url) in [
            ("GET", "https://example.org/hooks/agent"),
            ("post", "https://example.org/hooks/agent"),
            ("POST", "http://example.org/hooks/agent"),
            ("POST", "https://example.org:8443/hooks/agent"),
            ("POST", "https://sub.example.org/hooks/agent"),
            ("POST", "https://example.org.evil.test/hooks/agent"),
            ("POST", "https://example.org/hooks/agent/"),
            ("POST", "https://example.org/hooks/Agent"),
            ("POST", "https://example.org/hooks/%61gent"),
        ] {
            assert!(!is_granted(&grant, method, url), "{method} {url}");
        }
    }

    #[test]
    fn a_pattern_covers_what_is_beneath_and_nothing_beside() {
        let grant = grant(
            &[],
            HostPattern::Beneath("example.org".into()),
            PathPattern::Beneath("/hooks/".into()),
        );
        assert!(is_granted(&grant, "PUT", "https://a.example.org/hooks/"));
        assert!(is_granted(&grant, "PUT", "https://a.b.example.org/hooks/x/y"));
        for url in [
            "https://example.org/hooks/x",
            "https://evilexample.org/hooks/x",
            "https://a.example.org/hooks",
            "https://a.example.org/hooksx",
        ] {
            assert!(!is_granted(&grant, "PUT", url), "{url}");
        }
    }

    #[test]
    fn refuses_what_can_be_read_in_two_ways() {
        for (url, why) in [
            ("https://example.org@evil.test/", Unreadable::UserInfo),
            ("https://user:pw@example.org/", Unreadable::UserInfo),
            ("https://example.org./", Unreadable::Host),
            ("https://example.org:99999/", Unreadable::Host),
            ("https://example.org/a/../b", Unreadable::Path),
            ("https://example.org/a/./b", Unreadable::Path),
            ("https://example.org/a/%2e%2e/b", Unreadable::Path),
            ("https://example.org/a/%2E./b", Unreadable::Path),
            ("https://example.org/a/..%2fb", Unreadable::Path),
            ("https://example.org/a/..%5cb", Unreadable::Path),
            ("https://example.org/a/%252e%252e/b", Unreadable::Path),
            ("https://example.org/a/..;x/b", Unreadable::Path),
            ("https://example.org/a%00b", Unreadable::Path),
            ("ftp://example.org/", Unreadable::Scheme),
        ] {
            assert_eq!(target("POST", url), Err(why), "{url}");
        }
        assert_eq!(target("CONNECT", "https://example.org/"), Err(Unreadable::Method));
        assert_eq!(target("TRACE", "https://example.org/"), Err(Unreadable::Method));
    }

    #[test]
    fn a_path_with_dots_in_its_names_is_plain() {
        for url in [
            "https://example.org/a..b/.well-known/x.y",
            "https://example.org/%20/50%25",
        ] {
            assert!(target("GET", url).is_ok(), "{url}");
        }
    }

    #[test]
    fn writes_a_target_as_grants_are_written() {
        assert_eq!(
            target("POST", "https://[::1]:8443/a?b").unwrap().text(),
            "POST https://[::1]:8443/a"
        );
        assert_eq!(
            target("GET", "http://example.org:80/").unwrap().text(),
            "GET http://example.org/"
        );
    }

    proptest! {
        #[test]
        fn no_encoding_of_a_path_escapes_its_folder(rest in "(\\.|/|%2e|%2E|%2f|%5c|%25|[a-z]|;){0,12}") {
            let grant = grant(&[], HostPattern::Exact("example.org".into()), PathPattern::Beneath("/hooks/".into()));
            let url = format!("https://example.org/hooks/{rest}");
            if let Ok(uri) = url.parse::<Uri>()
                && let Ok(target) = Target::read(&Method::POST, &uri)
                && is_covered_by(&grant, &target)
            {
                let mut decoded = target.path.clone();
                for _ in 0..4 {
                    decoded = percent_decode_str(&decoded).decode_utf8_lossy().replace('\\', "/");
                    prop_assert!(!decoded.split('/').any(|it| it == "." || it == ".."), "{}", target.path);
                }
            }
        }
    }
}
