//! Both kinds of a sudden end that can be had without a special disk: the process is killed, and the
//! files are copied while they are in use.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::*;
use crate::error_code::ErrorCode;

const FOLDER: &str = "BYWAY_TEST_STORE_FOLDER";

#[tokio::test]
async fn what_was_answered_is_in_the_files_at_once() {
    let folder = folder();
    let store = open(&folder);
    accepted(&store, message("1")).await;
    let left = super::folder();
    for name in [FILE, "byway.sqlite3-wal"] {
        std::fs::copy(folder.path().join(name), left.path().join(name)).unwrap();
    }
    let found = open(&left).due(at(0), 10).await.unwrap();
    assert_eq!(found[0].envelope_json, message("1").envelope_json);
}

#[tokio::test]
async fn a_torn_log_loses_only_what_was_not_answered() {
    let folder = folder();
    let store = open(&folder);
    accepted(&store, message("1")).await;
    let log = folder.path().join("byway.sqlite3-wal");
    let answered = std::fs::metadata(&log).unwrap().len();
    accepted(&store, message("2")).await;
    let whole = std::fs::read(&log).unwrap();
    let database = std::fs::read(folder.path().join(FILE)).unwrap();
    // As a power cut in the middle of the second commit leaves it, at every kilobyte.
    for length in (usize::try_from(answered).unwrap()..whole.len()).step_by(1_024) {
        let left = super::folder();
        std::fs::write(left.path().join(FILE), &database).unwrap();
        std::fs::write(left.path().join("byway.sqlite3-wal"), &whole[..length]).unwrap();
        let store = open(&left);
        assert_eq!(ids(&store.due(at(0), 10).await.unwrap()), ["1"], "{length} bytes");
        assert_eq!(events(&store).await, ["accepted"]);
    }
}

#[tokio::test]
async fn commits_that_failed_are_never_taken_for_commits_that_were_lost() {
    lossy_disk::install();
    let folder = folder();
    let watch = lossy_disk::watch(folder.path());
    let store = Store::open(folder.path(), Durability::Full).unwrap();
    accepted(&store, message("1")).await;
    // Each longer than what is written over it next, so that its end would stay in the log.
    for (id, bytes) in [("a", 900_000), ("b", 500_000), ("c", 100_000)] {
        watch.fail_syncs(1);
        let large = NewOutgoing {
            envelope_json: vec![b'x'; bytes],
            ..message(id)
        };
        let error = store.accept(large).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::StoreFailed, "{error}");
    }
    accepted(&store, message("2")).await;
    let left = super::folder();
    for name in [FILE, "byway.sqlite3-wal"] {
        std::fs::copy(folder.path().join(name), left.path().join(name)).unwrap();
    }
    let found = open(&left).due(at(0), 10).await.unwrap();
    assert_eq!(ids(&found), ["1", "2"]);
}

#[tokio::test]
async fn what_was_answered_outlives_a_kill() {
    let folder = folder();
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store::tests::crashing::accepts_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let mut answered: Vec<String> = lines
            .by_ref()
            .filter_map(|line| line.strip_prefix("answered ").map(str::to_owned))
            .take(20 * round)
            .collect();
        child.kill().unwrap();
        // Answers that were given while it was being killed count as well.
        answered.extend(lines.filter_map(|line| line.strip_prefix("answered ").map(str::to_owned)));
        child.wait().unwrap();
        assert!(answered.len() >= 20 * round, "the child never came so far");
        let store = open(&folder);
        for id in &answered {
            let row = store.find_outgoing(None, id).await.unwrap();
            assert!(row.is_some(), "{id} was answered in round {round}, and is lost");
            assert!(
                store.find_incoming(None, id).await.unwrap().is_some(),
                "{id} is in no inbox"
            );
        }
        // Whatever else is there is whole: a wake for each message, a message for each wake.
        let rows = store
            .inbox("executor", false, None, 100_000)
            .await
            .unwrap()
            .items
            .len() as u64;
        assert_eq!(store.counts().await.unwrap().waiting, rows);
    }
}

/// Not a test: the process that [`what_was_answered_outlives_a_kill`] kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "is started, and killed, by another test"]
async fn accepts_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = Store::open(Path::new(&folder), Durability::Full).unwrap();
    let takers = (0..8).map(|taker| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..100_000 {
                let id = format!("{}-{taker}-{number}", std::process::id());
                let wake = NewOutgoing {
                    kind: Kind::Wake,
                    ..message(&id)
                };
                let new = NewIncoming {
                    wake: Some(wake),
                    ..arrival(&id)
                };
                store.take_in(new).await.unwrap();
                println!("answered {id}");
            }
        })
    });
    for taker in takers.collect::<Vec<_>>() {
        taker.await.unwrap();
    }
}
