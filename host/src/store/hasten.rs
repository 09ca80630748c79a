//! Messages that wait are made due now, because what they waited for may be different: a configuration was
//! put in force.
//!
//! A message that was never looked at is left alone: it is new, or not to be attempted before a time that its
//! sender named, or not in turn. Done in pieces, so that other writers get their turn between them, those first that
//! would have waited longest.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::outbox::PRIORITY_MAX;
use super::outlook::NEXT_PART;
use super::stray::despite_indexes;
use super::waits_for::WaitsFor;
use super::{Store, StoreError};
use crate::envelope::Address;

/// Messages changed in one transaction.
const PIECE: i64 = 1_000;
/// Pieces of one part of the queue: a million messages. Beyond that, and where messages come to wait as fast as they
/// are made due, the others are left to their own time.
const PIECES_MAX: usize = 1_000;

pub(super) const LATER: &str = "SELECT key FROM outgoing WHERE waits_for = '' AND priority = ?1 AND due_at > ?2 \
                                AND (reason IS NOT NULL OR EXISTS (SELECT 1 FROM attempt WHERE attempt.key = outgoing.key)) \
                                ORDER BY due_at DESC LIMIT ?3";
pub(super) const OF_PART: &str =
    "SELECT key FROM outgoing WHERE waits_for = ?1 AND due_at IS NOT NULL LIMIT ?2";
pub(super) const PLANNED_BY: &str = "SELECT routes FROM planned_by WHERE only = 1";
const PLAN_BY: &str =
    "INSERT INTO planned_by (only, routes) VALUES (1, ?1) ON CONFLICT DO UPDATE SET routes = excluded.routes";
const MAKE_DUE: &str = "UPDATE outgoing SET due_at = ?2, waits_for = '' WHERE key = ?1";

impl Store {
    /// Makes every message due by `now` that waits or is held after it was looked at before. Says how many.
    ///
    /// # Errors
    /// Where it could not be stored; some of them may be due then, and the others when they were.
    pub async fn hasten(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut hastened = 0;
        for priority in 0..=PRIORITY_MAX {
            hastened += self
                .in_pieces(move |tx| {
                    let later = params![priority, now.as_millisecond(), PIECE];
                    make_due(tx, &keys(tx, LATER, later)?, now)
                })
                .await?;
        }
        Ok(hastened + self.hasten_what_waits_for_transports(now).await?)
    }

    /// Notes by which routes messages are planned from now on. Where they are others than before, because the
    /// configuration changed while byway was not running, those that wait for a transport are due again: it may be none of
    /// theirs any more. Says how many. And those dead letters let the next one of their partition go that `lets_pass`
    /// names by sender and recipient.
    ///
    /// # Errors
    /// Where it could not be stored; then it is to be done again.
    pub async fn plan_by(
        &self,
        routes: String,
        now: Timestamp,
        lets_pass: impl Fn(Option<&Address>, &Address) -> bool + Send + Sync,
    ) -> Result<usize, StoreError> {
        let before: Option<String> = self
            .inner
            .readers
            .read(|connection| {
                connection
                    .prepare_cached(PLANNED_BY)?
                    .query_row([], |row| row.get(0))
                    .optional()
            })
            .await?;
        if before.as_ref() == Some(&routes) {
            return Ok(0);
        }
        let let_go = self.let_pass_the_dead(lets_pass).await?;
        if let_go > 0 {
            tracing::info!(
                let_go,
                "dead letters let those behind them in their partitions go, as their routes say now"
            );
        }
        let hastened = self.hasten_what_waits_for_transports(now).await?;
        self.inner
            .writer
            .write(move |tx| tx.prepare_cached(PLAN_BY)?.execute([&routes]).map(drop))
            .await?;
        Ok(hastened)
    }

    async fn hasten_what_waits_for_transports(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut hastened = 0;
        let mut part = String::new();
        while let Some(next) = self.part_after(part).await? {
            if next != WaitsFor::Turn.to_string() {
                let of_part = next.clone();
                hastened += self
                    .in_pieces(move |tx| make_due(tx, &keys(tx, OF_PART, params![of_part, PIECE])?, now))
                    .await?;
            }
            part = next;
        }
        Ok(hastened)
    }

    /// Does one piece after the other until nothing is left to do.
    async fn in_pieces(
        &self,
        piece: impl Fn(&Connection) -> rusqlite::Result<usize> + Clone + Send + 'static,
    ) -> Result<usize, StoreError> {
        let mut all = 0;
        for _ in 0..PIECES_MAX {
            let done = self.inner.writer.write(piece.clone()).await?;
            all += done;
            if done == 0 {
                break;
            }
        }
        Ok(all)
    }

    async fn part_after(&self, part: String) -> Result<Option<String>, StoreError> {
        self.inner
            .readers
            .read(move |connection| {
                connection
                    .prepare_cached(NEXT_PART)?
                    .query_row([part], |row| row.get(0))
            })
            .await
    }
}

fn keys(connection: &Connection, query: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(query)?
        .query_map(values, |row| row.get(0))?
        .collect()
}

fn make_due(connection: &Connection, keys: &[i64], now: Timestamp) -> rusqlite::Result<usize> {
    let mut make_due = connection.prepare_cached(MAKE_DUE)?;
    for key in keys {
        despite_indexes(connection, &["outgoing"], || {
            make_due.execute(params![key, now.as_millisecond()])
        })?;
    }
    Ok(keys.len())
}
