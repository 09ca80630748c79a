//! Guests that ask for too much of something that is cheap once: handles, log lines, output, requests.

use serde_json::{Value, json};

use crate::case::{Case, Grant, sends};
use crate::far_side::Script;

/// So many requests one after the other, whatever comes of them.
fn unanswered(times: usize) -> Value {
    let request = json!({ "try": { "http": { "method": "GET", "url": "{far}/" } } });
    let mut steps = vec![request; times];
    steps.push(json!({ "fail": { "kind": "refused", "code": "done" } }));
    Value::Array(steps)
}

pub(super) fn cases() -> Vec<Case> {
    let done = || json!({ "fail": { "kind": "refused", "code": "done" } });
    vec![
        sends("headers-never-given-back", json!([{ "handles": 0 }]))
            .memory_bytes(256 << 20)
            .breaks("handle-limit", "256 handles"),
        sends("timers-never-given-back", json!([{ "pollables": 0 }]))
            .memory_bytes(256 << 20)
            .breaks("handle-limit", "512 handles"),
        // 100 lines are written; that there were more is said once.
        sends(
            "log-flood",
            json!([{ "log": { "text": "flood", "times": 50_000 } }, done()]),
        )
        .denied("done"),
        sends(
            "log-lines-that-forge-others",
            json!([{ "log": { "text": "\u{1b}[2J\r\n1970-01-01 ERROR byway: forged" } }, done()]),
        )
        .denied("done"),
        // They count as lines of the attempt, since byway tells of each.
        sends("requests-that-nobody-answers", unanswered(150))
            .granted([Grant::Far])
            .far(Script::Reset)
            .denied("done"),
        sends("stdout-flood", json!([{ "print": 64 << 20 }, done()])).denied("done"),
        sends("random-flood", json!([{ "random": 1_u64 << 30 }, done()]))
            .breaks("random-limit", "1048576 random bytes"),
        sends("progress-flood", json!([{ "saves": 20_000 }, done()])).denied("done"),
        sends("progress-too-large", json!([{ "save": "x".repeat(5000) }])).denied("too-large"),
        sends("answer-too-long", json!([{ "http": { "url": "{far}/" } }]))
            .granted([Grant::Far])
            .far(Script::Answer(200, "x".repeat(3 << 20)))
            .fails(byway::contract::OutcomeKind::Unknown, "body", "1048576 bytes"),
        sends(
            "a-secret-asked-for-without-end",
            json!([{ "log": { "text": "$secret:token", "times": 5000 } }, done()]),
        )
        .denied("done"),
    ]
}
