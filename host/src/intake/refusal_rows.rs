//! How many refusals are written into the journal.
//!
//! Whoever can reach a door can have something refused, and each row takes disk for as long as the journal is kept. So there
//! is a number a minute for all doors together; what is over it is told in the log alone.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Rows a minute.
const ROWS_A_MINUTE: u32 = 60;

/// The rows of the minute that runs.
#[derive(Debug, Default)]
pub struct RefusalRows {
    of: Mutex<(i64, u32)>,
}

impl RefusalRows {
    /// Whether one more may be written now. A clock that goes back begins another minute.
    pub(super) fn may_be_written(&self, now: Timestamp) -> bool {
        let minute = now.as_second().div_euclid(60);
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if of.0 != minute {
            *of = (minute, 0);
        }
        of.1 = of.1.saturating_add(1);
        of.1 <= ROWS_A_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_get_so_many_rows_a_minute() {
        let rows = RefusalRows::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let written = |second| (0..1_000).filter(|_| rows.may_be_written(at(second))).count();
        assert_eq!(written(600), 60);
        assert_eq!(written(659), 0);
        assert_eq!(written(660), 60);
        assert_eq!(written(599), 60, "the clock went back");
    }
}
