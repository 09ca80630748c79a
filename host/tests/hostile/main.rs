//! Hostile guests, each contained, and a good one that goes on delivering beside every one of them.
//!
//! `cases/` is the table: an attack, the guest that makes it, how it must end. All run in one process and in one sandbox, as
//! they would in byway. `HOSTILE=name` runs the cases whose names have that in them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what only tests call may fail loudly; the panic is the report"
)]

mod case;
mod cases;
#[path = "../sandbox/far_side.rs"]
#[allow(dead_code, reason = "the sandbox's own tests use more of it")]
mod far_side;
mod good;
#[path = "../sandbox/guests.rs"]
mod guests;
mod page;
mod run;
#[path = "../sandbox/stage.rs"]
#[allow(dead_code, reason = "the sandbox's own tests use more of it")]
mod stage;
mod watch;
mod world;
mod written;

use std::sync::Arc;

use byway::lanes::Lanes;
use byway::sandbox::{Compiling, Sandbox, SandboxSettings};
use tokio::task::JoinSet;
use watch::Watch;
use world::World;

/// Few, so that a slot that is lost is missed.
const SLOTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_guest_is_contained_while_a_good_one_delivers() {
    let watch = Watch::begin();
    let lanes = Lanes::start(2).unwrap();
    let sandbox = Sandbox::new(SandboxSettings {
        cache_dir: None,
        compiling: Compiling::InProcess,
        attempts_at_once_max: SLOTS,
        lanes: lanes.count(),
        builtin: &[],
    })
    .unwrap();
    let mut good = good::Good::start(&sandbox).await;
    let only = std::env::var("HOSTILE").unwrap_or_default();
    let mut faults = Vec::new();
    let mut lines_in_all = 0;
    for case in cases::all().into_iter().filter(|case| case.name.contains(&only)) {
        let case = Arc::new(case);
        let world = Arc::new(World::around(&case).await);
        watch.take();
        let began = std::time::Instant::now();
        let mut hostile = JoinSet::new();
        lanes.begin(&mut hostile, {
            let (sandbox, world, case) = (sandbox.clone(), Arc::clone(&world), Arc::clone(&case));
            async move { run::run(sandbox, &world, &case).await }
        });
        let ended = good.delivers_during(&mut hostile).await;
        let logged = watch.take();
        let harm = world.harm(&(ended.shown + &logged));
        println!("{:>6} ms  {}", began.elapsed().as_millis(), case.name);
        let lines = logged.lines().count();
        lines_in_all += lines;
        if lines > LINES_MAX {
            faults.push(format!("{}: {lines} lines were logged", case.name));
        }
        faults.extend(
            ended
                .faults
                .iter()
                .chain(&harm)
                .map(|fault| format!("{}: {fault}", case.name)),
        );
    }
    println!("{} deliveries meanwhile", good.delivered());
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert!(lines_in_all > 0, "nothing was logged, so the log was not watched");
    good::every_slot_is_free(&sandbox, SLOTS).await;
}

/// What one case may add to the log: the lines of an attempt, the denials told, and a few of byway's own, none of
/// which a guest can multiply.
const LINES_MAX: usize = 100 + 20 + 20;
