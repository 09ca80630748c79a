//! Messages of one partition stand in line: the first may be attempted, the others wait for their turn.
//!
//! A partition is a recipient and a partition key, and the order is that of acceptance. The first leaves the line
//! when it has ended, or when it is held or dead and its route lets the others pass; in the same transaction
//! the next one's turn comes. That is done by the schema's triggers, so it holds whoever ends, drops or deletes a message; and
//! it costs the same however many stand there.

use rusqlite::{Connection, params};

use super::column::limit;
use super::stray::despite_indexes;
use super::{Store, StoreError};
use crate::envelope::Address;

pub(super) const IS_ANYBODY_THERE: &str =
    "SELECT key FROM outgoing WHERE recipient = ?1 AND partition_key = ?2 AND in_line = 1 LIMIT 1";
/// What the triggers ask.
#[cfg(test)]
pub(super) const FIRST: &str =
    "SELECT min(key) FROM outgoing WHERE recipient = ?1 AND partition_key = ?2 AND in_line = 1";
pub(super) const LEAVE: &str = "UPDATE outgoing SET in_line = 0, waits_for = CASE WHEN waits_for = 'turn' THEN '' ELSE waits_for END \
                                WHERE key = ?1 AND in_line = 1";

/// Who has come back into a line, and is not the first of it.
const QUEUE_UP: &str = "UPDATE outgoing SET waits_for = 'turn' WHERE key = ?1 AND in_line = 1 AND EXISTS (\
                        SELECT 1 FROM outgoing AS earlier WHERE earlier.recipient = outgoing.recipient \
                        AND earlier.partition_key = outgoing.partition_key AND earlier.in_line = 1 AND earlier.key < outgoing.key)";
pub(super) const DEAD_IN_LINE: &str = "SELECT key, sender, recipient FROM outgoing WHERE status = 'dead' AND key > ?1 \
                                       AND +in_line = 1 ORDER BY key LIMIT ?2";
/// One that was redriven meanwhile stands in line again by right.
const LEAVE_DEAD: &str = "UPDATE outgoing SET in_line = 0 WHERE key = ?1 AND in_line = 1 AND status = 'dead'";
/// Dead ones that are looked at in one piece.
const PIECE: usize = 1_000;

/// A dead message that others wait for: its key, sender and recipient, as they are written.
type DeadInLine = (i64, Option<String>, String);

impl Store {
    /// Has those dead letters let the next one of their partition go that `lets_pass` names by sender and recipient.
    /// They died under routes that said otherwise. Says how many.
    ///
    /// # Errors
    /// Where it could not be read or stored; then it is to be done again.
    pub(super) async fn let_pass_the_dead(
        &self,
        lets_pass: impl Fn(Option<&Address>, &Address) -> bool + Send + Sync,
    ) -> Result<usize, StoreError> {
        let (mut last, mut let_go) = (0, 0);
        loop {
            let dead = self
                .inner
                .readers
                .read(move |connection| dead_in_line(connection, last))
                .await?;
            let Some((key, _, _)) = dead.last() else {
                return Ok(let_go);
            };
            last = *key;
            let names = |(_, sender, recipient): &DeadInLine| {
                let sender = sender.as_deref().and_then(|sender| sender.parse().ok());
                recipient
                    .parse()
                    .is_ok_and(|recipient| lets_pass(sender.as_ref(), &recipient))
            };
            let keys: Vec<i64> = dead
                .iter()
                .filter(|it| names(it))
                .map(|(key, _, _)| *key)
                .collect();
            if !keys.is_empty() {
                let_go += self.inner.writer.write(move |tx| leave_dead(tx, &keys)).await?;
            }
        }
    }
}

fn dead_in_line(connection: &Connection, after: i64) -> rusqlite::Result<Vec<DeadInLine>> {
    connection
        .prepare_cached(DEAD_IN_LINE)?
        .query_map(params![after, limit(PIECE)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect()
}

fn leave_dead(connection: &Connection, keys: &[i64]) -> rusqlite::Result<usize> {
    let mut leave = connection.prepare_cached(LEAVE_DEAD)?;
    keys.iter().try_fold(0, |left, key| {
        Ok(left + despite_indexes(connection, &["outgoing"], || leave.execute([key]))?)
    })
}

/// Whether a new message of this partition has to wait for others.
pub(super) fn has_others(connection: &Connection, recipient: &str, key: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(IS_ANYBODY_THERE)?
        .exists(params![recipient, key])
}

/// Has a message that goes on after an end wait for its turn, where it still stands in line and is not the first: it
/// may have ended before its turn came, by its deadline.
pub(super) fn queue_up(connection: &Connection, key: i64) -> rusqlite::Result<()> {
    despite_indexes(connection, &["outgoing"], || {
        connection.prepare_cached(QUEUE_UP)?.execute([key]).map(drop)
    })
}

/// Takes a message that has not ended for good out of its line, if it stands in one.
pub(super) fn leave(connection: &Connection, key: i64) -> rusqlite::Result<()> {
    despite_indexes(connection, &["outgoing"], || {
        connection.prepare_cached(LEAVE)?.execute([key]).map(drop)
    })
}
