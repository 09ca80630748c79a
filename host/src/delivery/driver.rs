//! The engine: looks which messages are due, and takes each one step further.
//!
//! It is thin. What to do next is decided by the policies; here it is written down, done, and written
//! down again. The order is what counts: that an attempt begins is on disk before it begins, and
//! what came of it is on disk before the next thing is done.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinSet};

use super::breaker::BreakerState;
use super::journey::Journey;
use super::transports::Transports;
use crate::contract::OutcomeKind;
use crate::routing::Router;
use crate::store::{MessageKey, Store, StoreError};

/// Where the engine gets the time from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The longest the engine sleeps without looking, in case the clock steps.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(5);
/// How long it rests when the store does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What the engine is made of.
pub struct EngineSettings {
    /// Where the messages are.
    pub store: Store,
    /// Which chain a message takes.
    pub router: Arc<Router>,
    /// What carries it.
    pub transports: Arc<dyn Transports>,
    /// The time.
    pub clock: Clock,
    /// How many messages are worked on at once.
    pub at_once_max: usize,
}

/// Delivers what is due. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) settings: EngineSettings,
    breakers: Mutex<BTreeMap<String, BreakerState>>,
    nudge: Notify,
    stopping: AtomicBool,
}

impl Engine {
    /// An engine at rest.
    #[must_use]
    pub fn new(settings: EngineSettings) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings,
                breakers: Mutex::default(),
                nudge: Notify::new(),
                stopping: AtomicBool::new(false),
            }),
        }
    }

    /// Tells the engine that there may be something new to do.
    pub fn nudge(&self) {
        self.inner.nudge.notify_one();
    }

    /// Works until `stop` turns true; then begins nothing new, and returns when what is under way
    /// has ended.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        let mut busy = HashMap::new();
        while !*stop.borrow() {
            let pause = match self.begin_what_is_due(&mut under_way, &mut busy).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "the store does not answer; nothing is lost, byway tries again");
                    STORE_PAUSE
                }
            };
            tokio::select! {
                Some(ended) = under_way.join_next_with_id(), if !under_way.is_empty() => forget(&mut busy, ended),
                () = self.inner.nudge.notified() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
        // What is under way ends its attempt and begins no other.
        self.inner.stopping.store(true, Ordering::Relaxed);
        while under_way.join_next().await.is_some() {}
    }

    async fn begin_what_is_due(
        &self,
        under_way: &mut JoinSet<()>,
        busy: &mut HashMap<Id, MessageKey>,
    ) -> Result<Duration, StoreError> {
        let EngineSettings {
            store,
            at_once_max,
            clock,
            ..
        } = &self.inner.settings;
        let now = clock();
        let room = at_once_max.saturating_sub(busy.len());
        if room == 0 {
            return Ok(LOOK_AT_LEAST_EVERY);
        }
        // Those that are under way are due, too; asking for as many more finds the others.
        for message in store.due(now, room.saturating_add(busy.len())).await? {
            if busy.len() < *at_once_max && !busy.values().any(|key| *key == message.key) {
                let key = message.key;
                let task = under_way.spawn(Journey::new(self.clone(), message).run());
                busy.insert(task.id(), key);
            }
        }
        let next = store.next_due(now).await?;
        Ok(next.map_or(LOOK_AT_LEAST_EVERY, |next| {
            until(now, next).min(LOOK_AT_LEAST_EVERY)
        }))
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.inner.settings.clock)()
    }

    /// Until when a transport's breaker is open.
    pub(super) fn breaker_open_until(&self, name: &str, now: Timestamp) -> Option<Timestamp> {
        let settings = self.inner.settings.transports.view(name)?.breaker;
        self.with_breaker(name, |breaker| breaker.closed_until(settings, now))
    }

    pub(super) fn breaker_begin(&self, name: &str) {
        self.with_breaker(name, BreakerState::begin);
    }

    pub(super) fn breaker_end(&self, name: &str, outcome: Option<OutcomeKind>, now: Timestamp) {
        if let Some(view) = self.inner.settings.transports.view(name) {
            self.with_breaker(name, |breaker| breaker.end(view.breaker, outcome, now));
        }
    }

    /// Whether the transport rests after failing several times in a row.
    #[must_use]
    pub fn rests(&self, name: &str) -> bool {
        self.breaker_open_until(name, self.now()).is_some()
    }

    fn with_breaker<T>(&self, name: &str, act: impl FnOnce(&mut BreakerState) -> T) -> T {
        // A breaker is plain data: whatever a panicking holder left is a state like any other.
        let mut breakers = self.inner.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        act(breakers.entry(name.to_owned()).or_default())
    }
}

fn forget(busy: &mut HashMap<Id, MessageKey>, ended: Result<(Id, ()), tokio::task::JoinError>) {
    let id = match ended {
        Ok((id, ())) => id,
        Err(error) => {
            // The attempt is on disk as begun, so the message comes back as one that may have arrived.
            tracing::error!(%error, "a delivery ended in a panic; please report it");
            error.id()
        }
    };
    busy.remove(&id);
}

fn until(now: Timestamp, then: Timestamp) -> Duration {
    then.duration_since(now).max(SignedDuration::ZERO).unsigned_abs()
}
