//! A message and an attempt, for native tests of adapters and for trying out a configuration.
//!
//! Only an adapter's pure parts run natively: calling the host from a native test ends it.

use crate::{Attempt, Data, Envelope, Header};

/// A message from `planner@a` to `executor@b` with the id `0193-abc`, carrying this.
#[must_use]
pub fn message(data: Option<Data>) -> Envelope {
    let attributes = [
        ("id", "0193-abc"),
        ("recipient", "executor@b"),
        ("source", "byway://a/planner"),
        ("specversion", "1.0"),
        ("time", "2026-11-21T07:00:00Z"),
        ("type", "dev.byway.message"),
    ];
    Envelope {
        id: "0193-abc".to_owned(),
        source: "byway://a/planner".to_owned(),
        event_type: "dev.byway.message".to_owned(),
        recipient: "executor@b".to_owned(),
        subject: None,
        time: Some("2026-11-21T07:00:00Z".to_owned()),
        data_content_type: None,
        attributes: attributes
            .iter()
            .map(|(name, value)| Header::new(*name, *value))
            .collect(),
        data,
        structured: br#"{"specversion":"1.0","id":"0193-abc"}"#.to_vec(),
    }
}

/// The same, carrying this text.
#[must_use]
pub fn text(text: &str) -> Envelope {
    message(Some(Data::Text(text.to_owned())))
}

/// A first attempt with 30 seconds to go and the idempotency key `0193-abc`.
#[must_use]
pub fn first_attempt() -> Attempt {
    Attempt {
        number: 1,
        remaining_ms: 30_000,
        idempotency_key: "0193-abc".to_owned(),
        progress: None,
    }
}
