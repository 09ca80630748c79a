//! An attempt that has begun, for the breaker of its transport.
//!
//! A breaker that is open lets one attempt through, and nobody else until that has ended. So the end has to come whatever
//! happens to who made the attempt: whoever begins one holds this, and one that is dropped, by a panic as well,
//! has found out nothing and makes way for the next.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::breaker::{BreakerState, Sign, Trial};
use super::transports::TransportView;
use crate::config::Breaker;
use crate::store::KeptBreaker;

/// An attempt that has begun and not ended.
#[derive(Debug, Default)]
#[must_use = "dropped, it has ended without having found out anything"]
pub(super) struct Begun {
    /// `None`: ended, or there is nothing that it could tell anybody.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    transport: String,
    fingerprint: String,
    settings: Breaker,
    state: Arc<Mutex<BreakerState>>,
    trial: Option<Trial>,
}

impl Begun {
    pub(super) fn through(name: &str, view: &TransportView, trial: Option<Trial>) -> Self {
        Self {
            open: Some(Open {
                transport: name.to_owned(),
                fingerprint: view.kept_fingerprint(),
                settings: view.breaker,
                state: Arc::clone(&view.breaker_state),
                trial,
            }),
        }
    }

    /// Notes what it tells of the transport; `None` where it was not made after all. What a restart would have to know of the breaker
    /// from now on, where that is something else than before.
    pub(super) fn end(mut self, sign: Option<Sign>, now: Timestamp) -> Option<KeptBreaker> {
        self.open.take()?.end(sign, now)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            // Without a sign the time is of no meaning.
            open.end(None, Timestamp::UNIX_EPOCH);
        }
    }
}

impl Open {
    fn end(self, sign: Option<Sign>, now: Timestamp) -> Option<KeptBreaker> {
        let mut breaker = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.to_keep();
        breaker.end(self.settings, self.trial, sign, now);
        let (failures, opened_at) = breaker.to_keep();
        ((failures, opened_at) != before).then_some(KeptBreaker {
            transport: self.transport,
            fingerprint: self.fingerprint,
            failures,
            opened_at,
        })
    }
}
