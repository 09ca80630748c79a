//! What is old enough goes, what is not stays, and the journal tells of both.

use super::chaining::{looked_at, pen, signing};
use super::*;

fn cutoffs(second: i64) -> Cutoffs {
    let before = at(second);
    Cutoffs {
        now: at(second),
        delivered: before,
        dead: before,
        processed: before,
        journal: before,
    }
}

fn kept_for_ever() -> Cutoffs {
    let never = Timestamp::MIN;
    Cutoffs {
        now: never,
        delivered: never,
        dead: never,
        processed: never,
        journal: never,
    }
}

async fn ended(store: &Store, id: &str, status: Status, when: i64) {
    let key = accepted(store, message(id)).await;
    let tried = vec![attempt(Some(1), "retryable")];
    store
        .advance(
            key,
            Advance {
                at: at(when),
                attempts: tried,
                ..step(status, at(when))
            },
        )
        .await
        .unwrap();
}

async fn listed(store: &Store) -> Vec<String> {
    let page = store
        .list_outgoing(OutgoingFilter::default(), None, 100)
        .await
        .unwrap();
    let mut ids: Vec<String> = page.items.into_iter().map(|item| item.id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn each_kind_of_end_has_a_time_of_its_own() {
    for (cutoffs, left) in [
        (
            kept_for_ever(),
            vec![
                "cancelled",
                "dead",
                "delivered",
                "expired",
                "held",
                "new",
                "waiting",
            ],
        ),
        (
            Cutoffs {
                delivered: at(50),
                ..kept_for_ever()
            },
            vec!["dead", "held", "new", "waiting"],
        ),
        (
            Cutoffs {
                dead: at(50),
                ..kept_for_ever()
            },
            vec!["cancelled", "delivered", "expired", "held", "new", "waiting"],
        ),
        (cutoffs(50), vec!["held", "new", "waiting"]),
    ] {
        let folder = folder();
        let store = signing(&folder);
        for status in [
            Status::Delivered,
            Status::Cancelled,
            Status::Dead,
            Status::Expired,
            Status::Held,
            Status::Waiting,
        ] {
            ended(&store, status.as_str(), status, 10).await;
        }
        ended(&store, "new", Status::Delivered, 60).await;
        store.prune(cutoffs).await.unwrap();
        assert_eq!(listed(&store).await, left, "{cutoffs:?}");
        assert_eq!(
            shell(&folder).query_row("SELECT count(*) FROM attempt", [], |row| row.get(0)),
            Ok(i64::try_from(left.len()).unwrap())
        );
        let report = looked_at(&folder);
        assert!(report.is_sound(), "{report:?}");
    }
}

#[tokio::test]
async fn an_inbox_loses_only_what_was_processed_and_keeps_the_keys() {
    let folder = folder();
    let store = signing(&folder);
    for id in ["unread", "read", "processed"] {
        store
            .take_in(NewIncoming {
                keep_key_until: at(1_000),
                ..arrival(id)
            })
            .await
            .unwrap();
    }
    for (id, status) in [("read", InboxStatus::Read), ("processed", InboxStatus::Processed)] {
        store.mark("executor", id, status, at(5)).await.unwrap();
    }
    let pruned = store.prune(cutoffs(50)).await.unwrap();
    assert_eq!((pruned.incoming, pruned.keys), (1, 0));
    let left = store.inbox("executor", false, None, 10).await.unwrap();
    assert_eq!(
        left.items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(),
        ["unread", "read"]
    );
    // Taken in once still holds, for as long as the key does.
    let again = store
        .take_in(NewIncoming {
            received_at: at(60),
            ..arrival("processed")
        })
        .await
        .unwrap();
    assert!(
        matches!(
            again,
            TakenIn::Again {
                status: InboxStatus::Processed,
                ..
            }
        ),
        "{again:?}"
    );
    assert_eq!(store.prune(cutoffs(1_000)).await.unwrap().keys, 3);
}

#[tokio::test]
async fn a_pruned_journal_is_signed_and_still_says_how_everything_stands() {
    let folder = folder();
    let store = signing(&folder);
    for number in 0..300 {
        ended(&store, &format!("w{number}"), Status::Waiting, 10).await;
    }
    store.take_in(arrival("in")).await.unwrap();
    let late = Note {
        at: at(70),
        event: "refused".into(),
        id: None,
        source: None,
        recipient: None,
        detail: "{}".into(),
    };
    store.note(late).await.unwrap();
    let pruned = store
        .prune(Cutoffs {
            now: at(80),
            journal: at(60),
            ..kept_for_ever()
        })
        .await
        .unwrap();
    assert_eq!(pruned.journal, 601);
    let report = looked_at(&folder);
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.pruned_through, report.first), (601, 602));
    // Nothing is said twice: what stands is young now.
    assert_eq!(
        store
            .prune(Cutoffs {
                now: at(80),
                journal: at(60),
                ..kept_for_ever()
            })
            .await
            .unwrap()
            .journal,
        0
    );
    drop(store);
    let store = signing(&folder);
    accepted(&store, message("after")).await;
    assert!(looked_at(&folder).is_sound());
    // And it is still refused to whoever has no signature for it.
    let error = shell(&folder)
        .execute_batch("DELETE FROM journal WHERE seq = 902")
        .unwrap_err();
    assert!(error.to_string().contains("only ever added to"), "{error}");
}

#[tokio::test]
async fn without_a_signer_the_journal_stays_whole() {
    let folder = folder();
    let store = open(&folder);
    accepted(&store, message("1")).await;
    assert_eq!(store.prune(cutoffs(50)).await.unwrap().journal, 0);
    assert_eq!(events(&store).await, ["accepted"]);
    let _ = pen();
}

#[tokio::test]
async fn the_room_comes_back_to_the_disk() {
    let folder = folder();
    let store = signing(&folder);
    for number in 0..40 {
        let body = vec![b'x'; 512 << 10];
        let key = accepted(
            &store,
            NewOutgoing {
                envelope_json: body,
                ..message(&number.to_string())
            },
        )
        .await;
        store.advance(key, step(Status::Delivered, at(1))).await.unwrap();
    }
    let size = |folder: &TempDir| std::fs::metadata(folder.path().join(FILE)).unwrap().len();
    let pruned = store.prune(cutoffs(50)).await.unwrap();
    assert!(pruned.pages > 3_000, "{pruned:?}");
    drop(store);
    // What is left free in the file, and the tables.
    assert!(size(&folder) < 6 << 20, "{}", size(&folder));
}

#[tokio::test]
async fn a_damaged_message_stops_no_other_from_going() {
    let folder = folder();
    let store = open(&folder);
    for id in ["1", "2"] {
        ended(&store, id, Status::Delivered, 5).await;
    }
    shell(&folder)
        .execute_batch("UPDATE outgoing SET source = CAST(x'ff' AS TEXT) WHERE id = '1'")
        .unwrap();
    let error = store.prune(cutoffs(100)).await.unwrap_err();
    assert_eq!(error.code(), crate::error_code::ErrorCode::RowDamaged);
    assert_eq!(store.prune(cutoffs(100)).await.unwrap().outgoing, 1);
    assert!(listed(&store).await.is_empty());
}
