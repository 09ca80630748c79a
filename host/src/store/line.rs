//! Messages of one partition stand in line: the first may be attempted, the others wait for their turn.
//!
//! A partition is a recipient and a partition key, and the order is that of acceptance. The first leaves the line
//! when it has ended, or when it is held or dead and its route lets the others pass; in the same transaction
//! the next one's turn comes. That is done by the schema's triggers, so it holds whoever ends, drops or deletes a message; and
//! it costs the same however many stand there.

use rusqlite::{Connection, params};

pub(super) const IS_ANYBODY_THERE: &str =
    "SELECT key FROM outgoing WHERE recipient = ?1 AND partition_key = ?2 AND in_line = 1 LIMIT 1";
/// What the triggers ask.
#[cfg(test)]
pub(super) const FIRST: &str =
    "SELECT min(key) FROM outgoing WHERE recipient = ?1 AND partition_key = ?2 AND in_line = 1";
pub(super) const LEAVE: &str = "UPDATE outgoing SET in_line = 0, waits_for = CASE WHEN waits_for = 'turn' THEN '' ELSE waits_for END \
                                WHERE key = ?1 AND in_line = 1";

/// Whether a new message of this partition has to wait for others.
pub(super) fn has_others(connection: &Connection, recipient: &str, key: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(IS_ANYBODY_THERE)?
        .exists(params![recipient, key])
}

/// Takes a message that has not ended for good out of its line, if it stands in one.
pub(super) fn leave(connection: &Connection, key: i64) -> rusqlite::Result<()> {
    connection.prepare_cached(LEAVE)?.execute([key]).map(drop)
}
