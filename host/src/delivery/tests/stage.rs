//! One byway's engine at work on a real store, with transports that play a script.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::config::{self, Breaker};
use crate::contract::{Attempted, Effect, Failure, HostFault, Outcome, Receipt, ReceiptStatus, Verdict};
use crate::delivery::{Engine, EngineSettings, Flight, InForce, TransportView, Transports};
use crate::envelope::{Draft, Envelope};
use crate::lanes::Lanes;
use crate::routing::Router;
use crate::sandbox::{Call, Place, Quarantined};
use crate::store::{Accepted, Durability, Kind, MessageKey, NewOutgoing, Outgoing, Store};

pub(in crate::delivery) type Step = Result<Outcome, HostFault>;

/// Transports that answer by a script, and write down how they were called.
#[derive(Default)]
pub(in crate::delivery) struct Scripted {
    pub(in crate::delivery) views: BTreeMap<String, TransportView>,
    pub(in crate::delivery) scripts: Mutex<BTreeMap<String, VecDeque<Step>>>,
    pub(in crate::delivery) calls: Mutex<Vec<(String, u32, String)>>,
    /// The events that they were handed, as JSON.
    pub(in crate::delivery) events: Mutex<Vec<Arc<[u8]>>>,
    /// Where set, an attempt waits for it before it ends.
    pub(in crate::delivery) gate: Option<Arc<Semaphore>>,
    /// The transports whose attempts wait for the gate; none: all of them.
    pub(in crate::delivery) behind_gate: Vec<&'static str>,
    /// The line before every transport: who has come, and who may go on.
    pub(in crate::delivery) line: Option<(Arc<Semaphore>, Arc<Semaphore>)>,
    /// The transports whose failures are that nobody is there.
    pub(in crate::delivery) gone: Vec<&'static str>,
    /// The transports that are quarantined.
    pub(in crate::delivery) quarantined: Mutex<BTreeMap<String, Quarantined>>,
}

impl Scripted {
    pub(in crate::delivery) fn with(
        mut self,
        name: &str,
        idempotent: bool,
        script: impl IntoIterator<Item = Step>,
    ) -> Self {
        let view = TransportView {
            idempotent,
            reconciles: false,
            owner: false,
            dedupe: None,
            fingerprint: 1,
            leads_to: 1,
            breaker: Breaker {
                failures: 2,
                pause: Duration::from_secs(30),
            },
            breaker_state: Arc::default(),
            at_once_max: 64,
            rate: None,
            rate_state: Arc::default(),
            fault: None,
        };
        self.views.insert(name.into(), view);
        self.scripts
            .get_mut()
            .unwrap()
            .insert(name.into(), script.into_iter().collect());
        self
    }

    /// The same with other limits of one transport.
    pub(in crate::delivery) fn limited(mut self, name: &str, limit: impl FnOnce(&mut TransportView)) -> Self {
        limit(self.views.get_mut(name).unwrap());
        self
    }

    /// The same with one transport quarantined.
    pub(in crate::delivery) fn quarantining(mut self, name: &str, until: Timestamp) -> Self {
        let quarantined = Quarantined {
            until,
            reason: "send breaks".into(),
        };
        self.quarantined
            .get_mut()
            .unwrap()
            .insert(name.into(), quarantined);
        self
    }

    /// The messages that were attempted through a transport, in order.
    pub(in crate::delivery) fn attempted(&self, transport: &str) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        let of_it = calls.iter().filter(|(name, _, _)| name == transport);
        of_it.map(|(_, _, id)| id.clone()).collect()
    }

    pub(in crate::delivery) fn calls(&self) -> Vec<String> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .map(|(name, number, _)| format!("{name} {number}"))
            .collect()
    }
}

#[async_trait]
impl Transports for Scripted {
    fn view(&self, name: &str) -> Option<&TransportView> {
        self.views.get(name)
    }

    fn quarantined(&self, name: &str) -> Option<Quarantined> {
        self.quarantined.lock().unwrap().get(name).cloned()
    }

    async fn place(&self, _: &str) -> Result<Option<Place>, HostFault> {
        if let Some((came, may_go)) = &self.line {
            came.add_permits(1);
            may_go.acquire().await.unwrap().forget();
        }
        Ok(None)
    }

    async fn attempt(&self, name: &str, _: Option<Place>, call: Call) -> Result<Attempted, HostFault> {
        self.events.lock().unwrap().push(Arc::clone(&call.structured));
        self.calls
            .lock()
            .unwrap()
            .push((name.into(), call.number, call.idempotency_key));
        let behind_gate = self.behind_gate.is_empty() || self.behind_gate.contains(&name);
        if let Some(gate) = self.gate.as_ref().filter(|_| behind_gate) {
            gate.acquire().await.unwrap().forget();
        }
        let step = self
            .scripts
            .lock()
            .unwrap()
            .get_mut(name)
            .and_then(VecDeque::pop_front);
        assert!(step != Some(panics()), "the script says so");
        let outcome = step.unwrap_or_else(|| Ok(delivered()))?;
        let found_nobody = self.gone.contains(&name) && outcome.failure().is_some();
        Ok(Attempted {
            outcome,
            effect: (!found_nobody).then(|| Effect("POST".into())),
            found_nobody,
            took: Duration::from_millis(1),
        })
    }

    async fn reconcile(&self, _: &str, _: Call) -> Result<Verdict, HostFault> {
        Ok(Verdict::Unknown)
    }
}

pub(in crate::delivery) fn delivered() -> Outcome {
    Outcome::Delivered(Receipt {
        status: ReceiptStatus::Accepted,
        reference: None,
        detail: None,
    })
}

pub(in crate::delivery) fn failed(outcome: fn(Failure) -> Outcome) -> Step {
    Ok(outcome(Failure::new("scripted", "the script says so")))
}

/// An attempt that ends in a panic.
pub(in crate::delivery) fn panics() -> Step {
    Err(HostFault {
        code: "panic",
        message: String::new(),
    })
}

/// One byway's engine at work on a real store.
pub(in crate::delivery) struct Stage {
    pub(in crate::delivery) store: Store,
    pub(in crate::delivery) transports: Arc<Scripted>,
    in_force: Arc<Mutex<Arc<InForce>>>,
    pub(in crate::delivery) engine: Engine,
    pub(in crate::delivery) now: Arc<Mutex<Timestamp>>,
    pub(in crate::delivery) stop: watch::Sender<bool>,
    pub(in crate::delivery) running: JoinHandle<()>,
}

pub(in crate::delivery) const START: i64 = 1_800_000_000;

impl Stage {
    pub(in crate::delivery) fn new(folder: &Path, transports: Scripted) -> Self {
        let routes = route_by(&names(&transports));
        Self::routed(folder, transports, &routes)
    }

    /// The same with routes of one's own.
    pub(in crate::delivery) fn routed(folder: &Path, transports: Scripted, routes: &str) -> Self {
        let store = Store::open(folder, Durability::Process).unwrap();
        let now = Arc::new(Mutex::new(Timestamp::from_second(START).unwrap()));
        let clock = Arc::clone(&now);
        let transports = Arc::new(transports);
        let in_force = Arc::new(Mutex::new(in_force(&transports, routes)));
        let current = Arc::clone(&in_force);
        let engine = Engine::new(EngineSettings {
            store: store.clone(),
            in_force: Arc::new(move || Arc::clone(&current.lock().unwrap())),
            clock: Arc::new(move || *clock.lock().unwrap()),
            at_once_max: 8,
            lanes: Lanes::none(),
        });
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn({
            let engine = engine.clone();
            async move { engine.run(stopped).await }
        });
        Self {
            store,
            transports,
            in_force,
            engine,
            now,
            stop,
            running,
        }
    }

    pub(in crate::delivery) async fn accept(&self, id: &str) -> MessageKey {
        self.accept_new(message(id)).await
    }

    pub(in crate::delivery) async fn accept_new(&self, new: NewOutgoing) -> MessageKey {
        match self.store.accept(new).await.unwrap() {
            Accepted::New(key) => {
                self.engine.nudge();
                key
            }
            other => panic!("{other:?}"),
        }
    }

    pub(in crate::delivery) fn pass(&self, seconds: i64) {
        let mut now = self.now.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
        self.engine.nudge();
    }

    /// Puts the same transports in force with another chain, as a reload does.
    pub(in crate::delivery) async fn reload(&self, chain: &[&str]) {
        self.reload_routes(&route_by(chain)).await;
    }

    /// The same with routes of one's own.
    pub(in crate::delivery) async fn reload_routes(&self, routes: &str) {
        *self.in_force.lock().unwrap() = in_force(&self.transports, routes);
        let now = *self.now.lock().unwrap();
        self.store.hasten(now).await.unwrap();
        self.engine.nudge();
    }

    /// Waits until the message stands so.
    pub(in crate::delivery) async fn until(
        &self,
        key: MessageKey,
        wanted: impl Fn(&Outgoing) -> bool,
    ) -> Outgoing {
        for _ in 0..1_000 {
            let message = self.store.outgoing(key).await.unwrap().unwrap();
            if wanted(&message) {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let message = self.store.outgoing(key).await.unwrap().unwrap();
        panic!(
            "it never came to that: {message:?}, called {:?}",
            self.transports.calls()
        );
    }

    pub(in crate::delivery) async fn outcomes(&self, key: MessageKey) -> Vec<String> {
        let attempts = self.store.attempts(key).await.unwrap();
        attempts
            .iter()
            .map(|attempt| format!("{} {}", attempt.transport, attempt.outcome))
            .collect()
    }

    pub(in crate::delivery) async fn end(self) {
        self.stop.send(true).unwrap();
        self.running.await.unwrap();
    }
}

fn names(transports: &Scripted) -> Vec<&str> {
    transports.views.keys().map(String::as_str).collect()
}

/// The route to everybody at `b`, with this chain.
pub(in crate::delivery) fn route_by(chain: &[&str]) -> String {
    route("b", chain, "")
}

/// A route to everybody at an instance, with more keys.
pub(in crate::delivery) fn route(instance: &str, chain: &[&str], more: &str) -> String {
    format!(
        "[[routes]]\nto = \"*@{instance}\"\nchain = {chain:?}\ndeadline = \"1h\"\n\
         backoff = {{ first = \"1s\", max = \"1s\" }}\n{more}\n"
    )
}

fn in_force(transports: &Arc<Scripted>, routes: &str) -> Arc<InForce> {
    let tables: String = names(transports)
        .iter()
        .map(|name| format!("[transports.{name}]\nadapter = \"builtin:webhook\"\n"))
        .collect();
    let text = format!("[instance]\nname = \"a\"\ndata_dir = \"data\"\n{tables}\n{routes}");
    let config = config::parse(&text, Path::new("/byway.toml")).unwrap_or_else(|errors| panic!("{errors}"));
    Arc::new(InForce {
        router: Arc::new(Router::new(&config)),
        transports: Arc::clone(transports) as Arc<dyn Transports>,
        tells: None,
    })
}

pub(in crate::delivery) fn message(id: &str) -> NewOutgoing {
    let start = Timestamp::from_second(START).unwrap();
    let envelope: Envelope = Draft::new("byway://a/planner", "executor@b".parse().unwrap())
        .text("hello")
        .finish(id.into(), start)
        .unwrap();
    NewOutgoing {
        kind: Kind::Message,
        envelope_json: envelope.to_json(),
        id: id.into(),
        source: envelope.source.clone(),
        sender: envelope.sender(),
        recipient: envelope.recipient.clone(),
        digest: envelope.content_digest(),
        principal: "agent:planner".into(),
        idempotency: None,
        priority: 1,
        partition_key: None,
        flight: serde_json::to_string(&Flight::new(false)).unwrap(),
        due_at: start,
        deadline: start + SignedDuration::from_hours(1),
        expires: None,
        accepted_at: start,
    }
}
