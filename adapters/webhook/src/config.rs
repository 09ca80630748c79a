//! What an operator can say about a webhook.

use std::collections::BTreeMap;

use byway_adapter::answer::Meaning;
use byway_adapter::http::{Method, Url, UrlTemplate};
use byway_adapter::template::{Body, Template};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A transport's `config` table. `docs/adapters/webhook.md` says what each key means.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) url: UrlTemplate,
    #[serde(default)]
    pub(crate) method: SendMethod,
    #[serde(default)]
    pub(crate) format: Format,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Template>,
    pub(crate) body: Option<Body>,
    pub(crate) content_type: Option<String>,
    pub(crate) bearer: Option<String>,
    #[serde(default)]
    pub(crate) secret_headers: BTreeMap<String, String>,
    pub(crate) signing: Option<String>,
    #[serde(default)]
    pub(crate) success: Vec<u16>,
    #[serde(default)]
    pub(crate) retry_on: Vec<u16>,
    #[serde(default)]
    pub(crate) refuse_on: Vec<u16>,
    #[serde(default)]
    pub(crate) unavailable_on: Vec<u16>,
    pub(crate) idempotent: Option<bool>,
    #[serde(default = "idempotency_key")]
    pub(crate) idempotency_header: String,
    pub(crate) idempotent_for: Option<Span>,
    #[serde(default)]
    pub(crate) status_pointer: Pointers,
    #[serde(default)]
    pub(crate) statuses: BTreeMap<String, Meaning>,
    pub(crate) reference_pointer: Option<String>,
    pub(crate) answer_pointer: Option<String>,
    pub(crate) probe_url: Option<Url>,
    pub(crate) probe_method: Option<ProbeMethod>,
}

/// Places of a JSON answer; the first that is there counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pointers(pub(crate) Vec<String>);

/// A span of time, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) seconds: i64,
}

/// What a request looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// `{id, from, to, subject, time, text | data | data_base64}`
    #[default]
    Json,
    /// The whole event as `application/cloudevents+json`.
    Cloudevents,
    /// The event's attributes as `ce-` headers, its data as the body.
    CloudeventsBinary,
    /// What `body` says.
    Template,
}

/// A method that carries a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum SendMethod {
    #[default]
    Post,
    Put,
}

/// A method that carries none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ProbeMethod {
    Get,
    Head,
    Options,
}

impl Config {
    /// Whether the far side recognises a repetition. Who takes CloudEvents may treat the same source and
    /// id as a duplicate, and another byway does.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.idempotent.unwrap_or(matches!(
            self.format,
            Format::Cloudevents | Format::CloudeventsBinary
        ))
    }

    /// The media type of the body; `None` where it is the event's own (`cloudevents-binary`).
    pub(crate) fn media_type(&self) -> Option<&str> {
        match self.format {
            Format::Json => Some("application/json"),
            Format::Cloudevents => Some("application/cloudevents+json; charset=utf-8"),
            Format::CloudeventsBinary => None,
            Format::Template => Some(match (&self.content_type, &self.body) {
                (Some(media_type), _) => media_type,
                (None, Some(Body::Text(_))) => "text/plain; charset=utf-8",
                (None, _) => "application/json",
            }),
        }
    }

    pub(crate) fn probe_method(&self) -> Method {
        match self.probe_method {
            None | Some(ProbeMethod::Get) => Method::Get,
            Some(ProbeMethod::Head) => Method::Head,
            Some(ProbeMethod::Options) => Method::Options,
        }
    }
}

impl SendMethod {
    pub(crate) fn to_http(self) -> Method {
        match self {
            Self::Post => Method::Post,
            Self::Put => Method::Put,
        }
    }
}

impl<'de> Deserialize<'de> for Pointers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = match Value::deserialize(deserializer)? {
            Value::Array(texts) => texts,
            text => vec![text],
        };
        let texts: Option<Vec<String>> = texts
            .iter()
            .map(|text| text.as_str().map(str::to_owned))
            .collect();
        texts.map(Self).ok_or_else(|| {
            serde::de::Error::custom(
                "This is neither a text nor a list of texts.\nWrite it as in \"/result/status\".",
            )
        })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        span(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is not a span of time.\nWrite it as in \"90s\", \"5m\", \"24h\" or \"7d\"."
            ))
        })
    }
}

fn span(text: &str) -> Option<Span> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(number)? {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    // Four digits of days are more than any message waits.
    let digits = (1..=6).contains(&number.len()) && number.bytes().all(|c| c.is_ascii_digit());
    let number: i64 = number.parse().ok().filter(|number| digits && *number > 0)?;
    Some(Span {
        seconds: number * unit,
    })
}

fn idempotency_key() -> String {
    "idempotency-key".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(span(text), Some(Span { seconds }), "{text}");
        }
        for text in ["", "5", "m", "0m", "-5m", "5 m", "1.5h", "5ms", "9999999s", "5mm"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
