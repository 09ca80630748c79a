//! The places a template may have, and what a message puts there.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::TemplateError;
use crate::civil::Offset;
use crate::nearest::nearest;
use crate::{Attempt, Data, Envelope, Failure, civil, secrets};

/// A place in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `{id}`
    Id,
    /// `{source}`
    Source,
    /// `{type}`
    Type,
    /// `{recipient}`
    Recipient,
    /// `{agent}`
    Agent,
    /// `{instance}`
    Instance,
    /// `{sender}`
    Sender,
    /// `{subject}`
    Subject,
    /// `{text}`
    Text,
    /// `{data}`
    Data,
    /// `{envelope}`
    Envelope,
    /// `{time}`
    Time,
    /// `{key}`
    Key,
    /// `{date}`
    Date,
    /// `{now}`
    Now,
    /// `{attr.NAME}`
    Attribute(String),
    /// `{secret.NAME}`
    Secret(String),
}

const NAMED: [(&str, Place); 17] = [
    ("id", Place::Id),
    ("source", Place::Source),
    ("type", Place::Type),
    ("recipient", Place::Recipient),
    ("agent", Place::Agent),
    ("recipient.agent", Place::Agent),
    ("instance", Place::Instance),
    ("recipient.instance", Place::Instance),
    ("sender", Place::Sender),
    ("subject", Place::Subject),
    ("text", Place::Text),
    ("data", Place::Data),
    ("envelope", Place::Envelope),
    ("time", Place::Time),
    ("key", Place::Key),
    ("date", Place::Date),
    ("now", Place::Now),
];

impl Place {
    pub(super) fn parse(name: &str) -> Result<Self, TemplateError> {
        if let Some((_, place)) = NAMED.into_iter().find(|(known, _)| *known == name) {
            return Ok(place);
        }
        if let Some(attribute) = name.strip_prefix("attr.") {
            let is_name = !attribute.is_empty()
                && attribute
                    .bytes()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            return is_name
                .then(|| Self::Attribute(attribute.to_owned()))
                .ok_or_else(|| TemplateError {
                    message: format!("`{attribute}` is not the name of an attribute."),
                    fix: "CloudEvents names are a-z and 0-9 only, such as {attr.correlationid}.".to_owned(),
                });
        }
        match name.strip_prefix("secret.") {
            Some(secret) if !secret.is_empty() => Ok(Self::Secret(secret.to_owned())),
            _ => Err(no_such_place(name)),
        }
    }

    /// Whether the message's own words, bare, stand here.
    #[must_use]
    pub fn is_message_words(&self) -> bool {
        matches!(self, Self::Text | Self::Data)
    }
}

fn no_such_place(name: &str) -> TemplateError {
    let names = || NAMED.iter().map(|(name, _)| *name);
    let fix = match nearest(name, names()) {
        Some(right) => format!("Did you mean `{{{right}}}`?"),
        None => format!(
            "The places are {}, attr.NAME and secret.NAME. Write {{{{ and }}}} for braces.",
            names().collect::<Vec<_>>().join(", ")
        ),
    };
    TemplateError {
        message: format!("There is no place `{{{name}}}`."),
        fix,
    }
}

/// What one message, in one attempt, puts into the places.
pub struct Values<'a> {
    envelope: &'a Envelope,
    key: &'a str,
    now_unix: i64,
    offset: Offset,
    secret: &'a dyn Fn(&str) -> Result<String, Failure>,
}

impl<'a> Values<'a> {
    /// The values of a message at a moment, with the source of references to secrets. For an attempt
    /// that runs now, [`Values::of_attempt`].
    #[must_use]
    pub fn new(
        envelope: &'a Envelope,
        key: &'a str,
        now_unix: i64,
        secret: &'a dyn Fn(&str) -> Result<String, Failure>,
    ) -> Self {
        Self {
            envelope,
            key,
            now_unix,
            offset: Offset::default(),
            secret,
        }
    }

    /// The values of a message in the attempt that runs now.
    #[must_use]
    pub fn of_attempt(envelope: &'a Envelope, attempt: &'a Attempt) -> Self {
        Self::new(
            envelope,
            &attempt.idempotency_key,
            civil::now_unix(),
            &secrets::reference,
        )
    }

    /// The same, with `{date}` and `{now}` as a clock at this distance from UTC shows them.
    #[must_use]
    pub fn at_offset(self, offset: Offset) -> Self {
        Self { offset, ..self }
    }

    pub(super) fn envelope(&self) -> &'a Envelope {
        self.envelope
    }

    pub(super) fn secret(&self, name: &str) -> Result<String, Failure> {
        (self.secret)(name)
    }

    /// What stands in a place, unescaped.
    ///
    /// # Errors
    /// Where there is nothing that could stand there.
    pub fn of(&self, place: &Place) -> Result<Cow<'a, str>, Failure> {
        let envelope = self.envelope;
        let optional = |value: &'a Option<String>| value.as_deref().unwrap_or_default();
        Ok(match place {
            Place::Id => Cow::from(&envelope.id),
            Place::Source => Cow::from(&envelope.source),
            Place::Type => Cow::from(&envelope.event_type),
            Place::Recipient => Cow::from(&envelope.recipient),
            Place::Agent => Cow::from(envelope.agent()),
            Place::Instance => Cow::from(envelope.instance()),
            Place::Sender => Cow::from(envelope.sender()),
            Place::Subject => Cow::from(optional(&envelope.subject)),
            Place::Text => Cow::from(envelope.text()?),
            Place::Data => match &envelope.data {
                None => Cow::from(""),
                Some(Data::Json(text) | Data::Text(text)) => Cow::from(text),
                Some(Data::Binary(bytes)) => Cow::from(STANDARD.encode(bytes)),
            },
            Place::Envelope => String::from_utf8_lossy(&envelope.structured),
            Place::Time => Cow::from(optional(&envelope.time)),
            Place::Key => Cow::from(self.key),
            Place::Date => Cow::from(self.offset.civil(self.now_unix).date()),
            Place::Now => Cow::from(self.offset.civil(self.now_unix).rfc3339(self.offset)),
            Place::Attribute(name) => Cow::from(envelope.attribute(name).unwrap_or_default()),
            Place::Secret(name) => Cow::from(self.secret(name)?),
        })
    }
}
