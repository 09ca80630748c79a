use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::*;

/// Keeps the writer busy until the sender it gives back is dropped, so that what comes meanwhile is
/// one group. The task ends with the writer's answer.
async fn keep_busy(store: &Store) -> (mpsc::Sender<()>, JoinHandle<()>) {
    let (release, wait) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let wait = Mutex::new(wait);
    let held = store.clone();
    let busy = tokio::spawn(async move {
        let work = move |_: &rusqlite::Connection| {
            if let Some(begun) = begun.lock().unwrap().take() {
                let _ = begun.send(());
            }
            let _ = wait.lock().unwrap().recv();
            Ok(())
        };
        held.inner.writer.write(work).await.unwrap();
    });
    has_begun.await.unwrap();
    (release, busy)
}

/// Begins calls that become one group, and waits for all of them.
async fn together<T>(store: &Store, calls: Vec<impl Future<Output = T>>) -> Vec<T> {
    let (release, _) = keep_busy(store).await;
    // Unconstrained: else tokio lets a task begin only so many calls at a time.
    let mut all = std::pin::pin!(tokio::task::unconstrained(join_all(calls)));
    assert!(
        all.as_mut().now_or_never().is_none(),
        "each call is in the queue, and none is answered"
    );
    drop(release);
    all.await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_accepts_share_one_sync() {
    let folder = folder();
    let store = Store::open(folder.path(), Durability::Full).unwrap();
    let calls = (0..200)
        .map(|number| store.accept(message(&number.to_string())))
        .collect();
    for answer in together(&store, calls).await {
        assert!(matches!(answer.unwrap(), Accepted::New(_)));
    }
    assert_eq!(
        (store.commits(), store.calls()),
        (2, 201),
        "what kept it busy, and all the others"
    );
    assert_eq!(store.counts().await.unwrap().waiting, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_fit_all_get_their_answer() {
    let folder = folder();
    let store = open(&folder);
    let calls: Vec<_> = (0..2_000)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.accept(message(&number.to_string())).await })
        })
        .collect();
    for call in calls {
        assert!(matches!(call.await.unwrap().unwrap(), Accepted::New(_)));
    }
    assert!(store.commits() < 2_000 / 4, "{} transactions", store.commits());
    assert_eq!(store.calls(), 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_takes_nobody_with_it() {
    let folder = folder();
    let store = open(&folder);
    let bad = Note {
        at: at(0),
        event: "x".into(),
        id: None,
        source: None,
        recipient: None,
        detail: "not JSON".into(),
    };
    let calls = vec![
        store.accept(message("1")).map(|answer| answer.map(drop)).boxed(),
        store.note(bad).boxed(),
        store.accept(message("2")).map(|answer| answer.map(drop)).boxed(),
    ];
    let answers: Vec<bool> = together(&store, calls)
        .await
        .into_iter()
        .map(|answer| answer.is_ok())
        .collect();
    assert_eq!(answers, [true, false, true]);
    assert_eq!(store.due(at(0), 10).await.unwrap().len(), 2);
    assert_eq!(store.commits(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_given_up_in_the_middle_fails_only_the_call_that_did_it() {
    let folder = folder();
    let store = open(&folder);
    // As SQLite itself does on some disk errors: the transaction is gone, and the call has failed.
    let give_up = |tx: &rusqlite::Connection| {
        tx.execute_batch("ROLLBACK")?;
        tx.execute_batch("an error")
    };
    let calls = vec![
        store.accept(message("1")).map(|answer| answer.map(drop)).boxed(),
        store.inner.writer.write(give_up).boxed(),
        store.accept(message("2")).map(|answer| answer.map(drop)).boxed(),
    ];
    let answers: Vec<bool> = together(&store, calls)
        .await
        .into_iter()
        .map(|answer| answer.is_ok())
        .collect();
    assert_eq!(answers, [true, false, true]);
    assert_eq!(ids(&store.due(at(0), 10).await.unwrap()), ["1", "2"]);
    assert_eq!(events(&store).await, ["accepted", "accepted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_is_told_to_everybody() {
    let folder = folder();
    let store = open(&folder);
    // Found wrong only by the commit.
    let wrong_at_the_end = |tx: &rusqlite::Connection| {
        tx.execute_batch(
            "PRAGMA defer_foreign_keys = ON; INSERT INTO outgoing_body (key, json) VALUES (999, x'00')",
        )
    };
    let calls = vec![
        store.accept(message("1")).map(|answer| answer.map(drop)).boxed(),
        store.inner.writer.write(wrong_at_the_end).boxed(),
    ];
    for answer in together(&store, calls).await {
        assert!(matches!(answer.unwrap_err(), StoreError::Failed { .. }));
    }
    assert!(store.find_outgoing(None, "1").await.unwrap().is_none());
    assert!(events(&store).await.is_empty());
    accepted(&store, message("1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_on_the_disk_is_not_accepted() {
    let folder = folder();
    let store = open(&folder);
    let fill = |tx: &rusqlite::Connection| {
        let pages: i64 = tx.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        // Answers with the new limit.
        tx.query_row(&format!("PRAGMA max_page_count = {}", pages + 16), [], |row| {
            row.get::<_, i64>(0)
        })
    };
    store.inner.writer.write(fill).await.unwrap();
    let large = NewOutgoing {
        envelope_json: vec![b'x'; 1 << 20],
        ..message("large")
    };
    let calls = vec![
        store.accept(message("1")),
        store.accept(large),
        store.accept(message("2")),
    ];
    let answers = together(&store, calls).await;
    assert!(matches!(answers[0], Ok(Accepted::New(_))), "{answers:?}");
    assert!(matches!(answers[1], Err(StoreError::Full { .. })), "{answers:?}");
    assert!(matches!(answers[2], Ok(Accepted::New(_))), "{answers:?}");
    assert!(store.find_outgoing(None, "large").await.unwrap().is_none());
    assert_eq!(events(&store).await, ["accepted", "accepted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_is_an_error_and_then_works_again() {
    let folder = folder();
    let store = open(&folder);
    store
        .inner
        .writer
        .write(|tx| tx.busy_timeout(Duration::ZERO))
        .await
        .unwrap();
    let other = shell(&folder);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.accept(message("1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
    // Reading goes on.
    assert!(store.due(at(0), 10).await.unwrap().is_empty());
    other.execute_batch("ROLLBACK").unwrap();
    accepted(&store, message("1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_writer_that_is_gone() {
    let folder = folder();
    let store = open(&folder);
    let key = accepted(&store, message("1")).await;
    let die =
        |_: &rusqlite::Connection| -> rusqlite::Result<()> { panic!("the writer dies, as this test wants") };
    let calls = vec![
        store.accept(message("2")).map(|answer| answer.map(drop)).boxed(),
        store.inner.writer.write(die).boxed(),
        store.accept(message("3")).map(|answer| answer.map(drop)).boxed(),
    ];
    for answer in together(&store, calls).await {
        assert_eq!(answer.unwrap_err(), StoreError::Stopped);
    }
    assert_eq!(store.accept(message("4")).await.unwrap_err(), StoreError::Stopped);
    assert_eq!(store.check().await.unwrap_err(), StoreError::Stopped);
    // What was accepted can still be read, and a new start has it all.
    assert!(store.outgoing(key).await.unwrap().is_some());
    drop(store);
    assert_eq!(ids(&open(&folder).due(at(0), 10).await.unwrap()), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_no_longer_waits_for_is_written_whole() {
    let folder = folder();
    let store = open(&folder);
    let (release, busy) = keep_busy(&store).await;
    let mut gone = Box::pin(store.accept(message("1")));
    assert!(gone.as_mut().now_or_never().is_none());
    drop(gone);
    drop(release);
    busy.await.unwrap();
    // The last one that goes waits for the writer, so the folder is free at once.
    drop(store);
    assert_eq!(ids(&open(&folder).due(at(0), 10).await.unwrap()), ["1"]);
}

/// Something that takes its time to go.
struct SlowToGo(Arc<AtomicBool>);

impl Drop for SlowToGo {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_millis(100));
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_lets_go_of_what_it_holds_before_it_is_answered() {
    let folder = folder();
    let store = open(&folder);
    let gone = Arc::new(AtomicBool::new(false));
    let held = SlowToGo(Arc::clone(&gone));
    store
        .inner
        .writer
        .write(move |_| {
            let _ = &held;
            Ok(())
        })
        .await
        .unwrap();
    assert!(gone.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writer_ends_in_good_order_where_it_lets_go_of_the_store_last() {
    let folder = folder();
    let store = open(&folder);
    accepted(&store, message("1")).await;
    let (release, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let held = store.clone();
    let work = move |_: &rusqlite::Connection| {
        let _ = (&held, wait.lock().unwrap().recv());
        Ok(())
    };
    let mut gone = Box::pin(store.inner.writer.write(work));
    assert!(gone.as_mut().now_or_never().is_none());
    drop(gone);
    let counts = Arc::downgrade(&store.inner);
    drop(store);
    assert_eq!(counts.strong_count(), 1, "the call alone has the store");
    let panicked = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&panicked);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some("store-writer") {
            noted.store(true, Ordering::SeqCst);
        }
        usual(info);
    }));
    drop(release);
    let mut tries = 0;
    let again = loop {
        match Store::open(folder.path(), Durability::Process) {
            Ok(store) => break store,
            Err(error) => assert!(tries < 2_000, "{error}"),
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(!panicked.load(Ordering::SeqCst));
    assert_eq!(ids(&again.due(at(0), 10).await.unwrap()), ["1"]);
}
