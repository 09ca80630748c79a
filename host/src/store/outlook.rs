//! What is due: the keys of messages, read from the index alone, and only as many as asked for.
//!
//! The queue is cut by what its messages wait for and by priority. Whoever picks goes through those
//! parts in one look at the store, and never through the messages: a part whose messages cannot go on costs one
//! seek, however many lie there.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::column::{limit, time, time_or_null};
use super::outbox;
use super::rows::{MessageKey, Outgoing};
use super::{Store, StoreError};

pub(super) const NEXT_PART: &str =
    "SELECT min(waits_for) FROM outgoing WHERE due_at IS NOT NULL AND waits_for > ?1";
pub(super) const DUE: &str = "SELECT key, due_at FROM outgoing WHERE waits_for = ?1 AND priority = ?2 AND due_at <= ?3 \
                              ORDER BY due_at, key LIMIT ?4";
pub(super) const NEXT_DUE: &str =
    "SELECT min(due_at) FROM outgoing WHERE waits_for = ?1 AND priority = ?2 AND due_at > ?3";
pub(super) const OVERDUE: &str =
    "SELECT key FROM outgoing WHERE due_at IS NOT NULL AND deadline <= ?1 ORDER BY deadline LIMIT ?2";
pub(super) const NEXT_OVERDUE: &str =
    "SELECT min(deadline) FROM outgoing WHERE due_at IS NOT NULL AND deadline > ?1";

/// What a look at the store gives. What goes wrong is told as a [`StoreError`] where the look ends.
pub type Looked<T> = rusqlite::Result<T>;

/// A message that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its key.
    pub key: MessageKey,
    /// Since when.
    pub due_at: Timestamp,
}

/// One look at what is due, all of it as of one moment.
pub struct Outlook<'a> {
    connection: &'a Connection,
}

impl Store {
    /// Looks at what is due. Blocks a thread of its own for as long as `look` takes, no other.
    ///
    /// # Errors
    /// Where it could not be read.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Outlook<'_>) -> Looked<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let looked = self
            .inner
            .readers
            .read(move |connection| {
                // A deferred transaction: every query of it sees the same state.
                let transaction = connection.unchecked_transaction()?;
                look(&Outlook {
                    connection: &transaction,
                })
            })
            .await;
        // The next look finds the others.
        self.set_aside_what_is_damaged(&looked).await?;
        looked
    }
}

impl Outlook<'_> {
    /// The parts of the queue, each by the text of what its messages wait for. `''` is always among them.
    ///
    /// # Errors
    /// Where they could not be read.
    pub fn parts(&self) -> Looked<Vec<String>> {
        let mut statement = self.connection.prepare_cached(NEXT_PART)?;
        let mut parts = vec![String::new()];
        while let Some(last) = parts.last() {
            match statement.query_row([last], |row| row.get::<_, Option<String>>(0))? {
                Some(next) => parts.push(next),
                None => break,
            }
        }
        Ok(parts)
    }

    /// Those of one part and priority that are due by `now`, the longest due first, at most `most`.
    ///
    /// # Errors
    /// Where they could not be read.
    pub fn due(&self, part: &str, priority: u8, now: Timestamp, most: usize) -> Looked<Vec<Due>> {
        self.connection
            .prepare_cached(DUE)?
            .query_map(
                params![part, priority, now.as_millisecond(), limit(most)],
                |row| {
                    Ok(Due {
                        key: MessageKey(row.get(0)?),
                        due_at: time(row, 1)?,
                    })
                },
            )?
            .collect()
    }

    /// When the first of a part and priority that is not due by `now` will be.
    ///
    /// # Errors
    /// Where it could not be read.
    pub fn next_due(&self, part: &str, priority: u8, now: Timestamp) -> Looked<Option<Timestamp>> {
        self.connection
            .prepare_cached(NEXT_DUE)?
            .query_row(params![part, priority, now.as_millisecond()], |row| {
                time_or_null(row, 0)
            })
    }

    /// Those whose deadline is over, whatever they wait for, at most `most`.
    ///
    /// # Errors
    /// Where they could not be read.
    pub fn overdue(&self, now: Timestamp, most: usize) -> Looked<Vec<MessageKey>> {
        self.connection
            .prepare_cached(OVERDUE)?
            .query_map(params![now.as_millisecond(), limit(most)], |row| {
                row.get(0).map(MessageKey)
            })?
            .collect()
    }

    /// The first deadline after `now`.
    ///
    /// # Errors
    /// Where it could not be read.
    pub fn next_overdue(&self, now: Timestamp) -> Looked<Option<Timestamp>> {
        self.connection
            .prepare_cached(NEXT_OVERDUE)?
            .query_row([now.as_millisecond()], |row| time_or_null(row, 0))
    }

    /// One message, with its envelope.
    ///
    /// # Errors
    /// Where it could not be read.
    pub fn message(&self, key: MessageKey) -> Looked<Option<Outgoing>> {
        outbox::by_key(self.connection, key)
    }
}
