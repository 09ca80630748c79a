//! What accepting durably costs where many do it at once: how many accepts share one sync of the disk, into the store
//! directly and over HTTP; and what the journal's chain takes of it.
//!
//! Every accept is answered after a real sync. Rounds are interleaved, figures are medians; beside them stands what the disk
//! can do, and what else the machine was doing.

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

#[path = "accept/chain.rs"]
mod chain;
#[path = "accept/http.rs"]
mod http;
mod stage;

use std::path::Path;
use std::time::Instant;

use byway::envelope::{Draft, Envelope};
use byway::store::{Accepted, Durability, Kind, NewOutgoing, Store};
use jiff::{SignedDuration, Timestamp};

use http::Server;

/// Clients that each wait for their answer before they send again.
pub const CLIENTS: usize = 64;
/// Messages a round.
pub const MESSAGES: usize = 64 * 200;

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
    let folder = tempfile::tempdir().unwrap();
    println!(
        "disk          {:.0} syncs a second of 4 KiB each",
        stage::syncs_a_second(folder.path())
    );
    let store = Store::open(&folder.path().join("store"), Durability::Full).unwrap();
    let server = Server::start(&folder.path().join("server"));
    let (mut direct, mut over_http) = (Vec::new(), Vec::new());
    for round in 0..=stage::ROUNDS {
        let figures = (runtime.block_on(into_the_store(&store, round)), server.round());
        if round > 0 {
            direct.push(figures.0);
            over_http.push(figures.1);
        }
    }
    println!("{CLIENTS} clients at once       accepts/s   accepts per sync   syncs/s");
    for (name, rounds) in [("into the store", direct), ("over HTTP", over_http)] {
        let of = |figure: fn(&Shared) -> f64| stage::median(rounds.iter().map(figure).collect());
        println!(
            "{name:<22}{:>12.0}{:>19.1}{:>10.0}",
            of(|it| it.accepts / it.seconds),
            of(|it| it.accepts / it.syncs),
            of(|it| it.syncs / it.seconds)
        );
    }
    chain::run(&folder.path().join("chain"));
    stage::print_load();
}

/// What one round came to.
pub struct Shared {
    pub accepts: f64,
    pub syncs: f64,
    pub seconds: f64,
}

async fn into_the_store(store: &Store, round: usize) -> Shared {
    let (before, began) = (store.commits(), Instant::now());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in (client..MESSAGES).step_by(CLIENTS) {
                    let accepted = store.accept(message(round * MESSAGES + number)).await;
                    assert!(matches!(accepted, Ok(Accepted::New(_))), "{accepted:?}");
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    Shared {
        accepts: MESSAGES as f64,
        syncs: (store.commits() - before) as f64,
        seconds: began.elapsed().as_secs_f64(),
    }
}

fn message(number: usize) -> NewOutgoing {
    let start = Timestamp::from_second(1_800_000_000).unwrap();
    // Of the form of those that byway gives, which grow with time.
    let id = format!("01990000-0000-7000-8000-{number:012}");
    let envelope: Envelope = Draft::new("byway://a/planner", "executor@b".parse().unwrap())
        .text("The deployment is done.")
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
        priority: 1,
        partition_key: None,
        flight: "{}".into(),
        due_at: start,
        deadline: start + SignedDuration::from_hours(24),
        expires: None,
        accepted_at: start,
    }
}

/// A folder that is there.
pub fn made(folder: &Path) -> &Path {
    std::fs::create_dir_all(folder).unwrap();
    folder
}
