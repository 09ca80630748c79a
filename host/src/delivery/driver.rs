//! The engine: looks which messages are due, and takes each one step further.
//!
//! It is thin. What to do next is decided by the policies; here it is written down, done, and written
//! down again. The order is what counts: that an attempt begins is on disk before it begins, and
//! what came of it is on disk before the next thing is done.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinSet};

use super::crowd::{Crowd, Present};
use super::in_force::{Current, InForce};
use super::journey::Journey;
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
    /// What is in force.
    pub in_force: Current,
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
    crowd: Arc<Crowd>,
    nudge: Notify,
    stopping: AtomicBool,
}

impl Engine {
    /// An engine at rest.
    #[must_use]
    pub fn new(settings: EngineSettings) -> Self {
        Self {
            inner: Arc::new(Inner {
                crowd: Arc::new(Crowd::new(settings.at_once_max)),
                settings,
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

    /// What is in force now.
    pub(super) fn in_force(&self) -> Arc<InForce> {
        (self.inner.settings.in_force)()
    }

    /// Whether something else is in force by now.
    pub(super) fn has_moved_on_from(&self, in_force: &Arc<InForce>) -> bool {
        !Arc::ptr_eq(in_force, &self.in_force())
    }

    /// Lets a message go to a transport; `None` where enough of them are there.
    pub(super) fn enter(&self, transport: &str) -> Option<Present> {
        self.inner.crowd.enter(transport)
    }

    /// Until when the transport rests after failing several times in a row; `None` where it does not.
    #[must_use]
    pub fn rests_until(&self, name: &str) -> Option<Timestamp> {
        self.in_force().breaker_open_until(name, self.now())
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
