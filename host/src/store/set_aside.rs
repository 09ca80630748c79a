//! A damaged row is taken out of its table and kept as it is, so that it stops nobody else.
//!
//! It goes into the table `damaged`, with a line in the journal and an error in the log; whoever asks for that
//! message is told. Nobody acts on what it says.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Map, Value, json};

use super::column::hex;
use super::journal::tell_damage;
use super::sum::{self, Damage};
use super::{Store, StoreError};

/// As many rows are set aside for one call at most; a disk that damages more is given up.
const ROWS_MAX: usize = 1_000;

pub(super) const KEEP: &str =
    "INSERT INTO damaged (origin, key, id, columns, json) VALUES (?1, ?2, ?3, ?4, ?5)";
pub(super) const BY_ID: &str = "SELECT origin, key FROM damaged WHERE id = ?1 ORDER BY seq DESC LIMIT 1";
pub(super) const BY_KEY: &str = "SELECT id FROM damaged WHERE origin = ?1 AND key = ?2 LIMIT 1";

/// The statements for one table.
struct Table {
    row: &'static str,
    body: &'static str,
    remove: &'static str,
}

const OUTGOING: Table = Table {
    row: "SELECT * FROM outgoing WHERE key = ?1",
    body: "SELECT json FROM outgoing_body WHERE key = ?1",
    remove: "DELETE FROM outgoing WHERE key = ?1",
};
const INCOMING: Table = Table {
    row: "SELECT * FROM incoming WHERE key = ?1",
    body: "SELECT json FROM incoming_body WHERE key = ?1",
    remove: "DELETE FROM incoming WHERE key = ?1",
};

impl Store {
    /// Reads; where a row is damaged, sets it aside and reads again without it.
    pub(super) async fn read_sound<T: Send + 'static>(
        &self,
        query: impl Fn(&Connection) -> rusqlite::Result<T> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let query = Arc::new(query);
        for _ in 0..ROWS_MAX {
            let again = Arc::clone(&query);
            match self.inner.readers.read(move |connection| again(connection)).await {
                Err(StoreError::RowDamaged { table, key, .. }) => {
                    self.set_aside(Damage { table, key }).await?
                }
                read => return read,
            }
        }
        self.inner.readers.read(move |connection| query(connection)).await
    }

    /// Writes; where a row that is needed for it is damaged, sets that aside and says so.
    pub(super) async fn write_sound<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let written = self.inner.writer.write(work).await;
        self.set_aside_what_is_damaged(&written).await?;
        written
    }

    /// Sets aside the row that kept something from being done, where one did.
    pub(super) async fn set_aside_what_is_damaged<T>(
        &self,
        done: &Result<T, StoreError>,
    ) -> Result<(), StoreError> {
        match done {
            Err(StoreError::RowDamaged { table, key }) => self.set_aside(Damage { table, key: *key }).await,
            _ => Ok(()),
        }
    }

    /// That a message of this id was set aside, where one was.
    ///
    /// # Errors
    /// Where one was; or where it could not be read.
    pub(super) async fn refuse_what_was_set_aside(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.inner
            .readers
            .read(move |connection| refuse_by_id(connection, &id))
            .await
    }

    async fn set_aside(&self, damage: Damage) -> Result<(), StoreError> {
        let done = self.inner.writer.write(move |tx| set_aside(tx, damage)).await?;
        let Damage { table, key } = damage;
        // It was before, and it was told then.
        let Some(SetAside { id }) = done else {
            return Ok(());
        };
        tracing::error!(
            id,
            table,
            key,
            "a message's row is damaged; it is set aside in the table `damaged`, and the others go on: look at the disk"
        );
        Ok(())
    }
}

/// That a message of this id was set aside, where one was: an error then.
pub(super) fn refuse_by_id(connection: &Connection, id: &str) -> rusqlite::Result<()> {
    let found: Option<(String, i64)> = connection
        .prepare_cached(BY_ID)?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        None => Ok(()),
        Some((origin, key)) if origin == "incoming" => Err(sum::damaged(Damage {
            table: "incoming",
            key,
        })),
        Some((_, key)) => Err(sum::damaged(Damage {
            table: "outgoing",
            key,
        })),
    }
}

/// That this row was set aside, where it was: an error then.
pub(super) fn refuse_by_key(connection: &Connection, damage: Damage) -> rusqlite::Result<()> {
    let Damage { table, key } = damage;
    if connection.prepare_cached(BY_KEY)?.exists(params![table, key])? {
        return Err(sum::damaged(damage));
    }
    Ok(())
}

/// A row that was taken out of its table.
pub(super) struct SetAside {
    /// The message's id, as the row has it.
    id: Option<String>,
}

/// Takes a row out of its table. Nothing happens where it is not there any more.
fn set_aside(connection: &Connection, damage: Damage) -> rusqlite::Result<Option<SetAside>> {
    let Damage { table, key } = damage;
    let statements = if table == "incoming" { INCOMING } else { OUTGOING };
    let found = connection
        .prepare_cached(statements.row)?
        .query_row([key], columns)
        .optional()?;
    let Some(columns) = found else {
        return Ok(None);
    };
    let body: Option<Vec<u8>> = connection
        .prepare_cached(statements.body)?
        .query_row([key], |row| row.get(0))
        .optional()?;
    let word = |name: &str| columns.get(name).and_then(Value::as_str).map(str::to_owned);
    let about = [word("id"), word("source"), word("recipient")];
    let [id, ..] = &about;
    let all = Value::Object(columns.clone()).to_string();
    connection
        .prepare_cached(KEEP)?
        .execute(params![table, key, id, all, body])?;
    let name = if table == "incoming" { "in" } else { "out" };
    tell_damage(connection, &about, &json!({ name: key, "table": table }))?;
    connection.prepare_cached(statements.remove)?.execute([key])?;
    Ok(Some(SetAside { id: id.clone() }))
}

/// All columns of a row, whatever stands in them.
pub(super) fn columns(row: &Row<'_>) -> rusqlite::Result<Map<String, Value>> {
    let mut columns = Map::new();
    for (column, name) in row.as_ref().column_names().enumerate() {
        let value = match row.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.to_string().into(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
            ValueRef::Blob(blob) => hex(blob).into(),
        };
        columns.insert(name.to_owned(), value);
    }
    Ok(columns)
}
