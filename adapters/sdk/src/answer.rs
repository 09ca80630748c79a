//! What a far side's JSON answer says of the message: its status, its name for it, its reply.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{FailureKind, ReceiptStatus};

/// What a word, a status code or an exit code means for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// The far side took charge of it.
    Accepted,
    /// It is where the agent will see it.
    Delivered,
    /// The agent has seen it.
    Read,
    /// The agent is done with it.
    Processed,
    /// Not delivered; trying again can work.
    Retryable,
    /// This transport cannot work now for any message.
    Unavailable,
    /// This transport will not take this message.
    Refused,
    /// It may have arrived.
    Unknown,
}

impl Meaning {
    /// A receipt's status, or else the kind of failure.
    ///
    /// # Errors
    /// The kind of failure, where it is one.
    pub fn status(self) -> Result<ReceiptStatus, FailureKind> {
        match self {
            Self::Accepted => Ok(ReceiptStatus::Accepted),
            Self::Delivered => Ok(ReceiptStatus::Delivered),
            Self::Read => Ok(ReceiptStatus::Read),
            Self::Processed => Ok(ReceiptStatus::Processed),
            Self::Retryable => Err(FailureKind::Retryable),
            Self::Unavailable => Err(FailureKind::Unavailable),
            Self::Refused => Err(FailureKind::Refused),
            Self::Unknown => Err(FailureKind::Unknown),
        }
    }
}

/// A receipt's status by its word.
#[must_use]
pub fn status_of_word(word: &str) -> Option<ReceiptStatus> {
    match word {
        "accepted" => Some(ReceiptStatus::Accepted),
        "delivered" => Some(ReceiptStatus::Delivered),
        "read" => Some(ReceiptStatus::Read),
        "processed" => Some(ReceiptStatus::Processed),
        _ => None,
    }
}

/// What a far side's word for its status means: what the operator says of it, else what it says itself.
///
/// # Errors
/// The kind of failure, where it is one; a word that nobody knows is `unknown`.
pub fn status_by(statuses: &BTreeMap<String, Meaning>, word: &str) -> Result<ReceiptStatus, FailureKind> {
    match statuses.get(word) {
        Some(meaning) => meaning.status(),
        None => status_of_word(word).ok_or(FailureKind::Unknown),
    }
}

/// A far side's word as a person may see it: one line, 60 characters at most.
#[must_use]
pub fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Whether a text is what a pattern says, in which each `*` stands for anything.
#[must_use]
pub fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The receipt of another byway, as `/v1/inbound` answers and `byway accept` prints it:
/// `{"id": …, "status": …}`. `None` where an answer is not that.
#[must_use]
pub fn byway_receipt(answer: &Value) -> Option<(ReceiptStatus, String)> {
    let id = answer.get("id")?.as_str()?;
    let status = status_of_word(answer.get("status")?.as_str()?)?;
    Some((status, id.to_owned()))
}

/// The value that a JSON Pointer leads to, as text: a string as what it says, a number or Boolean
/// as it is written, anything else as JSON. `None` where there is none, or null.
#[must_use]
pub fn text_at(answer: &Value, pointer: &str) -> Option<String> {
    match answer.pointer(pointer)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Whether a text is a JSON Pointer (RFC 6901).
#[must_use]
pub fn is_pointer(text: &str) -> bool {
    let escapes_are_right = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    escapes_are_right && (text.is_empty() || text.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_a_byways_receipt_and_nothing_less() {
        let receipt = byway_receipt(&json!({"id": "m1", "status": "delivered", "recipient": "a@b"}));
        assert_eq!(receipt, Some((ReceiptStatus::Delivered, "m1".to_owned())));
        assert_eq!(byway_receipt(&json!({"status": "delivered"})), None);
        assert_eq!(byway_receipt(&json!({"id": "m1", "status": "ok"})), None);
        assert_eq!(byway_receipt(&json!("delivered")), None);
    }

    #[test]
    fn gives_what_stands_at_a_pointer_as_text() {
        let answer = json!({"result": {"id": 7, "ok": true, "none": null, "a/b": "x", "list": [1]}});
        assert_eq!(text_at(&answer, "/result/id").as_deref(), Some("7"));
        assert_eq!(text_at(&answer, "/result/ok").as_deref(), Some("true"));
        assert_eq!(text_at(&answer, "/result/a~1b").as_deref(), Some("x"));
        assert_eq!(text_at(&answer, "/result/list").as_deref(), Some("[1]"));
        assert_eq!(text_at(&answer, "/result/none"), None);
        assert_eq!(text_at(&answer, "/nowhere"), None);
    }

    #[test]
    fn the_operators_word_comes_before_the_far_sides() {
        let statuses = BTreeMap::from([("accepted".to_owned(), Meaning::Refused)]);
        assert_eq!(status_by(&statuses, "accepted"), Err(FailureKind::Refused));
        assert_eq!(status_by(&statuses, "read"), Ok(ReceiptStatus::Read));
        assert_eq!(status_by(&statuses, "ok"), Err(FailureKind::Unknown));
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (text, pattern) in [
            ("no such agent: x", "no such agent*"),
            ("at ws://a (REFUSED).\nMore", "at *(REFUSED)*"),
            ("abc", "abc"),
            ("", "*"),
            ("aXbXb", "a*b"),
        ] {
            assert!(is_like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [
            ("abc", "ab"),
            ("abc", "b*"),
            ("ab", "ab*b"),
            ("acb", "a*c*c"),
            ("x", ""),
        ] {
            assert!(!is_like(text, pattern), "{text} {pattern}");
        }
    }

    #[test]
    fn knows_a_pointer() {
        assert!(is_pointer("") && is_pointer("/a/0") && is_pointer("/a~1b~0"));
        assert!(!is_pointer("a") && !is_pointer("/a~2") && !is_pointer("/a~"));
    }
}
