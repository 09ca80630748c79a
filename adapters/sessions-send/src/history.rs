//! What a session's history says of a turn. Pure.
//!
//! The gateway writes down what it takes on before it says `accepted`: first as an input that waits, then,
//! before the model hears it, as a message whose key is the turn's with `:user` behind it. Both outlive the
//! gateway's process. So a turn that is in neither was not taken, and one that waits but was cut off by a
//! restart was never heard, and never will be under its key.

use serde_json::Value;

/// What became of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The gateway never took it.
    Nowhere,
    /// It waits for its turn.
    Waiting,
    /// It stands in the session; the agent may still be at it.
    InSession,
    /// The agent has answered, in these words.
    Answered(Option<String>),
    /// It stands in the session, and the agent's turn failed.
    Failed(Option<String>),
    /// The gateway was stopped before the agent heard it; only a new turn can bring it.
    Interrupted,
    /// Somebody at the gateway called it off.
    Cancelled,
}

/// A search through the pages of a history, the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    key: String,
    is_in_session: bool,
    end: Option<Found>,
    waiting: Option<Found>,
}

/// How a search goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This is it.
    Done(Found),
    /// There is an older page, so many messages from the end.
    Older(u64),
}

impl Search {
    /// For the turn of this key.
    pub(crate) fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..Self::default()
        }
    }

    /// Looks through a page.
    pub(crate) fn look(&mut self, page: &Value) -> Next {
        for message in list(page, "/messages").rev() {
            self.look_at(message);
        }
        if self.waiting.is_none() {
            self.waiting = self.in_custody(page);
        }
        let older = page.get("nextOffset").and_then(Value::as_u64);
        match (page.get("hasMore"), older) {
            // The turn's end is newer than its beginning, so nothing more can come of it.
            _ if self.is_in_session || self.end.is_some() => Next::Done(self.found()),
            // What waits has arrived, wherever it is. What was cut off may have been heard before.
            _ if matches!(self.waiting, Some(Found::Waiting | Found::InSession)) => Next::Done(self.found()),
            (Some(Value::Bool(true)), Some(older)) => Next::Older(older),
            _ => Next::Done(self.found()),
        }
    }

    fn look_at(&mut self, message: &Value) {
        let key = text_at(message, "/idempotencyKey");
        let is_of_turn = text_at(message, "/__openclaw/runId") == self.key;
        if key.strip_suffix(":user") == Some(&self.key) {
            self.is_in_session = true;
        } else if key.strip_suffix(":terminal-error") == Some(&self.key) {
            self.end.get_or_insert(Found::Failed(words(message)));
        } else if is_of_turn && text_at(message, "/role") == "assistant" {
            // Of several the newest with words is the answer.
            if let words @ Some(_) = words(message) {
                self.end.get_or_insert(Found::Answered(words));
            }
        } else if is_of_turn {
            self.end.get_or_insert(Found::Failed(words(message)));
        }
    }

    /// What the gateway has taken on and not yet made a turn of.
    fn in_custody(&self, page: &Value) -> Option<Found> {
        let is_ours = |item: &&Value| text_at(item, "/runId") == self.key;
        let waiting = list(page, "/pendingInputs/items").find(is_ours);
        if let Some(item) = waiting {
            return Some(match text_at(item, "/state") {
                "interrupted" => Found::Interrupted,
                "cancelled" => Found::Cancelled,
                _ => Found::Waiting,
            });
        }
        let receipt = list(page, "/inputReceipts").find(is_ours)?;
        Some(match text_at(receipt, "/state") {
            "consumed" => Found::InSession,
            _ => Found::Waiting,
        })
    }

    fn found(&self) -> Found {
        match (&self.end, self.is_in_session, &self.waiting) {
            (Some(end), _, _) => end.clone(),
            (None, true, _) => Found::InSession,
            (None, false, Some(waiting)) => waiting.clone(),
            (None, false, None) => Found::Nowhere,
        }
    }
}

fn list<'a>(value: &'a Value, pointer: &str) -> std::slice::Iter<'a, Value> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or([].iter(), |items| items.iter())
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The words of a message: its text, or the texts among its parts.
fn words(message: &Value) -> Option<String> {
    let words = match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts: Vec<&str> = parts
                .iter()
                .map(|part| text_at(part, "/text"))
                .filter(|text| !text.is_empty())
                .collect();
            texts.join("\n")
        }
        _ => String::new(),
    };
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look(page: &Value) -> Next {
        Search::new("k1").look(page)
    }

    fn said(key: &str) -> Value {
        json!({"role": "user", "content": "hi", "idempotencyKey": format!("{key}:user"), "__openclaw": {"seq": 1}})
    }

    fn answered(key: &str, text: &str) -> Value {
        json!({"role": "assistant", "content": [{"type": "text", "text": text}], "__openclaw": {"runId": key}})
    }

    fn page(messages: &[Value]) -> Value {
        json!({"messages": messages, "pendingInputs": {"items": [], "total": 0}, "hasMore": false})
    }

    fn waiting(state: &str) -> Value {
        json!({"messages": [said("k0")], "hasMore": false,
            "pendingInputs": {"items": [{"id": "x", "runId": "k1", "state": state}], "total": 1}})
    }

    #[test]
    fn a_turn_that_is_nowhere_was_not_taken() {
        assert_eq!(look(&page(&[])), Next::Done(Found::Nowhere));
        assert_eq!(
            look(&page(&[said("k0"), answered("k0", "no"), said("k11")])),
            Next::Done(Found::Nowhere)
        );
    }

    #[test]
    fn a_turn_in_the_session_arrived_and_its_answer_is_found() {
        assert_eq!(look(&page(&[said("k1")])), Next::Done(Found::InSession));
        assert_eq!(
            look(&page(&[
                said("k1"),
                answered("k1", "first"),
                answered("k1", "yes"),
                answered("k1", ""),
                said("k2"),
                answered("k2", "no")
            ])),
            Next::Done(Found::Answered(Some("yes".to_owned())))
        );
    }

    #[test]
    fn a_turn_that_failed_over_there_arrived_all_the_same() {
        let error = json!({"role": "assistant", "content": "LLM request failed", "idempotencyKey": "k1:terminal-error", "__openclaw": {"runId": "k1"}});
        let note = json!({"role": "custom", "content": "This turn ended before a reply", "__openclaw": {"runId": "k1"}});
        for end in [error, note] {
            assert!(matches!(
                look(&page(&[said("k1"), end])),
                Next::Done(Found::Failed(Some(_)))
            ));
        }
    }

    #[test]
    fn what_waits_is_told_from_what_was_cut_off() {
        assert_eq!(look(&waiting("queued")), Next::Done(Found::Waiting));
        assert_eq!(look(&waiting("interrupted")), Next::Done(Found::Interrupted));
        assert_eq!(look(&waiting("cancelled")), Next::Done(Found::Cancelled));
    }

    #[test]
    fn what_the_model_has_heard_was_not_cut_off_before() {
        let mut page = waiting("interrupted");
        page["messages"] = json!([said("k1")]);
        assert_eq!(look(&page), Next::Done(Found::InSession));
    }

    #[test]
    fn custody_is_believed_where_the_list_of_inputs_is_too_long() {
        let with = |state: &str| json!({"messages": [], "hasMore": false, "inputReceipts": [{"runId": "k1", "state": state}]});
        assert_eq!(look(&with("pending")), Next::Done(Found::Waiting));
        assert_eq!(look(&with("consumed")), Next::Done(Found::InSession));
    }

    #[test]
    fn older_pages_are_looked_through_until_it_is_found() {
        let mut search = Search::new("k1");
        let newest = json!({"messages": [said("k9")], "hasMore": true, "nextOffset": 1});
        assert_eq!(search.look(&newest), Next::Older(1));
        let older =
            json!({"messages": [said("k1"), answered("k1", "yes")], "hasMore": true, "nextOffset": 3});
        assert_eq!(
            search.look(&older),
            Next::Done(Found::Answered(Some("yes".to_owned())))
        );
    }
}
