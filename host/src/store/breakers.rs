//! How the transports' breakers stand, kept over a restart: a far side that is down is not tried by every
//! message again because byway was started anew.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::column::time_or_null;
use super::sum;
use super::{Store, StoreError};

const ALL: &str = "SELECT transport, fingerprint, failures, opened_at, sum FROM breaker ORDER BY transport";
const KEEP: &str = "INSERT INTO breaker (transport, fingerprint, failures, opened_at, sum) VALUES (?1, ?2, ?3, ?4, ?5) \
                    ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, failures = excluded.failures, \
                    opened_at = excluded.opened_at, sum = excluded.sum";
const FORGET: &str = "DELETE FROM breaker WHERE transport = ?1";

/// A breaker that is not closed and at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBreaker {
    /// The transport.
    pub transport: String,
    /// The fingerprint of the transport that failed: under another it is another far side, perhaps.
    pub fingerprint: String,
    /// Failures in a row.
    pub failures: u32,
    /// When it opened; `None`: it is closed still.
    pub opened_at: Option<Timestamp>,
}

impl Store {
    /// The breakers that were kept. One whose row is damaged is set aside, and so it is closed.
    ///
    /// # Errors
    /// Where they could not be read.
    pub async fn breakers(&self) -> Result<Vec<KeptBreaker>, StoreError> {
        let read: Vec<Result<KeptBreaker, Vec<u8>>> = self
            .inner
            .readers
            .read(|connection| connection.prepare_cached(ALL)?.query_map([], kept)?.collect())
            .await?;
        let mut breakers = Vec::with_capacity(read.len());
        for kept in read {
            match kept {
                Ok(breaker) => breakers.push(breaker),
                Err(transport) => self.set_record_aside(sum::BREAKER, &transport).await?,
            }
        }
        Ok(breakers)
    }

    /// Keeps how a breaker stands, in place of how it stood. One without a failure is forgotten.
    ///
    /// # Errors
    /// Where it could not be stored.
    pub async fn keep_breaker(&self, breaker: KeptBreaker) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(move |tx| {
                if breaker.failures == 0 {
                    return tx.prepare_cached(FORGET)?.execute([&breaker.transport]).map(drop);
                }
                let opened_at = breaker.opened_at.map(Timestamp::as_millisecond);
                let KeptBreaker {
                    transport,
                    fingerprint,
                    failures,
                    ..
                } = &breaker;
                let sum = sum::of(sum::BREAKER, &[transport, fingerprint, failures, &opened_at])?;
                tx.prepare_cached(KEEP)?
                    .execute(params![transport, fingerprint, failures, opened_at, sum])
                    .map(drop)
            })
            .await
    }
}

/// A breaker; or the name of a transport whose row is damaged, which need not be UTF-8 any more.
fn kept(row: &Row<'_>) -> rusqlite::Result<Result<KeptBreaker, Vec<u8>>> {
    if !sum::holds(sum::BREAKER, row, &[0, 1, 2, 3], 4)? {
        return Ok(Err(row.get_ref(0)?.as_bytes()?.to_vec()));
    }
    Ok(Ok(KeptBreaker {
        transport: row.get(0)?,
        fingerprint: row.get(1)?,
        failures: row.get(2)?,
        opened_at: time_or_null(row, 3)?,
    }))
}
