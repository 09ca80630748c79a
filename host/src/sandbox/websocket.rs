//! `websocket`: linked for every adapter, granted to none by this version.

use super::denial;
use super::state::GuestState;
use crate::contract::bindings::byway::transport::types::{Denial, Header};
use crate::contract::bindings::byway::transport::websocket::{Connection, Host, Message};

fn not_yet() -> Denial {
    denial::not_granted("WebSocket connections are not granted by this version of byway")
}

impl Host for GuestState {
    async fn open(&mut self, _url: String, _headers: Vec<Header>) -> Result<Connection, Denial> {
        Err(not_yet())
    }

    async fn prepare(&mut self, _connection: Connection, _text: String) -> Result<(), Denial> {
        Err(not_yet())
    }

    async fn send(&mut self, _connection: Connection, _message: Message) -> Result<(), Denial> {
        Err(not_yet())
    }

    async fn receive(&mut self, _connection: Connection, _timeout_ms: u64) -> Result<Message, Denial> {
        Err(not_yet())
    }

    async fn close(&mut self, _connection: Connection) {}
}
