//! The engine: looks which messages are due, and takes each one step further.
//!
//! It is thin, and holds in memory only what it works on: what else is due stays in the store. What to do next is decided by the policies; here it is written down, done, and written
//! down again. The order is what counts: that an attempt begins is on disk before it begins, and
//! what came of it is on disk before the next thing is done.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::crowd::Crowd;
use super::in_force::{Current, InForce};
use super::journey::Journey;
use super::pace::rest_after;
use super::pick::{Asked, pick};
use super::tally::Tally;
use super::turns::Turns;
use crate::envelope::Address;
use crate::lanes::Lanes;
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
    /// What they are worked on by.
    pub lanes: Lanes,
}

/// Delivers what is due. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) settings: EngineSettings,
    crowd: Arc<Crowd>,
    nudge: Arc<Notify>,
    /// How many of the messages in hand only wait.
    aside: AtomicUsize,
    pub(super) tally: Tally,
    stopping: AtomicBool,
}

impl Engine {
    /// An engine at rest.
    #[must_use]
    pub fn new(settings: EngineSettings) -> Self {
        let nudge = Arc::new(Notify::new());
        Self {
            inner: Arc::new(Inner {
                crowd: Arc::new(Crowd::new(settings.at_once_max, Arc::clone(&nudge))),
                settings,
                nudge,
                aside: AtomicUsize::new(0),
                tally: Tally::default(),
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
        let mut work = Work::default();
        self.restore_breakers().await;
        while !*stop.borrow() {
            let looks = Instant::now();
            let pause = match self.begin_what_is_due(&mut work).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "the store does not answer; nothing is lost, byway tries again");
                    STORE_PAUSE
                }
            };
            let looked = Instant::now();
            tokio::select! {
                Some(ended) = work.under_way.join_next_with_id(), if !work.under_way.is_empty() => work.forget(ended),
                () = self.inner.nudge.notified() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
            // What else happens meanwhile is seen in the same look.
            tokio::select! {
                () = tokio::time::sleep_until(looked + rest_after(looked - looks)) => {}
                _ = stop.changed() => {}
            }
            while let Some(ended) = work.under_way.try_join_next_with_id() {
                work.forget(ended);
            }
        }
        // What is under way ends its attempt and begins no other; what waits for a place begins none.
        self.inner.stopping.store(true, Ordering::Relaxed);
        self.inner.crowd.dissolve_all();
        while work.under_way.join_next().await.is_some() {}
    }

    /// Drops what is still under way, wherever it stands; each of it is found again at the next start. False where
    /// that did not end in time.
    pub async fn end(&self, patience: Duration) -> bool {
        self.inner.settings.lanes.end(patience).await
    }

    async fn restore_breakers(&self) {
        match self.inner.settings.store.breakers().await {
            Ok(kept) => self.in_force().restore(kept, self.now()),
            Err(error) => {
                tracing::error!(%error, "how the breakers stood cannot be read; all of them are closed");
            }
        }
    }

    async fn begin_what_is_due(&self, work: &mut Work) -> Result<Duration, StoreError> {
        let in_force = self.in_force();
        self.plan_by(&in_force, work).await?;
        let EngineSettings {
            store,
            at_once_max,
            lanes,
            ..
        } = &self.inner.settings;
        let now = self.now();
        let at_work = work
            .busy
            .len()
            .saturating_sub(self.inner.aside.load(Ordering::Relaxed));
        let room = at_once_max.saturating_sub(at_work);
        if room == 0 {
            return Ok(LOOK_AT_LEAST_EVERY);
        }
        let asked = Asked {
            now,
            busy: work.busy.values().copied().collect(),
            room,
            turns: work.turns,
        };
        let crowd = Arc::clone(&self.inner.crowd);
        let picked = store
            .look(move |look| pick(look, asked, |waits_for| in_force.door(waits_for, now, &crowd)))
            .await?;
        work.turns = picked.turns;
        for message in picked.messages {
            let key = message.key;
            let task = lanes.begin(&mut work.under_way, Journey::new(self.clone(), message).run());
            work.busy.insert(task.id(), key);
        }
        Ok(picked.next.map_or(LOOK_AT_LEAST_EVERY, |next| {
            until(now, next).min(LOOK_AT_LEAST_EVERY)
        }))
    }

    pub(super) fn store(&self) -> &Store {
        &self.inner.settings.store
    }

    /// Has those look again who wait for something that may be different now.
    async fn plan_by(&self, in_force: &Arc<InForce>, work: &mut Work) -> Result<(), StoreError> {
        if work
            .planned_by
            .as_ref()
            .is_some_and(|before| Arc::ptr_eq(before, in_force))
        {
            return Ok(());
        }
        self.inner.crowd.dissolve_all();
        let store = &self.inner.settings.store;
        let routes = Arc::clone(in_force);
        let lets_pass =
            move |sender: Option<&Address>, recipient: &Address| routes.lets_pass(sender, recipient);
        store.plan_by(in_force.routes(), self.now(), lets_pass).await?;
        work.planned_by = Some(Arc::clone(in_force));
        Ok(())
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

    /// Those who are at the transports.
    pub(super) fn crowd(&self) -> &Arc<Crowd> {
        &self.inner.crowd
    }

    /// Notes that a message only waits, and takes no room from others, until this is dropped.
    pub(super) fn step_aside(&self) -> Aside {
        self.inner.aside.fetch_add(1, Ordering::Relaxed);
        self.nudge();
        Aside(Arc::clone(&self.inner))
    }

    /// What the engine has done since it was made.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.inner.tally
    }

    /// Until when the transport rests after failing several times in a row; `None` where it does not.
    #[must_use]
    pub fn rests_until(&self, name: &str) -> Option<Timestamp> {
        self.in_force().breaker_open_until(name, self.now())
    }
}

/// What the engine has in hand.
#[derive(Default)]
struct Work {
    under_way: JoinSet<()>,
    busy: HashMap<Id, MessageKey>,
    turns: Turns,
    planned_by: Option<Arc<InForce>>,
}

impl Work {
    fn forget(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                // The attempt is on disk as begun, so the message comes back as one that may have arrived.
                tracing::error!(%error, "a delivery ended in a panic; please report it");
                error.id()
            }
        };
        self.busy.remove(&id);
    }
}

/// A message that only waits.
pub(super) struct Aside(Arc<Inner>);

impl Drop for Aside {
    fn drop(&mut self) {
        self.0.aside.fetch_sub(1, Ordering::Relaxed);
    }
}

fn until(now: Timestamp, then: Timestamp) -> Duration {
    then.duration_since(now).max(SignedDuration::ZERO).unsigned_abs()
}
