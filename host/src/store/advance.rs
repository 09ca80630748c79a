//! One step of a message's delivery is written down: what was tried, and how it stands now.
//!
//! Two things can come from elsewhere while the engine is at work on a message. A receipt that is
//! greater than what the engine knew stays, and makes the message due at once, so that it is looked
//! at. And a message that has ended stays ended: what was tried is recorded, and only
//! a delivery still changes how it stands.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use serde_json::json;

use super::column::word;
use super::journal::{About, tell};
use super::line;
use super::outbox;
use super::rows::{Advance, Advanced, Attempt, MessageKey};
use super::stray::despite_indexes;
use super::sum::{self, Damage};
use super::waits_for::WaitsFor;
use super::words::Status;
use super::{Store, StoreError};

pub(super) const STANDING: &str = "SELECT source, id, recipient, receipt, status, ended_at, reason, fallback, flight, state_sum, \
                                   due_at, waits_for, in_line FROM outgoing WHERE key = ?1";
/// Which of its columns the sum of a message's state is of.
const SUMMED_STATE: [usize; 6] = [4, 6, 7, 3, 8, 5];
macro_rules! update {
    ($or:literal) => {
        concat!(
            "UPDATE ",
            $or,
            "outgoing SET status = ?2, reason = ?3, fallback = ?4, receipt = ?5, flight = ?6, due_at = ?7, ended_at = ?8, \
             state_sum = ?10, waits_for = CASE WHEN waits_for = 'turn' AND ?7 IS NOT NULL THEN 'turn' ELSE ?9 END WHERE key = ?1"
        )
    };
}

pub(super) const UPDATE: &str = update!("");
/// The same for one that stands in no line: no trigger of it changes another row. What fails of it is taken back with the whole call, or
/// done again in it and the indexes made anew, so SQLite need not keep copies for this statement alone.
pub(super) const UPDATE_ALONE: &str = update!("OR FAIL ");
/// The same where it stands in the queue as it did: SQLite writes to every index of a column that is set, whatever to.
pub(super) const UPDATE_IN_PLACE: &str = "UPDATE OR FAIL outgoing SET reason = ?2, fallback = ?3, receipt = ?4, flight = ?5, state_sum = ?6 \
                                          WHERE key = ?1";
const UPDATE_ENDED: &str = "UPDATE outgoing SET receipt = ?2, flight = coalesce(?3, flight) WHERE key = ?1";
const ADD_ATTEMPT: &str = "INSERT INTO attempt (key, number, transport, mode, outcome, code, message, fix, effect, \
                           reference, began, took_ms, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
pub(super) const OF_RECIPIENT: &str = "SELECT key, receipt, ended_at IS NULL FROM outgoing \
                                       WHERE id = ?1 AND source = ?2 AND recipient = ?3 AND kind = 'message' ORDER BY key";
const RECEIVED: &str = "UPDATE outgoing SET receipt = ?2, due_at = CASE WHEN ?3 THEN ?4 ELSE due_at END, \
     waits_for = CASE WHEN waits_for = 'turn' THEN waits_for ELSE '' END, reason = coalesce(?5, reason) WHERE key = ?1";

impl Store {
    /// Writes down one step of a message's delivery. A message that has ended stays ended, except that a
    /// dead one can still turn out to be delivered; what was tried is recorded in any case. Gives how the
    /// message stands then: a receipt or an end may have come while the step was taken.
    ///
    /// # Errors
    /// Where it could not be stored; then nothing of it is.
    pub async fn advance(
        &self,
        key: MessageKey,
        step: impl Into<Arc<Advance>>,
    ) -> Result<Advanced, StoreError> {
        let step = step.into();
        self.write_sound(move |tx| advance(tx, key, &step)).await
    }

    /// Notes what the addressed instance says of a message of ours. Of several receipts the greatest
    /// holds, and makes a message that has not ended due. False where there is no such message.
    ///
    /// # Errors
    /// Where it could not be stored.
    pub async fn record_receipt(
        &self,
        source: &str,
        id: &str,
        recipient: &str,
        status: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.record_failure(source, id, recipient, status, None, now)
            .await
    }

    /// The same for a receipt that says why: what came of the message over there becomes its reason here.
    ///
    /// # Errors
    /// Where it could not be stored.
    pub async fn record_failure(
        &self,
        source: &str,
        id: &str,
        recipient: &str,
        status: &str,
        why: Option<String>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let words = [source, id, recipient, status].map(str::to_owned);
        self.write_sound(move |tx| {
            let [source, id, recipient, status] = &words;
            record_receipt(tx, (source, id, recipient), status, why.as_deref(), now)
        })
        .await
    }
}

/// What the journal says of a step. Of the details that each message has, and so made without a tree in between.
#[derive(Serialize)]
struct Stands<'a> {
    due_at: Option<i64>,
    fallback: bool,
    out: i64,
    reason: Option<&'a str>,
    receipt: Option<&'a str>,
    stands: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tried: Vec<Tried<'a>>,
}

/// What it says of a step of a message that had ended before.
#[derive(Serialize)]
struct EndedBefore<'a> {
    after: &'a str,
    out: i64,
    receipt: Option<&'a str>,
    status: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tried: Vec<Tried<'a>>,
}

/// What it says of an attempt, and of a transport that was passed over.
#[derive(Serialize)]
struct Tried<'a> {
    began: i64,
    code: Option<&'a str>,
    effect: Option<&'a str>,
    mode: &'a str,
    number: Option<u32>,
    outcome: &'a str,
    took_ms: u64,
    transport: &'a str,
}

impl<'a> From<&'a Attempt> for Tried<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        Self {
            began: attempt.began.as_millisecond(),
            code: attempt.code.as_deref(),
            effect: attempt.effect.as_deref(),
            mode: &attempt.mode,
            number: attempt.number,
            outcome: &attempt.outcome,
            took_ms: attempt.took_ms,
            transport: &attempt.transport,
        }
    }
}

struct Before {
    source: String,
    id: String,
    recipient: String,
    receipt: Option<String>,
    status: Status,
    ended_at: Option<i64>,
    reason: Option<String>,
    fallback: bool,
    due_at: Option<i64>,
    /// `None` where it cannot be read; then it is written anew.
    waits_for: Option<String>,
    is_in_line: bool,
}

pub(super) fn advance(
    connection: &Connection,
    key: MessageKey,
    step: &Advance,
) -> rusqlite::Result<Advanced> {
    let before = connection.prepare_cached(STANDING)?.query_row([key.0], |row| {
        let (table, key) = ("outgoing", key.0);
        sum::check(sum::OUTGOING_STATE, row, &SUMMED_STATE, 9, Damage { table, key })?;
        Ok(Before {
            source: row.get(0)?,
            id: row.get(1)?,
            recipient: row.get(2)?,
            receipt: row.get(3)?,
            status: word(row, 4)?,
            ended_at: row.get(5)?,
            reason: row.get(6)?,
            fallback: row.get(7)?,
            due_at: row.get(10).ok().flatten(),
            waits_for: row.get(11).ok(),
            // Whatever it is: it only matters that none in a line is taken for one that is not.
            is_in_line: row.get(12).unwrap_or(true),
        })
    })?;
    let about = About {
        source: &before.source,
        id: &before.id,
        recipient: &before.recipient,
    };
    for attempt in &step.attempts {
        add_attempt(connection, key, attempt)?;
    }
    let tried: Vec<Tried<'_>> = step.attempts.iter().map(Tried::from).collect();
    let unseen = rank(before.receipt.as_deref()) > rank(step.receipt.as_deref());
    let receipt = if unseen { &before.receipt } else { &step.receipt };
    if before.ended_at.is_some() && (step.status != Status::Delivered || before.status == Status::Delivered) {
        // What was only about to begin does not begin, and is no part of its story.
        let flight = (!step.attempts.is_empty()).then_some(&step.flight);
        connection
            .prepare_cached(UPDATE_ENDED)?
            .execute(params![key.0, receipt, flight])?;
        sum::renew_state(connection, key.0)?;
        let detail = EndedBefore {
            after: step.status.as_str(),
            out: key.0,
            receipt: receipt.as_deref(),
            status: before.status.as_str(),
            tried,
        };
        tell(connection, step.at, "ended-before", about, &detail)?;
        return Ok(Advanced {
            status: before.status,
            receipt: receipt.clone(),
        });
    }
    let at = step.at.as_millisecond();
    let ended_at = step.status.is_end().then_some(at);
    let due_at = match ended_at {
        Some(_) => None,
        None if unseen => Some(at),
        None => Some(step.due_at.as_millisecond()),
    };
    let waits_for = if ended_at.is_some() || unseen {
        &WaitsFor::Time
    } else {
        &step.waits_for
    };
    let state_sum = sum::of(
        sum::OUTGOING_STATE,
        &[
            &step.status.as_str(),
            &step.reason,
            &step.fallback,
            receipt,
            &step.flight,
            &ended_at,
        ],
    )?;
    let waits_for = waits_for.to_string();
    let stays_in_place = before.status == step.status
        && before.due_at == due_at
        && before.waits_for.as_deref() == Some(&waits_for);
    if stays_in_place && due_at.is_some() {
        connection.prepare_cached(UPDATE_IN_PLACE)?.execute(params![
            key.0,
            step.reason,
            step.fallback,
            receipt,
            step.flight,
            state_sum
        ])?;
    } else {
        // Damage to when it was due is gone with it.
        let update = if before.is_in_line { UPDATE } else { UPDATE_ALONE };
        despite_indexes(connection, &["outgoing"], || {
            connection.prepare_cached(update)?.execute(params![
                key.0,
                step.status.as_str(),
                step.reason,
                step.fallback,
                receipt,
                step.flight,
                due_at,
                ended_at,
                waits_for,
                state_sum
            ])
        })?;
    }
    if step.lets_pass && matches!(step.status, Status::Dead | Status::Held) {
        line::leave(connection, key.0)?;
    }
    let says_nothing_new = stays_in_place
        && tried.is_empty()
        && before.reason == step.reason
        && before.fallback == step.fallback
        && before.receipt == *receipt;
    if says_nothing_new {
        // That an attempt is about to begin stands in the flight; the journal tells what came of it.
        return Ok(Advanced {
            status: step.status,
            receipt: receipt.clone(),
        });
    }
    let detail = Stands {
        due_at,
        fallback: step.fallback,
        out: key.0,
        reason: step.reason.as_deref(),
        receipt: receipt.as_deref(),
        stands: step.status.as_str(),
        tried,
    };
    tell(connection, step.at, step.status.as_str(), about, &detail)?;
    Ok(Advanced {
        status: step.status,
        receipt: receipt.clone(),
    })
}

fn add_attempt(connection: &Connection, key: MessageKey, attempt: &Attempt) -> rusqlite::Result<()> {
    let took_ms = i64::try_from(attempt.took_ms).unwrap_or(i64::MAX);
    let began = attempt.began.as_millisecond();
    let sum = sum::of(
        sum::ATTEMPT,
        &[
            &key.0,
            &attempt.number,
            &attempt.transport,
            &attempt.mode,
            &attempt.outcome,
            &attempt.code,
            &attempt.message,
            &attempt.fix,
            &attempt.effect,
            &attempt.reference,
            &began,
            &took_ms,
        ],
    )?;
    connection.prepare_cached(ADD_ATTEMPT)?.execute(params![
        key.0,
        attempt.number,
        attempt.transport,
        attempt.mode,
        attempt.outcome,
        attempt.code,
        attempt.message,
        attempt.fix,
        attempt.effect,
        attempt.reference,
        began,
        took_ms,
        sum,
    ])?;
    Ok(())
}

/// Notes what the addressed agent's instance says of a message; a greater receipt makes one that has not ended
/// due. False where there is no message of ours for that recipient.
pub(super) fn record_receipt(
    connection: &Connection,
    (source, id, recipient): (&str, &str, &str),
    status: &str,
    why: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let found: Option<(i64, Option<String>, bool)> = connection
        .prepare_cached(OF_RECIPIENT)?
        .query_row(params![id, source, recipient], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((key, known, open)) = found else {
        let about = About {
            source,
            id,
            recipient,
        };
        tell(
            connection,
            now,
            "receipt",
            about,
            &json!({ "status": status, "of": "no message of ours" }),
        )?;
        return Ok(false);
    };
    let is_greater = rank(known.as_deref()) < rank(Some(status));
    if is_greater {
        // A new sum would make damage look sound.
        outbox::by_key(connection, MessageKey(key))?;
        despite_indexes(connection, &["outgoing"], || {
            let values = params![key, status, open, now.as_millisecond(), why];
            connection.prepare_cached(RECEIVED)?.execute(values)
        })?;
        sum::renew_state(connection, key)?;
    }
    let receipt = if is_greater {
        Some(status)
    } else {
        known.as_deref()
    };
    tell(
        connection,
        now,
        "receipt",
        About {
            source,
            id,
            recipient,
        },
        &json!({ "out": key, "status": status, "receipt": receipt, "reason": why }),
    )?;
    Ok(true)
}

/// How far a receipt's word goes. `failed` says that nobody woke the agent: the message lies there, and what its agent
/// does with it by itself says more. What is none goes nowhere.
fn rank(receipt: Option<&str>) -> u8 {
    match receipt {
        Some("accepted") => 1,
        Some("delivered") => 2,
        Some("failed") => 3,
        Some("read") => 4,
        Some("processed") => 5,
        _ => 0,
    }
}
