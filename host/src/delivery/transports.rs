//! What the engine needs of the sandbox: facts of each transport, and attempts.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::config::{self, Authority, Breaker, Rate};
use crate::contract::{Attempted, HostFault, Verdict};
use crate::sandbox::{Call, LoadedTransport, Place, Quarantined};
use crate::store::KeptBreaker;

use super::breaker::BreakerState;
use super::rate::RateState;

/// The configured transports, as the engine sees them.
#[async_trait]
pub trait Transports: Send + Sync {
    /// The facts of a transport; `None` where there is none of that name.
    fn view(&self, name: &str) -> Option<&TransportView>;

    /// Whether, and until when, no message is sent through a transport because its adapter crashes.
    fn quarantined(&self, name: &str) -> Option<Quarantined>;

    /// Waits for a place among the transport's calls; `None` where there is no line to wait in.
    ///
    /// # Errors
    /// Where none came free in time.
    async fn place(&self, name: &str) -> Result<Option<Place>, HostFault>;

    /// One attempt, in a place that was waited for.
    ///
    /// # Errors
    /// Where byway itself could not make it.
    async fn attempt(&self, name: &str, place: Option<Place>, call: Call) -> Result<Attempted, HostFault>;

    /// Asks what became of an earlier attempt.
    ///
    /// # Errors
    /// Where byway itself could not ask.
    async fn reconcile(&self, name: &str, call: Call) -> Result<Verdict, HostFault>;
}

/// The facts of one transport.
#[derive(Clone, Debug)]
pub struct TransportView {
    /// Whether repeating an attempt cannot deliver twice.
    pub idempotent: bool,
    /// Whether it can find out what became of an attempt.
    pub reconciles: bool,
    /// Whether the agent hears its owner.
    pub owner: bool,
    /// The inbox it leads into.
    pub dedupe: Option<String>,
    /// Changes when its configuration or its component does.
    pub fingerprint: u64,
    /// Changes when its configuration may lead to another place.
    pub leads_to: u64,
    /// When it stops being tried.
    pub breaker: Breaker,
    /// How its breaker stands. It belongs to the loaded transport, and goes with it.
    pub breaker_state: Arc<Mutex<BreakerState>>,
    /// How many attempts it may make at once.
    pub at_once_max: usize,
    /// How fast it may be used.
    pub rate: Option<Rate>,
    /// What it has used of its rate. Goes with the loaded transport, too.
    pub rate_state: Arc<Mutex<RateState>>,
    /// Why it could not be loaded.
    pub fault: Option<String>,
}

impl TransportView {
    /// The fingerprint, as it stands beside a breaker that is kept.
    pub(super) fn kept_fingerprint(&self) -> String {
        format!("{:016x}", self.fingerprint)
    }

    /// Takes over how the breaker stood before a restart, where it is that of this very transport.
    pub(super) fn restore_breaker(&self, kept: &KeptBreaker, now: Timestamp) {
        if self.kept_fingerprint() == kept.fingerprint {
            let mut state = self.breaker_state.lock().unwrap_or_else(PoisonError::into_inner);
            *state = BreakerState::restored(kept.failures, kept.opened_at, now);
        }
    }
}

/// The transports of a configuration, each loaded or with the reason why it could not be.
#[derive(Default)]
pub struct Fleet {
    members: BTreeMap<String, (TransportView, Option<LoadedTransport>)>,
}

impl Fleet {
    /// Adds a transport that was loaded, or one that could not be, with the reason.
    pub fn add(&mut self, settings: &config::Transport, loaded: Result<LoadedTransport, String>) {
        let adapter = loaded.as_ref().ok();
        let view = TransportView {
            idempotent: adapter.is_some_and(LoadedTransport::idempotent),
            reconciles: adapter.is_some_and(LoadedTransport::reconciles),
            // Where nothing is known, the careful answer.
            owner: match settings.authority {
                Some(authority) => authority == Authority::Owner,
                None => adapter.is_none_or(LoadedTransport::owner),
            },
            dedupe: settings.dedupe.clone(),
            fingerprint: fingerprint(settings, adapter.map(LoadedTransport::digest)),
            leads_to: leads_to(settings),
            breaker: settings.breaker,
            breaker_state: Arc::default(),
            at_once_max: settings.limits.at_once_max,
            rate: settings.rate,
            rate_state: Arc::default(),
            fault: loaded.as_ref().err().cloned(),
        };
        self.members.insert(settings.name.clone(), (view, loaded.ok()));
    }

    /// Takes a transport over from another fleet as it is, with everything that it remembers. False where the
    /// other has none of that name.
    pub fn take_over(&mut self, name: &str, other: &Self) -> bool {
        let member = other.members.get(name).cloned();
        member.is_some_and(|member| {
            self.members.insert(name.to_owned(), member);
            true
        })
    }

    /// Takes over how the breakers stood before a restart. For transports that nothing went through yet: else
    /// what they found out since would be forgotten.
    pub fn restore_breakers(&self, kept: &[KeptBreaker], now: Timestamp) {
        for kept in kept {
            if let Some((view, _)) = self.members.get(&kept.transport) {
                view.restore_breaker(kept, now);
            }
        }
    }

    /// The loaded transport of that name.
    #[must_use]
    pub fn loaded(&self, name: &str) -> Option<&LoadedTransport> {
        self.members.get(name)?.1.as_ref()
    }

    /// The transports' names and facts, in the order of their names.
    pub fn views(&self) -> impl Iterator<Item = (&str, &TransportView)> {
        self.members.iter().map(|(name, (view, _))| (name.as_str(), view))
    }

    fn ready(&self, name: &str) -> Result<&LoadedTransport, HostFault> {
        self.loaded(name).ok_or_else(|| HostFault {
            code: "not-loaded",
            message: format!("the transport {name} is not loaded"),
        })
    }
}

#[async_trait]
impl Transports for Fleet {
    fn view(&self, name: &str) -> Option<&TransportView> {
        self.members.get(name).map(|(view, _)| view)
    }

    fn quarantined(&self, name: &str) -> Option<Quarantined> {
        self.loaded(name)?.sending_quarantined()
    }

    async fn place(&self, name: &str) -> Result<Option<Place>, HostFault> {
        self.ready(name)?.place().await.map(Some)
    }

    async fn attempt(&self, name: &str, place: Option<Place>, call: Call) -> Result<Attempted, HostFault> {
        let transport = self.ready(name)?;
        match place {
            Some(place) => transport.attempt_in(place, call).await,
            None => transport.attempt(call).await,
        }
    }

    async fn reconcile(&self, name: &str, call: Call) -> Result<Verdict, HostFault> {
        self.ready(name)?.reconcile(call).await
    }
}

/// Where messages go follows from the adapter's configuration and from the commands that it names. Another
/// version of the adapter, other limits or further grants lead to the same place.
fn leads_to(settings: &config::Transport) -> u64 {
    hash(&format!("{:?} {:?}", settings.config, settings.grants.commands))
}

/// What was refused under one fingerprint may be tried again under another. Secrets are not part
/// of it: a wrong one makes a transport unavailable, it does not make it refuse a message.
fn fingerprint(settings: &config::Transport, component: Option<[u8; 32]>) -> u64 {
    hash(&format!(
        "{:?} {component:?} {:?} {:?} {:?}",
        settings.adapter, settings.config, settings.grants, settings.limits
    ))
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
