//! A CloudEvent 1.0 by the standard's rules alone, before anything of byway's own is asked of it.
//!
//! Both modes of HTTP end here: whatever read the attributes, one function checks them, so no mode is
//! more lenient than another.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::data::media_type;
use super::shown::shown;
use super::{Data, EnvelopeError, Value, rfc3339, uri};

/// An event that obeys every rule of CloudEvents 1.0. It has perhaps no recipient yet:
/// `Envelope::try_from` asks for that and for the right forms of byway's own attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudEvent {
    /// Identifies the event among those of its source; not empty.
    pub id: String,
    /// Where it comes from, a URI reference; not empty.
    pub source: String,
    /// What kind of event it is; not empty.
    pub event_type: String,
    /// What the event is about, in the context of its source.
    pub subject: Option<String>,
    /// When it happened, as it was written.
    pub time: Option<String>,
    /// The media type of the data. Where the event carries a JSON value and names none, the type that
    /// the standard implies stands here.
    pub data_content_type: Option<String>,
    /// The schema of the data, an absolute URI.
    pub data_schema: Option<String>,
    /// All other attributes.
    pub extensions: BTreeMap<String, Value>,
    /// What it carries.
    pub data: Option<Data>,
}

/// Data as it was found, before the content type said what it is.
pub(super) enum Payload {
    None,
    /// The member `data` of a JSON event.
    Member(Json),
    /// A body, or what `data_base64` stood for.
    Bytes(Vec<u8>),
}

impl CloudEvent {
    /// Checks attributes and data against the standard. The first rule that is broken is told.
    pub(super) fn check(
        mut attributes: BTreeMap<String, Value>,
        payload: Payload,
    ) -> Result<Self, EnvelopeError> {
        for (name, value) in &attributes {
            check_name(name)?;
            check_characters(name, value)?;
        }
        let taken = &mut attributes;
        let version = required(taken, "specversion")?;
        if version != "1.0" {
            return Err(EnvelopeError::invalid(
                "specversion",
                quoted(&version),
                "it must be `1.0`",
            ));
        }
        let id = required(taken, "id")?;
        let source = required(taken, "source")?;
        if !uri::is_uri_reference(&source) {
            let expected = "it must be a URI reference such as byway://instance/agent";
            return Err(EnvelopeError::invalid("source", quoted(&source), expected));
        }
        let event_type = required(taken, "type")?;
        let subject = optional(taken, "subject")?;
        let time = optional(taken, "time")?;
        if let Some(text) = time.as_ref().filter(|text| !rfc3339::is_time(text)) {
            return Err(EnvelopeError::invalid("time", quoted(text), TIME));
        }
        let data_schema = optional(taken, "dataschema")?;
        if let Some(text) = data_schema.as_ref().filter(|text| !uri::is_absolute_uri(text)) {
            let expected = "it must be a URI with its scheme, such as https://example.org/schema";
            return Err(EnvelopeError::invalid("dataschema", quoted(text), expected));
        }
        let mut data_content_type = optional(taken, "datacontenttype")?;
        data_content_type.as_deref().map(media_type).transpose()?;
        let data = match payload {
            Payload::None => None,
            Payload::Member(value) => Data::from_member(data_content_type.as_deref(), value)?,
            Payload::Bytes(bytes) => Data::from_bytes(data_content_type.as_deref(), bytes)?,
        };
        if data_content_type.is_none() {
            let implied = data.as_ref().and_then(Data::implied_type);
            data_content_type = implied.map(str::to_owned);
        }
        Ok(Self {
            id,
            source,
            event_type,
            subject,
            time,
            data_content_type,
            data_schema,
            extensions: attributes,
            data,
        })
    }
}

/// What a time must look like.
pub(super) const TIME: &str = "a time looks like 2018-04-05T17:31:00Z";

/// A text as it stands in an error.
pub(super) fn quoted(text: &str) -> String {
    if text.is_empty() {
        "empty".to_owned()
    } else {
        format!("`{}`", shown(text))
    }
}

/// A value as it stands in an error.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::Boolean(value) => format!("the Boolean {value}"),
        Value::Integer(value) => format!("the number {value}"),
        Value::String(text) => quoted(text),
    }
}

/// Takes an attribute that must be a text with at least one character, if it is there.
pub(super) fn optional(
    attributes: &mut BTreeMap<String, Value>,
    name: &'static str,
) -> Result<Option<String>, EnvelopeError> {
    match attributes.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(value) => Err(EnvelopeError::invalid(
            name,
            found(&value),
            "it must be a text that is not empty",
        )),
    }
}

fn required(attributes: &mut BTreeMap<String, Value>, name: &'static str) -> Result<String, EnvelopeError> {
    optional(attributes, name)?.ok_or(EnvelopeError::Missing(name))
}

/// The standard asks for at most 20 characters too, but only as advice.
pub(super) fn check_name(name: &str) -> Result<(), EnvelopeError> {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty() || name == "data" || !name.bytes().all(allowed) {
        return Err(EnvelopeError::Name(shown(name)));
    }
    Ok(())
}

/// The type String of the standard: no control characters and no non-characters.
fn check_characters(name: &str, value: &Value) -> Result<(), EnvelopeError> {
    let Value::String(text) = value else {
        return Ok(());
    };
    let refused = |c: char| {
        let code = u32::from(c);
        c.is_control() || code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
    };
    match text.chars().find(|c| refused(*c)) {
        None => Ok(()),
        Some(c) => Err(EnvelopeError::invalid(
            name,
            format!("a text with U+{:04X}", u32::from(c)),
            "an attribute must have no control characters and no non-characters",
        )),
    }
}
