//! What a person's decision about a message changes, and that it is made of the message as it stands.

use jiff::Timestamp;

use super::{Intake, Refusal};
use crate::delivery::{Flight, ruling};
use crate::error_code::ErrorCode;
use crate::store::{Intervention, Outgoing, Status};

/// How often a decision is made anew because the message moved meanwhile. Each step of a message writes once, so
/// this is only ever reached where something is badly wrong.
const TRIES_MAX: usize = 64;

impl Intake {
    /// Decides about a message as it stands, and anew where it has moved on meanwhile.
    ///
    /// # Errors
    /// What the ruling says of it as it stands, or that it could not be stored.
    pub(crate) async fn decide(
        &self,
        message: Outgoing,
        mut ruling: impl FnMut(&Outgoing, Timestamp) -> Result<Intervention, Refusal>,
    ) -> Result<(), Refusal> {
        let store = &self.store;
        let mut message = message;
        for _ in 0..TRIES_MAX {
            let intervention = ruling(&message, (self.clock)())?;
            if store.intervene(message.key, intervention).await? {
                return Ok(());
            }
            let gone = || Refusal::new(ErrorCode::NoSuchMessage, "the message is gone");
            message = store.outgoing(message.key).await?.ok_or_else(gone)?;
        }
        Err(Refusal::new(
            ErrorCode::StoreFailed,
            "the message changes faster than anybody can decide about it; nothing was done",
        ))
    }
}

/// Whether nobody has decided yet about a message that waits for it.
pub(super) fn is_open(message: &Outgoing) -> bool {
    !message.status.is_end() && flight(message).approval_until.is_some()
}

/// Approves a message, or rejects it.
///
/// # Errors
/// Where it does not wait for that.
pub(crate) fn approval(
    message: &Outgoing,
    by: &str,
    approve: bool,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Intervention, Refusal> {
    if !is_open(message) {
        let sentence = format!(
            "the message to {} is {}, and waits for nobody's approval",
            message.recipient, message.status
        );
        return Err(Refusal::new(ErrorCode::TooLate, sentence));
    }
    let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    if !approve {
        return Ok(Intervention {
            status: Status::Cancelled,
            reason: Some(format!("rejected by {by}{because}")),
            ..Intervention::about(message, "rejected", by, now)
        });
    }
    Ok(Intervention {
        status: Status::Waiting,
        reason: Some(format!("approved by {by}{because}")),
        flight: serde_json::to_string(&ruling::approved(&flight(message))).unwrap_or_default(),
        due_at: now,
        ..Intervention::about(message, "approved", by, now)
    })
}

/// The delivery's state; one that cannot be read may have been anywhere.
pub(crate) fn flight(message: &Outgoing) -> Flight {
    serde_json::from_str(&message.flight).unwrap_or_else(|_| Flight {
        under_way: Some("(lost)".into()),
        ..Flight::new(true)
    })
}
