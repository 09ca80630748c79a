//! A story: a chain, what each step says, and what happens next. With a clock of its own.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::{Backoff, DoneAt, Mode, OnUnknown, Strategy};
use crate::contract::{Failure, Outcome, Receipt, ReceiptStatus};
use crate::delivery::{Decision, Ending, Flight, Gate, Plan, PlannedStep, SkipReason, attempted, decide};

pub(super) fn step(name: &str) -> PlannedStep {
    PlannedStep {
        transport: name.into(),
        mode: Mode::Deliver,
        after: None,
        idempotent: false,
        reconciles: false,
        owner: false,
        dedupe: None,
        fingerprint: 1,
        leads_to: 1,
        gate: Gate::Open,
    }
}

pub(super) fn into_inbox(name: &str) -> PlannedStep {
    PlannedStep {
        dedupe: Some("inbox".into()),
        idempotent: true,
        ..step(name)
    }
}

pub(super) fn notify(name: &str) -> PlannedStep {
    PlannedStep {
        mode: Mode::Notify,
        ..step(name)
    }
}

pub(super) fn after(awaited: &str, name: &str) -> PlannedStep {
    PlannedStep {
        after: Some(awaited.into()),
        ..step(name)
    }
}

pub(super) fn plan(steps: Vec<PlannedStep>) -> Plan {
    Plan {
        steps,
        strategy: Strategy::Sweep,
        tries: 3,
        on_unknown: OnUnknown::Hold,
        done_at: DoneAt::Accepted,
        backoff: Backoff {
            first: Duration::from_secs(2),
            max: Duration::from_secs(60),
        },
        allow_owner: false,
    }
}

pub(super) fn failure() -> Failure {
    Failure::new("test", "it failed")
}

pub(super) fn delivered(status: ReceiptStatus) -> Outcome {
    Outcome::Delivered(Receipt {
        status,
        reference: None,
        detail: None,
    })
}

/// One message under one plan, with a clock of its own.
pub(super) struct Story {
    pub(super) plan: Plan,
    pub(super) flight: Flight,
    pub(super) now: Timestamp,
    pub(super) skips: Vec<(String, SkipReason)>,
}

impl Story {
    pub(super) fn of(plan: Plan) -> Self {
        Self {
            plan,
            flight: Flight::new(false),
            now: Timestamp::from_second(1_000).unwrap(),
            skips: Vec::new(),
        }
    }

    pub(super) fn decide(&mut self) -> Decision {
        let (decision, skips) = decide(&self.plan, &mut self.flight, self.now, 1.0);
        self.skips
            .extend(skips.into_iter().map(|skip| (skip.transport, skip.reason)));
        decision
    }

    /// Expects that this transport is tried next, and lets the attempt end so.
    pub(super) fn tries(&mut self, transport: &str, outcome: Outcome) -> Ending {
        let Decision::Try(place) = self.decide() else {
            panic!("expected an attempt through {transport}, not {:?}", self.decide());
        };
        let step = self.plan.steps[place].clone();
        assert_eq!(step.transport, transport);
        self.flight.begin(&step);
        attempted(&self.plan, &mut self.flight, &step, &outcome, self.now, 1.0)
    }

    pub(super) fn waits(&mut self) -> SignedDuration {
        match self.decide() {
            Decision::Wait(until) => {
                let wait = until.duration_since(self.now);
                self.now = until;
                wait
            }
            other => panic!("expected a wait, not {other:?}"),
        }
    }
}
