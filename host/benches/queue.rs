//! What the queue's operations cost with a thousand, a hundred thousand and a million messages waiting, and the memory
//! that byway's engine takes at a million.
//!
//! The three queues are measured in turns, on real files, in this process; figures are medians of the rounds. Of the messages
//! a half is ready, a quarter not due yet, and a quarter of one partition; all priorities alike.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench may fail loudly"
)]

mod stage;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use byway::config::{self, Breaker};
use byway::contract::{Attempted, HostFault, Verdict};
use byway::delivery::{Engine, EngineSettings, Flight, InForce, TransportView, Transports};
use byway::envelope::{Draft, Envelope};
use byway::routing::Router;
use byway::sandbox::{Call, Place, Quarantined};
use byway::store::{
    Accepted, Advance, Durability, Kind, MessageKey, NewOutgoing, OutgoingFilter, Status, Store, WaitsFor,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

const SIZES: [u32; 3] = [1_000, 100_000, 1_000_000];
const ROUNDS: usize = 5;
/// Calls that wait for the writer at once, as many as it takes in one transaction.
const AT_ONCE: u32 = 256;
const CALLS: u32 = 2_560;
const LOOKS: usize = 300;
/// How long the engine runs before its memory is looked at.
const RUN: Duration = Duration::from_secs(20);

fn main() {
    // Cargo's test runner asks benches without a harness for their tests; there are none.
    if std::env::args().any(|it| it == "--list" || it == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run());
}

async fn run() {
    let folder = tempfile::tempdir().unwrap();
    let mut queues = Vec::new();
    for size in SIZES {
        queues.push(Queue::filled(&folder.path().join(size.to_string()), size).await);
    }
    let mut taken: Vec<Vec<[f64; 5]>> = vec![Vec::new(); SIZES.len()];
    for _ in 0..ROUNDS {
        for (queue, taken) in queues.iter_mut().zip(&mut taken) {
            taken.push(queue.round().await);
        }
    }
    let medians: Vec<Vec<f64>> = taken
        .iter()
        .map(|rounds| {
            let of = |place: usize| stage::median(rounds.iter().map(|round| round[place]).collect());
            (0..5).map(of).collect()
        })
        .collect();
    println!(
        "{:<24}{:>12}{:>12}{:>12}{:>10}",
        "µs each", "1 k", "100 k", "1 M", "1 M/1 k"
    );
    for (place, name) in ["accept", "pick", "advance", "list", "list by status"]
        .iter()
        .enumerate()
    {
        let [few, more, most] = [0, 1, 2].map(|size: usize| medians[size][place]);
        println!(
            "{name:<24}{few:>12.1}{more:>12.1}{most:>12.1}{:>10.2}",
            most / few
        );
    }
    let largest = queues.pop().unwrap();
    drop(queues);
    println!("memory, a million in the store        {}", memory());
    largest.deliver_to_what_hangs().await;
    println!("memory, after {RUN:?} of the engine     {}", memory());
    stage::print_load();
}

struct Queue {
    store: Store,
    next: u32,
    keys: Vec<MessageKey>,
}

impl Queue {
    async fn filled(folder: &Path, size: u32) -> Self {
        let store = Store::open(folder, Durability::Process).unwrap();
        let mut queue = Self {
            store,
            next: 0,
            keys: Vec::new(),
        };
        let began = Instant::now();
        while queue.next < size {
            let keys = queue.accept(AT_ONCE.min(size - queue.next)).await;
            if queue.keys.len() < 10_000 {
                queue.keys.extend(keys);
            }
        }
        println!("{size} accepted in {:.1} s", began.elapsed().as_secs_f64());
        queue
    }

    async fn accept(&mut self, messages: u32) -> Vec<MessageKey> {
        let accepting = (self.next..self.next + messages).map(|number| self.store.accept(message(number)));
        let accepted = join_all(accepting).await;
        self.next += messages;
        let key = |accepted| match accepted {
            Ok(Accepted::New(key)) => key,
            other => panic!("{other:?}"),
        };
        accepted.into_iter().map(key).collect()
    }

    /// Microseconds of each operation.
    async fn round(&mut self) -> [f64; 5] {
        let began = Instant::now();
        for _ in 0..CALLS / AT_ONCE {
            self.accept(AT_ONCE).await;
        }
        let accept = micros(began, f64::from(CALLS));
        let began = Instant::now();
        for _ in 0..LOOKS {
            pick(&self.store).await;
        }
        let looks = 300.0;
        let pick = micros(began, looks);
        let began = Instant::now();
        for piece in 0..CALLS / AT_ONCE {
            let keys = self.keys.iter().cycle().skip((piece * AT_ONCE) as usize);
            join_all(
                keys.take(AT_ONCE as usize)
                    .map(|key| self.store.advance(*key, step())),
            )
            .await;
        }
        let advance = micros(began, f64::from(CALLS));
        let mut lists = [0.0; 2];
        for (taken, status) in lists.iter_mut().zip([None, Some(Status::Waiting)]) {
            let began = Instant::now();
            for _ in 0..LOOKS {
                let filter = OutgoingFilter {
                    status,
                    ..OutgoingFilter::default()
                };
                assert_eq!(
                    self.store
                        .list_outgoing(filter, None, 50)
                        .await
                        .unwrap()
                        .items
                        .len(),
                    50
                );
            }
            *taken = micros(began, looks);
        }
        [accept, pick, advance, lists[0], lists[1]]
    }

    /// Runs the engine over all of it, with a far side that never answers.
    async fn deliver_to_what_hangs(self) {
        let text = "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[transports.hangs]\nadapter = \"builtin:webhook\"\n\
                    [[routes]]\nto = \"*@b\"\nchain = [\"hangs\"]\n";
        let config = config::parse(text, Path::new("/byway.toml")).unwrap();
        let in_force = Arc::new(InForce {
            router: Arc::new(Router::new(&config)),
            transports: Arc::new(Hangs::new()),
            tells: None,
        });
        let engine = Engine::new(EngineSettings {
            store: self.store,
            in_force: Arc::new(move || Arc::clone(&in_force)),
            clock: Arc::new(|| start() + SignedDuration::from_secs(1)),
            at_once_max: 64,
            lanes: byway::lanes::Lanes::none(),
        });
        let (_stop, stopped) = watch::channel(false);
        let _ = tokio::time::timeout(RUN, engine.run(stopped)).await;
    }
}

/// What the engine asks the store for before it begins anything.
async fn pick(store: &Store) {
    let now = start() + SignedDuration::from_secs(1);
    let found = store
        .look(move |look| {
            let mut found = Vec::new();
            look.overdue(now, 72)?;
            look.next_overdue(now)?;
            for part in look.parts()? {
                for priority in 0..4 {
                    found.extend(look.due(&part, priority, now, 72)?);
                    look.next_due(&part, priority, now)?;
                }
            }
            found.truncate(8);
            found
                .iter()
                .map(|due| look.message(due.key))
                .collect::<Result<Vec<_>, _>>()
        })
        .await
        .unwrap();
    assert_eq!(found.len(), 8);
}

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn message(number: u32) -> NewOutgoing {
    let start = start();
    let draft = Draft::new("byway://a/planner", "executor@b".parse().unwrap());
    // Of the form of those that byway gives, which grow with time.
    let id = format!("01990000-0000-7000-8000-{number:012}");
    let envelope: Envelope = draft
        .text("hello, this is a message")
        .finish(id.clone(), start)
        .unwrap();
    NewOutgoing {
        kind: Kind::Message,
        envelope_json: envelope.to_json(),
        id,
        source: envelope.source.clone(),
        sender: envelope.sender(),
        recipient: envelope.recipient.clone(),
        digest: envelope.content_digest(),
        principal: "agent:planner".into(),
        idempotency: None,
        priority: u8::try_from(number / 4 % 4).unwrap(),
        partition_key: (number % 4 == 2).then(|| "k".into()),
        flight: serde_json::to_string(&Flight::new(false)).unwrap(),
        due_at: start + SignedDuration::from_secs(if number % 4 == 1 { 3_600 } else { 0 }),
        deadline: start + SignedDuration::from_hours(24),
        expires: None,
        accepted_at: start,
    }
}

/// As after an attempt that came to nothing.
fn step() -> Advance {
    Advance {
        at: start(),
        status: Status::Waiting,
        due_at: start() + SignedDuration::from_secs(300),
        waits_for: WaitsFor::Time,
        lets_pass: true,
        flight: serde_json::to_string(&Flight::new(false)).unwrap(),
        fallback: false,
        receipt: None,
        reason: None,
        attempts: Vec::new(),
    }
}

fn micros(began: Instant, calls: f64) -> f64 {
    began.elapsed().as_secs_f64() * 1e6 / calls
}

/// What the kernel says of this process.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.unwrap_or("VmRSS: not told").to_owned()
}

/// A transport that never answers.
struct Hangs(TransportView);

impl Hangs {
    fn new() -> Self {
        Self(TransportView {
            idempotent: false,
            reconciles: false,
            owner: false,
            dedupe: None,
            fingerprint: 1,
            leads_to: 1,
            breaker: Breaker::default(),
            breaker_state: Arc::default(),
            at_once_max: 8,
            rate: None,
            rate_state: Arc::default(),
            fault: None,
        })
    }
}

#[async_trait]
impl Transports for Hangs {
    fn view(&self, _: &str) -> Option<&TransportView> {
        Some(&self.0)
    }

    fn quarantined(&self, _: &str) -> Option<Quarantined> {
        None
    }

    async fn place(&self, _: &str) -> Result<Option<Place>, HostFault> {
        Ok(None)
    }

    async fn attempt(&self, _: &str, _: Option<Place>, _: Call) -> Result<Attempted, HostFault> {
        std::future::pending().await
    }

    async fn reconcile(&self, _: &str, _: Call) -> Result<Verdict, HostFault> {
        Ok(Verdict::Unknown)
    }
}
