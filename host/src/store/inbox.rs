//! Looking into an agent's inbox, and marking what it has read and done; and where receiving transports
//! go on.
//!
//! Two senders may use the same id. An id alone always means the first that came under it, so that
//! nobody can put a message of their own in the place of one that an agent has already seen.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use serde_json::json;

use super::column::{limit, time, word};
use super::journal::{About, tell};
use super::rows::{Incoming, Page};
use super::sum::{self, Damage};
use super::words::InboxStatus;
use super::{Store, StoreError};

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT incoming.key, id, source, recipient, authority, via, status, received_at, json, incoming.sum, incoming_body.sum, \
             agent, changed_at \
             FROM incoming JOIN incoming_body USING (key) WHERE ",
            $condition
        )
    };
}

pub(super) const ALL: &str = select!("agent = ?1 AND incoming.key > ?2 ORDER BY incoming.key LIMIT ?3");
pub(super) const UNREAD: &str =
    select!("agent = ?1 AND status = 'unread' AND incoming.key > ?2 ORDER BY incoming.key LIMIT ?3");
pub(super) const BY_KEY: &str = select!("incoming.key = ?1");
pub(super) const KEY_OF_ID: &str = "SELECT min(key) FROM incoming WHERE id = ?1";
pub(super) const KEY_OF_AGENTS_ID: &str = "SELECT min(key) FROM incoming WHERE id = ?1 AND agent = ?2";
pub(super) const KEY_OF_NAME: &str =
    "SELECT min(key) FROM incoming WHERE id = ?1 AND agent = ?2 AND source = ?3";
pub(super) const KEYS_OF_MESSAGE: &str = "SELECT key FROM incoming WHERE id = ?1 AND source = ?2 LIMIT ?3";
/// Which columns of [`select!`] the sum is of.
const SUMMED_COLUMNS: [usize; 9] = [1, 2, 3, 4, 5, 6, 7, 11, 12];
const MARK: &str = "UPDATE incoming SET status = ?2, changed_at = ?3, sum = ?4 WHERE key = ?1";
pub(super) const CURSOR: &str = "SELECT bytes, transport, sum FROM cursor WHERE transport = ?1";
const SET_CURSOR: &str = "INSERT INTO cursor (transport, bytes, sum) VALUES (?1, ?2, ?3) \
                          ON CONFLICT DO UPDATE SET bytes = excluded.bytes, sum = excluded.sum";

/// The most inboxes in which one message is looked for.
const INBOXES_MAX: usize = 1_024;

impl Store {
    /// What lies in an agent's inbox, oldest first, with its envelopes.
    ///
    /// # Errors
    /// Where it could not be read.
    pub async fn inbox(
        &self,
        agent: &str,
        unread_only: bool,
        cursor: Option<i64>,
        limit: usize,
    ) -> Result<Page<Incoming>, StoreError> {
        let agent = agent.to_owned();
        self.read_sound(move |connection| list(connection, &agent, unread_only, cursor, limit))
            .await
    }

    /// One message of an inbox; with no agent named, of any. Of several with the same id the first
    /// that was taken in.
    ///
    /// # Errors
    /// Where it could not be read.
    pub async fn find_incoming(&self, agent: Option<&str>, id: &str) -> Result<Option<Incoming>, StoreError> {
        let (agent, wanted) = (agent.map(str::to_owned), id.to_owned());
        let found = self
            .read_sound(move |connection| by_id(connection, agent.as_deref(), &wanted))
            .await?;
        if found.is_none() {
            self.refuse_what_was_set_aside(None, id).await?;
        }
        Ok(found)
    }

    /// A message in every inbox here that it was for.
    ///
    /// # Errors
    /// Where it could not be read.
    pub async fn find_all_incoming(&self, source: &str, id: &str) -> Result<Vec<Incoming>, StoreError> {
        let (source, id) = (source.to_owned(), id.to_owned());
        self.read_sound(move |connection| {
            let keys = connection
                .prepare_cached(KEYS_OF_MESSAGE)?
                .query_map(params![id, source, limit(INBOXES_MAX)], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<i64>>>()?;
            let rows = keys.into_iter().map(|key| by_key(connection, key));
            rows.filter_map(Result::transpose).collect()
        })
        .await
    }

    /// Notes that an agent has read or processed a message, and gives it back as it stands then. Never
    /// goes back. Of several with the same id it means the first that was taken in.
    ///
    /// # Errors
    /// Where it could not be stored.
    pub async fn mark(
        &self,
        agent: &str,
        id: &str,
        status: InboxStatus,
        now: Timestamp,
    ) -> Result<Option<Incoming>, StoreError> {
        let (agent, id) = (agent.to_owned(), id.to_owned());
        self.write_sound(move |tx| mark(tx, (&agent, None, &id), status, now))
            .await
    }

    /// The same for a message whose source is named, too.
    ///
    /// # Errors
    /// Where it could not be stored.
    pub async fn mark_from(
        &self,
        agent: &str,
        source: &str,
        id: &str,
        status: InboxStatus,
        now: Timestamp,
    ) -> Result<Option<Incoming>, StoreError> {
        let words = [agent, source, id].map(str::to_owned);
        self.write_sound(move |tx| {
            let [agent, source, id] = &words;
            mark(tx, (agent, Some(source), id), status, now)
        })
        .await
    }

    /// Where a receiving transport goes on. A damaged one is set aside, and then there is none.
    ///
    /// # Errors
    /// Where it could not be read.
    pub async fn cursor(&self, transport: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = transport.to_owned();
        let kept = self
            .inner
            .readers
            .read(move |connection| cursor(connection, &name))
            .await?;
        match kept {
            Some(Kept::Sound(bytes)) => Ok(bytes),
            Some(Kept::Damaged) => {
                self.set_record_aside(sum::CURSOR, transport.as_bytes()).await?;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Notes where a receiving transport goes on; to be called after what it brought is stored.
    ///
    /// # Errors
    /// Where it could not be stored.
    pub async fn set_cursor(&self, transport: &str, bytes: Option<Vec<u8>>) -> Result<(), StoreError> {
        let transport = transport.to_owned();
        self.inner
            .writer
            .write(move |tx| set_cursor(tx, &transport, bytes.as_deref()))
            .await
    }
}

pub(super) fn list(
    connection: &Connection,
    agent: &str,
    unread_only: bool,
    cursor: Option<i64>,
    places: usize,
) -> rusqlite::Result<Page<Incoming>> {
    let items = connection
        .prepare_cached(if unread_only { UNREAD } else { ALL })?
        .query_map(
            params![agent, cursor.unwrap_or(0), limit(places.saturating_add(1))],
            incoming,
        )?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Page::of(items, places, |last| last.key))
}

pub(super) fn by_id(
    connection: &Connection,
    agent: Option<&str>,
    id: &str,
) -> rusqlite::Result<Option<Incoming>> {
    let key: Option<i64> = match agent {
        Some(agent) => connection
            .prepare_cached(KEY_OF_AGENTS_ID)?
            .query_row(params![id, agent], |row| row.get(0))?,
        None => connection
            .prepare_cached(KEY_OF_ID)?
            .query_row([id], |row| row.get(0))?,
    };
    key.map_or(Ok(None), |key| by_key(connection, key))
}

pub(super) fn by_key(connection: &Connection, key: i64) -> rusqlite::Result<Option<Incoming>> {
    connection
        .prepare_cached(BY_KEY)?
        .query_row([key], incoming)
        .optional()
}

/// One message of an agent, of any source or of the one that is named.
pub(super) fn find(
    connection: &Connection,
    (agent, source, id): (&str, Option<&str>, &str),
) -> rusqlite::Result<Option<Incoming>> {
    match source {
        Some(source) => connection
            .prepare_cached(KEY_OF_NAME)?
            .query_row(params![id, agent, source], |row| row.get(0))
            .and_then(|key: Option<i64>| key.map_or(Ok(None), |key| by_key(connection, key))),
        None => by_id(connection, Some(agent), id),
    }
}

/// Raises a message's status. A lower one is no error and changes nothing: acknowledgements come
/// late, twice and out of order.
pub(super) fn mark(
    connection: &Connection,
    (agent, source, id): (&str, Option<&str>, &str),
    status: InboxStatus,
    now: Timestamp,
) -> rusqlite::Result<Option<Incoming>> {
    let found = find(connection, (agent, source, id))?;
    let Some(message) = found else {
        return Ok(None);
    };
    if message.status >= status {
        return Ok(Some(message));
    }
    let recipient = message.recipient.to_string();
    let words = [
        &message.id,
        &message.source,
        &recipient,
        &message.authority,
        &message.via,
    ]
    .map(String::as_str);
    let times = [message.received_at, now];
    let sum = sum_of(words, status, message.recipient.agent(), times)?;
    connection.prepare_cached(MARK)?.execute(params![
        message.key,
        status.as_str(),
        now.as_millisecond(),
        sum
    ])?;
    let about = About {
        source: &message.source,
        id: &message.id,
        recipient: &recipient,
    };
    tell(
        connection,
        now,
        status.as_str(),
        about,
        &json!({ "in": message.key, "before": message.status.as_str(), "stands": status.as_str() }),
    )?;
    Ok(Some(Incoming { status, ..message }))
}

/// A row of the cursors.
enum Kept {
    Sound(Option<Vec<u8>>),
    Damaged,
}

fn cursor(connection: &Connection, transport: &str) -> rusqlite::Result<Option<Kept>> {
    let kept = |row: &Row<'_>| {
        if sum::holds(sum::CURSOR, row, &[1, 0], 2)? {
            return row.get(0).map(Kept::Sound);
        }
        Ok(Kept::Damaged)
    };
    connection
        .prepare_cached(CURSOR)?
        .query_row([transport], kept)
        .optional()
}

fn set_cursor(connection: &Connection, transport: &str, bytes: Option<&[u8]>) -> rusqlite::Result<()> {
    let sum = sum::of(sum::CURSOR, &[&transport, &bytes])?;
    connection
        .prepare_cached(SET_CURSOR)?
        .execute(params![transport, bytes, sum])?;
    Ok(())
}

/// The sum of a message's row in an inbox; of the times the second is that of its last change.
pub(super) fn sum_of(
    [id, source, recipient, authority, via]: [&str; 5],
    status: InboxStatus,
    agent: &str,
    times: [Timestamp; 2],
) -> rusqlite::Result<i64> {
    let (status, [received_at, changed_at]) = (status.as_str(), times.map(Timestamp::as_millisecond));
    let values: [&dyn ToSql; 9] = [
        &id,
        &source,
        &recipient,
        &authority,
        &via,
        &status,
        &received_at,
        &agent,
        &changed_at,
    ];
    sum::of(sum::INCOMING, &values)
}

fn incoming(row: &Row<'_>) -> rusqlite::Result<Incoming> {
    let damage = Damage {
        table: "incoming",
        key: row.get(0)?,
    };
    sum::check(sum::INCOMING, row, &SUMMED_COLUMNS, 9, damage)?;
    sum::check(sum::INCOMING_BODY, row, &[0, 8], 10, damage)?;
    sum::or_damage(parsed(row), damage)
}

fn parsed(row: &Row<'_>) -> rusqlite::Result<Incoming> {
    Ok(Incoming {
        key: row.get(0)?,
        id: row.get(1)?,
        source: row.get(2)?,
        recipient: word(row, 3)?,
        authority: row.get(4)?,
        via: row.get(5)?,
        status: word(row, 6)?,
        received_at: time(row, 7)?,
        envelope_json: row.get(8)?,
    })
}
