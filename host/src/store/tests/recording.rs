//! A record beside a message that the disk damaged decides nothing: neither that a message is taken in twice, nor that it
//! goes out again in parts.

use super::*;
use crate::error_code::ErrorCode;

/// As a disk changes a byte: no trigger sees it.
fn damage(folder: &TempDir, statement: &str) {
    let shell = shell(folder);
    let table = [
        "attempt",
        "progress",
        "idempotency",
        "taken_in",
        "cursor",
        "breaker",
    ];
    for table in table {
        shell
            .execute_batch(&format!("DROP TRIGGER IF EXISTS {table}_without_sum"))
            .unwrap();
    }
    assert_eq!(shell.execute(statement, []).unwrap(), 1, "{statement}");
}

fn kept_aside(folder: &TempDir, table: &str) -> i64 {
    shell(folder)
        .query_row("SELECT count(*) FROM damaged WHERE origin = ?1", [table], |row| {
            row.get(0)
        })
        .unwrap()
}

fn breaker(transport: &str) -> KeptBreaker {
    KeptBreaker {
        transport: transport.into(),
        fingerprint: "00ff".into(),
        failures: 5,
        opened_at: Some(at(1)),
    }
}

#[tokio::test]
async fn a_damaged_attempt_is_shown_so_and_the_others_as_they_are() {
    for change in [
        "outcome = 'delivered'",
        "code = NULL",
        "message = 'well done'",
        "effect = NULL",
        "took_ms = 13",
        "began = began + 1",
        "transport = x'ff' || transport",
        "number = NULL",
        "sum = sum + 1",
    ] {
        let folder = folder();
        let store = open(&folder);
        let key = accepted(&store, message("1")).await;
        let attempts = vec![attempt(Some(1), "retryable"), attempt(Some(2), "unknown")];
        let advance = Advance {
            attempts: attempts.clone(),
            ..step(Status::Waiting, at(2))
        };
        store.advance(key, advance).await.unwrap();
        assert_eq!(store.attempts(key).await.unwrap(), attempts);
        damage(&folder, &format!("UPDATE attempt SET {change} WHERE seq = 1"));
        let read = store.attempts(key).await.unwrap();
        assert_eq!(read[0].outcome, "damaged", "{change}");
        assert_eq!(read[0].code.as_deref(), Some("BW410"), "{change}");
        assert_eq!(read[1], attempts[1], "{change}");
    }
}

#[tokio::test]
async fn damaged_progress_is_never_handed_over() {
    for change in ["bytes = x'02'", "saved_at = saved_at + 1", "sum = sum - 1"] {
        let folder = folder();
        let store = open(&folder);
        let key = accepted(&store, message("1")).await;
        for transport in ["chat", "hook"] {
            store.save_progress(key, transport, vec![1], at(1)).await.unwrap();
        }
        damage(
            &folder,
            &format!("UPDATE progress SET {change} WHERE transport = 'chat'"),
        );
        let error = store.progress(key, "chat").await.unwrap_err();
        assert_eq!(
            error,
            StoreError::RecordDamaged(DamagedRecord::Progress),
            "{change}"
        );
        assert_eq!(error.code(), ErrorCode::RowDamaged);
        assert_eq!(store.progress(key, "hook").await.unwrap(), Some(vec![1]));
        // It stays so, over a restart, too.
        drop(store);
        open(&folder).progress(key, "chat").await.unwrap_err();
    }
}

#[tokio::test]
async fn nothing_is_taken_in_twice_under_a_damaged_key() {
    for change in [
        "digest = x'00'",
        "key = 7",
        "kept_until = kept_until + 1",
        "kept_until = -9000000000000",
    ] {
        let folder = folder();
        let store = open(&folder);
        store.take_in(arrival("1")).await.unwrap();
        store.take_in(arrival("2")).await.unwrap();
        damage(&folder, &format!("UPDATE taken_in SET {change} WHERE id = '1'"));
        for _ in 0..2 {
            let error = store.take_in(arrival("1")).await.unwrap_err();
            assert_eq!(
                error,
                StoreError::RecordDamaged(DamagedRecord::TakenIn),
                "{change}"
            );
        }
        assert!(matches!(
            store.take_in(arrival("2")).await.unwrap(),
            TakenIn::Again { .. }
        ));
        let page = store.inbox("executor", false, None, 10).await.unwrap();
        assert_eq!(page.items.len(), 2, "{change}");
    }
}

#[tokio::test]
async fn nothing_is_accepted_under_a_damaged_idempotency_key() {
    for change in [
        "digest = x'00'",
        "id = 'other'",
        "source = 'other'",
        "kept_until = -9000000000000",
    ] {
        let folder = folder();
        let store = open(&folder);
        let under = |key: &str, id: &str| NewOutgoing {
            idempotency: Some((key.into(), [3; 32])),
            ..message(id)
        };
        accepted(&store, under("k", "1")).await;
        damage(&folder, &format!("UPDATE idempotency SET {change}"));
        let error = store.accept(under("k", "1-again")).await.unwrap_err();
        assert_eq!(
            error,
            StoreError::RecordDamaged(DamagedRecord::Presented),
            "{change}"
        );
        assert!(store.find_outgoing(None, "1-again").await.unwrap().is_none());
        accepted(&store, under("k2", "2")).await;
    }
}

#[tokio::test]
async fn a_damaged_cursor_is_set_aside_and_there_is_none() {
    let folder = folder();
    let store = open(&folder);
    store.set_cursor("mail", Some(b"41".to_vec())).await.unwrap();
    damage(&folder, "UPDATE cursor SET bytes = x'3432'");
    assert_eq!(store.cursor("mail").await.unwrap(), None);
    assert_eq!(kept_aside(&folder, "cursor"), 1);
    assert!(events(&store).await.contains(&"damaged".to_owned()));
    store.set_cursor("mail", Some(b"43".to_vec())).await.unwrap();
    assert_eq!(store.cursor("mail").await.unwrap(), Some(b"43".to_vec()));
    assert_eq!(kept_aside(&folder, "cursor"), 1);
}

#[tokio::test]
async fn a_damaged_breaker_is_set_aside_and_closed() {
    let folder = folder();
    let store = open(&folder);
    store.keep_breaker(breaker("a")).await.unwrap();
    store.keep_breaker(breaker("b")).await.unwrap();
    damage(
        &folder,
        "UPDATE breaker SET opened_at = 9000000000 WHERE transport = 'a'",
    );
    assert_eq!(store.breakers().await.unwrap(), [breaker("b")]);
    assert_eq!(kept_aside(&folder, "breaker"), 1);
}

#[tokio::test]
async fn damage_to_what_a_row_is_found_by_is_noticed_at_the_start() {
    let folder = folder();
    let store = open(&folder);
    store.set_cursor("mail", Some(b"41".to_vec())).await.unwrap();
    store.keep_breaker(breaker("a")).await.unwrap();
    drop(store);
    // Not even UTF-8.
    damage(&folder, "UPDATE cursor SET transport = CAST(x'6dff696c' AS TEXT)");
    damage(&folder, "UPDATE breaker SET transport = 'b'");
    let store = open(&folder);
    for table in ["cursor", "breaker"] {
        assert_eq!(kept_aside(&folder, table), 1, "{table}");
        let left: i64 = shell(&folder)
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0, "{table}");
    }
    assert_eq!(events(&store).await, ["damaged", "damaged"]);
    drop(store);
    // Told once.
    assert_eq!(events(&open(&folder)).await.len(), 2);
}

#[tokio::test]
async fn what_a_persons_shell_changes_is_not_damage() {
    let folder = folder();
    let store = open(&folder);
    let new = NewOutgoing {
        idempotency: Some(("k".into(), [3; 32])),
        ..message("1")
    };
    let key = accepted(&store, new.clone()).await;
    let attempts = vec![attempt(Some(1), "retryable")];
    let advance = Advance {
        attempts,
        ..step(Status::Waiting, at(2))
    };
    store.advance(key, advance).await.unwrap();
    store.save_progress(key, "chat", vec![1], at(1)).await.unwrap();
    store.take_in(arrival("1")).await.unwrap();
    store.set_cursor("mail", None).await.unwrap();
    store.keep_breaker(breaker("a")).await.unwrap();
    shell(&folder)
        .execute_batch(
            "UPDATE attempt SET outcome = 'by hand'; UPDATE progress SET bytes = x'02'; \
             UPDATE taken_in SET kept_until = kept_until + 1; UPDATE idempotency SET kept_until = kept_until + 1; \
             UPDATE cursor SET bytes = x'3431'; UPDATE breaker SET failures = 1; \
             UPDATE outgoing SET priority = 2; UPDATE incoming SET changed_at = 0;",
        )
        .unwrap();
    drop(store);
    let store = open(&folder);
    assert_eq!(store.attempts(key).await.unwrap()[0].outcome, "by hand");
    assert_eq!(store.progress(key, "chat").await.unwrap(), Some(vec![2]));
    assert!(matches!(store.accept(new).await.unwrap(), Accepted::Same(_)));
    assert!(matches!(
        store.take_in(arrival("1")).await.unwrap(),
        TakenIn::Again { .. }
    ));
    assert_eq!(store.cursor("mail").await.unwrap(), Some(b"41".to_vec()));
    assert_eq!(store.breakers().await.unwrap()[0].failures, 1);
    assert_eq!(
        events(&store).await.iter().filter(|it| *it == "damaged").count(),
        0
    );
}

/// A store as it was before records had sums, with one row of each; of two messages the second's sum does not hold.
fn of_before(folder: &TempDir) {
    let shell = shell(folder);
    for schema in [
        include_str!("../schema/0001.sql"),
        include_str!("../schema/0002.sql"),
        include_str!("../schema/0003.sql"),
        include_str!("../schema/0004.sql"),
    ] {
        shell.execute_batch(schema).unwrap();
    }
    let later = at(1_000).as_millisecond();
    for id in ["1", "2"] {
        shell
            .execute_batch(&format!(
                "INSERT INTO outgoing (kind, id, source, recipient, instance, digest, principal, priority, status, flight, due_at, \
                 deadline, accepted_at) VALUES ('message', '{id}', 's', 'executor@b', 'b', x'00', 'admin', 1, 'waiting', '{{}}', 0, \
                 {later}, 0);
                 INSERT INTO outgoing_body (key, json) VALUES (last_insert_rowid(), x'7b7d');"
            ))
            .unwrap();
    }
    shell
        .execute_batch(&format!(
            "INSERT INTO attempt (key, transport, mode, outcome, began, took_ms) VALUES (1, 'hook', 'deliver', 'unknown', 0, 1);
             INSERT INTO progress VALUES (1, 'chat', x'01', 0);
             INSERT INTO idempotency VALUES ('admin', 'k', zeroblob(32), '1', 's', {later});
             INSERT INTO taken_in VALUES ('1', 's', 'peer:a', 'executor@b', zeroblob(32), 1, {later});
             INSERT INTO cursor VALUES ('mail', x'3431');
             INSERT INTO breaker VALUES ('a', '00ff', 5, NULL);
             PRAGMA user_version = 4; PRAGMA journal_mode = WAL;"
        ))
        .unwrap();
}

#[tokio::test]
async fn what_was_there_before_gets_its_sums_and_damage_stays_damage() {
    let folder = folder();
    of_before(&folder);
    // As the fifth schema leaves it.
    let before = shell(&folder);
    before.execute_batch(include_str!("../schema/0005.sql")).unwrap();
    summing::sum_what_is_there(&before).unwrap();
    before
        .execute_batch("UPDATE outgoing SET head_sum = head_sum + 1 WHERE id = '2'; PRAGMA user_version = 5;")
        .unwrap();
    drop(before);
    let store = open(&folder);
    let unsummed: i64 = shell(&folder)
        .query_row(
            "SELECT (SELECT count(*) FROM attempt WHERE sum = 0) + (SELECT count(*) FROM progress WHERE sum = 0) \
             + (SELECT count(*) FROM idempotency WHERE sum = 0) + (SELECT count(*) FROM taken_in WHERE sum = 0) \
             + (SELECT count(*) FROM cursor WHERE sum = 0) + (SELECT count(*) FROM breaker WHERE sum = 0)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(unsummed, 0);
    assert_eq!(
        store.due(at(0), 10).await.unwrap_err().code(),
        ErrorCode::RowDamaged
    );
    let due = store.due(at(0), 10).await.unwrap();
    assert_eq!(ids(&due), ["1"]);
    assert_eq!(store.attempts(due[0].key).await.unwrap()[0].outcome, "unknown");
    assert_eq!(store.progress(due[0].key, "chat").await.unwrap(), Some(vec![1]));
    assert_eq!(store.cursor("mail").await.unwrap(), Some(b"41".to_vec()));
    assert_eq!(store.breakers().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_damaged_key_does_not_go_before_its_time_and_is_in_nobodys_way() {
    let folder = folder();
    let store = open(&folder);
    let under = |key: &str, id: &str| NewOutgoing {
        idempotency: Some((key.into(), [3; 32])),
        ..message(id)
    };
    for id in ["1", "2"] {
        store.take_in(arrival(id)).await.unwrap();
        accepted(&store, under(id, id)).await;
    }
    damage(
        &folder,
        "UPDATE taken_in SET kept_until = -9000000000000 WHERE id = '1'",
    );
    damage(
        &folder,
        "UPDATE idempotency SET kept_until = -9000000000000 WHERE id = '1'",
    );
    let later = at(40 * 24 * 3_600);
    let cutoffs = Cutoffs {
        now: later,
        delivered: Timestamp::MIN,
        dead: Timestamp::MIN,
        processed: Timestamp::MIN,
        journal: Timestamp::MIN,
    };
    assert_eq!(store.prune(cutoffs).await.unwrap().keys, 2);
    let again = NewIncoming {
        received_at: later,
        ..arrival("1")
    };
    store.take_in(again).await.unwrap_err();
    let again = NewOutgoing {
        accepted_at: later,
        ..under("1", "1-again")
    };
    store.accept(again).await.unwrap_err();
    assert_eq!(store.prune(cutoffs).await.unwrap().keys, 0);
}

#[tokio::test]
async fn a_damaged_breaker_whose_name_is_no_text_any_more_is_set_aside() {
    let folder = folder();
    let store = open(&folder);
    store.keep_breaker(breaker("a")).await.unwrap();
    store.keep_breaker(breaker("b")).await.unwrap();
    damage(
        &folder,
        "UPDATE breaker SET transport = CAST(x'ff' AS TEXT) WHERE transport = 'a'",
    );
    assert_eq!(store.breakers().await.unwrap(), [breaker("b")]);
    assert_eq!(kept_aside(&folder, "breaker"), 1);
    assert_eq!(store.breakers().await.unwrap(), [breaker("b")]);
    assert_eq!(kept_aside(&folder, "breaker"), 1);
}
