//! One message's way through its chain, from the moment it is due until it has to wait or has ended.

use std::sync::Arc;

use jiff::Timestamp;

use super::breaker::Sign;
use super::crowd::Present;
use super::decide::{Decision, decide, waits_for};
use super::driver::Engine;
use super::flight::Flight;
use super::in_force::InForce;
use super::keep::Keep;
use super::overdue::overdue;
use super::plan::{Plan, PlannedStep};
use super::planning::{CLOSED_PAUSE, NO_ROUTE};
use super::record;
use super::settle::{self, Ending};
use crate::contract::{Attempted, HostFault, ReceiptStatus, Verdict};
use crate::envelope::Envelope;
use crate::sandbox::Call;
use crate::store::{Attempt, NewReceipt, Outgoing, Status, StoreError};

/// The word of a receipt for a message whose agent could not be woken.
const FAILED: &str = "failed";

pub(super) struct Journey {
    pub(super) engine: Engine,
    pub(super) message: Outgoing,
    pub(super) flight: Flight,
    /// What has happened and stands in no row yet; written together with what happens next.
    pub(super) unwritten: Vec<Attempt>,
    /// A place that it waited for.
    pub(super) present: Option<Present>,
    /// Whether, dead or held, it lets the next one of its partition go.
    pub(super) lets_pass: bool,
    /// What the sender is told with the end of it.
    pub(super) receipt: Option<NewReceipt>,
}

impl Journey {
    pub(super) fn new(engine: Engine, message: Outgoing) -> Self {
        let mut flight: Flight = serde_json::from_str(&message.flight).unwrap_or_else(|error| {
            tracing::error!(id = message.id, %error, "the message's delivery state cannot be read; it starts anew");
            // Whatever was tried may have arrived.
            Flight { under_way: Some("(lost)".into()), ..Flight::new(true) }
        });
        Self {
            engine,
            message,
            unwritten: std::mem::take(&mut flight.untold),
            flight,
            present: None,
            lets_pass: true,
            receipt: None,
        }
    }

    pub(super) async fn run(mut self) {
        let Ok(envelope) = Envelope::from_json(&self.message.envelope_json) else {
            self.end(Status::Dead, "the stored message cannot be read any more")
                .await;
            return;
        };
        let envelope = Arc::new(envelope);
        loop {
            let now = self.engine.now();
            let in_force = self.engine.in_force();
            self.lets_pass = in_force.lets_pass(self.message.sender.as_ref(), &self.message.recipient);
            let Some(plan) = in_force.plan(&self.message, now) else {
                if now >= self.message.deadline {
                    let reason = format!("the deadline passed, and {NO_ROUTE}");
                    return self.end(Status::Dead, &reason).await;
                }
                // Nobody but a person, or its time, ends that wait: a route that is gone does not.
                if self.waits_for_approval(&in_force, now).await {
                    return;
                }
                let until = now.saturating_add(CLOSED_PAUSE).unwrap_or(now);
                self.pause(Status::Waiting, until, Some(NO_ROUTE)).await;
                if self.engine.has_moved_on_from(&in_force) {
                    continue;
                }
                return;
            };
            if let Some(transport) = settle::interrupted(&plan, &mut self.flight) {
                self.note_interruption(&plan, &transport, now);
            }
            if self.has_ended(&plan, now).await {
                return;
            }
            if self.waits_for_approval(&in_force, now).await {
                return;
            }
            if self.engine.is_stopping() {
                self.pause(Status::Waiting, now, None).await;
                return;
            }
            let rounds = self.flight.rounds;
            let (decision, skips) = decide(&plan, &mut self.flight, now, rand::random());
            for skip in &skips {
                self.engine.tally().skip(&skip.transport, skip.reason.code());
                self.unwritten.push(record::of_skip(&plan, skip, now));
            }
            let going_on = match decision {
                Decision::Try(place) => match plan.steps.get(place) {
                    Some(step) => self.attempt(&in_force, &plan, step, &envelope).await,
                    None => false,
                },
                Decision::Reconcile(place) => match plan.steps.get(place) {
                    Some(step) => self.reconcile(&in_force, &plan, step, &envelope).await,
                    None => false,
                },
                // Whoever puts something else in force makes the messages that wait due afterwards; one that
                // was just about to wait goes on at once.
                Decision::Wait(until) => {
                    let rests = if self.flight.rounds == rounds {
                        waits_for(&plan, &self.flight, now)
                    } else {
                        Vec::new()
                    };
                    self.wait(until, rests).await;
                    self.engine.has_moved_on_from(&in_force)
                }
                Decision::Hold(reason) => {
                    let until = self.message.deadline;
                    self.pause(Status::Held, until, Some(&reason)).await;
                    self.engine.has_moved_on_from(&in_force)
                }
                Decision::Dead(reason) => return self.end(Status::Dead, &reason).await,
            };
            if !going_on {
                return;
            }
        }
    }

    /// Looks whether a receipt or the time has ended it.
    async fn has_ended(&mut self, plan: &Plan, now: Timestamp) -> bool {
        if let Some(status) = self.message.receipt.as_deref().and_then(receipt_status)
            && self.flight.receipt.is_none_or(|known| known < status)
            && settle::receipt(plan, &mut self.flight, status) == Ending::Delivered
        {
            let said = match self.failure_over_there().await {
                Some(why) => why,
                None => format!("the receiving byway says: {status}"),
            };
            self.end(Status::Delivered, &said).await;
            return true;
        }
        if now < self.message.deadline {
            return false;
        }
        let (status, reason) = overdue(&self.message, plan, &self.flight, now);
        self.end(status, &reason).await;
        true
    }

    async fn attempt(
        &mut self,
        in_force: &InForce,
        plan: &Plan,
        step: &PlannedStep,
        envelope: &Arc<Envelope>,
    ) -> bool {
        let present = match self.come_to(in_force, step, envelope).await {
            Ok(present) => present,
            Err(going_on) => return going_on,
        };
        // In hand before anything is written: killed while it waits in line, the message was not sent.
        let place = match in_force.transports.place(&step.transport).await {
            Ok(place) => place,
            Err(fault) => {
                let now = self.engine.now();
                settle::host_fault(&mut self.flight, &step.transport, &fault, now);
                self.note_fault(step, &fault, now);
                return true;
            }
        };
        // Read before anything begins: what cannot be read of it keeps the attempt from beginning.
        let tried = self.flight.step(&step.transport).attempts;
        let kept = match self.kept(step, tried > 0).await {
            Ok(kept) => kept,
            Err(error) => return self.cannot_begin(step, &error),
        };
        let began = self.engine.now();
        let Some(begun) = in_force.begin(&step.transport, began) else {
            // Others were faster. What is open by now is seen at the next look.
            return true;
        };
        let before = self.flight.clone();
        self.flight.begin(step);
        if !self.write_begun().await {
            return false;
        }
        if self.message.status.is_end() {
            // Nothing begins. What was passed over on the way is told all the same.
            self.flight = before;
            if !self.unwritten.is_empty() {
                self.write(Status::Waiting, self.message.due_at, None).await;
            }
            return false;
        }
        if self.has_news() {
            // A receipt may have settled it; that is looked at before anything is sent.
            self.flight = before;
            return true;
        }
        let call = self.call(step, envelope, kept);
        let result = in_force.transports.attempt(&step.transport, place, call).await;
        let now = self.engine.now();
        let sign = result.as_ref().ok().map(Sign::of);
        // Before the place is free, so that whoever comes next meets the breaker as it stands now.
        let changed = begun.end(sign, now);
        // What is left is between byway and its disk.
        drop(present);
        self.note_breaker(changed).await;
        match result {
            Ok(attempted) => self.settle(plan, step, &attempted, began, now).await,
            Err(fault) => {
                self.flight = before;
                settle::host_fault(&mut self.flight, &step.transport, &fault, now);
                self.note_fault(step, &fault, began);
                true
            }
        }
    }

    async fn settle(
        &mut self,
        plan: &Plan,
        step: &PlannedStep,
        attempted: &Attempted,
        began: Timestamp,
        now: Timestamp,
    ) -> bool {
        let number = self.flight.step(&step.transport).attempts;
        tracing::info!(
            id = self.message.id, transport = step.transport, number, outcome = %attempted.outcome.kind(),
            code = attempted.outcome.failure().map(|failure| failure.code.as_str()),
            took_ms = record::millis(attempted.took), "attempt"
        );
        let outcome = attempted.outcome.kind().to_string();
        self.engine.tally().attempt(&step.transport, &outcome);
        let told = record::of_attempt(step, number, attempted, began);
        self.unwritten.push(told);
        match settle::attempted(
            plan,
            &mut self.flight,
            step,
            &attempted.outcome,
            now,
            rand::random(),
        ) {
            Ending::Open => true,
            Ending::Delivered => {
                let words = if self.flight.fallback {
                    "delivered by a fallback"
                } else {
                    "delivered"
                };
                self.end(Status::Delivered, &format!("{words}: {}", step.transport))
                    .await;
                false
            }
            Ending::Dead(reason) => {
                self.end(Status::Dead, &reason).await;
                false
            }
        }
    }

    async fn reconcile(
        &mut self,
        in_force: &InForce,
        plan: &Plan,
        step: &PlannedStep,
        envelope: &Arc<Envelope>,
    ) -> bool {
        let present = match self.come_to(in_force, step, envelope).await {
            Ok(present) => present,
            Err(going_on) => return going_on,
        };
        let began = self.engine.now();
        let result = match self.kept(step, true).await {
            Ok(kept) => {
                let call = self.call(step, envelope, kept);
                in_force.transports.reconcile(&step.transport, call).await
            }
            Err(error) => Err(of_store(&error)),
        };
        drop(present);
        let now = self.engine.now();
        let verdict = match result {
            Ok(verdict) => verdict,
            Err(fault) => {
                self.note_fault(step, &fault, began);
                Verdict::Unknown
            }
        };
        match settle::reconciled(plan, &mut self.flight, step, &verdict, now) {
            Ending::Open => true,
            Ending::Delivered => {
                self.end(
                    Status::Delivered,
                    &format!("{} found that it had arrived", step.transport),
                )
                .await;
                false
            }
            Ending::Dead(reason) => {
                self.end(Status::Dead, &reason).await;
                false
            }
        }
    }

    /// What the adapter kept of it. Most messages go at their first attempt, before which that can be nothing.
    async fn kept(&self, step: &PlannedStep, tried: bool) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.message.has_progress && !tried {
            return Ok(None);
        }
        let store = &self.engine.inner.settings.store;
        store.progress(self.message.key, &step.transport).await
    }

    /// Passes a step over, since nobody can tell what its adapter kept: for good where that is damaged.
    fn cannot_begin(&mut self, step: &PlannedStep, error: &StoreError) -> bool {
        let now = self.engine.now();
        let fault = of_store(error);
        settle::host_fault(&mut self.flight, &step.transport, &fault, now);
        if matches!(error, StoreError::RecordDamaged(_)) {
            settle::barred(&mut self.flight, step);
        }
        self.note_fault(step, &fault, now);
        true
    }

    fn call(&self, step: &PlannedStep, envelope: &Arc<Envelope>, progress: Option<Vec<u8>>) -> Call {
        Call {
            envelope: Arc::clone(envelope),
            // As it was stored: it is not printed anew for each attempt.
            structured: Arc::from(self.message.envelope_json.as_slice()),
            number: self.flight.step(&step.transport).attempts.max(1),
            idempotency_key: envelope.effective_idempotency_key().to_owned(),
            progress,
            keep: Arc::new(Keep::new(&self.engine, self.message.key, &step.transport)),
        }
    }

    /// Why the receiving byway could not wake its agent, where it says that.
    async fn failure_over_there(&self) -> Option<String> {
        if self.message.receipt.as_deref() != Some(FAILED) {
            return None;
        }
        let fresh = self.engine.store().outgoing(self.message.key).await;
        fresh.ok().flatten()?.reason
    }

    /// Whether a receipt has come that the decisions so far do not know of.
    fn has_news(&self) -> bool {
        let receipt = self.message.receipt.as_deref().and_then(receipt_status);
        receipt.is_some_and(|receipt| self.flight.receipt.is_none_or(|known| known < receipt))
    }

    fn note_fault(&mut self, step: &PlannedStep, fault: &HostFault, began: Timestamp) {
        let (id, transport) = (&self.message.id, &step.transport);
        tracing::warn!(id, transport, code = fault.code, "skipped (host): {fault}");
        self.engine.tally().skip(transport, fault.code);
        self.unwritten.push(record::of_fault(step, fault, began));
    }

    fn note_interruption(&mut self, plan: &Plan, transport: &str, now: Timestamp) {
        let id = &self.message.id;
        tracing::warn!(
            id,
            transport,
            "byway was stopped during an attempt: it may have arrived"
        );
        let number = self.flight.step(transport).attempts;
        let told = record::of_interruption(plan, transport, number, now);
        self.unwritten.push(told);
    }
}

fn of_store(error: &StoreError) -> HostFault {
    HostFault {
        code: "store",
        message: error.to_string(),
    }
}

fn receipt_status(word: &str) -> Option<ReceiptStatus> {
    // Nobody was woken for it, but it lies where its agent will see it.
    let word = if word == FAILED { "delivered" } else { word };
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}
