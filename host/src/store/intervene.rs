//! Somebody decides about a message on its way out: it is cancelled, approved, redriven or dropped.
//!
//! Whoever decides has looked at the message before. What is decided holds only if the message still stands as it
//! was seen; else nothing is changed, and the caller looks again. So a decision never overwrites what the engine
//! has found out meanwhile, and an attempt that has begun is never taken for one that has not.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::json;

use super::accept::accept;
use super::journal::{About, tell};
use super::line;
use super::outbox;
use super::rows::{MessageKey, NewOutgoing, Outgoing};
use super::stray::despite_indexes;
use super::sum;
use super::words::Status;
use super::{Store, StoreError};

const DECIDE: &str = "UPDATE outgoing SET status = ?2, reason = ?3, flight = ?4, due_at = ?5, deadline = ?6, \
                      ended_at = ?7, waits_for = CASE WHEN waits_for = 'turn' THEN waits_for ELSE '' END WHERE key = ?1";
const FORGET_PROGRESS: &str = "DELETE FROM progress WHERE key = ?1";
const REWRITE: &str = "UPDATE outgoing_body SET json = ?2 WHERE key = ?1";

/// What was decided about a message.
#[derive(Clone, Debug)]
pub struct Intervention {
    /// How it stood when it was looked at.
    pub seen_status: Status,
    /// Its delivery's state when it was looked at.
    pub seen_flight: String,
    /// What was decided, as the journal's word.
    pub event: &'static str,
    /// Who decided.
    pub by: String,
    /// How it stands from now on.
    pub status: Status,
    /// Why.
    pub reason: Option<String>,
    /// The delivery's state from now on.
    pub flight: String,
    /// When it is to be looked at next; of no meaning at an end.
    pub due_at: Timestamp,
    /// When byway stops trying.
    pub deadline: Timestamp,
    /// The event with another end of its life; absent: as it was.
    pub envelope_json: Option<Vec<u8>>,
    /// Whether what adapters have kept of it is forgotten, as if nothing had been tried.
    pub forgets_progress: bool,
    /// A message that is sent in its place.
    pub instead: Option<Box<NewOutgoing>>,
    /// A message of byway's own about it, which goes its own way.
    pub beside: Option<Box<NewOutgoing>>,
    /// Now.
    pub at: Timestamp,
}

impl Intervention {
    /// One that changes nothing yet about a message as it was seen.
    #[must_use]
    pub fn about(message: &Outgoing, event: &'static str, by: &str, at: Timestamp) -> Self {
        Self {
            seen_status: message.status,
            seen_flight: message.flight.clone(),
            event,
            by: by.to_owned(),
            status: message.status,
            reason: message.reason.clone(),
            flight: message.flight.clone(),
            due_at: message.due_at,
            deadline: message.deadline,
            envelope_json: None,
            forgets_progress: false,
            instead: None,
            beside: None,
            at,
        }
    }
}

impl Store {
    /// Does what was decided about a message. False where it does not stand any more as it was seen; nothing is
    /// changed then.
    ///
    /// # Errors
    /// Where there is no such message, or it could not be stored.
    pub async fn intervene(&self, key: MessageKey, decided: Intervention) -> Result<bool, StoreError> {
        self.write_sound(move |tx| intervene(tx, key, &decided)).await
    }
}

fn intervene(connection: &Connection, key: MessageKey, decided: &Intervention) -> rusqlite::Result<bool> {
    // Read whole: new sums would make damage look sound.
    let found = outbox::by_key(connection, key)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let (source, id, recipient) = (found.source, found.id, found.recipient.to_string());
    let status = found.status;
    if (status, &found.flight) != (decided.seen_status, &decided.seen_flight) {
        return Ok(false);
    }
    let ended_at = decided.status.is_end().then(|| decided.at.as_millisecond());
    let due_at = ended_at.is_none().then(|| decided.due_at.as_millisecond());
    let deadline = decided.deadline.as_millisecond();
    despite_indexes(connection, &["outgoing"], || {
        connection.prepare_cached(DECIDE)?.execute(params![
            key.0,
            decided.status.as_str(),
            decided.reason,
            decided.flight,
            due_at,
            deadline,
            ended_at
        ])
    })?;
    if let Some(json) = &decided.envelope_json {
        connection
            .prepare_cached(REWRITE)?
            .execute(params![key.0, json])?;
    }
    if decided.forgets_progress {
        connection.prepare_cached(FORGET_PROGRESS)?.execute([key.0])?;
    }
    sum::renew(connection, key.0)?;
    let instead = decided.instead.as_ref().map(|new| new.id.as_str());
    let about = About {
        source: &source,
        id: &id,
        recipient: &recipient,
    };
    if decided.status.is_end() {
        line::leave(connection, key.0)?;
    } else {
        line::queue_up(connection, key.0)?;
    }
    let detail = json!({
        "out": key.0, "stands": decided.status.as_str(), "by": decided.by, "before": status.as_str(), "reason": decided.reason,
        "due_at": due_at, "deadline": deadline, "instead": instead,
    });
    tell(connection, decided.at, decided.event, about, &detail)?;
    for new in decided.instead.iter().chain(&decided.beside) {
        accept(connection, new)?;
    }
    Ok(true)
}
