//! How fast a transport may be used. Pure: the time is passed in.
//!
//! The far side's rule is so many in so long, and `burst` of them at once. What is kept is one moment: when all that
//! was let through would be through at the even pace. A message may go as long as that moment is not
//! further away than the burst covers. There is nothing to fill up and nothing to count.

use jiff::{SignedDuration, Timestamp};

use crate::config::Rate;

/// What one transport has used of its rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateState {
    through_at: Option<Timestamp>,
}

impl RateState {
    /// Until when nothing may go; `None` where something may.
    #[must_use]
    pub fn closed_until(&self, rate: Rate, now: Timestamp) -> Option<Timestamp> {
        let early =
            pace(rate).checked_mul(i32::try_from(rate.burst.saturating_sub(1)).unwrap_or(i32::MAX))?;
        let opens = self.standing(rate, now).checked_sub(early).ok()?;
        (now < opens).then_some(opens)
    }

    /// How many may go now.
    #[must_use]
    pub fn room(&self, rate: Rate, now: Timestamp) -> usize {
        let used = self.standing(rate, now).duration_since(now);
        let pace = pace(rate).as_nanos().max(1);
        let used = usize::try_from((used.as_nanos() + pace - 1) / pace).unwrap_or(usize::MAX);
        (rate.burst as usize).saturating_sub(used)
    }

    /// Notes that one goes.
    pub fn take(&mut self, rate: Rate, now: Timestamp) {
        self.through_at = self.standing(rate, now).checked_add(pace(rate)).ok();
    }

    /// Not in the past; and not further away than a whole burst, which is so only where the clock went back.
    fn standing(&self, rate: Rate, now: Timestamp) -> Timestamp {
        let burst = i32::try_from(rate.burst).unwrap_or(i32::MAX);
        let furthest = pace(rate)
            .checked_mul(burst)
            .and_then(|burst| now.checked_add(burst).ok())
            .unwrap_or(Timestamp::MAX);
        self.through_at.map_or(now, |at| at.max(now).min(furthest))
    }
}

/// From one to the next.
fn pace(rate: Rate) -> SignedDuration {
    let pace = rate.per / rate.count.max(1);
    SignedDuration::try_from(pace).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_800_000_000_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(START + ms).unwrap()
    }

    fn rate(count: u32, burst: u32) -> Rate {
        Rate {
            count,
            per: Duration::from_secs(1),
            burst,
        }
    }

    #[test]
    fn a_burst_goes_and_then_the_pace() {
        let (rate, mut state) = (rate(10, 3), RateState::default());
        assert_eq!(state.room(rate, at(0)), 3);
        for _ in 0..3 {
            assert_eq!(state.closed_until(rate, at(0)), None);
            state.take(rate, at(0));
        }
        assert_eq!(state.room(rate, at(0)), 0);
        assert_eq!(state.closed_until(rate, at(0)), Some(at(100)));
        assert_eq!(state.room(rate, at(100)), 1);
        assert_eq!(state.closed_until(rate, at(100)), None);
        assert_eq!(state.room(rate, at(10_000)), 3);
    }

    #[test]
    fn a_clock_that_goes_back_closes_it_for_a_burst_at_most() {
        let (rate, mut state) = (rate(1, 2), RateState::default());
        state.take(rate, at(3_600_000));
        let opens = state.closed_until(rate, at(0)).unwrap();
        assert!(opens <= at(2_000), "{opens}");
    }

    proptest! {
        /// Whenever messages come: in no second do more go than the rate and one burst, and what is said about
        /// when it opens is true.
        #[test]
        fn never_faster_than_it_may(
            steps in prop::collection::vec(0..400_i64, 1..80), count in 1..20_u32, burst in 1..20_u32,
        ) {
            let (rate, mut state, mut now) = (rate(count, burst), RateState::default(), 0);
            let mut went = Vec::new();
            for step in steps {
                now += step;
                match state.closed_until(rate, at(now)) {
                    None => {
                        prop_assert!(state.room(rate, at(now)) > 0);
                        state.take(rate, at(now));
                        went.push(now);
                    }
                    Some(opens) => {
                        prop_assert_eq!(state.room(rate, at(now)), 0);
                        prop_assert!(opens > at(now));
                        prop_assert_eq!(state.closed_until(rate, opens), None);
                    }
                }
            }
            for (place, first) in went.iter().enumerate() {
                let within = went[place..].iter().take_while(|at| **at < first + 1_000).count();
                prop_assert!(within <= (count + burst) as usize, "{went:?}");
            }
        }
    }
}
