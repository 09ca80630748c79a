//! `config`, `log`, `secrets` and `progress`: the imports of an adapter that need no grant of their
//! own, each a few lines, each careful about what a guest may put into a text.

use super::limits::PROGRESS_BYTES_MAX;
use super::state::{GuestState, Purpose};
use super::{denial, text};
use crate::contract::bindings::byway::transport::types::Denial;
use crate::contract::bindings::byway::transport::{config, log, progress, secrets};

impl config::Host for GuestState {
    async fn get(&mut self) -> String {
        self.rights.config_json.clone()
    }
}

impl log::Host for GuestState {
    async fn write(&mut self, level: log::Level, message: String) {
        let transport = &self.rights.transport.name;
        if !self.context.may_log(&self.rights.transport) {
            return;
        }
        if let Err(misplaced) = self.context.secrets.refuse_in(message.as_bytes()) {
            let secret = misplaced.name;
            tracing::warn!(target: "adapter", transport, secret, "a line is withheld: it has a reference to a secret in it");
            return;
        }
        let message = text::line(&message, &self.context.secrets);
        match level {
            log::Level::Debug => tracing::debug!(target: "adapter", transport, "{message}"),
            log::Level::Info => tracing::info!(target: "adapter", transport, "{message}"),
            log::Level::Warn => tracing::warn!(target: "adapter", transport, "{message}"),
            log::Level::Error => tracing::error!(target: "adapter", transport, "{message}"),
        }
    }
}

impl secrets::Host for GuestState {
    async fn reference(&mut self, name: String) -> Result<String, Denial> {
        self.context.secrets.reference(&name).ok_or_else(|| {
            let transport = &self.rights.transport;
            self.context.tell_denial(&transport.name, || {
                let fix = super::fix::secret(transport, &name, &[]);
                format!("the adapter asked for a secret it was not given; to give it: {fix}")
            });
            denial::not_granted("no such secret")
        })
    }
}

impl progress::Host for GuestState {
    async fn save(&mut self, bytes: Vec<u8>) -> Result<(), Denial> {
        if bytes.len() > PROGRESS_BYTES_MAX {
            return Err(denial::too_large("progress", PROGRESS_BYTES_MAX));
        }
        self.context
            .secrets
            .refuse_in(&bytes)
            .map_err(|misplaced| denial::reference(&misplaced))?;
        let message = match &self.context.message {
            Some(message) if self.context.purpose != Purpose::Load => message,
            _ => return Err(denial::invalid("there is no message to keep progress of")),
        };
        message.keep.keep(bytes).await.map_err(|why| denial::io(&why))
    }
}
