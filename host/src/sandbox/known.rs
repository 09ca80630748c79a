//! Components that were loaded, or could not be, by their digest.
//!
//! A component is compiled once, however many transports want it at the same time; another one does not wait for it. One that cost
//! much time and could not be compiled after all is not tried again for a while: three transports of it would keep a start
//! waiting three times.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::answers::Description;
use super::compile;
use super::compiled::{self, Compiled, Key};
use super::component::Adapter;
use super::lane::{Lane, Machine};
use super::preflight::PreflightProblem;
use crate::error_code::ErrorCode;

/// A failure that took this long is remembered.
const COSTLY: Duration = Duration::from_secs(5);
/// For so long. A machine that was only busy can do better later.
const FAILURE_KEPT_FOR: Duration = Duration::from_secs(300);

/// A component and what it says it is.
pub(super) struct Known {
    pub(super) adapter: Adapter,
    pub(super) description: Description,
    /// The SHA-256 of its bytes.
    pub(super) digest: [u8; 32],
    /// The same for the lanes beside the first, each linked when its first call comes.
    others: Box<[OnceLock<Option<Adapter>>]>,
    kept: Option<Arc<Compiled>>,
}

/// An adapter as this thread is to call it: on its lane, linked for that.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub lane: &'a Lane,
    pub adapter: &'a Adapter,
}

impl Known {
    /// A component that was linked on the first lane. Its code for the others is taken from `kept`, where it is there.
    pub(super) fn new(
        adapter: Adapter,
        description: Description,
        digest: [u8; 32],
        machine: &Machine,
        kept: Option<Arc<Compiled>>,
    ) -> Self {
        Self {
            adapter,
            description,
            digest,
            others: (0..machine.others()).map(|_| OnceLock::new()).collect(),
            kept,
        }
    }

    /// The adapter for this thread. Where it cannot be linked for its lane, that of the first.
    pub(super) fn here<'a>(&'a self, machine: &'a Machine) -> Here<'a> {
        self.on_other(machine).unwrap_or(Here {
            lane: machine.first(),
            adapter: &self.adapter,
        })
    }

    /// On how many lanes it is linked by now.
    pub(super) fn lanes(&self) -> usize {
        let others = self.others.iter().filter_map(OnceLock::get);
        1 + others.filter(|adapter| adapter.is_some()).count()
    }

    fn on_other<'a>(&'a self, machine: &'a Machine) -> Option<Here<'a>> {
        let (place, lane) = machine.other_here()?;
        let adapter = self.others.get(place)?.get_or_init(|| {
            self.link(lane)
                .inspect_err(|why| {
                    let adapter = &self.description.name;
                    tracing::warn!(
                        adapter,
                        "{why}; attempts of two threads share its code, which is slower"
                    );
                })
                .ok()
        });
        let adapter = adapter.as_ref()?;
        Some(Here { lane, adapter })
    }

    /// Nothing is compiled for it: engines are made alike, and what was compiled for one fits the others.
    fn link(&self, lane: &Lane) -> Result<Adapter, String> {
        let engine = &lane.engine;
        let kept = |compiled: &Arc<Compiled>| compiled.get(engine, &Key::new(engine, &self.digest));
        let component = match self.kept.as_ref().and_then(kept) {
            Some(component) => component,
            None => (self.adapter.component().serialize())
                .and_then(|code| compiled::trusted(engine, &code))
                .map_err(|error| compile::in_one_line(&error))?,
        };
        Adapter::prepare(engine, &lane.linker, &component).map_err(|problem| problem.message)
    }
}

/// What is known of components. `K` is [`Known`], but for tests.
pub(super) struct Components<K = Known>(Mutex<Slots<K>>);

/// By digest. Each has a lock of its own, held while its component is made.
type Slots<K> = HashMap<[u8; 32], Arc<Mutex<Slot<K>>>>;

struct Slot<K> {
    known: Weak<K>,
    failed: Option<(Instant, PreflightProblem)>,
}

impl<K> Default for Components<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K> Default for Slot<K> {
    fn default() -> Self {
        Self {
            known: Weak::new(),
            failed: None,
        }
    }
}

impl<K> Components<K> {
    /// The component of this digest, made if nobody has it. Blocks while somebody makes the same one.
    ///
    /// # Errors
    /// As `make`, now or not long ago.
    pub(super) fn get(
        &self,
        digest: [u8; 32],
        make: impl FnOnce() -> Result<K, PreflightProblem>,
    ) -> Result<Arc<K>, PreflightProblem> {
        self.get_at(digest, Instant::now, make)
    }

    fn get_at(
        &self,
        digest: [u8; 32],
        clock: impl Fn() -> Instant,
        make: impl FnOnce() -> Result<K, PreflightProblem>,
    ) -> Result<Arc<K>, PreflightProblem> {
        let slot = {
            let mut slots = lock(&self.0);
            // A slot that is locked is being filled.
            slots.retain(|_, slot| {
                slot.try_lock()
                    .map_or(true, |slot| slot.is_worth_keeping(clock()))
            });
            Arc::clone(slots.entry(digest).or_default())
        };
        let mut slot = lock(&slot);
        if let Some(known) = slot.known.upgrade() {
            return Ok(known);
        }
        if let Some(problem) = slot.fresh_failure(clock()) {
            return Err(problem.clone());
        }
        let began = clock();
        let made = make().map(Arc::new);
        let now = clock();
        match &made {
            Ok(known) => slot.known = Arc::downgrade(known),
            Err(problem) => {
                let is_costly = now.saturating_duration_since(began) >= COSTLY;
                slot.failed =
                    (is_costly && problem.code == ErrorCode::NotCompiled).then(|| (now, problem.clone()));
            }
        }
        made
    }
}

impl<K> Slot<K> {
    fn fresh_failure(&self, now: Instant) -> Option<&PreflightProblem> {
        let (at, problem) = self.failed.as_ref()?;
        (now.saturating_duration_since(*at) < FAILURE_KEPT_FOR).then_some(problem)
    }

    fn is_worth_keeping(&self, now: Instant) -> bool {
        self.known.strong_count() > 0 || self.fresh_failure(now).is_some()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whatever a panicking maker left is a state like any other: nothing is known.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn problem(code: ErrorCode) -> PreflightProblem {
        PreflightProblem {
            is_passing: false,
            code,
            pointer: "/adapter".into(),
            message: "no".into(),
            fix: None,
        }
    }

    /// Asks for a component whose making takes so long and ends so; whether it was made.
    fn made(components: &Components<u8>, clock: &Cell<Instant>, took: Duration, code: ErrorCode) -> bool {
        let tried = Cell::new(false);
        let had = components.get_at(
            [1; 32],
            || clock.get(),
            || {
                tried.set(true);
                clock.set(clock.get() + took);
                Err(problem(code))
            },
        );
        assert!(had.is_err());
        tried.get()
    }

    #[test]
    fn a_costly_failure_is_remembered_for_a_while() {
        let (components, clock) = (Components::default(), Cell::new(Instant::now()));
        assert!(made(&components, &clock, COSTLY, ErrorCode::NotCompiled));
        assert!(!made(&components, &clock, COSTLY, ErrorCode::NotCompiled));
        clock.set(clock.get() + FAILURE_KEPT_FOR);
        assert!(made(&components, &clock, COSTLY, ErrorCode::NotCompiled));
    }

    #[test]
    fn a_cheap_failure_and_one_of_another_kind_are_tried_again() {
        let (components, clock) = (Components::default(), Cell::new(Instant::now()));
        let cheap = COSTLY.checked_sub(Duration::from_millis(1)).unwrap();
        for _ in 0..2 {
            assert!(made(&components, &clock, cheap, ErrorCode::NotCompiled));
            assert!(made(&components, &clock, COSTLY, ErrorCode::WrongContract));
        }
    }

    #[test]
    fn what_somebody_has_is_not_made_again() {
        let components = Components::<u8>::default();
        let first = components.get([1; 32], || Ok(7)).unwrap();
        assert!(Arc::ptr_eq(&first, &components.get([1; 32], || Ok(9)).unwrap()));
        drop(first);
        assert_eq!(*components.get([1; 32], || Ok(8)).unwrap(), 8);
    }

    #[test]
    fn one_that_takes_long_keeps_no_other_waiting() {
        let components = Components::<u8>::default();
        std::thread::scope(|scope| {
            let (go, gone) = std::sync::mpsc::channel::<()>();
            let (begun, begins) = std::sync::mpsc::channel();
            let components = &components;
            let slow = scope.spawn(move || {
                components.get([1; 32], || {
                    begun.send(()).unwrap();
                    gone.recv().unwrap();
                    Ok(1)
                })
            });
            begins.recv().unwrap();
            assert_eq!(*components.get([2; 32], || Ok(2)).unwrap(), 2);
            go.send(()).unwrap();
            assert_eq!(*slow.join().unwrap().unwrap(), 1);
        });
    }
}
