//! Messages that wait are made due now, because what they waited for may be different: a configuration was
//! put in force.
//!
//! A message that was never looked at is left alone: it is new, or not to be attempted before a time that its
//! sender named. Done in pieces, so that other writers get their turn between them, those first that would
//! have waited longest.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::outbox::PRIORITIES;
use super::{Store, StoreError};

/// Messages changed in one transaction.
const PIECE: i64 = 1_000;
/// Pieces of one priority: a million messages. Beyond that, and where messages come to wait as fast as they
/// are made due, the others are left to their own time.
const PIECES_MAX: usize = 1_000;

pub(super) const LATER: &str = "SELECT key FROM outgoing WHERE priority = ?1 AND due_at > ?2 \
                                AND (reason IS NOT NULL OR EXISTS (SELECT 1 FROM attempt WHERE attempt.key = outgoing.key)) \
                                ORDER BY due_at DESC LIMIT ?3";
const MAKE_DUE: &str = "UPDATE outgoing SET due_at = ?2 WHERE key = ?1";

impl Store {
    /// Makes every message due by `now` that waits or is held after it was looked at before. Says how many.
    ///
    /// # Errors
    /// Where it could not be stored; some of them may be due then, and the others when they were.
    pub async fn hasten(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut hastened = 0;
        for priority in PRIORITIES {
            for _ in 0..PIECES_MAX {
                let piece = self
                    .inner
                    .writer
                    .write(move |tx| hasten(tx, priority, now))
                    .await?;
                hastened += piece;
                if piece == 0 {
                    break;
                }
            }
        }
        Ok(hastened)
    }
}

fn hasten(connection: &Connection, priority: u8, now: Timestamp) -> rusqlite::Result<usize> {
    let now = now.as_millisecond();
    let keys: Vec<i64> = connection
        .prepare_cached(LATER)?
        .query_map(params![priority, now, PIECE], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut make_due = connection.prepare_cached(MAKE_DUE)?;
    for key in &keys {
        make_due.execute(params![key, now])?;
    }
    Ok(keys.len())
}
