//! How many messages are at one transport at a time.
//!
//! The engine works on so many messages at once. Were they all at one transport that hangs, waiting for a
//! place there, no other message would be begun. So a transport gets its share of them; a
//! message that comes on top is put back for a moment, which is no skip: its turn is still there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Limits;

/// The messages that are at each transport.
#[derive(Debug)]
pub(super) struct Crowd {
    share: usize,
    at: Mutex<BTreeMap<String, usize>>,
}

/// One message that is at a transport until this is dropped.
#[derive(Debug)]
pub(super) struct Present {
    crowd: Arc<Crowd>,
    transport: String,
}

impl Crowd {
    pub(super) fn new(at_once_max: usize) -> Self {
        Self {
            share: Limits::share_of_one(at_once_max),
            at: Mutex::default(),
        }
    }

    /// Lets a message in; `None` where the transport has its share.
    pub(super) fn enter(self: &Arc<Self>, transport: &str) -> Option<Present> {
        let mut at = self.lock();
        let there = at.entry(transport.to_owned()).or_default();
        if *there >= self.share {
            return None;
        }
        *there += 1;
        Some(Present {
            crowd: Arc::clone(self),
            transport: transport.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut at = self.crowd.lock();
        match at.get_mut(&self.transport) {
            Some(there) if *there > 1 => *there -= 1,
            _ => {
                at.remove(&self.transport);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_never_has_them_all() {
        for at_once_max in [2, 3, 4, 64, 4096] {
            let crowd = Arc::new(Crowd::new(at_once_max));
            let mut there = Vec::new();
            while let Some(present) = crowd.enter("a") {
                there.push(present);
            }
            assert!(!there.is_empty() && there.len() < at_once_max, "{}", there.len());
            assert!(crowd.enter("b").is_some());
            there.pop();
            assert!(crowd.enter("a").is_some());
            there.clear();
            assert!(crowd.lock().is_empty());
        }
    }
}
