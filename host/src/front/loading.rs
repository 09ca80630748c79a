//! Loads the transports at the start, and lets no adapter keep the others waiting.
//!
//! Those that byway carries are loaded before anything else: they are its own, compile in a moment, and wait for no stranger. Those
//! in files come after them, two at a time, since a component may be made so that compiling it takes as long as it is allowed to. What
//! is not done after a while is late: byway starts without it, says so, and takes it in when it is done. What failed only because
//! the machine was busy comes the same way, later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::difference::is_same;
use super::recompiling::Recompiling;
use super::setup::Setup;
use super::{sentences, warn_of_missing_secrets};
use crate::config::{AdapterRef, Config, Transport};
use crate::delivery::Fleet;
use crate::sandbox::{LoadedTransport, Sandbox};
use crate::store::KeptBreaker;

/// How long a start waits for adapters in files, all together.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Components that are compiled at the same time: each may take a processor, and up to a gigabyte.
const LOADERS: usize = 2;
/// What is said of a transport meanwhile.
const STILL_LOADING: &str = "its adapter is still being compiled";

/// What is still to be loaded, the transports of one adapter together: they would wait for the same compiler.
type Queue = Arc<Mutex<VecDeque<Vec<Transport>>>>;

/// A transport that was loaded, or the reason why it could not be.
pub(super) struct Loaded {
    transport: Transport,
    loaded: Result<LoadedTransport, NotLoaded>,
}

/// Why a transport is not there.
struct NotLoaded {
    reasons: String,
    /// Whether it may be otherwise by itself.
    is_passing: bool,
}

/// The transports that the start did not wait for.
#[derive(Default)]
pub(super) struct Late {
    /// Where they come from; each until its loaders have ended.
    coming: Mutex<Vec<mpsc::Receiver<Loaded>>>,
    failing: Recompiling,
}

impl Late {
    /// What has been done since the last look.
    pub(super) fn take(&self, now: Timestamp) -> Vec<Loaded> {
        let mut done = Vec::new();
        lock(&self.coming).retain(|receiver| {
            loop {
                match receiver.try_recv() {
                    Ok(loaded) => done.push(loaded),
                    Err(mpsc::TryRecvError::Empty) => return true,
                    Err(mpsc::TryRecvError::Disconnected) => return false,
                }
            }
        });
        for Loaded { transport, loaded } in &done {
            self.note(transport, loaded, now);
        }
        done
    }

    /// When a transport that could not be loaded is tried again, where it is.
    pub(super) fn again_at(&self, name: &str) -> Option<Timestamp> {
        self.failing.at(name)
    }

    /// Begins to load again what is due, as long as it is wanted.
    pub(super) fn load_again(&self, sandbox: &Sandbox, in_force: &Setup, now: Timestamp) {
        let due = self.failing.due(now, |transport| is_awaited(in_force, transport));
        if !due.is_empty() {
            let due: Vec<&Transport> = due.iter().collect();
            let coming = begin(sandbox, &due);
            lock(&self.coming).push(coming);
        }
    }

    fn note(&self, transport: &Transport, loaded: &Result<LoadedTransport, NotLoaded>, now: Timestamp) {
        let name = &transport.name;
        if loaded.as_ref().is_err_and(|why| why.is_passing) {
            let pause = self.failing.note(transport, now);
            tracing::warn!(name, "byway tries by itself to load it again, in {pause:?}");
        } else {
            self.failing.forget(name);
        }
    }
}

/// Whether a transport that is not loaded is still to be: a reload may have loaded it meanwhile, or have another in its
/// place.
fn is_awaited(in_force: &Setup, transport: &Transport) -> bool {
    let configured = in_force.config.transports.get(&transport.name);
    in_force.fleet.loaded(&transport.name).is_none()
        && configured.is_some_and(|configured| is_same(configured, transport))
}

/// Loads every transport of a configuration; for those in files it waits no longer than `patience`.
pub(super) fn load_all(
    sandbox: &Sandbox,
    config: &Config,
    patience: Duration,
    now: Timestamp,
) -> (Fleet, Late) {
    let (carried, in_files): (Vec<&Transport>, Vec<&Transport>) = config
        .transports
        .values()
        .partition(|transport| matches!(transport.adapter, AdapterRef::Builtin(_)));
    let (mut fleet, late) = (Fleet::default(), Late::default());
    let mut add = |transport: &Transport, loaded: Result<LoadedTransport, NotLoaded>| {
        late.note(transport, &loaded, now);
        fleet.add(transport, loaded.map_err(|why| why.reasons));
    };
    for transport in carried {
        add(transport, load(sandbox, transport));
    }
    let done = begin(sandbox, &in_files);
    let until = Instant::now() + patience;
    let mut missing = in_files;
    while !missing.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(Loaded { transport, loaded }) = done.recv_timeout(left) else {
            break;
        };
        missing.retain(|it| it.name != transport.name);
        add(&transport, loaded);
    }
    for transport in missing {
        let name = &transport.name;
        tracing::warn!(
            name,
            "{STILL_LOADING}; the other transports go on, and it joins them when it is done"
        );
        fleet.add(transport, Err(STILL_LOADING.to_owned()));
    }
    lock(&late.coming).push(done);
    (fleet, late)
}

/// The transports in force together with those that are late; `None` where none of them is wanted any more.
pub(super) fn join(
    old: &Setup,
    late: Vec<Loaded>,
    breakers: &[KeptBreaker],
    now: Timestamp,
) -> Option<Fleet> {
    let late: Vec<Loaded> = late
        .into_iter()
        .filter(|it| is_awaited(old, &it.transport))
        .collect();
    if late.is_empty() {
        return None;
    }
    let mut fleet = Fleet::default();
    for name in old.config.transports.keys() {
        fleet.take_over(name, &old.fleet);
    }
    for Loaded { transport, loaded } in late {
        if loaded.is_ok() {
            tracing::info!(
                name = transport.name,
                "its adapter is compiled, and it is in force"
            );
        }
        let mut alone = Fleet::default();
        alone.add(&transport, loaded.map_err(|why| why.reasons));
        // As those that were there at the start; what was taken over knows better by now.
        alone.restore_breakers(breakers, now);
        fleet.take_over(&transport.name, &alone);
    }
    Some(fleet)
}

/// Loads these on threads of their own.
fn begin(sandbox: &Sandbox, transports: &[&Transport]) -> mpsc::Receiver<Loaded> {
    let (done, receiver) = mpsc::channel();
    let mut groups: VecDeque<Vec<Transport>> = VecDeque::new();
    for transport in transports {
        let is_its = |group: &&mut Vec<Transport>| group.iter().any(|it| it.adapter == transport.adapter);
        match groups.iter_mut().find(is_its) {
            Some(group) => group.push((*transport).clone()),
            None => groups.push_back(vec![(*transport).clone()]),
        }
    }
    let loaders = LOADERS.min(groups.len());
    let queue: Queue = Arc::new(Mutex::new(groups));
    for _ in 0..loaders {
        let (sandbox, queue, done) = (sandbox.clone(), Arc::clone(&queue), done.clone());
        let work = move || work(&sandbox, &queue, &done);
        if let Err(error) = std::thread::Builder::new().name("byway-load".into()).spawn(work) {
            tracing::warn!(%error, "no thread to load adapters on");
        }
    }
    // With no thread at all there is this one.
    if Arc::strong_count(&queue) == 1 {
        work(sandbox, &queue, &done);
    }
    receiver
}

fn work(sandbox: &Sandbox, queue: &Queue, done: &mpsc::Sender<Loaded>) {
    loop {
        let Some(group) = lock(queue).pop_front() else {
            return;
        };
        for transport in group {
            let loaded = load(sandbox, &transport);
            if done.send(Loaded { transport, loaded }).is_err() {
                return;
            }
        }
    }
}

fn load(sandbox: &Sandbox, transport: &Transport) -> Result<LoadedTransport, NotLoaded> {
    let name = &transport.name;
    let loaded = sandbox.load(transport).map_err(|problems| {
        let reasons = sentences(&problems);
        tracing::error!(name, "not loaded, the other transports go on: {reasons}");
        let is_passing = problems.iter().all(|problem| problem.is_passing);
        NotLoaded { reasons, is_passing }
    });
    if let Ok(loaded) = &loaded {
        warn_of_missing_secrets(name, loaded);
    }
    loaded
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
