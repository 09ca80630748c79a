//! The attributes that byway gives a meaning to: out of an event into fields, and back.
//!
//! Each name is written here once for reading and once for printing; whatever prints a message, in either
//! mode or for its signature, prints what [`Envelope::values`] says.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cloud_event::{CloudEvent, TIME, found, optional, quoted};
use super::event::ValueRef;
use super::{Address, Data, Envelope, EnvelopeError, Priority, Value, rfc3339};

/// Extensions that stay among the others, but must be texts.
const TEXTS: [&str; 4] = ["correlationid", "causationid", "traceparent", "tracestate"];

/// The most hops that can be written: the standard's integers have 32 bits with a sign.
const HOPS_MAX: u32 = i32::MAX.unsigned_abs();

type Attributes = BTreeMap<String, Value>;

impl TryFrom<CloudEvent> for Envelope {
    type Error = EnvelopeError;

    /// Asks for a recipient and for the right forms of byway's own attributes.
    fn try_from(event: CloudEvent) -> Result<Self, EnvelopeError> {
        let mut extensions = event.extensions;
        let taken = &mut extensions;
        let recipient = address(taken, "recipient")?.ok_or(EnvelopeError::Missing("recipient"))?;
        let idempotency_key = optional(taken, "idempotencykey")?;
        let priority = priority(taken)?;
        let reply_to = address(taken, "replyto")?;
        let partition_key = optional(taken, "partitionkey")?;
        let expiry_time = instant(taken, "expirytime")?;
        let deliver_after = instant(taken, "deliverafter")?;
        let hops = hops(taken)?;
        let signature = optional(taken, "bywaysig")?;
        for name in TEXTS {
            if let Some(text) = optional(taken, name)? {
                taken.insert(name.to_owned(), Value::String(text));
            }
        }
        Ok(Self {
            id: event.id,
            source: event.source,
            event_type: event.event_type,
            recipient,
            subject: event.subject,
            time: event.time,
            data_content_type: event.data_content_type,
            data_schema: event.data_schema,
            idempotency_key,
            priority,
            reply_to,
            partition_key,
            expiry_time,
            deliver_after,
            hops,
            signature,
            extensions,
            data: event.data,
        })
    }
}

impl Envelope {
    /// Every attribute that the message has, sorted by name. A name that has a field is never taken from
    /// the extensions.
    pub(super) fn values(&self) -> Vec<(&str, ValueRef<'_>)> {
        let kept = |text| Some(ValueRef::Text(Cow::Borrowed(text)));
        let made = |text: String| ValueRef::Text(Cow::Owned(text));
        let content_type = self.data_content_type.as_deref();
        let content_type = content_type.or_else(|| self.data.as_ref().and_then(Data::implied_type));
        let hops = self.hops.map(|hops| hops.min(HOPS_MAX).cast_signed());
        let fields = [
            ("bywaysig", self.signature.as_deref().and_then(kept)),
            ("datacontenttype", content_type.and_then(kept)),
            ("dataschema", self.data_schema.as_deref().and_then(kept)),
            (
                "deliverafter",
                self.deliver_after.map(|time| made(time.to_string())),
            ),
            ("expirytime", self.expiry_time.map(|time| made(time.to_string()))),
            ("hops", hops.map(ValueRef::Integer)),
            ("id", kept(&self.id)),
            ("idempotencykey", self.idempotency_key.as_deref().and_then(kept)),
            ("partitionkey", self.partition_key.as_deref().and_then(kept)),
            (
                "priority",
                self.priority.and_then(|priority| kept(priority.as_str())),
            ),
            ("recipient", Some(made(self.recipient.to_string()))),
            (
                "replyto",
                self.reply_to.as_ref().map(|address| made(address.to_string())),
            ),
            ("source", kept(&self.source)),
            ("specversion", kept("1.0")),
            ("subject", self.subject.as_deref().and_then(kept)),
            ("time", self.time.as_deref().and_then(kept)),
            ("type", kept(&self.event_type)),
        ];
        // An absent field takes an extension of its name away, too.
        let is_field = |name: &str| fields.iter().any(|(field, _)| *field == name);
        let extensions = self.extensions.iter();
        let mut all: Vec<_> = extensions
            .filter(|(name, _)| !is_field(name))
            .map(|(name, value)| (name.as_str(), ValueRef::from(value)))
            .collect();
        all.extend(
            fields
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    /// The first attribute, by name, whose canonical string form has more bytes than `most`, and how many it has.
    #[must_use]
    pub fn attribute_beyond(&self, most: usize) -> Option<(&str, usize)> {
        let mut sizes = self
            .values()
            .into_iter()
            .map(|(name, value)| (name, value.text().len()));
        sizes.find(|(_, size)| *size > most)
    }

    /// Every attribute that the message has, in its canonical string form (Booleans as `true` and `false`,
    /// integers in decimal, instants in UTC), sorted by name. In the binary mode these are the headers.
    #[must_use]
    pub fn attributes(&self) -> Vec<(String, String)> {
        let owned = |(name, value): (&str, ValueRef<'_>)| (name.to_owned(), value.text().into_owned());
        self.values().into_iter().map(owned).collect()
    }
}

fn address(taken: &mut Attributes, name: &'static str) -> Result<Option<Address>, EnvelopeError> {
    let parse = |text: String| {
        text.parse().map_err(|error| EnvelopeError::Address {
            attribute: name,
            error,
        })
    };
    optional(taken, name)?.map(parse).transpose()
}

fn instant(taken: &mut Attributes, name: &'static str) -> Result<Option<Timestamp>, EnvelopeError> {
    let parse = |text: String| {
        rfc3339::instant(&text).ok_or_else(|| EnvelopeError::invalid(name, quoted(&text), TIME))
    };
    optional(taken, name)?.map(parse).transpose()
}

fn priority(taken: &mut Attributes) -> Result<Option<Priority>, EnvelopeError> {
    let parse = |text: String| {
        let found = Priority::ALL
            .into_iter()
            .find(|priority| priority.as_str() == text);
        let expected = "it must be low, normal, high or urgent";
        found.ok_or_else(|| EnvelopeError::invalid("priority", quoted(&text), expected))
    };
    optional(taken, "priority")?.map(parse).transpose()
}

/// In the binary mode a number is a text, and whoever turned such an event into JSON without knowing the
/// attribute has made it a JSON string; so both are read.
fn hops(taken: &mut Attributes) -> Result<Option<u32>, EnvelopeError> {
    let Some(value) = taken.remove("hops") else {
        return Ok(None);
    };
    let number = match &value {
        Value::Integer(number) => u32::try_from(*number).ok(),
        Value::String(text) if text.bytes().all(|c| c.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    let expected = "it must be a whole number, 0 or more";
    let number = number.filter(|hops| *hops <= HOPS_MAX);
    number
        .map(Some)
        .ok_or_else(|| EnvelopeError::invalid("hops", found(&value), expected))
}
