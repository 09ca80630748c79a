//! A tunnel through the proxy that a transport names.
//!
//! Everything goes through CONNECT, plain HTTP as well: so the proxy sees where a request goes and, with
//! TLS, nothing else; and what is written over the tunnel is the same as over a connection of one's own.
//! No environment variable is looked at. The credentials go to the proxy and nowhere else.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

/// The head of a proxy's answer.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Why there is no tunnel. Nothing was sent through it.
#[derive(Debug, thiserror::Error)]
pub(in crate::sandbox) enum ProxyFault {
    #[error("its name cannot be resolved, or it cannot be reached: {0}")]
    Unreachable(io::Error),
    #[error("its credentials are not available: {0}")]
    Credentials(String),
    #[error("it asks for credentials (407); set proxy_auth, or correct what it names")]
    Unauthorized,
    #[error("it answered CONNECT with {0}")]
    Refused(u16),
    #[error("its answer to CONNECT is not that of an HTTP proxy")]
    Answer,
    #[error("it hung up: {0}")]
    Broken(#[from] io::Error),
}

/// Asks for a tunnel to a host. `host` is a name, or an address without brackets.
///
/// # Errors
/// Where the proxy refuses, or is none.
pub(super) async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    host: &str,
    port: u16,
    credentials: Option<&str>,
) -> Result<(), ProxyFault> {
    stream.write_all(ask(host, port, credentials).as_bytes()).await?;
    stream.flush().await?;
    let mut head = Vec::new();
    let end = loop {
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if head.len() > HEAD_BYTES_MAX {
            return Err(ProxyFault::Answer);
        }
        if stream.read_buf(&mut head).await? == 0 {
            return Err(ProxyFault::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
    };
    match status(&head) {
        // Whoever speaks first over a tunnel is byway: more than the head is not from the far side.
        Some(200..=299) if head.len() == end => Ok(()),
        Some(200..=299) | None => Err(ProxyFault::Answer),
        Some(407) => Err(ProxyFault::Unauthorized),
        Some(status) => Err(ProxyFault::Refused(status)),
    }
}

/// The request of RFC 9110, section 9.3.6.
fn ask(host: &str, port: u16, credentials: Option<&str>) -> Zeroizing<String> {
    let authority = match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    };
    let mut head = Zeroizing::new(format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n"));
    if let Some(credentials) = credentials {
        let basic = Zeroizing::new(STANDARD.encode(credentials));
        head.push_str("proxy-authorization: Basic ");
        head.push_str(&basic);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?;
    let digits = rest.strip_prefix(['0', '1'])?.strip_prefix(' ')?.get(..3)?;
    let all = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| all)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &str) -> Result<(), ProxyFault> {
        let (mut near, mut far) = tokio::io::duplex(64 << 10);
        far.write_all(answer.as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        tunnel(&mut near, "a.test", 443, None).await
    }

    #[test]
    fn asks_for_the_host_and_shows_credentials_only_where_there_are_some() {
        assert_eq!(
            *ask("a.test", 443, None),
            "CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n"
        );
        let asked = ask("::1", 80, Some("user:pw"));
        assert!(asked.starts_with("CONNECT [::1]:80 HTTP/1.1\r\n"));
        assert!(asked.ends_with("proxy-authorization: Basic dXNlcjpwdw==\r\n\r\n"));
    }

    #[tokio::test]
    async fn takes_any_success_and_nothing_behind_it() {
        for answer in [
            "HTTP/1.1 200 Connection established\r\n\r\n",
            "HTTP/1.0 200\r\nvia: x\r\n\r\n",
            "HTTP/1.1 204 \r\n\r\n",
        ] {
            assert!(answered(answer).await.is_ok(), "{answer}");
        }
        let more = answered("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").await;
        assert!(matches!(more, Err(ProxyFault::Answer)));
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_status() {
        let refused = answered("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
        assert!(matches!(refused, Err(ProxyFault::Refused(403))));
        let asked = answered("HTTP/1.1 407 Who\r\n\r\n").await;
        assert!(matches!(asked, Err(ProxyFault::Unauthorized)));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_a_fault() {
        let endless = format!("HTTP/1.1 200 {}", "x".repeat(HEAD_BYTES_MAX * 2));
        for answer in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "SSH-2.0\r\n\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 +20\r\n\r\n",
            &endless,
        ] {
            assert!(answered(answer).await.is_err(), "{answer}");
        }
    }
}
