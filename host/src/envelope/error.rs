//! Why something is not a message.
//!
//! Whoever reads one of these has an event in front of them that was refused, so each sentence names the
//! attribute, shows what was found and says what would be right. Nothing is ever stored of an event
//! that fails here.

use super::AddressError;
use crate::error_code::ErrorCode;

/// Why bytes, a request or a draft is not a message. The first rule that is broken is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The bytes are not one JSON text, or one that is read in different ways by different readers.
    #[error("the event cannot be read as JSON: {0}")]
    Json(String),
    /// The JSON text is not an object.
    #[error("the event is {0}: it must be a JSON object with the attributes as its members")]
    NotAnObject(&'static str),
    /// The request is in no mode of the standard.
    #[error(
        "the request carries no event: send Content-Type application/cloudevents+json, \
         or the attributes as ce- headers"
    )]
    NoEvent,
    /// The event is in a batch or a format that byway does not read. HTTP answers 415 to it.
    #[error("`{0}` is not read here: send application/cloudevents+json in UTF-8, or ce- headers")]
    UnsupportedMediaType(String),
    /// A required attribute is absent.
    #[error("the event has no `{0}`: every message needs one")]
    Missing(&'static str),
    /// An attribute has a value that its rule does not allow.
    #[error("`{attribute}` is {found}: {expected}")]
    Invalid {
        /// The attribute's name, or `data`.
        attribute: String,
        /// What was found, in words; a foreign text in it is cut and escaped.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// An attribute that must be an address is none.
    #[error("`{attribute}` is wrong: {error}")]
    Address {
        /// The attribute's name.
        attribute: &'static str,
        /// What is wrong with it.
        error: AddressError,
    },
    /// An attribute has a name that the standard does not allow.
    #[error("`{0}` is not an attribute's name: use a-z and 0-9 only")]
    Name(String),
    /// An attribute with a meaning of its own stands where only other ones may.
    #[error("`{0}` cannot be given here: it has a place of its own")]
    Reserved(String),
    /// A header stands twice, so that two readers could take different ones.
    #[error("the header `{0}` stands twice: send each attribute once")]
    HeaderTwice(String),
    /// A header's value does not decode.
    #[error("the header `{header}` {problem}: percent-encode its value as UTF-8")]
    Header {
        /// The header's name.
        header: String,
        /// What is wrong with its value.
        problem: &'static str,
    },
    /// Both forms of data are there.
    #[error("the event has both `data` and `data_base64`: send one of them")]
    DataTwice,
}

impl EnvelopeError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Address { .. } => ErrorCode::InvalidAddress,
            _ => ErrorCode::MalformedMessage,
        }
    }

    pub(super) fn invalid(attribute: &str, found: impl Into<String>, expected: &'static str) -> Self {
        Self::Invalid {
            attribute: attribute.to_owned(),
            found: found.into(),
            expected,
        }
    }
}
