//! What a byway makes of a message that it was killed with.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::stage::{Scripted, Stage};
use crate::store::{Durability, MessageKey, Status, Store};

/// What a byway finds that was killed while its one transport had been asked to send.
async fn after_a_kill_during_an_attempt(idempotent: bool) -> (TempDir, MessageKey) {
    after_a_kill_during(Scripted::default().with("only", idempotent, [])).await
}

/// What a byway finds that was killed while a transport had been asked to send.
async fn after_a_kill_during(scripted: Scripted) -> (TempDir, MessageKey) {
    let folder = TempDir::new().unwrap();
    let left = TempDir::new().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let scripted = Scripted {
        gate: Some(Arc::clone(&gate)),
        ..scripted
    };
    let stage = Stage::new(folder.path(), scripted);
    let key = stage.accept("1").await;
    stage.until(key, |it| it.flight.contains("under_way")).await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().contains("sqlite") {
            std::fs::copy(entry.path(), left.path().join(entry.file_name())).unwrap();
        }
    }
    gate.add_permits(1);
    stage.end().await;
    (left, key)
}

#[tokio::test]
async fn a_kill_during_an_attempt_is_unknown_and_holds() {
    let (left, key) = after_a_kill_during_an_attempt(false).await;
    let stage = Stage::new(left.path(), Scripted::default().with("only", false, []));
    let message = stage.until(key, |it| it.status == Status::Held).await;
    assert!(message.reason.unwrap().contains("may have arrived"));
    assert!(stage.transports.calls().is_empty());
    assert_eq!(stage.outcomes(key).await[0], "only unknown");
    stage.end().await;
}

#[tokio::test]
async fn what_was_passed_over_before_an_attempt_is_told_with_it_also_after_a_kill() {
    let chain = || {
        Scripted::default()
            .with("first", false, [])
            .with("second", false, [])
            .quarantining("first", Timestamp::now() + SignedDuration::from_hours(1))
    };
    let folder = TempDir::new().unwrap();
    let stage = Stage::new(folder.path(), chain());
    let key = stage.accept("1").await;
    stage.until(key, |it| it.status == Status::Delivered).await;
    assert_eq!(stage.outcomes(key).await, ["first skipped", "second delivered"]);
    stage.end().await;

    let (left, key) = after_a_kill_during(chain()).await;
    let store = Store::open(left.path(), Durability::Process).unwrap();
    assert!(store.attempts(key).await.unwrap().is_empty(), "told with it");
    drop(store);
    let stage = Stage::new(left.path(), chain());
    stage.until(key, |it| it.status == Status::Held).await;
    assert_eq!(
        stage.outcomes(key).await[..2],
        ["first skipped", "second unknown"]
    );
    stage.end().await;
}

#[tokio::test]
async fn a_kill_during_an_idempotent_attempt_is_repeated_under_the_same_key() {
    let (left, key) = after_a_kill_during_an_attempt(true).await;
    let stage = Stage::new(left.path(), Scripted::default().with("only", true, []));
    stage.until(key, |it| it.status == Status::Delivered).await;
    assert_eq!(
        *stage.transports.calls.lock().unwrap(),
        [("only".into(), 2, "1".into())]
    );
    stage.end().await;
}
