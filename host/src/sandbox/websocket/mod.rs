//! `websocket`: client connections to URLs that the operator granted.
//!
//! A connection is opened under the same policy as a request: the grant first, then the address that the
//! name leads to, resolved once. A message is an effect from its first byte, except for the few that an
//! adapter marks as preparing before it sends any other. A reference to a secret is swapped only in
//! a JSON text at a pointer that the operator bound. The connections live in the instance: they end
//! with the attempt, also with one that traps.

mod channel;
mod connection;
mod handshake;
mod opening;
mod table;

use std::time::Duration;

use tokio_tungstenite::tungstenite::Message as Frame;

use super::limits::{PREPARATION_BYTES_MAX, WEBSOCKET_MESSAGE_BYTES_MAX, WEBSOCKETS_MAX};
use super::secrets::Misplaced;
use super::state::{Context, GuestState};
use super::{denial, text};
use crate::contract::bindings::byway::transport::types::{Denial, Header};
use crate::contract::bindings::byway::transport::websocket::{Connection, Host, Message};

pub(super) use opening::Opener;
pub(super) use table::Connections;

impl Host for GuestState {
    async fn open(&mut self, url: String, headers: Vec<Header>) -> Result<Connection, Denial> {
        let (rights, context) = (&self.rights, &self.context);
        let handshake = handshake::admit(rights, context, &url, &headers)?;
        if !self.websockets.has_room() {
            let message = format!("an attempt may have {WEBSOCKETS_MAX} connections open at once");
            return Err(denial::denial("too-many", &message));
        }
        let connection = Box::pin(opening::open(rights, context, handshake)).await?;
        Ok(self.websockets.insert(connection))
    }

    async fn prepare(&mut self, connection: Connection, text: String) -> Result<(), Denial> {
        let context = &self.context;
        let (connection, _) = self.websockets.get(connection)?;
        if text.len() > PREPARATION_BYTES_MAX {
            return Err(denial::too_large(
                "a message that prepares",
                PREPARATION_BYTES_MAX,
            ));
        }
        connection.may_prepare()?;
        let frame = leaving_text(context, &self.rights.transport.name, connection.shown(), text)?;
        connection.prepare(frame).await
    }

    async fn send(&mut self, connection: Connection, message: Message) -> Result<(), Denial> {
        let (context, transport) = (&self.context, &self.rights.transport.name);
        let (connection, _) = self.websockets.get(connection)?;
        let frame = match message {
            Message::Closed(_) => return Err(denial::invalid("a connection is closed by `close`")),
            Message::Text(text) => {
                small_enough(text.len())?;
                leaving_text(context, transport, connection.shown(), text)?
            }
            Message::Binary(bytes) => {
                small_enough(bytes.len())?;
                let misplaced = |it| refused(context, transport, connection.shown(), &it);
                context.secrets.refuse_in(&bytes).map_err(misplaced)?;
                Frame::binary(bytes)
            }
        };
        if connection.has_effects() && !context.may_have_effects() {
            context.tell_denial(transport, || {
                let shown = connection.shown();
                format!("a message to {shown} was denied: it could deliver something, and the adapter was only asked to look")
            });
            return Err(denial::not_granted("only looking is allowed now"));
        }
        connection.send(frame, &context.effects).await
    }

    async fn receive(&mut self, connection: Connection, timeout_ms: u64) -> Result<Message, Denial> {
        let context = &self.context;
        let (connection, inbound) = self.websockets.get(connection)?;
        let wait_max = Duration::from_millis(timeout_ms).min(context.deadline.remaining());
        let receiving = connection.receive(inbound, context.secrets.scrubber());
        match tokio::time::timeout(wait_max, receiving).await {
            Ok(Err(denial)) if denial.code == denial::TOO_LARGE => {
                let transport = self.rights.transport.name.as_str();
                let max = self.rights.transport.limits.answer_bytes_max;
                let (shown, why) = (connection.shown(), &denial.message);
                tracing::warn!(
                    transport,
                    "{shown} was given up: {why} (answer_bytes_max = {max})"
                );
                Err(denial)
            }
            Ok(received) => received,
            Err(_) => Err(denial::denial("timeout", "no message came in that time")),
        }
    }

    async fn close(&mut self, connection: Connection) {
        if let Some(connection) = self.websockets.remove(connection) {
            connection.close(self.context.deadline.remaining()).await;
        }
    }
}

fn small_enough(bytes: usize) -> Result<(), Denial> {
    match bytes > WEBSOCKET_MESSAGE_BYTES_MAX {
        true => Err(denial::too_large("a message", WEBSOCKET_MESSAGE_BYTES_MAX)),
        false => Ok(()),
    }
}

/// A text as it leaves, with secrets where they may be.
fn leaving_text(context: &Context, transport: &str, shown: &str, text: String) -> Result<Frame, Denial> {
    let swapped = context
        .secrets
        .swap_in_json(&text)
        .map_err(|misplaced| refused(context, transport, shown, &misplaced))?;
    Ok(match swapped {
        Some(swapped) => Frame::text(swapped.as_str()),
        None => Frame::text(text),
    })
}

fn refused(context: &Context, transport: &str, shown: &str, misplaced: &Misplaced) -> Denial {
    context.tell_denial(transport, || {
        let name = text::line(&misplaced.name, &context.secrets);
        format!(
            "a message to {shown} was denied: the reference to the secret {name} is not plainly in a JSON text at a pointer to which it is bound (ws-json:/…)"
        )
    });
    denial::reference(misplaced)
}
