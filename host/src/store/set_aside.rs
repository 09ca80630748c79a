//! A damaged row is taken out of its table and kept as it is, so that it stops nobody else.
//!
//! It goes into the table `damaged`, with a line in the journal and an error in the log; whoever asks for that
//! message is told. Nobody acts on what it says.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Map, Value, json};

use super::accept::KNOWN;
use super::journal::tell_damage;
use super::stray::{despite_indexes, index_anew};
use super::sum::{self, Damage};
use super::{Store, StoreError};
use crate::hexadecimal::hex;

/// As many rows are set aside for one call at most; a disk that damages more is given up.
const ROWS_MAX: usize = 1_000;

pub(super) const KEEP: &str =
    "INSERT INTO damaged (origin, key, id, columns, json) VALUES (?1, ?2, ?3, ?4, ?5)";
pub(super) const BY_ID: &str =
    "SELECT origin, key, columns, json FROM damaged WHERE id = ?1 ORDER BY seq DESC";
pub(super) const BY_KEY: &str = "SELECT id FROM damaged WHERE origin = ?1 AND key = ?2 LIMIT 1";

/// The statements for one table.
struct Table {
    row: &'static str,
    body: &'static str,
    /// What a body's sum is of.
    body_sum: &'static str,
    /// The tables whose indexes may not lead to what is removed.
    tables: &'static [&'static str],
    remove: &'static str,
}

const OUTGOING: Table = Table {
    row: "SELECT * FROM outgoing WHERE key = ?1",
    body: "SELECT key, json, sum FROM outgoing_body WHERE key = ?1",
    body_sum: sum::OUTGOING_BODY,
    tables: &["outgoing", "attempt"],
    remove: "DELETE FROM outgoing WHERE key = ?1",
};
const INCOMING: Table = Table {
    row: "SELECT * FROM incoming WHERE key = ?1",
    body: "SELECT key, json, sum FROM incoming_body WHERE key = ?1",
    body_sum: sum::INCOMING_BODY,
    tables: &["incoming"],
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

    /// The same for callers from outside, who share a sync with those that come at the same time.
    pub(super) async fn write_sound_with_others<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let written = self.inner.writer.write_with_others(work).await;
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

    /// That a message of this id was set aside, where one was; with a source, one of its.
    ///
    /// # Errors
    /// Where one was; or where it could not be read.
    pub(super) async fn refuse_what_was_set_aside(
        &self,
        source: Option<&str>,
        id: &str,
    ) -> Result<(), StoreError> {
        let (source, id) = (source.map(str::to_owned), id.to_owned());
        self.inner
            .readers
            .read(move |connection| refuse_by_id(connection, source.as_deref(), &id))
            .await
    }

    async fn set_aside(&self, damage: Damage) -> Result<(), StoreError> {
        self.inner.writer.write(move |tx| set_aside(tx, damage)).await
    }
}

/// What is left of a message that was set aside.
struct Left {
    damage: Damage,
    columns: Value,
    /// The event, if that can be read.
    event: Value,
}

impl Left {
    /// Whether a column has another word. One that cannot be read may have had any.
    fn differs(&self, column: &str, word: &str) -> bool {
        let written = self.columns.get(column).and_then(Value::as_str);
        written.is_some_and(|written| written != word)
    }

    fn is_from(&self, source: &str) -> bool {
        !self.differs("source", source) || self.event.get("source").and_then(Value::as_str) == Some(source)
    }

    /// Neither a wake nor a receipt, which are not asked for by their ids.
    fn is_a_message(&self) -> bool {
        self.differs("kind", "wake") && self.differs("kind", "receipt") || self.columns.get("kind").is_none()
    }
}

fn left(connection: &Connection, id: &str) -> rusqlite::Result<Vec<Left>> {
    connection
        .prepare_cached(BY_ID)?
        .query_map([id], |row| {
            let table = match row.get_ref(0)?.as_bytes() {
                Ok(b"incoming") => "incoming",
                _ => "outgoing",
            };
            let key = row.get(1)?;
            let json =
                |bytes: Option<&[u8]>| serde_json::from_slice(bytes.unwrap_or_default()).unwrap_or_default();
            Ok(Left {
                damage: Damage { table, key },
                columns: json(bytes(row.get_ref(2)?)),
                event: json(bytes(row.get_ref(3)?)),
            })
        })?
        .collect()
}

/// That a message of this id was set aside, where one was, and with a source, one of its: an error then.
pub(super) fn refuse_by_id(connection: &Connection, source: Option<&str>, id: &str) -> rusqlite::Result<()> {
    let found = left(connection, id)?
        .into_iter()
        .find(|left| left.is_a_message() && source.is_none_or(|source| left.is_from(source)));
    found.map_or(Ok(()), |left| Err(sum::damaged(left.damage)))
}

/// That this very message was set aside, where it was: an error then. It may have gone out, and must not go out again. One
/// word of its name may be what was damaged.
pub(super) fn refuse_sent_again(
    connection: &Connection,
    (id, source): (&str, &str),
    recipient: &str,
) -> rusqlite::Result<()> {
    let name = [("source", source), ("recipient", recipient), ("kind", "message")];
    let found = left(connection, id)?.into_iter().find(|left| {
        left.damage.table == "outgoing"
            && left.is_a_message()
            && name
                .iter()
                .filter(|(column, word)| left.differs(column, word))
                .count()
                <= 1
    });
    found.map_or(Ok(()), |left| Err(sum::damaged(left.damage)))
}

/// That this row was set aside, where it was: an error then.
pub(super) fn refuse_by_key(connection: &Connection, damage: Damage) -> rusqlite::Result<()> {
    let Damage { table, key } = damage;
    if connection.prepare_cached(BY_KEY)?.exists(params![table, key])? {
        return Err(sum::damaged(damage));
    }
    Ok(())
}

/// Takes a row out of its table, and says so. Nothing happens where it is not there any more.
pub(super) fn set_aside(connection: &Connection, damage: Damage) -> rusqlite::Result<()> {
    let Damage { table, key } = damage;
    let statements = if table == "incoming" { INCOMING } else { OUTGOING };
    let found = connection
        .prepare_cached(statements.row)?
        .query_row([key], columns)
        .optional()?;
    // It was before, and it was told then.
    let Some(columns) = found else {
        return Ok(());
    };
    let body: Option<(Vec<u8>, bool)> = connection
        .prepare_cached(statements.body)?
        .query_row([key], |row| {
            let json = bytes(row.get_ref(1)?).unwrap_or_default().to_vec();
            Ok((json, sum::holds(statements.body_sum, row, &[0, 1], 2)?))
        })
        .optional()?;
    let word = |name: &str| columns.get(name).and_then(Value::as_str).map(str::to_owned);
    // The event says its id, too, and what it says is sound where its sum is.
    let told = body
        .as_ref()
        .filter(|(_, holds)| *holds)
        .and_then(|(json, _)| serde_json::from_slice::<Value>(json).ok())
        .and_then(|event| event.get("id").and_then(Value::as_str).map(str::to_owned));
    let about = [told.or_else(|| word("id")), word("source"), word("recipient")];
    let [id, ..] = &about;
    let all = Value::Object(columns.clone()).to_string();
    let body = body.map(|(json, _)| json);
    connection
        .prepare_cached(KEEP)?
        .execute(params![table, key, id, all, body])?;
    let name = if table == "incoming" { "in" } else { "out" };
    tell_damage(connection, &about, &json!({ name: key, "table": table }))?;
    let takes_anothers_place = table == "outgoing" && leads_to_another(connection, key, &columns)?;
    despite_indexes(connection, statements.tables, || {
        connection.prepare_cached(statements.remove)?.execute([key])
    })?;
    if takes_anothers_place {
        index_anew(connection, statements.tables)?;
    }
    tracing::error!(
        id,
        table,
        key,
        "a message's row is damaged; it is set aside in the table `damaged`, and the others go on: look at the disk"
    );
    Ok(())
}

/// Whether a damaged name is now that of another row: SQLite would take that one's entry out of the index.
fn leads_to_another(
    connection: &Connection,
    key: i64,
    columns: &Map<String, Value>,
) -> rusqlite::Result<bool> {
    let word = |name: &str| columns.get(name).and_then(Value::as_str).unwrap_or_default();
    let named: Option<i64> = connection
        .prepare_cached(KNOWN)?
        .query_row(
            params![word("id"), word("source"), word("recipient"), word("kind")],
            |row| row.get(1),
        )
        .optional()?;
    Ok(named.is_some_and(|named| named != key))
}

/// The bytes of a text or blob; of what the disk made something else of there are none.
fn bytes(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        _ => None,
    }
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
