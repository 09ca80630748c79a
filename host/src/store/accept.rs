//! A message is stored for delivery: once for each source, id, recipient and kind.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;

use super::idempotency::{Presented, Standing};
use super::journal::{About, note_new, tell};
use super::line;
use super::outbox::{self, PRIORITY_MAX};
use super::rows::{Accepted, Earlier, MessageKey, NewOutgoing};
use super::sum::{self, Damage};
use super::waits_for::WaitsFor;
use super::words::{Kind, Status};
use super::{Store, StoreError, set_aside};
use crate::hexadecimal::hex;

pub(super) const KNOWN: &str =
    "SELECT digest, key FROM outgoing WHERE id = ?1 AND source = ?2 AND recipient = ?3 AND kind = ?4";
pub(super) const KEY: &str = "SELECT max(key) FROM outgoing WHERE id = ?1 AND source = ?2";
pub(super) const INSERT: &str = "INSERT INTO outgoing (kind, id, source, sender, recipient, instance, digest, principal, priority, \
                      partition_key, status, flight, due_at, deadline, expires, accepted_at, in_line, waits_for, head_sum, state_sum) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'waiting', ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
const INSERT_BODY: &str = "INSERT INTO outgoing_body (key, json, sum) VALUES (?1, ?2, ?3)";

impl Store {
    /// Stores a message for delivery. When this returns [`Accepted::New`], it is safe; any other answer
    /// has stored nothing but a line in the journal.
    ///
    /// # Errors
    /// Where it could not be stored; then it is not.
    pub async fn accept(&self, new: NewOutgoing) -> Result<Accepted, StoreError> {
        // Only what is new needs room: a receipt belongs to a message that is there.
        let _room = match new.kind {
            Kind::Message => match self.inner.budget.room_for(new.envelope_json.len()) {
                Ok(room) => Some(room),
                Err(full) => {
                    let known = move |connection: &Connection| standing(connection, &new);
                    return self.inner.readers.read(known).await?.ok_or(full);
                }
            },
            Kind::Wake | Kind::Receipt => None,
        };
        self.write_sound_with_others(move |tx| accept(tx, &new)).await
    }
}

pub(super) fn accept(connection: &Connection, new: &NewOutgoing) -> rusqlite::Result<Accepted> {
    let recipient = new.recipient.to_string();
    let about = About {
        source: &new.source,
        id: &new.id,
        recipient: &recipient,
    };
    let mut detail =
        json!({ "kind": new.kind.as_str(), "principal": new.principal, "digest": hex(&new.digest) });
    let presented = presented(new);
    let (event, accepted) = match known(connection, new, &recipient, presented.as_ref())? {
        Some(Accepted::Same(earlier)) => ("again", Accepted::Same(earlier)),
        Some(conflict) => ("conflict", conflict),
        None => {
            let key = insert(connection, new, &recipient)?;
            if let Some(presented) = presented {
                presented.keep(connection, &new.id, &new.source)?;
            }
            note_new(&mut detail, "out", key.0, Status::Waiting.as_str());
            ("accepted", Accepted::New(key))
        }
    };
    tell(connection, new.accepted_at, event, about, &detail)?;
    Ok(accepted)
}

/// The same for what follows from something else, and must not keep it from being stored: an earlier one that is
/// damaged is set aside.
pub(super) fn accept_anew(connection: &Connection, new: &NewOutgoing) -> rusqlite::Result<Accepted> {
    match accept(connection, new) {
        Err(error) => match sum::damage_in(&error) {
            Some(damage) => {
                set_aside::set_aside(connection, damage)?;
                accept(connection, new)
            }
            None => Err(error),
        },
        accepted => accepted,
    }
}

/// What was here before, with nothing stored; `None` where it is new.
pub(super) fn standing(connection: &Connection, new: &NewOutgoing) -> rusqlite::Result<Option<Accepted>> {
    known(
        connection,
        new,
        &new.recipient.to_string(),
        presented(new).as_ref(),
    )
}

fn presented(new: &NewOutgoing) -> Option<Presented<'_>> {
    let (name, digest) = new.idempotency.as_ref()?;
    Some(Presented {
        principal: &new.principal,
        name,
        digest,
        at: new.accepted_at,
    })
}

/// What was here before under the caller's key or the message's own name. The key is asked first: a
/// repeated request may have been given another id.
fn known(
    connection: &Connection,
    new: &NewOutgoing,
    recipient: &str,
    presented: Option<&Presented<'_>>,
) -> rusqlite::Result<Option<Accepted>> {
    match presented
        .map(|presented| presented.standing(connection))
        .transpose()?
    {
        Some(Standing::Same { id, source }) => {
            let status = status(connection, &id, &source)?;
            return Ok(Some(Accepted::Same(Earlier { id, source, status })));
        }
        Some(Standing::Other) => return Ok(Some(Accepted::KeyConflict)),
        Some(Standing::New) | None => {}
    }
    let found: Option<(Vec<u8>, i64)> = connection
        .prepare_cached(KNOWN)?
        .query_row(params![new.id, new.source, recipient, new.kind.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((digest, key)) = found else {
        // A wake or a receipt that comes twice does no harm.
        if new.kind == Kind::Message {
            set_aside::refuse_sent_again(connection, (&new.id, &new.source), recipient)?;
        }
        return Ok(None);
    };
    // Read whole, so that nothing is said of a row that is damaged.
    let Some(message) = outbox::by_key(connection, MessageKey(key))? else {
        // Its body is gone.
        let table = "outgoing";
        return Err(sum::damaged(Damage { table, key }));
    };
    if digest != new.digest {
        return Ok(Some(Accepted::IdConflict));
    }
    Ok(Some(Accepted::Same(Earlier {
        id: message.id,
        source: message.source,
        status: message.status.to_string(),
    })))
}

/// How a message stands that was accepted under an idempotency key. What is not on its way out was
/// for a local agent: delivered with its acceptance.
fn status(connection: &Connection, id: &str, source: &str) -> rusqlite::Result<String> {
    let key: Option<i64> = connection
        .prepare_cached(KEY)?
        .query_row(params![id, source], |row| row.get(0))?;
    let message = key
        .map(|key| outbox::by_key(connection, MessageKey(key)))
        .transpose()?
        .flatten();
    if let Some(message) = message {
        return Ok(message.status.to_string());
    }
    set_aside::refuse_by_id(connection, Some(source), id)?;
    Ok("delivered".to_owned())
}

fn insert(connection: &Connection, new: &NewOutgoing, recipient: &str) -> rusqlite::Result<MessageKey> {
    // A receipt speaks of one message and is in nobody's way.
    let partition_key = new.partition_key.as_deref().filter(|_| new.kind != Kind::Receipt);
    let waits_for = match partition_key {
        Some(key) if line::has_others(connection, recipient, key)? => WaitsFor::Turn,
        _ => WaitsFor::Time,
    };
    let kind = new.kind.as_str();
    let sender = new.sender.as_ref().map(ToString::to_string);
    let digest = new.digest.as_slice();
    let [deadline, accepted_at] = [new.deadline, new.accepted_at].map(jiff::Timestamp::as_millisecond);
    let expires = new.expires.map(jiff::Timestamp::as_millisecond);
    // One that nobody looks for would never be due.
    let priority = new.priority.min(PRIORITY_MAX);
    let head_sum = sum::of(
        sum::OUTGOING,
        &[
            &kind,
            &new.id,
            &new.source,
            &sender,
            &recipient,
            &deadline,
            &expires,
            &accepted_at,
            &digest,
            &new.principal,
            &new.recipient.instance(),
            &priority,
            &new.partition_key,
        ],
    )?;
    let null = rusqlite::types::Null;
    let status = Status::Waiting.as_str();
    let state_sum = sum::of(
        sum::OUTGOING_STATE,
        &[&status, &null, &0, &null, &new.flight, &null],
    )?;
    connection.prepare_cached(INSERT)?.execute(params![
        kind,
        new.id,
        new.source,
        sender,
        recipient,
        new.recipient.instance(),
        digest,
        new.principal,
        priority,
        new.partition_key,
        new.flight,
        new.due_at.as_millisecond(),
        deadline,
        expires,
        accepted_at,
        partition_key.is_some(),
        waits_for.to_string(),
        head_sum,
        state_sum,
    ])?;
    let key = connection.last_insert_rowid();
    let body_sum = sum::of(sum::OUTGOING_BODY, &[&key, &new.envelope_json])?;
    connection
        .prepare_cached(INSERT_BODY)?
        .execute(params![key, new.envelope_json, body_sum])?;
    Ok(MessageKey(key))
}
