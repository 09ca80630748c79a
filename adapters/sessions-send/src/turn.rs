//! What the gateway says of a turn, as a receipt. Pure.
//!
//! | the gateway says | the receipt |
//! | --- | --- |
//! | `accepted`, `in_flight`, or the agent is still at it | accepted |
//! | `ok` | processed: the agent has heard it and is done; its answer is the detail |
//! | `error` | delivered: it stands in the session, and the agent's turn failed |
//!
//! A turn that failed is no failed delivery: the gateway keeps the message in the session, and the same
//! key would only bring the same end again.

use byway_adapter::{Receipt, ReceiptStatus};
use serde_json::Value;

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
