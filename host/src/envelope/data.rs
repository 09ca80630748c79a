//! What a message carries, whichever form it came in.
//!
//! CloudEvents has three forms for data: a JSON value, a JSON string, and base64 or a body of bytes. The
//! same message may change its form on the way, so here the kind follows from the content type and the
//! bytes alone: a JSON type is [`Data::Json`], other UTF-8 is [`Data::Text`], the rest is
//! [`Data::Binary`]. So text can never become JSON, or JSON text, unless the content type changes;
//! and that is signed.

use std::borrow::Cow;

use serde_json::Value;

use super::canonical_json::canonical;
use super::media_type::MediaType;
use super::strict_json::{self, DEPTH_MAX};
use super::{Data, EnvelopeError};

/// The content type that is meant where data is a JSON value and names none.
pub(super) const JSON_TYPE: &str = "application/json";
/// The content type of text that names none.
pub(super) const TEXT_TYPE: &str = "text/plain; charset=utf-8";

const MEDIA_TYPE: &str = "it must be a media type such as text/plain or application/json";

impl Data {
    /// The data that bytes of a content type are. No bytes are no data. Bytes without a content type are
    /// only bytes.
    ///
    /// # Errors
    /// Where the content type is no media type, or says JSON and the bytes are none.
    pub fn from_bytes(content_type: Option<&str>, bytes: Vec<u8>) -> Result<Option<Self>, EnvelopeError> {
        let media_type = content_type.map(media_type).transpose()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let data = match media_type {
            Some(json) if json.is_json() => match strict_json::read(&bytes, DEPTH_MAX) {
                Ok(value) => Self::Json(value),
                Err(problem) => return Err(not_json(&problem)),
            },
            Some(text) if text.is_utf8() => match String::from_utf8(bytes) {
                Ok(text) => Self::Text(text),
                Err(error) => Self::Binary(error.into_bytes()),
            },
            _ => Self::Binary(bytes),
        };
        Ok(Some(data))
    }

    /// The data that the member `data` of a JSON event is. An empty text is no bytes, and so no data.
    ///
    /// # Errors
    /// Where the content type is no media type, or says that the data is another thing than a text can be.
    pub(super) fn from_member(
        content_type: Option<&str>,
        value: Value,
    ) -> Result<Option<Self>, EnvelopeError> {
        let media_type = content_type.map(media_type).transpose()?;
        let Some(media_type) = media_type.filter(|media_type| !media_type.is_json()) else {
            return Ok(Some(Self::Json(value)));
        };
        match value {
            // Which bytes it stands for, two readers could answer differently.
            Value::String(_) if !media_type.is_utf8() => Err(EnvelopeError::invalid(
                "data",
                "a text",
                "with a charset other than UTF-8 it must be `data_base64`, or the charset left out",
            )),
            Value::String(text) => Ok(Some(Self::Text(text)).filter(|data| !data.bytes().is_empty())),
            _ => Err(EnvelopeError::invalid(
                "data",
                "a JSON value",
                "with a `datacontenttype` that is not JSON it must be a string",
            )),
        }
    }

    /// The data's bytes: text and binary as they are, JSON in its canonical text.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Json(value) => Cow::Owned(canonical(value).into_bytes()),
            Self::Text(text) => Cow::Borrowed(text.as_bytes()),
            Self::Binary(bytes) => Cow::Borrowed(bytes),
        }
    }

    /// The content type of such data where none is named.
    pub(super) fn implied_type(&self) -> Option<&'static str> {
        match self {
            Self::Json(_) => Some(JSON_TYPE),
            Self::Text(_) => Some(TEXT_TYPE),
            Self::Binary(_) => None,
        }
    }
}

pub(super) fn media_type(text: &str) -> Result<MediaType<'_>, EnvelopeError> {
    MediaType::parse(text).filter(|_| text.is_ascii()).ok_or_else(|| {
        EnvelopeError::invalid("datacontenttype", super::cloud_event::quoted(text), MEDIA_TYPE)
    })
}

fn not_json(problem: &str) -> EnvelopeError {
    let found = format!("not JSON ({problem})");
    EnvelopeError::invalid("data", found, "it must be what `datacontenttype` says")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(content_type: Option<&str>, bytes: &[u8]) -> Option<Data> {
        Data::from_bytes(content_type, bytes.to_vec()).unwrap()
    }

    #[test]
    fn the_content_type_decides_the_kind() {
        let text = || Some(Data::Text("7".to_owned()));
        assert!(matches!(
            data(Some("application/json"), b"7"),
            Some(Data::Json(_))
        ));
        assert!(matches!(data(Some("a/b+JSON"), b"7"), Some(Data::Json(_))));
        assert_eq!(data(Some("text/plain"), b"7"), text());
        assert_eq!(data(Some("application/octet-stream"), b"7"), text());
        assert_eq!(
            data(Some("text/plain; charset=latin1"), b"7"),
            Some(Data::Binary(b"7".to_vec()))
        );
        assert_eq!(
            data(Some("text/plain"), b"\xff"),
            Some(Data::Binary(b"\xff".to_vec()))
        );
        assert_eq!(data(None, b"7"), Some(Data::Binary(b"7".to_vec())));
        assert_eq!(data(Some("application/json"), b""), None);
    }

    #[test]
    fn a_member_is_the_kind_that_its_bytes_are() {
        let member = |content_type, text: &str| Data::from_member(Some(content_type), Value::from(text));
        for content_type in ["text/plain", "text/plain; charset=utf-8", "application/json"] {
            for text in ["7", ""] {
                let read = member(content_type, text).unwrap();
                let bytes = read
                    .as_ref()
                    .map(|data| data.bytes().into_owned())
                    .unwrap_or_default();
                assert_eq!(read, data(Some(content_type), &bytes), "{content_type} {text:?}");
            }
        }
        assert!(member("text/plain; charset=latin1", "7").is_err());
    }

    #[test]
    fn refuses_json_that_is_none() {
        for bytes in [&b"{"[..], b"\xff", br#"{"a":1,"a":2}"#] {
            assert!(Data::from_bytes(Some("application/json"), bytes.to_vec()).is_err());
        }
    }
}
