//! What an operator can say about a command on a node.

use std::collections::BTreeMap;

use byway_adapter::command::ExitCodes;
use byway_adapter::template::Template;
use byway_adapter::websocket::SocketUrl;
use serde::{Deserialize, Deserializer, de};

use crate::argument::Argument;

/// A transport's `config` table. `docs/adapters/nodes-run.md` says what each key means.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) url: OwnGateway,
    pub(crate) node: String,
    pub(crate) argv: Vec<Argument>,
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, Template>,
    pub(crate) cwd: Option<String>,
    pub(crate) agent: Option<String>,
    #[serde(default)]
    pub(crate) output: OutputForm,
    #[serde(default)]
    pub(crate) exit_codes: ExitCodes,
    #[serde(default)]
    pub(crate) idempotent: bool,
    pub(crate) owner: Option<bool>,
    #[serde(default = "token")]
    pub(crate) token: String,
    /// Never there: reading it is a mistake that says why.
    #[serde(default)]
    #[allow(dead_code, reason = "its only use is to be refused while it is read")]
    pub(crate) action: Option<Gone>,
}

/// The WebSocket of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnGateway(pub(crate) SocketUrl);

/// How the command's standard output is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputForm {
    /// A byway's receipt, where it is one; otherwise the exit code alone decides.
    #[default]
    Receipt,
    /// Not at all.
    Ignore,
}

/// What the gateway once had.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gone {}

impl Config {
    /// Whether the agent hears what comes this way as its owner: the same rule as for every command.
    pub(crate) fn is_owner(&self) -> bool {
        let gets_words = self
            .parameters
            .values()
            .any(|template| template.places().any(|place| place.is_message_words()));
        self.owner.unwrap_or(gets_words)
    }
}

impl<'de> Deserialize<'de> for OwnGateway {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once("://") {
            Some(("ws" | "wss", _)) => SocketUrl::parse(&text).map(Self).map_err(de::Error::custom),
            Some(("http" | "https", _)) => Err(de::Error::custom(
                "Over HTTP a gateway runs no command on a node: its tool action nodes.run is gone since 2026.3.31.\nWrite the WebSocket of your own gateway, as in ws://127.0.0.1:18789/.",
            )),
            _ => Err(de::Error::custom(
                "This is not the WebSocket of a gateway.\nWrite it as in ws://127.0.0.1:18789/.",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Gone {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom(
            "The gateway's tool action nodes.run is gone since 2026.3.31; this adapter calls node.invoke with system.run.\nTake the key out, and write the command as `argv`.",
        ))
    }
}

fn token() -> String {
    "token".to_owned()
}
