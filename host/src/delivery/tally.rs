//! What the engine has done since byway started, in numbers: for metrics, and for nothing that is decided.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The engine's counters. Each only ever grows.
#[derive(Debug, Default)]
pub struct Tally {
    counted: Mutex<Counted>,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Attempts, by transport and outcome.
    pub attempts: BTreeMap<(String, String), u64>,
    /// Steps that were passed over, by transport and reason.
    pub skips: BTreeMap<(String, String), u64>,
    /// Messages that another than the first choice delivered, by the transport that did.
    pub fallbacks: BTreeMap<String, u64>,
}

impl Tally {
    /// What was counted so far.
    #[must_use]
    pub fn so_far(&self) -> Counted {
        self.lock().clone()
    }

    pub(super) fn attempt(&self, transport: &str, outcome: &str) {
        let key = (transport.to_owned(), outcome.to_owned());
        count(self.lock().attempts.entry(key).or_default());
    }

    pub(super) fn skip(&self, transport: &str, reason: &str) {
        let key = (transport.to_owned(), reason.to_owned());
        count(self.lock().skips.entry(key).or_default());
    }

    pub(super) fn fallback(&self, transport: &str) {
        count(self.lock().fallbacks.entry(transport.to_owned()).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
