//! What messages are delivered by at the moment: the routes and the transports of one configuration.
//!
//! They are swapped as one thing. Whoever works on a message takes hold of them once for a step, plans by
//! them and attempts by them, so a step is never planned by one configuration and done by another; the
//! next step of the same message goes by whatever is in force then.

use std::sync::{Arc, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::breaker::BreakerState;
use super::transports::{TransportView, Transports};
use crate::contract::OutcomeKind;
use crate::routing::Router;

/// The routes and transports of one configuration.
pub struct InForce {
    /// Which chain a message takes.
    pub router: Arc<Router>,
    /// What carries it.
    pub transports: Arc<dyn Transports>,
}

/// Where the engine asks what is in force. The same one until it is replaced.
pub type Current = Arc<dyn Fn() -> Arc<InForce> + Send + Sync>;

impl InForce {
    /// Until when a transport's breaker is open.
    pub(super) fn breaker_open_until(&self, name: &str, now: Timestamp) -> Option<Timestamp> {
        let view = self.transports.view(name)?;
        breaker(view).closed_until(view.breaker, now)
    }

    pub(super) fn breaker_begin(&self, name: &str) {
        if let Some(view) = self.transports.view(name) {
            breaker(view).begin();
        }
    }

    pub(super) fn breaker_end(&self, name: &str, outcome: Option<OutcomeKind>, now: Timestamp) {
        if let Some(view) = self.transports.view(name) {
            breaker(view).end(view.breaker, outcome, now);
        }
    }
}

fn breaker(view: &TransportView) -> MutexGuard<'_, BreakerState> {
    // A breaker is plain data: whatever a panicking holder left is a state like any other.
    view.breaker_state.lock().unwrap_or_else(PoisonError::into_inner)
}
