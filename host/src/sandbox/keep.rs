//! Where an adapter's progress goes: to whoever keeps the message.

use async_trait::async_trait;

/// Keeps what an adapter saves about one message on one transport.
#[async_trait]
pub trait KeepProgress: Send + Sync {
    /// Keeps the bytes in place of those before. They are durable when this returns.
    ///
    /// # Errors
    /// Why they could not be kept, in words for the adapter's author. Then nothing has changed.
    async fn keep(&self, bytes: Vec<u8>) -> Result<(), String>;
}
