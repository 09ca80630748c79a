//! A message is taken in: once for each authority, source, id and recipient.
//!
//! The key, the inbox row, what wakes the agent, the receipt for the sender and the line in the journal
//! are one transaction. There is no moment at which the key is there and the message is not.

use rusqlite::{Connection, OptionalExtension as _, ToSql, params};
use serde_json::json;

use super::accept::accept_anew;
use super::idempotency::{Presented, Standing};
use super::journal::{About, note_new, tell};
use super::receipts::accept_receipt;
use super::records::{self, DamagedRecord};
use super::rows::{NewIncoming, TakenIn};
use super::sum::{self, Damage};
use super::words::InboxStatus;
use super::{Store, StoreError};
use super::{inbox, set_aside};
use crate::hexadecimal::hex;

pub(super) const KNOWN: &str = "SELECT id, source, authority, recipient, digest, key, kept_until, sum FROM taken_in WHERE id = ?1 AND source = ?2 AND authority = ?3 \
                                AND recipient = ?4";
const KEEP: &str = "INSERT INTO taken_in (id, source, authority, recipient, digest, key, kept_until, sum) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET digest = excluded.digest, \
                    key = excluded.key, kept_until = excluded.kept_until, sum = excluded.sum";
pub(super) const KEY_OF_NAME: &str =
    "SELECT max(key) FROM incoming WHERE id = ?1 AND agent = ?2 AND source = ?3";
const INSERT: &str = "INSERT INTO incoming (id, source, recipient, agent, subject, authority, via, status, received_at, \
                      changed_at, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'unread', ?8, ?8, ?9)";
const INSERT_BODY: &str = "INSERT INTO incoming_body (key, json, sum) VALUES (?1, ?2, ?3)";

impl Store {
    /// Takes a message in, once, with everything that follows from it. [`TakenIn::Again`] and the
    /// conflicts have stored nothing but a line in the journal.
    ///
    /// # Errors
    /// Where it could not be stored; then nothing of it is.
    pub async fn take_in(&self, new: NewIncoming) -> Result<TakenIn, StoreError> {
        let _room = match self.inner.budget.room_for(new.bytes()) {
            Ok(room) => room,
            // Who asks again about what is here needs no room, and must not hear that it is not here.
            Err(full) => {
                let known = move |connection: &Connection| standing(connection, &new);
                return self.inner.readers.read(known).await?.ok_or(full);
            }
        };
        self.write_sound_with_others(move |tx| take_in(tx, &new)).await
    }
}

impl NewIncoming {
    /// How much room the bodies take that are stored with it, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let wake = self.wake.as_ref().map_or(0, |wake| wake.envelope_json.len());
        self.envelope_json.len() + wake
    }
}

pub(super) fn take_in(connection: &Connection, new: &NewIncoming) -> rusqlite::Result<TakenIn> {
    let recipient = new.recipient.to_string();
    let about = About {
        source: &new.source,
        id: &new.id,
        recipient: &recipient,
    };
    let mut detail = json!({ "authority": new.authority, "via": new.via, "digest": hex(&new.digest) });
    let presented = presented(new);
    let (event, taken) = match known(connection, new, &recipient, presented.as_ref())? {
        Some(again @ TakenIn::Again { .. }) => ("again", again),
        Some(conflict) => ("conflict", conflict),
        None => {
            let key = insert(connection, new, &recipient)?;
            note_new(&mut detail, "in", key, InboxStatus::Unread.as_str());
            if let Some(presented) = presented {
                presented.keep(connection, &new.id, &new.source)?;
            }
            ("taken-in", TakenIn::New)
        }
    };
    tell(connection, new.received_at, event, about, &detail)?;
    if matches!(taken, TakenIn::New) {
        if let Some(wake) = &new.wake {
            // One of the same name may still be there from another authority; the journal has it then.
            accept_anew(connection, wake)?;
        }
        if let Some(receipt) = &new.receipt {
            accept_receipt(connection, receipt, new.received_at)?;
        }
    }
    Ok(taken)
}

/// What was here before, with nothing stored; `None` where it is new.
pub(super) fn standing(connection: &Connection, new: &NewIncoming) -> rusqlite::Result<Option<TakenIn>> {
    known(
        connection,
        new,
        &new.recipient.to_string(),
        presented(new).as_ref(),
    )
}

fn presented(new: &NewIncoming) -> Option<Presented<'_>> {
    let (principal, name, digest) = new.idempotency.as_ref()?;
    Some(Presented {
        principal,
        name,
        digest,
        at: new.received_at,
    })
}

/// What was here before under the caller's key or the message's own name.
fn known(
    connection: &Connection,
    new: &NewIncoming,
    recipient: &str,
    presented: Option<&Presented<'_>>,
) -> rusqlite::Result<Option<TakenIn>> {
    match presented
        .map(|presented| presented.standing(connection))
        .transpose()?
    {
        Some(Standing::Same { id, source }) => {
            let key: Option<i64> = connection
                .prepare_cached(KEY_OF_NAME)?
                .query_row(params![id, new.recipient.agent(), source], |row| row.get(0))?;
            let message = key
                .map(|key| inbox::by_key(connection, key))
                .transpose()?
                .flatten();
            if message.is_none() {
                set_aside::refuse_by_id(connection, Some(&source), &id)?;
            }
            return Ok(Some(TakenIn::Again {
                id,
                source,
                status: message.map_or(InboxStatus::Processed, |message| message.status),
            }));
        }
        Some(Standing::Other) => return Ok(Some(TakenIn::KeyConflict)),
        Some(Standing::New) | None => {}
    }
    let found: Option<(Vec<u8>, i64, i64)> = connection
        .prepare_cached(KNOWN)?
        .query_row(params![new.id, new.source, new.authority, recipient], |row| {
            records::check(
                sum::TAKEN_IN,
                row,
                &[0, 1, 2, 3, 4, 5, 6],
                7,
                DamagedRecord::TakenIn,
            )?;
            Ok((row.get(4)?, row.get(5)?, row.get(6)?))
        })
        .optional()?;
    // Compared here and not by the query: damaged, the time would say that the key was never there.
    let now = new.received_at.as_millisecond();
    let Some((digest, key, _)) = found.filter(|(_, _, kept_until)| *kept_until > now) else {
        return Ok(None);
    };
    if digest != new.digest {
        return Ok(Some(TakenIn::Conflict));
    }
    let message = inbox::by_key(connection, key)?;
    if message.is_none() {
        // It is here no more; who asks again must not hear that all is well.
        let table = "incoming";
        set_aside::refuse_by_key(connection, Damage { table, key })?;
    }
    Ok(Some(TakenIn::Again {
        id: new.id.clone(),
        source: new.source.clone(),
        // The key outlives the inbox row.
        status: message.map_or(InboxStatus::Processed, |message| message.status),
    }))
}

fn insert(connection: &Connection, new: &NewIncoming, recipient: &str) -> rusqlite::Result<i64> {
    let words = [&new.id, &new.source, recipient, &new.authority, &new.via];
    let times = [new.received_at; 2];
    let sum = inbox::sum_of(words, InboxStatus::Unread, new.recipient.agent(), times)?;
    connection.prepare_cached(INSERT)?.execute(params![
        new.id,
        new.source,
        recipient,
        new.recipient.agent(),
        new.subject,
        new.authority,
        new.via,
        new.received_at.as_millisecond(),
        sum
    ])?;
    let key = connection.last_insert_rowid();
    connection.prepare_cached(INSERT_BODY)?.execute(params![
        key,
        new.envelope_json,
        sum::of(sum::INCOMING_BODY, &[&key, &new.envelope_json])?
    ])?;
    let (digest, kept_until) = (new.digest.as_slice(), new.keep_key_until.as_millisecond());
    let values: [&dyn ToSql; 7] = [
        &new.id,
        &new.source,
        &new.authority,
        &recipient,
        &digest,
        &key,
        &kept_until,
    ];
    let sum = sum::of(sum::TAKEN_IN, &values)?;
    connection.prepare_cached(KEEP)?.execute(params![
        new.id,
        new.source,
        new.authority,
        recipient,
        digest,
        key,
        kept_until,
        sum
    ])?;
    Ok(key)
}
