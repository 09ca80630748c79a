//! The attributes that byway gives a meaning to: out of an event into fields, and back.
//!
//! Each name is written here once for reading and once for printing; whatever prints a message, in either
//! mode or for its signature, prints what [`Envelope::values`] says.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cloud_event::{CloudEvent, TIME, found, optional, quoted};
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
    /// Every attribute that the message has, by name. A name that has a field is never taken from
    /// the extensions.
    pub(super) fn values(&self) -> BTreeMap<&str, Value> {
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let address = |address: &Option<Address>| address.as_ref().map(|a| Value::String(a.to_string()));
        let instant = |instant: Option<Timestamp>| instant.map(|t| Value::String(t.to_string()));
        let content_type = self.data_content_type.as_deref();
        let content_type = content_type.or_else(|| self.data.as_ref().and_then(Data::implied_type));
        let fields = [
            ("specversion", Some(Value::String("1.0".to_owned()))),
            ("id", Some(Value::String(self.id.clone()))),
            ("source", Some(Value::String(self.source.clone()))),
            ("type", Some(Value::String(self.event_type.clone()))),
            ("recipient", Some(Value::String(self.recipient.to_string()))),
            ("subject", text(&self.subject)),
            ("time", text(&self.time)),
            (
                "datacontenttype",
                content_type.map(|text| Value::String(text.to_owned())),
            ),
            ("dataschema", text(&self.data_schema)),
            ("idempotencykey", text(&self.idempotency_key)),
            (
                "priority",
                self.priority.map(|p| Value::String(p.as_str().to_owned())),
            ),
            ("replyto", address(&self.reply_to)),
            ("partitionkey", text(&self.partition_key)),
            ("expirytime", instant(self.expiry_time)),
            ("deliverafter", instant(self.deliver_after)),
            (
                "hops",
                self.hops
                    .map(|hops| Value::Integer(hops.min(HOPS_MAX).cast_signed())),
            ),
            ("bywaysig", text(&self.signature)),
        ];
        let extensions = self.extensions.iter();
        let mut all: BTreeMap<&str, Value> = extensions
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        // The fields come last, and an absent one takes an extension of its name away.
        for (name, value) in fields {
            match value {
                Some(value) => all.insert(name, value),
                None => all.remove(name),
            };
        }
        all
    }

    /// Every attribute that the message has, in its canonical string form (Booleans as `true` and `false`,
    /// integers in decimal, instants in UTC), sorted by name. In the binary mode these are the headers.
    #[must_use]
    pub fn attributes(&self) -> Vec<(String, String)> {
        let text = |(name, value): (&str, Value)| match value {
            // As it is; this is done for every attempt.
            Value::String(text) => (name.to_owned(), text),
            other => (name.to_owned(), other.to_string()),
        };
        self.values().into_iter().map(text).collect()
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
