//! How many lines one attempt may add to the operator's log.
//!
//! Its adapter writes some, and byway others about what the adapter does; a guest can have both without end. So they are
//! counted together, over all the tasks of an attempt, and what is too much is dropped and said once.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The lines of one attempt so far.
#[derive(Debug, Default)]
pub(super) struct LogLines(AtomicUsize);

/// What becomes of one more line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Allowance {
    /// It is written.
    Write,
    /// It is the first that is not.
    SaySo,
    /// It is another that is not.
    Drop,
}

impl LogLines {
    /// Counts one more line, where `most` may be written.
    pub(super) fn take(&self, most: usize) -> Allowance {
        // A guest would take longer than its deadline to come to the end of these numbers.
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        match before.cmp(&most) {
            std::cmp::Ordering::Less => Allowance::Write,
            std::cmp::Ordering::Equal => Allowance::SaySo,
            std::cmp::Ordering::Greater => Allowance::Drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_once_that_lines_are_dropped() {
        let lines = LogLines::default();
        let taken: Vec<_> = (0..5).map(|_| lines.take(2)).collect();
        assert_eq!(
            taken,
            [
                Allowance::Write,
                Allowance::Write,
                Allowance::SaySo,
                Allowance::Drop,
                Allowance::Drop
            ]
        );
    }
}
