//! What is old enough goes: in small transactions, each with its lines in the journal, so that writers get
//! their turn between them and a crash loses nothing but time.
//!
//! A message that has not ended, and one in an inbox that is not processed, is never taken out, however old. The
//! journal is taken out from the front, under a signed checkpoint; without a signer it stays whole.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::sync::Arc;

use super::journal::migrate::{tell_standing_in, tell_standing_out};
use super::journal::seal::Seal;
use super::journal::{About, Head, RowHash, tell, tell_at};
use super::stray::despite_indexes;
use super::sum::{self, Damage};
use super::{Store, StoreError, old_keys};

/// Messages, keys or rows taken out in one transaction.
const PIECE: i64 = 200;
/// Pieces of one kind in one pass: two million rows. What is left is left to the next.
const PIECES_MAX: usize = 10_000;
/// Free pages that are left in the file for what comes next: 4 MiB.
const FREE_PAGES: i64 = 1_024;
/// Pages given back in one transaction.
const PAGES: i64 = 2_048;

pub(super) const ENDED: &str = "SELECT key, id, source, recipient, status FROM outgoing \
                                     WHERE ended_at <= ?1 AND status <> 'dead' ORDER BY ended_at LIMIT ?2";
pub(super) const DEAD: &str = "SELECT key, id, source, recipient, status FROM outgoing \
                                      WHERE ended_at <= ?1 AND status = 'dead' ORDER BY ended_at LIMIT ?2";
pub(super) const PROCESSED: &str = "SELECT key, id, source, recipient, status FROM incoming \
                                    WHERE status = 'processed' AND changed_at <= ?1 ORDER BY changed_at LIMIT ?2";
const FORGET_OUTGOING: &str = "DELETE FROM outgoing WHERE key = ?1";
const FORGET_INCOMING: &str = "DELETE FROM incoming WHERE key = ?1";
const OLDEST_ROWS: &str = "SELECT seq, at, event, detail, hash FROM journal ORDER BY seq LIMIT ?1";
const NOTE_PRUNED: &str = "UPDATE pruned SET through = ?1";
const PRUNE_ROWS: &str = "DELETE FROM journal WHERE seq <= ?1";
const PRUNE_CHECKPOINTS: &str = "DELETE FROM checkpoint WHERE seq < ?1";

/// What is older than this goes.
#[derive(Clone, Copy, Debug)]
pub struct Cutoffs {
    /// Now: keys whose time is over go.
    pub now: Timestamp,
    /// Messages that ended before this, other than as dead letters.
    pub delivered: Timestamp,
    /// Messages that died before this.
    pub dead: Timestamp,
    /// Messages in inboxes that were processed before this.
    pub processed: Timestamp,
    /// Rows of the journal written before this.
    pub journal: Timestamp,
}

/// How much was taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Outgoing messages.
    pub outgoing: usize,
    /// Messages in inboxes.
    pub incoming: usize,
    /// Keys of what was taken in, and callers' idempotency keys.
    pub keys: usize,
    /// Rows of the journal.
    pub journal: usize,
    /// Pages of the file given back to the disk, of 4 KiB.
    pub pages: usize,
}

impl Store {
    /// Takes out what is old enough, and gives the room back to the disk. Says how much it was.
    ///
    /// # Errors
    /// Where it could not be stored; some of it may be done then, and the rest the next time.
    pub async fn prune(&self, cutoffs: Cutoffs) -> Result<Pruned, StoreError> {
        let Cutoffs {
            now,
            delivered,
            dead,
            processed,
            journal,
        } = cutoffs;
        let well = self
            .pieces(move |tx| forget_outgoing(tx, ENDED, delivered, now))
            .await?;
        let badly = self
            .pieces(move |tx| forget_outgoing(tx, DEAD, dead, now))
            .await?;
        let incoming = self.pieces(move |tx| forget_incoming(tx, processed, now)).await?;
        let taken_in = self
            .pieces(move |tx| old_keys::forget(tx, &old_keys::TAKEN_IN, now, PIECE))
            .await?;
        let keys = self
            .pieces(move |tx| old_keys::forget(tx, &old_keys::PRESENTED, now, PIECE))
            .await?;
        let seal = Arc::clone(&self.inner.seal);
        let rows = self
            .pieces(move |tx| prune_journal(tx, &seal, journal, now))
            .await?;
        Ok(Pruned {
            outgoing: well + badly,
            incoming,
            keys: taken_in + keys,
            journal: rows,
            pages: self.pieces(give_back).await?,
        })
    }

    async fn pieces(
        &self,
        piece: impl Fn(&Connection) -> rusqlite::Result<usize> + Clone + Send + 'static,
    ) -> Result<usize, StoreError> {
        let mut done = 0;
        for _ in 0..PIECES_MAX {
            // One that is set aside for its damage ends this pass, and is not there at the next.
            let now = self.write_sound(piece.clone()).await?;
            done += now;
            if now == 0 {
                break;
            }
        }
        Ok(done)
    }
}

type Old = (i64, [String; 4]);

fn old(
    connection: &Connection,
    table: &'static str,
    query: &str,
    before: Timestamp,
) -> rusqlite::Result<Vec<Old>> {
    connection
        .prepare_cached(query)?
        .query_map(params![before.as_millisecond(), PIECE], |row| {
            let key = row.get(0)?;
            let text = |column| sum::or_damage(row.get(column), Damage { table, key });
            Ok((key, [text(1)?, text(2)?, text(3)?, text(4)?]))
        })?
        .collect()
}

fn forget_outgoing(
    connection: &Connection,
    query: &str,
    before: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let old = old(connection, "outgoing", query, before)?;
    for (key, [id, source, recipient, status]) in &old {
        tell(
            connection,
            now,
            "forgotten",
            About {
                source,
                id,
                recipient,
            },
            &json!({ "out": key, "stood": status }),
        )?;
        despite_indexes(connection, &["outgoing", "attempt"], || {
            connection.prepare_cached(FORGET_OUTGOING)?.execute([key])
        })?;
    }
    Ok(old.len())
}

fn forget_incoming(connection: &Connection, before: Timestamp, now: Timestamp) -> rusqlite::Result<usize> {
    let old = old(connection, "incoming", PROCESSED, before)?;
    for (key, [id, source, recipient, status]) in &old {
        tell(
            connection,
            now,
            "forgotten",
            About {
                source,
                id,
                recipient,
            },
            &json!({ "in": key, "stood": status }),
        )?;
        despite_indexes(connection, &["incoming"], || {
            connection.prepare_cached(FORGET_INCOMING)?.execute([key])
        })?;
    }
    Ok(old.len())
}

/// Takes out the oldest rows up to the first that is young enough.
fn prune_journal(
    connection: &Connection,
    seal: &Seal,
    before: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let before = before.as_millisecond();
    let mut through = None;
    let mut rows = 0_usize;
    let mut began = Vec::new();
    {
        let mut statement = connection.prepare_cached(OLDEST_ROWS)?;
        let mut oldest = statement.query([PIECE])?;
        while let Some(row) = oldest.next()? {
            let at: i64 = row.get(1)?;
            if at >= before {
                break;
            }
            let hash: Vec<u8> = row.get(4)?;
            through = Some(Head {
                seq: row.get(0)?,
                hash: RowHash::from_slice(&hash).unwrap_or(RowHash::START),
                at,
                is_there: true,
            });
            rows += 1;
            let event: String = row.get(2)?;
            if matches!(event.as_str(), "accepted" | "taken-in" | "standing") {
                began.push(row.get::<_, String>(3)?);
            }
        }
    }
    let Some(through) = through else {
        return Ok(0);
    };
    if seal.mark_at(connection, through)?.is_none() {
        return Ok(0);
    }
    for detail in began {
        stand_again(connection, now, &detail)?;
    }
    tell_at(
        connection,
        now,
        "pruned",
        &json!({ "through": through.seq, "rows": rows }),
    )?;
    connection.prepare_cached(NOTE_PRUNED)?.execute([through.seq])?;
    connection.prepare_cached(PRUNE_ROWS)?.execute([through.seq])?;
    connection
        .prepare_cached(PRUNE_CHECKPOINTS)?
        .execute([through.seq])?;
    Ok(rows)
}

/// Repeats how a message stands whose beginning goes, if it is still there.
fn stand_again(connection: &Connection, now: Timestamp, detail: &str) -> rusqlite::Result<()> {
    let detail: Value = serde_json::from_str(detail).unwrap_or_default();
    let at = now.as_millisecond();
    if let Some(key) = detail.get("out").and_then(Value::as_i64) {
        tell_standing_out(connection, at, key)?;
    } else if let Some(key) = detail.get("in").and_then(Value::as_i64) {
        tell_standing_in(connection, at, key)?;
    }
    Ok(())
}

/// Gives free pages back to the disk, as far as they are many.
fn give_back(connection: &Connection) -> rusqlite::Result<usize> {
    let free = |connection: &Connection| {
        connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0))
    };
    let before = free(connection)?;
    let pages = (before - FREE_PAGES).min(PAGES);
    if pages <= 0 {
        return Ok(0);
    }
    // A step gives back one page.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut steps = statement.query([])?;
    while steps.next()?.is_some() {}
    let given = before - free(connection)?;
    Ok(usize::try_from(given).unwrap_or(0))
}
