//! What messages cost that only wait, and what they cost the others. Counted, not timed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::stage::{Scripted, Stage, failed, message, route};
use crate::contract::Outcome;
use crate::delivery::crowd::WAITING_MAX;
use crate::store::{MessageKey, NewOutgoing, Status};

/// What a message costs that goes through: it is accepted, begun and ended.
const WRITES_OF_ONE: u64 = 3;

fn to(instance: &str, id: &str) -> NewOutgoing {
    NewOutgoing {
        recipient: format!("executor@{instance}").parse().unwrap(),
        ..message(id)
    }
}

/// Two routes: to `b` through what hangs or is down, to `c` through what works.
async fn stage(folder: &TempDir, scripted: Scripted) -> Stage {
    let routes = route("b", &["bad"], "") + &route("c", &["good"], "");
    let stage = Stage::routed(folder.path(), scripted.with("good", false, []), &routes);
    // The engine notes once by which routes it plans.
    until(async || stage.store.calls() == 1).await;
    stage
}

/// What was written since then.
fn writes(stage: &Stage) -> u64 {
    stage.store.calls() - 1
}

fn hanging(at_once_max: usize) -> (Scripted, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let scripted = Scripted {
        gate: Some(Arc::clone(&gate)),
        behind_gate: vec!["bad"],
        ..Scripted::default()
    };
    let scripted = scripted.with("bad", false, []);
    (scripted.limited("bad", |it| it.at_once_max = at_once_max), gate)
}

async fn accept_many(stage: &Stage, instance: &str, ids: std::ops::Range<u32>) -> Vec<MessageKey> {
    let mut keys = Vec::new();
    for piece in ids.collect::<Vec<_>>().chunks(250) {
        let accepting = piece
            .iter()
            .map(|id| stage.accept_new(to(instance, &format!("{instance}-{id}"))));
        keys.extend(join_all(accepting).await);
    }
    keys
}

/// So many messages that go through, and what they cost.
async fn deliver(stage: &Stage, ids: std::ops::Range<u32>) -> u64 {
    let before = stage.store.calls();
    for id in ids {
        // One after the other, so that none waits for a place.
        for key in accept_many(stage, "c", id..id + 1).await {
            stage.until(key, |it| it.status == Status::Delivered).await;
        }
    }
    stage.store.calls() - before
}

async fn until(so: impl AsyncFn() -> bool) {
    for _ in 0..6_000 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to that");
}

/// How many messages wait for this, at most 20,000.
async fn waiting_for(stage: &Stage, part: &'static str) -> usize {
    let due = stage
        .store
        .look(move |look| look.due(part, 1, jiff::Timestamp::MAX, 20_000));
    due.await.unwrap().len()
}

#[tokio::test]
async fn a_message_that_waits_for_a_place_writes_nothing() {
    let folder = TempDir::new().unwrap();
    let (scripted, gate) = hanging(1);
    let stage = stage(&folder, scripted).await;
    let keys = accept_many(&stage, "b", 0..5).await;
    until(async || stage.engine.crowd().waiting("bad") == 4).await;
    until(async || stage.transports.calls().len() == 1).await;
    assert_eq!(writes(&stage), 5 + 1);
    gate.add_permits(5);
    for key in &keys {
        stage.until(*key, |it| it.status == Status::Delivered).await;
    }
    assert_eq!(writes(&stage), 5 * WRITES_OF_ONE);
    stage.end().await;
}

#[tokio::test]
async fn who_finds_the_line_full_is_written_once_and_not_looked_at_again() {
    let folder = TempDir::new().unwrap();
    let (scripted, gate) = hanging(1);
    let stage = stage(&folder, scripted).await;
    let keys = accept_many(&stage, "b", 0..50).await;
    let in_store = 50 - 1 - WAITING_MAX;
    until(async || waiting_for(&stage, "place:bad").await == in_store).await;
    assert_eq!(writes(&stage), 50 + 1 + in_store as u64);
    assert_eq!(deliver(&stage, 0..50).await, 50 * WRITES_OF_ONE);
    gate.add_permits(50);
    for key in keys {
        stage.until(key, |it| it.status == Status::Delivered).await;
    }
    assert_eq!(writes(&stage), 100 * WRITES_OF_ONE + in_store as u64);
    stage.end().await;
}

#[tokio::test]
async fn two_that_hang_leave_a_place_for_the_third() {
    let folder = TempDir::new().unwrap();
    let (scripted, gate) = hanging(64);
    let scripted = Scripted {
        behind_gate: vec!["bad", "worse"],
        ..scripted.with("worse", false, []).with("good", false, [])
    };
    let routes = route("b", &["bad"], "") + &route("d", &["worse"], "") + &route("c", &["good"], "");
    let stage = Stage::routed(folder.path(), scripted, &routes);
    let mut keys = accept_many(&stage, "b", 0..30).await;
    keys.extend(accept_many(&stage, "d", 0..30).await);
    until(async || stage.transports.attempted("worse").len() == 1).await;
    until(async || stage.transports.attempted("bad").len() == 6).await;
    for key in accept_many(&stage, "c", 0..10).await {
        stage.until(key, |it| it.status == Status::Delivered).await;
    }
    gate.add_permits(60);
    for key in keys {
        stage.until(key, |it| it.status == Status::Delivered).await;
    }
    stage.end().await;
}

#[tokio::test]
async fn what_was_passed_over_before_a_place_is_told_after_a_moment_of_waiting() {
    let folder = TempDir::new().unwrap();
    let (scripted, gate) = hanging(1);
    let gone = std::iter::repeat_with(|| failed(Outcome::Unavailable)).take(10);
    let scripted = scripted.with("gone", false, gone);
    let stage = Stage::routed(folder.path(), scripted, &route("b", &["gone", "bad"], ""));
    let keys = accept_many(&stage, "b", 0..3).await;
    let last = keys.last().copied().unwrap();
    until(async || stage.transports.attempted("bad").len() == 1).await;
    // The two that wait in line have each something to tell, and tell it while they wait.
    until(async || stage.outcomes(last).await.len() == 1).await;
    assert_eq!(stage.transports.attempted("bad").len(), 1);
    gate.add_permits(3);
    for key in keys {
        stage.until(key, |it| it.status == Status::Delivered).await;
        let outcomes = stage.outcomes(key).await;
        assert_eq!(outcomes.len(), 2, "told once: {outcomes:?}");
    }
    stage.end().await;
}

#[tokio::test]
async fn ten_thousand_that_wait_for_what_is_down_cost_the_others_nothing() {
    const WAITING: u32 = 10_000;
    let folder = TempDir::new().unwrap();
    let down = std::iter::repeat_with(|| failed(Outcome::Unavailable)).take(1_000);
    let stage = stage(&folder, Scripted::default().with("bad", false, down)).await;
    let keys = accept_many(&stage, "b", 0..WAITING).await;
    // Each is looked at once; those that were attempted before the breaker opened wait for their next round.
    until(async || {
        let attempted = stage.transports.attempted("bad").len();
        waiting_for(&stage, "open:bad").await + attempted == WAITING as usize
    })
    .await;
    let attempted = stage.transports.attempted("bad").len();
    assert!(attempted <= 8, "{attempted}");
    assert_eq!(deliver(&stage, 0..100).await, 100 * WRITES_OF_ONE);
    // The breaker lets one attempt through, and opens again: nobody else is written, or looked at.
    for round in 1..=3 {
        let before = stage.store.calls();
        stage.pass(31);
        until(async || stage.transports.attempted("bad").len() == attempted + round).await;
        let ids = round as u32 * 100..round as u32 * 100 + 100;
        deliver(&stage, ids).await;
        let writes = stage.store.calls() - before;
        assert!(writes <= 100 * WRITES_OF_ONE + 30, "{writes}");
    }
    assert_eq!(waiting_for(&stage, "place:bad").await, 0);
    let last = keys.last().copied().unwrap();
    assert_eq!(stage.outcomes(last).await, ["bad skipped"]);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_free_when_the_attempt_has_ended_however_slow_the_disk_is() {
    let folder = TempDir::new().unwrap();
    let (scripted, gate) = hanging(1);
    let stage = stage(&folder, scripted).await;
    let key = accept_many(&stage, "b", 0..1).await[0];
    until(async || stage.transports.attempted("bad").len() == 1).await;
    assert_eq!(stage.engine.crowd().room("bad", 1), 0);
    // Somebody else writes, so what came of it cannot be put on disk.
    let shell = rusqlite::Connection::open(folder.path().join("byway.sqlite3")).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    gate.add_permits(1);
    let is_free = until(async || stage.engine.crowd().room("bad", 1) == 1);
    // Before byway gives up writing for now, which takes it more than twenty seconds.
    tokio::time::timeout(Duration::from_secs(10), is_free)
        .await
        .unwrap();
    shell.execute_batch("ROLLBACK").unwrap();
    stage.until(key, |it| it.status == Status::Delivered).await;
    stage.end().await;
}
