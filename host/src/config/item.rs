//! One value of the file, read as what it should be.
//!
//! Every reading function takes an example or bounds, because the error that it reports when the
//! value is something else has to say what would be right.

use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::duration::{parse_duration, show_duration};
use super::keys::Keys;
use super::nearest::nearest;
use super::problem::Problem;
use super::reader::{Report, Table, joined, listed};
use super::size::{parse_size, show_size};
use crate::error_code::ErrorCode;

/// A value, and where it stands.
#[derive(Clone)]
pub(super) struct Item<'a> {
    report: &'a Report<'a>,
    /// Its dotted path.
    path: String,
    /// Its own name in that path; of an element, the array's.
    name: String,
    /// It is an element of an array.
    is_element: bool,
    span: Range<usize>,
    value: &'a DeValue<'a>,
}

impl<'a> Item<'a> {
    /// The value of a key in the table at `parent`.
    pub(super) fn of(
        report: &'a Report<'a>,
        parent: &str,
        key: &Spanned<DeString<'_>>,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Self {
        Self {
            report,
            path: joined(parent, key.get_ref()),
            name: key.get_ref().to_string(),
            is_element: false,
            span: value.span(),
            value: value.get_ref(),
        }
    }

    /// The value itself.
    pub(super) fn value(&self) -> &'a DeValue<'a> {
        self.value
    }

    /// The key's own name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The folder that relative paths start from.
    pub(super) fn folder(&self) -> &'a Path {
        self.report.folder()
    }

    /// A problem with this value, to be completed and added.
    pub(super) fn problem(&self, code: ErrorCode, message: impl Into<String>) -> Problem {
        self.report.problem(code, self.span.start, &self.path, message)
    }

    /// Adds a problem.
    pub(super) fn add(&self, problem: Problem) {
        self.report.add(problem);
    }

    /// Adds the problem that the value is wrong.
    pub(super) fn wrong(&self, message: impl Into<String>, fix: impl Into<String>) {
        self.add(self.problem(ErrorCode::ConfigValue, message).with_fix(fix));
    }

    /// Adds the problem that a name is not configured.
    pub(super) fn unknown_name(&self, message: impl Into<String>, near: Option<&str>, fix: &str) {
        let problem = self.problem(ErrorCode::UnknownName, message);
        self.add(match near {
            Some(near) => problem.with_nearest(Some(near)),
            None => problem.with_fix(fix),
        });
    }

    /// Keeps the value from being shown.
    pub(super) fn cover(&self) {
        self.report.cover(self.span.clone());
    }

    /// Adds the problem that the value is of another type.
    pub(super) fn wrong_type(&self, wanted: &str, example: &str) {
        let found = self.value.type_str();
        let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
        let subject = if self.is_element {
            format!("every element of `{}`", self.name)
        } else {
            format!("`{}`", self.name)
        };
        self.wrong(
            format!("{subject} must be {wanted}, not {article} {found}"),
            format!("write it as `{example}`"),
        );
    }

    /// Opens the value as a table.
    pub(super) fn table(&self, keys: &'static Keys, example: &str) -> Option<Table<'a>> {
        let Some(entries) = self.value.as_table() else {
            self.wrong_type("a table", example);
            return None;
        };
        Some(Table::open(
            self.report,
            self.path.clone(),
            self.span.clone(),
            entries,
            keys,
        ))
    }

    /// The values of a table whose keys are names that the operator chose.
    pub(super) fn named(&self, example: &str) -> Vec<Item<'a>> {
        let Some(entries) = self.value.as_table() else {
            self.wrong_type("a table", example);
            return Vec::new();
        };
        entries
            .iter()
            .map(|(key, value)| Item::of(self.report, &self.path, key, value))
            .collect()
    }

    /// The elements of an array.
    pub(super) fn list(&self, example: &str) -> Option<Vec<Item<'a>>> {
        let Some(elements) = self.value.as_array() else {
            self.wrong_type("an array", example);
            return None;
        };
        let element = |(index, value): (usize, &'a Spanned<DeValue<'a>>)| Item {
            report: self.report,
            path: format!("{}[{index}]", self.path),
            name: self.name.clone(),
            is_element: true,
            span: value.span(),
            value: value.get_ref(),
        };
        Some(elements.iter().enumerate().map(element).collect())
    }

    /// A text.
    pub(super) fn text(&self, example: &str) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong_type("text", example);
        }
        text
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.wrong_type("true or false", &format!("{} = true", self.name));
        }
        flag
    }

    /// A text that a type of ours reads by itself.
    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, example: &str) -> Option<T> {
        match self.text(example)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(error.to_string(), format!("write it as `{example}`"));
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let example = format!("{} = \"{}\"", self.name, names.first().unwrap_or(&""));
        let text = self.text(&example)?;
        let found = words.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let message = format!("`{}` cannot be `{text}`", self.name);
            let problem = self.problem(ErrorCode::ConfigValue, message);
            self.add(match nearest(text, names.iter().copied()) {
                Some(near) => problem.with_nearest(Some(near)),
                None => problem.with_fix(format!("write one of {}", listed(&names))),
            });
        }
        found.map(|(_, value)| *value)
    }

    /// A whole number within bounds.
    pub(super) fn number(&self, bounds: RangeInclusive<u64>) -> Option<u64> {
        let example = format!("{} = {}", self.name, bounds.start());
        let Some(integer) = self.value.as_integer() else {
            self.wrong_type("a whole number", &example);
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            self.out_of_range(&integer.to_string(), bounds.start(), bounds.end());
        }
        number
    }

    /// A span of time within bounds.
    pub(super) fn duration(&self, bounds: RangeInclusive<Duration>, example: &str) -> Option<Duration> {
        let written = format!("{} = \"{example}\"", self.name);
        if self.value.is_integer() {
            self.wrong_type("a span of time with its unit", &written);
            return None;
        }
        let text = self.text(&written)?;
        let Ok(duration) = parse_duration(text) else {
            self.wrong(
                format!("`{text}` is not a span of time"),
                "write one number and one unit: 500ms, 30s, 5m, 24h or 30d",
            );
            return None;
        };
        if bounds.contains(&duration) {
            return Some(duration);
        }
        let (first, last) = (show_duration(*bounds.start()), show_duration(*bounds.end()));
        self.out_of_range(text, first, last);
        None
    }

    /// An amount of bytes within bounds.
    pub(super) fn size(&self, bounds: RangeInclusive<u64>) -> Option<usize> {
        if self.value.is_integer() {
            return self.number(bounds).and_then(|size| usize::try_from(size).ok());
        }
        let text = self.text(&format!("{} = \"1MiB\"", self.name))?;
        let Ok(size) = parse_size(text) else {
            self.wrong(
                format!("`{text}` is not an amount of bytes"),
                "write one number and one unit: 4096, 64KiB, 4MiB or 1GiB",
            );
            return None;
        };
        if bounds.contains(&size) {
            return usize::try_from(size).ok();
        }
        self.out_of_range(text, show_size(*bounds.start()), show_size(*bounds.end()));
        None
    }

    fn out_of_range(&self, written: &str, first: impl std::fmt::Display, last: impl std::fmt::Display) {
        self.wrong(
            format!("`{}` cannot be {written}", self.name),
            format!("write something from {first} to {last}"),
        );
    }

    /// A path; a relative one starts from the folder of the file.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let text = self.text(&format!("{} = \"/some/path\"", self.name))?;
        let message = match text {
            "" => Some(format!("`{}` is empty", self.name)),
            text if text.contains('\0') => Some(format!("`{}` has a NUL in it", self.name)),
            text if text.starts_with('~') => Some("byway does not expand `~`".to_owned()),
            _ => None,
        };
        if let Some(message) = message {
            self.wrong(
                message,
                "write the whole path, or one relative to the folder of this file",
            );
            return None;
        }
        Some(self.folder().join(text))
    }
}
