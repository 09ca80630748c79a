//! What the calls on one lane share with each other, and with no other lane: an engine, its pool and its ticking.
//!
//! Two calls at once in one engine write to the same words of memory at every step (its pool's locks, the counts of who
//! uses the code), and two processors then bring the work of one and a half. So each lane (`lanes.rs`) has an
//! engine of its own. The first is made with the sandbox and loads every adapter; another is made when the first call comes on its
//! lane, so that a sidecar at rest has one.

use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

use super::component;
use super::engine::{self, Allocation};
use super::state::GuestState;
use super::ticker::Ticker;
use super::warm::Warm;
use crate::lanes;

/// See the module.
pub(super) struct Lane {
    pub engine: Engine,
    pub linker: Linker<GuestState>,
    pub ticker: Ticker,
    pub allocation: Allocation,
    pub warm: Warm,
}

impl Lane {
    /// One with room for so many instances.
    ///
    /// # Errors
    /// Where this machine gives neither memory for instances nor a thread, in a sentence.
    fn new(slots: u32) -> Result<Self, String> {
        let (engine, allocation) = engine::engine(slots).map_err(|error| error.to_string())?;
        Ok(Self {
            linker: component::linker(&engine).map_err(|error| format!("{error:#}"))?,
            ticker: Ticker::start(&engine)
                .map_err(|error| format!("no thread to keep time with: {error}"))?,
            engine,
            allocation,
            warm: Warm::new(),
        })
    }
}

/// What all calls share.
pub(super) struct Machine {
    first: Lane,
    others: Box<[OnceLock<Option<Lane>>]>,
    /// As many as each pool has slots for attempts: none is ever asked for more.
    pub slots: Arc<Semaphore>,
    /// How many that is.
    pub attempts_at_once_max: usize,
    slots_each: u32,
}

impl Machine {
    /// For so many attempts at once on so many lanes; `extra` slots are for calls that are none.
    ///
    /// # Errors
    /// As for a lane.
    pub(super) fn new(attempts: usize, extra: u32, lanes: usize) -> Result<Self, String> {
        // All of the attempts may be on one lane.
        let slots_each = u32::try_from(attempts).unwrap_or(u32::MAX).saturating_add(extra);
        Ok(Self {
            first: Lane::new(slots_each)?,
            others: (1..lanes).map(|_| OnceLock::new()).collect(),
            slots: Arc::new(Semaphore::new(attempts)),
            attempts_at_once_max: attempts,
            slots_each,
        })
    }

    /// The lane that loads, and whose engine stands for all: they are made alike.
    pub(super) fn first(&self) -> &Lane {
        &self.first
    }

    /// How many lanes there are beside the first.
    pub(super) fn others(&self) -> usize {
        self.others.len()
    }

    /// The lane of this thread, where it is not the first, by its place among the others. Where it cannot be
    /// made, the first does its work as well.
    pub(super) fn other_here(&self) -> Option<(usize, &Lane)> {
        let place = lanes::here().checked_sub(1)?;
        let lane = self.others.get(place)?.get_or_init(|| {
            let lane = Lane::new(self.slots_each).and_then(|lane| {
                // Code that was compiled for instances from a pool runs in no other engine.
                let is_alike = lane.allocation == self.first.allocation;
                is_alike
                    .then_some(lane)
                    .ok_or_else(|| "there is not address space enough for one more pool".to_owned())
            });
            lane.inspect_err(|why| {
                tracing::warn!("{why}; attempts of two threads share an engine, which is slower")
            })
            .ok()
        });
        Some((place, lane.as_ref()?))
    }
}
