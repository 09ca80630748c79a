//! Keys whose time is over go: of what was taken in, and of what callers presented.
//!
//! One that is damaged does not, since nobody can tell whether its time is over: what comes under it stays refused. It is
//! given another 30 days, so that it is not in the way of those behind it.

use jiff::{SignedDuration, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement};

use super::records::AsItIs;
use super::stray::despite_indexes;
use super::sum;

const LONGER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// One of the two tables.
pub(super) struct Keys {
    name: &'static str,
    /// Those whose time is over, with all columns; the name comes first, the sum last.
    pub(super) over: &'static str,
    /// How many columns are the name.
    named_by: usize,
    forget: &'static str,
    /// Its sum stays one that does not hold.
    postpone: &'static str,
}

pub(super) const TAKEN_IN: Keys = Keys {
    name: sum::TAKEN_IN,
    over: "SELECT id, source, authority, recipient, digest, key, kept_until, sum FROM taken_in \
           WHERE kept_until <= ?1 ORDER BY kept_until LIMIT ?2",
    named_by: 4,
    forget: "DELETE FROM taken_in WHERE id = ?1 AND source = ?2 AND authority = ?3 AND recipient = ?4",
    postpone: "UPDATE taken_in SET kept_until = ?5, sum = 0 \
               WHERE id = ?1 AND source = ?2 AND authority = ?3 AND recipient = ?4",
};
pub(super) const PRESENTED: Keys = Keys {
    name: sum::IDEMPOTENCY,
    over: "SELECT principal, name, digest, id, source, kept_until, sum FROM idempotency \
           WHERE kept_until <= ?1 ORDER BY kept_until LIMIT ?2",
    named_by: 2,
    forget: "DELETE FROM idempotency WHERE principal = ?1 AND name = ?2",
    postpone: "UPDATE idempotency SET kept_until = ?3, sum = 0 WHERE principal = ?1 AND name = ?2",
};

/// Takes out at most so many keys whose time is over. Says how many went.
pub(super) fn forget(
    connection: &Connection,
    keys: &Keys,
    now: Timestamp,
    most: i64,
) -> rusqlite::Result<usize> {
    let mut over = connection.prepare_cached(keys.over)?;
    let found = over
        .query_map([now.as_millisecond(), most], |row| keys.read(row))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let longer = now.saturating_add(LONGER).unwrap_or(Timestamp::MAX);
    let mut forgotten = 0;
    for (name, holds) in found {
        let (statement, until) = if holds {
            (keys.forget, None)
        } else {
            (keys.postpone, Some(longer.as_millisecond()))
        };
        despite_indexes(connection, &[keys.name], || {
            run(&mut *connection.prepare_cached(statement)?, &name, until)
        })?;
        forgotten += usize::from(holds);
    }
    Ok(forgotten)
}

impl Keys {
    /// What names a key, whatever bytes it has, and whether the row is what was written.
    fn read(&self, row: &Row<'_>) -> rusqlite::Result<(Vec<Vec<u8>>, bool)> {
        let name = (0..self.named_by).map(|column| Ok(row.get_ref(column)?.as_bytes()?.to_vec()));
        let last = row.as_ref().column_count().saturating_sub(1);
        let summed: Vec<usize> = (0..last).collect();
        Ok((
            name.collect::<rusqlite::Result<_>>()?,
            sum::holds(self.name, row, &summed, last)?,
        ))
    }
}

fn run(statement: &mut Statement<'_>, name: &[Vec<u8>], until: Option<i64>) -> rusqlite::Result<usize> {
    let mut place = 1;
    for word in name {
        statement.raw_bind_parameter(place, AsItIs(ValueRef::Text(word)))?;
        place += 1;
    }
    if let Some(until) = until {
        statement.raw_bind_parameter(place, until)?;
    }
    statement.raw_execute()
}
