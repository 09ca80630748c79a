//! The two streams. Nothing else in byway prints.
//!
//! Results go to standard output, everything else to standard error. Colours go only to a terminal
//! (and not where `NO_COLOR` is set). A reader that goes away early, as in `byway list | head -1`,
//! is no error. What a far side wrote is cleaned before it reaches a terminal, since an
//! escape sequence in a message could rewrite what the operator sees.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::failure::{Failure, OUTPUT, Said};
use crate::error_code::ErrorCode;

/// How this call wants to be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    /// JSON on both streams.
    pub(super) json: bool,
    /// No notes.
    pub(super) quiet: bool,
}

impl Terminal {
    /// Prints a result for people, and a newline.
    pub(super) fn result(self, text: &str) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        let text = text.trim_end_matches('\n');
        forgiving(writeln!(out, "{text}").and_then(|()| out.flush()))
    }

    /// Prints a result as one line of JSON.
    pub(super) fn json<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let line = serde_json::to_string(value).map_err(|error| Failure::internal(error.to_string()))?;
        let mut out = io::stdout().lock();
        forgiving(writeln!(out, "{line}").and_then(|()| out.flush()))
    }

    /// Writes bytes as they are. Here a reader that went away is an error, so that what follows
    /// from having been read does not follow.
    pub(super) fn exactly(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)
            .and_then(|()| out.flush())
            .map_err(|error| not_written(&error))
    }

    /// Whether results are read by a person.
    pub(super) fn results_are_seen(self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// Whether somebody watches what happens on the way.
    pub(super) fn is_watched(self) -> bool {
        !self.json && !self.quiet && io::stderr().is_terminal()
    }

    /// A bar for work of so many pieces; nobody sees it where nobody watches.
    pub(super) fn bar(self, what: &str, length: u64) -> ProgressBar {
        if !self.is_watched() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {eta}");
        let bar = ProgressBar::new(length).with_message(what.to_owned());
        style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
    }

    /// Tells something that is no result. Whether it can be written changes nothing.
    pub(super) fn note(self, text: &str) {
        if !self.quiet && !self.json {
            complain(text);
        }
    }

    /// Tells what is wrong, where that is more than a failure says.
    pub(super) fn complain(self, text: &str) {
        complain(text);
    }

    /// Tells why the verb failed.
    pub(super) fn failure(self, failure: &Failure) {
        match failure {
            Failure::Told { .. } => {}
            Failure::Said(said) if self.json => {
                complain(&serde_json::to_string(&said.problem()).unwrap_or_default())
            }
            Failure::Said(said) => complain(&for_people(said)),
            Failure::Config(errors) if self.json => {
                complain(&serde_json::to_string(errors).unwrap_or_default())
            }
            Failure::Config(errors) => complain(&errors.to_string()),
        }
    }
}

fn complain(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{}", text.trim_end_matches('\n'));
}

fn for_people(said: &Said) -> String {
    let head = format!("error[{}]", said.code);
    let mut text = format!(
        "{}{} {}",
        head.red().bold(),
        ":".bold(),
        clean_lines(&said.message)
    );
    if let Some(more) = &said.more {
        text.push('\n');
        text.push_str(more.trim_end_matches('\n'));
    }
    if let Some(fix) = &said.fix {
        text.push_str(&format!("\n{} {}", "help:".cyan().bold(), clean_lines(fix)));
    }
    text
}

fn forgiving(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(not_written(&error)),
        Ok(()) => Ok(()),
    }
}

fn not_written(error: &io::Error) -> Failure {
    if error.kind() == ErrorKind::BrokenPipe {
        return Failure::Told { exit: OUTPUT };
    }
    Failure::new(
        ErrorCode::Internal,
        format!("the output could not be written: {error}"),
    )
    .with_fix("Look at where standard output leads; what was asked has been done.")
    .with_exit(OUTPUT)
}

/// A text from elsewhere on one line, without anything that a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .map(|it| if moves_a_terminal(it) { '\u{fffd}' } else { it })
        .collect()
}

/// A text from elsewhere with its lines, without anything else that a terminal would obey.
pub(super) fn clean_lines(text: &str) -> String {
    let keep = |it: char| it == '\n' || it == '\t' || !moves_a_terminal(it);
    text.replace("\r\n", "\n")
        .chars()
        .map(|it| if keep(it) { it } else { '\u{fffd}' })
        .collect()
}

/// Control characters, and those that turn the direction of writing.
fn moves_a_terminal(it: char) -> bool {
    it.is_control() || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn an_error_has_its_code_its_sentence_and_its_fix_on_a_line_of_its_own() {
        let failure = Failure::new(ErrorCode::NoRoute, "no route leads to x@z").with_fix("Add one.");
        let Failure::Said(said) = failure else {
            panic!("one error")
        };
        assert_eq!(
            plain(&for_people(&said)),
            "error[BW204]: no route leads to x@z\nhelp: Add one."
        );
    }

    #[test]
    fn an_error_in_json_is_a_problem() {
        let failure = Failure::new(ErrorCode::NoRoute, "no route leads to x@z").with_fix("Add one.");
        let Failure::Said(said) = failure else {
            panic!("one error")
        };
        assert_eq!(
            serde_json::to_string(&said.problem()).unwrap(),
            r#"{"type":"docs/errors.md#bw204","title":"no route","code":"BW204","detail":"no route leads to x@z","fix":"Add one.","exit":65}"#
        );
    }

    #[test]
    fn what_a_far_side_wrote_cannot_move_the_cursor() {
        assert_eq!(
            clean("two\r\nlines \u{1b}[2J\u{202e}x"),
            "two lines \u{fffd}[2J\u{fffd}x"
        );
        assert_eq!(
            clean_lines("two\r\nlines\t\u{1b}[2J\u{7}"),
            "two\nlines\t\u{fffd}[2J\u{fffd}"
        );
    }
}
