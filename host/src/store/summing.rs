//! What is there gets its sums, or others, when the schema is brought up to date.
//!
//! A row whose sum does not hold keeps the one it has: it is found damaged when it is read, before and after.

use rusqlite::{Connection, params};

use super::records;
use super::sum;

/// The rows of one table, and what sets their sum. The first column is the key.
struct Rows {
    what: &'static str,
    select: &'static str,
    /// Which columns of the query the sum is of.
    columns: &'static [usize],
    update: &'static str,
}

const SET_INCOMING_SUM: &str = "UPDATE incoming SET sum = ?2 WHERE key = ?1";

/// The first that had sums.
const FIRST: [Rows; 5] = [
    Rows {
        what: sum::OUTGOING,
        select: "SELECT key, kind, id, source, sender, recipient, deadline, expires, accepted_at, digest FROM outgoing",
        columns: &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        update: sum::SET_HEAD_SUM,
    },
    Rows {
        what: sum::OUTGOING_STATE,
        select: "SELECT key, status, reason, fallback, receipt, flight, ended_at FROM outgoing",
        columns: &[1, 2, 3, 4, 5, 6],
        update: sum::SET_STATE_SUM,
    },
    Rows {
        what: sum::OUTGOING_BODY,
        select: "SELECT key, json FROM outgoing_body",
        // A body's sum is of its key, too: it belongs to one message.
        columns: &[0, 1],
        update: sum::SET_BODY_SUM,
    },
    Rows {
        what: sum::INCOMING,
        select: "SELECT key, id, source, recipient, authority, via, status, received_at FROM incoming",
        columns: &[1, 2, 3, 4, 5, 6, 7],
        update: SET_INCOMING_SUM,
    },
    Rows {
        what: sum::INCOMING_BODY,
        select: "SELECT key, json FROM incoming_body",
        columns: &[0, 1],
        update: "UPDATE incoming_body SET sum = ?2 WHERE key = ?1",
    },
];

/// Sums that are of more columns than before: those from the second on, and where the sum stands that there was.
const WIDER: [(Rows, &[usize], usize); 2] = [
    (
        Rows {
            what: sum::OUTGOING,
            select: "SELECT key, kind, id, source, sender, recipient, deadline, expires, accepted_at, digest, principal, instance, \
                     priority, partition_key, head_sum FROM outgoing",
            columns: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
            update: sum::SET_HEAD_SUM,
        },
        &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        14,
    ),
    (
        Rows {
            what: sum::INCOMING,
            select: "SELECT key, id, source, recipient, authority, via, status, received_at, agent, changed_at, sum \
                     FROM incoming",
            columns: &[1, 2, 3, 4, 5, 6, 7, 8, 9],
            update: SET_INCOMING_SUM,
        },
        &[1, 2, 3, 4, 5, 6, 7],
        10,
    ),
];

/// The step that follows the fifth schema's statements: what is there gets its sums.
pub(super) fn sum_what_is_there(connection: &Connection) -> rusqlite::Result<()> {
    for Rows {
        what,
        select,
        columns,
        update,
    } in FIRST
    {
        let mut statement = connection.prepare(select)?;
        let mut set = connection.prepare(update)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: i64 = row.get(0)?;
            set.execute(params![key, sum::of_columns(what, row, columns)?])?;
        }
    }
    Ok(())
}

/// The step that follows the sixth schema's statements: sums are of more, and records have them, too.
pub(super) fn sum_more(connection: &Connection) -> rusqlite::Result<()> {
    for (rows, before, written) in WIDER {
        let mut statement = connection.prepare(rows.select)?;
        let mut set = connection.prepare(rows.update)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let sum: i64 = row.get(written)?;
            if sum != 0 && sum == sum::of_columns(rows.what, row, before)? {
                let key: i64 = row.get(0)?;
                set.execute(params![key, sum::of_columns(rows.what, row, rows.columns)?])?;
            }
        }
    }
    records::sum_all(connection)
}
