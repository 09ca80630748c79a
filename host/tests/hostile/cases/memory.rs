//! Guests that want more memory or more of the engine than there is for them.

use byway::error_code::ErrorCode;

use crate::case::{Case, files, sends, written};
use crate::written::own;

/// The limit of these cases, as it is told.
const LIMIT: &str = "memory_max = 16777216 bytes";

pub(super) fn cases() -> Vec<Case> {
    vec![
        written(
            "memory-bomb",
            &[("send", "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable")],
        )
        .breaks("memory-limit", LIMIT),
        sends("memory-bomb-by-an-allocator", serde_json::json!([{ "memory": 0 }])).breaks("memory-limit", LIMIT),
        written(
            "memory-bomb-in-many-memories",
            &[
                ("module", "(memory $a 1) (memory $b 1) (memory $c 1)"),
                (
                    "send",
                    // 6 MiB in each: none of them is large, all of them are.
                    "(drop (memory.grow $a (i32.const 96))) (drop (memory.grow $b (i32.const 96)))
                     (if (i32.eq (memory.grow $c (i32.const 96)) (i32.const -1)) (then unreachable))",
                ),
            ],
        )
        .breaks("memory-limit", LIMIT),
        written("memory-bomb-at-start", &[("pages", "16384")]).refused(ErrorCode::WrongContract, LIMIT),
        written("memory-larger-than-any", &[("pages", "65536")]).refused(ErrorCode::NotCompiled, "4294967296"),
        written(
            "too-many-memories",
            &[("module", "(memory 0) (memory 0) (memory 0) (memory 0) (memory 0) (memory 0)")],
        )
        .refused(ErrorCode::NotCompiled, "memor"),
        written(
            "table-bomb",
            &[
                ("module", "(table $t 0 funcref)"),
                (
                    "send",
                    "(loop $l (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 10000)) (i32.const -1)))) unreachable",
                ),
            ],
        )
        .breaks("memory-limit", LIMIT),
        written("table-bomb-at-start", &[("module", "(table 10000001 funcref)")])
            .refused(ErrorCode::NotCompiled, "table"),
        files("a-thousand-instances", || {
            let instances = "(core instance (instantiate $m))".repeat(1000);
            vec![own(&format!("(component (core module $m (memory 1)) {instances})"))]
        })
        .refused(ErrorCode::NotCompiled, "instances"),
        written(
            "data-out-of-bounds",
            &[("module", r#"(data (i32.const -4) "too far")"#)],
        )
        .refused(ErrorCode::WrongContract, "out of bounds"),
    ]
}
