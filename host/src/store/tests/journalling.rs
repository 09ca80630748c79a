use super::*;

fn note(event: &str, detail: &str) -> Note {
    Note {
        at: at(3),
        event: event.into(),
        id: None,
        source: None,
        recipient: None,
        detail: detail.into(),
    }
}

#[tokio::test]
async fn the_journal_is_numbered_without_gaps_even_where_calls_fail() {
    let folder = folder();
    let store = open(&folder);
    accepted(&store, message("1")).await;
    store.note(note("refused", "not JSON")).await.unwrap_err();
    store
        .advance(MessageKey(9), step(Status::Dead, at(1)))
        .await
        .unwrap_err();
    store.note(note("refused", r#"{"door":"http"}"#)).await.unwrap();
    let rows = store.journal(0, 100).await.unwrap();
    let numbers: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(rows[1].note.detail, r#"{"door":"http"}"#);
    assert_eq!(store.journal(1, 100).await.unwrap().len(), 1);
    assert_eq!(store.journal(0, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_changes_or_shortens_the_journal() {
    let folder = folder();
    let store = open(&folder);
    accepted(&store, message("1")).await;
    accepted(&store, message("2")).await;
    let before = format!("{:?}", store.journal(0, 100).await.unwrap());
    let shell = shell(&folder);
    for attack in [
        "DELETE FROM journal",
        "DELETE FROM journal WHERE seq = 2",
        "UPDATE journal SET event = 'x'",
        "INSERT OR REPLACE INTO journal (seq, at, event, detail) VALUES (1, 0, 'x', '{}')",
        "REPLACE INTO journal (seq, at, event, detail) VALUES (2, 0, 'x', '{}')",
    ] {
        let error = shell.execute_batch(attack).unwrap_err();
        assert!(
            error.to_string().contains("only ever added to"),
            "{attack}: {error}"
        );
    }
    assert_eq!(format!("{:?}", store.journal(0, 100).await.unwrap()), before);
}

#[tokio::test]
async fn no_body_stands_in_the_journal() {
    let folder = folder();
    let store = open(&folder);
    let body = b"attack at dawn".to_vec();
    let key = accepted(
        &store,
        NewOutgoing {
            envelope_json: body.clone(),
            ..message("1")
        },
    )
    .await;
    store
        .take_in(NewIncoming {
            envelope_json: body,
            ..arrival("2")
        })
        .await
        .unwrap();
    let tried = Attempt {
        message: Some("they said: attack at dawn".into()),
        ..attempt(Some(1), "refused")
    };
    store
        .advance(
            key,
            Advance {
                attempts: vec![tried],
                ..step(Status::Dead, at(1))
            },
        )
        .await
        .unwrap();
    let rows = format!("{:?}", store.journal(0, 100).await.unwrap());
    assert!(!rows.contains("dawn"), "{rows}");
    assert!(
        rows.contains(&"01".repeat(32)),
        "the content's digest is there: {rows}"
    );
}
