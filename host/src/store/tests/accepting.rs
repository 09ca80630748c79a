use super::*;

#[tokio::test]
async fn gives_back_what_was_accepted() {
    let folder = folder();
    let store = open(&folder);
    let new = NewOutgoing {
        expires: Some(at(500)),
        partition_key: Some("p".into()),
        ..message("1")
    };
    let key = accepted(&store, new.clone()).await;
    let found = store.outgoing(key).await.unwrap().unwrap();
    assert_eq!(found.envelope_json, new.envelope_json);
    assert_eq!(
        (found.id, found.source, found.recipient),
        (new.id, new.source, new.recipient)
    );
    assert_eq!(
        (found.sender, found.kind, found.flight),
        (new.sender, new.kind, new.flight)
    );
    assert_eq!(
        (found.due_at, found.deadline, found.expires),
        (at(0), at(1_000), Some(at(500)))
    );
    assert_eq!((found.accepted_at, found.ended_at), (at(0), None));
    assert_eq!(
        (found.status, found.receipt, found.fallback),
        (Status::Waiting, None, false)
    );
}

#[tokio::test]
async fn a_repeated_message_is_the_same_and_other_content_is_a_conflict() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("1")).await;
    store.advance(key, step(Status::Held, at(9))).await.unwrap();
    match store.accept(message("1")).await.unwrap() {
        Accepted::Same(earlier) => assert_eq!((earlier.id.as_str(), earlier.status.as_str()), ("1", "held")),
        other => panic!("{other:?}"),
    }
    let altered = NewOutgoing {
        digest: [2; 32],
        ..message("1")
    };
    assert!(matches!(
        store.accept(altered).await.unwrap(),
        Accepted::IdConflict
    ));
    assert_eq!(store.due(at(9), 10).await.unwrap().len(), 1);
    assert_eq!(events(&store).await, ["accepted", "held", "again", "conflict"]);
}

#[tokio::test]
async fn one_id_may_go_to_several_recipients_and_come_from_several_sources() {
    let folder = folder();
    let store = open(&folder);
    accepted(&store, message("1")).await;
    accepted(
        &store,
        NewOutgoing {
            recipient: "other@b".parse().unwrap(),
            ..message("1")
        },
    )
    .await;
    accepted(
        &store,
        NewOutgoing {
            source: "byway://a/other".into(),
            ..message("1")
        },
    )
    .await;
    accepted(
        &store,
        NewOutgoing {
            kind: Kind::Receipt,
            ..message("1")
        },
    )
    .await;
    assert_eq!(store.due(at(0), 10).await.unwrap().len(), 4);
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_request_of_one_principal() {
    let folder = folder();
    let store = open(&folder);
    let keyed = |id: &str, digest: u8| NewOutgoing {
        idempotency: Some(("k".into(), [digest; 32])),
        ..message(id)
    };
    accepted(&store, keyed("1", 7)).await;
    // The server gave the repeated request another id.
    match store.accept(keyed("2", 7)).await.unwrap() {
        Accepted::Same(earlier) => {
            assert_eq!((earlier.id.as_str(), earlier.status.as_str()), ("1", "waiting"))
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        store.accept(keyed("3", 8)).await.unwrap(),
        Accepted::KeyConflict
    ));
    accepted(
        &store,
        NewOutgoing {
            principal: "agent:other".into(),
            ..keyed("4", 8)
        },
    )
    .await;
    assert_eq!(ids(&store.due(at(0), 10).await.unwrap()), ["1", "4"]);
}

#[tokio::test]
async fn an_idempotency_key_is_forgotten_after_thirty_days() {
    const DAY: i64 = 24 * 3600;
    let folder = folder();
    let store = open(&folder);
    let keyed = |id: &str, digest: u8, second: i64| NewOutgoing {
        idempotency: Some(("k".into(), [digest; 32])),
        accepted_at: at(second),
        ..message(id)
    };
    accepted(&store, keyed("1", 7, 0)).await;
    let day_before = store.accept(keyed("2", 8, 29 * DAY)).await.unwrap();
    assert!(matches!(day_before, Accepted::KeyConflict));
    accepted(&store, keyed("3", 8, 30 * DAY)).await;
    // From then on it stands for the new request.
    let old = store.accept(keyed("4", 7, 31 * DAY)).await.unwrap();
    assert!(matches!(old, Accepted::KeyConflict));
}

#[tokio::test]
async fn a_message_that_is_not_new_leaves_no_idempotency_key() {
    let folder = folder();
    let store = open(&folder);
    accepted(&store, message("1")).await;
    let conflict = NewOutgoing {
        digest: [2; 32],
        idempotency: Some(("k".into(), [2; 32])),
        ..message("1")
    };
    assert!(matches!(
        store.accept(conflict).await.unwrap(),
        Accepted::IdConflict
    ));
    accepted(
        &store,
        NewOutgoing {
            idempotency: Some(("k".into(), [3; 32])),
            ..message("2")
        },
    )
    .await;
}

#[tokio::test]
async fn the_urgent_go_first_and_the_least_urgent_still_goes() {
    let folder = folder();
    let store = open(&folder);
    for (id, priority, due) in [
        ("low", 0, 0),
        ("urgent-2", 3, 2),
        ("urgent-1", 3, 1),
        ("normal", 1, 0),
        ("later", 3, 60),
    ] {
        accepted(
            &store,
            NewOutgoing {
                priority,
                due_at: at(due),
                ..message(id)
            },
        )
        .await;
    }
    let due = |places| {
        let store = store.clone();
        async move { store.due(at(10), places).await.unwrap() }
    };
    assert_eq!(ids(&due(10).await), ["urgent-1", "urgent-2", "normal", "low"]);
    assert_eq!(ids(&due(1).await), ["urgent-1"]);
    assert!(due(0).await.is_empty());
    assert_eq!(store.next_due(at(10)).await.unwrap(), Some(at(60)));
    assert_eq!(store.next_due(at(60)).await.unwrap(), None);
}

#[tokio::test]
async fn no_priority_is_so_high_that_nobody_looks_for_it() {
    let folder = folder();
    let store = open(&folder);
    accepted(
        &store,
        NewOutgoing {
            priority: 255,
            ..message("1")
        },
    )
    .await;
    assert_eq!(ids(&store.due(at(0), 10).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn lists_go_through_everything_once_newest_first() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..7 {
        let other = NewOutgoing {
            recipient: "executor@c".parse().unwrap(),
            ..message(&format!("c{number}"))
        };
        accepted(&store, other).await;
        accepted(&store, message(&format!("b{number}"))).await;
    }
    let filter = OutgoingFilter {
        instance: Some("b".into()),
        status: Some(Status::Waiting),
        ..OutgoingFilter::default()
    };
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list_outgoing(filter.clone(), cursor, 3).await.unwrap();
        assert!(page.items.iter().all(|row| row.envelope_json.is_empty()));
        seen.extend(page.items.into_iter().map(|row| row.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["b6", "b5", "b4", "b3", "b2", "b1", "b0"]);
    let none = OutgoingFilter {
        source: Some("byway://a/nobody".into()),
        ..filter
    };
    assert!(store.list_outgoing(none, None, 3).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn an_id_finds_its_newest_message_but_no_receipt() {
    let folder = folder();
    let store = open(&folder);
    let first = accepted(&store, message("1")).await;
    let second = accepted(
        &store,
        NewOutgoing {
            source: "byway://a/other".into(),
            ..message("1")
        },
    )
    .await;
    accepted(
        &store,
        NewOutgoing {
            kind: Kind::Receipt,
            ..message("1")
        },
    )
    .await;
    let find =
        async |source: Option<&str>| store.find_outgoing(source, "1").await.unwrap().map(|row| row.key);
    assert_eq!(find(None).await, Some(second));
    assert_eq!(find(Some("byway://a/planner")).await, Some(first));
    assert_eq!(find(Some("byway://a/nobody")).await, None);
    assert!(store.find_outgoing(None, "2").await.unwrap().is_none());
}
