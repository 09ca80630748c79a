//! Checksums of rows: damage shows when a row is read, and not when somebody acts on it.
//!
//! They are against disks and not against people: whoever changes a row can compute its sum. The first eight
//! bytes of SHA-256 over the table's name and the values, each with its type and length; never 0, since a page that comes back
//! as zeros has that, and never negative. A row that a person's shell changed has [`BY_HAND`] in its place, and holds.

use rusqlite::types::{ToSqlOutput, Type, Value, ValueRef};
use rusqlite::{Connection, Row, ToSql, params};
use sha2::{Digest as _, Sha256};

pub(super) const OUTGOING: &str = "outgoing";
pub(super) const OUTGOING_STATE: &str = "outgoing-state";
pub(super) const OUTGOING_BODY: &str = "outgoing-body";
pub(super) const INCOMING: &str = "incoming";
pub(super) const INCOMING_BODY: &str = "incoming-body";
pub(super) const ATTEMPT: &str = "attempt";
pub(super) const PROGRESS: &str = "progress";
pub(super) const IDEMPOTENCY: &str = "idempotency";
pub(super) const TAKEN_IN: &str = "taken_in";
pub(super) const CURSOR: &str = "cursor";
pub(super) const BREAKER: &str = "breaker";

/// What stands in the place of the sum of a row that was changed by hand; the schema's triggers set it. Its bytes are the
/// words `by hand!`, so that neither zeros nor ones are taken for it.
pub(super) const BY_HAND: i64 = -0x6279_2068_616e_6421;

const STATE: &str = "SELECT status, reason, fallback, receipt, flight, ended_at FROM outgoing WHERE key = ?1";
const HEAD: &str = "SELECT kind, id, source, sender, recipient, deadline, expires, accepted_at, digest, principal, instance, \
                    priority, partition_key FROM outgoing WHERE key = ?1";
const BODY: &str = "SELECT key, json FROM outgoing_body WHERE key = ?1";
pub(super) const SET_HEAD_SUM: &str = "UPDATE outgoing SET head_sum = ?2 WHERE key = ?1";
pub(super) const SET_BODY_SUM: &str = "UPDATE outgoing_body SET sum = ?2 WHERE key = ?1";
pub(super) const SET_STATE_SUM: &str = "UPDATE outgoing SET state_sum = ?2 WHERE key = ?1";

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

/// Whether columns are what the sum in another is of. What was changed by hand holds; what has no sum does not.
pub(super) fn holds(what: &str, row: &Row<'_>, columns: &[usize], sum: usize) -> rusqlite::Result<bool> {
    // What is no number is no sum.
    let written = row.get_ref(sum)?.as_i64().unwrap_or(0);
    Ok(written == BY_HAND || of_columns(what, row, columns)? == written)
}

/// Compares columns with the sum in another, and says of which row it is where they differ.
pub(super) fn check(
    what: &str,
    row: &Row<'_>,
    columns: &[usize],
    sum: usize,
    damage: Damage,
) -> rusqlite::Result<()> {
    if holds(what, row, columns, sum)? {
        return Ok(());
    }
    Err(damaged(damage))
}

/// The same as the error that it is.
pub(super) fn damaged(damage: Damage) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, Box::new(damage))
}

/// Which row an error is of, where it is of a damaged one.
pub(super) fn damage_in(error: &rusqlite::Error) -> Option<Damage> {
    match error {
        rusqlite::Error::FromSqlConversionFailure(_, _, cause) => cause.downcast_ref().copied(),
        _ => None,
    }
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
        Sql::Utf8Error(column, _) => Sql::FromSqlConversionFailure(column, Type::Text, Box::new(damage)),
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
        of_columns(OUTGOING, row, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
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
    // Neither 0 nor a mark.
    i64::from_be_bytes(first)
        .max(i64::MIN + 1)
        .checked_abs()
        .unwrap_or(1)
        .max(1)
}
