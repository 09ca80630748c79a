//! Whatever the transports say, and wherever crashes fall.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::story::{Story, delivered, failure, plan, step};
use crate::config::{Mode, Strategy as Order};
use crate::contract::{Outcome, ReceiptStatus, Verdict};
use crate::delivery::{Decision, Ending, PlannedStep, attempted, decide, interrupted, reconciled};

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Retryable(failure())),
        Just(Outcome::Unavailable(failure())),
        Just(Outcome::Refused(failure())),
        Just(Outcome::Unknown(failure())),
        Just(delivered(ReceiptStatus::Accepted)),
    ]
}

fn any_step(name: usize) -> impl Strategy<Value = PlannedStep> {
    (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            move |(idempotent, reconciles, shared, owner, is_notify)| PlannedStep {
                idempotent,
                reconciles,
                owner,
                dedupe: shared.then(|| "inbox".to_owned()),
                // The first always delivers, as a configuration must.
                mode: if is_notify && name > 0 {
                    Mode::Notify
                } else {
                    Mode::Deliver
                },
                ..step(&format!("t{name}"))
            },
        )
}

proptest! {
    /// Whatever the transports say, and wherever crashes fall: an inbox that is not shared is never
    /// sent to twice while it is unknown whether the message is in it, no owner transport hears an
    /// untrusted message, and a round tries each step at most once.
    #[test]
    fn no_interleaving_delivers_twice(
        steps in (any_step(0), any_step(1), any_step(2)),
        untrusted: bool,
        exhaust: bool,
        outcomes in prop::collection::vec((any_outcome(), any::<bool>(), 0.0..1.0f64), 1..40),
    ) {
        let mut story = Story::of(plan(vec![steps.0, steps.1, steps.2]));
        story.plan.strategy = if exhaust { Order::Exhaust } else { Order::Sweep };
        story.flight.untrusted = untrusted;
        let mut this_round: BTreeMap<String, u32> = BTreeMap::new();
        let mut maybe_in: Vec<PlannedStep> = Vec::new();
        for (outcome, crash, random) in outcomes {
            let (decision, _) = decide(&story.plan, &mut story.flight, story.now, random);
            match decision {
                Decision::Try(place) => {
                    let step = story.plan.steps[place].clone();
                    let tries = this_round.entry(step.transport.clone()).or_default();
                    *tries += 1;
                    let most = if exhaust { story.plan.tries } else { 1 };
                    prop_assert!(*tries <= most || crash_retry(&maybe_in, &step));
                    prop_assert!(!(step.owner && untrusted));
                    if step.mode == Mode::Deliver {
                        for earlier in &maybe_in {
                            let same_inbox = earlier.dedupe.is_some() && earlier.dedupe == step.dedupe;
                            let same_key = earlier.transport == step.transport && step.idempotent;
                            prop_assert!(same_inbox || same_key, "{earlier:?} then {step:?}");
                        }
                    }
                    story.flight.begin(&step);
                    if crash {
                        interrupted(&story.plan, &mut story.flight);
                        if step.mode == Mode::Deliver { maybe_in.push(step); }
                    } else {
                        if matches!(outcome, Outcome::Unknown(_)) && step.mode == Mode::Deliver { maybe_in.push(step.clone()); }
                        if attempted(&story.plan, &mut story.flight, &step, &outcome, story.now, random) != Ending::Open {
                            return Ok(());
                        }
                    }
                }
                Decision::Reconcile(place) => {
                    let step = story.plan.steps[place].clone();
                    prop_assert!(maybe_in.iter().any(|earlier| earlier.transport == step.transport));
                    let verdict = match (crash, random > 0.5) {
                        (true, _) => Verdict::NotArrived,
                        (false, true) => Verdict::NeverKnown,
                        (false, false) => Verdict::Unknown,
                    };
                    if verdict == Verdict::NotArrived {
                        maybe_in.retain(|earlier| earlier.transport != step.transport);
                        this_round.remove(&step.transport);
                    }
                    reconciled(&story.plan, &mut story.flight, &step, &verdict, story.now);
                }
                Decision::Wait(until) => {
                    prop_assert!(until >= story.now);
                    if story.flight.passed.is_empty() { this_round.clear(); }
                    story.now = until;
                }
                Decision::Hold(_) => {
                    prop_assert!(!maybe_in.is_empty());
                    return Ok(());
                }
                Decision::Dead(_) => {
                    prop_assert!(maybe_in.is_empty());
                    return Ok(());
                }
            }
        }
    }
}

/// A step may come again in the same round only where a crash cut off its attempt.
fn crash_retry(maybe_in: &[PlannedStep], step: &PlannedStep) -> bool {
    maybe_in.iter().any(|earlier| earlier.transport == step.transport)
}
