//! The text of a configuration, and where each key stands in it.
//!
//! It is kept beside the checked model, because much is found wrong only later (an adapter's `check`,
//! a missing grant, a file that is not there), and even then the person should be shown the line.
//!
//! What was written where a secret's place was expected is covered before any line is shown.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::model::{Config, Place};
use super::problem::Problem;
use super::render;

/// Some editors begin a file with this mark; it is no part of the text.
pub(super) const MARK: char = '\u{feff}';

/// A configuration's text.
#[derive(Clone, Default)]
pub struct SourceText {
    path: PathBuf,
    text: String,
    /// Where each line begins.
    line_starts: Vec<usize>,
    /// Where each key's value begins, by its dotted path.
    offsets: BTreeMap<String, usize>,
    /// What is never shown, in bytes.
    covered: Vec<Range<usize>>,
}

impl SourceText {
    pub(super) fn new(path: &Path, text: &str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            line_starts: std::iter::once(0).chain(after_newlines).collect(),
            ..Self::default()
        }
    }

    pub(super) fn set_offsets(&mut self, offsets: BTreeMap<String, usize>) {
        self.offsets = offsets;
    }

    pub(super) fn cover(&mut self, ranges: impl IntoIterator<Item = Range<usize>>) {
        self.covered.extend(ranges);
    }

    /// Whether the text is the same, wherever it was read from.
    #[must_use]
    pub fn is_same_text(&self, other: &Self) -> bool {
        self.text == other.text
    }

    /// The SHA-256 of the text.
    #[must_use]
    pub fn text_digest(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// Whether it was read from this text.
    #[must_use]
    pub fn is_text(&self, text: &str) -> bool {
        self.text == text.strip_prefix(MARK).unwrap_or(text)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The place of a byte; of the end, where the text is shorter.
    pub(super) fn place_at(&self, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        let before = |(at, _): &(usize, char)| start + at < offset;
        let line_text = self.text.get(start..).unwrap_or_default();
        Place {
            file: self.path.clone(),
            line,
            column: line_text.char_indices().take_while(before).count() + 1,
        }
    }

    /// The place of a dotted key such as `transports.x.grants.http[0]`; of the nearest table
    /// around it that is there, where it is not.
    #[must_use]
    pub fn place_of_key(&self, key: &str) -> Place {
        let mut key = key;
        loop {
            if let Some(offset) = self.offsets.get(key) {
                return self.place_at(*offset);
            }
            match key.rfind(['.', '[']) {
                Some(cut) => key = key.get(..cut).unwrap_or_default(),
                None => return self.place_at(0),
            }
        }
    }

    /// Whether a dotted key is written.
    pub(super) fn has_key(&self, key: &str) -> bool {
        self.offsets.contains_key(key)
    }

    /// A line, from 1, without what is covered. `None` where there is none, or nothing in it.
    pub(super) fn line(&self, number: usize) -> Option<String> {
        let start = *self.line_starts.get(number.checked_sub(1)?)?;
        let text = self.text.get(start..)?.lines().next()?.trim_end();
        let shown = text.char_indices().map(|(at, c)| {
            let covered = self.covered.iter().any(|range| range.contains(&(start + at)));
            if covered { '*' } else { c }
        });
        (!text.is_empty()).then(|| shown.collect())
    }
}

/// The text never shows in a log: somebody may have written a secret into it.
impl fmt::Debug for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SourceText({}, {} bytes)",
            self.path.display(),
            self.text.len()
        )
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl Config {
    /// The place of a JSON Pointer (RFC 6901) inside a transport's table, such as `/config/url`: of what
    /// is nearest around it, where it is not written.
    #[must_use]
    pub fn place_of(&self, transport: &str, pointer: &str) -> Place {
        let mut key = format!("transports.{}", key_part(transport));
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let element = format!("{key}[{token}]");
            let member = format!("{key}.{}", key_part(&token));
            if self.source.has_key(&element) {
                key = element;
            } else if self.source.has_key(&member) {
                key = member;
            } else {
                break;
            }
        }
        self.source.place_of_key(&key)
    }

    /// The place of a dotted key such as `transports.x.grants`, or of the nearest table around it.
    #[must_use]
    pub fn place_of_key(&self, key: &str) -> Place {
        self.source.place_of_key(key)
    }

    /// Prints problems that were found later, as those of reading are printed.
    #[must_use]
    pub fn render(&self, problems: &[Problem]) -> String {
        render::problems(&self.source, problems)
    }
}

/// A name as it stands in a dotted key: in quotes where TOML wants them.
pub(super) fn key_part(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let source = SourceText::new(Path::new("byway.toml"), "a = 1\nä = \"ü\"\r\n");
        let place = source.place_at(6 + "ä = ".len());
        assert_eq!((place.line, place.column), (2, 5));
        let inside_a_character = source.place_at(7);
        assert_eq!((inside_a_character.line, inside_a_character.column), (2, 2));
        let beyond = source.place_at(1000);
        assert_eq!((beyond.line, beyond.column), (3, 1));
    }

    #[test]
    fn what_is_covered_is_not_shown() {
        let mut source = SourceText::new(Path::new("byway.toml"), "token = \"hunter2\"\n");
        source.cover(std::iter::once(9..16));
        assert_eq!(source.line(1).unwrap(), "token = \"*******\"");
        assert!(!format!("{source:?}").contains("hunter2"));
    }
}
