//! A row of each sort that lies beside the messages: what an adapter keeps, a presented key, a cursor, a breaker. The work that
//! goes before damage writes few of them by itself.

use std::path::Path;

use byway::delivery::Flight;
use byway::envelope::Draft;
use byway::store::{Accepted, Durability, KeptBreaker, Kind, NewOutgoing, Store};
use jiff::{SignedDuration, Timestamp};

/// Writes them into a data folder, with two messages that they belong to.
pub fn write(data: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let store = Store::open(data, Durability::Full).unwrap();
    runtime.block_on(async {
        let now = Timestamp::now();
        for id in ["first", "second"] {
            let draft = Draft::new("byway://a/planner", "executor@far".parse().unwrap());
            let envelope = draft.text(id).finish(id.to_owned(), now).unwrap();
            let new = NewOutgoing {
                kind: Kind::Message,
                envelope_json: envelope.to_json(),
                id: id.into(),
                source: envelope.source.clone(),
                sender: envelope.sender(),
                recipient: envelope.recipient.clone(),
                digest: envelope.content_digest(),
                principal: "agent:planner".into(),
                idempotency: Some((format!("key of {id}"), [7; 32])),
                priority: 1,
                partition_key: Some("k".into()),
                flight: serde_json::to_string(&Flight::new(false)).unwrap(),
                due_at: now,
                deadline: now + SignedDuration::from_hours(24),
                expires: None,
                accepted_at: now,
            };
            let Accepted::New(key) = store.accept(new).await.unwrap() else {
                panic!("it is not new");
            };
            let kept = format!("of {id}, part 2 is out").into_bytes();
            store.save_progress(key, "chat", kept, now).await.unwrap();
        }
        for transport in ["mail", "telegram"] {
            let cursor = Some(b"4711".to_vec());
            store.set_cursor(transport, cursor).await.unwrap();
            let breaker = KeptBreaker {
                transport: transport.into(),
                fingerprint: "00ff00ff".into(),
                failures: 3,
                opened_at: Some(now),
            };
            store.keep_breaker(breaker).await.unwrap();
        }
    });
}
