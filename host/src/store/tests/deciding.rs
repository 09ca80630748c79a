//! What a person decides holds for the message as it was seen, and for no other.

use super::*;

async fn seen(store: &Store, key: MessageKey) -> Outgoing {
    store.outgoing(key).await.unwrap().unwrap()
}

fn cancelled(message: &Outgoing) -> Intervention {
    Intervention {
        status: Status::Cancelled,
        reason: Some("cancelled by admin".into()),
        ..Intervention::about(message, "cancelled", "admin", at(5))
    }
}

async fn dead(store: &Store, id: &str, recipient: &str, reason: &str, transport: &str) -> MessageKey {
    let new = NewOutgoing {
        recipient: recipient.parse().unwrap(),
        ..message(id)
    };
    let key = accepted(store, new).await;
    let ended = Advance {
        reason: Some(reason.into()),
        attempts: vec![Attempt {
            transport: transport.into(),
            ..attempt(Some(1), "refused")
        }],
        ..step(Status::Dead, at(9))
    };
    store.advance(key, ended).await.unwrap();
    key
}

#[tokio::test]
async fn a_cancelled_message_begins_nothing_more() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("m-1")).await;
    let before = seen(&store, key).await;
    assert!(store.intervene(key, cancelled(&before)).await.unwrap());
    // The engine had it in hand, and was about to begin.
    let late = store.advance(key, step(Status::Waiting, at(1))).await.unwrap();
    assert_eq!(late.status, Status::Cancelled);
    let after = seen(&store, key).await;
    assert_eq!((after.status, after.flight), (Status::Cancelled, before.flight));
    assert!(store.due(at(9_999), 10).await.unwrap().is_empty());
    assert_eq!(events(&store).await, ["accepted", "cancelled", "ended-before"]);
}

#[tokio::test]
async fn what_has_moved_on_is_not_decided_about_unseen() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("m-1")).await;
    let before = seen(&store, key).await;
    store.advance(key, step(Status::Waiting, at(1))).await.unwrap();
    assert!(!store.intervene(key, cancelled(&before)).await.unwrap());
    assert_eq!(seen(&store, key).await.status, Status::Waiting);
    assert_eq!(
        events(&store).await,
        ["accepted", "waiting"],
        "and nothing is told that did not happen"
    );
}

#[tokio::test]
async fn a_receipt_after_the_cancelling_is_kept_and_shown() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("m-1")).await;
    let before = seen(&store, key).await;
    assert!(store.intervene(key, cancelled(&before)).await.unwrap());
    let words = ("byway://a/planner", "m-1", "executor@b");
    assert!(
        store
            .record_receipt(words.0, words.1, words.2, "read", at(6))
            .await
            .unwrap()
    );
    let after = seen(&store, key).await;
    assert_eq!(
        (after.status, after.receipt.as_deref()),
        (Status::Cancelled, Some("read"))
    );
    assert!(store.due(at(9_999), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_redriven_message_is_due_again_with_its_story() {
    let folder = folder();
    let store = open(&folder);
    let key = dead(&store, "m-1", "executor@b", "refused", "hook").await;
    let before = seen(&store, key).await;
    let again = Intervention {
        status: Status::Waiting,
        reason: None,
        flight: "{}".into(),
        due_at: at(20),
        deadline: at(5_000),
        envelope_json: Some(b"{\"later\":true}".to_vec()),
        ..Intervention::about(&before, "redriven", "admin", at(20))
    };
    assert!(store.intervene(key, again.clone()).await.unwrap());
    assert!(
        !store.intervene(key, again).await.unwrap(),
        "twice asked is once done"
    );
    let due = store.due(at(20), 10).await.unwrap();
    assert_eq!(ids(&due), ["m-1"]);
    assert_eq!((due[0].deadline, due[0].ended_at), (at(5_000), None));
    assert_eq!(due[0].envelope_json, b"{\"later\":true}");
    assert_eq!(store.attempts(key).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_adapters_have_kept_is_forgotten_only_where_that_was_decided() {
    let folder = folder();
    let store = open(&folder);
    for forgets_progress in [false, true] {
        let key = dead(
            &store,
            &format!("{forgets_progress}"),
            "executor@b",
            "late",
            "hook",
        )
        .await;
        store.save_progress(key, "hook", vec![1], at(10)).await.unwrap();
        let again = Intervention {
            status: Status::Waiting,
            forgets_progress,
            ..Intervention::about(&seen(&store, key).await, "redriven", "admin", at(20))
        };
        assert!(store.intervene(key, again).await.unwrap());
        let kept = store.progress(key, "hook").await.unwrap();
        assert_eq!(kept.is_none(), forgets_progress);
        assert_eq!(seen(&store, key).await.has_progress, !forgets_progress);
    }
}

#[tokio::test]
async fn one_that_is_sent_instead_comes_with_the_end_of_the_other() {
    let folder = folder();
    let store = open(&folder);
    let key = dead(&store, "m-1", "executor@b", "too old", "hook").await;
    let before = seen(&store, key).await;
    let anew = Intervention {
        status: Status::Dropped,
        instead: Some(Box::new(message("m-2"))),
        ..Intervention::about(&before, "redriven", "admin", at(20))
    };
    assert!(store.intervene(key, anew).await.unwrap());
    assert_eq!(seen(&store, key).await.status, Status::Dropped);
    assert_eq!(ids(&store.due(at(20), 10).await.unwrap()), ["m-2"]);
}

#[tokio::test]
async fn dead_letters_are_found_by_what_is_asked_and_in_parts() {
    let folder = folder();
    let store = open(&folder);
    for (id, recipient, reason, transport) in [
        ("m-1", "executor@b", "hook: Too Large (413)", "hook"),
        ("m-2", "tester@c", "hook: not found", "hook"),
        ("m-3", "tester@b", "ssh: no such host", "ssh"),
    ] {
        dead(&store, id, recipient, reason, transport).await;
    }
    accepted(&store, message("m-4")).await;
    let found = async |filter: DeadFilter| {
        let page = store.dead_letters(filter, None, 10).await.unwrap();
        ids(&page.items)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let any = DeadFilter::default;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(any()).await, ["m-1", "m-2", "m-3"]);
    assert_eq!(
        found(DeadFilter {
            recipient: text("*@b"),
            ..any()
        })
        .await,
        ["m-1", "m-3"]
    );
    assert_eq!(
        found(DeadFilter {
            recipient: text("tester@*"),
            ..any()
        })
        .await,
        ["m-2", "m-3"]
    );
    assert_eq!(
        found(DeadFilter {
            reason: text("too large"),
            ..any()
        })
        .await,
        ["m-1"]
    );
    assert_eq!(
        found(DeadFilter {
            transport: text("ssh"),
            ..any()
        })
        .await,
        ["m-3"]
    );
    assert_eq!(
        found(DeadFilter {
            ended_by: Some(at(0)),
            ..any()
        })
        .await,
        Vec::<String>::new()
    );
    let first = store.dead_letters(any(), None, 2).await.unwrap();
    assert_eq!(ids(&first.items), ["m-1", "m-2"]);
    let rest = store.dead_letters(any(), first.next, 2).await.unwrap();
    assert_eq!((ids(&rest.items), rest.next), (vec!["m-3"], None));
}
