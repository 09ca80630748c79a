//! What an operator can say about a command.

use std::collections::BTreeMap;

use byway_adapter::answer::Meaning;
use byway_adapter::command::exit;
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

/// What exit codes mean, where it is not what they usually do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ExitCodes {
    pub(crate) accepted: Vec<i32>,
    pub(crate) delivered: Vec<i32>,
    pub(crate) retryable: Vec<i32>,
    pub(crate) unavailable: Vec<i32>,
    pub(crate) refused: Vec<i32>,
    pub(crate) unknown: Vec<i32>,
}

impl ExitCodes {
    /// The lists by their names, with what they mean.
    pub(crate) fn lists(&self) -> [(&'static str, Meaning, &[i32]); 6] {
        [
            ("accepted", Meaning::Accepted, &self.accepted),
            ("delivered", Meaning::Delivered, &self.delivered),
            ("retryable", Meaning::Retryable, &self.retryable),
            ("unavailable", Meaning::Unavailable, &self.unavailable),
            ("refused", Meaning::Refused, &self.refused),
            ("unknown", Meaning::Unknown, &self.unknown),
        ]
    }

    /// What the operator says of a code.
    pub(crate) fn configured(&self, code: i32) -> Option<Meaning> {
        let (_, meaning, _) = self
            .lists()
            .into_iter()
            .find(|(_, _, codes)| codes.contains(&code))?;
        Some(meaning)
    }

    /// What a code means: what the operator says, else what it usually does.
    pub(crate) fn meaning(&self, code: i32) -> Meaning {
        self.configured(code).unwrap_or_else(|| exit::meaning(code))
    }
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
