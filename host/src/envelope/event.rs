//! The event itself, as types that cannot be wrong.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::Address;

/// One message. Made by [`Envelope::from_json`], [`Envelope::from_http`], or
/// [`Draft::finish`](super::Draft::finish); whatever makes one has checked every rule of CloudEvents 1.0
/// and of byway's own attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// CloudEvents `id`; not empty. With `source` it names the message.
    pub id: String,
    /// CloudEvents `source`, a URI reference; not empty.
    pub source: String,
    /// CloudEvents `type`; not empty.
    pub event_type: String,
    /// Whom it is for.
    pub recipient: Address,
    /// CloudEvents `subject`: a conversation or session.
    pub subject: Option<String>,
    /// CloudEvents `time`, kept as it was written (the text is signed).
    pub time: Option<String>,
    /// CloudEvents `datacontenttype`.
    pub data_content_type: Option<String>,
    /// CloudEvents `dataschema`.
    pub data_schema: Option<String>,
    /// The key under which far sides recognise a repetition. Default: the id.
    pub idempotency_key: Option<String>,
    /// How soon, relative to other messages.
    pub priority: Option<Priority>,
    /// The address an answer should go to.
    pub reply_to: Option<Address>,
    /// Messages of one key belong in order. Kept and passed on; byway does not order by it yet.
    pub partition_key: Option<String>,
    /// CloudEvents `expirytime`: not delivered after this.
    pub expiry_time: Option<Timestamp>,
    /// Not attempted before this.
    pub deliver_after: Option<Timestamp>,
    /// How many byways it has passed. Absent is 0.
    pub hops: Option<u32>,
    /// The sending byway's signature, `<key id>.<base64url signature>`.
    pub signature: Option<String>,
    /// Every other extension attribute, untouched; among them `correlationid`, `causationid`,
    /// `traceparent` and `tracestate`.
    pub extensions: BTreeMap<String, Value>,
    /// What it carries.
    pub data: Option<Data>,
}

/// The value of an extension attribute. CloudEvents has more types, but all of them are
/// strings in JSON and in HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A Boolean.
    Boolean(bool),
    /// A signed 32-bit integer.
    Integer(i32),
    /// Everything else.
    String(String),
}

/// The value of an attribute as it stands in a message, borrowed where it is kept as a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ValueRef<'a> {
    Boolean(bool),
    Integer(i32),
    Text(Cow<'a, str>),
}

/// What a message carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A JSON value.
    Json(serde_json::Value),
    /// Text that is not JSON.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// How soon a message should go, relative to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// When there is nothing else; never starved.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Before normal.
    High,
    /// Before everything.
    Urgent,
}

impl Envelope {
    /// The key under which far sides recognise a repetition: the one it names, or its id.
    #[must_use]
    pub fn effective_idempotency_key(&self) -> &str {
        self.idempotency_key.as_deref().unwrap_or(&self.id)
    }

    /// How soon it should go; normal, unless it says otherwise.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.priority.unwrap_or_default()
    }

    /// How many byways it has passed; 0, unless it says otherwise.
    #[must_use]
    pub fn hops(&self) -> u32 {
        self.hops.unwrap_or(0)
    }

    /// The data's bytes: text and binary as they are, JSON in its canonical text (no blanks, members
    /// sorted), so that a channel that re-formats JSON changes nothing. Empty where there is no data.
    #[must_use]
    pub fn data_bytes(&self) -> Cow<'_, [u8]> {
        self.data.as_ref().map_or(Cow::Borrowed(&[]), Data::bytes)
    }
}

impl Priority {
    /// All of them, the lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Urgent];

    /// The word that stands in the attribute `priority`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<'a> ValueRef<'a> {
    /// Its canonical string form: Booleans as `true` and `false`, integers in decimal.
    pub(super) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Boolean(value) => value.to_string().into(),
            Self::Integer(value) => value.to_string().into(),
            Self::Text(text) => text,
        }
    }

    /// The same, kept by whoever asks.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Boolean(value) => Value::Boolean(*value),
            Self::Integer(value) => Value::Integer(*value),
            Self::Text(text) => Value::String(text.clone().into_owned()),
        }
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Integer(value) => Self::Integer(*value),
            Value::String(text) => Self::Text(text.into()),
        }
    }
}

/// The canonical string form of the standard.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::String(text) => f.pad(text),
        }
    }
}
