//! The record of everything that happened to every message.
//!
//! Rows are only ever added: triggers refuse everything else, from byway and from a person's shell
//! alike, and each row is chained to the one before it, so that what gets round the triggers shows. A row holds
//! ids, digests and words, never a body and never a secret.
//!
//! A row about an outgoing message has its key as `out` in its detail, one about a message in an inbox as `in`;
//! what changed how the message stands says so with `stands` and `receipt`. From that alone [`replay`] tells
//! how every message stands.

mod anchor;
mod chain;
mod checkpoint;
pub(super) mod migrate;
pub(super) mod replay;
pub(super) mod seal;
mod verify;
mod walk;

pub use chain::{RowBytes, RowHash};
pub use checkpoint::{Checkpoint, CheckpointSigner, Mark, NoCheckpoint};
pub use replay::{Replay, StandingIn, StandingOut};
pub use verify::{JournalFile, verify};
pub use walk::{Fault, Finding, Report};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde_json::Value;

use super::column::{limit, time};
use super::rows::{JournalRow, Note};
use super::{Store, StoreError};

// A call that fails is taken back as a whole, so SQLite need not keep what it would take to undo one row; and it keeps that
// nevertheless where a number is given. The next number is what SQLite gives a row by itself, as long as there is one.
const ADD: &str = "INSERT OR FAIL INTO journal (at, event, id, source, recipient, detail, hash) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const ADD_FIRST: &str = "INSERT INTO journal (seq, at, event, id, source, recipient, detail, hash) \
                         VALUES (?8, ?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const HEAD: &str = "SELECT seq, hash, at FROM journal ORDER BY seq DESC LIMIT 1";
const PRUNED_HEAD: &str = "SELECT seq, hash, at FROM checkpoint WHERE seq = (SELECT through FROM pruned)";
pub(super) const READ: &str = "SELECT seq, at, event, id, source, recipient, detail, hash FROM journal \
                               WHERE seq > ?1 ORDER BY seq LIMIT ?2";

impl Store {
    /// Adds a line to the journal. Its detail is a JSON text without bodies and secrets.
    ///
    /// # Errors
    /// Where it could not be stored, or the detail is not JSON.
    pub async fn note(&self, note: Note) -> Result<(), StoreError> {
        self.inner.writer.write(move |tx| add(tx, &note)).await
    }

    /// The journal's lines after a number, in order.
    ///
    /// # Errors
    /// Where they could not be read.
    pub async fn journal(&self, after: i64, limit: usize) -> Result<Vec<JournalRow>, StoreError> {
        self.inner
            .readers
            .read(move |connection| read(connection, after, limit))
            .await
    }

    /// Has checkpoints of the journal signed from now on: every some thousand rows, when asked for, and when the
    /// store is closed. Without this nothing is signed. Only the first signer counts.
    pub fn sign_checkpoints_with(&self, signer: std::sync::Arc<dyn CheckpointSigner>) {
        self.inner.seal.set(signer);
    }

    /// Signs the journal as it stands, where something was added since the last time. `None` where there is nobody
    /// to sign.
    ///
    /// # Errors
    /// Where it could not be stored.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let seal = std::sync::Arc::clone(&self.inner.seal);
        self.inner.writer.write(move |tx| seal.mark(tx)).await
    }
}

/// The message that a row is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) source: &'a str,
    pub(super) id: &'a str,
    pub(super) recipient: &'a str,
}

/// Where the journal ends.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) seq: i64,
    pub(super) hash: RowHash,
    pub(super) at: i64,
    /// Whether the row itself is there, and was not pruned.
    pub(super) is_there: bool,
}

/// The last row, asked of the database each time: what a call added that was then undone is no row.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Head> {
    let mut found = connection
        .prepare_cached(HEAD)?
        .query_row([], |row| head_row(row, true))
        .optional()?;
    if found.is_none() {
        found = connection
            .prepare_cached(PRUNED_HEAD)?
            .query_row([], |row| head_row(row, false))
            .optional()?;
    }
    Ok(found.unwrap_or(Head {
        seq: 0,
        hash: RowHash::START,
        at: 0,
        is_there: false,
    }))
}

fn head_row(row: &Row<'_>, is_there: bool) -> rusqlite::Result<Head> {
    let hash: Vec<u8> = row.get(1)?;
    Ok(Head {
        seq: row.get(0)?,
        // A row whose hash is damaged is followed all the same: `verify` finds it, and byway goes on.
        hash: RowHash::from_slice(&hash).unwrap_or(RowHash::START),
        at: row.get(2)?,
        is_there,
    })
}

pub(super) fn add(connection: &Connection, note: &Note) -> rusqlite::Result<()> {
    append(
        connection,
        note.at.as_millisecond(),
        &note.event,
        [
            note.id.as_deref(),
            note.source.as_deref(),
            note.recipient.as_deref(),
        ],
        &note.detail,
    )
}

/// Adds a row about one message.
pub(super) fn tell(
    connection: &Connection,
    at: Timestamp,
    event: &str,
    about: About<'_>,
    detail: &impl Serialize,
) -> rusqlite::Result<()> {
    let detail = serde_json::to_string(detail)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    append(
        connection,
        at.as_millisecond(),
        event,
        [Some(about.id), Some(about.source), Some(about.recipient)],
        &detail,
    )
}

/// Notes in a row's detail which row of a table it made, and how that stands: what replaying begins with.
pub(super) fn note_new(detail: &mut Value, table: &str, key: i64, stands: &str) {
    if let Some(detail) = detail.as_object_mut() {
        detail.insert(table.to_owned(), key.into());
        detail.insert("stands".to_owned(), stands.into());
    }
}

/// Adds a row about the journal itself, at the time of the row before it.
pub(super) fn tell_of_itself(connection: &Connection, event: &str, detail: &Value) -> rusqlite::Result<()> {
    let at = head(connection)?.at;
    append(connection, at, event, [None; 3], &detail.to_string())
}

/// Adds a row about the journal itself.
pub(super) fn tell_at(
    connection: &Connection,
    at: Timestamp,
    event: &str,
    detail: &Value,
) -> rusqlite::Result<()> {
    append(
        connection,
        at.as_millisecond(),
        event,
        [None; 3],
        &detail.to_string(),
    )
}

/// Adds a row about a message whose own row cannot be trusted, at the time of the row before it.
pub(super) fn tell_damage(
    connection: &Connection,
    about: &[Option<String>; 3],
    detail: &Value,
) -> rusqlite::Result<()> {
    let at = head(connection)?.at;
    append(
        connection,
        at,
        "damaged",
        about.each_ref().map(Option::as_deref),
        &detail.to_string(),
    )
}

/// Adds a row: after the last, and chained to it.
fn append(
    connection: &Connection,
    at: i64,
    event: &str,
    [id, source, recipient]: [Option<&str>; 3],
    detail: &str,
) -> rusqlite::Result<()> {
    let before = head(connection)?;
    let seq = before.seq.saturating_add(1);
    let row = RowBytes {
        seq,
        at,
        event: event.as_bytes(),
        id: id.map(str::as_bytes),
        source: source.map(str::as_bytes),
        recipient: recipient.map(str::as_bytes),
        detail: detail.as_bytes(),
    };
    let hash = row.hash(&before.hash);
    let hash = hash.0.as_slice();
    if before.is_there {
        let values = params![at, event, id, source, recipient, detail, hash];
        connection.prepare_cached(ADD)?.execute(values)?;
    } else {
        let values = params![at, event, id, source, recipient, detail, hash, seq];
        connection.prepare_cached(ADD_FIRST)?.execute(values)?;
    }
    Ok(())
}

pub(super) fn read(connection: &Connection, after: i64, rows: usize) -> rusqlite::Result<Vec<JournalRow>> {
    connection
        .prepare_cached(READ)?
        .query_map(params![after, limit(rows)], row)?
        .collect()
}

fn row(row: &Row<'_>) -> rusqlite::Result<JournalRow> {
    let hash: Vec<u8> = row.get(7)?;
    Ok(JournalRow {
        seq: row.get(0)?,
        note: Note {
            at: time(row, 1)?,
            event: row.get(2)?,
            id: row.get(3)?,
            source: row.get(4)?,
            recipient: row.get(5)?,
            detail: row.get(6)?,
        },
        hash: RowHash::from_slice(&hash).unwrap_or(RowHash::START),
    })
}
