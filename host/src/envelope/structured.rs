//! The structured mode: a whole event as one JSON document (`application/cloudevents+json`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value as Json};

use super::cloud_event::{CloudEvent, Payload, quoted};
use super::event::ValueRef;
use super::shown::shown;
use super::strict_json::{self, DEPTH_MAX};
use super::{Data, Envelope, EnvelopeError, Value};

impl CloudEvent {
    /// Reads an event in the JSON format and checks it by the rules of the standard alone.
    ///
    /// # Errors
    /// Where a rule is broken.
    pub fn from_json(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let json = strict_json::read(bytes, DEPTH_MAX + 1).map_err(EnvelopeError::Json)?;
        let Json::Object(mut members) = json else {
            return Err(EnvelopeError::NotAnObject(kind(&json)));
        };
        let payload = payload(&mut members)?;
        let mut attributes = BTreeMap::new();
        for (name, json) in members {
            if let Some(value) = attribute(&name, json)? {
                attributes.insert(name, value);
            }
        }
        Self::check(attributes, payload)
    }
}

impl Envelope {
    /// Reads a message in the JSON format: one event, with every rule of CloudEvents 1.0 and of byway's
    /// own attributes checked.
    ///
    /// # Errors
    /// Where a rule is broken; the first one is told.
    pub fn from_json(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        CloudEvent::from_json(bytes)?.try_into()
    }

    /// The whole message as one JSON document. [`Envelope::from_json`] gives the same message back.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // A text never fails to be written: its members' names are texts, and what it is written to is memory.
        serde_json::to_vec(&Structured(self)).unwrap_or_default()
    }
}

/// A message as the JSON format has it.
struct Structured<'a>(&'a Envelope);

impl Serialize for Structured<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (name, value) in self.0.values() {
            match value {
                ValueRef::Boolean(value) => members.serialize_entry(name, &value)?,
                ValueRef::Integer(value) => members.serialize_entry(name, &value)?,
                ValueRef::Text(text) => members.serialize_entry(name, &text)?,
            }
        }
        match &self.0.data {
            None => {}
            // A member that is null counts as absent, so this one value goes as the bytes of its text.
            Some(Data::Json(Json::Null)) => {
                members.serialize_entry("data_base64", &STANDARD.encode(b"null"))?;
            }
            Some(Data::Json(value)) => members.serialize_entry("data", value)?,
            Some(Data::Text(text)) => members.serialize_entry("data", text)?,
            Some(Data::Binary(bytes)) => members.serialize_entry("data_base64", &STANDARD.encode(bytes))?,
        }
        members.end()
    }
}

/// Takes `data` or `data_base64` out of the members.
fn payload(members: &mut Map<String, Json>) -> Result<Payload, EnvelopeError> {
    let mut take = |name| members.remove(name).filter(|json| !json.is_null());
    match (take("data"), take("data_base64")) {
        (None, None) => Ok(Payload::None),
        (Some(_), Some(_)) => Err(EnvelopeError::DataTwice),
        (Some(value), None) => Ok(Payload::Member(value)),
        (None, Some(Json::String(text))) => match STANDARD.decode(&text) {
            Ok(bytes) => Ok(Payload::Bytes(bytes)),
            Err(_) => Err(base64_error(quoted(&text))),
        },
        (None, Some(other)) => Err(base64_error(kind(&other).to_owned())),
    }
}

fn base64_error(found: String) -> EnvelopeError {
    EnvelopeError::invalid(
        "data_base64",
        found,
        "it must be a text in base64 with its padding",
    )
}

/// The value of a member that is an attribute; null is an absent one.
fn attribute(name: &str, json: Json) -> Result<Option<Value>, EnvelopeError> {
    let found = match json {
        Json::Null => return Ok(None),
        Json::Bool(value) => return Ok(Some(Value::Boolean(value))),
        Json::String(text) => return Ok(Some(Value::String(text))),
        // Only the digits of an integer count: `1.0` and `1e2` are not in the standard's form.
        Json::Number(number) => match number.as_str().parse() {
            Ok(value) => return Ok(Some(Value::Integer(value))),
            Err(_) => format!("the number {}", shown(number.as_str())),
        },
        other => kind(&other).to_owned(),
    };
    let expected = "an attribute must be a text, a Boolean, or a whole number of 32 bits";
    Err(EnvelopeError::invalid(&shown(name), found, expected))
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a Boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}
