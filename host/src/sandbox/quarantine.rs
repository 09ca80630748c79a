//! When an adapter that keeps crashing is left alone for a while.
//!
//! A breakage is the adapter's own: it trapped, ran out of memory or stack, computed past its deadline.
//! After three in a row it is quarantined for a second; then one call is let through. If that breaks, too,
//! it rests twice as long, up to five minutes; if it comes to an end of its own, whatever it
//! answers, everything is forgotten. Nothing here reads a clock or has randomness of its own.

use std::time::{Duration, Instant};

/// So many breakages in a row begin a quarantine.
pub(super) const BREAKAGES_MAX: u32 = 3;
/// The bound of the first rest; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);
/// The bound that is not passed.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// How soon to look again while one call finds out how the adapter does.
const TRIAL: Duration = Duration::from_secs(1);

/// How a call ended, as far as it tells something of the adapter's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It came to an end of its own, with success or a failure that it named.
    Ended,
    /// It broke.
    Broke,
    /// Nobody can say: it waited for a far side until its time was over, or was not made after all.
    Unsaid,
}

/// What the end of a call changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that anybody has to know.
    None,
    /// It is quarantined from now on, for so long.
    Began(Duration),
    /// It is quarantined no more.
    Lifted,
}

/// The state of one function of one adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quarantine {
    breakages: u32,
    until: Option<Instant>,
    on_trial: bool,
}

impl Quarantine {
    /// Until when no call is let through; `None` where one is.
    pub(super) fn closed_until(&self, now: Instant) -> Option<Instant> {
        let until = self.until?;
        if now < until {
            return Some(until);
        }
        self.on_trial.then(|| now.checked_add(TRIAL).unwrap_or(now))
    }

    /// Whether a quarantine has begun and no call has ended well since.
    pub(super) fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// Notes that a call begins, which must have been let through. Says whether it is the trial.
    pub(super) fn begin(&mut self) -> bool {
        self.on_trial = self.until.is_some();
        self.on_trial
    }

    /// Notes how a call ended. `was_trial` is what [`begin`](Self::begin) said of it: a call that
    /// began before the quarantine tells nothing new by breaking. `random` is between 0 and 1.
    pub(super) fn end(&mut self, health: Health, was_trial: bool, now: Instant, random: f64) -> Change {
        if was_trial {
            self.on_trial = false;
        }
        match health {
            Health::Unsaid => Change::None,
            Health::Ended => {
                let was_on = self.is_on();
                *self = Self::default();
                if was_on { Change::Lifted } else { Change::None }
            }
            Health::Broke if self.is_on() && !was_trial => Change::None,
            Health::Broke => {
                self.breakages = self.breakages.saturating_add(1);
                if self.breakages < BREAKAGES_MAX {
                    return Change::None;
                }
                let rest = rest(self.breakages.saturating_sub(BREAKAGES_MAX), random);
                self.until = now.checked_add(rest);
                Change::Began(rest)
            }
        }
    }
}

/// Between half the bound and the whole of it: long enough to be a rest, and not the same for all.
fn rest(doublings: u32, random: f64) -> Duration {
    let bound = FIRST.saturating_mul(1 << doublings.min(16)).min(LONGEST);
    bound.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    /// One call from begin to end, at one moment.
    fn call(quarantine: &mut Quarantine, health: Health, now: Instant) -> Change {
        assert_eq!(quarantine.closed_until(now), None, "it is let through");
        let trial = quarantine.begin();
        quarantine.end(health, trial, now, 1.0)
    }

    fn quarantined(start: Instant) -> Quarantine {
        let mut quarantine = Quarantine::default();
        assert_eq!(call(&mut quarantine, Health::Broke, start), Change::None);
        assert_eq!(call(&mut quarantine, Health::Broke, start), Change::None);
        let third = call(&mut quarantine, Health::Broke, start);
        assert_eq!(third, Change::Began(Duration::from_secs(1)));
        quarantine
    }

    #[test]
    fn begins_after_three_in_a_row_and_no_sooner() {
        let start = Instant::now();
        assert_eq!(
            quarantined(start).closed_until(after(start, 999)),
            Some(after(start, 1000))
        );
        for between in [Health::Ended, Health::Unsaid] {
            let mut quarantine = Quarantine::default();
            for health in [Health::Broke, Health::Broke, between, Health::Broke] {
                call(&mut quarantine, health, start);
            }
            // A call that says nothing neither heals nor hurts.
            assert_eq!(quarantine.is_on(), between == Health::Unsaid, "{between:?}");
        }
    }

    #[test]
    fn rests_double_up_to_the_longest() {
        let mut now = Instant::now();
        let mut quarantine = quarantined(now);
        let mut rests = vec![];
        for _ in 0..10 {
            now = quarantine.closed_until(now).unwrap();
            match call(&mut quarantine, Health::Broke, now) {
                Change::Began(rest) => rests.push(rest.as_secs()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(rests, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn one_call_is_the_trial_and_the_others_look_again() {
        let start = Instant::now();
        let mut quarantine = quarantined(start);
        let over = after(start, 1000);
        assert!(quarantine.begin());
        assert_eq!(quarantine.closed_until(over), Some(after(over, 1000)));
        // Not made after all: the next one is the trial.
        assert_eq!(quarantine.end(Health::Unsaid, true, over, 1.0), Change::None);
        assert_eq!(call(&mut quarantine, Health::Ended, over), Change::Lifted);
        assert_eq!(quarantine, Quarantine::default());
    }

    #[test]
    fn calls_that_began_before_neither_prolong_it_nor_end_the_trial() {
        let start = Instant::now();
        let mut quarantine = quarantined(start);
        let before = quarantine;
        assert_eq!(
            quarantine.end(Health::Broke, false, after(start, 500), 1.0),
            Change::None
        );
        assert_eq!(quarantine, before);
        quarantine.begin();
        quarantine.end(Health::Broke, false, after(start, 1500), 1.0);
        assert!(quarantine.closed_until(after(start, 1500)).is_some());
        // But one that ends well shows that the adapter can.
        assert_eq!(
            quarantine.end(Health::Ended, false, after(start, 1500), 1.0),
            Change::Lifted
        );
    }

    fn health() -> impl Strategy<Value = Health> {
        proptest::sample::select(vec![Health::Ended, Health::Broke, Health::Unsaid])
    }

    proptest! {
        #[test]
        fn it_always_opens_again_within_five_minutes(
            calls in prop::collection::vec((health(), 0_u64..400_000, 0.0_f64..1.0), 0..60)
        ) {
            let mut now = Instant::now();
            let mut quarantine = Quarantine::default();
            for (health, pause, random) in calls {
                now = after(now, pause);
                if let Some(until) = quarantine.closed_until(now) {
                    prop_assert!(until > now && until - now <= LONGEST);
                    continue;
                }
                let trial = quarantine.begin();
                if let Change::Began(rest) = quarantine.end(health, trial, now, random) {
                    prop_assert!(rest >= FIRST / 2 && rest <= LONGEST);
                }
            }
            prop_assert_eq!(quarantine.closed_until(now + LONGEST), None);
        }

        #[test]
        fn an_adapter_that_never_breaks_is_never_left_alone(
            calls in prop::collection::vec((health(), 0.0_f64..1.0), 0..60)
        ) {
            let now = Instant::now();
            let mut quarantine = Quarantine::default();
            for (health, random) in calls {
                let health = if health == Health::Broke { Health::Ended } else { health };
                let trial = quarantine.begin();
                prop_assert_eq!(quarantine.end(health, trial, now, random), Change::None);
                prop_assert_eq!(quarantine.closed_until(now), None);
            }
        }
    }
}
