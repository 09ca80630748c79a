//! The engine's policies against the [reference](super::reference): the same story told to both, decision by decision.
//!
//! A story has transports of every kind, outcomes of every kind, crashes in the middle of attempts, faults of byway's own,
//! receipts early, late and repeated, gates that open and shut, configurations that change under a waiting message, and a
//! clock that steps forth and back. At each step both must say the same. Beside that, the world keeps count of what may
//! have been delivered where, and a message that is not to be delivered twice never is.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::super::settle::host_fault;
use super::reference::{Answer, End, File, Happened, Next, completes, doubled};
use super::story::{Story, failure, plan, step};
use crate::config::{DoneAt, Mode, OnUnknown, Strategy as Order};
use crate::contract::{Failure, HostFault, Outcome, Receipt, ReceiptStatus, Verdict};
use crate::delivery::{
    Decision, Ending, Gate, Plan, PlannedStep, attempted, decide, interrupted, receipt, reconciled,
};

/// What the world does at one step, whatever the engine decides.
#[derive(Clone, Debug)]
struct Move {
    outcome: Outcome,
    fate: Fate,
    /// Which answer a transport gives that is asked what became of an attempt.
    told: u8,
    random: f64,
    /// Seconds that the clock steps, beside the waits.
    clock: i64,
    receipt: Option<ReceiptStatus>,
    change: Option<(usize, Change)>,
}

#[derive(Clone, Debug)]
enum Fate {
    Ends,
    Crashes,
    HostFaults,
}

#[derive(Clone, Debug)]
enum Change {
    Gate(u8),
    Fingerprint,
    LeadsElsewhere,
}

fn any_status() -> impl Strategy<Value = ReceiptStatus> {
    prop_oneof![
        Just(ReceiptStatus::Accepted),
        Just(ReceiptStatus::Delivered),
        Just(ReceiptStatus::Read),
        Just(ReceiptStatus::Processed),
    ]
}

fn any_failure() -> impl Strategy<Value = Failure> {
    let pause =
        prop_oneof![3 => Just(None), 1 => (0..10_000u64).prop_map(|it| Some(Duration::from_secs(it)))];
    pause.prop_map(|retry_after| Failure {
        retry_after,
        ..failure()
    })
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => any_failure().prop_map(Outcome::Retryable),
        2 => any_failure().prop_map(Outcome::Unavailable),
        2 => any_failure().prop_map(Outcome::Refused),
        3 => any_failure().prop_map(Outcome::Unknown),
        1 => any_status().prop_map(|status| Outcome::Delivered(Receipt { status, reference: None, detail: None })),
    ]
}

fn any_move() -> impl Strategy<Value = Move> {
    let fate = prop_oneof![7 => Just(Fate::Ends), 2 => Just(Fate::Crashes), 1 => Just(Fate::HostFaults)];
    let change = prop_oneof![
        4 => (0..6u8).prop_map(Change::Gate),
        1 => Just(Change::Fingerprint),
        1 => Just(Change::LeadsElsewhere)
    ];
    (
        any_outcome(),
        fate,
        0..4u8,
        0.0..1.0f64,
        prop_oneof![4 => Just(0), 1 => -5_000..5_000i64],
        prop_oneof![9 => Just(None), 1 => any_status().prop_map(Some)],
        prop_oneof![4 => Just(None), 1 => (0..4usize, change).prop_map(Some)],
    )
        .prop_map(|(outcome, fate, told, random, clock, receipt, change)| Move {
            outcome,
            fate,
            told,
            random,
            clock,
            receipt,
            change,
        })
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let steps = prop::collection::vec(any::<[bool; 6]>(), 1..5);
    let done_at = prop_oneof![
        Just(DoneAt::Accepted),
        Just(DoneAt::Delivered),
        Just(DoneAt::PeerReceipt)
    ];
    (steps, any::<[bool; 3]>(), done_at, 1..4u32).prop_map(
        |(facts, [exhaust, go_on, allow_owner], done_at, tries)| {
            let steps = facts
                .iter()
                .enumerate()
                .map(|(place, facts)| any_step(place, *facts))
                .collect();
            Plan {
                strategy: if exhaust { Order::Exhaust } else { Order::Sweep },
                on_unknown: if go_on {
                    OnUnknown::Continue
                } else {
                    OnUnknown::Hold
                },
                allow_owner,
                done_at,
                tries,
                ..plan(steps)
            }
        },
    )
}

fn any_step(place: usize, [idempotent, reconciles, owner, one, other, notify]: [bool; 6]) -> PlannedStep {
    let inbox = match (one, other) {
        (true, false) => Some("one"),
        (true, true) => Some("other"),
        _ => None,
    };
    PlannedStep {
        idempotent,
        reconciles,
        owner,
        dedupe: inbox.map(str::to_owned),
        mode: if notify && place > 0 {
            Mode::Notify
        } else {
            Mode::Deliver
        },
        ..step(&format!("t{place}"))
    }
}

/// The world's own count: places that may have the message, each as whoever recognises a repetition sees it.
#[derive(Default)]
struct World {
    landed: BTreeSet<String>,
    landings: usize,
}

impl World {
    /// It may have landed there.
    fn land(&mut self, step: &PlannedStep) {
        self.landings += 1;
        let place = match (&step.dedupe, step.idempotent) {
            (Some(inbox), _) => format!("inbox {inbox}"),
            (None, true) => format!("{} at {}", step.transport, step.leads_to),
            (None, false) => format!("landing {} of {}", self.landings, step.transport),
        };
        self.landed.insert(place);
    }

    /// It did not, whatever was feared.
    fn take_back(&mut self, step: &PlannedStep) {
        let prefix = format!("{} at ", step.transport);
        let suffix = format!(" of {}", step.transport);
        self.landed
            .retain(|place| !place.starts_with(&prefix) && !place.ends_with(&suffix));
    }
}

/// Both engines, and the world.
struct Telling {
    story: Story,
    file: File,
    world: World,
    /// Gates close for so many seconds.
    shut: Vec<u8>,
}

impl Telling {
    fn change(&mut self, change: &Option<(usize, Change)>) {
        let Some((place, change)) = change else { return };
        let count = self.story.plan.steps.len();
        let step = &mut self.story.plan.steps[place % count];
        match change {
            Change::Gate(kind) => self.shut[place % count] = *kind,
            Change::Fingerprint => step.fingerprint += 1,
            Change::LeadsElsewhere => {
                step.leads_to += 1;
                step.fingerprint += 1;
            }
        }
    }

    fn set_gates(&mut self) {
        let until = self.story.now + SignedDuration::from_secs(30);
        for (step, kind) in self.story.plan.steps.iter_mut().zip(&self.shut) {
            step.gate = match kind {
                1 => Gate::Breaker(until),
                2 => Gate::Quarantined(until, "it breaks".into()),
                3 => Gate::Host(until, "it is not there".into()),
                4 => Gate::Rate(until),
                _ => Gate::Open,
            };
        }
    }

    /// One decision of both, and what the world makes of it. True where the message has come to an end.
    fn go_on(&mut self, a_move: &Move) -> Result<bool, TestCaseError> {
        self.change(&a_move.change);
        self.story.now = self
            .story
            .now
            .saturating_add(SignedDuration::from_secs(a_move.clock))
            .unwrap();
        self.set_gates();
        if let Some(status) = a_move.receipt
            && self.story.flight.receipt.is_none_or(|known| known < status)
        {
            let ending = receipt(&self.story.plan, &mut self.story.flight, status);
            prop_assert_eq!(ending == Ending::Delivered, status >= completes(&self.story.plan));
            if ending == Ending::Delivered {
                return Ok(true);
            }
        }
        let (now, random) = (self.story.now, a_move.random);
        let (expected, passed_over) = self.file.next(&self.story.plan, now, random);
        let (decision, skips) = decide(&self.story.plan, &mut self.story.flight, now, random);
        let skipped: Vec<String> = skips.iter().map(|skip| skip.transport.clone()).collect();
        prop_assert_eq!(&skipped, &passed_over, "passed over at {:#?}", self.file);
        let name = |place: &usize| self.story.plan.steps[*place].transport.clone();
        let said = match &decision {
            Decision::Try(place) => Next::Try(name(place)),
            Decision::Reconcile(place) => Next::Ask(name(place)),
            Decision::Wait(until) if expected == Next::Pause(*until) => Next::Pause(*until),
            Decision::Wait(until) => Next::Rest(*until),
            Decision::Hold(_) => Next::Hold,
            Decision::Dead(_) => Next::Dead,
        };
        prop_assert_eq!(
            &said,
            &expected,
            "after {:#?}\nunder {:#?}",
            self.file,
            self.story.plan
        );
        self.file
            .lines
            .extend(passed_over.into_iter().map(Happened::PassedOver));
        match decision {
            Decision::Try(place) => self.attempt(place, a_move),
            Decision::Reconcile(place) => self.ask(place, a_move),
            Decision::Wait(until) => {
                prop_assert!(until >= now, "a wait that is over before it begins");
                if said != Next::Pause(until) {
                    self.file.lines.push(Happened::RoundOver);
                }
                self.story.now = until;
                Ok(false)
            }
            // Held, it is looked at again with every receipt and reload.
            Decision::Hold(_) => Ok(false),
            Decision::Dead(_) => Ok(true),
        }
    }

    fn attempt(&mut self, place: usize, a_move: &Move) -> Result<bool, TestCaseError> {
        let Story {
            plan, flight, now, ..
        } = &mut self.story;
        let step = plan.steps[place].clone();
        prop_assert!(
            !(step.owner && flight.untrusted && !plan.allow_owner),
            "a stranger speaks as the owner"
        );
        let before = flight.clone();
        flight.begin(&step);
        match a_move.fate {
            Fate::HostFaults => {
                *flight = before;
                let fault = HostFault {
                    code: "pool-exhausted",
                    message: "no instance was free".into(),
                };
                host_fault(flight, &step.transport, &fault, *now);
                self.file.lines.push(Happened::CouldNot(step.transport, *now));
                return Ok(false);
            }
            Fate::Crashes => {
                interrupted(plan, flight);
                self.file
                    .lines
                    .push(Happened::Tried(step.clone(), End::CutOff, *now));
                if step.mode == Mode::Deliver {
                    self.world.land(&step);
                }
                return self.check();
            }
            Fate::Ends => {}
        }
        let pause = |failure: &Failure| {
            failure
                .retry_after
                .map(|it| SignedDuration::try_from(it).unwrap())
        };
        let tries = flight.step(&step.transport).tries_this_round;
        let keeps_its_turn =
            step.mode == Mode::Deliver && plan.strategy == Order::Exhaust && tries < plan.tries;
        let ours = keeps_its_turn.then(|| doubled(plan, usize::try_from(tries).unwrap(), a_move.random));
        let end = match &a_move.outcome {
            Outcome::Delivered(_) => End::TookCharge,
            Outcome::Retryable(failure) => End::Retryable(pause(failure), ours),
            Outcome::Unavailable(failure) => End::Unavailable(pause(failure)),
            Outcome::Refused(failure) => End::Refused(pause(failure)),
            Outcome::Unknown(failure) => End::Unknown(pause(failure)),
        };
        self.file.lines.push(Happened::Tried(step.clone(), end, *now));
        if step.mode == Mode::Deliver && matches!(a_move.outcome, Outcome::Unknown(_) | Outcome::Delivered(_))
        {
            self.world.land(&step);
        }
        let ending = attempted(plan, flight, &step, &a_move.outcome, *now, a_move.random);
        self.check()?;
        Ok(ending != Ending::Open)
    }

    fn ask(&mut self, place: usize, a_move: &Move) -> Result<bool, TestCaseError> {
        let Story {
            plan, flight, now, ..
        } = &mut self.story;
        let step = plan.steps[place].clone();
        // Where several ways lead into one inbox, one of them cannot say what came by another; it is not asked to lie.
        let (verdict, answer) = match a_move.told {
            0 if step.dedupe.is_none() => (Verdict::NotArrived, Answer::NotArrived),
            1 => (Verdict::NeverKnown, Answer::Never(step.fingerprint)),
            _ => (Verdict::Unknown, Answer::Unknown),
        };
        if answer == Answer::NotArrived {
            self.world.take_back(&step);
        }
        self.file
            .lines
            .push(Happened::Asked(step.transport.clone(), answer));
        Ok(reconciled(plan, flight, &step, &verdict, *now) != Ending::Open)
    }

    /// Unless the route allows it, the message is in one place at most.
    fn check(&self) -> Result<bool, TestCaseError> {
        if self.story.plan.on_unknown == OnUnknown::Hold {
            prop_assert!(
                self.world.landed.len() <= 1,
                "{:?}\n{:#?}",
                self.world.landed,
                self.file
            );
        }
        Ok(false)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn the_engine_and_the_reference_tell_the_same_story(
        plan in any_plan(),
        untrusted: bool,
        moves in prop::collection::vec(any_move(), 1..60),
    ) {
        let mut story = Story::of(plan);
        story.now = Timestamp::from_second(1_800_000_000).unwrap();
        story.flight.untrusted = untrusted;
        let shut = vec![0; story.plan.steps.len()];
        let file = File { untrusted, ..File::default() };
        let mut telling = Telling { story, file, world: World::default(), shut };
        for a_move in &moves {
            if telling.go_on(a_move)? {
                break;
            }
        }
    }
}
