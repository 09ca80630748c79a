//! Where an adapter's small memory of one message goes: into the store, before the adapter goes on.

use async_trait::async_trait;

use super::driver::Engine;
use crate::sandbox::KeepProgress;
use crate::store::MessageKey;

/// The memory of one message on one transport.
pub(super) struct Keep {
    engine: Engine,
    key: MessageKey,
    transport: String,
}

impl Keep {
    pub(super) fn new(engine: &Engine, key: MessageKey, transport: &str) -> Self {
        Self {
            engine: engine.clone(),
            key,
            transport: transport.to_owned(),
        }
    }
}

#[async_trait]
impl KeepProgress for Keep {
    async fn keep(&self, bytes: Vec<u8>) -> Result<(), String> {
        let store = &self.engine.inner.settings.store;
        let saved = store.save_progress(self.key, &self.transport, bytes, self.engine.now());
        saved.await.map_err(|error| error.to_string())
    }
}
