//! How every message stands, told from the journal alone. Pure.
//!
//! A row about an outgoing message names it by `out`, one about a message in an inbox by `in`. Three things
//! begin a message: `accepted`, `taken-in`, and `standing`, which repeats how one stands where the rows before
//! may be gone (pruned, or older than the chain). `forgotten` and `damaged` end it. Between them what is in `tried` counts,
//! and any row with `stands` or `receipt` sets that. What a row says of a message that has not begun is left
//! aside: its `standing` comes later.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// How an outgoing message stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StandingOut {
    /// What it is for.
    pub kind: String,
    /// The digest of its content, in hexadecimal.
    pub digest: String,
    /// How it stands.
    pub stands: String,
    /// The greatest receipt so far.
    pub receipt: Option<String>,
    /// How often it was tried.
    pub attempts: u64,
    /// How often a transport was passed over.
    pub skipped: u64,
}

/// How a message in an inbox stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StandingIn {
    /// The digest of its content, in hexadecimal.
    pub digest: String,
    /// How it stands.
    pub stands: String,
}

/// Every message, as the rows up to now leave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// Outgoing messages by their key.
    pub outgoing: BTreeMap<i64, StandingOut>,
    /// Messages in inboxes by their key.
    pub incoming: BTreeMap<i64, StandingIn>,
}

impl Replay {
    /// Takes the next row. What is not JSON, or of no message, changes nothing.
    pub fn row(&mut self, event: &str, detail: &str) {
        // Most rows of some journals are of no message; those are not worth parsing.
        if !detail.contains("\"out\"") && !detail.contains("\"in\"") {
            return;
        }
        let Ok(detail) = serde_json::from_str::<Value>(detail) else {
            return;
        };
        if let Some(key) = detail.get("out").and_then(Value::as_i64) {
            self.of_outgoing(key, event, &detail);
        } else if let Some(key) = detail.get("in").and_then(Value::as_i64) {
            self.of_incoming(key, event, &detail);
        }
    }

    fn of_outgoing(&mut self, key: i64, event: &str, detail: &Value) {
        match event {
            "accepted" | "standing" => {
                let message = StandingOut {
                    kind: text(detail, "kind").unwrap_or_default(),
                    digest: text(detail, "digest").unwrap_or_default(),
                    stands: text(detail, "stands").unwrap_or_default(),
                    receipt: text(detail, "receipt"),
                    attempts: count(detail, "attempts"),
                    skipped: count(detail, "skipped"),
                };
                self.outgoing.insert(key, message);
            }
            "forgotten" | "damaged" => drop(self.outgoing.remove(&key)),
            _ => {
                let Some(message) = self.outgoing.get_mut(&key) else {
                    return;
                };
                // Rows of their own until schema 7.
                match event {
                    "attempt" => message.attempts += 1,
                    "skipped" => message.skipped += 1,
                    _ => {}
                }
                let tried = detail.get("tried").and_then(Value::as_array);
                for one in tried.into_iter().flatten() {
                    if one.get("number").is_some_and(Value::is_number) {
                        message.attempts += 1;
                    } else {
                        message.skipped += 1;
                    }
                }
                if let Some(stands) = text(detail, "stands") {
                    message.stands = stands;
                }
                if let Some(receipt) = text(detail, "receipt") {
                    message.receipt = Some(receipt);
                }
            }
        }
    }

    fn of_incoming(&mut self, key: i64, event: &str, detail: &Value) {
        match event {
            "taken-in" | "standing" => {
                let message = StandingIn {
                    digest: text(detail, "digest").unwrap_or_default(),
                    stands: text(detail, "stands").unwrap_or_default(),
                };
                self.incoming.insert(key, message);
            }
            "forgotten" | "damaged" => drop(self.incoming.remove(&key)),
            _ => {
                if let (Some(message), Some(stands)) = (self.incoming.get_mut(&key), text(detail, "stands")) {
                    message.stands = stands;
                }
            }
        }
    }
}

fn text(detail: &Value, name: &str) -> Option<String> {
    detail.get(name)?.as_str().map(str::to_owned)
}

fn count(detail: &Value, name: &str) -> u64 {
    detail.get(name).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replayed(rows: &[(&str, &str)]) -> Replay {
        let mut replay = Replay::default();
        for (event, detail) in rows {
            replay.row(event, detail);
        }
        replay
    }

    #[test]
    fn a_message_stands_as_its_rows_say() {
        let replay = replayed(&[
            (
                "accepted",
                r#"{"out":1,"kind":"message","digest":"aa","stands":"waiting"}"#,
            ),
            (
                "accepted",
                r#"{"out":2,"kind":"wake","digest":"bb","stands":"waiting"}"#,
            ),
            ("skipped", r#"{"out":1}"#),
            ("attempt", r#"{"out":1}"#),
            ("attempt", r#"{"out":1}"#),
            (
                "waiting",
                r#"{"out":1,"stands":"waiting","tried":[{"number":3,"outcome":"refused"},{"number":null,"outcome":"skipped"}]}"#,
            ),
            ("again", r#"{"digest":"aa"}"#),
            ("refused", r#"{"door":"http"}"#),
            ("receipt", r#"{"out":1,"receipt":"read"}"#),
            ("delivered", r#"{"out":1,"stands":"delivered","receipt":"read"}"#),
        ]);
        let message = StandingOut {
            kind: "message".into(),
            digest: "aa".into(),
            stands: "delivered".into(),
            receipt: Some("read".into()),
            attempts: 3,
            skipped: 2,
        };
        assert_eq!(replay.outgoing[&1], message);
        assert_eq!(replay.outgoing[&2].stands, "waiting");
    }

    #[test]
    fn what_stood_before_the_first_row_is_taken_from_where_it_is_repeated() {
        let replay = replayed(&[
            ("attempt", r#"{"out":1}"#),
            ("read", r#"{"in":1,"stands":"read"}"#),
            (
                "standing",
                r#"{"out":1,"kind":"message","digest":"aa","stands":"held","attempts":7,"skipped":2}"#,
            ),
            ("standing", r#"{"in":1,"digest":"cc","stands":"read"}"#),
            ("attempt", r#"{"out":1}"#),
            ("processed", r#"{"in":1,"stands":"processed"}"#),
            ("taken-in", r#"{"in":2,"digest":"dd","stands":"unread"}"#),
            ("forgotten", r#"{"in":1}"#),
        ]);
        assert_eq!(
            (replay.outgoing[&1].attempts, replay.outgoing[&1].skipped),
            (8, 2)
        );
        assert_eq!(replay.incoming.keys().copied().collect::<Vec<_>>(), [2]);
    }
}
