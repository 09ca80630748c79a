//! Another configuration is put in force while messages are on their way.

use std::collections::HashMap;

use byway::front::Trigger;
use serde_json::Value;

use crate::far_side::{FarSide, Script};
use crate::house::{House, granted, post_id, puppet, route, until};
use crate::stage::guest;

fn to(far_side: &FarSide, name: &str, more: &str) -> String {
    let url = far_side.at(&format!("/{name}"));
    puppet(name, &post_id(&url), &format!("{}\n{more}", granted(&url)))
}

/// How often each path was asked for.
fn requests(far_side: &FarSide, path: &str) -> usize {
    let line = format!("POST {path} ");
    far_side.heard().iter().filter(|it| it.starts_with(&line)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_sent_twice_over_fifty_reloads() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    // Each other configuration changes one transport, renames the other and turns the chain round.
    let tables = |number: usize| match number % 2 {
        0 => {
            to(&far_side, "one", "timeout = \"20s\"")
                + &to(&far_side, "two", "")
                + &route("*", &["one", "two"])
        }
        _ => {
            to(&far_side, "one", "timeout = \"21s\"")
                + &to(&far_side, "three", "")
                + &route("*", &["three", "one"])
        }
    };
    let house = House::open(&tables(0)).await;
    let mut sent = Vec::new();
    for number in 1..=50 {
        for _ in 0..4 {
            sent.push(house.send("x").await);
        }
        let view = house.reload(&tables(number)).await;
        assert_eq!(
            (view.outcome.as_str(), view.loaded.len()),
            ("done", 2),
            "{view:?}"
        );
    }
    for id in &sent {
        let message = house.until(id, |it| it["status"] == "delivered").await;
        let attempts = message["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 1, "{message}");
    }
    let mut arrived: HashMap<String, usize> = HashMap::new();
    for request in far_side.heard() {
        // Sent in chunks: the id stands in the body somewhere.
        let id = sent.iter().find(|id| request.contains(id.as_str())).unwrap();
        *arrived.entry(id.clone()).or_default() += 1;
    }
    assert_eq!(arrived.len(), sent.len());
    assert!(arrived.values().all(|times| *times == 1), "{arrived:?}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_ends_on_the_old_code_while_the_next_takes_the_new() {
    let hangs = FarSide::start(Script::Hang).await;
    let answers = FarSide::start(Script::Answer(200, "ok".into())).await;
    let idempotent = |far_side: &FarSide| {
        to(far_side, "t", "timeout = \"2s\"").replace("send = ", "needs = { idempotent = true }, send = ")
            + &route("*", &["t"])
    };
    let house = House::open(&idempotent(&hangs)).await;
    let old = house.send("x").await;
    until(async || (requests(&hangs, "/t") == 1).then_some(())).await;
    house.reload(&idempotent(&answers)).await;
    let new = house.send("x").await;
    house.until(&new, |it| it["status"] == "delivered").await;
    assert_eq!(requests(&answers, "/t"), 1);
    // The old one has sent something, so what became of it is unknown; what could be repeated where it was sent
    // must not be repeated at another place.
    let old = house.until(&old, |it| it["status"] == "held").await;
    assert_eq!(old["attempts"][0]["code"], "deadline", "{old}");
    assert_eq!(requests(&answers, "/t"), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_wait_take_the_corrected_configuration_at_once() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let hopeless = "[[routes]]\nto = \"*@b\"\nchain = [\"t\"]\nbackoff = { first = \"1h\", max = \"1h\" }\n";
    let house = House::open(&(puppet("t", "{ fail = { code = \"no\" } }", "") + hopeless)).await;
    let id = house.send("x").await;
    house
        .until(&id, |it| it["attempts"][0]["outcome"] == "retryable")
        .await;
    let view = house
        .reload(&(to(&far_side, "u", "") + &route("*", &["u"])))
        .await;
    assert_eq!(
        (view.loaded, view.removed),
        (vec!["u".to_owned()], vec!["t".to_owned()])
    );
    house.until(&id, |it| it["status"] == "delivered").await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_component_is_taken_and_a_wrong_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let adapter = folder.path().join("adapter.wasm");
    let put = |name: &str| {
        let next = folder.path().join("next");
        std::fs::copy(guest(name), &next).unwrap();
        std::fs::rename(next, &adapter).unwrap();
    };
    put("puppet");
    let tables = format!("[transports.t]\nadapter = {adapter:?}\n");
    let house = House::open(&tables).await;
    let name = || {
        house
            .byway
            .fleet()
            .loaded("t")
            .unwrap()
            .description()
            .name
            .clone()
    };
    let reload = async || house.byway.reload(Trigger::Call).await;
    assert_eq!(
        (name().as_str(), reload().await.outcome.as_str()),
        ("puppet", "unchanged")
    );

    put("noop");
    let view = reload().await;
    assert_eq!(
        (view.outcome.as_str(), view.loaded),
        ("done", vec!["t".to_owned()])
    );
    assert_eq!(name(), "noop");

    // A file that is cut short, one that was pinned to be another, and one that is gone.
    std::fs::write(&adapter, &std::fs::read(guest("puppet")).unwrap()[..1000]).unwrap();
    for (tables, code) in [
        (tables.clone(), "BW301"),
        (format!("{tables}sha256 = \"{}\"\n", "00".repeat(32)), "BW304"),
        (tables.replace("adapter.wasm", "gone.wasm"), "BW303"),
    ] {
        house.write(&tables);
        let (status, problem) = house.post("/v1/reload", None).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (422, Some("BW408")),
            "{problem}"
        );
        let report = problem["report"].as_str().unwrap();
        assert!(
            report.contains(code) && report.contains("byway.toml:"),
            "{report}"
        );
        assert_eq!(name(), "noop");
        let (_, last) = house.get("/v1/reload").await;
        assert_eq!(
            (last["outcome"].as_str(), last["by"].as_str()),
            (Some("refused"), Some("call"))
        );
        assert_eq!(last["problems"][0]["code"], code, "{last}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_problem_refuses_the_whole() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let right = to(&far_side, "t", "") + &route("x", &["t"]);
    let house = House::open(&right).await;
    let wrong = [
        // No TOML; what takes a restart; a grant that is missing, beside a change that is right.
        format!("{right}[[routes]\n"),
        format!("{right}[limits]\nattempts_at_once_max = 7\n"),
        format!(
            "{right}{}[transports.u]\nadapter = {:?}\nconfig = {{ needs = {{ http = [\"GET https://a.test/\"] }} }}\n",
            route("y", &["t"]),
            guest("puppet")
        ),
    ];
    for (tables, code) in wrong.iter().zip(["BW102", "BW109", "BW306"]) {
        house.write(tables);
        let view = house.byway.reload(Trigger::Signal).await;
        assert_eq!(view.outcome, "refused");
        assert_eq!(view.problems[0]["code"], code, "{view:?}");
        assert!(house.byway.config().routes.len() == 1);
    }
    let id = house.send("x").await;
    house.until(&id, |it| it["status"] == "delivered").await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_the_same_keeps_what_it_remembers_and_what_is_not_starts_clean() {
    let crashing = |more: &str| puppet("t", "{ trap = 0 }", more) + &route("*", &["t"]);
    let house = House::open(&crashing("")).await;
    house.send("x").await;
    let state = async || house.transport("t").await["state"].clone();
    until(async || (state().await == "quarantined").then_some(())).await;
    let view = house
        .reload(&(crashing("") + "[agents]\nnames = [\"planner\"]\n"))
        .await;
    assert_eq!(view.unchanged, ["t"]);
    assert_eq!(state().await, "quarantined");
    // The message that waits would crash it again at once; without its route it stays clean.
    house
        .reload(&puppet("t", "{ trap = 0 }", "timeout = \"9s\""))
        .await;
    assert_eq!(state().await, "ready");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetching_begins_changes_and_ends_with_the_configuration() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let fetches = |path: &str, receive: &str| {
        let url = far_side.at(path);
        format!(
            "[transports.t]\nadapter = {:?}\nconfig = {{ receive = [{}] }}\n{}\n{receive}\n[inbound.t]\nrecipients = [\"*@a\"]\n",
            guest("puppet"),
            post_id(&url),
            granted(&url)
        )
    };
    let heard = async |path: &str| until(async || (requests(&far_side, path) > 1).then_some(())).await;
    let house = House::open("").await;
    house.reload(&fetches("/a", "receive = \"50ms\"")).await;
    heard("/a").await;
    house.reload(&fetches("/b", "receive = \"50ms\"")).await;
    heard("/b").await;
    // One that receives no more, then one that does again: nothing of before comes in between.
    house.reload("").await;
    house.reload(&fetches("/c", "receive = \"50ms\"")).await;
    heard("/c").await;
    let paths: Vec<String> = far_side
        .heard()
        .iter()
        .filter_map(|it| Some(it.split(' ').nth(1)?.to_owned()))
        .collect();
    let mut order = paths.clone();
    order.dedup();
    assert_eq!(order, ["/a", "/b", "/c"], "{paths:?}");
    house.end().await;
}

#[tokio::test]
async fn only_the_admin_reloads() {
    let house = House::open("").await;
    let agent = house.byway.tokens().agent("planner");
    for method in ["GET", "POST"] {
        use tower_service::Service as _;
        let request = http::Request::builder()
            .method(method)
            .uri("/v1/reload")
            .header("authorization", format!("Bearer {agent}"))
            .body(axum::body::Body::empty())
            .unwrap();
        let Ok(answer) = byway::api::router(house.byway.clone()).call(request).await;
        assert_eq!(answer.status(), 403);
    }
    let (status, last) = house.get("/v1/reload").await;
    assert_eq!((status, &last["by"]), (200, &Value::from("start")));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_may_be_as_large_as_the_configuration_in_force_says() {
    let house = House::open("").await;
    let send = async || {
        let text = "x".repeat(8 << 20);
        let body = serde_json::json!({ "to": "planner@a", "text": text });
        house.post("/v1/messages", Some(body)).await.0
    };
    assert_eq!(send().await, 413);
    house.reload("[limits]\ndata_bytes_max = \"9MiB\"\n").await;
    assert_eq!(send().await, 202);
    house.end().await;
}
