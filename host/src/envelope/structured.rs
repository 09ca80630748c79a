//! The structured mode: a whole event as one JSON document (`application/cloudevents+json`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

use super::cloud_event::{CloudEvent, Payload, quoted};
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
        let mut members: Vec<String> = Vec::new();
        for (name, value) in self.values() {
            let value = match value {
                Value::Boolean(value) => Json::from(value),
                Value::Integer(value) => Json::from(value),
                Value::String(text) => Json::from(text),
            };
            members.push(format!("{}:{value}", Json::from(name)));
        }
        members.extend(match &self.data {
            None => None,
            // A member that is null counts as absent, so this one value goes as the bytes of its text.
            Some(Data::Json(Json::Null)) => Some(base64_member(b"null")),
            Some(Data::Json(value)) => Some(format!("\"data\":{value}")),
            Some(Data::Text(text)) => Some(format!("\"data\":{}", Json::from(text.as_str()))),
            Some(Data::Binary(bytes)) => Some(base64_member(bytes)),
        });
        format!("{{{}}}", members.join(",")).into_bytes()
    }
}

fn base64_member(bytes: &[u8]) -> String {
    format!("\"data_base64\":\"{}\"", STANDARD.encode(bytes))
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
