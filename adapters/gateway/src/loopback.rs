//! Which gateways can be spoken to over their WebSocket: those on this very machine. Pure.
//!
//! Elsewhere the gateway wants a paired device, which byway is not.

use std::net::IpAddr;

use byway_adapter::websocket::SocketUrl;

/// Why another machine's WebSocket is no use.
pub const NOT_ON_LOOPBACK: &str =
    "The WebSocket of a gateway on another machine wants a paired device, and byway is none.";

/// Whether a URL leads to this very machine.
#[must_use]
pub fn is_on_loopback(url: &SocketUrl) -> bool {
    let url = url.to_string();
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        let is = |url: &str| is_on_loopback(&SocketUrl::parse(url).unwrap());
        for url in [
            "ws://127.0.0.1:18789",
            "ws://localhost:18789/",
            "ws://[::1]:18789/",
            "ws://127.8.9.1/",
        ] {
            assert!(is(url), "{url}");
        }
        for url in [
            "ws://10.0.0.7:18789/",
            "wss://gw.example.org/",
            "ws://localhost.example.org/",
            "ws://127.0.0.1.example.org/",
        ] {
            assert!(!is(url), "{url}");
        }
    }
}
