//! The message of one call, as whoever delivers hands it to a transport.

use std::sync::Arc;

use super::keep::KeepProgress;
use super::state::{Context, Message};
use crate::contract::bindings::byway::transport::types as wit;
use crate::envelope::Envelope;

/// One attempt's message.
#[derive(Clone)]
pub struct Call {
    /// The message.
    pub envelope: Arc<Envelope>,
    /// The same as JSON (`application/cloudevents+json`).
    pub structured: Arc<[u8]>,
    /// Which attempt of this message on this transport it is, from 1.
    pub number: u32,
    /// The key that is the same for every attempt of this message.
    pub idempotency_key: String,
    /// What an earlier attempt saved.
    pub progress: Option<Vec<u8>>,
    /// Where this one's progress is kept.
    pub keep: Arc<dyn KeepProgress>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("id", &self.envelope.id)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// The part of it that belongs to the attempt's own tasks.
pub(super) fn message(call: &Call) -> Message {
    Message {
        structured: Arc::clone(&call.structured),
        keep: Arc::clone(&call.keep),
    }
}

/// As the guest gets it.
pub(super) fn attempt(context: &Context, call: Call) -> wit::Attempt {
    wit::Attempt {
        number: call.number,
        remaining_ms: u64::try_from(context.deadline.remaining().as_millis()).unwrap_or(u64::MAX),
        idempotency_key: call.idempotency_key,
        progress: call.progress,
    }
}
