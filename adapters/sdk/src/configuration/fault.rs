//! One mistake, as serde reports it and as a person reads it.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::Problem;
use crate::problem::deeper;

/// What went wrong while a value was read, and where, once that is known.
#[derive(Debug)]
pub(super) struct Fault {
    /// The pointer to the value; `None` until a container names it.
    place: Option<String>,
    /// The key that is missing, where one is.
    missing: Option<&'static str>,
    message: String,
    fix: String,
}

impl Fault {
    /// Says where it was, unless that is known more exactly already.
    pub(super) fn at(mut self, pointer: &str) -> Self {
        self.place.get_or_insert_with(|| pointer.to_owned());
        self
    }

    /// Whether a key is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// The pointer to the value that is wrong, or should be there.
    pub(super) fn pointer(&self) -> String {
        let place = self.place.as_deref().unwrap_or_default();
        self.missing
            .map_or_else(|| place.to_owned(), |key| deeper(place, key))
    }

    pub(super) fn into_problem(self) -> Problem {
        Problem {
            pointer: self.pointer(),
            message: self.message,
            fix: self.fix,
        }
    }

    fn new(message: String, fix: String) -> Self {
        Self {
            place: None,
            missing: None,
            message,
            fix,
        }
    }
}

impl de::Error for Fault {
    /// An error of two lines is a message and a fix.
    fn custom<T: fmt::Display>(text: T) -> Self {
        let text = text.to_string();
        let (message, fix) = text
            .split_once('\n')
            .unwrap_or((&text, "See the adapter's page in docs/adapters."));
        Self::new(message.to_owned(), fix.to_owned())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(
            format!("This is {}.", kind(&found)),
            format!("Write {}.", plain(expected)),
        )
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(
            format!("This is {} that cannot stand here.", kind(&found)),
            format!("Write {}.", plain(expected)),
        )
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(
            format!("There are {length} elements."),
            format!("Write {}.", plain(expected)),
        )
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        let words: Vec<String> = expected.iter().map(|word| format!("\"{word}\"")).collect();
        let fix = match words.as_slice() {
            [rest @ .., last] if !rest.is_empty() => format!("Write {} or {last}.", rest.join(", ")),
            words => format!("Write {}.", words.join("")),
        };
        Self::new(format!("`{found}` is not one of the words here."), fix)
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            missing: Some(field),
            ..Self::new(format!("`{field}` is missing."), format!("Add `{field}`."))
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.message, self.fix)
    }
}

impl std::error::Error for Fault {}

/// What was found, in the words of a configuration. The value itself stays out: it may be a secret
/// that somebody pasted into the wrong place.
fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) => "a text",
        Unexpected::Unit => "null",
        Unexpected::Seq => "an array",
        Unexpected::Map => "a table",
        _ => "something else",
    }
}

/// What was expected, in the same words.
fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a string" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "a table".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative".to_owned(),
        "i32" | "i64" => "a whole number".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        _ => text,
    }
}
