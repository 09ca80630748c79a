//! Takes out of what was noted whatever differs from run to run (times, and ids that nobody named), and
//! what is too long to read.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::words::Words;

/// Shapes that change with the clock: `9` is a digit, `x` a hexadecimal digit. The longer first.
const SHAPES: [(&str, &str); 5] = [
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "{{sha256}}",
    ),
    ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "{{uuid}}"),
    ("9999-99-99T99:99:99", "{{time}}"),
    ("9999-99-99", "{{date}}"),
    ("99:99:99", "{{clock}}"),
];

/// A value with placeholders for everything that differs from run to run.
pub fn value(value: Value, words: &Words) -> Value {
    match value {
        Value::String(text) => Value::String(normal(&text, words)),
        Value::Array(items) => items.into_iter().map(|item| self::value(item, words)).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, item)| (normal(&name, words), self::value(item, words)))
            .collect(),
        other => other,
    }
}

fn normal(text: &str, words: &Words) -> String {
    let text = words.take_out(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        match SHAPES.iter().find(|(shape, _)| fits(rest, shape)) {
            Some((shape, word)) => {
                out.push_str(word);
                rest = &rest[shape.len()..];
                if *word == "{{time}}" {
                    rest = rest.trim_start_matches(|c: char| c == '.' || c == 'Z' || c.is_ascii_digit());
                }
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

fn fits(text: &str, shape: &str) -> bool {
    text.len() >= shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, wanted)| match wanted {
                b'9' => byte.is_ascii_digit(),
                b'x' => byte.is_ascii_hexdigit(),
                fixed => byte == fixed,
            })
}

/// A long text by its size and digest.
pub fn in_short(text: &str) -> String {
    if text.len() <= 200 {
        return text.to_owned();
    }
    let digest: String = Sha256::digest(text.as_bytes())
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{} bytes, sha256 {digest}…", text.len())
}
