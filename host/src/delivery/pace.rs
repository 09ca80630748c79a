//! How often the engine looks at the queue.
//!
//! A look costs about the same for one message as for fifty, and under load something happens all the time. So
//! after each look the engine lets some time pass, and takes together what came meanwhile: looking takes at most a
//! part of the time that is known beforehand. An engine at rest looks at once.

use std::time::Duration;

/// How many times longer than a look the rest after it is.
const RESTS: u32 = 4;
/// The longest rest, so that a look that was slow once keeps nobody waiting.
const REST_MAX: Duration = Duration::from_millis(20);

/// How long not to look again after a look that took so long.
pub(super) fn rest_after(look: Duration) -> Duration {
    look.saturating_mul(RESTS).min(REST_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_takes_at_most_a_fifth_of_the_time_unless_a_look_is_slow() {
        let millis = Duration::from_millis;
        assert_eq!(rest_after(Duration::ZERO), Duration::ZERO);
        assert_eq!(rest_after(millis(1)), millis(4));
        assert_eq!(rest_after(millis(5)), millis(20));
        assert_eq!(rest_after(millis(500)), millis(20));
        assert_eq!(rest_after(Duration::MAX), millis(20));
    }
}
