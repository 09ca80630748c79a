//! A second engine, for comparison: what the design says is to be done next, worked out anew each time from everything that
//! has happened, as a clerk with the whole file before them would. It keeps no state but that file, and shares no code
//! with the engine's policies.

use jiff::{SignedDuration, Timestamp};

use crate::config::{DoneAt, Mode, OnUnknown, Strategy};
use crate::contract::ReceiptStatus;
use crate::delivery::{Gate, Plan, PlannedStep};

/// One line of the file.
#[derive(Clone, Debug)]
pub(super) enum Happened {
    /// An attempt through a step as it was then, and how it ended.
    Tried(PlannedStep, End, Timestamp),
    /// byway itself could not make the attempt.
    CouldNot(String, Timestamp),
    /// The step was passed over.
    PassedOver(String),
    /// A transport was asked what became of an attempt.
    Asked(String, Answer),
    /// A round is over.
    RoundOver,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    /// The far side took charge.
    TookCharge,
    /// Not delivered; with the pause that the far side asks for, and ours before the next try of its turn.
    Retryable(Option<SignedDuration>, Option<SignedDuration>),
    /// Not now, whatever the message.
    Unavailable(Option<SignedDuration>),
    /// This message, never with this configuration.
    Refused(Option<SignedDuration>),
    /// It may have arrived.
    Unknown(Option<SignedDuration>),
    /// A crash cut it off.
    CutOff,
}

/// What a transport answers that is asked what became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer {
    /// It did not arrive.
    NotArrived,
    /// It cannot say, now.
    Unknown,
    /// It can never say, with this configuration.
    Never(u64),
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Try(String),
    Ask(String),
    /// The step keeps its turn, and waits.
    Pause(Timestamp),
    /// The round is over; the next begins then.
    Rest(Timestamp),
    Hold,
    Dead,
}

/// The longest pause that a far side may ask for.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
const OUR_FAULT_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// Everything that has happened to one message.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) lines: Vec<Happened>,
    /// From a peer or a stranger.
    pub(super) untrusted: bool,
}

impl File {
    /// What the design does next, and whom it passes over on the way.
    pub(super) fn next(&self, plan: &Plan, now: Timestamp, random: f64) -> (Next, Vec<String>) {
        let mut passed_over = Vec::new();
        if self.took_charge() {
            return (Next::Hold, passed_over);
        }
        let unsettled = self.unsettled();
        if !unsettled.is_empty() {
            let ask = plan.steps.iter().find(|step| {
                self.may_ask(step, &unsettled)
                    && matches!(step.gate, Gate::Open | Gate::Quarantined(..))
                    && !self
                        .round()
                        .iter()
                        .any(|line| matches!(line, Happened::Asked(name, _) if *name == step.transport))
            });
            if let Some(step) = ask {
                return (Next::Ask(step.transport.clone()), passed_over);
            }
            let harmless = |step: &PlannedStep| self.is_harmless(plan, step, &unsettled);
            if let Some(next) = self.first(plan, now, &harmless, &mut passed_over) {
                return (next, passed_over);
            }
        }
        let free = unsettled.is_empty() || plan.on_unknown == OnUnknown::Continue;
        let allowed = |step: &PlannedStep| free || step.mode == Mode::Notify;
        if let Some(next) = self.first(plan, now, &allowed, &mut passed_over) {
            return (next, passed_over);
        }
        for step in plan.steps.iter().filter(|step| step.mode == Mode::Deliver) {
            if !self.is_done_with(plan, step) && !passed_over.contains(&step.transport) {
                passed_over.push(step.transport.clone());
            }
        }
        (self.at_the_rounds_end(plan, now, random, &unsettled), passed_over)
    }

    fn first(
        &self,
        plan: &Plan,
        now: Timestamp,
        allowed: &dyn Fn(&PlannedStep) -> bool,
        passed_over: &mut Vec<String>,
    ) -> Option<Next> {
        for step in &plan.steps {
            if self.is_done_with(plan, step) || passed_over.contains(&step.transport) || !allowed(step) {
                continue;
            }
            if step.mode == Mode::Notify && self.has_notified(step) {
                continue;
            }
            let rests_until = self.not_before(&step.transport).filter(|until| now < *until);
            if let Some(until) = rests_until
                && plan.strategy == Strategy::Exhaust
                && self.tries_this_round(step) > 0
            {
                return Some(Next::Pause(until));
            }
            let barred =
                self.is_barred_for_good(plan, step) || step.gate != Gate::Open || rests_until.is_some();
            if !barred {
                return Some(Next::Try(step.transport.clone()));
            }
            passed_over.push(step.transport.clone());
        }
        None
    }

    fn at_the_rounds_end(&self, plan: &Plan, now: Timestamp, random: f64, unsettled: &[String]) -> Next {
        let must_not_repeat = !unsettled.is_empty() && plan.on_unknown == OnUnknown::Hold;
        let opens = plan.steps.iter().filter_map(|step| {
            let may_deliver = step.mode == Mode::Deliver
                && !self.is_barred_for_good(plan, step)
                && (!must_not_repeat || self.is_harmless(plan, step, unsettled));
            if !may_deliver && !self.may_ask(step, unsettled) {
                return None;
            }
            let gate = match step.gate {
                Gate::Open => now,
                Gate::Breaker(until)
                | Gate::Rate(until)
                | Gate::Quarantined(until, _)
                | Gate::Host(until, _) => until,
            };
            Some(self.not_before(&step.transport).unwrap_or(now).max(gate))
        });
        match opens.min() {
            None if unsettled.is_empty() => Next::Dead,
            None => Next::Hold,
            Some(opens) => {
                let backs_off = if is_effort(self.round()) {
                    self.backoff(plan, random)
                } else {
                    SignedDuration::ZERO
                };
                Next::Rest((now + backs_off).max(opens))
            }
        }
    }

    /// Doubling from the first to the longest, a random part of it.
    fn backoff(&self, plan: &Plan, random: f64) -> SignedDuration {
        let efforts = self
            .lines
            .split(|line| matches!(line, Happened::RoundOver))
            .filter(|round| is_effort(round));
        doubled(plan, efforts.count(), random)
    }

    fn round(&self) -> &[Happened] {
        let begin = self
            .lines
            .iter()
            .rposition(|line| matches!(line, Happened::RoundOver));
        begin.map_or(&self.lines[..], |place| &self.lines[place + 1..])
    }

    fn took_charge(&self) -> bool {
        self.lines.iter().any(
            |line| matches!(line, Happened::Tried(step, End::TookCharge, _) if step.mode == Mode::Deliver),
        )
    }

    /// Through whom it may have arrived.
    fn unsettled(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for line in &self.lines {
            match line {
                Happened::Tried(step, End::Unknown(_) | End::CutOff, _)
                    if step.mode == Mode::Deliver && !names.contains(&step.transport) =>
                {
                    names.push(step.transport.clone());
                }
                Happened::Asked(name, Answer::NotArrived) => names.retain(|it| it != name),
                _ => {}
            }
        }
        names
    }

    /// Nothing that may have arrived can arrive a second time through this step.
    fn is_harmless(&self, plan: &Plan, step: &PlannedStep, unsettled: &[String]) -> bool {
        step.mode == Mode::Deliver
            && unsettled.iter().all(|name| {
                let inbox = plan
                    .steps
                    .iter()
                    .find(|it| it.transport == *name)
                    .and_then(|it| it.dedupe.clone());
                let one_inbox = inbox.is_some() && inbox == step.dedupe;
                let recognised = *name == step.transport && step.idempotent && !self.led_elsewhere(step);
                one_inbox || recognised
            })
    }

    fn may_ask(&self, step: &PlannedStep, unsettled: &[String]) -> bool {
        let never = self.lines.iter().rev().find_map(|line| match line {
            Happened::Asked(name, Answer::Never(fingerprint)) if *name == step.transport => {
                Some(*fingerprint)
            }
            _ => None,
        });
        step.reconciles
            && unsettled.contains(&step.transport)
            && never != Some(step.fingerprint)
            && !self.led_elsewhere(step)
    }

    fn led_elsewhere(&self, step: &PlannedStep) -> bool {
        let last = self.lines.iter().rev().find_map(|line| match line {
            Happened::Tried(it, ..) if it.transport == step.transport => Some(it.leads_to),
            _ => None,
        });
        last.is_some_and(|place| place != step.leads_to)
    }

    fn is_barred_for_good(&self, plan: &Plan, step: &PlannedStep) -> bool {
        let as_owner = step.owner && self.untrusted && !plan.allow_owner;
        let last_refusal = self.lines.iter().rev().find_map(|line| match line {
            Happened::Tried(it, End::Refused(_), _)
                if it.transport == step.transport && it.mode == Mode::Deliver =>
            {
                Some(it.fingerprint)
            }
            _ => None,
        });
        as_owner || last_refusal == Some(step.fingerprint)
    }

    fn has_notified(&self, step: &PlannedStep) -> bool {
        self.lines
            .iter()
            .any(|line| matches!(line, Happened::Tried(it, ..) if it.transport == step.transport))
    }

    fn tries_this_round(&self, step: &PlannedStep) -> usize {
        let round = self.round().iter();
        round
            .filter(|line| matches!(line, Happened::Tried(it, ..) if it.transport == step.transport))
            .count()
    }

    /// Whether this round has had its turn with the step.
    fn is_done_with(&self, plan: &Plan, step: &PlannedStep) -> bool {
        let mut tries = 0;
        let mut done = false;
        for line in self.round() {
            match line {
                Happened::Tried(it, end, _) if it.transport == step.transport => {
                    tries += 1;
                    let again = it.mode == Mode::Deliver
                        && plan.strategy == Strategy::Exhaust
                        && matches!(end, End::Retryable(..))
                        && tries < plan.tries;
                    // A crash settles nothing: the step has not had its turn.
                    if *end != End::CutOff {
                        done = !again;
                    }
                }
                Happened::CouldNot(name, _) | Happened::PassedOver(name) if *name == step.transport => {
                    done = true
                }
                Happened::Asked(name, Answer::NotArrived) if *name == step.transport => done = false,
                _ => {}
            }
        }
        done
    }

    fn not_before(&self, transport: &str) -> Option<Timestamp> {
        let mut until = None;
        for line in &self.lines {
            match line {
                Happened::Tried(step, end, at) if step.transport == transport => {
                    let (asked, ours) = match end {
                        End::Retryable(asked, ours) => (*asked, *ours),
                        End::Unavailable(asked) | End::Refused(asked) | End::Unknown(asked) => (*asked, None),
                        End::TookCharge | End::CutOff => continue,
                    };
                    let asked = asked.map(|pause| *at + pause.min(LONGEST_PAUSE));
                    until = asked.max(ours.map(|pause| *at + pause));
                }
                Happened::CouldNot(name, at) if *name == transport => until = Some(*at + OUR_FAULT_PAUSE),
                _ => {}
            }
        }
        until
    }
}

/// The pause after so many efforts.
pub(super) fn doubled(plan: &Plan, efforts: usize, random: f64) -> SignedDuration {
    let mut bound = plan.backoff.first;
    for _ in 1..efforts {
        bound = (bound * 2).min(plan.backoff.max);
    }
    SignedDuration::try_from(bound.min(plan.backoff.max).mul_f64(random)).unwrap()
}

/// Which receipt of the addressed instance completes a message.
pub(super) fn completes(plan: &Plan) -> ReceiptStatus {
    match plan.done_at {
        DoneAt::Accepted => ReceiptStatus::Accepted,
        DoneAt::Delivered | DoneAt::PeerReceipt => ReceiptStatus::Delivered,
    }
}

/// Whether a round has cost anybody anything: something was tried, or asked.
fn is_effort(round: &[Happened]) -> bool {
    round
        .iter()
        .any(|line| matches!(line, Happened::Tried(..) | Happened::Asked(..)))
}
