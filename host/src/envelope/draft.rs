//! A message in the making, from what its writer gives: the long way round of the short form `{to, text}`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::cloud_event::{CloudEvent, Payload, check_name, quoted};
use super::event::ValueRef;
use super::shown::shown;
use super::strict_json::{self, DEPTH_MAX};
use super::{Address, Data, Envelope, EnvelopeError, Priority, Value};

/// The type of a message that names none.
pub const MESSAGE_TYPE: &str = "dev.byway.message";

/// What a message is to be. Fields not given stay absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Who says it, a URI reference. It comes from whom the caller was proved to be, never from the
    /// caller's own word.
    pub source: String,
    /// Whom it is for.
    pub recipient: Address,
    /// CloudEvents `type`; [`MESSAGE_TYPE`] at first.
    pub event_type: String,
    /// The conversation or session it belongs to.
    pub subject: Option<String>,
    /// When it was made; [`Draft::finish`] writes its `now` where nothing stands here.
    pub time: Option<String>,
    /// The media type of the data. Absent: `application/json` for JSON, `text/plain; charset=utf-8` for
    /// text, `application/octet-stream` for bytes.
    pub data_content_type: Option<String>,
    /// The schema of the data.
    pub data_schema: Option<String>,
    /// The key under which far sides recognise a repetition.
    pub idempotency_key: Option<String>,
    /// How soon, relative to other messages.
    pub priority: Option<Priority>,
    /// The address an answer should go to.
    pub reply_to: Option<Address>,
    /// Messages of one key belong in order. Kept and passed on; byway does not order by it yet.
    pub partition_key: Option<String>,
    /// Not delivered after this.
    pub expiry_time: Option<Timestamp>,
    /// Not attempted before this.
    pub deliver_after: Option<Timestamp>,
    /// Every other attribute.
    pub extensions: BTreeMap<String, Value>,
    /// What it carries.
    pub data: Option<Data>,
}

impl Draft {
    /// An empty message from a source to a recipient.
    #[must_use]
    pub fn new(source: impl Into<String>, recipient: Address) -> Self {
        Self {
            source: source.into(),
            recipient,
            event_type: MESSAGE_TYPE.to_owned(),
            subject: None,
            time: None,
            data_content_type: None,
            data_schema: None,
            idempotency_key: None,
            priority: None,
            reply_to: None,
            partition_key: None,
            expiry_time: None,
            deliver_after: None,
            extensions: BTreeMap::new(),
            data: None,
        }
    }

    /// The same, carrying text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        Self {
            data: Some(Data::Text(text.into())),
            ..self
        }
    }

    /// The same, carrying a JSON value.
    #[must_use]
    pub fn json(self, value: serde_json::Value) -> Self {
        Self {
            data: Some(Data::Json(value)),
            ..self
        }
    }

    /// The same, in a conversation.
    #[must_use]
    pub fn subject(self, subject: impl Into<String>) -> Self {
        Self {
            subject: Some(subject.into()),
            ..self
        }
    }

    /// The same, of another type.
    #[must_use]
    pub fn event_type(self, event_type: impl Into<String>) -> Self {
        Self {
            event_type: event_type.into(),
            ..self
        }
    }

    /// The same, with one more attribute that byway has no field for.
    #[must_use]
    pub fn extension(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extensions.insert(name.into(), Value::String(value.into()));
        self
    }

    /// The message, under an id and made now. It is not signed yet.
    ///
    /// # Errors
    /// Where a rule is broken, of CloudEvents or of byway's own attributes.
    pub fn finish(self, id: String, now: Timestamp) -> Result<Envelope, EnvelopeError> {
        let drafted = self.into_envelope(id, now);
        drafted.extensions.keys().try_for_each(|name| check_name(name))?;
        let values = drafted.values();
        // An extension with the name of a field never gets into print, so it is looked for here.
        let is_lost = |name: &str, value: &Value| {
            let found = values.iter().find(|(printed, _)| *printed == name);
            found.is_none_or(|(_, printed)| *printed != ValueRef::from(value))
        };
        let mut extensions = drafted.extensions.iter();
        if let Some((name, _)) = extensions.find(|(name, value)| is_lost(name, value)) {
            return Err(EnvelopeError::Reserved(shown(name)));
        }
        // As one that was read, so that there is one checker for every message.
        let attributes = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_value()));
        let payload = drafted.data.as_ref().map_or(Ok(Payload::None), payload)?;
        let envelope = Envelope::try_from(CloudEvent::check(attributes.collect(), payload)?)?;
        match (&drafted.data, &envelope.data) {
            (Some(Data::Text(_)), Some(Data::Json(_))) => Err(misfit(&drafted, "text")),
            (Some(Data::Json(_)), Some(Data::Text(_))) => Err(misfit(&drafted, "a JSON value")),
            _ => Ok(envelope),
        }
    }

    fn into_envelope(self, id: String, now: Timestamp) -> Envelope {
        let binary = || "application/octet-stream".to_owned();
        let named = |data: &Data| data.implied_type().map_or_else(binary, str::to_owned);
        Envelope {
            id,
            source: self.source,
            event_type: self.event_type,
            recipient: self.recipient,
            subject: self.subject,
            time: self.time.or_else(|| Some(now.to_string())),
            data_content_type: self.data_content_type.or_else(|| self.data.as_ref().map(named)),
            data_schema: self.data_schema,
            idempotency_key: self.idempotency_key,
            priority: self.priority,
            reply_to: self.reply_to,
            partition_key: self.partition_key,
            expiry_time: self.expiry_time,
            deliver_after: self.deliver_after,
            hops: None,
            signature: None,
            extensions: self.extensions,
            data: self.data,
        }
    }
}

/// Data as it would be read. What is JSON is printed and read: its writer's may nest deeper than a message's may.
fn payload(data: &Data) -> Result<Payload, EnvelopeError> {
    Ok(match data {
        Data::Json(Json::Null) => Payload::Bytes(b"null".to_vec()),
        Data::Json(value) => Payload::Member(
            strict_json::read(value.to_string().as_bytes(), DEPTH_MAX).map_err(EnvelopeError::Json)?,
        ),
        Data::Text(text) => Payload::Member(Json::from(text.as_str())),
        Data::Binary(bytes) => Payload::Bytes(bytes.clone()),
    })
}

/// The content type would make something else of the data than what its writer gave.
fn misfit(drafted: &Envelope, kind: &str) -> EnvelopeError {
    let content_type = drafted.data_content_type.as_deref().unwrap_or_default();
    EnvelopeError::invalid(
        "datacontenttype",
        format!("{} with {kind} as data", quoted(content_type)),
        "JSON goes with a JSON type, and text with any other",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft::new("byway://a/planner", Address::new("executor", "b").unwrap())
    }

    fn finish(draft: Draft) -> Result<Envelope, EnvelopeError> {
        draft.finish("1".to_owned(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_short_form_is_filled_in() {
        let envelope = finish(draft().text("hello")).unwrap();
        assert_eq!(envelope.event_type, MESSAGE_TYPE);
        assert_eq!(envelope.time.as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(
            envelope.data_content_type.as_deref(),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(envelope.data, Some(Data::Text("hello".to_owned())));
        assert_eq!(envelope.effective_idempotency_key(), "1");
        assert_eq!((envelope.priority(), envelope.hops()), (Priority::Normal, 0));
    }

    #[test]
    fn each_kind_of_data_gets_its_content_type() {
        let json = finish(draft().json(serde_json::json!({"a": null}))).unwrap();
        assert_eq!(json.data_content_type.as_deref(), Some("application/json"));
        let bytes = Draft {
            data: Some(Data::Binary(vec![0xff])),
            ..draft()
        };
        let bytes = finish(bytes).unwrap();
        assert_eq!(
            bytes.data_content_type.as_deref(),
            Some("application/octet-stream")
        );
        assert_eq!(finish(draft()).unwrap().data_content_type, None);
    }

    #[test]
    fn refuses_what_no_reader_would_take() {
        for wrong in [
            draft().subject(""),
            draft().event_type(""),
            draft().extension("Name", "x"),
            draft().extension("x\":1,\"bywaysig", "x"),
            draft().extension("data", "x"),
            draft().extension("x", "a\nb"),
            Draft::new("no uri", Address::new("executor", "b").unwrap()),
        ] {
            assert!(finish(wrong.clone()).is_err(), "{wrong:?}");
        }
        assert!(draft().finish(String::new(), Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn refuses_an_extension_that_would_hide_behind_a_field() {
        for name in [
            "id",
            "bywaysig",
            "hops",
            "recipient",
            "specversion",
            "datacontenttype",
        ] {
            let error = finish(draft().text("x").extension(name, "forged")).unwrap_err();
            assert_eq!(error, EnvelopeError::Reserved(name.to_owned()));
        }
    }

    #[test]
    fn refuses_a_content_type_that_changes_the_kind() {
        let typed = |draft: Draft, content_type: &str| Draft {
            data_content_type: Some(content_type.to_owned()),
            ..draft
        };
        for wrong in [
            typed(draft().text("7"), "application/json"),
            typed(draft().json("7".into()), "text/plain"),
            typed(draft().json(7.into()), "text/plain"),
        ] {
            assert!(finish(wrong.clone()).is_err(), "{wrong:?}");
        }
        assert!(finish(typed(draft().text("7"), "text/markdown")).is_ok());
    }

    #[test]
    fn refuses_json_that_no_reader_would_take() {
        let deep = (0..101).fold(serde_json::Value::from(1), |inner, _| vec![inner].into());
        assert!(finish(draft().json(deep.clone())).is_err());
        assert!(finish(draft().json(deep[0].clone())).is_ok());
        let forged = serde_json::json!({"$serde_json::private::Number": "7"});
        assert!(finish(draft().json(forged)).is_err());
    }
}
