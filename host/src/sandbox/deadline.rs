//! The one moment at which an attempt is over.
//!
//! The same absolute moment bounds the guest's computing (through the epochs), its waiting (through
//! the runtime's timer) and every piece of host I/O, so that nothing can outlive the attempt by
//! having a time limit of its own.

use std::time::{Duration, Instant};

/// The end of an attempt, and how long it was allowed to take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    pub(super) fn after(allowed: Duration) -> Self {
        let now = Instant::now();
        // A time so far away that it cannot be told is as good as a day.
        let at = now
            .checked_add(allowed)
            .or_else(|| now.checked_add(Duration::from_secs(86_400)))
            .unwrap_or(now);
        Self { at, allowed }
    }

    pub(super) fn has_passed(self) -> bool {
        Instant::now() >= self.at
    }

    pub(super) fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// What was allowed in all, for the sentence that says it was used up.
    pub(super) fn allowed(self) -> Duration {
        self.allowed
    }
}
