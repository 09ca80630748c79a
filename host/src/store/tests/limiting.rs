//! The disk is never filled: what is new is refused before, and what is there goes on.

use std::process::Command;

use super::*;
use crate::error_code::ErrorCode;

fn large(id: &str) -> NewOutgoing {
    NewOutgoing {
        envelope_json: vec![b'x'; 256 << 10],
        ..message(id)
    }
}

/// Accepts until it is refused, and says how many and why.
async fn fill(store: &Store) -> (Vec<MessageKey>, StoreError) {
    let mut keys = Vec::new();
    loop {
        match store.accept(large(&keys.len().to_string())).await {
            Ok(Accepted::New(key)) => keys.push(key),
            Ok(other) => panic!("{other:?}"),
            Err(error) => return (keys, error),
        }
        assert!(keys.len() < 200, "it was never refused");
    }
}

/// Whatever does not bring a new message goes on.
async fn goes_on(store: &Store, keys: &[MessageKey]) {
    for key in keys {
        let attempts = vec![attempt(Some(1), "delivered")];
        store
            .advance(
                *key,
                Advance {
                    attempts,
                    ..step(Status::Delivered, at(1))
                },
            )
            .await
            .unwrap();
    }
    store
        .record_receipt("byway://a/planner", "0", "executor@b", "read", at(2))
        .await
        .unwrap();
    accepted(
        store,
        NewOutgoing {
            kind: Kind::Receipt,
            ..message("receipt")
        },
    )
    .await;
    store
        .mark("executor", "early", InboxStatus::Processed, at(3))
        .await
        .unwrap();
    store.check().await.unwrap();
}

#[tokio::test]
async fn the_budget_is_kept_and_room_comes_back_with_pruning() {
    let folder = folder();
    let store = open(&folder);
    store.limit_disk(DiskLimits {
        bytes_max: 4 << 20,
        free_min: 0,
    });
    store.take_in(arrival("early")).await.unwrap();
    let (keys, error) = fill(&store).await;
    assert!((10..16).contains(&keys.len()), "{}", keys.len());
    assert_eq!(error.code(), ErrorCode::DiskFull);
    assert!(error.to_string().contains("store.disk_max"), "{error}");
    let late = NewIncoming {
        envelope_json: vec![b'x'; 512 << 10],
        ..arrival("late")
    };
    assert_eq!(store.take_in(late).await.unwrap_err().code(), ErrorCode::DiskFull);
    assert!(!events(&store).await.contains(&"taken-in late".to_owned()));
    goes_on(&store, &keys).await;
    let before = at(50);
    let all = Cutoffs {
        now: before,
        delivered: before,
        dead: before,
        processed: before,
        journal: before,
    };
    store.prune(all).await.unwrap();
    store.check_room().unwrap();
    accepted(&store, large("again")).await;
}

#[tokio::test]
async fn those_that_come_at_once_do_not_take_the_same_room() {
    let folder = folder();
    let store = open(&folder);
    store.limit_disk(DiskLimits {
        bytes_max: 4 << 20,
        free_min: 0,
    });
    let calls = (0..64).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.accept(large(&number.to_string())).await.is_ok() })
    });
    let mut taken = 0;
    for call in calls.collect::<Vec<_>>() {
        taken += usize::from(call.await.unwrap());
    }
    assert!((8..16).contains(&taken), "{taken}");
    let size = std::fs::metadata(folder.path().join(FILE)).unwrap().len();
    assert!(size < 5 << 20, "{size}");
}

#[tokio::test]
async fn a_full_disk_still_answers_about_what_it_has() {
    let folder = folder();
    let store = open(&folder);
    let others = |id: &str| {
        vec![
            NewPart::Out(Box::new(message(id))),
            NewPart::In(Box::new(arrival(id))),
        ]
    };
    accepted(&store, message("1")).await;
    store.take_in(arrival("2")).await.unwrap();
    store.accept_all(others("3")).await.unwrap();
    let lines = events(&store).await.len();
    store.limit_disk(DiskLimits {
        bytes_max: 0,
        free_min: 0,
    });
    let full = |error: StoreError| assert_eq!(error.code(), ErrorCode::DiskFull, "{error}");
    let again = store.accept(message("1")).await.unwrap();
    assert!(matches!(again, Accepted::Same(_)), "{again:?}");
    let other = NewOutgoing {
        digest: [2; 32],
        ..message("1")
    };
    let conflict = store.accept(other).await.unwrap();
    assert!(matches!(conflict, Accepted::IdConflict), "{conflict:?}");
    full(store.accept(message("new")).await.unwrap_err());
    let again = store.take_in(arrival("2")).await.unwrap();
    assert!(matches!(again, TakenIn::Again { .. }), "{again:?}");
    full(store.take_in(arrival("new")).await.unwrap_err());
    let again = store.accept_all(others("3")).await.unwrap();
    assert!(matches!(again, AcceptedAll::Same(_)), "{again:?}");
    full(store.accept_all(others("new")).await.unwrap_err());
    // One part of it is new.
    let parts = vec![
        NewPart::Out(Box::new(message("3"))),
        NewPart::Out(Box::new(message("4"))),
    ];
    full(store.accept_all(parts).await.unwrap_err());
    // Nothing of it was written, conflicts neither.
    assert_eq!(events(&store).await.len(), lines);
}

/// A disk of 24 MiB, which only root can make.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = folder();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "byway-test"])
            .arg(folder.path())
            .output();
        mounted
            .is_ok_and(|mounted| mounted.status.success())
            .then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_small_disk_is_never_filled() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("left out: a small disk cannot be mounted here, which takes root");
        return;
    };
    let data = disk.0.path().join("data");
    let store = Store::open(&data, Durability::Full).unwrap();
    store.limit_disk(DiskLimits {
        bytes_max: 1 << 40,
        free_min: 8 << 20,
    });
    store.take_in(arrival("early")).await.unwrap();
    let (keys, error) = fill(&store).await;
    assert!(keys.len() > 5, "{}", keys.len());
    assert_eq!(error.code(), ErrorCode::DiskFull);
    assert!(error.to_string().contains("store.free_min"), "{error}");
    assert_eq!(store.check_room().unwrap_err().code(), ErrorCode::DiskFull);
    goes_on(&store, &keys).await;
    // Somebody makes room: there is no need to tell byway.
    store.limit_disk(DiskLimits {
        bytes_max: 1 << 40,
        free_min: 0,
    });
    store.check_room().unwrap();
    drop(store);
}
