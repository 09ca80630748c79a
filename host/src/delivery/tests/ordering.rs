//! In which order messages are attempted, and how fast.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::stage::{Scripted, Stage, failed, message, route};
use crate::config::Rate;
use crate::contract::Outcome;
use crate::delivery::Flight;
use crate::delivery::crowd::WAITING_MAX;
use crate::envelope::{Draft, Priority};
use crate::store::{MessageKey, NewOutgoing, Status, WaitsFor};

fn of_partition(id: &str) -> NewOutgoing {
    NewOutgoing {
        partition_key: Some("k".into()),
        ..message(id)
    }
}

async fn accept_in_order(stage: &Stage, ids: &[&str]) -> Vec<MessageKey> {
    let mut keys = Vec::new();
    for id in ids {
        keys.push(stage.accept_new(of_partition(id)).await);
    }
    keys
}

#[tokio::test]
async fn a_partition_is_attempted_in_the_order_of_acceptance() {
    let folder = TempDir::new().unwrap();
    let scripted = Scripted::default()
        .with(
            "first",
            false,
            [failed(Outcome::Retryable), failed(Outcome::Retryable)],
        )
        .with("second", false, [failed(Outcome::Retryable)]);
    let stage = Stage::new(folder.path(), scripted);
    let keys = accept_in_order(&stage, &["1", "2", "3"]).await;
    // The first one falls through and waits for its next round, and the others behind it.
    stage.until(keys[0], |it| it.due_at > it.accepted_at).await;
    let outside = stage.accept("of no partition").await;
    stage.until(outside, |it| it.status == Status::Delivered).await;
    assert_eq!(stage.transports.attempted("second"), ["1", "of no partition"]);
    stage.pass(2);
    for key in &keys {
        stage.until(*key, |it| it.status == Status::Delivered).await;
    }
    assert_eq!(
        stage.transports.attempted("first"),
        ["1", "of no partition", "1", "2", "3"]
    );
    stage.end().await;
}

#[tokio::test]
async fn a_held_one_lets_the_others_go_unless_the_route_says_wait() {
    for (on_block, waits) in [("release", false), ("wait", true)] {
        let folder = TempDir::new().unwrap();
        let scripted = Scripted::default().with("only", false, [failed(Outcome::Unknown)]);
        let routes = route("b", &["only"], &format!("on_block = \"{on_block}\""));
        let stage = Stage::routed(folder.path(), scripted, &routes);
        let keys = accept_in_order(&stage, &["1", "2"]).await;
        stage.until(keys[0], |it| it.status == Status::Held).await;
        if waits {
            let outside = stage.accept("of no partition").await;
            stage.until(outside, |it| it.status == Status::Delivered).await;
            assert_eq!(stage.transports.attempted("only"), ["1", "of no partition"]);
            let first = stage.store.outgoing(keys[0]).await.unwrap().unwrap();
            let now = *stage.now.lock().unwrap();
            let told = stage
                .store
                .record_receipt(&first.source, "1", "executor@b", "delivered", now);
            assert!(told.await.unwrap());
            stage.engine.nudge();
        }
        stage.until(keys[1], |it| it.status == Status::Delivered).await;
        stage.end().await;
    }
}

#[tokio::test]
async fn who_waits_for_its_turn_still_ends_at_its_deadline() {
    let folder = TempDir::new().unwrap();
    let again = std::iter::repeat_with(|| failed(Outcome::Retryable)).take(50);
    let stage = Stage::new(folder.path(), Scripted::default().with("only", false, again));
    let keys = accept_in_order(&stage, &["1"]).await;
    let short = NewOutgoing {
        deadline: message("2").accepted_at + jiff::SignedDuration::from_mins(10),
        ..of_partition("2")
    };
    let second = stage.accept_new(short).await;
    stage.until(keys[0], |it| it.due_at > it.accepted_at).await;
    stage.pass(601);
    let ended = stage.until(second, |it| it.status == Status::Dead).await;
    assert!(ended.reason.unwrap().contains("never tried"));
    assert!(!stage.transports.attempted("only").contains(&"2".to_owned()));
    stage.end().await;
}

/// A message whose event and row say the same priority.
fn of_priority(priority: Priority, id: &str) -> NewOutgoing {
    let new = message(id);
    let draft = Draft {
        priority: Some(priority),
        ..Draft::new("byway://a/planner", "executor@b".parse().unwrap())
    };
    let envelope = draft.text("hello").finish(id.into(), new.accepted_at).unwrap();
    NewOutgoing {
        priority: priority as u8,
        envelope_json: envelope.to_json(),
        ..new
    }
}

#[tokio::test]
async fn the_urgent_go_first_and_the_low_do_not_starve() {
    let folder = TempDir::new().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let scripted = Scripted {
        gate: Some(Arc::clone(&gate)),
        ..Scripted::default()
    };
    let scripted = scripted
        .with("only", false, [])
        .limited("only", |it| it.at_once_max = 1);
    let stage = Stage::new(folder.path(), scripted);
    let mut keys = vec![stage.accept("begun").await];
    while stage.transports.calls().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for number in 0..100 {
        keys.push(
            stage
                .accept_new(of_priority(Priority::Urgent, &format!("urgent {number}")))
                .await,
        );
    }
    for number in 0..5 {
        keys.push(
            stage
                .accept_new(of_priority(Priority::Low, &format!("low {number}")))
                .await,
        );
    }
    gate.add_permits(200);
    for key in keys {
        stage.until(key, |it| it.status == Status::Delivered).await;
    }
    let order = stage.transports.attempted("only");
    let low: Vec<usize> = (0..order.len())
        .filter(|place| order[*place].starts_with("low"))
        .collect();
    // A place by turns of fifteen, in a line that is filled by turns of fifteen: never more than two rounds and the line.
    let most = WAITING_MAX + 2 * 15;
    assert!(low[0] <= most, "{order:?}");
    for pair in low.windows(2) {
        assert!(pair[1] - pair[0] <= most, "{order:?}");
    }
    assert!(order[order.len() - 1].starts_with("urgent"), "{order:?}");
    stage.end().await;
}

#[tokio::test]
async fn a_rate_is_a_skip_that_knows_when_it_ends_and_burns_no_round() {
    let folder = TempDir::new().unwrap();
    let rate = Rate {
        count: 1,
        per: Duration::from_secs(1),
        burst: 2,
    };
    let scripted = Scripted::default()
        .with("only", false, [])
        .limited("only", |it| it.rate = Some(rate));
    let stage = Stage::new(folder.path(), scripted);
    let mut keys = Vec::new();
    for id in ["1", "2", "3", "4"] {
        keys.push(stage.accept(id).await);
    }
    for key in &keys[..2] {
        stage.until(*key, |it| it.status == Status::Delivered).await;
    }
    let waits = stage.until(keys[3], |it| it.due_at > it.accepted_at).await;
    assert_eq!(waits.due_at.duration_since(waits.accepted_at).as_secs(), 1);
    stage.until(keys[2], |it| it.due_at > it.accepted_at).await;
    for sent in 3..=4 {
        assert_eq!(stage.transports.calls().len(), sent - 1);
        stage.pass(1);
        while stage.transports.calls().len() < sent {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    for key in &keys {
        let message = stage.until(*key, |it| it.status == Status::Delivered).await;
        let flight: Flight = serde_json::from_str(&message.flight).unwrap();
        assert_eq!((flight.rounds, flight.steps["only"].attempts), (0, 1));
    }
    let skipped = stage.store.attempts(keys[3]).await.unwrap();
    assert_eq!(skipped[0].code.as_deref(), Some("rate"));
    stage.end().await;
}

#[tokio::test]
async fn what_is_over_its_rate_falls_through() {
    let folder = TempDir::new().unwrap();
    let rate = Rate {
        count: 1,
        per: Duration::from_secs(60),
        burst: 1,
    };
    let scripted = Scripted::default()
        .with("first", false, [])
        .with("second", false, [])
        .limited("first", |it| it.rate = Some(rate));
    let stage = Stage::new(folder.path(), scripted);
    let first = stage.accept("1").await;
    stage.until(first, |it| it.status == Status::Delivered).await;
    let second = stage.accept("2").await;
    let message = stage.until(second, |it| it.status == Status::Delivered).await;
    assert!(message.fallback);
    assert_eq!(
        stage.outcomes(second).await,
        ["first skipped", "second delivered"]
    );
    stage.end().await;
}

#[tokio::test]
async fn a_dead_one_lets_the_others_go_when_its_route_says_so_later() {
    let folder = TempDir::new().unwrap();
    let scripted = Scripted::default().with("only", false, [failed(Outcome::Refused)]);
    let says = |on_block: &str| route("b", &["only"], &format!("on_block = \"{on_block}\""));
    let stage = Stage::routed(folder.path(), scripted, &says("wait"));
    let keys = accept_in_order(&stage, &["1", "2"]).await;
    stage.until(keys[0], |it| it.status == Status::Dead).await;
    let second = stage.store.outgoing(keys[1]).await.unwrap().unwrap();
    assert_eq!(second.waits_for, WaitsFor::Turn);
    stage.reload_routes(&says("release")).await;
    stage.until(keys[1], |it| it.status == Status::Delivered).await;
    stage.end().await;
}
