//! Looking through the dead letters, oldest first.
//!
//! They are found by their status; what else is asked for is looked up row by row, in pieces, since people ask it,
//! and seldom.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::column::limit;
use super::outbox::{columns, header};
use super::rows::{Outgoing, Page};
use super::{Store, StoreError};

pub(super) const DEAD: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM outgoing WHERE status = 'dead' AND outgoing.key > ?1 AND (?2 IS NULL OR recipient GLOB ?2) \
     AND (?3 IS NULL OR instr(lower(reason), lower(?3)) > 0) AND (?4 IS NULL OR ended_at <= ?4) \
     AND (?5 IS NULL OR EXISTS (SELECT 1 FROM attempt WHERE attempt.key = outgoing.key AND transport = ?5)) \
     ORDER BY outgoing.key LIMIT ?6"
);

/// Which dead letters. What is absent is not asked for.
#[derive(Clone, Debug, Default)]
pub struct DeadFilter {
    /// Whom they were for: a pattern over addresses, such as `*@b`.
    pub recipient: Option<String>,
    /// Words that their reason has, in any case of letters.
    pub reason: Option<String>,
    /// A transport that was tried or passed over.
    pub transport: Option<String>,
    /// They ended by then.
    pub ended_by: Option<Timestamp>,
}

impl Store {
    /// Dead letters behind a cursor, oldest first, without their envelopes.
    ///
    /// # Errors
    /// Where they could not be read.
    pub async fn dead_letters(
        &self,
        filter: DeadFilter,
        cursor: Option<i64>,
        limit: usize,
    ) -> Result<Page<Outgoing>, StoreError> {
        self.read_sound(move |connection| dead(connection, &filter, cursor, limit))
            .await
    }
}

fn dead(
    connection: &Connection,
    filter: &DeadFilter,
    cursor: Option<i64>,
    places: usize,
) -> rusqlite::Result<Page<Outgoing>> {
    let items = connection
        .prepare_cached(DEAD)?
        .query_map(
            params![
                cursor.unwrap_or(0),
                filter.recipient,
                filter.reason,
                filter.ended_by.map(Timestamp::as_millisecond),
                filter.transport,
                limit(places.saturating_add(1)),
            ],
            header,
        )?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Page::of(items, places, |last| last.key.0))
}
