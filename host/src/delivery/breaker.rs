//! When a transport stops being tried for a while.
//!
//! `unavailable` means that a transport cannot work now for any message, so trying it for each
//! message only costs time. After so many of them in a row the breaker opens; when its
//! pause is over, one attempt is let through: it closes the breaker, or opens it again. Any
//! other outcome shows that the far side answers, and closes it. Nothing here reads a clock; where the clock
//! that is passed in went back, an open breaker counts as opened now, so it never rests longer than its pause.

use jiff::Timestamp;

use crate::config::Breaker;
use crate::contract::OutcomeKind;

/// The breaker of one transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakerState {
    failures: u32,
    opened: Option<Timestamp>,
    probing: bool,
}

impl BreakerState {
    /// A breaker as it stood before a restart. Whatever attempt was finding out is gone.
    #[must_use]
    pub fn restored(failures: u32, opened: Option<Timestamp>, now: Timestamp) -> Self {
        Self {
            failures,
            opened: opened.map(|opened| opened.min(now)),
            probing: false,
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
        let reopens = later(opened, settings);
        if now < reopens {
            return Some(reopens);
        }
        // One attempt is already finding out; the others look again shortly.
        self.probing.then(|| {
            now.saturating_add(jiff::SignedDuration::from_secs(1))
                .unwrap_or(reopens)
        })
    }

    /// Notes that an attempt begins. With an open breaker this is the one that is let through.
    pub fn begin(&mut self) {
        self.probing = self.opened.is_some();
    }

    /// Notes how an attempt ended; `None` where it was not made after all.
    pub fn end(&mut self, settings: Breaker, outcome: Option<OutcomeKind>, now: Timestamp) {
        self.probing = false;
        match outcome {
            None => {}
            Some(OutcomeKind::Unavailable) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= settings.failures {
                    self.opened = Some(now);
                }
            }
            Some(_) => *self = Self::default(),
        }
    }
}

fn later(opened: Timestamp, settings: Breaker) -> Timestamp {
    jiff::SignedDuration::try_from(settings.pause)
        .ok()
        .and_then(|pause| opened.checked_add(pause).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SETTINGS: Breaker = Breaker {
        failures: 2,
        pause: Duration::from_secs(30),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn opened() -> BreakerState {
        let mut breaker = BreakerState::default();
        for second in [0, 1] {
            breaker.begin();
            breaker.end(SETTINGS, Some(OutcomeKind::Unavailable), at(second));
        }
        breaker
    }

    #[test]
    fn opens_after_consecutive_failures_only() {
        let mut breaker = BreakerState::default();
        for outcome in [
            OutcomeKind::Unavailable,
            OutcomeKind::Retryable,
            OutcomeKind::Unavailable,
        ] {
            breaker.end(SETTINGS, Some(outcome), at(0));
            assert_eq!(breaker.closed_until(SETTINGS, at(0)), None);
        }
        assert_eq!(opened().closed_until(SETTINGS, at(2)), Some(at(31)));
    }

    #[test]
    fn after_its_pause_there_is_room_for_one() {
        let mut breaker = opened();
        assert_eq!(BreakerState::default().room(SETTINGS, at(2), 8), 8);
        assert_eq!(breaker.room(SETTINGS, at(2), 8), 0);
        assert_eq!(breaker.room(SETTINGS, at(31), 8), 1);
        breaker.begin();
        assert_eq!(breaker.room(SETTINGS, at(31), 8), 0);
    }

    #[test]
    fn a_clock_that_goes_back_makes_it_rest_no_longer_than_its_pause() {
        let mut breaker = opened();
        assert_eq!(breaker.closed_until(SETTINGS, at(-3_600)), Some(at(-3_570)));
        assert_eq!(breaker.closed_until(SETTINGS, at(-3_570)), None);
        let (failures, since) = opened().to_keep();
        let mut restored = BreakerState::restored(failures, since, at(-3_600));
        assert_eq!(restored.closed_until(SETTINGS, at(-3_600)), Some(at(-3_570)));
    }

    #[test]
    fn a_restart_changes_nothing_but_the_attempt_that_was_finding_out() {
        let mut breaker = opened();
        breaker.begin();
        let (failures, since) = breaker.to_keep();
        let mut restored = BreakerState::restored(failures, since, at(20));
        assert_eq!(restored.closed_until(SETTINGS, at(20)), Some(at(31)));
        assert_eq!(restored.closed_until(SETTINGS, at(31)), None);
    }

    #[test]
    fn lets_one_attempt_through_after_the_pause() {
        let mut breaker = opened();
        assert_eq!(breaker.closed_until(SETTINGS, at(31)), None);
        breaker.begin();
        assert_eq!(breaker.closed_until(SETTINGS, at(31)), Some(at(32)));
        breaker.end(SETTINGS, Some(OutcomeKind::Unavailable), at(33));
        assert_eq!(breaker.closed_until(SETTINGS, at(40)), Some(at(63)));
    }

    #[test]
    fn an_answer_closes_it() {
        let mut breaker = opened();
        breaker.begin();
        breaker.end(SETTINGS, Some(OutcomeKind::Delivered), at(31));
        assert_eq!(breaker, BreakerState::default());
    }

    #[test]
    fn an_attempt_that_was_not_made_after_all_frees_the_probe() {
        let mut breaker = opened();
        breaker.begin();
        breaker.end(SETTINGS, None, at(31));
        assert_eq!(breaker.closed_until(SETTINGS, at(31)), None);
    }
}
