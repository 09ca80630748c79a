//! What one byway tells another about a message it was sent: an event of type `dev.byway.receipt`.
//!
//! A receipt travels like any message and is signed like one. It lives for an hour, is never receipted
//! itself, and says of which message it speaks both in its data and in `causationid`.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};

use super::cloud_event::quoted;
use super::{Address, Data, Draft, Envelope, EnvelopeError, Value};

/// The type of a receipt.
pub const RECEIPT_TYPE: &str = "dev.byway.receipt";

/// How long a receipt is worth delivering.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// How far a message has got, as a receipt says it. The first four are ordered: of several receipts the
/// greatest holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReceiptWord {
    /// The far side took charge of the message.
    Accepted,
    /// The message is where the agent will see it.
    Delivered,
    /// The agent, or a person, has seen it.
    Read,
    /// The agent is done with it.
    Processed,
    /// It will not be read or processed any more.
    Failed,
}

/// The body of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptEvent {
    /// The `source` of the message it speaks of.
    pub of_source: String,
    /// The `id` of the message it speaks of.
    pub of_id: String,
    /// How far that message has got.
    pub status: ReceiptWord,
    /// Why, in words.
    pub reason: Option<String>,
}

impl ReceiptEvent {
    /// The receipt as a message to whoever sent the one it speaks of.
    #[must_use]
    pub fn to_draft(&self, source: impl Into<String>, recipient: Address, now: Timestamp) -> Draft {
        let mut body = Map::new();
        let mut member = |name: &str, text: &str| body.insert(name.to_owned(), Json::from(text));
        member("source", &self.of_source);
        member("id", &self.of_id);
        member("status", self.status.as_str());
        if let Some(reason) = &self.reason {
            member("reason", reason);
        }
        Draft {
            expiry_time: Some(now.saturating_add(LIFETIME).unwrap_or(now)),
            ..Draft::new(source, recipient)
                .event_type(RECEIPT_TYPE)
                .extension("causationid", self.of_id.as_str())
                .json(Json::Object(body))
        }
    }

    /// Reads the receipt that a message is. Members it does not know are left alone.
    ///
    /// # Errors
    /// Where the message is of another type, or its data is no receipt.
    pub fn from_envelope(envelope: &Envelope) -> Result<Self, EnvelopeError> {
        if envelope.event_type != RECEIPT_TYPE {
            let found = quoted(&envelope.event_type);
            return Err(EnvelopeError::invalid(
                "type",
                found,
                "a receipt is a dev.byway.receipt",
            ));
        }
        let Some(Data::Json(Json::Object(body))) = &envelope.data else {
            return Err(EnvelopeError::invalid("data", "not a JSON object", RECEIPT));
        };
        let status = text(body, "status")?;
        let receipt = Self {
            of_source: text(body, "source")?,
            of_id: text(body, "id")?,
            status: status
                .parse()
                .map_err(|_| wrong("status", &format!("with {}", quoted(&status))))?,
            reason: match body.get("reason") {
                None | Some(Json::Null) => None,
                Some(_) => Some(text(body, "reason")?),
            },
        };
        match envelope.extensions.get("causationid") {
            Some(Value::String(id)) if *id != receipt.of_id => Err(EnvelopeError::invalid(
                "causationid",
                quoted(id),
                "a receipt names one message, here and in its data",
            )),
            _ => Ok(receipt),
        }
    }
}

const RECEIPT: &str = "a receipt has `source`, `id` and `status`, and perhaps `reason`, all of them texts";

fn text(body: &Map<String, Json>, name: &'static str) -> Result<String, EnvelopeError> {
    match body.get(name) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(_) => Err(wrong(name, "that is no text")),
        None => Err(wrong(name, "missing")),
    }
}

fn wrong(name: &str, how: &str) -> EnvelopeError {
    EnvelopeError::invalid("data", format!("a receipt's with `{name}` {how}"), RECEIPT)
}

impl ReceiptWord {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Accepted,
        Self::Delivered,
        Self::Read,
        Self::Processed,
        Self::Failed,
    ];

    /// The word as it stands in a receipt.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Processed => "processed",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for ReceiptWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text is not the word of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a receipt says accepted, delivered, read, processed or failed")]
pub struct ReceiptWordError;

impl FromStr for ReceiptWord {
    type Err = ReceiptWordError;

    fn from_str(text: &str) -> Result<Self, ReceiptWordError> {
        Self::ALL
            .into_iter()
            .find(|word| word.as_str() == text)
            .ok_or(ReceiptWordError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(reason: Option<&str>) -> ReceiptEvent {
        ReceiptEvent {
            of_source: "byway://a/planner".to_owned(),
            of_id: "m-1".to_owned(),
            status: ReceiptWord::Failed,
            reason: reason.map(str::to_owned),
        }
    }

    fn envelope(receipt: &ReceiptEvent) -> Envelope {
        let sender = Address::new("planner", "a").unwrap();
        let draft = receipt.to_draft("byway://b/executor", sender, Timestamp::UNIX_EPOCH);
        draft.finish("r-1".to_owned(), Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn reads_what_it_writes() {
        for receipt in [receipt(None), receipt(Some("no such \"session\"\n"))] {
            let sent = envelope(&receipt);
            let read = Envelope::from_json(&sent.to_json()).unwrap();
            assert_eq!(ReceiptEvent::from_envelope(&read), Ok(receipt));
        }
    }

    #[test]
    fn says_of_which_message_it_speaks_and_lives_an_hour() {
        let sent = envelope(&receipt(None));
        assert_eq!(
            sent.extensions.get("causationid"),
            Some(&Value::String("m-1".to_owned()))
        );
        assert_eq!(sent.expiry_time, Some(Timestamp::from_second(3600).unwrap()));
    }

    #[test]
    fn refuses_a_message_that_is_no_receipt() {
        let with = |change: &dyn Fn(&mut Envelope)| {
            let mut sent = envelope(&receipt(None));
            change(&mut sent);
            ReceiptEvent::from_envelope(&sent)
        };
        let data = |json: &str| Some(Data::Json(serde_json::from_str(json).unwrap()));
        assert!(with(&|_| ()).is_ok());
        assert!(with(&|sent| sent.event_type = "dev.byway.message".to_owned()).is_err());
        assert!(with(&|sent| sent.data = None).is_err());
        for json in [
            "[]",
            r#"{"source":"s","id":"m-1"}"#,
            r#"{"source":"s","id":"m-1","status":"arrived"}"#,
            r#"{"source":"s","id":1,"status":"read"}"#,
            r#"{"source":"s","id":"m-1","status":"read","reason":1}"#,
            r#"{"source":"s","id":"m-2","status":"read"}"#,
        ] {
            assert!(with(&|sent| sent.data = data(json)).is_err(), "{json}");
        }
        let newer = r#"{"source":"s","id":"m-1","status":"read","reason":null,"at":"later"}"#;
        assert!(with(&|sent| sent.data = data(newer)).is_ok());
    }
}
