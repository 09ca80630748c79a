//! What the end of an attempt, or word from outside, changes in a flight. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::backoff::{self, RETRY_AFTER_MAX};
use super::flight::Flight;
use super::plan::{Plan, PlannedStep};
use crate::config::{DoneAt, Mode, Strategy};
use crate::contract::{Failure, HostFault, Outcome, Receipt, ReceiptStatus, Verdict};

/// How long byway leaves a transport alone that it could not run for a reason of its own.
const HOST_PAUSE: Duration = Duration::from_secs(5);

/// Whether a message's delivery has come to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Not yet.
    Open,
    /// It is delivered, as the route asks for.
    Delivered,
    /// The far side has it and says that it failed there, for this reason.
    Dead(String),
}

/// Notes how the attempt through `step` ended. `random` is between 0 and 1.
pub fn attempted(
    plan: &Plan,
    flight: &mut Flight,
    step: &PlannedStep,
    outcome: &Outcome,
    now: Timestamp,
    random: f64,
) -> Ending {
    flight.under_way = None;
    flight.passed.insert(step.transport.clone());
    if let Some(failure) = outcome.failure() {
        note_failure(flight, step, failure, now);
    }
    if step.mode == Mode::Notify {
        // What another step waits for is tried again, as long as it is certain that it did not happen; refused, as
        // any step under another configuration, or once a person has redriven the message.
        let happened = matches!(outcome, Outcome::Delivered(_) | Outcome::Unknown(_));
        let is_refused = matches!(outcome, Outcome::Refused(_));
        let is_awaited = plan.is_awaited(&step.transport);
        let state = flight.step_mut(&step.transport);
        state.refused_under = (is_awaited && is_refused).then_some(step.fingerprint);
        state.notified = happened || !is_awaited;
        state.told = matches!(outcome, Outcome::Delivered(_));
        return Ending::Open;
    }
    match outcome {
        Outcome::Delivered(receipt) => return delivered(plan, flight, step, receipt),
        Outcome::Unknown(_) => {
            flight.unsettled.insert(step.transport.clone());
        }
        Outcome::Refused(_) => {
            flight.step_mut(&step.transport).refused_under = Some(step.fingerprint);
        }
        Outcome::Retryable(_) => try_again_at_once(plan, flight, step, now, random),
        Outcome::Unavailable(_) => {}
    }
    Ending::Open
}

/// Under `exhaust` a step keeps its turn until its tries are used up.
fn try_again_at_once(plan: &Plan, flight: &mut Flight, step: &PlannedStep, now: Timestamp, random: f64) {
    let tries = flight.step(&step.transport).tries_this_round;
    if plan.strategy == Strategy::Exhaust && tries < plan.tries {
        flight.passed.remove(&step.transport);
        let pause = after(now, backoff::wait(plan.backoff, tries, random));
        let state = flight.step_mut(&step.transport);
        state.not_before = state.not_before.max(Some(pause));
    }
}

/// Notes that byway itself failed: the flight is as it was before the attempt, but for a pause. When a
/// quarantined transport opens again is known from its gate, and needs no pause here.
pub(super) fn host_fault(flight: &mut Flight, transport: &str, fault: &HostFault, now: Timestamp) {
    flight.passed.insert(transport.to_owned());
    let state = flight.step_mut(transport);
    if fault.code != HostFault::QUARANTINED {
        state.not_before = Some(after(now, HOST_PAUSE));
    }
    state.last_failure = Some((fault.code.to_owned(), fault.message.clone()));
}

/// Notes that a message cannot go through a transport any more, as if that had refused it.
pub(super) fn barred(flight: &mut Flight, step: &PlannedStep) {
    let state = flight.step_mut(&step.transport);
    state.refused_under = Some(step.fingerprint);
    state.not_before = None;
}

/// Notes that a crash cut off an attempt: it may have arrived. Says which transport's it was.
pub fn interrupted(plan: &Plan, flight: &mut Flight) -> Option<String> {
    let transport = flight.under_way.take()?;
    let mode = plan
        .steps
        .iter()
        .find(|step| step.transport == transport)
        .map(|step| step.mode);
    if mode == Some(Mode::Notify) {
        flight.step_mut(&transport).notified = true;
    } else {
        flight.unsettled.insert(transport.clone());
    }
    Some(transport)
}

/// Notes what a transport found out about an earlier attempt.
pub fn reconciled(
    plan: &Plan,
    flight: &mut Flight,
    step: &PlannedStep,
    verdict: &Verdict,
    now: Timestamp,
) -> Ending {
    // Asking costs as much as trying: the round backs off as if it had attempted something.
    flight.attempted_this_round = true;
    flight.step_mut(&step.transport).reconciled_this_round = true;
    match verdict {
        Verdict::NotArrived => {
            flight.unsettled.remove(&step.transport);
            flight.passed.remove(&step.transport);
            Ending::Open
        }
        Verdict::Arrived(receipt) | Verdict::Answered(receipt, _) => delivered(plan, flight, step, receipt),
        Verdict::Failed(failure) => {
            note_failure(flight, step, failure, now);
            Ending::Dead(format!(
                "{}: it arrived and failed there: {} ({})",
                step.transport, failure.message, failure.code
            ))
        }
        Verdict::Unknown => Ending::Open,
        Verdict::NeverKnown => {
            flight.step_mut(&step.transport).silent_under = Some(step.fingerprint);
            Ending::Open
        }
    }
}

/// Notes a receipt that the addressed instance itself has signed. Of several the greatest holds.
pub fn receipt(plan: &Plan, flight: &mut Flight, status: ReceiptStatus) -> Ending {
    flight.receipt = flight.receipt.max(Some(status));
    let enough = match plan.done_at {
        DoneAt::Accepted => ReceiptStatus::Accepted,
        DoneAt::Delivered | DoneAt::PeerReceipt => ReceiptStatus::Delivered,
    };
    if status < enough {
        return Ending::Open;
    }
    if flight.delivered_by.is_none() {
        // With several unsettled ways nobody can say which of them it was; the first will do.
        flight.delivered_by = flight
            .awaiting
            .clone()
            .or_else(|| flight.unsettled.first().cloned());
    }
    flight.fallback = flight
        .delivered_by
        .as_deref()
        .is_some_and(|name| is_fallback(plan, name));
    flight.unsettled.clear();
    flight.awaiting = None;
    Ending::Delivered
}

fn delivered(plan: &Plan, flight: &mut Flight, step: &PlannedStep, receipt: &Receipt) -> Ending {
    // Where only the peer's own signed word counts, a transport's is worth no more than that somebody
    // took charge; or the peer's could not be greater than what is known already.
    let status = match plan.done_at {
        DoneAt::PeerReceipt => ReceiptStatus::Accepted,
        DoneAt::Accepted | DoneAt::Delivered => receipt.status,
    };
    flight.receipt = flight.receipt.max(Some(status));
    flight.delivered_by = Some(step.transport.clone());
    flight.fallback = is_fallback(plan, &step.transport);
    flight.unsettled.clear();
    let done = match plan.done_at {
        DoneAt::Accepted => true,
        DoneAt::Delivered => receipt.status >= ReceiptStatus::Delivered,
        DoneAt::PeerReceipt => false,
    };
    if done {
        Ending::Delivered
    } else {
        flight.awaiting = Some(step.transport.clone());
        Ending::Open
    }
}

fn is_fallback(plan: &Plan, transport: &str) -> bool {
    let first = plan.steps.iter().find(|step| step.mode == Mode::Deliver);
    first.is_some_and(|first| first.transport != transport)
}

fn note_failure(flight: &mut Flight, step: &PlannedStep, failure: &Failure, now: Timestamp) {
    let state = flight.step_mut(&step.transport);
    state.last_failure = Some((failure.code.clone(), failure.message.clone()));
    state.not_before = failure
        .retry_after
        .map(|pause| after(now, pause.min(RETRY_AFTER_MAX)));
}

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| now.checked_add(pause).ok())
        .unwrap_or(Timestamp::MAX)
}
