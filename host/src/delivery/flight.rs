//! What has happened to a message so far, as much of it as decides what happens next.
//!
//! A flight is stored with the message after every step, as JSON. It holds facts, not
//! decisions, so that a corrected configuration can lead to another decision from the same facts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::PlannedStep;
use crate::contract::ReceiptStatus;
use crate::store::Attempt;

/// The state of one message's delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// Rounds through the chain that are over and in which something was attempted.
    #[serde(default)]
    pub rounds: u32,
    /// The transports that this round is done with.
    #[serde(default)]
    pub passed: BTreeSet<String>,
    /// Whether this round has attempted anything.
    #[serde(default)]
    pub attempted_this_round: bool,
    /// The facts of each transport.
    #[serde(default)]
    pub steps: BTreeMap<String, StepState>,
    /// Transports through which it may have arrived, and nobody has said so.
    #[serde(default)]
    pub unsettled: BTreeSet<String>,
    /// The attempt that is under way; still there after a restart if a crash cut it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_way: Option<String>,
    /// The transport whose far side took charge, while the route waits for more than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaiting: Option<String>,
    /// The greatest receipt so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptStatus>,
    /// The transport that delivered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_by: Option<String>,
    /// Whether another than the first choice delivered it.
    #[serde(default)]
    pub fallback: bool,
    /// Nobody has approved it yet: it is not tried before a person does, or this time has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_until: Option<Timestamp>,
    /// The id of the message that tells people that this one waits for them. Sent once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// What was passed over before the attempt that is under way, in its order. It stands in no row yet, and is told with what comes of
    /// the attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<Attempt>,
    /// Whether it came from a peer or an unauthenticated source: never delivered as the
    /// owner's words.
    #[serde(default)]
    pub untrusted: bool,
}

/// What has happened to one message on one transport.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    /// Attempts so far.
    #[serde(default)]
    pub attempts: u32,
    /// Attempts in this round; more than one only under `exhaust`.
    #[serde(default)]
    pub tries_this_round: u32,
    /// The fingerprint of the configuration under which the transport refused the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_under: Option<u64>,
    /// Where the last attempt led, as [`PlannedStep::leads_to`] tells places apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub led_to: Option<u64>,
    /// Not before this (the far side's retry-after, or a pause of ours).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Whether a notify step has done its one run.
    #[serde(default)]
    pub notified: bool,
    /// Whether a notify step has succeeded, for the steps that wait for it.
    #[serde(default)]
    pub told: bool,
    /// Whether this round has asked it what became of an unsettled attempt.
    #[serde(default)]
    pub reconciled_this_round: bool,
    /// The fingerprint of the configuration under which nobody can say what became of an attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_under: Option<u64>,
    /// The last failure's code and sentence, for the reason of a dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<(String, String)>,
}

impl Flight {
    /// The beginning of a flight.
    #[must_use]
    pub fn new(untrusted: bool) -> Self {
        Self {
            untrusted,
            ..Self::default()
        }
    }

    /// The facts of one transport.
    #[must_use]
    pub fn step(&self, transport: &str) -> StepState {
        self.steps.get(transport).cloned().unwrap_or_default()
    }

    pub(super) fn step_mut(&mut self, transport: &str) -> &mut StepState {
        self.steps.entry(transport.to_owned()).or_default()
    }

    /// Notes that an attempt is about to begin. To be on disk before it does.
    pub fn begin(&mut self, step: &PlannedStep) {
        self.under_way = Some(step.transport.clone());
        self.attempted_this_round = true;
        let state = self.step_mut(&step.transport);
        state.attempts = state.attempts.saturating_add(1);
        state.tries_this_round = state.tries_this_round.saturating_add(1);
        state.led_to = Some(step.leads_to);
    }

    /// Whether the transport's last attempt led to another place than `step` does.
    pub(super) fn led_elsewhere(&self, step: &PlannedStep) -> bool {
        let state = self.steps.get(&step.transport);
        state
            .and_then(|state| state.led_to)
            .is_some_and(|place| place != step.leads_to)
    }

    pub(super) fn end_round(&mut self) {
        if self.attempted_this_round {
            self.rounds = self.rounds.saturating_add(1);
        }
        self.attempted_this_round = false;
        self.passed.clear();
        for step in self.steps.values_mut() {
            step.tries_this_round = 0;
            step.reconciled_this_round = false;
        }
    }
}
