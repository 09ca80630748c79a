//! A row that the disk damaged is found when it is read, set aside, and stops nobody else.

use super::chaining::{looked_at, signing};
use super::*;
use crate::error_code::ErrorCode;

/// As a disk changes a byte: no trigger sees it.
fn damage(folder: &TempDir, statement: &str) {
    let shell = shell(folder);
    shell
        .execute_batch(
            "DROP TRIGGER IF EXISTS outgoing_state_without_sum; DROP TRIGGER IF EXISTS outgoing_head_without_sum; \
             DROP TRIGGER IF EXISTS outgoing_body_without_sum; DROP TRIGGER IF EXISTS incoming_without_sum;",
        )
        .unwrap();
    assert_eq!(shell.execute(statement, []).unwrap(), 1, "{statement}");
}

const OUTGOING: [&str; 17] = [
    "UPDATE outgoing SET recipient = 'executor@c' WHERE id = '2'",
    "UPDATE outgoing SET recipient = 'nonsense' WHERE id = '2'",
    "UPDATE outgoing SET kind = 'massage' WHERE id = '2'",
    "UPDATE outgoing SET source = 'byway://a/intruder' WHERE id = '2'",
    "UPDATE outgoing SET digest = x'00' WHERE id = '2'",
    "UPDATE outgoing SET id = '1002' WHERE id = '2'",
    "UPDATE outgoing SET deadline = deadline + 1 WHERE id = '2'",
    "UPDATE outgoing SET principal = 'admin' WHERE id = '2'",
    "UPDATE outgoing SET instance = 'c' WHERE id = '2'",
    "UPDATE outgoing SET priority = 2 WHERE id = '2'",
    "UPDATE outgoing SET partition_key = 'k' WHERE id = '2'",
    "UPDATE outgoing SET status = 'held' WHERE id = '2'",
    "UPDATE outgoing SET flight = '{]' WHERE id = '2'",
    "UPDATE outgoing SET receipt = 'read' WHERE id = '2'",
    "UPDATE outgoing SET head_sum = head_sum + 1 WHERE id = '2'",
    "UPDATE outgoing_body SET json = x'7b7d' WHERE key = 2",
    "UPDATE outgoing_body SET sum = sum + 1 WHERE key = 2",
];

#[tokio::test]
async fn a_damaged_message_stops_no_other() {
    for statement in OUTGOING {
        let folder = folder();
        let store = signing(&folder);
        for id in ["1", "2", "3"] {
            accepted(&store, message(id)).await;
        }
        damage(&folder, statement);
        let error = store.due(at(0), 10).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::RowDamaged, "{statement}");
        assert_eq!(
            ids(&store.due(at(0), 10).await.unwrap()),
            ["1", "3"],
            "{statement}"
        );
        let error = store.find_outgoing(None, "2").await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::RowDamaged, "{statement}");
        assert!(
            events(&store).await.contains(&"damaged".to_owned()),
            "{statement}"
        );
        let kept =
            shell(&folder).query_row("SELECT count(*) FROM damaged WHERE key = 2", [], |row| row.get(0));
        assert_eq!(kept, Ok(1), "{statement}");
        let report = looked_at(&folder);
        assert!(report.is_sound(), "{statement}: {report:?}");
        // It may have gone out, so it does not go out again, however often it is sent.
        for _ in 0..2 {
            let error = store.accept(message("2")).await.unwrap_err();
            assert_eq!(error.code(), ErrorCode::RowDamaged, "{statement}");
        }
        // Under another id, it is a message like any other; and so is another's of the same id.
        accepted(&store, message("2-anew")).await;
        let others = NewOutgoing {
            source: "byway://a/other".into(),
            recipient: "reader@c".parse().unwrap(),
            ..message("2")
        };
        accepted(&store, others).await;
        assert_eq!(store.due(at(0), 10).await.unwrap().len(), 4, "{statement}");
    }
}

#[tokio::test]
async fn a_list_goes_on_without_what_is_damaged() {
    let folder = folder();
    let store = signing(&folder);
    for id in ["1", "2", "3"] {
        accepted(&store, message(id)).await;
    }
    damage(&folder, OUTGOING[0]);
    let listed = store
        .list_outgoing(OutgoingFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(ids(&listed.items), ["3", "1"]);
}

#[tokio::test]
async fn a_damaged_message_in_an_inbox_is_never_read() {
    for statement in [
        "UPDATE incoming SET source = 'byway://a/boss' WHERE id = '2'",
        "UPDATE incoming SET authority = 'local' WHERE id = '2'",
        "UPDATE incoming SET status = 'read' WHERE id = '2'",
        "UPDATE incoming SET changed_at = changed_at + 1 WHERE id = '2'",
        "UPDATE incoming_body SET json = x'7b7d' WHERE key = 2",
    ] {
        let folder = folder();
        let store = signing(&folder);
        for id in ["1", "2", "3"] {
            store.take_in(arrival(id)).await.unwrap();
        }
        damage(&folder, statement);
        let marked = store
            .mark("executor", "2", InboxStatus::Processed, at(5))
            .await
            .unwrap_err();
        assert_eq!(marked.code(), ErrorCode::RowDamaged, "{statement}");
        let page = store.inbox("executor", false, None, 10).await.unwrap();
        assert_eq!(
            page.items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(),
            ["1", "3"],
            "{statement}"
        );
        assert_eq!(
            store.find_incoming(None, "2").await.unwrap_err().code(),
            ErrorCode::RowDamaged
        );
        // It must not be taken in twice, and its sender must not hear that all is well.
        let again = store.take_in(arrival("2")).await.unwrap_err();
        assert_eq!(again.code(), ErrorCode::RowDamaged, "{statement}");
        assert!(again.to_string().contains("a new id"), "{again}");
        assert!(looked_at(&folder).is_sound(), "{statement}");
    }
}

#[tokio::test]
async fn every_step_leaves_rows_whose_sums_hold() {
    let folder = folder();
    let store = signing(&folder);
    let key = accepted(
        &store,
        NewOutgoing {
            expires: Some(at(900)),
            ..message("1")
        },
    )
    .await;
    let sound = || async { store.outgoing(key).await.unwrap().unwrap() };
    sound().await;
    store
        .advance(
            key,
            Advance {
                reason: Some("r".into()),
                ..step(Status::Waiting, at(2))
            },
        )
        .await
        .unwrap();
    sound().await;
    store
        .record_receipt("byway://a/planner", "1", "executor@b", "accepted", at(3))
        .await
        .unwrap();
    assert_eq!(sound().await.receipt.as_deref(), Some("accepted"));
    store
        .advance(
            key,
            Advance {
                fallback: true,
                ..step(Status::Delivered, at(4))
            },
        )
        .await
        .unwrap();
    sound().await;
    store.advance(key, step(Status::Dead, at(5))).await.unwrap();
    store
        .record_receipt("byway://a/planner", "1", "executor@b", "processed", at(6))
        .await
        .unwrap();
    store.hasten(at(7)).await.unwrap();
    assert_eq!(sound().await.receipt.as_deref(), Some("processed"));
    // Changed by a person's shell, it is a row without a sum, not a damaged one.
    shell(&folder)
        .execute_batch("UPDATE outgoing SET reason = 'by hand'")
        .unwrap();
    assert_eq!(sound().await.reason.as_deref(), Some("by hand"));
}

#[tokio::test]
async fn who_asks_again_by_a_key_hears_that_the_message_was_set_aside() {
    let folder = folder();
    let store = signing(&folder);
    let under_key = |id: &str| NewOutgoing {
        idempotency: Some(("k".into(), [3; 32])),
        ..message(id)
    };
    accepted(&store, under_key("2")).await;
    damage(&folder, OUTGOING[0]);
    // Found by the repetition itself, and afterwards in what was set aside.
    for _ in 0..2 {
        let error = store.accept(under_key("2-again")).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::RowDamaged, "{error}");
    }
    assert!(store.due(at(0), 10).await.unwrap().is_empty());
    let another = NewOutgoing {
        idempotency: Some(("k2".into(), [3; 32])),
        ..message("2-again")
    };
    accepted(&store, another).await;
}

#[tokio::test]
async fn who_asks_again_for_a_local_agent_hears_it_too() {
    let folder = folder();
    let store = signing(&folder);
    let under_key = |id: &str| NewIncoming {
        idempotency: Some(("agent:planner".into(), "k".into(), [3; 32])),
        authority: "local".into(),
        envelope_json: br#"{"id":"2","source":"byway://a/planner"}"#.to_vec(),
        ..arrival(id)
    };
    store.take_in(under_key("2")).await.unwrap();
    damage(
        &folder,
        "UPDATE incoming SET source = 'byway://a/boss' WHERE id = '2'",
    );
    assert!(
        store
            .inbox("executor", false, None, 10)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let error = store.take_in(under_key("2-again")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RowDamaged, "{error}");
    assert!(
        store
            .inbox("executor", false, None, 10)
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn no_step_makes_damage_look_sound() {
    let folder = folder();
    let store = signing(&folder);
    let key = accepted(&store, message("2")).await;
    damage(&folder, "UPDATE outgoing SET receipt = 'read' WHERE id = '2'");
    let error = store
        .advance(key, step(Status::Waiting, at(2)))
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::RowDamaged);
    assert!(store.outgoing(key).await.unwrap().is_none());
    let key = accepted(&store, message("3")).await;
    damage(&folder, "UPDATE outgoing SET flight = '{}{}' WHERE id = '3'");
    let error = store
        .record_receipt("byway://a/planner", "3", "executor@b", "read", at(3))
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::RowDamaged);
    assert!(store.outgoing(key).await.unwrap().is_none());
}

#[tokio::test]
async fn a_sum_that_comes_back_as_zero_is_damage() {
    for statement in [
        "UPDATE outgoing SET head_sum = 0 WHERE id = '2'",
        "UPDATE outgoing SET state_sum = 0 WHERE id = '2'",
        "UPDATE outgoing_body SET sum = 0, json = x'7b7d' WHERE key = 2",
    ] {
        let folder = folder();
        let store = signing(&folder);
        for id in ["1", "2"] {
            accepted(&store, message(id)).await;
        }
        damage(&folder, statement);
        assert_eq!(
            store.due(at(0), 10).await.unwrap_err().code(),
            ErrorCode::RowDamaged,
            "{statement}"
        );
        assert_eq!(ids(&store.due(at(0), 10).await.unwrap()), ["1"], "{statement}");
    }
    let folder = folder();
    let store = signing(&folder);
    store.take_in(arrival("1")).await.unwrap();
    damage(&folder, "UPDATE taken_in SET sum = 0");
    store.take_in(arrival("1")).await.unwrap_err();
}

/// Of a row without a sum nobody can tell any more what made it so.
#[tokio::test]
async fn what_was_changed_by_hand_before_there_was_a_mark_holds() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("1")).await;
    drop(store);
    let before = shell(&folder);
    before
        .execute_batch("UPDATE outgoing SET reason = 'by hand', state_sum = 0; PRAGMA user_version = 6;")
        .unwrap();
    drop(before);
    let message = open(&folder).outgoing(key).await.unwrap().unwrap();
    assert_eq!(message.reason.as_deref(), Some("by hand"));
    let mark: i64 = shell(&folder)
        .query_row("SELECT state_sum FROM outgoing", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mark, sum::BY_HAND);
}

#[tokio::test]
async fn no_decision_makes_damage_look_sound() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("2")).await;
    let seen = store.outgoing(key).await.unwrap().unwrap();
    damage(&folder, "UPDATE outgoing SET principal = 'admin' WHERE id = '2'");
    let decided = Intervention {
        status: Status::Cancelled,
        ..Intervention::about(&seen, "cancelled", "admin", at(5))
    };
    let error = store.intervene(key, decided).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RowDamaged);
    assert!(store.outgoing(key).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_set_aside_of_others_is_no_answer() {
    let folder = folder();
    let store = open(&folder);
    accepted(&store, message("2")).await;
    let wake = NewOutgoing {
        kind: Kind::Wake,
        ..message("3")
    };
    accepted(&store, wake).await;
    damage(&folder, "UPDATE outgoing SET flight = '{]' WHERE id = '2'");
    damage(&folder, "UPDATE outgoing SET flight = '{]' WHERE id = '3'");
    for _ in 0..2 {
        store.due(at(0), 10).await.unwrap_err();
    }
    let find = |source, id| store.find_outgoing(Some(source), id);
    find("byway://a/planner", "2").await.unwrap_err();
    assert!(find("byway://a/other", "2").await.unwrap().is_none());
    assert!(find("byway://a/planner", "3").await.unwrap().is_none());
}

#[tokio::test]
async fn what_follows_from_an_arrival_is_not_stopped_by_damage_to_an_earlier_one() {
    let folder = folder();
    let store = open(&folder);
    let follows = |authority: &str, receipt: &str| NewIncoming {
        authority: authority.into(),
        wake: Some(NewOutgoing {
            kind: Kind::Wake,
            ..message("1")
        }),
        receipt: Some(NewReceipt {
            message: NewOutgoing {
                kind: Kind::Receipt,
                ..message(receipt)
            },
            of_source: "byway://a/planner".into(),
            of_id: "1".into(),
        }),
        ..arrival("1")
    };
    store.take_in(follows("peer:a", "r-1")).await.unwrap();
    damage(&folder, "UPDATE outgoing SET flight = '{]' WHERE kind = 'wake'");
    damage(
        &folder,
        "UPDATE outgoing SET flight = '{]' WHERE kind = 'receipt'",
    );
    let taken = store.take_in(follows("peer:b", "r-2")).await.unwrap();
    assert!(matches!(taken, TakenIn::New), "{taken:?}");
    assert_eq!(ids(&store.due(at(0), 10).await.unwrap()), ["1", "r-2"]);
}
