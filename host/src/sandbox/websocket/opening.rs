//! Opens a connection: dials what the policy lets it dial, does TLS where the URL says so, and shakes
//! hands. Nothing of it could have delivered a message.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wasmtime_wasi_http::Error as HttpError;

use super::channel::{Channel, Meter, Metered};
use super::connection::Connection;
use super::denial;
use super::handshake::Handshake;
use crate::config::Transport;
use crate::contract::bindings::byway::transport::types::Denial;
use crate::sandbox::egress::{Dial, DialError, Tls, fault};
use crate::sandbox::limits::{WEBSOCKET_BUFFER_BYTES, WEBSOCKET_MESSAGE_BYTES_MAX};
use crate::sandbox::state::{Context, Rights};

/// What a transport's connections are opened with.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Opener {
    dial: Dial,
    /// `None` where no `wss://` is granted.
    tls: Option<Arc<ClientConfig>>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum OpenFault {
    #[error("dialling failed")]
    Dial(#[from] DialError),
    #[error("TLS failed")]
    Tls(#[from] io::Error),
    #[error("the host's name cannot be in a certificate")]
    Name,
    #[error("the far side answered the handshake with HTTP {0}")]
    Status(u16),
    #[error("the handshake failed")]
    Handshake(#[source] SocketError),
}

impl Opener {
    /// `None` where the transport has no grant for a WebSocket, or TLS cannot be had.
    pub(in crate::sandbox) fn of(transport: &Transport, tls: &Tls) -> Option<Self> {
        let granted = |scheme: &str| transport.grants.http.iter().any(|grant| grant.scheme == scheme);
        let tls = match granted("wss") {
            true => Some(tls.settings()?),
            false => None,
        };
        (tls.is_some() || granted("ws")).then(|| Self {
            dial: Dial::new(Arc::new(transport.clone())),
            tls,
        })
    }

    async fn open(
        &self,
        handshake: &Handshake,
        message_bytes_max: usize,
    ) -> Result<(WebSocketStream<Channel>, Meter), OpenFault> {
        let target = &handshake.target;
        let stream = self.dial.to(&target.scheme, &target.host, target.port).await?;
        let (stream, meter) = Metered::new(stream);
        let channel: Channel = match &self.tls {
            Some(tls) if target.scheme == "wss" => {
                let name = ServerName::try_from(target.host.clone()).map_err(|_| OpenFault::Name)?;
                let tls = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
                Box::new(tls)
            }
            _ => Box::new(stream),
        };
        let request = handshake.request.clone();
        match client_async_with_config(request, channel, Some(config(message_bytes_max))).await {
            Ok((stream, _)) => Ok((stream, meter)),
            Err(SocketError::Http(answer)) => Err(OpenFault::Status(answer.status().as_u16())),
            Err(error) => Err(OpenFault::Handshake(error)),
        }
    }
}

/// Opens what was admitted.
///
/// # Errors
/// What the guest is told. The operator's log has more.
pub(super) async fn open(
    rights: &Rights,
    context: &Context,
    handshake: Handshake,
) -> Result<Connection, Denial> {
    let Some(opener) = &rights.opener else {
        return Err(denial::not_granted("this WebSocket is not granted"));
    };
    let message_bytes_max = rights.transport.limits.answer_bytes_max;
    // Until somebody answers: the attempt's time can be over before anybody did.
    context.reach.note(false);
    let opened = opener.open(&handshake, message_bytes_max).await;
    if !matches!(
        opened,
        Err(OpenFault::Dial(_) | OpenFault::Tls(_) | OpenFault::Name)
    ) {
        context.reach.note(true);
    }
    match opened {
        Ok((stream, meter)) => Ok(Connection::new(
            stream,
            meter,
            handshake.shown,
            handshake.effect,
            message_bytes_max,
        )),
        Err(fault) => {
            let why = context.secrets.for_people(&fault::sentence(&fault));
            tracing::info!(
                transport = rights.transport.name,
                "the WebSocket {} was not opened: {why}",
                handshake.shown
            );
            Err(told(&fault))
        }
    }
}

fn config(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(WEBSOCKET_BUFFER_BYTES)
        // Whatever is sent is written at once: a message that waits in a buffer is neither sent nor not.
        .write_buffer_size(0)
        .max_write_buffer_size(WEBSOCKET_MESSAGE_BYTES_MAX.saturating_add(WEBSOCKET_BUFFER_BYTES))
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

/// What a guest may know of it: enough to judge by, and not where a name leads.
fn told(fault: &OpenFault) -> Denial {
    let not_connected = |code: &str, message: &str| denial::denial(code, message);
    match fault {
        OpenFault::Status(status) => denial::denial(
            &format!("http-{status}"),
            &format!("the far side answered the handshake with HTTP {status}"),
        ),
        OpenFault::Name => not_connected("tls", "the host's name cannot be in a certificate"),
        OpenFault::Handshake(error) if !matches!(error, SocketError::Io(_)) => not_connected(
            "handshake",
            "the far side's answer to the handshake is not that of a WebSocket",
        ),
        other => match fault::of_connecting(other as &(dyn StdError + 'static)) {
            HttpError::HttpRequestDenied => denial::not_granted("this WebSocket is not granted"),
            HttpError::DnsError { .. } => not_connected("dns", "the name could not be resolved"),
            HttpError::ConnectionRefused => not_connected("connection-refused", "the connection was refused"),
            HttpError::TlsCertificateError => {
                not_connected("tls-certificate", "the far side's certificate is not trusted")
            }
            HttpError::TlsProtocolError | HttpError::TlsAlertReceived { .. } => {
                not_connected("tls", "no TLS connection could be made")
            }
            _ => not_connected("not-connected", "no connection could be made"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_told_the_status_and_never_an_address() {
        assert_eq!(told(&OpenFault::Status(401)).code, "http-401");
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let dialled = DialError::Connect("10.9.8.7:1".parse().unwrap(), refused);
        let denial = told(&OpenFault::Dial(dialled));
        assert_eq!(denial.code, "connection-refused");
        assert!(!denial.message.contains("10.9"), "{denial:?}");
        let prohibited = OpenFault::Dial(DialError::Prohibited("a.test".into()));
        assert_eq!(told(&prohibited).code, "not-granted");
    }

    #[test]
    fn a_far_side_that_hangs_up_in_the_handshake_is_not_connected() {
        let reset = SocketError::Io(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(told(&OpenFault::Handshake(reset)).code, "not-connected");
        assert_eq!(
            told(&OpenFault::Handshake(SocketError::AttackAttempt)).code,
            "handshake"
        );
    }
}
