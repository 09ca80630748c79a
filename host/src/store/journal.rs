//! The record of everything that happened to every message.
//!
//! Rows are only ever added: triggers refuse everything else, from byway and from a person's shell
//! alike. A row holds ids, digests and words, never a body and never a secret.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::column::{limit, time};
use super::rows::{JournalRow, Note};
use super::{Store, StoreError};

const ADD: &str =
    "INSERT INTO journal (at, event, id, source, recipient, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
pub(super) const READ: &str =
    "SELECT seq, at, event, id, source, recipient, detail FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2";

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
}

/// The message that a row is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) source: &'a str,
    pub(super) id: &'a str,
    pub(super) recipient: &'a str,
}

pub(super) fn add(connection: &Connection, note: &Note) -> rusqlite::Result<()> {
    connection.prepare_cached(ADD)?.execute(params![
        note.at.as_millisecond(),
        note.event,
        note.id,
        note.source,
        note.recipient,
        note.detail
    ])?;
    Ok(())
}

/// Adds a row about one message.
pub(super) fn tell(
    connection: &Connection,
    at: Timestamp,
    event: &str,
    about: About<'_>,
    detail: &Value,
) -> rusqlite::Result<()> {
    connection.prepare_cached(ADD)?.execute(params![
        at.as_millisecond(),
        event,
        about.id,
        about.source,
        about.recipient,
        detail.to_string()
    ])?;
    Ok(())
}

pub(super) fn read(connection: &Connection, after: i64, rows: usize) -> rusqlite::Result<Vec<JournalRow>> {
    connection
        .prepare_cached(READ)?
        .query_map(params![after, limit(rows)], row)?
        .collect()
}

fn row(row: &Row<'_>) -> rusqlite::Result<JournalRow> {
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
    })
}
