//! The chain and its checkpoints, in real files: what is done to the database behind byway's back shows.

use std::sync::Arc;

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::envelope::PublicKey;

pub(super) struct Pen(SigningKey);

impl CheckpointSigner for Pen {
    fn key(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
}

pub(super) fn pen() -> Arc<Pen> {
    Arc::new(Pen(SigningKey::from_bytes(&[5; 32])))
}

pub(super) fn signing(folder: &TempDir) -> Store {
    let store = open(folder);
    store.sign_checkpoints_with(pen());
    store
}

pub(super) fn looked_at(folder: &TempDir) -> Report {
    verify(folder.path(), &pen().key(), true).unwrap()
}

fn faults(folder: &TempDir) -> Vec<Fault> {
    looked_at(folder)
        .findings
        .iter()
        .map(|finding| finding.fault)
        .collect()
}

/// A journal of all kinds of rows, closed.
async fn written(folder: &TempDir) {
    let store = signing(folder);
    let key = accepted(&store, message("1")).await;
    let tried = vec![attempt(Some(1), "retryable"), attempt(None, "skipped")];
    store
        .advance(
            key,
            Advance {
                attempts: tried,
                ..step(Status::Waiting, at(2))
            },
        )
        .await
        .unwrap();
    store
        .record_receipt("byway://a/planner", "1", "executor@b", "read", at(3))
        .await
        .unwrap();
    store.advance(key, step(Status::Delivered, at(4))).await.unwrap();
    let both = NewIncoming {
        wake: Some(NewOutgoing {
            kind: Kind::Wake,
            ..message("2")
        }),
        ..arrival("2")
    };
    store.take_in(both.clone()).await.unwrap();
    store.take_in(both).await.unwrap();
    store
        .mark("executor", "2", InboxStatus::Read, at(5))
        .await
        .unwrap();
    store
        .take_in(NewIncoming {
            digest: [9; 32],
            ..arrival("2")
        })
        .await
        .unwrap();
}

/// As somebody who knows how to get round the triggers.
fn behind_its_back(folder: &TempDir, statements: &str) {
    let shell = shell(folder);
    for trigger in [
        "journal_is_not_changed",
        "journal_is_not_shortened",
        "journal_is_not_replaced",
    ] {
        shell.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    shell.execute_batch(statements).unwrap();
}

#[tokio::test]
async fn what_byway_wrote_is_sound_and_replays_to_what_the_tables_hold() {
    let folder = folder();
    written(&folder).await;
    let report = looked_at(&folder);
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.signed_through, report.first), (report.last, 1));
    // A second start goes on with the same chain.
    let store = signing(&folder);
    accepted(&store, message("3")).await;
    let while_it_runs = looked_at(&folder);
    assert!(while_it_runs.is_sound(), "{while_it_runs:?}");
    drop(store);
    let report = looked_at(&folder);
    assert!(report.is_sound() && report.checkpoints >= 2, "{report:?}");
}

#[tokio::test]
async fn what_is_done_behind_its_back_is_found() {
    for (attack, expected) in [
        ("UPDATE journal SET detail = '{}' WHERE seq = 3", Fault::Altered),
        ("UPDATE journal SET at = at + 1 WHERE seq = 1", Fault::Altered),
        ("DELETE FROM journal WHERE seq = 2", Fault::Missing),
        ("DELETE FROM journal WHERE seq = 1", Fault::Missing),
        (
            "UPDATE pruned SET through = 2; DELETE FROM journal WHERE seq <= 2",
            Fault::Missing,
        ),
        ("DELETE FROM journal WHERE seq > 4", Fault::Truncated),
        ("DELETE FROM journal; DELETE FROM checkpoint", Fault::Truncated),
        ("UPDATE checkpoint SET hash = zeroblob(32)", Fault::Unsigned),
        (
            "UPDATE outgoing SET status = 'dead' WHERE id = '1'",
            Fault::Differs,
        ),
        ("UPDATE incoming SET status = 'processed'", Fault::Differs),
        ("DELETE FROM attempt", Fault::Differs),
        ("DELETE FROM outgoing WHERE kind = 'wake'", Fault::Differs),
    ] {
        let folder = folder();
        written(&folder).await;
        behind_its_back(&folder, &format!("PRAGMA foreign_keys = ON; {attack}"));
        let found = faults(&folder);
        assert!(found.contains(&expected), "{attack}: {found:?}");
    }
}

#[tokio::test]
async fn a_cut_end_stays_in_view_when_byway_goes_on() {
    let folder = folder();
    written(&folder).await;
    behind_its_back(
        &folder,
        "DELETE FROM journal WHERE seq > 4; DELETE FROM checkpoint WHERE seq > 4",
    );
    let store = signing(&folder);
    for id in 10..30 {
        accepted(&store, message(&id.to_string())).await;
    }
    assert!(events(&store).await.contains(&"journal-broken".to_owned()));
    drop(store);
    assert!(
        faults(&folder).contains(&Fault::Rewritten),
        "{:?}",
        looked_at(&folder)
    );
    drop(signing(&folder));
    assert!(
        faults(&folder).contains(&Fault::Rewritten),
        "a further start hides nothing"
    );
}

#[tokio::test]
async fn a_checkpoint_file_that_is_gone_or_damaged_is_found() {
    let folder = folder();
    written(&folder).await;
    let file = folder.path().join("journal.checkpoint");
    let line = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, line.replace("v1", "v2")).unwrap();
    assert_eq!(faults(&folder), [Fault::NoCheckpoint]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(faults(&folder), [Fault::NoCheckpoint]);
}

#[tokio::test]
async fn many_rows_are_signed_on_the_way() {
    let folder = folder();
    let store = signing(&folder);
    accepted(&store, message("0")).await;
    let noting = (0..4_400).map(|number| {
        store.note(Note {
            at: at(number),
            event: "refused".into(),
            id: None,
            source: None,
            recipient: None,
            detail: "{}".into(),
        })
    });
    futures_util::future::join_all(noting).await;
    let report = looked_at(&folder);
    assert!(report.is_sound() && report.signed_through > 4_000, "{report:?}");
}

#[tokio::test]
async fn rows_of_an_older_byway_count_together_with_those_of_this_one() {
    let folder = folder();
    let store = signing(&folder);
    let key = accepted(&store, message("1")).await;
    let told = |event: &str| Note {
        at: at(1),
        event: event.into(),
        id: Some("1".into()),
        source: Some("byway://a/planner".into()),
        recipient: Some("executor@b".into()),
        detail: format!("{{\"out\":{}}}", key.0),
    };
    // As schema 7 told of them: a row for each, and one for the step.
    store.note(told("attempt")).await.unwrap();
    store.note(told("skipped")).await.unwrap();
    drop(store);
    let by_hand = -0x6279_2068_616e_6421_i64;
    let tried = |number: &str| {
        format!(
            "INSERT INTO attempt (key, number, transport, mode, outcome, began, took_ms, sum) \
             VALUES ({}, {number}, 'hook', 'deliver', 'retryable', 0, 1, {by_hand});",
            key.0
        )
    };
    shell(&folder)
        .execute_batch(&format!(
            "{}{}DROP TRIGGER journal_is_not_replaced; CREATE TRIGGER journal_is_not_replaced BEFORE INSERT ON journal \
             WHEN EXISTS (SELECT 1 FROM journal WHERE seq = NEW.seq) OR length(NEW.hash) <> 32 \
             BEGIN SELECT RAISE(ABORT, 'no'); END; PRAGMA user_version = 7;",
            tried("1"),
            tried("NULL"),
        ))
        .unwrap();
    let store = signing(&folder);
    let attempts = vec![attempt(Some(2), "retryable"), attempt(None, "skipped")];
    let advance = Advance {
        attempts,
        ..step(Status::Waiting, at(2))
    };
    store.advance(key, advance).await.unwrap();
    assert_eq!(store.attempts(key).await.unwrap().len(), 4);
    drop(store);
    let report = looked_at(&folder);
    assert!(report.is_sound(), "{report:?}");
    // And what is refused is still refused.
    for wrong in ["3", "0 - 1", "NULL"] {
        let add = format!(
            "INSERT OR REPLACE INTO journal (seq, at, event, detail, hash) VALUES ({wrong}, 0, 'x', '{{}}', x'00')"
        );
        assert!(shell(&folder).execute_batch(&add).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_journal_without_rows_goes_on_where_it_was_pruned() {
    let folder = folder();
    let store = signing(&folder);
    accepted(&store, message("1")).await;
    let checkpoint = store.checkpoint().await.unwrap().unwrap();
    drop(store);
    let through = checkpoint.mark.seq;
    shell(&folder)
        .execute_batch(&format!(
            "UPDATE pruned SET through = {through}; DELETE FROM journal; DELETE FROM outgoing;"
        ))
        .unwrap();
    let store = signing(&folder);
    accepted(&store, message("2")).await;
    accepted(&store, message("3")).await;
    let seqs: Vec<i64> = store
        .journal(0, 9)
        .await
        .unwrap()
        .iter()
        .map(|row| row.seq)
        .collect();
    assert_eq!(seqs, [through + 1, through + 2]);
    drop(store);
    let report = looked_at(&folder);
    assert!(report.is_sound(), "{report:?}");
}

/// A database of the first schema, with rows that name no key.
#[tokio::test]
async fn a_journal_without_a_chain_is_chained() {
    let folder = folder();
    let old = shell(&folder);
    old.execute_batch(include_str!("../schema/0001.sql")).unwrap();
    old.execute_batch(
        "PRAGMA user_version = 1; PRAGMA journal_mode = WAL;
         INSERT INTO outgoing (kind, id, source, recipient, instance, digest, principal, priority, status, flight, deadline,
            accepted_at, receipt) VALUES ('message', '1', 's', 'x@b', 'b', x'01', 'admin', 1, 'delivered', '{}', 9, 1, 'read');
         INSERT INTO attempt (key, number, transport, mode, outcome, began, took_ms) VALUES (1, 1, 't', 'deliver', 'delivered', 1, 1);
         INSERT INTO incoming (id, source, recipient, agent, authority, via, status, received_at, changed_at)
            VALUES ('2', 's', 'x@a', 'x', 'local', 'api', 'read', 1, 1);
         INSERT INTO journal (at, event, id, detail) VALUES (1, 'accepted', '1', '{}'), (2, 'delivered', '1', '{}');",
    )
    .unwrap();
    drop(old);
    let store = signing(&folder);
    accepted(&store, message("3")).await;
    assert_eq!(
        events(&store).await,
        ["accepted", "delivered", "standing", "standing", "accepted"]
    );
    drop(store);
    let report = looked_at(&folder);
    assert!(report.is_sound(), "{report:?}");
}

#[tokio::test]
async fn looking_makes_and_changes_nothing() {
    let empty = folder();
    assert!(verify(empty.path(), &pen().key(), true).is_err());
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
    let folder = folder();
    written(&folder).await;
    let before = std::fs::read(folder.path().join(FILE)).unwrap();
    looked_at(&folder);
    assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), before);
}
