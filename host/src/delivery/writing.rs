//! What happened to a message is put on disk, all of it at once, before anything else happens.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::journey::Journey;
use crate::envelope::Envelope;
use crate::store::{Advance, Attempt, Kind, NewReceipt, Status, WaitsFor};

/// The waits between tries to write down what happened. After the last the message is let go: on disk
/// it stands as it was before, an attempt as begun, and so it is taken for unknown when it comes back.
const WRITE_PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

impl Journey {
    /// Waits for its time, or for one of these transports where all of them rest.
    pub(super) async fn wait(&mut self, until: Timestamp, rests: Vec<String>) {
        let waits_for = if rests.is_empty() {
            WaitsFor::Time
        } else {
            WaitsFor::Open(rests)
        };
        let until = until.min(self.message.deadline);
        self.write_waiting(Status::Waiting, until, None, waits_for).await;
    }

    pub(super) async fn pause(&mut self, status: Status, until: Timestamp, reason: Option<&str>) {
        let until = until.min(self.message.deadline);
        let is_new = status == Status::Held && self.message.status != Status::Held;
        if self.write(status, until, reason).await && is_new {
            tracing::warn!(id = self.message.id, reason, "held");
        }
    }

    pub(super) async fn end(&mut self, status: Status, reason: &str) {
        // Nobody redrives a receipt: one that found no way is over, not dead.
        let over = self.message.kind == Kind::Receipt && status == Status::Dead;
        let status = if over { Status::Expired } else { status };
        self.receipt = self.receipt_of_end(status);
        // Told once it is on disk: what the log says is so.
        if !self.write(status, self.message.deadline, Some(reason)).await || self.message.status != status {
            return;
        }
        match status {
            Status::Delivered if self.flight.fallback => {
                tracing::warn!(
                    id = self.message.id,
                    by = self.flight.delivered_by,
                    "delivered by a fallback"
                );
                let by = self.flight.delivered_by.as_deref().unwrap_or_default();
                self.engine.tally().fallback(by);
            }
            Status::Delivered => {
                tracing::info!(id = self.message.id, by = self.flight.delivered_by, "delivered")
            }
            _ => tracing::warn!(id = self.message.id, ?status, reason, "the message has ended"),
        }
    }

    /// The receipt for a message whose agent could not be woken. The inbox has it, so nothing is lost; but its
    /// sender should know.
    fn receipt_of_end(&self, status: Status) -> Option<NewReceipt> {
        let is_over = matches!(status, Status::Dead | Status::Expired);
        if self.message.kind != Kind::Wake || !is_over {
            return None;
        }
        let envelope = Envelope::from_json(&self.message.envelope_json).ok()?;
        self.engine.in_force().tells.as_ref()?.not_woken(&envelope)
    }

    /// Puts everything that has happened on disk. What cannot be written is not done: after a
    /// failure the message stays as it was, and is looked at again.
    pub(super) async fn write(&mut self, status: Status, due_at: Timestamp, reason: Option<&str>) -> bool {
        self.write_waiting(status, due_at, reason, WaitsFor::Time).await
    }

    /// Puts on disk that an attempt is about to begin. Due as it was, so that no index has to be told; and what was only passed
    /// over on the way goes with the flight, and is told with what comes of the attempt: mostly one row of the journal less.
    pub(super) async fn write_begun(&mut self) -> bool {
        if self.unwritten.iter().any(Attempt::was_made) {
            return self.write(Status::Waiting, self.message.due_at, None).await;
        }
        self.flight.untold.clone_from(&self.unwritten);
        let written = self
            .write_step(
                Status::Waiting,
                self.message.due_at,
                None,
                WaitsFor::Time,
                Vec::new(),
            )
            .await;
        self.flight.untold.clear();
        written
    }

    pub(super) async fn write_waiting(
        &mut self,
        status: Status,
        due_at: Timestamp,
        reason: Option<&str>,
        waits_for: WaitsFor,
    ) -> bool {
        let told = std::mem::take(&mut self.unwritten);
        self.write_step(status, due_at, reason, waits_for, told).await
    }

    async fn write_step(
        &mut self,
        status: Status,
        due_at: Timestamp,
        reason: Option<&str>,
        waits_for: WaitsFor,
        attempts: Vec<Attempt>,
    ) -> bool {
        let Ok(flight) = serde_json::to_string(&self.flight) else {
            return false;
        };
        let store = &self.engine.inner.settings.store;
        let advance = Arc::new(Advance {
            at: self.engine.now(),
            status,
            due_at,
            waits_for,
            lets_pass: self.lets_pass,
            flight,
            fallback: self.flight.fallback,
            receipt: self.flight.receipt.map(|receipt| receipt.to_string()),
            reason: reason.map(str::to_owned),
            attempts,
        });
        for pause in WRITE_PAUSES {
            let written = match self.receipt.clone() {
                Some(receipt) => {
                    store
                        .advance_and_tell(self.message.key, Arc::clone(&advance), receipt)
                        .await
                }
                None => store.advance(self.message.key, Arc::clone(&advance)).await,
            };
            match written {
                Ok(standing) => {
                    self.message.status = standing.status;
                    self.message.receipt = standing.receipt;
                    return true;
                }
                Err(error) => {
                    tracing::error!(id = self.message.id, %error, "the message's state could not be stored; byway tries again");
                    tokio::time::sleep(pause).await;
                }
            }
        }
        // Still to be told, should it go on.
        self.unwritten.splice(0..0, advance.attempts.iter().cloned());
        false
    }
}
