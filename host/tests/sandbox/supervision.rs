//! One adapter's trouble stays its own: what crashes again and again is left alone, what hangs leaves
//! room for the others, and byway takes messages whatever its transports do.

use std::time::Duration;

use byway::contract::{HostFault, OutcomeKind};
use byway::sandbox::{Compiling, LoadedTransport, Sandbox, SandboxSettings};
use serde_json::{Value, json};

use crate::far_side::{FarSide, Script};
use crate::house::{House, granted, post_id, puppet, route, until};
use crate::stage::{self, With as _, call, load, sends};

/// The code of a failed attempt, or of byway's own fault.
async fn code(transport: &LoadedTransport) -> String {
    match transport.attempt(call()).await {
        Ok(attempted) => attempted.outcome.failure().unwrap().code.clone(),
        Err(fault) => fault.code.to_owned(),
    }
}

#[tokio::test]
async fn what_is_the_adapters_own_is_quarantined_and_nothing_else() {
    for (step, seen, own) in [
        (json!({ "trap": 0 }), "trap", true),
        (json!({ "exit": 3 }), "exit", true),
        (json!({ "memory": 0 }), "memory-limit", true),
        (json!({ "loop": 0 }), "deadline", true),
        (json!({ "sleep": 60_000 }), "deadline", false),
        (json!({ "fail": { "code": "no" } }), "no", false),
    ] {
        let transport = load(&sends(json!([step])).timeout(400));
        for _ in 0..3 {
            assert_eq!(code(&transport).await, seen, "{step}");
        }
        let quarantined = transport.quarantined();
        assert_eq!(quarantined.is_some(), own, "{step}");
        if let Some(quarantined) = quarantined {
            assert_eq!(code(&transport).await, HostFault::QUARANTINED);
            assert!(quarantined.reason.contains(seen), "{quarantined:?}");
        }
    }
}

#[tokio::test]
async fn a_far_side_that_never_answers_is_no_crash() {
    let far_side = FarSide::start(Script::Hang).await;
    let transport = load(
        &sends(json!([{ "http": { "url": far_side.at("/") } }]))
            .http(&far_side.url)
            .timeout(300),
    );
    for _ in 0..4 {
        assert_eq!(code(&transport).await, "deadline");
    }
    assert_eq!(transport.quarantined(), None);
}

/// Traps while a file is not there.
fn until_there(file: &std::path::Path) -> Value {
    json!([{ "read": file }, { "trap": 0 }])
}

#[tokio::test]
async fn one_call_finds_out_whether_it_works_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stops-the-crash");
    std::fs::write(&file, "x").unwrap();
    let transport = load(&sends(until_there(&file)).folder(folder.path(), byway::config::FolderAccess::Read));
    for _ in 0..3 {
        assert_eq!(code(&transport).await, "trap");
    }
    // Without the file the steps end in a failure that the adapter names, which is an end of its own.
    std::fs::remove_file(&file).unwrap();
    until(async || (code(&transport).await != HostFault::QUARANTINED).then_some(())).await;
    assert_eq!(transport.quarantined(), None);
    assert_eq!(code(&transport).await, "read");
}

#[tokio::test]
async fn a_fetch_that_crashes_does_not_stop_what_can_be_sent() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let steps = json!({ "receive": [{ "trap": 0 }], "send": [{ "http": { "url": far_side.at("/") } }] });
    let transport = load(&stage::puppet(steps).http(&far_side.url));
    for _ in 0..3 {
        transport.receive(None, 1).await.unwrap_err();
    }
    let fault = transport.receive(None, 1).await.unwrap_err();
    assert!(
        fault.to_string().contains("receive breaks again and again"),
        "{fault}"
    );
    assert!(transport.quarantined().is_some());
    assert_eq!(transport.sending_quarantined(), None);
    let attempted = transport.attempt(call()).await.unwrap();
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Delivered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transport_on_which_everything_hangs_never_takes_the_last_slot() {
    let sandbox = Sandbox::new(SandboxSettings {
        cache_dir: None,
        compiling: Compiling::InProcess,
        attempts_at_once_max: 4,
        lanes: 1,
        builtin: &[],
    })
    .unwrap();
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let mut hanging = stage::puppet(json!({
        "send": [{ "sleep": 60_000 }], "probe": [{ "sleep": 60_000 }], "receive": [{ "sleep": 60_000 }]
    }))
    .timeout(30_000);
    // As greedy as a table can say it.
    hanging.limits.at_once_max = 4096;
    let hanging = sandbox.load(&hanging).unwrap();
    let calls: Vec<_> = (0..12)
        .map(|number| {
            let hanging = hanging.clone();
            tokio::spawn(async move {
                match number % 3 {
                    0 => drop(hanging.attempt(call()).await),
                    1 => drop(hanging.probe().await),
                    _ => drop(hanging.receive(None, 1).await),
                }
            })
        })
        .collect();
    // Every one of them has what it can get, or waits.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let good = sends(json!([{ "http": { "url": far_side.at("/") } }])).http(&far_side.url);
    let good = sandbox.load(&good).unwrap();
    for _ in 0..5 {
        let attempted = good.attempt(call()).await.unwrap();
        assert_eq!(attempted.outcome.kind(), OutcomeKind::Delivered);
    }
    assert!(calls.iter().all(|call| !call.is_finished()));
    calls.iter().for_each(|call| call.abort());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_transports_trouble_moves_readiness() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let good = far_side.at("/good");
    let unavailable = "{ fail = { kind = \"unavailable\", code = \"off\" } }";
    let tables = [
        "[transports.missing]\nadapter = \"no/such.wasm\"\n".to_owned(),
        puppet("crashing", "{ trap = 0 }", ""),
        puppet("off", unavailable, "breaker = { failures = 1, pause = \"10m\" }"),
        puppet("good", &post_id(&good), &granted(&good)),
        route("crash", &["missing", "crashing"]),
        route("rest", &["off"]),
        route("fine", &["missing", "crashing", "off", "good"]),
    ];
    let house = House::open(&tables.concat()).await;
    house.send("crash").await;
    house.send("rest").await;
    let crashing = until(async || {
        let crashing = house.transport("crashing").await;
        (crashing["state"] == "quarantined").then_some(crashing)
    })
    .await;
    assert!(
        crashing["reason"].as_str().unwrap().contains("send breaks"),
        "{crashing}"
    );
    assert!(crashing["until"].is_string(), "{crashing}");
    until(async || (house.transport("off").await["state"] == "resting").then_some(())).await;
    let missing = house.transport("missing").await;
    assert!(
        missing["state"] == "not loaded" && missing["reason"].is_string(),
        "{missing}"
    );
    assert_eq!(house.get("/readyz").await.0, 200);

    // The others deliver, and a message that meets the quarantine passes it without an attempt.
    until(async || {
        let fine = house.send("fine").await;
        let fine = house.until(&fine, |it| it["status"] == "delivered").await;
        let attempts = fine["attempts"].as_array().unwrap();
        // Unless it was just the one that found out whether the adapter works again.
        let skip = attempts.iter().find(|it| it["code"] == HostFault::QUARANTINED)?;
        assert!(skip["number"].is_null() && skip["outcome"] == "skipped", "{skip}");
        Some(())
    })
    .await;
    house.end().await;
}
