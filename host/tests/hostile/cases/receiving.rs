//! Guests that flood or break what fetches messages. None of it may look like "there was nothing".

use serde_json::json;

use crate::case::{Case, End, plays};

pub(super) fn cases() -> Vec<Case> {
    let receives = |name, config| plays(name, config);
    let nothing = |code| End::ReceivesNothing { code };
    vec![
        receives(
            "batch-of-a-hundred-thousand",
            json!({ "bomb": { "items": 100_000 } }),
        )
        .ends(nothing("batch-too-long")),
        receives("cursor-of-a-megabyte", json!({ "bomb": { "cursor": 1 << 20 } }))
            .ends(nothing("cursor-too-large")),
        receives("cursor-of-a-gigabyte", json!({ "bomb": { "cursor": 1 << 30 } }))
            .ends(nothing("memory-limit")),
        receives(
            "item-of-forty-megabytes",
            json!({ "bomb": { "event": 40 << 20 } }),
        )
        .memory_bytes(256 << 20)
        .ends(nothing("host-call-fuel")),
        receives("trap-in-receive", json!({ "receive": [{ "trap": 0 }] })).ends(nothing("trap")),
        receives("loop-in-receive", json!({ "receive": [{ "loop": 0 }] }))
            .timeout_ms(400)
            .ends(nothing("deadline")),
    ]
}
