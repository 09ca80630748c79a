//! What messages are delivered by at the moment: the routes and the transports of one configuration.
//!
//! They are swapped as one thing. Whoever works on a message takes hold of them once for a step, plans by
//! them and attempts by them, so a step is never planned by one configuration and done by another; the
//! next step of the same message goes by whatever is in force then.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::begun::Begun;
use super::crowd::Crowd;
use super::pick::Door;
use super::plan::Gate;
use super::transports::Transports;
use crate::envelope::Envelope;
use crate::routing::Router;
use crate::store::{KeptBreaker, NewOutgoing, NewReceipt, Outgoing, WaitsFor};

/// The routes and transports of one configuration.
pub struct InForce {
    /// Which chain a message takes.
    pub router: Arc<Router>,
    /// What carries it.
    pub transports: Arc<dyn Transports>,
    /// Who puts into words what byway itself has to say; `None`: it says nothing.
    pub tells: Option<Arc<dyn Tells>>,
}

/// What byway itself says about a message that it carries.
pub trait Tells: Send + Sync {
    /// The receipt by which a sender hears that the agent was not woken; `None` where the sender gets none.
    fn not_woken(&self, message: &Envelope) -> Option<NewReceipt>;

    /// What tells people that a message waits for them until then; `None` where its route names nobody to tell.
    fn waits_for_approval(&self, message: &Outgoing, until: Timestamp) -> Option<NewOutgoing>;
}

/// Where the engine asks what is in force. The same one until it is replaced.
pub type Current = Arc<dyn Fn() -> Arc<InForce> + Send + Sync>;

impl InForce {
    /// Until when a transport's breaker is open.
    pub(super) fn breaker_open_until(&self, name: &str, now: Timestamp) -> Option<Timestamp> {
        let view = self.transports.view(name)?;
        lock(&view.breaker_state).closed_until(view.breaker, now)
    }

    /// Until when a transport has been used as fast as its rate allows.
    pub(super) fn rate_closed_until(&self, name: &str, now: Timestamp) -> Option<Timestamp> {
        let view = self.transports.view(name)?;
        lock(&view.rate_state).closed_until(view.rate?, now)
    }

    /// How many attempts at once a transport is made for.
    pub(super) fn at_once_max(&self, name: &str) -> usize {
        self.transports.view(name).map_or(1, |view| view.at_once_max)
    }

    /// Notes that an attempt begins. `None` where it may not, because others were faster: with them the breaker has opened
    /// or the rate is used up, or one of them is the one that finds out whether the transport works again.
    pub(super) fn begin(&self, name: &str, now: Timestamp) -> Option<Begun> {
        let Some(view) = self.transports.view(name) else {
            return Some(Begun::default());
        };
        let mut breaker = lock(&view.breaker_state);
        if breaker.closed_until(view.breaker, now).is_some() {
            return None;
        }
        if let Some(rate) = view.rate {
            let mut state = lock(&view.rate_state);
            if state.closed_until(rate, now).is_some() {
                return None;
            }
            state.take(rate, now);
        }
        let trial = breaker.begin();
        Some(Begun::through(name, view, trial))
    }

    /// Takes over how the breakers stood before a restart. Those of transports that are others now are not.
    pub(super) fn restore(&self, kept: Vec<KeptBreaker>, now: Timestamp) {
        for kept in kept {
            if let Some(view) = self.transports.view(&kept.transport) {
                view.restore_breaker(&kept, now);
            }
        }
    }

    /// Changes when the routes do.
    pub(super) fn routes(&self) -> String {
        let mut hasher = DefaultHasher::new();
        format!("{:?}", self.router).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// What those that wait for something can do now.
    pub(super) fn door(&self, waits_for: &WaitsFor, now: Timestamp, crowd: &Crowd) -> Door {
        let is_there = |transport: &String| self.transports.view(transport).is_some();
        match waits_for {
            WaitsFor::Time => Door::Open,
            WaitsFor::Turn => Door::Closed(None),
            // Where it rests by now, they go on down their chains.
            WaitsFor::Place(transport) if self.gate(transport, now) != Gate::Open => Door::Open,
            WaitsFor::Place(transport) => self.room(transport, now, crowd),
            WaitsFor::Open(transports) if !transports.iter().all(is_there) => Door::Open,
            WaitsFor::Open(transports) => {
                let mut opens = None;
                for transport in transports {
                    match self.gate(transport, now) {
                        Gate::Open => return self.room(transport, now, crowd),
                        Gate::Breaker(until)
                        | Gate::Rate(until)
                        | Gate::Quarantined(until, _)
                        | Gate::Host(until, _) => {
                            opens = [opens, Some(until)].into_iter().flatten().min();
                        }
                    }
                }
                Door::Closed(opens)
            }
        }
    }

    fn room(&self, transport: &str, now: Timestamp, crowd: &Crowd) -> Door {
        let Some(view) = self.transports.view(transport) else {
            return Door::Open;
        };
        let mut room = crowd.room(transport, view.at_once_max);
        room = lock(&view.breaker_state).room(view.breaker, now, room);
        if let Some(rate) = view.rate {
            room = room.min(lock(&view.rate_state).room(rate, now));
        }
        match room {
            0 => Door::Closed(None),
            room => Door::Room(transport.to_owned(), room),
        }
    }
}

/// Plain data: whatever a panicking holder left is a state like any other.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
