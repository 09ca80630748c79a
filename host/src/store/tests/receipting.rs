//! Receipts: of several for one message the last is worth delivering, and the greatest holds.

use proptest::prelude::*;

use super::*;

fn receipt(id: &str, of: &str) -> NewReceipt {
    NewReceipt {
        message: NewOutgoing {
            kind: Kind::Receipt,
            source: "byway://b/executor".into(),
            sender: Some("executor@b".parse().unwrap()),
            recipient: "planner@a".parse().unwrap(),
            ..message(id)
        },
        of_source: "byway://a/planner".into(),
        of_id: of.into(),
    }
}

/// Makes the receipt of that id, whatever it is for.
fn making(id: &str) -> MakeReceipt {
    let id = id.to_owned();
    Box::new(move |message| Some(receipt(&id, &message.id)))
}

async fn mark(store: &Store, status: InboxStatus, receipt: &str) {
    let marked = store.mark_and_tell("executor", None, "m-1", status, at(2), making(receipt));
    assert!(marked.await.unwrap().is_some());
}

async fn unsent(store: &Store) -> Vec<String> {
    let due = store.due(at(9_999), 100).await.unwrap();
    ids(&due).iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_later_receipt_goes_in_the_place_of_what_was_not_delivered_yet() {
    let folder = folder();
    let store = open(&folder);
    let new = NewIncoming {
        receipt: Some(receipt("delivered", "m-1")),
        ..arrival("m-1")
    };
    store.take_in(new).await.unwrap();
    let other = NewIncoming {
        receipt: Some(receipt("other", "m-2")),
        ..arrival("m-2")
    };
    store.take_in(other).await.unwrap();
    mark(&store, InboxStatus::Read, "read").await;
    assert_eq!(unsent(&store).await, ["other", "read"]);
    mark(&store, InboxStatus::Read, "read-again").await;
    assert_eq!(
        unsent(&store).await,
        ["other", "read"],
        "a repeated mark is no news"
    );
    mark(&store, InboxStatus::Processed, "processed").await;
    mark(&store, InboxStatus::Read, "late").await;
    assert_eq!(unsent(&store).await, ["other", "processed"]);
}

#[tokio::test]
async fn one_that_was_delivered_is_not_taken_back() {
    let folder = folder();
    let store = open(&folder);
    store.take_in(arrival("m-1")).await.unwrap();
    mark(&store, InboxStatus::Read, "read").await;
    let sent = store.find_read().await;
    store
        .advance(sent.key, step(Status::Delivered, at(3)))
        .await
        .unwrap();
    mark(&store, InboxStatus::Processed, "processed").await;
    let after = store.outgoing(sent.key).await.unwrap().unwrap();
    assert_eq!(after.status, Status::Delivered);
    assert_eq!(unsent(&store).await, ["processed"]);
}

#[tokio::test]
async fn that_nobody_woke_the_agent_is_told_unless_it_has_read_the_message() {
    for read_meanwhile in [false, true] {
        let folder = folder();
        let store = open(&folder);
        let wake = NewOutgoing {
            kind: Kind::Wake,
            ..message("m-1")
        };
        let new = NewIncoming {
            wake: Some(wake),
            ..arrival("m-1")
        };
        store.take_in(new).await.unwrap();
        let wake = store.find_outgoing(None, "m-1").await.unwrap().unwrap();
        if read_meanwhile {
            mark(&store, InboxStatus::Read, "read").await;
        }
        let ended = store.advance_and_tell(wake.key, step(Status::Dead, at(3)), receipt("failed", "m-1"));
        assert_eq!(ended.await.unwrap().status, Status::Dead);
        let expected = if read_meanwhile { "read" } else { "failed" };
        assert_eq!(unsent(&store).await, [expected]);
    }
}

impl Store {
    /// The receipt of the first mark.
    async fn find_read(&self) -> Outgoing {
        let due = self.due(at(9_999), 100).await.unwrap();
        due.into_iter().find(|row| row.id == "read").unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_comes_late_twice_and_out_of_order_the_greatest_holds(
        words in prop::collection::vec(0_usize..5, 1..12),
    ) {
        const ORDER: [&str; 5] = ["accepted", "delivered", "failed", "read", "processed"];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = folder();
            let store = open(&folder);
            let key = accepted(&store, message("m-1")).await;
            let mut greatest = 0;
            for word in words {
                greatest = greatest.max(word);
                let known = store.record_receipt("byway://a/planner", "m-1", "executor@b", ORDER[word], at(2));
                assert!(known.await.unwrap());
                let row = store.outgoing(key).await.unwrap().unwrap();
                assert_eq!(row.receipt.as_deref(), Some(ORDER[greatest]));
            }
        });
    }
}
