//! What the API shows: the JSON of its answers, shared with the command line that prints them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::envelope::{Data, Envelope, Value};
use crate::intake::{Refusal, Submitted, TakenIn};
use crate::store::{Attempt, Incoming, Outgoing, WaitsFor};

/// A part of a list, and where the next begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// To be given as `cursor` for the next part; null at the end.
    pub next: Option<i64>,
}

/// The answer to a submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubmittedView {
    /// The message's id.
    pub id: String,
    /// How it stands: `waiting`, or `delivered` for a local recipient.
    pub status: String,
    /// Whether it was here before.
    #[serde(default)]
    pub duplicate: bool,
}

/// The answer to an event from outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TakenInView {
    /// The message's id.
    pub id: String,
    /// `accepted`, `delivered`, `read` or `processed`.
    pub status: String,
    /// Its recipient.
    pub recipient: String,
    /// Whether it was here before.
    #[serde(default)]
    pub duplicate: bool,
}

/// One message and what happened to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its recipient.
    pub recipient: String,
    /// `message`, `wake` or `receipt`; `inbox` for one that lies here and is carried nowhere.
    pub kind: String,
    /// `waiting`, `pending`, `held`, `delivered`, `dead`, `expired`, `cancelled`, `dropped`; or how it stands in the inbox.
    pub status: String,
    /// Why it stands so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether another than the first choice delivered it.
    pub fallback: bool,
    /// The greatest receipt so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it is looked at next; only while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// When byway stops trying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What was tried and what was passed over, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
    /// Where people were told that it waits for them: how that stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<NoticeView>,
    /// Where it has several recipients: how it stands for each. Above it stands as for the one that is worst off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<MessageView>,
}

/// The message that tells people of one that waits for them. It stands for itself: `byway show` of its id tells more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NoticeView {
    /// Its id.
    pub id: String,
    /// Who is told.
    pub recipient: String,
    /// How it stands.
    pub status: String,
    /// Why it stands so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of a dead letter that was to be redriven.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RedrivenView {
    /// Its id.
    pub id: String,
    /// Its recipient.
    pub recipient: String,
    /// `redriven` or `refused`.
    pub status: String,
    /// The id under which it goes on, where that is a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_id: Option<String>,
    /// The code of what hinders it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What hinders it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl RedrivenView {
    /// One that goes on under an id.
    #[must_use]
    pub fn done(id: String, recipient: String, goes_on_as: String) -> Self {
        Self {
            new_id: (goes_on_as != id).then_some(goes_on_as),
            id,
            recipient,
            status: "redriven".into(),
            code: None,
            detail: None,
        }
    }

    /// One that stays dead.
    #[must_use]
    pub fn refused(message: &Outgoing, refusal: &Refusal) -> Self {
        Self {
            id: message.id.clone(),
            recipient: message.recipient.to_string(),
            status: "refused".into(),
            new_id: None,
            code: Some(refusal.code.code().to_owned()),
            detail: Some(refusal.to_string()),
        }
    }
}

/// One attempt, or a step that was passed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttemptView {
    /// Which attempt on this transport; absent for one that was passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// The transport.
    pub transport: String,
    /// `deliver` or `notify`.
    pub mode: String,
    /// `delivered`, `retryable`, `unavailable`, `refused`, `unknown` or `skipped`.
    pub outcome: String,
    /// The failure's code, the skip's reason, or the receipt's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What happened, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The first effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// The far side's own name for the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// One message in an inbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InboxItem {
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its recipient.
    pub recipient: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Its conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// When it was taken in.
    pub received_at: Timestamp,
    /// `unread`, `read` or `processed`.
    pub status: String,
    /// The door it came through.
    pub via: String,
    /// Who vouches for its source: `local`, `peer:<name>` or `inbound:<name>`.
    pub authority: String,
    /// Where an answer should go, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replyto: Option<String>,
    /// The exchange it belongs to, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<String>,
    /// The id of the message that brought it about, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<String>,
    /// The person whose words it brings, if it says so. Who vouches for that is `authority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Text, where it carries text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A JSON value, where it carries one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
    /// Bytes in base64, where it carries bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
}

/// One transport and how it does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransportStateView {
    /// Its name.
    pub name: String,
    /// `ready`, `resting` (its breaker is open), `quarantined` (its adapter crashes again and again) or
    /// `not loaded`.
    pub state: String,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When a resting or quarantined one is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Whether repeating an attempt cannot deliver twice.
    pub idempotent: bool,
    /// Whether the agent hears its owner.
    pub owner: bool,
    /// The inbox it leads into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedupe: Option<String>,
}

/// What came of reading the configuration: at the start, or again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReloadView {
    /// When.
    pub at: Timestamp,
    /// `start`, `call`, `signal` (SIGHUP) or `watch` (a file changed).
    pub by: String,
    /// `done`, `unchanged` (it is the one in force) or `refused` (the one in force stays).
    pub outcome: String,
    /// The file.
    pub file: String,
    /// The transports that are new or different, and were loaded.
    pub loaded: Vec<String>,
    /// Those that went on as they were.
    pub unchanged: Vec<String>,
    /// Those that are there no more.
    pub removed: Vec<String>,
    /// What is wrong, as `byway validate --json` tells it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<serde_json::Value>,
    /// The same as a person reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

impl From<Submitted> for SubmittedView {
    fn from(submitted: Submitted) -> Self {
        Self {
            id: submitted.id,
            status: submitted.status,
            duplicate: submitted.again,
        }
    }
}

impl From<TakenIn> for TakenInView {
    fn from(taken: TakenIn) -> Self {
        Self {
            id: taken.id,
            status: taken.status,
            recipient: taken.recipient.to_string(),
            duplicate: taken.again,
        }
    }
}

impl MessageView {
    /// A message on its way out.
    #[must_use]
    pub fn outgoing(message: &Outgoing, attempts: Vec<Attempt>) -> Self {
        let waits = message.ended_at.is_none();
        Self {
            id: message.id.clone(),
            source: message.source.clone(),
            recipient: message.recipient.to_string(),
            kind: message.kind.to_string(),
            status: message.status.to_string(),
            reason: message.reason.clone().or_else(|| message.waits_for.sentence()),
            fallback: message.fallback,
            receipt: message.receipt.clone(),
            accepted_at: message.accepted_at,
            next_at: (waits && message.waits_for != WaitsFor::Turn).then_some(message.due_at),
            deadline: Some(message.deadline),
            attempts: attempts.into_iter().map(AttemptView::from).collect(),
            notice: None,
            recipients: Vec::new(),
        }
    }

    /// The same, with the message by which people were told of it.
    #[must_use]
    pub fn told_by(self, notice: Option<&Outgoing>) -> Self {
        Self {
            notice: notice.map(|notice| NoticeView {
                id: notice.id.clone(),
                recipient: notice.recipient.to_string(),
                status: notice.status.to_string(),
                reason: notice.reason.clone(),
            }),
            ..self
        }
    }

    /// A message to several recipients, as it stands for the one that is worst off: undecided before ended, and
    /// of the ends the one that asks most of a person.
    #[must_use]
    pub fn of_several(views: Vec<Self>) -> Option<Self> {
        let worst = views.iter().min_by_key(|view| badness(&view.status))?.clone();
        if views.len() == 1 {
            return Some(worst);
        }
        let names: Vec<&str> = views.iter().map(|view| view.recipient.as_str()).collect();
        Some(Self {
            recipient: names.join(", "),
            fallback: views.iter().any(|view| view.fallback),
            attempts: Vec::new(),
            notice: None,
            recipients: views,
            ..worst
        })
    }

    /// How it stands for one recipient.
    #[must_use]
    pub fn of_recipient(self, recipient: &str) -> Option<Self> {
        if self.recipients.is_empty() {
            return (self.recipient == recipient).then_some(self);
        }
        self.recipients
            .into_iter()
            .find(|view| view.recipient == recipient)
    }

    /// A message that lies in an inbox here and is carried nowhere.
    #[must_use]
    pub fn incoming(message: &Incoming) -> Self {
        Self {
            id: message.id.clone(),
            source: message.source.clone(),
            recipient: message.recipient.to_string(),
            kind: "inbox".into(),
            status: match message.status {
                crate::store::InboxStatus::Unread => "delivered".into(),
                ref status => status.to_string(),
            },
            reason: None,
            fallback: false,
            receipt: None,
            accepted_at: message.received_at,
            next_at: None,
            deadline: None,
            attempts: Vec::new(),
            notice: None,
            recipients: Vec::new(),
        }
    }
}

/// The lower, the more it says of a message with several recipients.
fn badness(status: &str) -> u8 {
    let order = [
        "waiting",
        "pending",
        "held",
        "dead",
        "expired",
        "dropped",
        "cancelled",
        "delivered",
        "read",
    ];
    let place = order.iter().position(|word| *word == status);
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(u8::MAX)
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            number: attempt.number,
            transport: attempt.transport,
            mode: attempt.mode,
            outcome: attempt.outcome,
            code: attempt.code,
            message: attempt.message,
            fix: attempt.fix,
            effect: attempt.effect,
            reference: attempt.reference,
            at: attempt.began,
            took_ms: attempt.took_ms,
        }
    }
}

impl InboxItem {
    /// A stored message as its agent sees it.
    #[must_use]
    pub fn new(message: &Incoming, envelope: &Envelope) -> Self {
        use base64::Engine as _;
        let (text, data, data_base64) = match &envelope.data {
            None => (None, None, None),
            Some(Data::Text(text)) => (Some(text.clone()), None, None),
            Some(Data::Json(value)) => (None, Some(value.clone()), None),
            Some(Data::Binary(bytes)) => (
                None,
                None,
                Some(base64::engine::general_purpose::STANDARD.encode(bytes)),
            ),
        };
        let said = |name: &str| match envelope.extensions.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        Self {
            id: message.id.clone(),
            source: message.source.clone(),
            recipient: message.recipient.to_string(),
            event_type: envelope.event_type.clone(),
            subject: envelope.subject.clone(),
            time: envelope.time.clone(),
            received_at: message.received_at,
            status: message.status.to_string(),
            via: message.via.clone(),
            authority: message.authority.clone(),
            replyto: envelope.reply_to.as_ref().map(ToString::to_string),
            correlationid: said("correlationid"),
            causationid: said("causationid"),
            sender: said("sender"),
            text,
            data,
            data_base64,
        }
    }
}
