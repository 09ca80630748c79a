//! How an attempt ended.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How far a message has got, according to whoever says so. Ordered: a later word includes the
/// earlier ones, and of several receipts the greatest holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptStatus {
    /// The far side took charge of the message.
    Accepted,
    /// The message is where the agent will see it.
    Delivered,
    /// The agent, or a person, has seen it.
    Read,
    /// The agent is done with it.
    Processed,
}

/// What the far side said of a delivery that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// How far the message has got.
    pub status: ReceiptStatus,
    /// The far side's own name for the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// A remark or an answer in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Why an attempt failed, for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A short stable word for programs, `[a-z0-9-]{1,64}`, such as `http-503`.
    pub code: String,
    /// One sentence: what happened. Scrubbed of secrets.
    pub message: String,
    /// What the person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// When the far side asked to be called again, from the end of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
}

/// How an attempt ended, sorted by what may follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The far side has it.
    Delivered(Receipt),
    /// Not delivered; trying again can work.
    Retryable(Failure),
    /// This transport cannot work now, for any message.
    Unavailable(Failure),
    /// This transport will not take this message.
    Refused(Failure),
    /// It may have arrived.
    Unknown(Failure),
}

/// The outcome's word alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeKind {
    /// See [`Outcome::Delivered`].
    Delivered,
    /// See [`Outcome::Retryable`].
    Retryable,
    /// See [`Outcome::Unavailable`].
    Unavailable,
    /// See [`Outcome::Refused`].
    Refused,
    /// See [`Outcome::Unknown`].
    Unknown,
}

/// The first thing an attempt did that could have delivered the message, in words such as
/// `POST https://example.org/v1/inbound` or `command accept`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect(pub String);

/// One attempt as it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// How it ended, after the host's own rules: a trap, a missed deadline or exhausted memory is
    /// already `Retryable` or `Unknown` here, and a receipt without an effect already a failure.
    pub outcome: Outcome,
    /// The first effect, if there was one.
    pub effect: Option<Effect>,
    /// It asked for connections, and none could be made: whatever the message, nobody is there.
    pub found_nobody: bool,
    /// How long it took.
    pub took: Duration,
}

/// What a transport found out about an earlier attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It did not arrive.
    NotArrived,
    /// It arrived.
    Arrived(Receipt),
    /// It arrived, and was answered with these words.
    Answered(Receipt, String),
    /// It arrived and failed there; sending it again will not help.
    Failed(Failure),
    /// It cannot be said, at least not now.
    Unknown,
    /// It can never be said of this message in this way: nobody has to be asked again.
    NeverKnown,
}

/// byway's own failure: no attempt was made, and none is counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HostFault {
    /// A short stable word, such as `pool-exhausted`.
    pub code: &'static str,
    /// What happened, and what to do.
    pub message: String,
}

impl HostFault {
    /// The code where the adapter broke so often that it is left alone for a while. When it may be called
    /// again is known to whoever plans, so this fault brings no pause of its own.
    pub const QUARANTINED: &str = "quarantined";
}

impl Outcome {
    /// The word alone.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Delivered(_) => OutcomeKind::Delivered,
            Self::Retryable(_) => OutcomeKind::Retryable,
            Self::Unavailable(_) => OutcomeKind::Unavailable,
            Self::Refused(_) => OutcomeKind::Refused,
            Self::Unknown(_) => OutcomeKind::Unknown,
        }
    }

    /// The failure, where it is one.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Delivered(_) => None,
            Self::Retryable(failure)
            | Self::Unavailable(failure)
            | Self::Refused(failure)
            | Self::Unknown(failure) => Some(failure),
        }
    }
}

impl Failure {
    /// A failure with a code and a sentence.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            fix: None,
            retry_after: None,
        }
    }

    /// The same, with what the person can do.
    #[must_use]
    pub fn with_fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Delivered => "delivered",
            Self::Retryable => "retryable",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        })
    }
}

impl fmt::Display for ReceiptStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Processed => "processed",
        })
    }
}
