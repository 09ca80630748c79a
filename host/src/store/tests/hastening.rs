use super::*;

/// A message that was looked at, and stands so.
async fn looked_at(store: &Store, id: &str, priority: u8, step: Advance) -> MessageKey {
    let new = NewOutgoing {
        priority,
        ..message(id)
    };
    let key = accepted(store, new).await;
    store.advance(key, step).await.unwrap();
    key
}

#[tokio::test]
async fn what_waits_or_is_held_is_due_and_what_is_new_or_over_is_not() {
    let folder = folder();
    let store = open(&folder);
    let tried = |status, due| Advance {
        attempts: vec![attempt(Some(1), "retryable")],
        ..step(status, due)
    };
    looked_at(&store, "waits", 1, tried(Status::Waiting, at(900))).await;
    looked_at(&store, "is held", 3, tried(Status::Held, at(1_000))).await;
    let without_route = Advance {
        reason: Some("no route".into()),
        ..step(Status::Waiting, at(30))
    };
    looked_at(&store, "had no route", 0, without_route).await;
    looked_at(&store, "is over", 1, tried(Status::Dead, at(900))).await;
    let later = NewOutgoing {
        due_at: at(500),
        ..message("is not to go before")
    };
    accepted(&store, later).await;

    assert_eq!(store.hasten(at(10)).await.unwrap(), 3);
    let mut due = ids(&store.due(at(10), 100).await.unwrap())
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    due.sort();
    assert_eq!(due, ["had no route", "is held", "waits"]);
    assert_eq!(store.next_due(at(10)).await.unwrap(), Some(at(500)));
    assert_eq!(store.hasten(at(10)).await.unwrap(), 0);
}

#[tokio::test]
async fn more_than_one_piece_is_hastened_too() {
    let folder = folder();
    let store = open(&folder);
    let tried = Advance {
        attempts: vec![attempt(Some(1), "retryable")],
        ..step(Status::Waiting, at(900))
    };
    let all = (0..1_100).map(|number| {
        let (store, tried) = (store.clone(), tried.clone());
        async move {
            looked_at(&store, &number.to_string(), 1, tried).await;
        }
    });
    futures_util::future::join_all(all).await;
    assert_eq!(store.hasten(at(10)).await.unwrap(), 1_100);
}

#[tokio::test]
async fn what_waits_for_a_transport_is_due_again_when_the_routes_are_others() {
    let folder = folder();
    let store = open(&folder);
    assert_eq!(store.plan_by("one".into(), at(1), |_, _| false).await.unwrap(), 0);
    for (id, waits_for) in [
        ("place", WaitsFor::Place("hook".into())),
        ("open", WaitsFor::Open(vec!["hook".into(), "chat".into()])),
        ("time", WaitsFor::Time),
    ] {
        let step = Advance {
            waits_for,
            ..step(Status::Waiting, at(900))
        };
        looked_at(&store, id, 1, step).await;
    }
    for id in ["first", "in its turn"] {
        let partition_key = Some("k".into());
        accepted(
            &store,
            NewOutgoing {
                partition_key,
                due_at: at(900),
                ..message(id)
            },
        )
        .await;
    }
    assert_eq!(
        store.plan_by("one".into(), at(10), |_, _| false).await.unwrap(),
        0
    );
    drop(store);
    let store = open(&folder);
    assert_eq!(
        store.plan_by("two".into(), at(10), |_, _| false).await.unwrap(),
        2
    );
    assert_eq!(ids(&store.due(at(10), 100).await.unwrap()), ["place", "open"]);
    assert_eq!(
        store.plan_by("two".into(), at(10), |_, _| false).await.unwrap(),
        0
    );
    let parts = store.look(|look| look.parts()).await.unwrap();
    assert_eq!(parts, ["", "turn"]);
}
