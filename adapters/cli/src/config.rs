//! What an operator can say about a command.

use std::collections::BTreeMap;

use byway_adapter::answer::Meaning;
use byway_adapter::command::ExitCodes;
use byway_adapter::template::Template;
use serde::Deserialize;

/// A transport's `config` table. `docs/adapters/cli.md` says what each key means.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) input: InputForm,
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, Template>,
    #[serde(default)]
    pub(crate) output: OutputForm,
    pub(crate) status_pointer: Option<String>,
    #[serde(default)]
    pub(crate) statuses: BTreeMap<String, Meaning>,
    pub(crate) error_pointer: Option<String>,
    #[serde(default)]
    pub(crate) errors: BTreeMap<String, Meaning>,
    pub(crate) reference_pointer: Option<String>,
    pub(crate) answer_pointer: Option<String>,
    #[serde(default)]
    pub(crate) exit_codes: ExitCodes,
    #[serde(default)]
    pub(crate) idempotent: bool,
    pub(crate) owner: Option<bool>,
    pub(crate) probe_command: Option<String>,
}

/// What goes to the command's standard input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum InputForm {
    /// Nothing from here. Where the grant says `stdin = "envelope"`, the host puts the event there.
    #[default]
    None,
    /// The event as JSON.
    Envelope,
    /// The message's words.
    Text,
    /// The event as JSON, as one line of base64.
    Base64,
}

/// How the command's standard output is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputForm {
    /// A byway's receipt, where it is one; otherwise the exit code alone decides.
    #[default]
    Receipt,
    /// JSON, read at the pointers.
    Json,
    /// Not at all.
    Ignore,
}

impl Config {
    /// Whether the agent hears what comes this way as its owner.
    ///
    /// A program that is given the bare words of a message, such as a gateway's own, usually says them
    /// to the agent as whoever runs it. One that is given the whole event knows who sent it.
    pub(crate) fn is_owner(&self) -> bool {
        let gets_words = self.input == InputForm::Text
            || self
                .parameters
                .values()
                .any(|template| template.places().any(|place| place.is_message_words()));
        self.owner.unwrap_or(gets_words)
    }
}
