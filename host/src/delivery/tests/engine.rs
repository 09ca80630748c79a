//! What the engine promises.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::stage::{Scripted, Stage, delivered, failed, message, route_by};
use crate::contract::{HostFault, Outcome};
use crate::delivery::Flight;
use crate::store::{Accepted, Durability, Intervention, NewOutgoing, Status, Store};

#[tokio::test]
async fn falls_through_and_says_so() {
    let folder = TempDir::new().unwrap();
    let stage = Stage::new(
        folder.path(),
        Scripted::default()
            .with("first", false, [failed(Outcome::Retryable)])
            .with("second", false, [failed(Outcome::Unavailable)])
            .with("third", false, [Ok(delivered())]),
    );
    let key = stage.accept("1").await;
    let message = stage.until(key, |it| it.status == Status::Delivered).await;
    assert!(message.fallback);
    assert_eq!(
        stage.outcomes(key).await,
        ["first retryable", "second unavailable", "third delivered"]
    );
    stage.end().await;
}

#[tokio::test]
async fn that_an_attempt_begins_is_on_disk_before_it_ends() {
    let folder = TempDir::new().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let scripted = Scripted {
        gate: Some(Arc::clone(&gate)),
        ..Scripted::default()
    };
    let stage = Stage::new(folder.path(), scripted.with("only", false, []));
    let key = stage.accept("1").await;
    let message = stage.until(key, |it| it.flight.contains("under_way")).await;
    let flight: Flight = serde_json::from_str(&message.flight).unwrap();
    assert_eq!(flight.under_way.as_deref(), Some("only"));
    gate.add_permits(1);
    stage.until(key, |it| it.status == Status::Delivered).await;
    stage.end().await;
}

#[tokio::test]
async fn each_attempt_is_told_once_also_where_byway_cannot_run_the_next() {
    let folder = TempDir::new().unwrap();
    let fault = HostFault {
        code: "secret-unavailable",
        message: "no such file".into(),
    };
    let stage = Stage::new(
        folder.path(),
        Scripted::default()
            .with("first", false, [failed(Outcome::Retryable)])
            .with("second", false, [Err(fault)])
            .with("third", false, [Ok(delivered())]),
    );
    let key = stage.accept("1").await;
    stage.until(key, |it| it.status == Status::Delivered).await;
    assert_eq!(
        stage.outcomes(key).await,
        ["first retryable", "second skipped", "third delivered"]
    );
    stage.end().await;
}

#[tokio::test]
async fn what_was_passed_over_is_told_of_a_message_that_is_cancelled_then() {
    let folder = TempDir::new().unwrap();
    let (came, may_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let scripted = Scripted {
        line: Some((Arc::clone(&came), Arc::clone(&may_go))),
        ..Scripted::default()
            .with("first", false, [])
            .with("second", false, [])
            .quarantining("first", Timestamp::now() + SignedDuration::from_hours(1))
    };
    let stage = Stage::new(folder.path(), scripted);
    let key = stage.accept("1").await;
    came.acquire().await.unwrap().forget();
    let waiting = stage.store.outgoing(key).await.unwrap().unwrap();
    let now = *stage.now.lock().unwrap();
    let cancel = Intervention {
        status: Status::Cancelled,
        reason: Some("cancelled by admin".into()),
        ..Intervention::about(&waiting, "cancelled", "admin", now)
    };
    assert!(stage.store.intervene(key, cancel).await.unwrap());
    may_go.add_permits(1);
    stage.end().await;
    let store = Store::open(folder.path(), Durability::Process).unwrap();
    let told = store.attempts(key).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].transport.as_str(), told[0].outcome.as_str()),
        ("first", "skipped")
    );
    assert_eq!(
        store.outgoing(key).await.unwrap().unwrap().status,
        Status::Cancelled
    );
}

#[tokio::test]
async fn a_receipt_settles_what_is_held() {
    let folder = TempDir::new().unwrap();
    let stage = Stage::new(
        folder.path(),
        Scripted::default().with("only", false, [failed(Outcome::Unknown)]),
    );
    let key = stage.accept("1").await;
    let held = stage.until(key, |it| it.status == Status::Held).await;
    let now = *stage.now.lock().unwrap();
    assert!(
        stage
            .store
            .record_receipt(&held.source, &held.id, "executor@b", "delivered", now)
            .await
            .unwrap()
    );
    stage.engine.nudge();
    let message = stage.until(key, |it| it.status == Status::Delivered).await;
    assert_eq!(message.receipt.as_deref(), Some("delivered"));
    stage.end().await;
}

#[tokio::test]
async fn our_own_fault_is_no_attempt() {
    let folder = TempDir::new().unwrap();
    let fault = Err(HostFault {
        code: "pool-exhausted",
        message: "no instance was free".into(),
    });
    let stage = Stage::new(folder.path(), Scripted::default().with("only", false, [fault]));
    let key = stage.accept("1").await;
    stage
        .until(key, |it| {
            it.status == Status::Waiting && it.due_at > it.accepted_at
        })
        .await;
    stage.pass(10);
    let message = stage.until(key, |it| it.status == Status::Delivered).await;
    assert_eq!(stage.transports.calls(), ["only 1", "only 1"]);
    assert_eq!(stage.outcomes(key).await, ["only skipped", "only delivered"]);
    let flight: Flight = serde_json::from_str(&message.flight).unwrap();
    assert_eq!(flight.steps["only"].attempts, 1);
    stage.end().await;
}

#[tokio::test]
async fn messages_that_wait_or_are_held_go_by_what_is_put_in_force() {
    let folder = TempDir::new().unwrap();
    let script = [failed(Outcome::Retryable), failed(Outcome::Unknown)];
    let scripted = Scripted::default()
        .with("old", false, script)
        .with("new", true, []);
    let stage = Stage::new(folder.path(), scripted);
    stage.reload(&["old"]).await;
    let waiting = stage.accept("1").await;
    stage
        .until(waiting, |it| {
            it.due_at > it.accepted_at || it.status != Status::Waiting
        })
        .await;
    let held = stage.accept("2").await;
    stage.until(held, |it| it.status == Status::Held).await;
    // The clock stands still: nothing but the reload makes them due.
    stage.reload(&["new"]).await;
    let message = stage.until(waiting, |it| it.status == Status::Delivered).await;
    assert!(!message.fallback);
    assert_eq!(stage.transports.calls(), ["old 1", "old 1", "new 1"]);
    // What may have arrived is not sent again because the chain is another.
    let message = stage.store.outgoing(held).await.unwrap().unwrap();
    assert_eq!(message.status, Status::Held);
    stage.end().await;
}

#[tokio::test]
async fn an_attempt_under_way_ends_on_what_it_began_with() {
    let folder = TempDir::new().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let scripted = Scripted {
        gate: Some(Arc::clone(&gate)),
        ..Scripted::default()
    };
    let stage = Stage::new(
        folder.path(),
        scripted
            .with("old", false, [failed(Outcome::Retryable)])
            .with("new", false, []),
    );
    stage.reload(&["old"]).await;
    let key = stage.accept("1").await;
    stage.until(key, |it| it.flight.contains("under_way")).await;
    stage.reload(&["new"]).await;
    gate.add_permits(2);
    stage.until(key, |it| it.status == Status::Delivered).await;
    assert_eq!(stage.outcomes(key).await, ["old retryable", "new delivered"]);
    stage.end().await;
}

#[tokio::test]
async fn a_message_that_waits_in_line_has_not_begun_an_attempt() {
    let folder = TempDir::new().unwrap();
    let (came, may_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let scripted = Scripted {
        line: Some((Arc::clone(&came), Arc::clone(&may_go))),
        ..Scripted::default()
    };
    let stage = Stage::new(folder.path(), scripted.with("a", false, []));
    stage.reload(&["a"]).await;
    let key = stage.accept("1").await;
    came.acquire().await.unwrap().forget();
    // Killed here, nothing was sent, and so nothing may look as if it had been.
    stage
        .until(key, |it| !it.flight.contains("\"under_way\":\""))
        .await;
    assert!(stage.transports.calls().is_empty());
    may_go.add_permits(1);
    stage.until(key, |it| it.status == Status::Delivered).await;
    stage.end().await;
}

#[tokio::test]
async fn a_transport_on_which_everything_hangs_leaves_room_for_the_others() {
    let folder = TempDir::new().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let scripted = Scripted {
        gate: Some(Arc::clone(&gate)),
        ..Scripted::default()
    };
    let stage = Stage::new(
        folder.path(),
        scripted.with("hangs", false, []).with("other", false, []),
    );
    stage.reload(&["hangs"]).await;
    let mut keys = Vec::new();
    for number in 0..20 {
        keys.push(stage.accept(&number.to_string()).await);
    }
    // Of the eight that are worked on at once, the transport gets its share, and no more.
    while stage.transports.calls().len() < 6 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.reload(&["other"]).await;
    gate.add_permits(20);
    for key in keys {
        stage.until(key, |it| it.status == Status::Delivered).await;
    }
    let calls = stage.transports.calls();
    assert_eq!(
        calls.iter().filter(|call| *call == "hangs 1").count(),
        6,
        "{calls:?}"
    );
    stage.end().await;
}

#[tokio::test]
async fn the_deadline_ends_it_with_what_each_transport_said() {
    let folder = TempDir::new().unwrap();
    let stage = Stage::new(
        folder.path(),
        Scripted::default().with(
            "only",
            false,
            std::iter::repeat_with(|| failed(Outcome::Retryable)).take(50),
        ),
    );
    let key = stage.accept("1").await;
    stage
        .until(key, |it| {
            it.due_at > it.accepted_at || it.status != Status::Waiting
        })
        .await;
    stage.pass(3_600);
    let message = stage.until(key, |it| it.status == Status::Dead).await;
    let reason = message.reason.unwrap();
    assert!(
        reason.contains("deadline") && reason.contains("only: the script says so (scripted)"),
        "{reason}"
    );
    stage.end().await;
}

#[tokio::test]
async fn a_message_whose_route_is_gone_waits_and_ends_at_its_deadline() {
    let folder = TempDir::new().unwrap();
    let stage = Stage::new(folder.path(), Scripted::default().with("only", false, []));
    let astray = NewOutgoing {
        recipient: "executor@nowhere".parse().unwrap(),
        ..message("1")
    };
    let Accepted::New(key) = stage.store.accept(astray).await.unwrap() else {
        panic!("not new");
    };
    stage.engine.nudge();
    stage.until(key, |it| it.due_at > it.accepted_at).await;
    stage.pass(3_600);
    let message = stage.until(key, |it| it.status == Status::Dead).await;
    assert!(message.reason.unwrap().contains("no route"));
    stage.end().await;
}

#[tokio::test]
async fn a_stop_lets_the_attempt_end_and_begins_no_other() {
    let folder = TempDir::new().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let scripted = Scripted {
        gate: Some(Arc::clone(&gate)),
        ..Scripted::default()
    };
    let scripted = scripted
        .with("first", false, [failed(Outcome::Retryable)])
        .with("second", false, []);
    let stage = Stage::new(folder.path(), scripted);
    let key = stage.accept("1").await;
    stage.until(key, |it| it.flight.contains("under_way")).await;
    stage.stop.send(true).unwrap();
    // The engine notices the stop before the attempt ends.
    while !stage.engine.is_stopping() {
        tokio::task::yield_now().await;
    }
    gate.add_permits(2);
    stage.running.await.unwrap();
    let message = stage.store.outgoing(key).await.unwrap().unwrap();
    let flight: Flight = serde_json::from_str(&message.flight).unwrap();
    assert_eq!((message.status, flight.under_way), (Status::Waiting, None));
    assert_eq!(stage.transports.calls(), ["first 1"]);
}

#[tokio::test]
async fn what_an_adapter_kept_and_is_damaged_bars_its_transport_and_no_other() {
    let folder = TempDir::new().unwrap();
    let stage = Stage::routed(
        folder.path(),
        Scripted::default()
            .with("chat", false, [failed(Outcome::Retryable)])
            .with(
                "hook",
                false,
                [failed(Outcome::Retryable), failed(Outcome::Retryable)],
            ),
        &route_by(&["chat", "hook"]),
    );
    let key = stage.accept("1").await;
    stage.until(key, |it| it.flight.contains("\"rounds\":1")).await;
    let now = *stage.now.lock().unwrap();
    stage
        .store
        .save_progress(key, "chat", vec![1], now)
        .await
        .unwrap();
    let disk = rusqlite::Connection::open(folder.path().join("byway.sqlite3")).unwrap();
    disk.execute_batch("DROP TRIGGER progress_without_sum; UPDATE progress SET bytes = x'02'")
        .unwrap();
    stage.pass(10);
    stage.until(key, |it| it.flight.contains("\"rounds\":2")).await;
    stage.pass(10);
    stage.until(key, |it| it.status == Status::Delivered).await;
    assert_eq!(stage.transports.calls(), ["chat 1", "hook 1", "hook 2", "hook 3"]);
    let attempts = stage.store.attempts(key).await.unwrap();
    let barred: Vec<_> = attempts
        .iter()
        .filter(|it| it.transport == "chat" && it.code.as_deref() == Some("store"))
        .collect();
    assert_eq!(barred.len(), 1, "{attempts:?}");
    assert!(barred[0].message.as_deref().unwrap().contains("damaged"));
    stage.end().await;
}

#[tokio::test]
async fn an_adapter_is_handed_the_event_as_it_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path(), Scripted::default().with("a", true, []));
    // No form that byway would print.
    let stored = [b" ".as_slice(), &message("1").envelope_json].concat();
    let new = NewOutgoing {
        envelope_json: stored.clone(),
        ..message("1")
    };
    let key = stage.accept_new(new).await;
    stage.until(key, |it| it.status == Status::Delivered).await;
    assert_eq!(*stage.transports.events.lock().unwrap(), [Arc::from(stored)]);
    stage.end().await;
}
