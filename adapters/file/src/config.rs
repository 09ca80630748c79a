//! What an operator can say about a folder.

use byway_adapter::civil::Offset;
use byway_adapter::template::Template;
use serde::{Deserialize, Deserializer};

/// A transport's `config` table. `docs/adapters/file.md` says what each key means.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) mode: Mode,
    pub(crate) folder: String,
    pub(crate) file: Option<Template>,
    pub(crate) heading: Option<Template>,
    pub(crate) body: Option<Template>,
    pub(crate) quote: Option<bool>,
    #[serde(default)]
    pub(crate) timezone_offset: Clock,
    #[serde(default)]
    pub(crate) receive: bool,
    pub(crate) only_for: Option<String>,
}

/// What a message becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// A section at the end of a Markdown file.
    Note,
    /// A file of its own, the whole event.
    Drop,
}

/// The clock whose days the files are named by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock(pub(crate) Offset);

impl Config {
    /// Whether a message stands in a quotation.
    pub(crate) fn is_quoted(&self) -> bool {
        self.quote.unwrap_or(true)
    }

    /// How the names of the files end that are looked for.
    pub(crate) fn suffix(&self) -> &str {
        match self.mode {
            Mode::Note => ".md",
            Mode::Drop => ".json",
        }
    }
}

impl<'de> Deserialize<'de> for Clock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let error = || {
            format!("`{text}` is not a distance from UTC.\nWrite it as in \"+02:00\", \"-05:30\" or \"Z\".")
        };
        Offset::parse(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(error()))
    }
}
