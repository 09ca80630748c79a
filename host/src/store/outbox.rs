//! Looking into the outbox. Every query is served by an index, so that it takes as long with a
//! million messages as with ten; and a body is read only where it is asked for.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::column::{limit, number, time, time_or_null, word, word_or_null};
use super::rows::{Attempt, Counts, MessageKey, Outgoing, OutgoingFilter, Page};
use super::sum::{self, Damage};
use super::words::{Kind, Status};
use super::{Store, StoreError};
use crate::error_code::ErrorCode;

/// The columns of a row without its body, as [`header`] reads them.
macro_rules! columns {
    () => {
        "outgoing.key, kind, id, source, sender, recipient, status, reason, fallback, receipt, flight, due_at, deadline, \
         expires, accepted_at, ended_at, EXISTS (SELECT 1 FROM progress WHERE progress.key = outgoing.key), digest, \
         head_sum, state_sum, waits_for, principal, instance, priority, partition_key"
    };
}
pub(super) use columns;
/// Where the body stands when it is asked for: after the columns.
const BODY: usize = 25;
/// Which columns the sums are of, in the order in which they are summed.
const SUMMED_HEAD: [usize; 13] = [1, 2, 3, 4, 5, 12, 13, 14, 17, 21, 22, 23, 24];
const SUMMED_STATE: [usize; 6] = [6, 7, 8, 9, 10, 15];

pub(super) const BY_KEY: &str = concat!(
    "SELECT ",
    columns!(),
    ", json, sum FROM outgoing JOIN outgoing_body USING (key) WHERE outgoing.key = ?1"
);
pub(super) const KEY_OF_ID: &str = "SELECT max(key) FROM outgoing WHERE id = ?1 AND kind <> 'receipt'";
pub(super) const KEY_OF_NAME: &str =
    "SELECT max(key) FROM outgoing WHERE id = ?1 AND source = ?2 AND kind <> 'receipt'";
pub(super) const KEYS_OF_NAME: &str =
    "SELECT key FROM outgoing WHERE id = ?1 AND source = ?2 AND kind <> 'receipt' ORDER BY key LIMIT ?3";
pub(super) const ATTEMPTS: &str = "SELECT number, transport, mode, outcome, code, message, fix, effect, reference, began, \
                                   took_ms, key, sum FROM attempt WHERE key = ?1 ORDER BY seq";
/// Which of its columns the sum is of.
const SUMMED_ATTEMPT: [usize; 12] = [11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
pub(super) const COUNT: &str = "SELECT count(*) FROM outgoing WHERE status = ?1";
pub(super) const COUNT_UNREAD: &str =
    "SELECT count(*) FROM incoming INDEXED BY incoming_unread WHERE status = 'unread'";
pub(super) const OLDEST: &str =
    "SELECT accepted_at FROM outgoing WHERE status = 'waiting' ORDER BY key LIMIT 1";

/// The most urgent priority.
pub const PRIORITY_MAX: u8 = 3;

impl Store {
    /// One message on its way out, with its envelope.
    ///
    /// # Errors
    /// Where it could not be read.
    pub async fn outgoing(&self, key: MessageKey) -> Result<Option<Outgoing>, StoreError> {
        self.read_sound(move |connection| by_key(connection, key)).await
    }

    /// The newest outgoing message of an id, with its envelope. Receipts are not found this way.
    ///
    /// # Errors
    /// Where it could not be read.
    pub async fn find_outgoing(
        &self,
        source: Option<&str>,
        id: &str,
    ) -> Result<Option<Outgoing>, StoreError> {
        let (of_source, wanted) = (source.map(str::to_owned), id.to_owned());
        let found = self
            .read_sound(move |connection| by_id(connection, of_source.as_deref(), &wanted))
            .await?;
        if found.is_none() {
            self.refuse_what_was_set_aside(source, id).await?;
        }
        Ok(found)
    }

    /// The outgoing messages of an id, one for each recipient, with their envelopes; of several sources those of
    /// the newest. Receipts are not found this way.
    ///
    /// # Errors
    /// Where they could not be read.
    pub async fn find_all_outgoing(
        &self,
        source: Option<&str>,
        id: &str,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let (source, id) = (source.map(str::to_owned), id.to_owned());
        self.read_sound(move |connection| all_by_id(connection, source.as_deref(), &id))
            .await
    }

    /// What was tried and passed over, in order. One whose record is damaged has the outcome `damaged`, and says so.
    ///
    /// # Errors
    /// Where it could not be read.
    pub async fn attempts(&self, key: MessageKey) -> Result<Vec<Attempt>, StoreError> {
        self.inner
            .readers
            .read(move |connection| attempts(connection, key))
            .await
    }

    /// Outgoing messages, newest first, without their envelopes.
    ///
    /// # Errors
    /// Where they could not be read.
    pub async fn list_outgoing(
        &self,
        filter: OutgoingFilter,
        cursor: Option<i64>,
        limit: usize,
    ) -> Result<Page<Outgoing>, StoreError> {
        self.read_sound(move |connection| list(connection, &filter, cursor, limit))
            .await
    }

    /// How much there is of what. Counts row by row, so it is for people and metrics, not for a loop.
    ///
    /// # Errors
    /// Where it could not be read.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.inner.readers.read(counts).await
    }
}

pub(super) fn by_key(connection: &Connection, key: MessageKey) -> rusqlite::Result<Option<Outgoing>> {
    connection
        .prepare_cached(BY_KEY)?
        .query_row([key.0], with_body)
        .optional()
}

pub(super) fn by_id(
    connection: &Connection,
    source: Option<&str>,
    id: &str,
) -> rusqlite::Result<Option<Outgoing>> {
    let key: Option<i64> = match source {
        Some(source) => connection
            .prepare_cached(KEY_OF_NAME)?
            .query_row(params![id, source], |row| row.get(0))?,
        None => connection
            .prepare_cached(KEY_OF_ID)?
            .query_row([id], |row| row.get(0))?,
    };
    key.map_or(Ok(None), |key| by_key(connection, MessageKey(key)))
}

/// The most rows of one name that are looked at: each recipient has at most two, a message and its wake.
const ROWS_OF_NAME_MAX: usize = 1_024;

fn all_by_id(connection: &Connection, source: Option<&str>, id: &str) -> rusqlite::Result<Vec<Outgoing>> {
    let Some(newest) = by_id(connection, source, id)? else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(KEYS_OF_NAME)?;
    let keys = statement
        .query_map(params![id, newest.source, limit(ROWS_OF_NAME_MAX)], |row| {
            row.get(0)
        })?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    let rows = keys.into_iter().map(|key| by_key(connection, MessageKey(key)));
    rows.filter_map(Result::transpose).collect()
}

pub(super) fn attempts(connection: &Connection, key: MessageKey) -> rusqlite::Result<Vec<Attempt>> {
    connection
        .prepare_cached(ATTEMPTS)?
        .query_map([key.0], |row| {
            if !sum::holds(sum::ATTEMPT, row, &SUMMED_ATTEMPT, 12)? {
                return Ok(damaged_attempt(row));
            }
            Ok(Attempt {
                number: row.get(0)?,
                transport: row.get(1)?,
                mode: row.get(2)?,
                outcome: row.get(3)?,
                code: row.get(4)?,
                message: row.get(5)?,
                fix: row.get(6)?,
                effect: row.get(7)?,
                reference: row.get(8)?,
                began: time(row, 9)?,
                took_ms: number(row, 10)?,
            })
        })?
        .collect()
}

/// What is shown of an attempt whose record is damaged: which it was, if that can be read, and that it cannot be
/// trusted.
fn damaged_attempt(row: &Row<'_>) -> Attempt {
    let code = ErrorCode::RowDamaged;
    Attempt {
        number: row.get(0).unwrap_or_default(),
        transport: row.get(1).unwrap_or_default(),
        mode: row.get(2).unwrap_or_default(),
        outcome: "damaged".into(),
        code: Some(code.code().into()),
        message: Some("the record of this attempt is damaged: what it says may not be true".into()),
        fix: Some("Look at the disk; the journal has this attempt, too.".into()),
        effect: None,
        reference: None,
        began: time(row, 9).unwrap_or_default(),
        took_ms: number(row, 10).unwrap_or_default(),
    }
}

/// The query for a filter. The narrowest column that is asked for finds the rows by its index; the
/// others are marked (by `+`) as not to be searched by, because SQLite would have to guess.
pub(super) fn list_query(filter: &OutgoingFilter) -> String {
    let asked = [
        ("source = ?1", filter.source.is_some()),
        ("instance = ?2", filter.instance.is_some()),
        ("status = ?3", filter.status.is_some()),
        ("kind = ?4", filter.kind.is_some()),
    ];
    let mut conditions = vec!["key < ?5".to_owned()];
    for (condition, _) in asked.iter().filter(|(_, asked)| *asked) {
        let searched_by = conditions.len() > 1 || *condition == "kind = ?4";
        conditions.push(format!("{}{condition}", if searched_by { "+" } else { "" }));
    }
    format!(
        "SELECT {} FROM outgoing WHERE {} ORDER BY key DESC LIMIT ?6",
        columns!(),
        conditions.join(" AND ")
    )
}

pub(super) fn list(
    connection: &Connection,
    filter: &OutgoingFilter,
    cursor: Option<i64>,
    places: usize,
) -> rusqlite::Result<Page<Outgoing>> {
    let items = connection
        .prepare_cached(&list_query(filter))?
        .query_map(
            params![
                filter.source,
                filter.instance,
                filter.status.map(Status::as_str),
                filter.kind.map(Kind::as_str),
                cursor.unwrap_or(i64::MAX),
                limit(places.saturating_add(1)),
            ],
            header,
        )?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Page::of(items, places, |last| last.key.0))
}

pub(super) fn counts(connection: &Connection) -> rusqlite::Result<Counts> {
    let mut count = connection.prepare_cached(COUNT)?;
    let mut of = |status: Status| count.query_row([status.as_str()], |row| number(row, 0));
    Ok(Counts {
        waiting: of(Status::Waiting)?,
        held: of(Status::Held)?,
        dead: of(Status::Dead)?,
        unread: connection
            .prepare_cached(COUNT_UNREAD)?
            .query_row([], |row| number(row, 0))?,
        oldest_waiting: connection
            .prepare_cached(OLDEST)?
            .query_row([], |row| time(row, 0))
            .optional()?,
    })
}

fn with_body(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    sum::check(sum::OUTGOING_BODY, row, &[0, BODY], BODY + 1, damage_of(row)?)?;
    Ok(Outgoing {
        envelope_json: row.get(BODY)?,
        ..header(row)?
    })
}

fn damage_of(row: &Row<'_>) -> rusqlite::Result<Damage> {
    Ok(Damage {
        table: "outgoing",
        key: row.get(0)?,
    })
}

pub(super) fn header(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    let damage = damage_of(row)?;
    sum::check(sum::OUTGOING, row, &SUMMED_HEAD, 18, damage)?;
    sum::check(sum::OUTGOING_STATE, row, &SUMMED_STATE, 19, damage)?;
    sum::or_damage(parsed(row), damage)
}

fn parsed(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    let deadline = time(row, 12)?;
    Ok(Outgoing {
        key: MessageKey(row.get(0)?),
        kind: word(row, 1)?,
        envelope_json: Vec::new(),
        id: row.get(2)?,
        source: row.get(3)?,
        sender: word_or_null(row, 4)?,
        recipient: word(row, 5)?,
        status: word(row, 6)?,
        reason: row.get(7)?,
        fallback: row.get(8)?,
        receipt: row.get(9)?,
        flight: row.get(10)?,
        due_at: time_or_null(row, 11)?.unwrap_or(deadline),
        deadline,
        expires: time_or_null(row, 13)?,
        accepted_at: time(row, 14)?,
        ended_at: time_or_null(row, 15)?,
        has_progress: row.get(16)?,
        waits_for: word(row, 20)?,
    })
}
