//! Connections over WebSocket, to speak a protocol with a far side.
//!
//! The host dials, checks the grant, puts secrets in (a reference is a string in a JSON text, at the
//! pointer that the operator bound), answers pings and bounds everything. What an adapter has to keep
//! apart is what *prepares* (a login: [`Connection::prepare`]) and what could *deliver* the message
//! ([`Connection::send`]): before the first of the latter nothing has arrived, whatever happens.

mod url;

use crate::bindings::byway::transport::websocket;
use crate::{Denial, Failure, FailureKind, Header, status};

pub use url::SocketUrl;

/// An open connection. Closed in good order when it is dropped.
#[derive(Debug)]
pub struct Connection {
    handle: websocket::Connection,
}

/// What came over a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// The far side closed. Nothing comes after it.
    Closed {
        /// Its code; 1005 where it gave none.
        code: u16,
        /// Its reason, without secrets.
        reason: String,
    },
}

impl Connection {
    /// Opens a connection. The headers may have references to secrets that are bound to them.
    ///
    /// # Errors
    /// Where none came about. The failure tells what that means while nothing else has been sent: a
    /// status of the far side is judged as [`status::meaning`] does, everything else is retryable or a
    /// matter of the configuration.
    pub fn open(url: &SocketUrl, headers: &[Header]) -> Result<Self, Failure> {
        match websocket::open(&url.to_string(), headers) {
            Ok(handle) => Ok(Self { handle }),
            Err(denial) => Err(not_opened(url, denial)),
        }
    }

    /// Sends a text that only prepares, of at most 4 KiB, before the first [`send`](Self::send).
    ///
    /// # Errors
    /// Where the host refuses it, or the connection is gone.
    pub fn prepare(&self, text: &str) -> Result<(), Failure> {
        websocket::prepare(self.handle, text).map_err(Failure::from)
    }

    /// Sends a text. From its first byte it could have delivered the message.
    ///
    /// # Errors
    /// Where the host refuses it, or the connection is gone. Its kind leaves it to the host to say
    /// whether a byte of it had left.
    pub fn send(&self, text: impl Into<String>) -> Result<(), Failure> {
        websocket::send(self.handle, &websocket::Message::Text(text.into())).map_err(Failure::from)
    }

    /// Sends bytes. The same as [`send`](Self::send) otherwise.
    ///
    /// # Errors
    /// The same.
    pub fn send_bytes(&self, bytes: impl Into<Vec<u8>>) -> Result<(), Failure> {
        websocket::send(self.handle, &websocket::Message::Binary(bytes.into())).map_err(Failure::from)
    }

    /// What comes next, waiting at most so long; `None` where nothing came in that time.
    ///
    /// # Errors
    /// Where the connection is lost, or a limit was met. Its kind leaves it to the host to say whether
    /// an effect had begun.
    pub fn receive(&self, timeout_ms: u64) -> Result<Option<Incoming>, Failure> {
        received(websocket::receive(self.handle, timeout_ms))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        websocket::close(self.handle);
    }
}

fn received(result: Result<websocket::Message, Denial>) -> Result<Option<Incoming>, Failure> {
    match result {
        Ok(websocket::Message::Text(text)) => Ok(Some(Incoming::Text(text))),
        Ok(websocket::Message::Binary(bytes)) => Ok(Some(Incoming::Binary(bytes))),
        Ok(websocket::Message::Closed((code, reason))) => Ok(Some(Incoming::Closed { code, reason })),
        Err(denial) if denial.code == "timeout" => Ok(None),
        // A message that came in too long says nothing against the one that was sent.
        Err(denial) if denial.code == "too-large" => Err(Failure {
            kind: FailureKind::Other(denial.code.clone()),
            ..Failure::from(denial)
        }),
        Err(denial) => Err(Failure::from(denial)),
    }
}

/// What it means that a connection was not opened. A handshake is no effect, so nothing has arrived.
fn not_opened(url: &SocketUrl, denial: Denial) -> Failure {
    let message = format!("{url}: {}.", denial.message);
    let code = denial.code.as_str();
    let (kind, fix) = match code {
        "dns" => (
            FailureKind::Retryable,
            Some("Look whether the host's name is right."),
        ),
        "connection-refused" => (
            FailureKind::Retryable,
            Some("Look whether the far side is running, and on this port."),
        ),
        "not-connected" | "tls" => (FailureKind::Retryable, None),
        "tls-certificate" => (
            FailureKind::Unavailable,
            Some(
                "Look whether the certificate has expired, is for this name, and its authority is known here.",
            ),
        ),
        "handshake" => (
            FailureKind::Unavailable,
            Some("Look whether this is the port and the path of a WebSocket."),
        ),
        code => match code.strip_prefix("http-").and_then(|status| status.parse().ok()) {
            Some(status) => of_status(status),
            None => {
                return Failure {
                    message,
                    ..Failure::from(denial)
                };
            }
        },
    };
    let failure = Failure::new(kind, denial.code, message);
    match fix {
        Some(fix) => failure.with_fix(fix),
        None => failure,
    }
}

fn of_status(status: u16) -> (FailureKind, Option<&'static str>) {
    let kind = match status::meaning(status, true).status() {
        // A page where a WebSocket should be.
        Ok(_) => FailureKind::Unavailable,
        // It is the handshake that was refused, and every message has the same.
        Err(FailureKind::Refused) => FailureKind::Unavailable,
        Err(kind) => kind,
    };
    let fix = match status {
        200..=299 | 404 | 405 | 410 | 426 => "Look whether this is the path of a WebSocket.",
        300..=399 => "Redirections are not followed: set `url` to where the WebSocket is.",
        401 => "Look whether the token is right.",
        403 => "Look whether this token, or this origin, may connect.",
        _ => return (kind, None),
    };
    (kind, Some(fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(code: &str) -> Denial {
        Denial {
            code: code.to_owned(),
            message: "it was not to be".to_owned(),
        }
    }

    fn kind(code: &str) -> FailureKind {
        let url = SocketUrl::parse("ws://127.0.0.1:18789").unwrap();
        let failure = not_opened(&url, denial(code));
        assert_eq!(failure.code, code);
        assert!(
            failure.message.starts_with("ws://127.0.0.1:18789/: "),
            "{}",
            failure.message
        );
        failure.kind
    }

    #[test]
    fn a_connection_that_did_not_come_about_has_delivered_nothing() {
        for code in [
            "dns",
            "connection-refused",
            "not-connected",
            "tls",
            "http-503",
            "http-502",
            "http-429",
        ] {
            assert_eq!(kind(code), FailureKind::Retryable, "{code}");
        }
        for code in [
            "tls-certificate",
            "handshake",
            "not-granted",
            "http-200",
            "http-302",
            "http-400",
            "http-401",
            "http-403",
            "http-404",
            "http-426",
        ] {
            assert_eq!(kind(code), FailureKind::Unavailable, "{code}");
        }
        assert_eq!(kind("too-many"), FailureKind::Other("too-many".to_owned()));
    }

    #[test]
    fn nothing_in_time_is_no_failure() {
        assert_eq!(received(Err(denial("timeout"))), Ok(None));
    }

    #[test]
    fn what_is_lost_leaves_the_host_to_say_whether_an_effect_had_begun() {
        for code in ["io", "closed", "too-large"] {
            let failure = received(Err(denial(code))).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Other(code.to_owned()));
        }
    }

    #[test]
    fn a_close_is_something_that_came() {
        let closed = websocket::Message::Closed((4001, "bad token".to_owned()));
        let expected = Incoming::Closed {
            code: 4001,
            reason: "bad token".to_owned(),
        };
        assert_eq!(received(Ok(closed)), Ok(Some(expected)));
    }
}
