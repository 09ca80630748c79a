//! Walking a TOML document by hand, so that every mistake in it is found in one go.
//!
//! A reader never stops at the first mistake: what is wrong is reported and comes back as `None`,
//! and the caller reads on. Each table is opened with the list of the keys it knows. A key that is
//! not in the list is reported at once, with the nearest one that is.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

use super::item::Item;
use super::keys::{self, Keys};
use super::model::Place;
use super::nearest::nearest;
use super::problem::Problem;
use super::source::{SourceText, key_part};
use crate::error_code::ErrorCode;

/// What is found wrong while reading one file.
pub(super) struct Report<'a> {
    source: &'a SourceText,
    /// The folder that relative paths start from.
    folder: &'a Path,
    problems: RefCell<Vec<Problem>>,
    covered: RefCell<Vec<Range<usize>>>,
}

/// A table, opened with the keys it may have.
pub(super) struct Table<'a> {
    report: &'a Report<'a>,
    path: String,
    span: Range<usize>,
    entries: &'a DeTable<'a>,
    /// Keys that a wrong one was probably meant to be: not missing as well.
    meant: Vec<&'a str>,
}

impl<'a> Report<'a> {
    pub(super) fn new(source: &'a SourceText, folder: &'a Path) -> Self {
        Self {
            source,
            folder,
            problems: RefCell::default(),
            covered: RefCell::default(),
        }
    }

    pub(super) fn add(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// What was found, and what of the text must not be shown.
    pub(super) fn close(self) -> (Vec<Problem>, Vec<Range<usize>>) {
        (self.problems.into_inner(), self.covered.into_inner())
    }

    /// Opens the document itself.
    pub(super) fn open(&'a self, root: &'a DeTable<'a>, keys: &'static Keys) -> Table<'a> {
        Table::open(self, String::new(), 0..0, root, keys)
    }

    /// The folder that relative paths start from.
    pub(super) fn folder(&self) -> &'a Path {
        self.folder
    }

    /// Keeps a part of the text from being shown.
    pub(super) fn cover(&self, span: Range<usize>) {
        self.covered.borrow_mut().push(span);
    }

    /// A problem with what begins at a byte, to be completed and added.
    pub(super) fn problem(
        &self,
        code: ErrorCode,
        at: usize,
        key: &str,
        message: impl Into<String>,
    ) -> Problem {
        Problem::new(code, self.source.place_at(at), key, message)
    }
}

impl<'a> Table<'a> {
    /// Opens a table, and reports the keys that are not among `keys`.
    pub(super) fn open(
        report: &'a Report<'a>,
        path: String,
        span: Range<usize>,
        entries: &'a DeTable<'a>,
        keys: &'static Keys,
    ) -> Self {
        let mut meant = Vec::new();
        for key in entries.keys() {
            let name = key.get_ref().as_ref();
            if keys.names.contains(&name) {
                continue;
            }
            let near = nearest(name, keys.names.iter().copied());
            meant.extend(near);
            let message = format!("unknown key `{name}` in {}", shown(&path));
            let at = key.span().start;
            let problem = report.problem(ErrorCode::UnknownKey, at, &joined(&path, name), message);
            report.add(match (near, keys::home_of(name)) {
                (Some(near), _) => problem.with_nearest(Some(near)),
                (None, Some((key, home))) => problem.with_fix(format!("`{key}` is a key of {home}")),
                (None, None) => problem.with_fix(format!("the keys here are {}", listed(keys.names))),
            });
        }
        Self {
            report,
            path,
            span,
            entries,
            meant,
        }
    }

    /// The value of a key, if it is written.
    pub(super) fn get(&self, name: &str) -> Option<Item<'a>> {
        let (key, value) = self.entries.get_key_value(name)?;
        Some(Item::of(self.report, &self.path, key, value))
    }

    /// The value of a key that has no default.
    pub(super) fn need(&self, name: &str, example: &str) -> Option<Item<'a>> {
        let item = self.get(name);
        if item.is_none() && !self.meant.contains(&name) {
            let message = format!("`{name}` is missing in {}", shown(&self.path));
            let key = joined(&self.path, name);
            let problem = self
                .report
                .problem(ErrorCode::MissingKey, self.span.start, &key, message);
            self.report.add(problem.with_fix(format!("add `{example}`")));
        }
        item
    }

    /// Reports something about the table as a whole.
    pub(super) fn add(&self, code: ErrorCode, message: impl Into<String>, fix: &str) {
        let problem = self.report.problem(code, self.span.start, &self.path, message);
        self.report.add(problem.with_fix(fix));
    }

    /// Where the table stands.
    pub(super) fn place(&self) -> Place {
        self.report.source.place_at(self.span.start)
    }

    /// Keeps the texts in the table from being shown, but for those of the keys in `open`.
    pub(super) fn cover_but(&self, open: &[&str]) {
        for (key, value) in self.entries {
            if !open.contains(&key.get_ref().as_ref()) {
                self.report.cover(value.span());
            }
        }
    }
}

/// A table's name as a person finds it in the file.
fn shown(path: &str) -> String {
    if path.is_empty() {
        return "the file".to_owned();
    }
    let Some((_, in_route)) = path.strip_prefix("routes[").and_then(|rest| rest.split_once(']')) else {
        let in_array = path.contains('[');
        return if in_array {
            format!("`{path}`")
        } else {
            format!("[{path}]")
        };
    };
    match in_route.strip_prefix('.') {
        Some(inner) => format!("`{inner}` of [[routes]]"),
        None => "[[routes]]".to_owned(),
    }
}

/// The dotted path of a key in a table.
pub(super) fn joined(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        key_part(name)
    } else {
        format!("{parent}.{}", key_part(name))
    }
}

/// Words as a list in a sentence.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
