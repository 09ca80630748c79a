//! How long to wait before the next round: exponential backoff with full jitter.
//!
//! Full jitter (a wait between nothing and the bound, each as likely) spreads the retries of many
//! messages that failed together best. The bound doubles with each round up to the route's
//! maximum.

use std::time::Duration;

use crate::config::Backoff;

/// The longest that a far side's retry-after is honoured. Beyond it, byway comes back to ask.
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// The wait after `rounds` rounds that attempted something. `random` is between 0 and 1.
pub(super) fn wait(backoff: Backoff, rounds: u32, random: f64) -> Duration {
    let doublings = rounds.saturating_sub(1).min(31);
    let bound = backoff.first.saturating_mul(1 << doublings).min(backoff.max);
    bound.mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_secs(2),
        max: Duration::from_secs(300),
    };

    #[test]
    fn the_bound_doubles_up_to_the_maximum() {
        let bounds: Vec<u64> = (1..=10)
            .map(|rounds| wait(BACKOFF, rounds, 1.0).as_secs())
            .collect();
        assert_eq!(bounds, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(wait(BACKOFF, u32::MAX, 1.0), BACKOFF.max);
    }

    #[test]
    fn jitter_is_full() {
        assert_eq!(wait(BACKOFF, 3, 0.0), Duration::ZERO);
        assert_eq!(wait(BACKOFF, 3, 0.5), Duration::from_secs(4));
        assert_eq!(wait(BACKOFF, 3, f64::INFINITY), Duration::from_secs(8));
    }
}
