//! What is wrong with a configuration, one thing at a time and all of them together.
//!
//! A problem keeps data, not a printed text: the same one is shown to a person with its line, and
//! given to a program as JSON.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::model::Place;
use super::render;
use super::source::SourceText;
use crate::error_code::ErrorCode;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The stable code.
    #[serde(serialize_with = "code_as_text")]
    pub code: ErrorCode,
    /// Where it stands.
    pub place: Place,
    /// The key, as a dotted path such as `transports.x.grants.http[0]`; empty for the whole file.
    pub key: String,
    /// One sentence: what is wrong.
    pub message: String,
    /// The nearest right word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// What to write instead, or to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Problem {
    /// A problem without advice.
    #[must_use]
    pub fn new(code: ErrorCode, place: Place, key: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            place,
            key: key.to_owned(),
            message: message.into(),
            nearest: None,
            fix: None,
        }
    }

    /// The same, with the nearest right word, if there is one.
    #[must_use]
    pub fn with_nearest(mut self, nearest: Option<&str>) -> Self {
        self.nearest = nearest.map(str::to_owned);
        self
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// Everything that is wrong with a configuration, in the order of the file. Never empty.
#[derive(Clone, Debug)]
pub struct ConfigErrors {
    problems: Vec<Problem>,
    /// In a box, so that the error is small where it is handed on.
    source: Box<SourceText>,
}

impl ConfigErrors {
    pub(super) fn new(mut problems: Vec<Problem>, source: SourceText) -> Self {
        problems.sort_by_key(|problem| (problem.place.line, problem.place.column));
        Self {
            problems,
            source: Box::new(source),
        }
    }

    /// The problems.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// For a person: each problem with its line, then how many there are.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render::problems(&self.source, &self.problems))
    }
}

impl std::error::Error for ConfigErrors {}

/// For a program: `{"problems": […]}`.
impl Serialize for ConfigErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut object = serializer.serialize_struct("ConfigErrors", 1)?;
        object.serialize_field("problems", &self.problems)?;
        object.end()
    }
}

/// No configuration was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no configuration file was found. byway looked for {}. Name one with --config PATH or BYWAY_CONFIG",
    listed(.looked_at)
)]
pub struct ConfigError {
    /// The places that were looked at, in order.
    pub looked_at: Vec<PathBuf>,
}

impl ConfigError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        ErrorCode::ConfigMissing
    }
}

fn listed(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    shown.join(", ")
}

fn code_as_text<S: Serializer>(code: &ErrorCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.code())
}
