//! What byway says in JSON, as far as the demo needs it. What is missing is named, so that a changed
//! answer is found here and not in a wrong verdict.

use serde_json::Value;

use crate::failure::{Failure, Result};

/// A message as `byway show ID --json` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// `delivered`, `waiting`, …
    pub(crate) status: String,
    /// Whether another than the first choice delivered it.
    pub(crate) fallback: bool,
    /// Everything that was tried, in order.
    pub(crate) attempts: Vec<Attempt>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The transport.
    pub(crate) transport: String,
    /// How it ended.
    pub(crate) outcome: String,
    /// Why it failed, for programs.
    pub(crate) code: Option<String>,
    /// What happened, for people.
    pub(crate) message: Option<String>,
    /// How long it took, in milliseconds.
    pub(crate) took_ms: u64,
}

/// A message as it lies in an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// Its id.
    pub(crate) id: String,
    /// Who sent it.
    pub(crate) source: String,
    /// When it was made, else when it was taken in.
    pub(crate) time: String,
    /// How far it has got.
    pub(crate) status: String,
    /// By which way it came in.
    pub(crate) via: Option<String>,
    /// What it says.
    pub(crate) text: String,
}

/// The id that `byway send --json` gave the message.
pub(crate) fn sent(answer: &Value) -> Result<String> {
    text(answer, "id")
}

/// Reads `byway show ID --json`.
pub(crate) fn shown(answer: &Value) -> Result<Shown> {
    Ok(Shown {
        status: text(answer, "status")?,
        fallback: answer
            .get("fallback")
            .and_then(Value::as_bool)
            .ok_or_else(|| missing(answer, "fallback"))?,
        attempts: list(answer, "attempts")?
            .iter()
            .map(attempt)
            .collect::<Result<_>>()?,
    })
}

/// Reads `byway inbox list --json`.
pub(crate) fn inbox(answer: &Value) -> Result<Vec<Received>> {
    list(answer, "items")?.iter().map(received).collect()
}

fn attempt(item: &Value) -> Result<Attempt> {
    Ok(Attempt {
        transport: text(item, "transport")?,
        outcome: text(item, "outcome")?,
        code: text(item, "code").ok(),
        message: text(item, "message").ok(),
        took_ms: item
            .get("took_ms")
            .and_then(Value::as_u64)
            .ok_or_else(|| missing(item, "took_ms"))?,
    })
}

fn received(item: &Value) -> Result<Received> {
    let said = match item.get("text").or_else(|| item.get("data")) {
        Some(Value::String(said)) => said.clone(),
        Some(said) => said.to_string(),
        None => return Err(missing(item, "text")),
    };
    Ok(Received {
        id: text(item, "id")?,
        source: text(item, "source")?,
        time: text(item, "time").or_else(|_| text(item, "received_at"))?,
        status: text(item, "status")?,
        via: text(item, "via").ok(),
        text: said,
    })
}

fn text(of: &Value, name: &str) -> Result<String> {
    of.get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| missing(of, name))
}

fn list<'a>(of: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    of.get(name)
        .and_then(Value::as_array)
        .ok_or_else(|| missing(of, name))
}

fn missing(of: &Value, name: &str) -> Failure {
    Failure::new(format!(
        "byway's answer has no `{name}` of the expected form: {of}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_shown_message_has_its_attempts_in_order() {
        let answer = json!({
            "id": "1", "status": "delivered", "fallback": true,
            "attempts": [
                { "number": 1, "transport": "gateway", "mode": "deliver", "outcome": "retryable",
                  "code": "connect", "message": "connection refused", "took_ms": 3, "effect": null },
                { "number": 1, "transport": "peer-webhook", "mode": "deliver", "outcome": "delivered",
                  "code": null, "message": null, "took_ms": 11, "effect": "POST …" },
            ],
        });
        let shown = shown(&answer).unwrap();
        let names: Vec<&str> = shown
            .attempts
            .iter()
            .map(|attempt| attempt.transport.as_str())
            .collect();
        assert_eq!(names, ["gateway", "peer-webhook"]);
        assert_eq!(shown.attempts[0].message.as_deref(), Some("connection refused"));
        assert_eq!(shown.attempts[1].message, None);
        assert_eq!(shown.attempts[1].took_ms, 11);
    }

    #[test]
    fn an_answer_without_an_expected_member_names_it() {
        let told = shown(&json!({ "status": "delivered", "attempts": [] }))
            .unwrap_err()
            .to_string();
        assert!(told.contains("`fallback`"), "{told}");
    }

    #[test]
    fn a_message_may_carry_words_or_data() {
        let item = |member: &str, value: Value| {
            let mut item =
                json!({ "id": "1", "source": "s", "time": "t", "status": "delivered", "via": null });
            item[member] = value;
            inbox(&json!({ "items": [item], "next": null }))
                .unwrap()
                .remove(0)
                .text
        };
        assert_eq!(item("text", json!("words")), "words");
        assert_eq!(item("data", json!({ "text": "words" })), r#"{"text":"words"}"#);
    }
}
