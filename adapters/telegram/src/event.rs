//! Words that continue an exchange, or leave this instance: a CloudEvent, since `words` of the contract could say
//! neither. The host replaces its source by the transport's own, and decides whether it may go there.

use byway_adapter::Item;
use byway_adapter::civil::Offset;
use serde::Serialize;

use crate::address;
use crate::mark::Mark;
use crate::update::Message;

/// The event, attribute by attribute.
#[derive(Debug, Serialize)]
pub(crate) struct Event<'a> {
    specversion: &'static str,
    id: String,
    source: &'static str,
    r#type: &'static str,
    recipient: &'a str,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    sender: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    senderid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replyto: Option<&'a str>,
    datacontenttype: &'static str,
    data: &'a str,
}

impl<'a> Event<'a> {
    /// What a person wrote, for this recipient.
    pub(crate) fn new(message: &Message, sender: &'a str, recipient: &'a str, words: &'a str) -> Self {
        // A year of five digits is no time any more.
        let date = Some(message.date).filter(|date| (1..253_402_300_800).contains(date));
        Self {
            specversion: "1.0",
            id: message.id(),
            source: "urn:byway:telegram",
            r#type: "dev.byway.message",
            recipient,
            subject: message.subject(),
            time: date.map(|date| Offset::default().civil(date).rfc3339(Offset::default())),
            sender,
            // Who decides about something is written down by a name that nobody chooses.
            senderid: message
                .from
                .as_ref()
                .filter(|_| address::is_byway(recipient))
                .map(|user| format!("telegram:{}", user.id)),
            causationid: None,
            correlationid: None,
            replyto: None,
            datacontenttype: "text/plain; charset=utf-8",
            data: words,
        }
    }

    /// The same, brought about by the message with this mark, and in its exchange.
    pub(crate) fn about(self, mark: &'a Mark) -> Self {
        Self {
            causationid: mark.id.as_deref(),
            correlationid: mark.correlation.as_deref().or(mark.id.as_deref()),
            ..self
        }
    }

    /// The same, with where an answer should go.
    pub(crate) fn answered_to(self, replyto: Option<&'a str>) -> Self {
        Self { replyto, ..self }
    }

    /// What is handed to the host.
    pub(crate) fn into_item(self) -> Item {
        // It has texts only, and those always print.
        Item::Event(serde_json::to_vec(&self).unwrap_or_default())
    }
}
