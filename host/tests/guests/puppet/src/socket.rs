//! WebSockets. Steps speak over the connection that was opened last, or that `ws-use` names.

use serde_json::Value;

use crate::byway::transport::types::{Denial, Failure, FailureKind, Header};
use crate::byway::transport::websocket::{self, Message};
use crate::failure;
use crate::steps::text;

#[derive(Default)]
pub(crate) struct Socket {
    connection: u32,
}

impl Socket {
    /// What the step brought, where it brought something; `None` if it is no step of this kind.
    pub(crate) fn step(
        &mut self,
        name: &str,
        value: &Value,
        fill: &dyn Fn(&str) -> String,
    ) -> Option<Result<Option<String>, Failure>> {
        let done = |result: Result<(), Denial>| result.map(|()| None).map_err(denied);
        Some(match name {
            // {"url", "headers": {}}
            "ws-open" => {
                let headers: Vec<Header> = value["headers"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| Header {
                        name: name.clone(),
                        value: fill(&text(value)),
                    })
                    .collect();
                websocket::open(&fill(&text(&value["url"])), &headers)
                    .map(|connection| {
                        self.connection = connection;
                        Some(connection.to_string())
                    })
                    .map_err(denied)
            }
            "ws-use" => {
                self.connection = value.as_u64().unwrap() as u32;
                Ok(None)
            }
            "ws-prepare" => done(websocket::prepare(self.connection, &fill(&text(value)))),
            // A text, or {"binary": text}, or {"closed": reason}.
            "ws-send" => {
                let message = if let Some(bytes) = value["binary"].as_str() {
                    Message::Binary(fill(bytes).into_bytes())
                } else if let Some(reason) = value["closed"].as_str() {
                    Message::Closed((1000, reason.into()))
                } else {
                    Message::Text(fill(&text(value)))
                };
                done(websocket::send(self.connection, &message))
            }
            // Milliseconds to wait.
            "ws-receive" => websocket::receive(self.connection, value.as_u64().unwrap())
                .map(|message| {
                    Some(match message {
                        Message::Text(text) => text,
                        Message::Binary(bytes) => format!("binary {}", String::from_utf8_lossy(&bytes)),
                        Message::Closed((code, reason)) => format!("closed {code} {reason}"),
                    })
                })
                .map_err(denied),
            "ws-close" => {
                websocket::close(self.connection);
                Ok(None)
            }
            _ => return None,
        })
    }
}

/// The host alone knows whether an effect had begun.
fn denied(denial: Denial) -> Failure {
    failure(
        FailureKind::Other(denial.code.clone()),
        &denial.code,
        &denial.message,
    )
}
