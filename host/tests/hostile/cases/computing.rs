//! Guests that never come back, go too deep, or crash wherever they are called.

use byway::contract::OutcomeKind;
use byway::error_code::ErrorCode;
use serde_json::json;

use crate::case::{Case, End, Grant, plays, sends, written};

const LOOP: &str = "(loop $for_ever (br $for_ever))";
const TRAP: &str = "unreachable";

/// What a deadline says, and the deadline of these cases.
const TIMEOUT_MS: u64 = 400;
const TIMEOUT: &str = "timeout = 400ms";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = loops();
    cases.extend(depths());
    cases.extend(crashes());
    cases
}

fn loops() -> Vec<Case> {
    let load = ErrorCode::WrongContract;
    vec![
        written("loop-at-start", &[("module", "(func $start (loop $l (br $l))) (start $start)")])
            .refused(load, "timeout = 5s, in describe"),
        written("loop-in-describe", &[("describe", LOOP)]).refused(load, "timeout = 5s, in describe"),
        written("loop-in-check", &[("check", LOOP)]).refused(load, "timeout = 5s, in check"),
        written("loop-in-probe", &[("probe", LOOP)])
            .timeout_ms(TIMEOUT_MS)
            .ends(End::NotReady { says: TIMEOUT }),
        written("loop-in-send", &[("send", LOOP)])
            .timeout_ms(TIMEOUT_MS)
            .breaks("deadline", TIMEOUT),
        // The host calls it while it puts the message into the guest's memory.
        written("loop-in-realloc", &[("realloc", "(if (i32.gt_u (local.get $size) (i32.const 100)) (then (loop $l (br $l))))")])
            .timeout_ms(TIMEOUT_MS)
            .breaks("deadline", TIMEOUT),
        // The host calls it once it has read the answer.
        written(
            "loop-after-the-answer",
            &[("module", r#"(func (export "cabi_post_byway:transport/adapter@0.1.0#send") (param i32) (loop $l (br $l)))"#)],
        )
        .timeout_ms(TIMEOUT_MS)
        .breaks("deadline", TIMEOUT),
        written(
            "loop-around-a-host-call",
            &[("send", "(loop $l (call $log (i32.const 1) (i32.const 32) (i32.const 7)) (br $l))")],
        )
        .timeout_ms(TIMEOUT_MS)
        .breaks("deadline", TIMEOUT),
        sends("sleep-past-the-deadline", json!([{ "sleep": 60_000 }]))
            .timeout_ms(TIMEOUT_MS)
            .breaks("deadline", TIMEOUT),
        sends(
            "delivered-after-the-deadline",
            json!([{ "http": { "url": "{far}/" } }, { "sleep": 60_000 }, { "last": "it arrived" }]),
        )
        .granted([Grant::Far])
        .timeout_ms(2000)
        .fails(OutcomeKind::Unknown, "deadline", "the message may have arrived"),
    ]
}

fn depths() -> Vec<Case> {
    vec![
        written(
            "recursion",
            &[
                ("module", "(func $deep (call $deep) (call $deep))"),
                ("send", "(call $deep)"),
            ],
        )
        .breaks("stack-overflow", "512 KiB"),
        // `config.get` has the host allocate in the guest, and the allocation calls `config.get`.
        written(
            "recursion-through-the-host",
            &[
                ("realloc", "(call $config (i32.const 8192))"),
                ("send", "(call $config (i32.const 8192))"),
            ],
        )
        .refused(ErrorCode::WrongContract, "cannot leave component instance"),
    ]
}

fn crashes() -> Vec<Case> {
    let load = ErrorCode::WrongContract;
    vec![
        written(
            "trap-at-start",
            &[("module", "(func $start unreachable) (start $start)")],
        )
        .refused(load, "crashed"),
        written("trap-in-describe", &[("describe", TRAP)]).refused(load, "in describe"),
        written("trap-in-check", &[("check", TRAP)]).refused(load, "in check"),
        written("trap-in-probe", &[("probe", TRAP)]).ends(End::NotReady { says: "crashed" }),
        written("trap-on-every-send", &[("send", TRAP)]).breaks("trap", "before it sent anything"),
        written(
            "trap-in-realloc",
            &[(
                "realloc",
                "(if (i32.gt_u (local.get $size) (i32.const 100)) (then unreachable))",
            )],
        )
        .breaks("trap", "crashed"),
        written(
            "trap-after-the-answer",
            &[(
                "module",
                r#"(func (export "cabi_post_byway:transport/adapter@0.1.0#send") (param i32) unreachable)"#,
            )],
        )
        .breaks("trap", "crashed"),
        sends(
            "trap-after-an-effect",
            json!([{ "http": { "url": "{far}/" } }, { "trap": 0 }]),
        )
        .granted([Grant::Far])
        .fails(OutcomeKind::Unknown, "trap", "the message may have arrived"),
        sends("exit", json!([{ "exit": 0 }])).breaks("exit", "exit(0)"),
        plays("trap-in-reconcile", json!({ "reconcile": [{ "trap": 0 }] })).ends(End::CannotSay),
    ]
}
