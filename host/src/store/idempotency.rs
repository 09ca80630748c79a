//! What a caller's idempotency keys stood for.
//!
//! A key is its principal's own: two callers may use the same word. It is kept for 30 days from its
//! first use, by the time that the caller of the store gives; after that it is a new key.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(super) const FIND: &str = "SELECT digest, id, source FROM idempotency \
                               WHERE principal = ?1 AND name = ?2 AND kept_until > ?3";
const KEEP: &str = "INSERT INTO idempotency (principal, name, digest, id, source, kept_until) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET digest = excluded.digest, \
                    id = excluded.id, source = excluded.source, kept_until = excluded.kept_until";

/// A key as a caller presents it, with the digest of what it asks for under it.
pub(super) struct Presented<'a> {
    pub(super) principal: &'a str,
    pub(super) name: &'a str,
    pub(super) digest: &'a [u8; 32],
    pub(super) at: Timestamp,
}

/// What a presented key is.
pub(super) enum Standing {
    /// It was not used before.
    New,
    /// It was used for the same; the message's id and source.
    Same { id: String, source: String },
    /// It was used for something else.
    Other,
}

impl Presented<'_> {
    pub(super) fn standing(&self, connection: &Connection) -> rusqlite::Result<Standing> {
        let found: Option<(Vec<u8>, String, String)> = connection
            .prepare_cached(FIND)?
            .query_row(
                params![self.principal, self.name, self.at.as_millisecond()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        Ok(match found {
            None => Standing::New,
            Some((digest, id, source)) if digest == self.digest => Standing::Same { id, source },
            Some(_) => Standing::Other,
        })
    }

    /// Remembers what the key stands for from now on.
    pub(super) fn keep(&self, connection: &Connection, id: &str, source: &str) -> rusqlite::Result<()> {
        let until = self.at.saturating_add(KEPT).unwrap_or(Timestamp::MAX);
        connection.prepare_cached(KEEP)?.execute(params![
            self.principal,
            self.name,
            self.digest.as_slice(),
            id,
            source,
            until.as_millisecond()
        ])?;
        Ok(())
    }
}
