//! What an operator can say about a gateway.

use byway_adapter::http::Url;
use byway_adapter::template::{Place, Template};
use byway_adapter::websocket::SocketUrl;
use serde::{Deserialize, Deserializer, de};

/// A transport's `config` table. `docs/adapters/sessions-send.md` says what each key means.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) url: GatewayUrl,
    /// The agent's main session where it is not said.
    pub(crate) session: Option<Template>,
    #[serde(default)]
    pub(crate) subjects: Vec<Template>,
    /// The message's own words where it is not said.
    pub(crate) message: Option<Template>,
    #[serde(default = "token")]
    pub(crate) token: String,
    pub(crate) wait_for: Option<WaitFor>,
}

/// Where the gateway is, and by that which of its two doors is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GatewayUrl {
    /// Its WebSocket: idempotent, can be asked afterwards, gives the answer.
    Socket(SocketUrl),
    /// `POST /tools/invoke`: none of these.
    Invoke(Url),
}

/// What an attempt waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WaitFor {
    /// The agent's answer, for as long as the attempt may take.
    #[default]
    Answer,
    /// The gateway's word that it has the message.
    Accepted,
}

impl Config {
    /// Whether the session is named by the message's subject.
    pub(crate) fn uses_subject(&self) -> bool {
        let mut places = self.session.iter().flat_map(Template::places);
        places.any(|place| *place == Place::Subject)
    }

    pub(crate) fn waits_for_answer(&self) -> bool {
        self.wait_for.unwrap_or_default() == WaitFor::Answer
    }
}

impl<'de> Deserialize<'de> for GatewayUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let url = match text.split_once("://") {
            Some(("ws" | "wss", _)) => SocketUrl::parse(&text).map(Self::Socket),
            Some(("http" | "https", _)) => Url::parse(&text).map(Self::Invoke),
            _ => {
                return Err(de::Error::custom(
                    "This is not the URL of a gateway.\nWrite ws://127.0.0.1:18789/ for your own, or https://…/tools/invoke for one over HTTP.",
                ));
            }
        };
        url.map_err(de::Error::custom)
    }
}

fn token() -> String {
    "token".to_owned()
}
