//! What a caller's idempotency keys stood for.
//!
//! A key is its principal's own: two callers may use the same word. It is kept for 30 days from its
//! first use, by the time that the caller of the store gives; after that it is a new key.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::records::{self, DamagedRecord};
use super::sum;

const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(super) const FIND: &str = "SELECT principal, name, digest, id, source, kept_until, sum FROM idempotency \
                               WHERE principal = ?1 AND name = ?2";
const KEEP: &str = "INSERT INTO idempotency (principal, name, digest, id, source, kept_until, sum) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET digest = excluded.digest, \
                    id = excluded.id, source = excluded.source, kept_until = excluded.kept_until, sum = excluded.sum";

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
        let found: Option<(Vec<u8>, String, String, i64)> = connection
            .prepare_cached(FIND)?
            .query_row(params![self.principal, self.name], |row| {
                let (columns, damaged) = ([0, 1, 2, 3, 4, 5], DamagedRecord::Presented);
                records::check(sum::IDEMPOTENCY, row, &columns, 6, damaged)?;
                Ok((row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            })
            .optional()?;
        // Compared here and not by the query: damaged, the time would say that the key was never there.
        let now = self.at.as_millisecond();
        Ok(match found.filter(|(_, _, _, kept_until)| *kept_until > now) {
            None => Standing::New,
            Some((digest, id, source, _)) if digest == self.digest => Standing::Same { id, source },
            Some(_) => Standing::Other,
        })
    }

    /// Remembers what the key stands for from now on.
    pub(super) fn keep(&self, connection: &Connection, id: &str, source: &str) -> rusqlite::Result<()> {
        let until = self.at.saturating_add(KEPT).unwrap_or(Timestamp::MAX);
        let (digest, until) = (self.digest.as_slice(), until.as_millisecond());
        let sum = sum::of(
            sum::IDEMPOTENCY,
            &[&self.principal, &self.name, &digest, &id, &source, &until],
        )?;
        connection.prepare_cached(KEEP)?.execute(params![
            self.principal,
            self.name,
            digest,
            id,
            source,
            until,
            sum
        ])?;
        Ok(())
    }
}
