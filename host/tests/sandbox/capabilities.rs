//! Folders, signatures, progress, and what WASI gives.

use std::sync::{Arc, Mutex};

use byway::config::{FolderAccess, SecretSource, SignerKeys};
use byway::contract::OutcomeKind;
use byway::sandbox::{Item, ReceiveFault};
use serde_json::json;

use crate::stage::{With as _, call, call_keeping, delivers, fails, load, puppet, secret_file, sends};

#[tokio::test(flavor = "multi_thread")]
async fn records_of_two_transports_never_mix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let transports: Vec<_> = ["a", "b"]
        .map(|letter| {
            let record = format!("{}\n", letter.repeat(20_000));
            let step = json!({ "append": { "folder": path, "name": "day.md", "bytes": record } });
            load(&sends(json!([step, step, step])).folder(folder.path(), FolderAccess::Append))
        })
        .into();
    let mut attempts = Vec::new();
    for _ in 0..4 {
        for transport in &transports {
            let transport = transport.clone();
            attempts.push(tokio::spawn(
                async move { transport.attempt(call()).await.unwrap() },
            ));
        }
    }
    for attempt in attempts {
        let attempted = attempt.await.unwrap();
        assert_eq!(attempted.outcome.kind(), OutcomeKind::Delivered, "{attempted:?}");
        assert!(attempted.effect.unwrap().0.starts_with("append "));
    }
    let text = std::fs::read_to_string(folder.path().join("day.md")).unwrap();
    assert_eq!(text.lines().count(), 24);
    assert!(
        text.lines()
            .all(|line| line == "a".repeat(20_000) || line == "b".repeat(20_000))
    );
}

#[tokio::test]
async fn a_dropped_file_is_there_whole_and_twice_is_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let step = |bytes: &str| json!([{ "drop": { "folder": path, "name": "m.json", "bytes": bytes } }]);
    for _ in 0..2 {
        delivers(&sends(step("{}")).folder(folder.path(), FolderAccess::Drop)).await;
    }
    let (_, failure) = fails(&sends(step("[]")).folder(folder.path(), FolderAccess::Drop)).await;
    assert_eq!(failure.code, "exists");
    assert_eq!(
        std::fs::read_to_string(folder.path().join("m.json")).unwrap(),
        "{}"
    );
}

#[tokio::test]
async fn nothing_outside_of_a_granted_folder_can_be_named() {
    let place = tempfile::tempdir().unwrap();
    let granted = place.path().join("granted");
    std::fs::create_dir(&granted).unwrap();
    std::os::unix::fs::symlink(place.path(), granted.join("link")).unwrap();
    let path = granted.to_str().unwrap();
    for (folder, name) in [
        (path, "../out"),
        (path, "link/out"),
        (path, "/etc/out"),
        (path, ".hidden"),
        (path, "link"),
        (&format!("{path}/link"), "out"),
        (place.path().to_str().unwrap(), "out"),
        ("/etc", "out"),
    ] {
        let step = json!([{ "append": { "folder": folder, "name": name, "bytes": "x" } }]);
        let (attempted, failure) = fails(&sends(step).folder(&granted, FolderAccess::Append)).await;
        assert!(
            ["invalid", "not-granted"].contains(&failure.code.as_str()),
            "{folder} {name}: {failure:?}"
        );
        assert_eq!(attempted.effect, None);
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_access_allows_itself_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let append = json!([{ "append": { "folder": path, "name": "a", "bytes": "x" } }]);
    let (_, failure) = fails(&sends(append).folder(folder.path(), FolderAccess::Drop)).await;
    assert_eq!(failure.code, "not-granted");
    let claim = json!([{ "claim": { "folder": path, "name": "a" } }]);
    let (_, failure) = fails(&sends(claim).folder(folder.path(), FolderAccess::Drop)).await;
    assert_eq!(failure.code, "not-granted");
}

#[tokio::test]
async fn who_may_only_put_something_in_sees_whether_it_can_and_not_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "{}").unwrap();
    let probe = |path: &std::path::Path| {
        let config = json!({ "probe": [{ "list": path }] });
        load(&puppet(config).folder(path, FolderAccess::Append))
    };
    let finding = probe(folder.path()).probe().await.unwrap().findings.remove(0);
    assert!(finding.ok && finding.message.is_empty(), "{finding:?}");
    let finding = probe(&folder.path().join("gone"))
        .probe()
        .await
        .unwrap()
        .findings
        .remove(0);
    assert!(!finding.ok && finding.name == "io", "{finding:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_a_denial_and_not_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let step = json!([{ "drop": { "folder": gone.to_str().unwrap(), "name": "a", "bytes": "x" } }]);
    let (attempted, failure) = fails(&sends(step).folder(&gone, FolderAccess::Drop)).await;
    assert_eq!(failure.code, "io");
    assert_eq!(attempted.effect, None);
}

#[tokio::test]
async fn a_receiver_takes_files_and_gives_them_back_until_they_are_safe() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "{}").unwrap();
    let path = folder.path().to_str().unwrap();
    let steps = json!([
        { "list": path }, { "claim": { "folder": path, "name": "a.json" } }, { "list": path }
    ]);
    let transport = load(
        &puppet(json!({ "receive": steps, "items": ["hello", { "id": "1" }] }))
            .folder(folder.path(), FolderAccess::Receive),
    );
    // The same file can be claimed in each call, because it is never released.
    for _ in 0..2 {
        let batch = transport.receive(Some(b"x".to_vec()), 10).await.unwrap();
        assert_eq!(batch.cursor.unwrap(), b"xx");
        assert!(matches!(&batch.items[..], [Item::Words(words), Item::Event(_)] if words.text == "hello"));
    }
    std::fs::remove_file(folder.path().join(".claimed/a.json")).unwrap();
    let fault = transport.receive(None, 10).await.unwrap_err();
    assert!(
        matches!(&fault, ReceiveFault::Adapter(failure) if failure.code == "unknown-name"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_receiver_that_breaks_is_not_one_that_had_nothing() {
    let transport = load(&puppet(json!({ "receive": [{ "trap": 0 }] })));
    let fault = transport.receive(None, 10).await.unwrap_err();
    assert!(
        matches!(&fault, ReceiveFault::Adapter(failure) if failure.code == "trap"),
        "{fault}"
    );
}

#[tokio::test]
async fn progress_is_kept_and_comes_back() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let transport = load(&sends(
        json!([{ "save": "part 2" }, { "fail": { "code": "x", "message": "had $progress" } }]),
    ));
    let mut call = call_keeping(&kept);
    call.progress = Some(b"part 1".to_vec());
    let attempted = transport.attempt(call).await.unwrap();
    assert_eq!(attempted.outcome.failure().unwrap().message, "had part 1");
    assert_eq!(*kept.lock().unwrap(), b"part 2");
    let (_, failure) = fails(&sends(json!([{ "save": "x".repeat(5000) }]))).await;
    assert_eq!(failure.code, "too-large");
}

#[tokio::test]
async fn a_webhook_is_signed_with_a_key_the_adapter_does_not_see() {
    let key = secret_file("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let signs = |id: &str| {
        let steps = json!([
            { "sign": { "key": "hook", "id": id, "body": "{}" } }, { "fail": { "code": "x", "message": "$last" } }
        ]);
        let mut transport = sends(steps);
        let sources = vec![SecretSource::File(key.path().into())];
        transport.signers.insert("hook".into(), SignerKeys { sources });
        transport
    };
    let (_, failure) = fails(&signs("$id")).await;
    assert!(
        failure.message.contains("webhook-id=m-1 webhook-timestamp="),
        "{failure:?}"
    );
    assert!(failure.message.contains("webhook-signature=v1,"), "{failure:?}");
    assert_eq!(fails(&signs("a.b")).await.1.code, "invalid");
}

#[tokio::test]
async fn an_adapter_sees_the_whole_event() {
    let (_, failure) = fails(&sends(
        json!([{ "fail": { "code": "x", "message": "$attributes" } }]),
    ))
    .await;
    assert_eq!(
        failure.message,
        "datacontenttype=application/json hops=1 id=m-1 recipient=executor@b source=byway://a/planner specversion=1.0 type=dev.byway.message"
    );
}

#[tokio::test]
async fn websocket_is_there_and_denied() {
    let (_, failure) = fails(&sends(json!([{ "websocket": "ws://127.0.0.1/" }]))).await;
    assert_eq!(failure.code, "not-granted");
}

#[tokio::test]
async fn the_environment_of_a_guest_is_empty() {
    let steps = json!([{ "environment": 0 }, { "fail": { "code": "x", "message": "[$last]" } }]);
    assert_eq!(fails(&sends(steps)).await.1.message, "[]");
}

#[tokio::test]
async fn a_folder_granted_for_reading_can_be_read_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let granted = place.path().join("granted");
    std::fs::create_dir(&granted).unwrap();
    std::fs::write(granted.join("a"), "hello").unwrap();
    std::fs::write(place.path().join("outside"), "secret").unwrap();
    std::os::unix::fs::symlink(place.path().join("outside"), granted.join("link")).unwrap();
    let path = granted.to_str().unwrap();
    let read = |name: &str| {
        let steps =
            json!([{ "read": format!("{path}/{name}") }, { "fail": { "code": "seen", "message": "$last" } }]);
        sends(steps).folder(&granted, FolderAccess::Read)
    };
    assert_eq!(fails(&read("a")).await.1.message, "hello");
    for name in ["../outside", "link", "none"] {
        assert_eq!(fails(&read(name)).await.1.code, "read", "{name}");
    }
    let write = sends(json!([{ "write": format!("{path}/a") }])).folder(&granted, FolderAccess::Read);
    assert_eq!(fails(&write).await.1.code, "write");
    let elsewhere =
        sends(json!([{ "read": place.path().join("outside") }])).folder(&granted, FolderAccess::Read);
    assert_eq!(fails(&elsewhere).await.1.code, "read");
}
