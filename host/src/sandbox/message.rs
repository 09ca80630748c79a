//! The message of one call, as whoever delivers hands it to a transport.

use std::sync::Arc;

use super::answers::Description;
use super::denial::TOO_LARGE;
use super::keep::KeepProgress;
use super::state::{Context, Message};
use crate::contract::bindings::byway::transport::types as wit;
use crate::contract::{Failure, Outcome};
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

/// Refused, where the message carries more than the adapter says that it can. The adapter is not asked.
pub(super) fn too_large(envelope: &Envelope, description: &Description) -> Option<Outcome> {
    let most = description.max_data_bytes?;
    let bytes = envelope.data_bytes().len();
    let fits = u64::try_from(bytes).is_ok_and(|bytes| bytes <= most);
    (!fits).then(|| {
        let name = &description.name;
        Outcome::Refused(
            Failure::new(
                TOO_LARGE,
                format!("the message carries {bytes} bytes, and the adapter `{name}` takes {most}"),
            )
            .with_fix("let a step that takes larger messages follow in the chain"),
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(data: &str, max_data_bytes: Option<u64>) -> Option<Outcome> {
        let event = format!(
            r#"{{"specversion":"1.0","id":"1","source":"byway://a/x","type":"t","recipient":"y@b",
                "datacontenttype":"text/plain","data":"{data}"}}"#
        );
        let envelope = Envelope::from_json(event.as_bytes()).unwrap();
        let description = Description {
            name: "small".into(),
            version: "1".into(),
            summary: String::new(),
            config_schema: "{}".into(),
            max_data_bytes,
            idempotent: false,
            owner: false,
        };
        too_large(&envelope, &description)
    }

    #[test]
    fn refuses_more_than_the_adapter_takes_and_nothing_else() {
        assert_eq!(told("äb", Some(3)), None);
        assert_eq!(told("äbc", None), None);
        let Some(Outcome::Refused(failure)) = told("äbc", Some(3)) else {
            panic!("it was let through");
        };
        assert_eq!(failure.code, "too-large");
        assert_eq!(
            failure.message,
            "the message carries 4 bytes, and the adapter `small` takes 3"
        );
    }
}
