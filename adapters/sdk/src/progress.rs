//! A small memory for one message on one transport: which part of a split text is out, the id of a run.
//!
//! What is saved comes back as `attempt.progress` in later calls for the same message.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::byway::transport::progress;
use crate::{Attempt, Failure};

/// Keeps a value, in place of what was kept before. It is on disk when this returns.
///
/// # Errors
/// Where it is more than 4096 bytes as JSON, or cannot be stored.
pub fn save<T: Serialize>(value: &T) -> Result<(), Failure> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        Failure::refused(
            "progress",
            format!("The adapter's progress cannot be written as JSON: {error}."),
        )
    })?;
    progress::save(&bytes).map_err(Failure::from)
}

/// What an earlier attempt kept; `None` where there is nothing, or nothing this version can read.
#[must_use]
pub fn saved<T: DeserializeOwned>(attempt: &Attempt) -> Option<T> {
    serde_json::from_str(std::str::from_utf8(attempt.progress.as_deref()?).ok()?).ok()
}
