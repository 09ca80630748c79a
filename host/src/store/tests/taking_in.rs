use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn with_what_follows(id: &str) -> NewIncoming {
    NewIncoming {
        wake: Some(NewOutgoing {
            kind: Kind::Wake,
            ..message(id)
        }),
        receipt: Some(NewReceipt {
            message: NewOutgoing {
                kind: Kind::Receipt,
                recipient: "planner@a".parse().unwrap(),
                ..message(&format!("receipt-of-{id}"))
            },
            of_source: "byway://a/planner".into(),
            of_id: id.into(),
        }),
        ..arrival(id)
    }
}

#[tokio::test]
async fn a_message_is_taken_in_once_with_all_that_follows() {
    let folder = folder();
    let store = open(&folder);
    assert!(matches!(
        store.take_in(with_what_follows("1")).await.unwrap(),
        TakenIn::New
    ));
    let again = store.take_in(with_what_follows("1")).await.unwrap();
    assert!(matches!(
        again,
        TakenIn::Again {
            status: InboxStatus::Unread,
            ..
        }
    ));
    let altered = NewIncoming {
        digest: [9; 32],
        ..with_what_follows("1")
    };
    assert!(matches!(store.take_in(altered).await.unwrap(), TakenIn::Conflict));
    assert_eq!(
        store.inbox("executor", true, None, 10).await.unwrap().items.len(),
        1
    );
    assert_eq!(ids(&store.due(at(0), 10).await.unwrap()), ["1", "receipt-of-1"]);
    assert_eq!(
        events(&store).await,
        ["taken-in", "accepted", "accepted", "again", "conflict"]
    );
}

#[tokio::test]
async fn what_follows_is_there_only_with_the_message() {
    let folder = folder();
    let store = open(&folder);
    // The last thing that is written for it fails: a second row of one key in the bodies.
    shell(&folder)
        .execute_batch("PRAGMA foreign_keys = OFF; INSERT INTO outgoing_body (key, json) VALUES (2, x'00')")
        .unwrap();
    store.take_in(with_what_follows("1")).await.unwrap_err();
    assert!(
        store
            .inbox("executor", false, None, 10)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert!(store.due(at(0), 10).await.unwrap().is_empty());
    assert!(events(&store).await.is_empty());
    // Nor is its key: it can still come.
    shell(&folder)
        .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM outgoing_body")
        .unwrap();
    assert!(matches!(
        store.take_in(with_what_follows("1")).await.unwrap(),
        TakenIn::New
    ));
}

#[tokio::test]
async fn another_authority_or_recipient_is_another_message() {
    let folder = folder();
    let store = open(&folder);
    for new in [
        arrival("1"),
        NewIncoming {
            authority: "inbound:x".into(),
            ..arrival("1")
        },
        NewIncoming {
            source: "byway://a/other".into(),
            ..arrival("1")
        },
        NewIncoming {
            recipient: "other@b".parse().unwrap(),
            ..arrival("1")
        },
    ] {
        assert!(matches!(store.take_in(new).await.unwrap(), TakenIn::New));
    }
}

#[tokio::test]
async fn a_key_is_kept_until_its_time_by_our_own_clock() {
    let folder = folder();
    let store = open(&folder);
    store.take_in(arrival("1")).await.unwrap();
    let then = |second| NewIncoming {
        received_at: at(second),
        keep_key_until: at(5_000),
        ..arrival("1")
    };
    assert!(matches!(
        store.take_in(then(999)).await.unwrap(),
        TakenIn::Again { .. }
    ));
    assert!(matches!(store.take_in(then(1_000)).await.unwrap(), TakenIn::New));
    assert!(matches!(
        store.take_in(then(1_001)).await.unwrap(),
        TakenIn::Again { .. }
    ));
}

#[tokio::test]
async fn a_key_outlives_its_message() {
    let folder = folder();
    let store = open(&folder);
    store.take_in(arrival("1")).await.unwrap();
    shell(&folder)
        .execute_batch("PRAGMA foreign_keys = ON; DELETE FROM incoming")
        .unwrap();
    let again = store.take_in(arrival("1")).await.unwrap();
    assert!(matches!(
        again,
        TakenIn::Again {
            status: InboxStatus::Processed,
            ..
        }
    ));
}

#[tokio::test]
async fn a_local_callers_key_finds_the_message_it_stood_for() {
    let folder = folder();
    let store = open(&folder);
    let keyed = |id: &str, digest: u8| NewIncoming {
        authority: "local".into(),
        idempotency: Some(("agent:planner".into(), "k".into(), [digest; 32])),
        ..arrival(id)
    };
    assert!(matches!(
        store.take_in(keyed("1", 7)).await.unwrap(),
        TakenIn::New
    ));
    store
        .mark("executor", "1", InboxStatus::Read, at(2))
        .await
        .unwrap();
    match store.take_in(keyed("2", 7)).await.unwrap() {
        TakenIn::Again { id, status, .. } => assert_eq!((id.as_str(), status), ("1", InboxStatus::Read)),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        store.take_in(keyed("3", 8)).await.unwrap(),
        TakenIn::KeyConflict
    ));
    // The same caller's key on a message that goes out finds the local one, too.
    let outgoing = NewOutgoing {
        idempotency: Some(("k".into(), [7; 32])),
        ..message("4")
    };
    match store.accept(outgoing).await.unwrap() {
        Accepted::Same(earlier) => {
            assert_eq!((earlier.id.as_str(), earlier.status.as_str()), ("1", "delivered"))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_inbox_shows_its_agents_messages_oldest_first() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..5 {
        store.take_in(arrival(&number.to_string())).await.unwrap();
        let other = NewIncoming {
            recipient: "other@b".parse().unwrap(),
            ..arrival(&format!("o{number}"))
        };
        store.take_in(other).await.unwrap();
    }
    store
        .mark("executor", "1", InboxStatus::Read, at(2))
        .await
        .unwrap();
    let list = async |unread, cursor| {
        let page = store.inbox("executor", unread, cursor, 2).await.unwrap();
        (
            page.items.into_iter().map(|row| row.id).collect::<Vec<_>>(),
            page.next,
        )
    };
    let (first, next) = list(true, None).await;
    assert_eq!(first, ["0", "2"]);
    let (second, next) = list(true, next).await;
    assert_eq!((second, next), (vec!["3".to_owned(), "4".into()], None));
    assert_eq!(list(false, None).await.0, ["0", "1"]);
}

#[tokio::test]
async fn marks_only_go_forward() {
    let folder = folder();
    let store = open(&folder);
    store.take_in(arrival("1")).await.unwrap();
    for mark in [InboxStatus::Processed, InboxStatus::Read, InboxStatus::Processed] {
        let row = store.mark("executor", "1", mark, at(3)).await.unwrap().unwrap();
        assert_eq!(row.status, InboxStatus::Processed);
    }
    assert!(
        store
            .mark("other", "1", InboxStatus::Read, at(3))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(events(&store).await, ["taken-in", "processed"]);
}

#[tokio::test]
async fn nobody_takes_the_place_of_an_earlier_message_with_the_same_id() {
    let folder = folder();
    let store = open(&folder);
    store.take_in(arrival("1")).await.unwrap();
    let mallory = NewIncoming {
        source: "byway://m/mallory".into(),
        authority: "peer:m".into(),
        ..arrival("1")
    };
    store.take_in(mallory).await.unwrap();
    let found = store.find_incoming(Some("executor"), "1").await.unwrap().unwrap();
    assert_eq!(found.source, "byway://a/planner");
    let marked = store
        .mark("executor", "1", InboxStatus::Processed, at(2))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(marked.source, "byway://a/planner");
    let named = store
        .mark_from("executor", "byway://m/mallory", "1", InboxStatus::Read, at(2))
        .await
        .unwrap();
    assert_eq!(named.unwrap().status, InboxStatus::Read);
    assert!(
        store
            .mark_from("executor", "byway://x/x", "1", InboxStatus::Read, at(2))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_receiving_transport_goes_on_where_it_was() {
    let folder = folder();
    let store = open(&folder);
    assert_eq!(store.cursor("drop").await.unwrap(), None);
    store.set_cursor("drop", Some(vec![1, 2])).await.unwrap();
    drop(store);
    let store = open(&folder);
    assert_eq!(store.cursor("drop").await.unwrap(), Some(vec![1, 2]));
    store.set_cursor("drop", None).await.unwrap();
    assert_eq!(store.cursor("drop").await.unwrap(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes in whatever order, at once or not, and again after opening anew: of each name
    /// exactly one is new, and the rest is again or, with other content, a conflict.
    #[test]
    fn each_name_is_taken_in_once(
        arrivals in prop::collection::vec((0..4_u8, 0..2_u8, 0..2_u8), 1..40),
        reopened_after in 0..40_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let folder = folder();
        let mut first: HashMap<(u8, u8), u8> = HashMap::new();
        let (before, after) = arrivals.split_at(reopened_after.min(arrivals.len()));
        for part in [before, after] {
            let store = open(&folder);
            let answers = runtime.block_on(take_all(&store, part));
            let fresh: Vec<_> = answers.iter().filter(|(_, taken)| matches!(taken, TakenIn::New)).collect();
            for ((id, authority, content), _) in fresh {
                let earlier = first.insert((*id, *authority), *content);
                prop_assert_eq!(earlier, None, "taken in twice");
            }
            for ((id, authority, content), taken) in &answers {
                let same = first.get(&(*id, *authority)) == Some(content);
                match taken {
                    TakenIn::New | TakenIn::Again { .. } => prop_assert!(same),
                    TakenIn::Conflict => prop_assert!(!same),
                    TakenIn::KeyConflict => prop_assert!(false, "there was no key"),
                }
            }
            let rows = runtime.block_on(store.inbox("executor", false, None, 100)).unwrap().items;
            prop_assert_eq!(rows.len(), first.len());
        }
    }
}

type Name = (u8, u8, u8);

async fn take_all(store: &Store, arrivals: &[Name]) -> Vec<(Name, TakenIn)> {
    let tasks: Vec<_> = arrivals
        .iter()
        .map(|&(id, authority, content)| {
            let store = store.clone();
            let new = NewIncoming {
                authority: format!("peer:{authority}"),
                digest: [content; 32],
                ..with_what_follows(&id.to_string())
            };
            tokio::spawn(async move { ((id, authority, content), store.take_in(new).await.unwrap()) })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}
