//! Steps that only an attack needs: floods, and what can be tried with files through WASI.

use serde_json::Value;

use crate::byway::transport::progress;
use crate::byway::transport::types::{Failure, FailureKind};
use crate::exports::byway::transport::receiver::{Batch, Item};
use crate::failure;
use crate::steps::text;

/// Too much of something. The value says how much.
pub(crate) fn flood(name: &str, value: &Value) {
    let amount = value.as_u64().unwrap_or(u64::MAX);
    match name {
        // Bytes to standard output and as many to standard error.
        "print" => {
            use std::io::Write as _;
            let piece = [b'x'; 4096];
            for _ in 0..amount / 4096 {
                std::io::stdout().write_all(&piece).ok();
                std::io::stderr().write_all(&piece).ok();
            }
        }
        "saves" => {
            for number in 0..amount {
                progress::save(&number.to_le_bytes()).ok();
            }
        }
        "random" => {
            wasip2::random::random::get_random_bytes(amount);
        }
        "pollables" => loop {
            std::mem::forget(wasip2::clocks::monotonic_clock::subscribe_duration(1 << 40));
        },
        _ => panic!("no such step: {name}"),
    }
}

/// `{"do", "a", "b"}`: what was read, or why it was not done.
pub(crate) fn with_files(value: &Value) -> Result<String, Failure> {
    let (a, b) = (text(&value["a"]), text(&value["b"]));
    let done = match text(&value["do"]).as_str() {
        "read" => std::fs::read_to_string(a),
        "write" => std::fs::write(a, "x").map(|()| "written".into()),
        "rename" => std::fs::rename(a, b).map(|()| "renamed".into()),
        "link" => std::fs::hard_link(a, b).map(|()| "linked".into()),
        "remove" => std::fs::remove_file(a).map(|()| "removed".into()),
        "folder" => std::fs::create_dir(a).map(|()| "made".into()),
        other => panic!("no such trick: {other}"),
    };
    done.map_err(|error| failure(FailureKind::Refused, "trick", &error.to_string()))
}

/// A batch of so many empty `items`, a `cursor` or one `event` of so many bytes.
pub(crate) fn bomb(value: &Value) -> Batch {
    let size = |name: &str| value[name].as_u64().unwrap_or_default() as usize;
    let mut items = vec![Item::Event(vec![]); size("items")];
    if size("event") > 0 {
        items.push(Item::Event(vec![b'x'; size("event")]));
    }
    Batch {
        items,
        cursor: Some(vec![b'x'; size("cursor")]),
    }
}
