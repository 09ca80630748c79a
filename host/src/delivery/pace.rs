//! How often the engine looks at the queue.
//!
//! A look costs about the same for one message as for fifty, and under load something happens all the time. So
//! after each look the engine lets some time pass, and takes together what came meanwhile: looking takes at most a
//! part of the time that is known beforehand. An engine at rest looks at once.

use std::time::Duration;

/// The longest rest, so that places that came free meanwhile are not empty for long.
const REST_MAX: Duration = Duration::from_millis(3);

/// How long not to look again after a look that took so long.
pub(super) fn rest_after(look: Duration) -> Duration {
    look.min(REST_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_takes_at_most_half_of_the_time_unless_a_look_is_slow() {
        let millis = Duration::from_millis;
        assert_eq!(rest_after(Duration::ZERO), Duration::ZERO);
        assert_eq!(rest_after(millis(1)), millis(1));
        assert_eq!(rest_after(millis(3)), millis(3));
        assert_eq!(rest_after(millis(500)), millis(3));
        assert_eq!(rest_after(Duration::MAX), millis(3));
    }
}
