//! Messages of one partition stand in line: the first may be attempted, the others wait for their turn.
//!
//! A partition is a recipient and a partition key, and the order is that of acceptance. The first leaves the line
//! when it has ended, or when it is held and its route lets the others pass; in the same transaction
//! the next one's turn comes. Looking for it costs the same however many stand there.

use rusqlite::{Connection, OptionalExtension as _, params};

pub(super) const IS_ANYBODY_THERE: &str =
    "SELECT key FROM outgoing WHERE recipient = ?1 AND partition_key = ?2 AND in_line = 1 LIMIT 1";
pub(super) const PLACE_IN_LINE: &str =
    "SELECT recipient, partition_key FROM outgoing WHERE key = ?1 AND in_line = 1";
pub(super) const FIRST: &str =
    "SELECT min(key) FROM outgoing WHERE recipient = ?1 AND partition_key = ?2 AND in_line = 1";
pub(super) const LEAVE: &str = "UPDATE outgoing SET in_line = 0 WHERE key = ?1";
pub(super) const HAS_ITS_TURN: &str =
    "UPDATE outgoing SET waits_for = '' WHERE key = ?1 AND waits_for = 'turn'";

/// Whether a new message of this partition has to wait for others.
pub(super) fn has_others(connection: &Connection, recipient: &str, key: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(IS_ANYBODY_THERE)?
        .exists(params![recipient, key])
}

/// Takes a message out of its line, if it stands in one, and lets the next one have its turn. To be called
/// before a message that may stand in a line is deleted, too.
pub(super) fn leave(connection: &Connection, key: i64) -> rusqlite::Result<()> {
    let partition: Option<(String, String)> = connection
        .prepare_cached(PLACE_IN_LINE)?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((recipient, partition_key)) = partition else {
        return Ok(());
    };
    connection.prepare_cached(LEAVE)?.execute([key])?;
    let first: Option<i64> = connection
        .prepare_cached(FIRST)?
        .query_row(params![recipient, partition_key], |row| row.get(0))?;
    if let Some(first) = first {
        connection.prepare_cached(HAS_ITS_TURN)?.execute([first])?;
    }
    Ok(())
}
