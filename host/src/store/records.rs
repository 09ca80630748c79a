//! The records beside the messages: what was tried, what adapters keep of a message, which keys were taken in or
//! presented, where receiving transports go on, how breakers stand.
//!
//! Each has a sum of all its columns, and what a damaged one would have decided is decided for safety:
//!
//! - an *attempt* is shown as damaged;
//! - *progress*: nobody can tell what has gone out, so the message is not tried through that transport any more;
//! - a *key*, taken in or presented: what comes under it is refused, since it must not be taken in twice;
//! - a *cursor* is set aside: its transport begins with what the far side still has, and what comes again is recognised;
//! - a *breaker* is set aside, and closed.
//!
//! A row is found by its key, so damage to the key itself would be passed over. Therefore all of them are
//! looked through when a store that is not large is opened.

use rusqlite::types::{ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, Row, ToSql, params};
use serde_json::{Map, Value, json};

use super::journal::tell_damage;
use super::set_aside::{KEEP, columns};
use super::sum;
use super::{Store, StoreError};

/// A record that decides something, and is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamagedRecord {
    /// What an adapter kept of a message.
    #[error(
        "what an adapter kept of this message is damaged, so nobody can tell what of it has gone out; it is not tried \
         through that transport any more: ask the far side, and send it anew if it is not there"
    )]
    Progress,
    /// That a message was taken in.
    #[error(
        "the record that a message of this id was taken in is damaged; nothing was stored, since it must not be taken in twice: \
         look into the inbox, and send it under a new id if it is not there"
    )]
    TakenIn,
    /// What an idempotency key stood for.
    #[error(
        "the record of what this idempotency key stood for is damaged; nothing was stored: look for the message, and send \
         it under another key if it is not there"
    )]
    Presented,
}

/// One of these tables.
struct Table {
    name: &'static str,
    /// The first column that the sum is of. All that follow are, but for the last, which is the sum.
    first: usize,
    /// What names a row of it.
    key: &'static [&'static str],
    /// What is said of a damaged one when the store is opened.
    says: &'static str,
    /// Whether it is taken out then.
    goes: bool,
}

const TABLES: [Table; 6] = [
    Table {
        name: sum::ATTEMPT,
        first: 1,
        key: &["seq"],
        says: "an attempt's record is damaged; it is shown so",
        goes: false,
    },
    Table {
        name: sum::PROGRESS,
        first: 0,
        key: &["key", "transport"],
        says: "what an adapter kept of a message is damaged; nobody can tell what of it has gone out",
        goes: false,
    },
    Table {
        name: sum::IDEMPOTENCY,
        first: 0,
        key: &["principal", "name"],
        says: "the record of an idempotency key is damaged; what comes under it is refused",
        goes: false,
    },
    Table {
        name: sum::TAKEN_IN,
        first: 0,
        key: &["id", "source", "authority", "recipient"],
        says: "the record that a message was taken in is damaged; if it comes again, it is refused",
        goes: false,
    },
    Table {
        name: sum::CURSOR,
        first: 0,
        key: &["transport"],
        says: "where a transport goes on is damaged, and set aside; it begins with what the far side still has",
        goes: true,
    },
    Table {
        name: sum::BREAKER,
        first: 0,
        key: &["transport"],
        says: "how a breaker stands is damaged, and set aside; it is closed",
        goes: true,
    },
];

/// Computes the sums of all records.
pub(super) fn sum_all(connection: &Connection) -> rusqlite::Result<()> {
    for table in TABLES {
        let condition: Vec<String> = (2..)
            .zip(table.key)
            .map(|(place, key)| format!("{key} = ?{place}"))
            .collect();
        let update = format!(
            "UPDATE {} SET sum = ?1 WHERE {}",
            table.name,
            condition.join(" AND ")
        );
        let mut set = connection.prepare(&update)?;
        let mut statement = connection.prepare(&table.select())?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let sum = sum::of_columns(table.name, row, &table.summed(row))?;
            set.raw_bind_parameter(1, sum)?;
            for (place, key) in (2..).zip(table.key) {
                set.raw_bind_parameter(place, AsItIs(row.get_ref(*key)?))?;
            }
            set.raw_execute()?;
        }
    }
    Ok(())
}

/// Looks through all records, says which are damaged, and sets aside those that would only mislead.
pub(super) fn look_through(connection: &Connection) -> rusqlite::Result<()> {
    for table in TABLES {
        let mut damaged = Vec::new();
        {
            let mut statement = connection.prepare(&table.select())?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if !table.holds(row)? {
                    damaged.push((columns(row)?, table.transport(row)?));
                }
            }
        }
        for (columns, transport) in damaged {
            table.tell(connection, &columns, &transport)?;
        }
    }
    Ok(())
}

/// Sets aside a transport's row of a table that names rows by their transport, as it is, and says so.
fn set_aside(connection: &Connection, name: &str, transport: &[u8]) -> rusqlite::Result<()> {
    let Some(table) = TABLES.iter().find(|table| table.name == name) else {
        return Ok(());
    };
    let select = format!("{} WHERE transport = CAST(?1 AS TEXT)", table.select());
    let mut statement = connection.prepare(&select)?;
    let mut rows = statement.query([transport])?;
    let Some(row) = rows.next()? else {
        return Ok(());
    };
    // It may have been written anew meanwhile.
    if table.holds(row)? {
        return Ok(());
    }
    let (columns, transport) = (columns(row)?, table.transport(row)?);
    drop(rows);
    table.tell(connection, &columns, &transport)
}

impl Store {
    /// Sets aside a transport's damaged row.
    pub(super) async fn set_record_aside(
        &self,
        table: &'static str,
        transport: &[u8],
    ) -> Result<(), StoreError> {
        let transport = transport.to_vec();
        self.inner
            .writer
            .write(move |tx| set_aside(tx, table, &transport))
            .await
    }
}

impl Table {
    fn select(&self) -> String {
        format!("SELECT * FROM {}", self.name)
    }

    fn summed(&self, row: &Row<'_>) -> Vec<usize> {
        (self.first..row.as_ref().column_count().saturating_sub(1)).collect()
    }

    fn holds(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let last = row.as_ref().column_count().saturating_sub(1);
        sum::holds(self.name, row, &self.summed(row), last)
    }

    /// The bytes of what names a row that may be taken out: they need not be UTF-8 any more.
    fn transport(&self, row: &Row<'_>) -> rusqlite::Result<Vec<u8>> {
        if !self.goes {
            return Ok(Vec::new());
        }
        Ok(row.get_ref("transport")?.as_bytes()?.to_vec())
    }

    /// Says that a row is damaged, and takes it out where it would only mislead.
    fn tell(
        &self,
        connection: &Connection,
        columns: &Map<String, Value>,
        transport: &[u8],
    ) -> rusqlite::Result<()> {
        let of = |name: &str| columns.get(name).map(Value::to_string).unwrap_or_default();
        let names: Vec<String> = self
            .key
            .iter()
            .map(|name| format!("{name} {}", of(name)))
            .collect();
        let table = self.name;
        tracing::error!(table, row = names.join(", "), "{}: look at the disk", self.says);
        if !self.goes {
            return Ok(());
        }
        let all = Value::Object(columns.clone()).to_string();
        connection
            .prepare_cached(KEEP)?
            .execute(params![table, 0, None::<&str>, all, None::<&[u8]>])?;
        let detail = json!({ "table": table, "transport": columns.get("transport") });
        tell_damage(connection, &[None, None, None], &detail)?;
        let remove = format!("DELETE FROM {table} WHERE transport = CAST(?1 AS TEXT)");
        connection.execute(&remove, [transport]).map(drop)
    }
}

/// A value as it was read, whatever bytes a text has.
pub(super) struct AsItIs<'a>(pub(super) ValueRef<'a>);

impl ToSql for AsItIs<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

/// Refuses a row whose sum, its last column, does not hold: of a record that decides something.
pub(super) fn check(
    what: &'static str,
    row: &Row<'_>,
    columns: &[usize],
    sum: usize,
    damaged: DamagedRecord,
) -> rusqlite::Result<()> {
    if sum::holds(what, row, columns, sum)? {
        return Ok(());
    }
    Err(rusqlite::Error::FromSqlConversionFailure(
        sum,
        Type::Integer,
        Box::new(damaged),
    ))
}
