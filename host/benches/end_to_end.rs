//! The whole way, beside what people would use instead: a message is accepted durably, delivered by webhook through
//! the sandbox after a first choice that nobody answers, and recorded.
//!
//! In one run, interleaved: byway, Redpanda Connect's `fallback` (which takes in by HTTP as byway does) and Apprise's
//! escalation. Neither of them stores anything. byway's breakers are as they are by default: its dead first choice rests after a
//! few attempts, while the others try theirs for every message. All post to the same far side, a server in this process that counts.
//! The two others are Python packages; `BYWAY_BENCH_PYTHON` names an interpreter that has them, and `cargo xtask bench`
//! sees to it. Beside the figures stand what the disk can do and what else the machine was doing.

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

#[path = "end_to_end/contender.rs"]
mod contender;
#[path = "end_to_end/far_side.rs"]
mod far_side;
mod stage;

use std::path::PathBuf;

use contender::{Apprise, Byway, Connect};
use far_side::FarSide;

/// Messages a round. Apprise takes one after the other, so it gets fewer.
const MESSAGES: usize = 10_000;
const MESSAGES_OF_APPRISE: usize = 500;
/// Clients that each wait for their answer before they send again.
const CLIENTS: usize = 64;
/// Counted rounds; one more comes first, to warm up.
const ROUNDS: usize = 5;

fn main() {
    // Cargo's test runner asks benches without a harness for their tests; there are none.
    if std::env::args().any(|it| it == "--list" || it == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run());
}

async fn run() {
    let far_side = FarSide::start().await;
    let python = std::env::var_os("BYWAY_BENCH_PYTHON").map(PathBuf::from);
    if python.is_none() {
        println!("BYWAY_BENCH_PYTHON is not set: byway alone");
    }
    let folder = tempfile::tempdir().unwrap();
    println!(
        "disk          {:.0} syncs a second of 4 KiB each",
        stage::syncs_a_second(folder.path())
    );
    let (mut ours, mut accepting, mut connects, mut apprises) = (vec![], vec![], vec![], vec![]);
    for round in 0..=ROUNDS {
        let data = folder.path().join(round.to_string());
        let byway = Byway::start(&data, &far_side);
        let (accepted, delivered) = byway.run(&far_side).await;
        byway.stop();
        let others = match &python {
            None => None,
            Some(python) => {
                let connect = Connect::start(python, &far_side);
                let of_connect = connect.run(&far_side).await;
                connect.stop();
                Some((of_connect, Apprise::run(python, &far_side).await))
            }
        };
        if round == 0 {
            continue;
        }
        ours.push(delivered);
        accepting.push(accepted);
        if let Some((of_connect, of_apprise)) = others {
            connects.push(of_connect);
            apprises.push(of_apprise);
        }
    }
    let ours = stage::median(ours);
    println!("byway         {ours:>8.0} messages/s from the first request to the last record");
    println!(
        "              {:>8.0} accepts/s meanwhile",
        stage::median(accepting)
    );
    for (name, figures) in [("Connect", connects), ("Apprise", apprises)] {
        if !figures.is_empty() {
            let theirs = stage::median(figures);
            println!(
                "{name:<14}{theirs:>8.0} messages/s   byway is {:.2} times as fast",
                ours / theirs
            );
        }
    }
    stage::print_load();
}
