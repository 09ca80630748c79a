//! What an adapter keeps of one message: which part of a long text is out, the id of a run. On disk before the adapter goes
//! on, and handed to it again at the message's next attempt on the same transport.
//!
//! One that is damaged is never handed over: an adapter would go on where it had not been.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::advance::STANDING;
use super::records::{self, DamagedRecord};
use super::rows::MessageKey;
use super::sum;
use super::{Store, StoreError};

const SAVE_PROGRESS: &str = "INSERT INTO progress (key, transport, bytes, saved_at, sum) VALUES (?1, ?2, ?3, ?4, ?5) \
                             ON CONFLICT DO UPDATE SET bytes = excluded.bytes, saved_at = excluded.saved_at, sum = excluded.sum";
pub(super) const PROGRESS: &str =
    "SELECT key, transport, bytes, saved_at, sum FROM progress WHERE key = ?1 AND transport = ?2";

/// What one adapter may keep of one message, in bytes.
pub const PROGRESS_BYTES_MAX: usize = 4096;

impl Store {
    /// Keeps what an adapter wants to remember of a message, at most [`PROGRESS_BYTES_MAX`], in place of
    /// what it kept before.
    ///
    /// # Errors
    /// Where it is longer, there is no such message, or it could not be stored.
    pub async fn save_progress(
        &self,
        key: MessageKey,
        transport: &str,
        bytes: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if bytes.len() > PROGRESS_BYTES_MAX {
            return Err(StoreError::ProgressTooLong {
                bytes: bytes.len(),
                most: PROGRESS_BYTES_MAX,
            });
        }
        let transport = transport.to_owned();
        self.inner
            .writer
            .write(move |tx| save_progress(tx, key, &transport, &bytes, now))
            .await
    }

    /// What an adapter kept of a message.
    ///
    /// # Errors
    /// Where it could not be read, or is damaged: nobody can tell what of the message has gone out then.
    pub async fn progress(&self, key: MessageKey, transport: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let transport = transport.to_owned();
        self.inner
            .readers
            .read(move |connection| progress(connection, key, &transport))
            .await
    }
}

fn save_progress(
    connection: &Connection,
    key: MessageKey,
    transport: &str,
    bytes: &[u8],
    now: Timestamp,
) -> rusqlite::Result<()> {
    // Asked for, so that a key of no message is told apart from a database that fails.
    connection
        .prepare_cached(STANDING)?
        .query_row([key.0], |_| Ok(()))?;
    let saved_at = now.as_millisecond();
    let sum = sum::of(sum::PROGRESS, &[&key.0, &transport, &bytes, &saved_at])?;
    connection
        .prepare_cached(SAVE_PROGRESS)?
        .execute(params![key.0, transport, bytes, saved_at, sum])?;
    Ok(())
}

fn progress(connection: &Connection, key: MessageKey, transport: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached(PROGRESS)?
        .query_row(params![key.0, transport], |row| {
            records::check(sum::PROGRESS, row, &[0, 1, 2, 3], 4, DamagedRecord::Progress)?;
            row.get(2)
        })
        .optional()
}
