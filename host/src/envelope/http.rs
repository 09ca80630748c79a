//! The HTTP binding: which mode a request is in, and the binary mode, in which attributes are headers and the
//! body is the data.

use std::collections::BTreeMap;

use super::cloud_event::{CloudEvent, Payload};
use super::data::media_type;
use super::shown::shown;
use super::{Data, Envelope, EnvelopeError, Value, header_value};

/// The content type of an event in the structured mode.
pub const STRUCTURED_TYPE: &str = "application/cloudevents+json; charset=utf-8";

const PREFIX: &str = "ce-";

/// How an HTTP message carries events, told by its content type (section 3 of the binding).
enum Mode {
    Structured,
    Binary,
}

impl CloudEvent {
    /// Reads the event that a request or answer of HTTP carries, in the structured or the binary mode, and
    /// checks it by the rules of the standard alone. Headers may come in any case and order.
    ///
    /// # Errors
    /// Where a rule is broken; [`EnvelopeError::UnsupportedMediaType`] for a batch or an unknown format.
    pub fn from_http<'a>(
        content_type: Option<&str>,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
        body: &[u8],
    ) -> Result<Self, EnvelopeError> {
        match mode(content_type)? {
            Mode::Structured => Self::from_json(body),
            Mode::Binary => binary(content_type, headers, body),
        }
    }
}

impl Envelope {
    /// Reads the message that a request or answer of HTTP carries, in the structured or the binary
    /// mode. `headers` are all headers with their values; only `ce-` ones are looked at.
    ///
    /// # Errors
    /// Where a rule is broken; [`EnvelopeError::UnsupportedMediaType`] for a batch or an unknown format.
    pub fn from_http<'a>(
        content_type: Option<&str>,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
        body: &[u8],
    ) -> Result<Self, EnvelopeError> {
        CloudEvent::from_http(content_type, headers, body)?.try_into()
    }

    /// The message in the binary mode: headers, `content-type` among them, and the body.
    #[must_use]
    pub fn to_http_binary(&self) -> (Vec<(String, String)>, Vec<u8>) {
        let header = |(name, value): (String, String)| match name.as_str() {
            "datacontenttype" => ("content-type".to_owned(), value),
            _ => (format!("{PREFIX}{name}"), header_value::encode(&value)),
        };
        let headers = self.attributes().into_iter().map(header).collect();
        let body = match &self.data {
            // The text that the numbers and members were written in, not the form that is signed.
            Some(Data::Json(value)) => value.to_string().into_bytes(),
            Some(data) => data.bytes().into_owned(),
            None => Vec::new(),
        };
        (headers, body)
    }
}

fn mode(content_type: Option<&str>) -> Result<Mode, EnvelopeError> {
    let text = content_type.unwrap_or_default().trim();
    let essence = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let Some(format) = essence.strip_prefix("application/cloudevents") else {
        return Ok(Mode::Binary);
    };
    let utf8 = media_type(text).is_ok_and(|media_type| media_type.is_utf8());
    if utf8 && matches!(format, "" | "+json") {
        return Ok(Mode::Structured);
    }
    Err(EnvelopeError::UnsupportedMediaType(shown(text)))
}

fn binary<'a>(
    content_type: Option<&str>,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    body: &[u8],
) -> Result<CloudEvent, EnvelopeError> {
    let mut attributes = BTreeMap::new();
    for (header, value) in headers {
        let header = header.to_ascii_lowercase();
        let Some(name) = header.strip_prefix(PREFIX) else {
            continue;
        };
        if name == "datacontenttype" {
            return Err(EnvelopeError::Header {
                header,
                problem: "must not be there: the content type of the data is `content-type`",
            });
        }
        let value = header_value::decode(value).map_err(|problem| EnvelopeError::Header {
            header: shown(&header),
            problem,
        })?;
        if attributes.insert(name.to_owned(), Value::String(value)).is_some() {
            return Err(EnvelopeError::HeaderTwice(shown(&header)));
        }
    }
    if attributes.is_empty() {
        return Err(EnvelopeError::NoEvent);
    }
    if let Some(text) = content_type {
        attributes.insert(
            "datacontenttype".to_owned(),
            Value::String(text.trim().to_owned()),
        );
    }
    CloudEvent::check(attributes, Payload::Bytes(body.to_vec()))
}
