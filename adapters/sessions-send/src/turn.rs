//! What the gateway says of a turn, as a receipt. Pure.
//!
//! | the gateway says | the receipt |
//! | --- | --- |
//! | `accepted`, `in_flight`, or the agent is still at it | accepted |
//! | `ok` | processed: the agent has heard it and is done; its answer is the detail |
//! | `error`, and it stands in the session | delivered: the agent's turn failed |
//! | `error`, and it was never put into the session | none: the agent has not heard it |
//!
//! A turn that failed is no failed delivery where the gateway has the message in the session: the same key would
//! only bring the same end again. But it ends a turn with the same word that it gave up before it began, as it does
//! right after a start while it still mends the sessions of before ("changed while starting work. Retry."). So
//! after every error the history is what tells the two apart.

use byway_adapter::{Failure, Receipt, ReceiptStatus};
use serde_json::Value;

use crate::history::Found;

/// With which words the gateway gives up a turn that it has not begun.
const NOT_BEGUN: &str = "while starting work";

/// How far a turn has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The gateway has the message, and the turn is to come or under way.
    Running,
    /// It is over; the agent's words, where it said any.
    Answered(Option<String>),
    /// It is over without an answer; why, where that is known.
    Failed(Option<String>),
}

impl Progress {
    /// Of the answer to `agent` or to `agent.wait`.
    pub(crate) fn of(payload: &Value) -> Self {
        let text = |pointer: &str| {
            payload
                .pointer(pointer)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        match payload.get("status").and_then(Value::as_str) {
            Some("ok") => {
                Self::Answered(text("/terminalReply/text").or_else(|| text("/result/payloads/0/text")))
            }
            Some("error") => Self::Failed(text("/error").or_else(|| text("/summary"))),
            _ => Self::Running,
        }
    }

    /// The receipt for it.
    pub(crate) fn receipt(self, key: &str) -> Receipt {
        let (status, detail) = match self {
            Self::Running => (ReceiptStatus::Accepted, None),
            Self::Answered(text) => (ReceiptStatus::Processed, text),
            Self::Failed(why) => (ReceiptStatus::Delivered, Some(failed(why.as_deref()))),
        };
        Receipt::new(status)
            .with_reference(Some(key.to_owned()))
            .with_detail(detail)
    }
}

/// Whether the agent heard the message of a turn that ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It did: it stands in the session.
    Heard,
    /// It did not, and will not under this key.
    Unheard,
    /// Somebody at the gateway called it off.
    Cancelled,
    /// Nobody says.
    Unclear,
}

/// Judges the end of a turn by what the history says of it afterwards, and by the gateway's own word.
pub(crate) fn ended(found: Option<&Found>, why: Option<&str>) -> Ended {
    let is_not_begun = why.is_some_and(|why| why.contains(NOT_BEGUN));
    match found {
        Some(Found::InSession | Found::Answered(_) | Found::Failed(_)) => Ended::Heard,
        Some(Found::Interrupted) => Ended::Unheard,
        Some(Found::Cancelled) => Ended::Cancelled,
        // The gateway tells the end before it writes it down; and a session that was reset has forgotten it.
        Some(Found::Nowhere | Found::Waiting) if is_not_begun => Ended::Unheard,
        Some(Found::Nowhere | Found::Waiting) | None => Ended::Unclear,
    }
}

/// The gateway gave the turn up before the agent heard the message.
pub(crate) fn not_begun(why: Option<&str>) -> Failure {
    Failure::retryable(
        "turn-not-begun",
        format!(
            "The gateway gave the turn up before the agent heard the message: {}",
            why.unwrap_or("it does not say why")
        ),
    )
}

/// A turn ended without an answer, and the newest of the history does not say whether the agent heard it.
pub(crate) fn unclear(why: Option<&str>) -> Failure {
    Failure::unknown(
        "turn-failed",
        format!(
            "The agent's turn failed, and the message is not among the newest of its session: {}",
            why.unwrap_or("the gateway does not say why")
        ),
    )
}

/// The sentence for a turn without an answer.
pub(crate) fn failed(why: Option<&str>) -> String {
    format!(
        "It is in the session, and the agent's turn failed: {}",
        why.unwrap_or("the gateway does not say why")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn receipt(payload: &Value) -> (ReceiptStatus, Option<String>) {
        let receipt = Progress::of(payload).receipt("k");
        assert_eq!(receipt.reference.as_deref(), Some("k"));
        (receipt.status, receipt.detail)
    }

    #[test]
    fn a_turn_that_failed_was_heard_only_where_it_stands_in_the_session() {
        let changed = Some("Session \"agent:a:main\" changed while starting work. Retry.");
        let failed = Some("LLM request failed");
        for (found, why, expected) in [
            (Some(Found::InSession), failed, Ended::Heard),
            (Some(Found::InSession), changed, Ended::Heard),
            (Some(Found::Failed(None)), failed, Ended::Heard),
            (Some(Found::Answered(None)), failed, Ended::Heard),
            (Some(Found::Interrupted), changed, Ended::Unheard),
            (Some(Found::Interrupted), failed, Ended::Unheard),
            (Some(Found::Waiting), changed, Ended::Unheard),
            (Some(Found::Nowhere), changed, Ended::Unheard),
            (Some(Found::Cancelled), changed, Ended::Cancelled),
            (Some(Found::Waiting), failed, Ended::Unclear),
            (Some(Found::Nowhere), failed, Ended::Unclear),
            (None, changed, Ended::Unclear),
        ] {
            assert_eq!(ended(found.as_ref(), why), expected, "{found:?} {why:?}");
        }
    }

    #[test]
    fn every_status_has_the_receipt_that_the_page_says() {
        for status in ["accepted", "in_flight", "timeout", "pending", "something-new"] {
            assert_eq!(
                receipt(&json!({ "status": status })),
                (ReceiptStatus::Accepted, None),
                "{status}"
            );
        }
        let visible = json!({"status": "ok", "terminalReply": {"disposition": "visible", "text": "yes"}});
        assert_eq!(
            receipt(&visible),
            (ReceiptStatus::Processed, Some("yes".to_owned()))
        );
        let silent = json!({"status": "ok", "terminalReply": {"disposition": "silent"}});
        assert_eq!(receipt(&silent), (ReceiptStatus::Processed, None));
        let repeated = json!({"status": "ok", "result": {"payloads": [{"text": "yes", "mediaUrl": null}]}});
        assert_eq!(
            receipt(&repeated),
            (ReceiptStatus::Processed, Some("yes".to_owned()))
        );
        let (status, detail) = receipt(&json!({"status": "error", "error": "LLM request failed"}));
        assert_eq!(status, ReceiptStatus::Delivered);
        assert!(
            detail
                .unwrap()
                .ends_with("the agent's turn failed: LLM request failed")
        );
    }
}
