//! Whether an attempt found anybody to connect to.
//!
//! The host sees that itself, whatever the adapter makes of it: a far side to which no connection can be made takes no
//! other message either, and whoever decides whether to try the transport for the next one wants to know.

use std::sync::atomic::{AtomicBool, Ordering};

/// The connections of one attempt.
#[derive(Debug, Default)]
pub(super) struct Reach {
    made: AtomicBool,
    failed: AtomicBool,
}

impl Reach {
    /// A connection was asked for, and made or not.
    pub(super) fn note(&self, is_made: bool) {
        let noted = if is_made { &self.made } else { &self.failed };
        noted.store(true, Ordering::Relaxed);
    }

    /// Whether some were asked for and none was made.
    pub(super) fn found_nobody(&self) -> bool {
        self.failed.load(Ordering::Relaxed) && !self.made.load(Ordering::Relaxed)
    }
}
