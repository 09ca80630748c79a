//! One connection: messages out, each an effect or only a preparation, and messages in, capped and
//! scrubbed.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::channel::{Channel, Meter};
use super::denial;
use super::table::Inbound;
use crate::contract::bindings::byway::transport::types::Denial;
use crate::contract::bindings::byway::transport::websocket::Message;
use crate::sandbox::effect::{EffectLog, Flight};
use crate::sandbox::limits::{PREPARATIONS_MAX, WEBSOCKET_BYTES_IN_MAX, WEBSOCKET_CLOSING_TIME_MAX};
use crate::sandbox::scrub::{MessageScrubber, Scrubber};

/// The code that stands for a close frame without one (RFC 6455, section 7.4.1).
const NO_STATUS: u16 = 1005;

/// See the module.
pub(super) struct Connection {
    /// How it stands.
    line: Line,
    meter: Meter,
    /// The URL for people.
    shown: String,
    /// Whether messages over it could deliver something.
    effect: bool,
    /// The transport's `answer_bytes_max`.
    message_bytes_max: usize,
    has_sent: bool,
    prepared: usize,
    scrubbed: MessageScrubber,
}

enum Line {
    Open(Box<WebSocketStream<Channel>>),
    /// The far side closed.
    Closed(u16, String),
    /// It broke, or was given up for this reason.
    Lost(Denial),
}

impl Connection {
    pub(super) fn new(
        stream: WebSocketStream<Channel>,
        meter: Meter,
        shown: String,
        effect: bool,
        message_bytes_max: usize,
    ) -> Self {
        Self {
            line: Line::Open(Box::new(stream)),
            meter,
            shown,
            effect,
            message_bytes_max,
            has_sent: false,
            prepared: 0,
            scrubbed: MessageScrubber::default(),
        }
    }

    /// The URL for people.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether a message over it could deliver something.
    pub(super) fn has_effects(&self) -> bool {
        self.effect
    }

    /// Whether a message that only prepares may still be sent.
    ///
    /// # Errors
    /// After the first other message, and after too many.
    pub(super) fn may_prepare(&self) -> Result<(), Denial> {
        if self.has_sent {
            return Err(denial::invalid(
                "a message prepares only before the first that is sent",
            ));
        }
        if self.prepared >= PREPARATIONS_MAX {
            return Err(denial::denial(
                denial::TOO_LARGE,
                &format!("a connection has at most {PREPARATIONS_MAX} messages that prepare"),
            ));
        }
        Ok(())
    }

    /// Sends a message that only prepares.
    pub(super) async fn prepare(&mut self, frame: Frame) -> Result<(), Denial> {
        self.prepared += 1;
        self.write(frame).await
    }

    /// Sends a message, which is an effect from its first byte.
    pub(super) async fn send(&mut self, frame: Frame, effects: &EffectLog) -> Result<(), Denial> {
        self.stream()?;
        self.has_sent = true;
        let sending = match self.effect {
            true => Some(Sending::begin(&self.meter, &self.shown, effects)?),
            false => None,
        };
        let written = self.write(frame).await;
        drop(sending);
        written
    }

    async fn write(&mut self, frame: Frame) -> Result<(), Denial> {
        match self.stream()?.send(frame).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.lose(&error)),
        }
    }

    /// The next message. Can be called off at any point without losing one.
    pub(super) async fn receive(
        &mut self,
        inbound: &mut Inbound,
        scrubber: &Scrubber,
    ) -> Result<Message, Denial> {
        if let Line::Closed(code, reason) = &self.line {
            return Ok(Message::Closed((*code, reason.clone())));
        }
        loop {
            let frame = match self.stream()?.next().await {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Err(self.lose(&error)),
                None => return Err(self.lose(&SocketError::ConnectionClosed)),
            };
            if !inbound.take(frame.len()) {
                let denial = denial::too_large("the messages of an attempt", WEBSOCKET_BYTES_IN_MAX);
                self.line = Line::Lost(denial.clone());
                return Err(denial);
            }
            match frame {
                Frame::Text(text) => return Ok(Message::Text(self.scrubbed.text(scrubber, text.as_str()))),
                Frame::Binary(bytes) => {
                    return Ok(Message::Binary(self.scrubbed.bytes(scrubber, bytes.to_vec())));
                }
                Frame::Close(said) => {
                    let (code, reason) = said.map_or((NO_STATUS, String::new()), |said| {
                        (u16::from(said.code), scrubber.text(said.reason.as_str()))
                    });
                    // Known from here on, also when this call is called off while the farewell is written.
                    let line = std::mem::replace(&mut self.line, Line::Closed(code, reason.clone()));
                    hang_up(line).await;
                    return Ok(Message::Closed((code, reason)));
                }
                // Answered by the library.
                Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_) => {}
            }
        }
    }

    /// Closes in good order, but does not wait long for the far side to agree: a stream that is dropped
    /// with unread bytes in it takes back what the far side has not read yet.
    pub(super) async fn close(mut self, wait_max: Duration) {
        let Line::Open(stream) = &mut self.line else {
            return;
        };
        let closing = async {
            if stream.as_mut().close(None).await.is_ok() {
                while let Some(Ok(_)) = stream.next().await {}
            }
        };
        // Whether they agreed or not, the connection ends here.
        let _ = tokio::time::timeout(wait_max.min(WEBSOCKET_CLOSING_TIME_MAX), closing).await;
    }

    fn stream(&mut self) -> Result<&mut WebSocketStream<Channel>, Denial> {
        match &mut self.line {
            Line::Open(stream) => Ok(stream),
            Line::Closed(..) => Err(denial::denial("closed", "the far side has closed the connection")),
            Line::Lost(denial) => Err(denial.clone()),
        }
    }

    /// Gives the connection up. The stream is dropped: nothing more goes out over it.
    fn lose(&mut self, error: &SocketError) -> Denial {
        let denial = match error {
            SocketError::WriteBufferFull(_) => {
                denial::io("the message is larger than the connection takes at once")
            }
            SocketError::Capacity(_) => denial::too_large("a message that comes in", self.message_bytes_max),
            SocketError::Io(_)
            | SocketError::ConnectionClosed
            | SocketError::AlreadyClosed
            | SocketError::Protocol(
                tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            ) => denial::io("the connection was lost"),
            _ => denial::io("what the far side sent is not WebSocket"),
        };
        self.line = Line::Lost(denial.clone());
        denial
    }
}

/// Sends the answer to the far side's close, which the library has ready.
async fn hang_up(line: Line) {
    if let Line::Open(mut stream) = line {
        // Whether it takes the answer or not, the far side has closed.
        let _ = tokio::time::timeout(WEBSOCKET_CLOSING_TIME_MAX, stream.flush()).await;
    }
}

/// A message on its way. An effect if a byte of it was written, also when its task is stopped midway.
struct Sending {
    flight: Option<Flight>,
    meter: Meter,
    before: u64,
}

impl Sending {
    /// # Errors
    /// The attempt is over: nothing leaves any more.
    fn begin(meter: &Meter, shown: &str, effects: &EffectLog) -> Result<Self, Denial> {
        let flight = effects
            .fly(format!("message to {shown}"))
            .map_err(|_| denial::timeout())?;
        Ok(Self {
            flight: Some(flight),
            meter: meter.clone(),
            before: meter.bytes(),
        })
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            flight.land(self.meter.bytes() != self.before);
        }
    }
}
