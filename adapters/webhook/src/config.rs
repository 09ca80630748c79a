//! What an operator can say about a webhook.

use std::collections::BTreeMap;

use byway_adapter::http::{Method, Url, UrlTemplate};
use byway_adapter::template::{Body, Template};
use serde::Deserialize;

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
    pub(crate) reference_pointer: Option<String>,
    pub(crate) answer_pointer: Option<String>,
    pub(crate) probe_url: Option<Url>,
    pub(crate) probe_method: Option<ProbeMethod>,
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

fn idempotency_key() -> String {
    "idempotency-key".to_owned()
}
