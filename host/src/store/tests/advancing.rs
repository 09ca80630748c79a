use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn a_step_is_written_with_its_attempts() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("1")).await;
    let tried = vec![attempt(Some(1), "retryable"), attempt(None, "skipped")];
    let advance = Advance {
        reason: Some("busy".into()),
        fallback: true,
        attempts: tried.clone(),
        ..step(Status::Waiting, at(50))
    };
    store.advance(key, advance).await.unwrap();
    assert_eq!(store.attempts(key).await.unwrap(), tried);
    let row = store.outgoing(key).await.unwrap().unwrap();
    assert_eq!((row.due_at, row.flight.as_str()), (at(50), r#"{"round":1}"#));
    assert_eq!((row.reason.as_deref(), row.fallback), (Some("busy"), true));
    assert_eq!(events(&store).await, ["accepted", "waiting"]);
}

#[tokio::test]
async fn a_step_that_tells_nothing_new_is_no_row_of_the_journal() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("1")).await;
    let due_at = store.outgoing(key).await.unwrap().unwrap().due_at;
    // An attempt is about to begin: only the flight says so.
    store.advance(key, step(Status::Waiting, due_at)).await.unwrap();
    assert_eq!(events(&store).await, ["accepted"]);
    let row = store.outgoing(key).await.unwrap().unwrap();
    assert_eq!(row.flight, r#"{"round":1}"#);
    // What is told of a step that leaves it where it is.
    let tells = [
        Advance {
            attempts: vec![attempt(None, "skipped")],
            ..step(Status::Waiting, due_at)
        },
        Advance {
            reason: Some("busy".into()),
            ..step(Status::Waiting, due_at)
        },
        Advance {
            reason: Some("busy".into()),
            fallback: true,
            ..step(Status::Waiting, due_at)
        },
        Advance {
            reason: Some("busy".into()),
            fallback: true,
            receipt: Some("read".into()),
            ..step(Status::Waiting, due_at)
        },
        Advance {
            reason: Some("busy".into()),
            fallback: true,
            receipt: Some("read".into()),
            ..step(Status::Waiting, at(50))
        },
        Advance {
            reason: Some("busy".into()),
            fallback: true,
            receipt: Some("read".into()),
            waits_for: WaitsFor::Open(vec!["hook".into()]),
            ..step(Status::Waiting, at(50))
        },
    ];
    for (number, step) in (2..).zip(tells) {
        store.advance(key, step).await.unwrap();
        assert_eq!(events(&store).await.len(), number);
    }
}

#[tokio::test]
async fn a_message_that_ended_is_never_due_again() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("1")).await;
    store.advance(key, step(Status::Dead, at(50))).await.unwrap();
    assert_eq!(store.next_due(at(-9)).await.unwrap(), None);
    assert!(store.due(at(5_000), 10).await.unwrap().is_empty());
    assert_eq!(store.outgoing(key).await.unwrap().unwrap().ended_at, Some(at(1)));
}

#[tokio::test]
async fn a_late_step_reopens_nothing_but_is_recorded() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("1")).await;
    store.advance(key, step(Status::Cancelled, at(1))).await.unwrap();
    let late = Advance {
        attempts: vec![attempt(Some(1), "unknown")],
        ..step(Status::Waiting, at(60))
    };
    store.advance(key, late).await.unwrap();
    let row = store.outgoing(key).await.unwrap().unwrap();
    assert_eq!((row.status, row.ended_at), (Status::Cancelled, Some(at(1))));
    assert!(store.due(at(5_000), 10).await.unwrap().is_empty());
    assert_eq!(store.attempts(key).await.unwrap().len(), 1);
    assert_eq!(events(&store).await.last().unwrap(), "ended-before");
    // That it arrived after all is worth more than that it was given up.
    store.advance(key, step(Status::Delivered, at(1))).await.unwrap();
    assert_eq!(
        store.outgoing(key).await.unwrap().unwrap().status,
        Status::Delivered
    );
}

#[tokio::test]
async fn only_the_recipient_speaks_of_a_message() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("1")).await;
    let tell = async |source: &str, recipient: &str| {
        store
            .record_receipt(source, "1", recipient, "delivered", at(2))
            .await
            .unwrap()
    };
    assert!(!tell("byway://a/planner", "executor@mallory").await);
    assert!(!tell("byway://a/planner", "mallory@b").await);
    assert!(!tell("byway://a/mallory", "executor@b").await);
    assert_eq!(store.outgoing(key).await.unwrap().unwrap().receipt, None);
    assert!(tell("byway://a/planner", "executor@b").await);
    assert_eq!(
        events(&store).await,
        ["accepted", "receipt", "receipt", "receipt", "receipt"]
    );
}

#[tokio::test]
async fn a_receipt_makes_a_held_message_due_and_an_ended_one_not() {
    let folder = folder();
    let store = open(&folder);
    let held = accepted(&store, message("held")).await;
    let ended = accepted(&store, message("ended")).await;
    store.advance(held, step(Status::Held, at(900))).await.unwrap();
    store
        .advance(ended, step(Status::Delivered, at(1)))
        .await
        .unwrap();
    for id in ["held", "ended"] {
        assert!(
            store
                .record_receipt("byway://a/planner", id, "executor@b", "read", at(2))
                .await
                .unwrap()
        );
    }
    assert_eq!(ids(&store.due(at(2), 10).await.unwrap()), ["held"]);
    assert_eq!(
        store.outgoing(ended).await.unwrap().unwrap().receipt.as_deref(),
        Some("read")
    );
}

#[tokio::test]
async fn a_receipt_that_came_during_a_step_is_looked_at_next() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("1")).await;
    store
        .record_receipt("byway://a/planner", "1", "executor@b", "delivered", at(1))
        .await
        .unwrap();
    store.advance(key, step(Status::Held, at(900))).await.unwrap();
    let row = store.outgoing(key).await.unwrap().unwrap();
    assert_eq!((row.receipt.as_deref(), row.due_at), (Some("delivered"), at(1)));
    // Once the engine has seen it, its own word holds.
    let seen = Advance {
        receipt: Some("delivered".into()),
        ..step(Status::Held, at(900))
    };
    store.advance(key, seen).await.unwrap();
    assert_eq!(store.outgoing(key).await.unwrap().unwrap().due_at, at(900));
}

#[tokio::test]
async fn progress_is_kept_for_each_transport_and_not_too_much() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("1")).await;
    store.save_progress(key, "chat", vec![1], at(1)).await.unwrap();
    store
        .save_progress(key, "chat", vec![2; PROGRESS_BYTES_MAX], at(2))
        .await
        .unwrap();
    let error = store
        .save_progress(key, "chat", vec![3; PROGRESS_BYTES_MAX + 1], at(3))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::ProgressTooLong { bytes: 4097, .. }));
    assert_eq!(
        store.progress(key, "chat").await.unwrap(),
        Some(vec![2; PROGRESS_BYTES_MAX])
    );
    assert_eq!(store.progress(key, "other").await.unwrap(), None);
}

#[tokio::test]
async fn what_names_no_message_changes_nothing() {
    let folder = folder();
    let store = open(&folder);
    let nobody = MessageKey(77);
    let advance = Advance {
        attempts: vec![attempt(Some(1), "refused")],
        ..step(Status::Dead, at(1))
    };
    assert_eq!(
        store.advance(nobody, advance).await.unwrap_err(),
        StoreError::NoSuchMessage
    );
    let error = store
        .save_progress(nobody, "chat", vec![1], at(1))
        .await
        .unwrap_err();
    assert_eq!(error, StoreError::NoSuchMessage);
    assert!(events(&store).await.is_empty());
    assert!(store.attempts(nobody).await.unwrap().is_empty());
}

#[tokio::test]
async fn counts_what_there_is() {
    let folder = folder();
    let store = open(&folder);
    assert_eq!(store.counts().await.unwrap(), Counts::default());
    for (second, status) in [Status::Waiting, Status::Waiting, Status::Held, Status::Dead]
        .into_iter()
        .enumerate()
    {
        let new = NewOutgoing {
            accepted_at: at(second as i64),
            ..message(&second.to_string())
        };
        let key = accepted(&store, new).await;
        store.advance(key, step(status, at(9))).await.unwrap();
    }
    store.take_in(arrival("i")).await.unwrap();
    let expected = Counts {
        waiting: 2,
        held: 1,
        dead: 1,
        unread: 1,
        oldest_waiting: Some(at(0)),
    };
    assert_eq!(store.counts().await.unwrap(), expected);
}

/// What can happen to a message's receipt: the far side speaks, or the engine writes down what it knew.
#[derive(Clone, Debug)]
enum Said {
    ByReceipt(usize),
    ByStep(Option<usize>),
}

const RECEIPTS: [&str; 4] = ["accepted", "delivered", "read", "processed"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_all_receipts_the_greatest_holds(said in prop::collection::vec(prop_oneof![
        (0..4_usize).prop_map(Said::ByReceipt),
        prop::option::of(0..4_usize).prop_map(Said::ByStep),
    ], 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let folder = folder();
        let store = open(&folder);
        let found = runtime.block_on(async {
            let key = accepted(&store, message("1")).await;
            for said in &said {
                match said {
                    Said::ByReceipt(rank) => {
                        let word = RECEIPTS[*rank];
                        store.record_receipt("byway://a/planner", "1", "executor@b", word, at(2)).await.unwrap();
                    }
                    Said::ByStep(rank) => {
                        let receipt = rank.map(|rank| RECEIPTS[rank].to_owned());
                        store.advance(key, Advance { receipt, ..step(Status::Waiting, at(5)) }).await.unwrap();
                    }
                }
            }
            store.outgoing(key).await.unwrap().unwrap().receipt
        });
        let greatest = said.iter().filter_map(|said| match said {
            Said::ByReceipt(rank) => Some(*rank),
            Said::ByStep(rank) => *rank,
        }).max();
        prop_assert_eq!(found.as_deref(), greatest.map(|rank| RECEIPTS[rank]));
    }
}
