//! Guests that lie to the canonical ABI: pointers to nowhere, lengths that overflow, texts that are none,
//! memory that was never given. Each ends as a crash of its own, and the host reads nothing that is not the guest's.

use byway::error_code::ErrorCode;

use crate::case::{Case, written};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = in_arguments();
    cases.extend(in_answers());
    cases.extend(in_realloc());
    cases
}

fn in_arguments() -> Vec<Case> {
    vec![
        written("pointer-out-of-bounds", &[("send", "(call $log (i32.const 1) (i32.const 0x7fffffff) (i32.const 1))")])
            .breaks("trap", "out of bounds"),
        written("pointer-that-overflows", &[("send", "(call $log (i32.const 1) (i32.const -1) (i32.const -1))")])
            .breaks("trap", "out of bounds"),
        written(
            "pointer-misaligned",
            &[(
                "send",
                "(call $run (i32.const 32) (i32.const 7) (i32.const 8193) (i32.const 1)
                            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8200))",
            )],
        )
        .breaks("trap", "aligned"),
        written(
            "list-longer-than-memory",
            &[(
                "send",
                "(call $run (i32.const 32) (i32.const 7) (i32.const 8192) (i32.const 0x10000001)
                            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8200))",
            )],
        )
        .breaks("trap", "out of bounds"),
        written("no-such-case", &[("send", "(call $log (i32.const 9) (i32.const 32) (i32.const 7))")])
            .breaks("trap", "discriminant"),
        written(
            "not-utf-8-in-an-argument",
            &[
                ("module", r#"(data (i32.const 8192) "a\ff\fe\c0\80")"#),
                ("send", "(call $log (i32.const 1) (i32.const 8192) (i32.const 5))"),
            ],
        )
        .breaks("trap", "utf-8"),
        written(
            "a-gigabyte-in-an-argument",
            &[
                ("send", "(drop (memory.grow (i32.const 16000))) (call $log (i32.const 1) (i32.const 0) (i32.const 0x3e000000))"),
            ],
        )
        .memory_bytes(1 << 30)
        .breaks("host-call-fuel", "33554432"),
        written("place-for-the-answer-misaligned", &[("send", "(call $save (i32.const 32) (i32.const 7) (i32.const 8193))")])
            .breaks("trap", "aligned"),
        written("place-for-the-answer-out-of-bounds", &[("send", "(call $save (i32.const 32) (i32.const 7) (i32.const -4))")])
            .breaks("trap", "out of bounds"),
    ]
}

fn in_answers() -> Vec<Case> {
    vec![
        written("answer-out-of-bounds", &[("send", "(return (i32.const -8))")]).breaks("trap", "out of bounds"),
        written("answer-misaligned", &[("send", "(return (i32.const 4097))")]).breaks("trap", "aligned"),
        written("answer-of-no-case", &[("send", "(i32.store8 (i32.const 4096) (i32.const 77))")])
            .breaks("trap", "discriminant"),
        written(
            "receipt-of-no-status",
            &[("send", "(i32.store8 (i32.const 4096) (i32.const 0)) (i32.store8 (i32.const 4104) (i32.const 200))")],
        )
        .breaks("trap", "discriminant"),
        written(
            "not-utf-8-in-an-answer",
            &[("send", "(i32.store8 (i32.const 33) (i32.const 0xff))")],
        )
        .breaks("trap", "utf-8"),
        written(
            "a-gigabyte-in-an-answer",
            &[(
                "send",
                "(drop (memory.grow (i32.const 16000))) (i32.store (i32.const 4128) (i32.const 0x3e000000))",
            )],
        )
        .memory_bytes(1 << 30)
        .breaks("host-call-fuel", "33554432"),
        written(
            "list-in-an-answer-longer-than-memory",
            &[(
                "send",
                "(i32.store8 (i32.const 4096) (i32.const 0)) (i32.store8 (i32.const 4104) (i32.const 1))
                 (i32.store8 (i32.const 4120) (i32.const 0)) (i32.store (i32.const 4136) (i32.const 0x10000001))",
            )],
        )
        .breaks("trap", "out of bounds"),
        written("description-out-of-bounds", &[("describe", "(return (i32.const 0x7ffffff8))")])
            .refused(ErrorCode::WrongContract, "out of bounds"),
        written("problems-longer-than-memory", &[("check", "(i32.store8 (i32.const 2048) (i32.const 1)) (i32.store (i32.const 2056) (i32.const 0x0fffffff))")])
            .refused(ErrorCode::WrongContract, "out of bounds"),
    ]
}

fn in_realloc() -> Vec<Case> {
    vec![
        written(
            "realloc-out-of-bounds",
            &[(
                "realloc",
                "(if (i32.gt_u (local.get $size) (i32.const 100)) (then (return (i32.const 0x7ffffff0))))",
            )],
        )
        .breaks("trap", "beyond end of memory"),
        written(
            "realloc-misaligned",
            &[(
                "realloc",
                "(if (i32.gt_u (local.get $align) (i32.const 1)) (then (return (i32.const 8193))))",
            )],
        )
        .breaks("trap", "aligned"),
        // Everything in one place: the guest harms itself alone.
        written(
            "realloc-always-the-same",
            &[("realloc", "(return (i32.const 8192))")],
        )
        .denied("told-to"),
    ]
}
