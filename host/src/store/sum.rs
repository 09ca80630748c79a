//! Checksums of rows: damage shows when a row is read, and not when somebody acts on it.
//!
//! They are against disks and not against people: whoever changes a row can compute its sum. The first eight
//! bytes of SHA-256 over the table's name and the values, each with its type and length; never 0, which
//! means that a row has none.

use rusqlite::types::{ToSqlOutput, Type, Value, ValueRef};
use rusqlite::{Connection, Row, ToSql, params};
use sha2::{Digest as _, Sha256};

pub(super) const OUTGOING: &str = "outgoing";
pub(super) const OUTGOING_STATE: &str = "outgoing-state";
pub(super) const OUTGOING_BODY: &str = "outgoing-body";
pub(super) const INCOMING: &str = "incoming";
pub(super) const INCOMING_BODY: &str = "incoming-body";

const STATE: &str = "SELECT status, reason, fallback, receipt, flight, ended_at FROM outgoing WHERE key = ?1";
const HEAD: &str = "SELECT kind, id, source, sender, recipient, deadline, expires, accepted_at, digest FROM outgoing WHERE key = ?1";
const BODY: &str = "SELECT key, json FROM outgoing_body WHERE key = ?1";
const SET_HEAD_SUM: &str = "UPDATE outgoing SET head_sum = ?2 WHERE key = ?1";
const SET_BODY_SUM: &str = "UPDATE outgoing_body SET sum = ?2 WHERE key = ?1";
const SET_STATE_SUM: &str = "UPDATE outgoing SET state_sum = ?2 WHERE key = ?1";

/// A row is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {key} of {table} is damaged")]
pub(super) struct Damage {
    /// Its table: `outgoing` or `incoming`.
    pub(super) table: &'static str,
    /// Its key.
    pub(super) key: i64,
}

/// The sum of values that are to be written.
pub(super) fn of(what: &str, values: &[&dyn ToSql]) -> rusqlite::Result<i64> {
    let mut sum = begin(what);
    for value in values {
        match value.to_sql()? {
            ToSqlOutput::Borrowed(value) => add(&mut sum, value),
            ToSqlOutput::Owned(value) => add(&mut sum, ValueRef::from(&value)),
            _ => add(&mut sum, ValueRef::from(&Value::Null)),
        }
    }
    Ok(end(sum))
}

/// The sum of columns as they were read.
pub(super) fn of_columns(what: &str, row: &Row<'_>, columns: &[usize]) -> rusqlite::Result<i64> {
    let mut sum = begin(what);
    for column in columns {
        add(&mut sum, row.get_ref(*column)?);
    }
    Ok(end(sum))
}

/// Compares columns with the sum in another, and says of which row it is where they differ.
pub(super) fn check(
    what: &str,
    row: &Row<'_>,
    columns: &[usize],
    sum: usize,
    damage: Damage,
) -> rusqlite::Result<()> {
    let written: i64 = row.get(sum)?;
    if written == 0 || of_columns(what, row, columns)? == written {
        return Ok(());
    }
    Err(rusqlite::Error::FromSqlConversionFailure(
        sum,
        Type::Integer,
        Box::new(damage),
    ))
}

/// What cannot be read as what byway writes is damage of its row, and of no other.
pub(super) fn or_damage<T>(read: rusqlite::Result<T>, damage: Damage) -> rusqlite::Result<T> {
    use rusqlite::Error as Sql;
    read.map_err(|error| match error {
        Sql::FromSqlConversionFailure(column, kind, _) => {
            Sql::FromSqlConversionFailure(column, kind, Box::new(damage))
        }
        Sql::InvalidColumnType(column, _, kind) => {
            Sql::FromSqlConversionFailure(column, kind, Box::new(damage))
        }
        Sql::IntegralValueOutOfRange(column, _) => {
            Sql::FromSqlConversionFailure(column, Type::Integer, Box::new(damage))
        }
        other => other,
    })
}

/// Computes the sum of an outgoing message's state anew, after a statement that changed a part of it.
pub(super) fn renew_state(connection: &Connection, key: i64) -> rusqlite::Result<()> {
    let sum = connection
        .prepare_cached(STATE)?
        .query_row([key], |row| of_columns(OUTGOING_STATE, row, &[0, 1, 2, 3, 4, 5]))?;
    connection
        .prepare_cached(SET_STATE_SUM)?
        .execute(params![key, sum])?;
    Ok(())
}

/// Computes all sums of an outgoing message anew, after statements that changed more of it than its state.
pub(super) fn renew(connection: &Connection, key: i64) -> rusqlite::Result<()> {
    let head = connection.prepare_cached(HEAD)?.query_row([key], |row| {
        of_columns(OUTGOING, row, &[0, 1, 2, 3, 4, 5, 6, 7, 8])
    })?;
    connection
        .prepare_cached(SET_HEAD_SUM)?
        .execute(params![key, head])?;
    let body = connection
        .prepare_cached(BODY)?
        .query_row([key], |row| of_columns(OUTGOING_BODY, row, &[0, 1]))?;
    connection
        .prepare_cached(SET_BODY_SUM)?
        .execute(params![key, body])?;
    renew_state(connection, key)
}

/// The step that follows the schema's statements: what is there gets its sums.
pub(super) fn sum_what_is_there(connection: &Connection) -> rusqlite::Result<()> {
    const TABLES: [(&str, &str, &str); 5] = [
        (
            OUTGOING,
            "SELECT key, kind, id, source, sender, recipient, deadline, expires, accepted_at, digest FROM outgoing",
            SET_HEAD_SUM,
        ),
        (
            OUTGOING_STATE,
            "SELECT key, status, reason, fallback, receipt, flight, ended_at FROM outgoing",
            SET_STATE_SUM,
        ),
        (OUTGOING_BODY, "SELECT key, json FROM outgoing_body", SET_BODY_SUM),
        (
            INCOMING,
            "SELECT key, id, source, recipient, authority, via, status, received_at FROM incoming",
            "UPDATE incoming SET sum = ?2 WHERE key = ?1",
        ),
        (
            INCOMING_BODY,
            "SELECT key, json FROM incoming_body",
            "UPDATE incoming_body SET sum = ?2 WHERE key = ?1",
        ),
    ];
    for (what, select, update) in TABLES {
        let mut statement = connection.prepare(select)?;
        // A body's sum is of its key, too: it belongs to one message.
        let first = usize::from(!matches!(what, OUTGOING_BODY | INCOMING_BODY));
        let columns: Vec<usize> = (first..statement.column_count()).collect();
        let mut set = connection.prepare(update)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: i64 = row.get(0)?;
            set.execute(params![key, of_columns(what, row, &columns)?])?;
        }
    }
    Ok(())
}

fn begin(what: &str) -> Sha256 {
    let mut sum = Sha256::new();
    sum.update(what.as_bytes());
    sum.update([0]);
    sum
}

fn add(sum: &mut Sha256, value: ValueRef<'_>) {
    let mut bytes = |kind: u8, bytes: &[u8]| {
        sum.update([kind]);
        sum.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        sum.update(bytes);
    };
    match value {
        ValueRef::Null => bytes(0, &[]),
        ValueRef::Integer(number) => bytes(1, &number.to_be_bytes()),
        ValueRef::Real(number) => bytes(2, &number.to_bits().to_be_bytes()),
        ValueRef::Text(text) => bytes(3, text),
        ValueRef::Blob(blob) => bytes(4, blob),
    }
}

fn end(sum: Sha256) -> i64 {
    let digest: [u8; 32] = sum.finalize().into();
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    // 0 is taken.
    i64::from_be_bytes(first)
        .max(i64::MIN + 1)
        .checked_abs()
        .unwrap_or(1)
        .max(1)
}
