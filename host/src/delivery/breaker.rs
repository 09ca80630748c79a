//! When a transport stops being tried for a while.
//!
//! An attempt can find that a transport cannot work now for any message: it says so itself (`unavailable`), or nobody was there to
//! connect to. Trying it for each message then only costs time. After so many of them in a row the breaker
//! opens; when its rest is over, one attempt is let through as a trial: it closes the breaker, or opens it again for twice as
//! long, up to the pause of the configuration. So a far side that restarts is found soon, and one that is gone is
//! asked seldom. Any other end shows that the far side answers, and closes it. Nothing here reads a clock; where
//! the clock that is passed in went back, an open breaker counts as opened now, so it never rests longer than its pause.

use std::time::Duration;

use jiff::Timestamp;

use crate::config::Breaker;
use crate::contract::{Attempted, OutcomeKind};

/// How long the first rest is, unless the pause is shorter.
const FIRST_REST: Duration = Duration::from_secs(1);

/// What an attempt tells of its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It works for no message now.
    Fails,
    /// Whatever became of the message, somebody is there.
    Answers,
}

impl Sign {
    /// The adapter's word for a transport that cannot work; or that nobody was there, as the host saw it.
    #[must_use]
    pub fn of(attempted: &Attempted) -> Self {
        match attempted.outcome.kind() {
            OutcomeKind::Unavailable => Self::Fails,
            OutcomeKind::Retryable if attempted.found_nobody && attempted.effect.is_none() => Self::Fails,
            _ => Self::Answers,
        }
    }
}

/// The breaker of one transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakerState {
    failures: u32,
    opened: Option<Timestamp>,
    on_trial: Option<Trial>,
    trials: u32,
}

/// An attempt that was let through an open breaker to find out; each has a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial(u32);

impl BreakerState {
    /// A breaker as it stood before a restart. The trial that was under way is gone.
    #[must_use]
    pub fn restored(failures: u32, opened: Option<Timestamp>, now: Timestamp) -> Self {
        Self {
            failures,
            opened: opened.map(|opened| opened.min(now)),
            ..Self::default()
        }
    }

    /// What a restart needs to know: failures in a row, and since when it is open.
    #[must_use]
    pub fn to_keep(&self) -> (u32, Option<Timestamp>) {
        (self.failures, self.opened)
    }

    /// How many attempts it lets through now, at most `most`.
    pub fn room(&mut self, settings: Breaker, now: Timestamp, most: usize) -> usize {
        match (self.closed_until(settings, now), self.opened) {
            (Some(_), _) => 0,
            (None, Some(_)) => most.min(1),
            (None, None) => most,
        }
    }

    /// Until when the transport is not to be tried; `None` where it may be.
    pub fn closed_until(&mut self, settings: Breaker, now: Timestamp) -> Option<Timestamp> {
        let opened = self.opened?.min(now);
        self.opened = Some(opened);
        let reopens = later(opened, self.rest(settings));
        if now < reopens {
            return Some(reopens);
        }
        // A trial is already under way; the others look again shortly.
        self.on_trial.map(|_| {
            now.saturating_add(jiff::SignedDuration::from_secs(1))
                .unwrap_or(reopens)
        })
    }

    /// Notes that an attempt begins. With an open breaker it is a trial.
    #[must_use]
    pub fn begin(&mut self) -> Option<Trial> {
        self.on_trial = self.opened.map(|_| Trial(self.trials));
        self.trials = self.trials.wrapping_add(1);
        self.on_trial
    }

    /// Notes how an attempt ended, a trial or not; no sign where it was not made after all.
    pub fn end(&mut self, settings: Breaker, trial: Option<Trial>, sign: Option<Sign>, now: Timestamp) {
        // A trial of an opening that is over by now is an attempt like others.
        let is_trial = trial.is_some() && trial == self.on_trial;
        if is_trial {
            self.on_trial = None;
        }
        match sign {
            Some(Sign::Answers) => {
                *self = Self {
                    trials: self.trials,
                    ..Self::default()
                }
            }
            // One that began before the breaker opened says nothing new.
            Some(Sign::Fails) if is_trial || self.opened.is_none() => {
                self.failures = self.failures.saturating_add(1);
                // A trial opens it again, also where more failures are asked for by now.
                if is_trial || self.failures >= settings.failures {
                    self.opened = Some(now);
                }
            }
            Some(Sign::Fails) | None => {}
        }
    }

    /// How long it rests: twice as long with every trial that failed.
    fn rest(&self, settings: Breaker) -> Duration {
        let failed_trials = self.failures.saturating_sub(settings.failures);
        let factor = 1_u32.checked_shl(failed_trials).unwrap_or(u32::MAX);
        FIRST_REST.saturating_mul(factor).min(settings.pause)
    }
}

fn later(opened: Timestamp, rest: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(rest)
        .ok()
        .and_then(|rest| opened.checked_add(rest).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Effect, Failure, Outcome, Receipt, ReceiptStatus};

    const SETTINGS: Breaker = Breaker {
        failures: 2,
        pause: Duration::from_secs(30),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn fail(breaker: &mut BreakerState, second: i64) {
        let trial = breaker.begin();
        breaker.end(SETTINGS, trial, Some(Sign::Fails), at(second));
    }

    /// Opened at second 1, for one second.
    fn opened() -> BreakerState {
        let mut breaker = BreakerState::default();
        fail(&mut breaker, 0);
        fail(&mut breaker, 1);
        breaker
    }

    /// Opened at second 100 for the whole pause, after trials that failed.
    fn opened_for_long() -> BreakerState {
        let mut breaker = opened();
        for second in [90, 92, 94, 96, 100] {
            fail(&mut breaker, second);
        }
        breaker
    }

    #[test]
    fn tells_who_cannot_work_from_who_will_not_take_this_message() {
        let failure = || Failure::new("code", "words");
        let receipt = Receipt {
            status: ReceiptStatus::Delivered,
            reference: None,
            detail: None,
        };
        let rows = [
            (Outcome::Unavailable(failure()), false, Sign::Fails),
            (Outcome::Unavailable(failure()), true, Sign::Fails),
            (Outcome::Retryable(failure()), true, Sign::Fails),
            (Outcome::Retryable(failure()), false, Sign::Answers),
            (Outcome::Refused(failure()), true, Sign::Answers),
            (Outcome::Unknown(failure()), true, Sign::Answers),
            (Outcome::Delivered(receipt), true, Sign::Answers),
        ];
        for (outcome, found_nobody, sign) in rows {
            let mut attempted = Attempted {
                outcome,
                effect: None,
                found_nobody,
                took: Duration::ZERO,
            };
            assert_eq!(Sign::of(&attempted), sign, "{attempted:?}");
            attempted.effect = Some(Effect("POST https://a.test/".into()));
            let with_effect = match attempted.outcome.kind() {
                OutcomeKind::Unavailable => Sign::Fails,
                _ => Sign::Answers,
            };
            assert_eq!(Sign::of(&attempted), with_effect, "{attempted:?}");
        }
    }

    #[test]
    fn opens_after_consecutive_failures_only() {
        let mut breaker = BreakerState::default();
        for sign in [Sign::Fails, Sign::Answers, Sign::Fails] {
            let trial = breaker.begin();
            breaker.end(SETTINGS, trial, Some(sign), at(0));
            assert_eq!(breaker.closed_until(SETTINGS, at(0)), None);
        }
        assert_eq!(opened().closed_until(SETTINGS, at(1)), Some(at(2)));
    }

    #[test]
    fn every_trial_that_fails_doubles_its_rest_up_to_the_pause() {
        let mut breaker = opened();
        let (mut now, mut rests) = (1, Vec::new());
        for _ in 0..8 {
            let reopens = breaker.closed_until(SETTINGS, at(now)).unwrap().as_second();
            rests.push(reopens - now);
            now = reopens;
            fail(&mut breaker, now);
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 30, 30, 30]);
        // However often it failed, and wherever the pause is shorter than the first rest.
        let short = Breaker {
            pause: Duration::from_millis(300),
            ..SETTINGS
        };
        let mut tried = BreakerState::restored(u32::MAX, Some(at(0)), at(0));
        assert_eq!(tried.closed_until(SETTINGS, at(0)), Some(at(30)));
        let reopens = opened().closed_until(short, at(1)).unwrap();
        assert_eq!(reopens, Timestamp::from_millisecond(1_300).unwrap());
    }

    #[test]
    fn after_its_rest_there_is_room_for_one() {
        let mut breaker = opened();
        assert_eq!(BreakerState::default().room(SETTINGS, at(1), 8), 8);
        assert_eq!(breaker.room(SETTINGS, at(1), 8), 0);
        assert_eq!(breaker.room(SETTINGS, at(2), 8), 1);
        assert!(breaker.begin().is_some());
        assert_eq!(breaker.room(SETTINGS, at(2), 8), 0);
    }

    #[test]
    fn those_that_began_before_it_opened_make_its_rest_no_longer() {
        let mut breaker = BreakerState::default();
        let began: Vec<_> = (0..48).map(|_| breaker.begin()).collect();
        for trial in began {
            breaker.end(SETTINGS, trial, Some(Sign::Fails), at(0));
        }
        assert_eq!(breaker.closed_until(SETTINGS, at(0)), Some(at(1)));
        // Nor do they end a trial, which would let another one through; and their good news is news.
        assert!(breaker.begin().is_some());
        breaker.end(SETTINGS, None, Some(Sign::Fails), at(2));
        assert_eq!(breaker.room(SETTINGS, at(2), 8), 0);
        breaker.end(SETTINGS, None, Some(Sign::Answers), at(2));
        assert_eq!(breaker.to_keep(), (0, None));
    }

    #[test]
    fn a_trial_of_an_earlier_opening_ends_no_later_one() {
        let mut breaker = opened();
        let late = breaker.begin();
        breaker.end(SETTINGS, None, Some(Sign::Answers), at(2));
        fail(&mut breaker, 3);
        fail(&mut breaker, 4);
        assert!(breaker.begin().is_some());
        breaker.end(SETTINGS, late, Some(Sign::Fails), at(5));
        assert_eq!(breaker.room(SETTINGS, at(5), 8), 0, "a trial is under way");
        assert_eq!(breaker.to_keep(), (2, Some(at(4))));
    }

    #[test]
    fn it_rests_after_a_trial_also_where_more_failures_are_asked_for_by_now() {
        let more = Breaker {
            failures: 100,
            ..SETTINGS
        };
        let mut breaker = opened();
        let trial = breaker.begin();
        breaker.end(more, trial, Some(Sign::Fails), at(2));
        assert_eq!(breaker.closed_until(more, at(2)), Some(at(3)));
    }

    #[test]
    fn a_clock_that_goes_back_makes_it_rest_no_longer_than_its_pause() {
        let mut breaker = opened_for_long();
        assert_eq!(breaker.closed_until(SETTINGS, at(-3_600)), Some(at(-3_570)));
        assert_eq!(breaker.closed_until(SETTINGS, at(-3_570)), None);
        let (failures, since) = opened_for_long().to_keep();
        let mut restored = BreakerState::restored(failures, since, at(-3_600));
        assert_eq!(restored.closed_until(SETTINGS, at(-3_600)), Some(at(-3_570)));
    }

    #[test]
    fn a_restart_changes_nothing_but_the_trial_that_was_under_way() {
        let mut breaker = opened_for_long();
        assert!(breaker.begin().is_some());
        let (failures, since) = breaker.to_keep();
        let mut restored = BreakerState::restored(failures, since, at(120));
        assert_eq!(restored.closed_until(SETTINGS, at(120)), Some(at(130)));
        assert_eq!(restored.closed_until(SETTINGS, at(130)), None);
    }

    #[test]
    fn lets_one_attempt_through_after_its_rest() {
        let mut breaker = opened();
        assert_eq!(breaker.closed_until(SETTINGS, at(2)), None);
        let trial = breaker.begin();
        assert_eq!(breaker.closed_until(SETTINGS, at(2)), Some(at(3)));
        breaker.end(SETTINGS, trial, Some(Sign::Fails), at(4));
        assert_eq!(breaker.closed_until(SETTINGS, at(4)), Some(at(6)));
    }

    #[test]
    fn an_answer_closes_it() {
        let mut breaker = opened();
        let trial = breaker.begin();
        breaker.end(SETTINGS, trial, Some(Sign::Answers), at(2));
        assert_eq!(breaker.to_keep(), (0, None));
    }

    #[test]
    fn an_attempt_that_was_not_made_after_all_makes_way_for_another_trial() {
        let mut breaker = opened();
        let trial = breaker.begin();
        breaker.end(SETTINGS, trial, None, at(2));
        assert_eq!(breaker.closed_until(SETTINGS, at(2)), None);
    }
}
