//! A grant and a request: what is let out has the granted method, scheme, host, port and path, also for
//! programs that read URLs otherwise than the sandbox does.

use byway::config::HttpGrant;
use byway::sandbox::covers;
use url::Url;

use crate::second_reading::{Parts, stays_beneath};

/// Three lines: a grant as an operator writes it, a method, a URL.
///
/// # Panics
/// Where a request is let out that another reader would find outside of the grant.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text.splitn(3, '\n');
    let (Some(written), Some(method), Some(url)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    let Ok(grant) = written.parse::<HttpGrant>() else {
        return;
    };
    if !covers(&[grant], method, url) {
        return;
    }
    let (methods, granted) = written.split_once(' ').unwrap_or(("", written));
    let shown = format!("`{written}` lets out {method} {url}");
    assert!(
        methods.is_empty() || methods.split(',').any(|it| it == method),
        "{shown}: method"
    );
    assert!(!matches!(method, "CONNECT" | "TRACE"), "{shown}: method");
    let granted = Parts::of(granted).unwrap_or_else(|| panic!("{shown}: the grant is no URL"));
    let (granted_host, granted_port) = granted.host_and_port().expect("a grant has no user");

    let asked = Parts::of(url).unwrap_or_else(|| panic!("{shown}: no URL"));
    assert!(
        asked.scheme.eq_ignore_ascii_case(granted.scheme),
        "{shown}: scheme"
    );
    let (host, port) = asked.host_and_port().unwrap_or_else(|| panic!("{shown}: user"));
    assert_eq!(port, granted_port, "{shown}: port");
    assert!(host_is(&granted_host, &host), "{shown}: host");
    assert!(path_is(granted.path, asked.path), "{shown}: path");

    // As a browser reads it. What that does not read at all, nobody is misled by.
    if let Ok(asked) = Url::parse(url) {
        let host = asked
            .host_str()
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .to_owned();
        assert!(host_is(&granted_host, &host), "{shown}: {host} for a browser");
        assert_eq!(
            asked.port_or_known_default(),
            Some(granted_port),
            "{shown}: port for a browser"
        );
        assert!(
            asked.username().is_empty() && asked.password().is_none(),
            "{shown}: user for a browser"
        );
        assert!(
            path_is(granted.path, asked.path()),
            "{shown}: {} for a browser",
            asked.path()
        );
    }
}

fn host_is(granted: &str, host: &str) -> bool {
    match granted.strip_prefix('*') {
        Some(domain) => host.len() > domain.len() && host.ends_with(domain),
        // `::1` may be written in many ways.
        None => {
            granted == host || matches!((ipv6(granted), ipv6(host)), (Some(one), Some(other)) if one == other)
        }
    }
}

fn ipv6(text: &str) -> Option<std::net::Ipv6Addr> {
    text.parse().ok()
}

fn path_is(granted: &str, path: &str) -> bool {
    match granted.strip_suffix('*') {
        Some(folder) if folder.ends_with('/') => stays_beneath(path, folder),
        _ => path == granted,
    }
}
