//! A byte of the file is another, in a column that an index is of: the index still has what was written. A person's shell
//! changes both, so here the file is patched.

use super::chaining::{looked_at, signing};
use super::*;
use crate::error_code::ErrorCode;

/// Makes the file so large that its indexes are not compared with it at the start.
async fn pad(store: &Store) {
    let large = NewOutgoing {
        envelope_json: vec![b' '; 17 << 20],
        due_at: at(900),
        ..message("large")
    };
    accepted(store, large).await;
}

/// Writes other bytes in the place of these, which stand in the file once.
fn patch(folder: &TempDir, from: &[u8], to: &[u8]) {
    let file = folder.path().join(FILE);
    let mut bytes = std::fs::read(&file).unwrap();
    let found = bytes.windows(from.len()).enumerate();
    let places: Vec<usize> = found
        .filter(|(_, window)| *window == from)
        .map(|(place, _)| place)
        .collect();
    let [place] = places[..] else {
        panic!("it stands at {places:?}");
    };
    bytes[place..][..to.len()].copy_from_slice(to);
    std::fs::write(&file, &bytes).unwrap();
}

fn integrity(folder: &TempDir) -> String {
    shell(folder)
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn a_message_to_which_an_index_does_not_lead_stops_no_other() {
    let folder = folder();
    let store = signing(&folder);
    pad(&store).await;
    for id in ["1", "2", "3"] {
        let recipient = if id == "2" { "executor@quiet" } else { "executor@b" };
        let new = NewOutgoing {
            recipient: recipient.parse().unwrap(),
            ..message(id)
        };
        accepted(&store, new).await;
    }
    drop(store);
    // The recipient, and behind it its instance.
    patch(&folder, b"executor@quietquiet", b"executor@quietquieu");
    assert_ne!(integrity(&folder), "ok");
    let store = signing(&folder);
    assert_eq!(
        store.due(at(0), 10).await.unwrap_err().code(),
        ErrorCode::RowDamaged
    );
    assert_eq!(ids(&store.due(at(0), 10).await.unwrap()), ["1", "3"]);
    let error = store.find_outgoing(None, "2").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RowDamaged);
    assert_eq!(integrity(&folder), "ok");
    drop(store);
    let report = looked_at(&folder);
    assert!(report.is_sound(), "{report:?}");
}

#[tokio::test]
async fn a_message_that_became_anothers_namesake_is_set_aside_all_the_same() {
    let folder = folder();
    let store = open(&folder);
    pad(&store).await;
    accepted(&store, message("twin-a")).await;
    accepted(&store, message("twin-b")).await;
    drop(store);
    // No unique index can be made of the two.
    patch(&folder, b"messagetwin-b", b"messagetwin-a");
    let store = open(&folder);
    assert_eq!(
        store.due(at(0), 10).await.unwrap_err().code(),
        ErrorCode::RowDamaged
    );
    assert_eq!(ids(&store.due(at(0), 10).await.unwrap()), ["twin-a"]);
    assert_eq!(integrity(&folder), "ok");
}

#[tokio::test]
async fn a_damaged_message_in_an_inbox_is_set_aside_though_an_index_has_it() {
    let folder = folder();
    let store = open(&folder);
    pad(&store).await;
    for id in ["1", "2"] {
        let recipient = if id == "2" { "executor@quiet" } else { "executor@b" };
        let new = NewIncoming {
            recipient: recipient.parse().unwrap(),
            ..arrival(id)
        };
        store.take_in(new).await.unwrap();
    }
    drop(store);
    patch(&folder, b"executor@quietexecutor", b"executor@quietexecutos");
    let store = open(&folder);
    let marked = store
        .mark("executor", "2", InboxStatus::Read, at(5))
        .await
        .unwrap_err();
    assert_eq!(marked.code(), ErrorCode::RowDamaged);
    let page = store.inbox("executor", false, None, 10).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(integrity(&folder), "ok");
}

#[tokio::test]
async fn a_key_whose_time_is_damaged_is_still_a_key_and_stops_no_other_from_going() {
    let folder = folder();
    let store = open(&folder);
    pad(&store).await;
    for id in ["1", "2"] {
        let new = NewIncoming {
            authority: format!("peer:quiet-{id}"),
            ..arrival(id)
        };
        store.take_in(new).await.unwrap();
    }
    drop(store);
    // After the digest; the key of the first row takes no byte.
    let before = [b"peer:quiet-1executor@b".as_slice(), [1; 32].as_slice()].concat();
    let then = |byte| [before.as_slice(), &[byte]].concat();
    patch(&folder, &then(0x3b), &then(0xbb));
    let store = open(&folder);
    let again = || NewIncoming {
        authority: "peer:quiet-1".into(),
        ..arrival("1")
    };
    let error = store.take_in(again()).await.unwrap_err();
    assert_eq!(error, StoreError::RecordDamaged(DamagedRecord::TakenIn));
    let cutoffs = Cutoffs {
        now: at(2_000),
        delivered: Timestamp::MIN,
        dead: Timestamp::MIN,
        processed: Timestamp::MIN,
        journal: Timestamp::MIN,
    };
    assert!(store.prune(cutoffs).await.unwrap().keys >= 1);
    assert_eq!(integrity(&folder), "ok");
}

#[tokio::test]
async fn a_step_mends_what_was_damaged_of_when_a_message_is_due() {
    let folder = folder();
    let store = open(&folder);
    pad(&store).await;
    let new = NewOutgoing {
        flight: "{\"quiet\":1}".into(),
        ..message("1")
    };
    let key = accepted(&store, new).await;
    drop(store);
    // The state's text, and behind it when it is due.
    patch(&folder, b"{\"quiet\":1}\x3b", b"{\"quiet\":1}\x00");
    assert_ne!(integrity(&folder), "ok");
    let store = open(&folder);
    // One that leaves it where it stands does not touch that, and the index still leads to it.
    let damaged = store.outgoing(key).await.unwrap().unwrap().due_at;
    store.advance(key, step(Status::Waiting, damaged)).await.unwrap();
    assert_eq!(store.due(at(2), 10).await.unwrap().len(), 1);
    assert_ne!(integrity(&folder), "ok");
    store.advance(key, step(Status::Waiting, at(2))).await.unwrap();
    assert_eq!(store.due(at(2), 10).await.unwrap().len(), 1);
    assert_eq!(integrity(&folder), "ok");
}

#[tokio::test]
async fn the_next_of_a_partition_goes_though_it_is_damaged_when_the_first_has_ended() {
    let folder = folder();
    let store = open(&folder);
    pad(&store).await;
    let of_partition = |id: &str, flight: &str| NewOutgoing {
        partition_key: Some("k".into()),
        flight: flight.into(),
        ..message(id)
    };
    let first = accepted(&store, of_partition("1", "{}")).await;
    accepted(&store, of_partition("2", "{\"quiet\":1}")).await;
    drop(store);
    // Of the second, when it is due.
    patch(&folder, b"{\"quiet\":1}\x3b", b"{\"quiet\":1}\x00");
    assert_ne!(integrity(&folder), "ok");
    let store = open(&folder);
    store
        .advance(first, step(Status::Delivered, at(1)))
        .await
        .unwrap();
    assert_eq!(ids(&store.due(at(2), 10).await.unwrap()), ["2"]);
    assert_eq!(integrity(&folder), "ok");
}
