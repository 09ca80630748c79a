//! What to do next with a message. Pure.
//!
//! While nothing is unsettled, a round goes down the chain and tries each step once. When it is
//! unknown whether the message arrived, the order changes: first whoever can find out, then the
//! steps that cannot deliver twice, and only then, and only where the route says so, the rest.
//! What is passed over is told with its reason, once a round.

use jiff::{SignedDuration, Timestamp};

use super::backoff;
use super::flight::Flight;
use super::plan::{Gate, Plan, PlannedStep};
use crate::config::{Mode, OnUnknown, Strategy};
use crate::contract::HostFault;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Try the step at this place of the chain.
    Try(usize),
    /// Ask the transport at this place what became of an earlier attempt.
    Reconcile(usize),
    /// Nothing until then.
    Wait(Timestamp),
    /// Nothing but a receipt or a person can help, for this reason.
    Hold(String),
    /// Nothing can ever help, for this reason.
    Dead(String),
}

/// A step that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The transport.
    pub transport: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why a step was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Its breaker is open.
    BreakerOpen,
    /// It has been used as fast as its rate allows.
    Rate,
    /// The far side asked to be left alone until later.
    RetryAfter,
    /// It refused this message before, with the same configuration.
    RefusedBefore,
    /// The agent would hear its owner, and the message is not the owner's.
    Authority,
    /// The notify step that it waits for has not succeeded.
    After(String),
    /// It could deliver twice what may have arrived.
    Unsettled,
    /// Its adapter crashes again and again, as told.
    Quarantined(String),
    /// byway itself cannot run it.
    Host(String),
}

impl SkipReason {
    /// The reason as a stable word.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BreakerOpen => "breaker-open",
            Self::Rate => "rate",
            Self::RetryAfter => "retry-after",
            Self::RefusedBefore => "refused-before",
            Self::Authority => "authority",
            Self::After(_) => "waits-for-step",
            Self::Unsettled => "may-have-arrived",
            Self::Quarantined(_) => HostFault::QUARANTINED,
            Self::Host(_) => "host",
        }
    }

    /// The reason as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::BreakerOpen => "it failed several times in a row and rests; it comes back by itself".into(),
            Self::Rate => "it has been used as fast as its rate allows; it comes back by itself".into(),
            Self::RetryAfter => "the far side asked to be called later".into(),
            Self::RefusedBefore => "it refused this message before".into(),
            Self::Authority => "the agent would hear its owner, and this message is not the owner's; \
                 the route may say allow_owner = true"
                .into(),
            Self::After(step) => format!("it waits for {step}, which has not succeeded for this message"),
            Self::Unsettled => {
                "the message may have arrived another way, and this could deliver it twice".into()
            }
            Self::Quarantined(why) => {
                format!("its adapter is quarantined, and tried again by itself: {why}")
            }
            Self::Host(why) => format!("byway could not run it: {why}"),
        }
    }
}

/// Decides what to do next, and says what was passed over on the way. `random` is between 0 and 1.
///
/// The message's deadline is the caller's: a flight knows no end in time.
#[must_use]
pub fn decide(plan: &Plan, flight: &mut Flight, now: Timestamp, random: f64) -> (Decision, Vec<Skip>) {
    let mut skips = Vec::new();
    if let Some(transport) = &flight.awaiting {
        return (
            Decision::Hold(format!("{transport} took charge of it; waiting for its receipt")),
            skips,
        );
    }
    if !flight.unsettled.is_empty() {
        if let Some(place) = reconcilable(plan, flight) {
            return (Decision::Reconcile(place), skips);
        }
        if let Some(decision) = first_open(plan, flight, now, &mut skips, |step, flight| {
            is_safe(plan, flight, step)
        }) {
            return (decision, skips);
        }
    }
    let may_go_on = flight.unsettled.is_empty() || plan.on_unknown == OnUnknown::Continue;
    if let Some(decision) = first_open(plan, flight, now, &mut skips, |step, _| {
        may_go_on || step.mode == Mode::Notify
    }) {
        return (decision, skips);
    }
    for step in plan.steps.iter().filter(|step| step.mode == Mode::Deliver) {
        if flight.passed.insert(step.transport.clone()) {
            skips.push(Skip {
                transport: step.transport.clone(),
                reason: SkipReason::Unsettled,
            });
        }
    }
    (end_of_round(plan, flight, now, random), skips)
}

/// The first step of the chain that this round is not done with, that `allowed` covers, and that
/// nothing bars. Barred ones are noted and passed.
fn first_open(
    plan: &Plan,
    flight: &mut Flight,
    now: Timestamp,
    skips: &mut Vec<Skip>,
    allowed: impl Fn(&PlannedStep, &Flight) -> bool,
) -> Option<Decision> {
    for (place, step) in plan.steps.iter().enumerate() {
        if flight.passed.contains(&step.transport) || !allowed(step, flight) {
            continue;
        }
        let state = flight.step(&step.transport);
        if step.mode == Mode::Notify && state.notified {
            continue;
        }
        if plan.strategy == Strategy::Exhaust && state.tries_this_round > 0 {
            // Still trying this one: its pause is a wait, not a reason to go on to the next.
            if let Some(until) = state.not_before.filter(|until| now < *until) {
                return Some(Decision::Wait(until));
            }
        }
        match barrier(plan, flight, step, now) {
            None => return Some(Decision::Try(place)),
            Some(reason) => {
                flight.passed.insert(step.transport.clone());
                skips.push(Skip {
                    transport: step.transport.clone(),
                    reason,
                });
            }
        }
    }
    None
}

fn barrier(plan: &Plan, flight: &Flight, step: &PlannedStep, now: Timestamp) -> Option<SkipReason> {
    let state = flight.step(&step.transport);
    if is_barred_by_authority(plan, flight, step) {
        return Some(SkipReason::Authority);
    }
    if state.refused_under == Some(step.fingerprint) {
        return Some(SkipReason::RefusedBefore);
    }
    if let Some(awaited) = awaits(flight, step) {
        return Some(SkipReason::After(awaited.to_owned()));
    }
    match &step.gate {
        Gate::Breaker(_) => return Some(SkipReason::BreakerOpen),
        Gate::Rate(_) => return Some(SkipReason::Rate),
        Gate::Quarantined(_, why) => return Some(SkipReason::Quarantined(why.clone())),
        Gate::Host(_, why) => return Some(SkipReason::Host(why.clone())),
        Gate::Open => {}
    }
    state
        .not_before
        .filter(|until| now < *until)
        .map(|_| SkipReason::RetryAfter)
}

fn is_barred_by_authority(plan: &Plan, flight: &Flight, step: &PlannedStep) -> bool {
    step.owner && flight.untrusted && !plan.allow_owner
}

fn is_safe(plan: &Plan, flight: &Flight, step: &PlannedStep) -> bool {
    step.mode == Mode::Deliver
        && flight
            .unsettled
            .iter()
            .all(|other| step.shares_inbox_with(other, plan) || is_repeatable(flight, step, other))
}

/// Whether it is the same idempotent transport again, and leads where it led.
fn is_repeatable(flight: &Flight, step: &PlannedStep, other: &str) -> bool {
    step.transport == other && step.idempotent && !flight.led_elsewhere(step)
}

/// Whether it may find out what became of the message: it was tried, it has not said that it can never
/// tell, and it would ask where the message was sent.
fn may_tell(flight: &Flight, step: &PlannedStep) -> bool {
    step.reconciles
        && flight.unsettled.contains(&step.transport)
        && flight.step(&step.transport).silent_under != Some(step.fingerprint)
        && !flight.led_elsewhere(step)
}

fn reconcilable(plan: &Plan, flight: &Flight) -> Option<usize> {
    plan.steps.iter().position(|step| {
        may_tell(flight, step)
            && matches!(step.gate, Gate::Open | Gate::Quarantined(..))
            && !flight.step(&step.transport).reconciled_this_round
    })
}

fn end_of_round(plan: &Plan, flight: &mut Flight, now: Timestamp, random: f64) -> Decision {
    let unsettled = !flight.unsettled.is_empty();
    let hopeful = hopeful(plan, flight);
    if hopeful.is_empty() {
        return if unsettled {
            Decision::Hold(unsettled_reason(flight))
        } else {
            Decision::Dead(dead_reason(plan, flight))
        };
    }
    let opens = hopeful
        .iter()
        .map(|step| opens_at(plan, flight, step, now))
        .min()
        .unwrap_or(now);
    let attempted = flight.attempted_this_round;
    flight.end_round();
    let wait = if attempted {
        backoff::wait(plan.backoff, flight.rounds, random)
    } else {
        std::time::Duration::ZERO
    };
    let due = SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| now.checked_add(wait).ok())
        .unwrap_or(now);
    Decision::Wait(due.max(opens))
}

/// The steps that can still do something for the message, now or later.
fn hopeful<'a>(plan: &'a Plan, flight: &Flight) -> Vec<&'a PlannedStep> {
    let bound = !flight.unsettled.is_empty() && plan.on_unknown == OnUnknown::Hold;
    plan.steps
        .iter()
        .filter(|step| {
            let can_ever = step.mode == Mode::Deliver
                && !is_barred_by_authority(plan, flight, step)
                && may_be_told(plan, flight, step)
                && flight.step(&step.transport).refused_under != Some(step.fingerprint);
            (can_ever && (!bound || is_safe(plan, flight, step))) || may_tell(flight, step)
        })
        .collect()
}

/// The transports that a message waits for, after a round that attempted nothing: all that could do something for it
/// rest, for any message. None where it is the message that has to wait, or one of them may be tried.
pub(super) fn waits_for(plan: &Plan, flight: &Flight, now: Timestamp) -> Vec<String> {
    let hopeful = hopeful(plan, flight);
    let rests = |step: &&PlannedStep| {
        let own = flight.step(&step.transport).not_before;
        step.gate != Gate::Open && own.is_none_or(|until| until <= now)
    };
    if !hopeful.iter().all(rests) {
        return Vec::new();
    }
    hopeful.iter().map(|step| step.transport.clone()).collect()
}

/// The step that this one waits for, while it does.
fn awaits<'a>(flight: &Flight, step: &'a PlannedStep) -> Option<&'a str> {
    step.after.as_deref().filter(|after| !flight.step(after).told)
}

/// Whether what this step waits for has happened, or still can.
fn may_be_told(plan: &Plan, flight: &Flight, step: &PlannedStep) -> bool {
    awaits(flight, step).is_none_or(|awaited| {
        let can_run = plan.step(awaited).is_some_and(|step| {
            let was_refused = flight.step(awaited).refused_under == Some(step.fingerprint);
            !is_barred_by_authority(plan, flight, step) && !was_refused
        });
        can_run && !flight.step(awaited).notified
    })
}

fn opens_at(plan: &Plan, flight: &Flight, step: &PlannedStep, now: Timestamp) -> Timestamp {
    let own = opens_by_itself(flight, step, now);
    // The step that waits opens no earlier than what it waits for.
    match awaits(flight, step).and_then(|awaited| plan.step(awaited)) {
        Some(awaited) => own.max(opens_by_itself(flight, awaited, now)),
        None => own,
    }
}

fn opens_by_itself(flight: &Flight, step: &PlannedStep, now: Timestamp) -> Timestamp {
    let gate = match &step.gate {
        Gate::Open => now,
        Gate::Breaker(until) | Gate::Rate(until) | Gate::Quarantined(until, _) | Gate::Host(until, _) => {
            *until
        }
    };
    flight.step(&step.transport).not_before.unwrap_or(now).max(gate)
}

/// Why a message waits for a receipt or a person.
pub(super) fn unsettled_reason(flight: &Flight) -> String {
    let names: Vec<&str> = flight.unsettled.iter().map(String::as_str).collect();
    format!(
        "it may have arrived through {}, and no answer came; waiting for a receipt or a person",
        names.join(" and ")
    )
}

/// Why a message is dead: what each transport said last.
pub(super) fn dead_reason(plan: &Plan, flight: &Flight) -> String {
    let said: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| step.mode == Mode::Deliver)
        .map(|step| {
            match (
                is_barred_by_authority(plan, flight, step),
                flight.step(&step.transport).last_failure,
            ) {
                (true, _) => format!("{}: {}", step.transport, SkipReason::Authority.sentence()),
                (false, Some((code, message))) => format!("{}: {message} ({code})", step.transport),
                (false, None) => match awaits(flight, step) {
                    Some(awaited) => {
                        let why = flight.step(awaited).last_failure;
                        let why = why.map_or_else(String::new, |(code, words)| format!(": {words} ({code})"));
                        format!("{}: never tried; it waits for {awaited}{why}", step.transport)
                    }
                    None => format!("{}: never tried", step.transport),
                },
            }
        })
        .collect();
    format!("no transport could deliver it. {}", said.join("; "))
}
