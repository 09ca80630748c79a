//! Transports that rest for a while, and come back.

use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use super::stage::{START, Scripted, Stage, failed, panics, route_by};
use crate::contract::{HostFault, Outcome};
use crate::delivery::Flight;
use crate::store::Status;

#[tokio::test]
async fn a_transport_that_cannot_work_rests_and_comes_back() {
    let folder = TempDir::new().unwrap();
    let stage = Stage::new(
        folder.path(),
        Scripted::default().with(
            "only",
            false,
            [failed(Outcome::Unavailable), failed(Outcome::Unavailable)],
        ),
    );
    let (first, second) = (stage.accept("1").await, stage.accept("2").await);
    for key in [first, second] {
        stage.until(key, |it| it.due_at > it.accepted_at).await;
    }
    assert!(stage.engine.rests_until("only").is_some());
    let third = stage.accept("3").await;
    stage.until(third, |it| it.due_at > it.accepted_at).await;
    assert_eq!(stage.outcomes(third).await, ["only skipped"]);
    assert_eq!(stage.transports.calls().len(), 2);
    stage.pass(31);
    for key in [first, second, third] {
        // Whoever does not get the one attempt of a resting transport looks again a second later.
        for _ in 0..5 {
            stage.pass(1);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stage.until(key, |it| it.status == Status::Delivered).await;
    }
    assert!(stage.engine.rests_until("only").is_none());
    stage.end().await;
}

#[tokio::test]
async fn an_attempt_that_ends_in_a_panic_does_not_keep_its_transport_closed() {
    let folder = TempDir::new().unwrap();
    let down = [
        failed(Outcome::Unavailable),
        failed(Outcome::Unavailable),
        panics(),
    ];
    let stage = Stage::new(folder.path(), Scripted::default().with("only", false, down));
    let keys = [stage.accept("1").await, stage.accept("2").await];
    for key in keys {
        stage.until(key, |it| it.due_at > it.accepted_at).await;
    }
    stage.pass(31);
    // One of them was to find out whether the transport works again, and nobody knows what became of it. The next one
    // finds out that it does.
    for wanted in [Status::Held, Status::Delivered] {
        let status = async |key| stage.store.outgoing(key).await.unwrap().unwrap().status;
        let mut seconds = 0;
        while status(keys[0]).await != wanted && status(keys[1]).await != wanted {
            assert!(seconds < 1_000, "none of them is {wanted}");
            seconds += 1;
            stage.pass(1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(stage.engine.rests_until("only").is_none());
    stage.end().await;
}

#[tokio::test]
async fn a_first_choice_where_nobody_is_rests_and_is_tried_again_with_one_message() {
    let folder = TempDir::new().unwrap();
    let gone = Scripted {
        gone: vec!["first"],
        ..Scripted::default()
    };
    let nobody = std::iter::repeat_with(|| failed(Outcome::Retryable)).take(3);
    let scripted = gone.with("first", false, nobody).with("second", false, []);
    let stage = Stage::routed(folder.path(), scripted, &route_by(&["first", "second"]));
    let outcomes = async |id: &str| {
        let key = stage.accept(id).await;
        stage.until(key, |it| it.status == Status::Delivered).await;
        stage.outcomes(key).await
    };
    let (tried, passed_over) = (
        ["first retryable", "second delivered"],
        ["first skipped", "second delivered"],
    );
    assert_eq!(outcomes("1").await, tried);
    assert_eq!(outcomes("2").await, tried);
    assert_eq!(outcomes("3").await, passed_over);
    stage.pass(1);
    assert_eq!(outcomes("4").await, tried);
    stage.pass(1);
    assert_eq!(outcomes("5").await, passed_over);
    stage.pass(1);
    assert_eq!(outcomes("6").await, ["first delivered"]);
    assert_eq!(outcomes("7").await, ["first delivered"]);
    stage.end().await;
}

#[tokio::test]
async fn an_open_breaker_is_still_open_after_a_restart_and_opens_in_its_time() {
    let folder = TempDir::new().unwrap();
    let down = [failed(Outcome::Unavailable), failed(Outcome::Unavailable)];
    let stage = Stage::new(folder.path(), Scripted::default().with("only", false, down));
    let mut keys = vec![stage.accept("1").await, stage.accept("2").await];
    for key in &keys {
        stage.until(*key, |it| it.due_at > it.accepted_at).await;
    }
    let opens = stage.engine.rests_until("only").unwrap();
    stage.end().await;

    let stage = Stage::new(folder.path(), Scripted::default().with("only", false, []));
    keys.push(stage.accept("3").await);
    let third = stage.until(keys[2], |it| it.due_at > it.accepted_at).await;
    assert_eq!(third.due_at, opens);
    assert!(stage.transports.calls().is_empty());
    stage.pass(31);
    for key in keys {
        // Whoever does not get the one attempt of a resting transport looks again a second later.
        while stage.store.outgoing(key).await.unwrap().unwrap().status != Status::Delivered {
            stage.pass(1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(stage.store.breakers().await.unwrap().is_empty());
    stage.end().await;
}

#[tokio::test]
async fn another_transport_of_the_same_name_does_not_inherit_a_breaker() {
    let folder = TempDir::new().unwrap();
    let down = [failed(Outcome::Unavailable), failed(Outcome::Unavailable)];
    let stage = Stage::new(folder.path(), Scripted::default().with("only", false, down));
    for id in ["1", "2"] {
        let key = stage.accept(id).await;
        stage.until(key, |it| it.due_at > it.accepted_at).await;
    }
    stage.end().await;
    let other = Scripted::default()
        .with("only", false, [])
        .limited("only", |it| it.fingerprint = 2);
    let stage = Stage::new(folder.path(), other);
    let key = stage.accept("3").await;
    stage.until(key, |it| it.status == Status::Delivered).await;
    stage.end().await;
}

#[tokio::test]
async fn a_quarantined_transport_is_not_called_and_costs_the_message_nothing() {
    let folder = TempDir::new().unwrap();
    let opens = Timestamp::from_second(START + 60).unwrap();
    let scripted = Scripted::default()
        .with("only", false, [])
        .quarantining("only", opens);
    let stage = Stage::new(folder.path(), scripted);
    let key = stage.accept("1").await;
    let waiting = stage.until(key, |it| it.due_at > it.accepted_at).await;
    assert_eq!(waiting.due_at, opens);
    assert!(stage.transports.calls().is_empty());
    stage.transports.quarantined.lock().unwrap().clear();
    stage.pass(60);
    stage.until(key, |it| it.status == Status::Delivered).await;
    assert_eq!(stage.outcomes(key).await, ["only skipped", "only delivered"]);
    stage.end().await;
}

#[tokio::test]
async fn a_refusal_to_call_a_quarantined_adapter_is_no_attempt_and_no_pause() {
    let folder = TempDir::new().unwrap();
    let fault = Err(HostFault {
        code: HostFault::QUARANTINED,
        message: "it was too late".into(),
    });
    let stage = Stage::new(folder.path(), Scripted::default().with("only", false, [fault]));
    let key = stage.accept("1").await;
    // The clock stands still: it is tried again although no time has passed.
    let message = stage.until(key, |it| it.status == Status::Delivered).await;
    assert_eq!(stage.outcomes(key).await, ["only skipped", "only delivered"]);
    let flight: Flight = serde_json::from_str(&message.flight).unwrap();
    assert_eq!((flight.rounds, flight.steps["only"].attempts), (0, 1));
    stage.end().await;
}
