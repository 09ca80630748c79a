//! Adapters that break: each hurts its own attempt alone, and what it broke is said by name.

use std::time::Duration;

use byway::contract::OutcomeKind;
use serde_json::{Value, json};

use crate::far_side::{FarSide, Script};
use crate::stage::{With as _, attempt, call, fails, load, sends};

/// Plays a step that breaks, before and after an effect, and sees it called by its name.
async fn breaks(step: Value, code: &str) {
    let transport = sends(json!([step])).timeout(2000);
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(failure.code, code, "{failure:?}");
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Retryable);
    assert_eq!(attempted.effect, None);

    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let transport = sends(json!([{ "http": { "url": far_side.at("/") } }, step]))
        .http(&far_side.url)
        .timeout(2000);
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(failure.code, code, "{failure:?}");
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Unknown);
    assert!(failure.message.contains(&far_side.url), "{failure:?}");
}

#[tokio::test]
async fn a_loop_ends_at_the_deadline() {
    breaks(json!({ "loop": 0 }), "deadline").await;
}

#[tokio::test]
async fn waiting_ends_at_the_deadline() {
    breaks(json!({ "sleep": 60_000 }), "deadline").await;
}

#[tokio::test]
async fn a_memory_bomb_is_reported_as_one_with_the_limit() {
    breaks(json!({ "memory": 0 }), "memory-limit").await;
    let (_, failure) = fails(&sends(json!([{ "memory": 0 }]))).await;
    assert!(failure.message.contains(&(16 << 20).to_string()), "{failure:?}");
}

#[tokio::test]
async fn memory_that_was_refused_politely_is_no_failure() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let steps = json!([{ "memory-try": 1_u64 << 30 }, { "http": { "url": far_side.at("/") } }]);
    let attempted = attempt(&sends(steps).http(&far_side.url)).await;
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Delivered);
}

#[tokio::test]
async fn a_crash_is_a_trap() {
    breaks(json!({ "trap": 0 }), "trap").await;
}

#[tokio::test]
async fn recursion_without_end_is_contained() {
    let (attempted, failure) = fails(&sends(json!([{ "recurse": 0 }]))).await;
    assert!(
        ["stack-overflow", "trap"].contains(&failure.code.as_str()),
        "{failure:?}"
    );
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Retryable);
}

#[tokio::test]
async fn an_exit_is_not_byways_exit() {
    breaks(json!({ "exit": 3 }), "exit").await;
}

#[tokio::test]
async fn too_much_in_one_call_is_reported_as_that() {
    let mut transport = sends(json!([{ "flood": 40 << 20 }]));
    transport.limits.memory_bytes_max = 256 << 20;
    let (_, failure) = fails(&transport).await;
    assert_eq!(failure.code, "host-call-fuel", "{failure:?}");
}

#[tokio::test]
async fn handles_without_end_are_refused() {
    let mut transport = sends(json!([{ "handles": 0 }]));
    transport.limits.memory_bytes_max = 256 << 20;
    let (_, failure) = fails(&transport).await;
    assert_eq!(failure.code, "handle-limit", "{failure:?}");
}

#[tokio::test]
async fn log_lines_without_end_cost_only_the_lines_allowed() {
    let steps = json!([{ "log": { "text": "x\u{1b}[2J\n", "times": 5000 } }, { "fail": { "code": "done" } }]);
    let (_, failure) = fails(&sends(steps)).await;
    assert_eq!(failure.code, "done");
}

#[tokio::test]
async fn success_without_having_sent_anything_is_a_fault_of_the_adapter() {
    let (attempted, failure) = fails(&sends(json!([]))).await;
    assert_eq!(failure.code, "delivered-without-effect");
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Retryable);
}

#[tokio::test]
async fn a_trap_while_the_body_is_written_has_sent_nothing() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let steps = json!([{ "http": { "url": far_side.at("/"), "chunks": ["half"], "then": "trap" } }]);
    let (attempted, failure) = fails(&sends(steps).http(&far_side.url)).await;
    assert_eq!(failure.code, "trap");
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Retryable);
    assert!(far_side.heard().is_empty());
}

#[tokio::test]
async fn what_an_adapter_says_is_cut_and_cleaned() {
    let steps = json!([{ "fail": { "kind": "something-new", "code": "Ünfit Code", "message": "m\u{1b}[2J".repeat(3000) } }]);
    let (attempted, failure) = fails(&sends(steps)).await;
    assert_eq!(attempted.outcome.kind(), OutcomeKind::Retryable);
    assert_eq!(failure.code, "nfit-code");
    assert!(!failure.message.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn others_deliver_while_guests_spin() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let spinning = load(&sends(json!([{ "loop": 0 }])).timeout(20_000));
    let spinning: Vec<_> = (0..3)
        .map(|_| {
            let transport = spinning.clone();
            tokio::spawn(async move { transport.attempt(call()).await })
        })
        .collect();
    let good = load(&sends(json!([{ "http": { "url": far_side.at("/") } }])).http(&far_side.url));
    for _ in 0..5 {
        assert_eq!(
            good.attempt(call()).await.unwrap().outcome.kind(),
            OutcomeKind::Delivered
        );
    }
    assert!(
        spinning.iter().all(|attempt| !attempt.is_finished()),
        "they had not ended by themselves"
    );
    for attempt in spinning {
        attempt.abort();
    }
}

#[tokio::test]
async fn one_transport_cannot_take_every_place() {
    let mut transport = sends(json!([{ "sleep": 60_000 }])).timeout(1200);
    transport.limits.at_once_max = 1;
    let transport = load(&transport);
    let first = tokio::spawn({
        let transport = transport.clone();
        async move { transport.attempt(call()).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    // It waits for its turn, and has a whole attempt when it comes.
    let second = transport.attempt(call()).await.unwrap();
    assert_eq!(second.outcome.failure().unwrap().code, "deadline");
    assert!(first.await.unwrap().is_ok());
}
