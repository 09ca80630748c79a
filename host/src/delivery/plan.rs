//! What a message's route asks for, as far as the policies need to know it.
//!
//! A plan is made anew from the running configuration each time a message is looked at, so a
//! corrected route or transport takes effect for the messages that wait. What has happened to the
//! message is kept by transport name in its [`Flight`](super::Flight), and outlives the plan.

use jiff::Timestamp;

use crate::config::{Backoff, DoneAt, Mode, OnUnknown, Strategy};

/// A route's chain, with what the loaded transports say of themselves.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// The order of retries.
    pub strategy: Strategy,
    /// How many tries a step has before `exhaust` goes to the next.
    pub tries: u32,
    /// What to do when nothing safe is left after unknown.
    pub on_unknown: OnUnknown,
    /// Which receipt completes the message.
    pub done_at: DoneAt,
    /// The waits between rounds.
    pub backoff: Backoff,
    /// Whether an untrusted message may go through owner transports.
    pub allow_owner: bool,
}

/// One step.
#[derive(Clone, Debug)]
pub struct PlannedStep {
    /// The transport's name.
    pub transport: String,
    /// What the step is for.
    pub mode: Mode,
    /// The notify step that must have succeeded before this one is tried.
    pub after: Option<String>,
    /// Whether repeating an attempt cannot deliver twice.
    pub idempotent: bool,
    /// Whether the adapter can find out what became of an attempt.
    pub reconciles: bool,
    /// Whether the agent hears its owner.
    pub owner: bool,
    /// The inbox it leads into, shared by all transports of the same name here.
    pub dedupe: Option<String>,
    /// Changes when the transport's configuration does: what was refused under another fingerprint
    /// may be tried again.
    pub fingerprint: u64,
    /// Changes when the configuration may lead to another place: what may have arrived at the old one is neither
    /// repeated at the new one nor asked for there.
    pub leads_to: u64,
    /// Whether it can be tried now.
    pub gate: Gate,
}

/// Whether a transport can be tried now, for any message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It can.
    Open,
    /// Its breaker is open until then.
    Breaker(Timestamp),
    /// It has been used as fast as its rate allows, and may be used again then.
    Rate(Timestamp),
    /// Its adapter crashes again and again, and is left alone until then.
    Quarantined(Timestamp, String),
    /// byway itself cannot run it (its adapter is missing or damaged); worth another look then.
    Host(Timestamp, String),
}

impl Plan {
    /// The step of this name.
    pub(super) fn step(&self, transport: &str) -> Option<&PlannedStep> {
        self.steps.iter().find(|step| step.transport == transport)
    }

    /// Whether another step waits until this one has succeeded.
    pub(super) fn is_awaited(&self, transport: &str) -> bool {
        self.steps
            .iter()
            .any(|step| step.after.as_deref() == Some(transport))
    }
}

impl PlannedStep {
    /// Whether an attempt through this step cannot deliver a second time what an unsettled attempt through
    /// `other` may have delivered, because both lead into one inbox that takes a message in once.
    #[must_use]
    pub fn shares_inbox_with(&self, other: &str, plan: &Plan) -> bool {
        let other_dedupe = plan
            .steps
            .iter()
            .find(|step| step.transport == other)
            .and_then(|step| step.dedupe.as_ref());
        self.dedupe.is_some() && self.dedupe.as_ref() == other_dedupe
    }
}
