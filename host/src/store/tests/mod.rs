//! What the store promises, held against real files.

mod accepting;
mod advancing;
mod chaining;
mod crashing;
mod damaging;
mod deciding;
mod flat;
mod grouping;
mod hastening;
mod in_line;
mod journalling;
mod limiting;
mod opening;
mod plans;
mod receipting;
mod recording;
mod retaining;
mod straying;
mod taking_in;

use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;

/// A moment of the tests' own clock.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &TempDir) -> Store {
    Store::open(folder.path(), Durability::Process).unwrap()
}

/// What is due, as the tests ask for it: the most urgent first, whatever it waits for but its turn.
impl Store {
    async fn due(&self, now: Timestamp, most: usize) -> Result<Vec<Outgoing>, StoreError> {
        self.look(move |look| {
            let mut keys = Vec::new();
            for priority in (0..=PRIORITY_MAX).rev() {
                for part in look.parts()?.iter().filter(|part| *part != "turn") {
                    keys.extend(look.due(part, priority, now, most)?);
                }
            }
            let rows = keys.iter().take(most).map(|due| look.message(due.key));
            Ok(rows.collect::<Looked<Vec<_>>>()?.into_iter().flatten().collect())
        })
        .await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.look(move |look| {
            let next = (0..=PRIORITY_MAX).map(|priority| look.next_due("", priority, now));
            Ok(next.collect::<Looked<Vec<_>>>()?.into_iter().flatten().min())
        })
        .await
    }
}

fn refusal(folder: &Path) -> StoreError {
    match Store::open(folder, Durability::Full) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

/// A connection beside byway's own, as a person's shell would have it.
fn shell(folder: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.path().join(FILE)).unwrap()
}

fn message(id: &str) -> NewOutgoing {
    NewOutgoing {
        kind: Kind::Message,
        envelope_json: format!(r#"{{"id":"{id}"}}"#).into_bytes(),
        id: id.into(),
        source: "byway://a/planner".into(),
        sender: Some("planner@a".parse().unwrap()),
        recipient: "executor@b".parse().unwrap(),
        digest: [1; 32],
        principal: "agent:planner".into(),
        idempotency: None,
        priority: 1,
        partition_key: None,
        flight: "{}".into(),
        due_at: at(0),
        deadline: at(1_000),
        expires: None,
        accepted_at: at(0),
    }
}

fn arrival(id: &str) -> NewIncoming {
    NewIncoming {
        envelope_json: format!(r#"{{"id":"{id}"}}"#).into_bytes(),
        id: id.into(),
        source: "byway://a/planner".into(),
        recipient: "executor@b".parse().unwrap(),
        subject: None,
        digest: [1; 32],
        authority: "peer:a".into(),
        via: "http".into(),
        received_at: at(0),
        keep_key_until: at(1_000),
        idempotency: None,
        wake: None,
        receipt: None,
    }
}

fn step(status: Status, due_at: Timestamp) -> Advance {
    Advance {
        at: at(1),
        status,
        due_at,
        waits_for: WaitsFor::Time,
        lets_pass: true,
        flight: r#"{"round":1}"#.into(),
        fallback: false,
        receipt: None,
        reason: None,
        attempts: Vec::new(),
    }
}

fn attempt(number: Option<u32>, outcome: &str) -> Attempt {
    Attempt {
        number,
        transport: "hook".into(),
        mode: "deliver".into(),
        outcome: outcome.into(),
        code: Some("http-503".into()),
        message: Some("the far side is busy".into()),
        fix: None,
        effect: Some("POST https://example.org/".into()),
        reference: None,
        began: at(1),
        took_ms: 12,
    }
}

async fn accepted(store: &Store, new: NewOutgoing) -> MessageKey {
    match store.accept(new).await.unwrap() {
        Accepted::New(key) => key,
        other => panic!("not new: {other:?}"),
    }
}

async fn events(store: &Store) -> Vec<String> {
    store
        .journal(0, 10_000)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.note.event)
        .collect()
}

fn ids(rows: &[Outgoing]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}
