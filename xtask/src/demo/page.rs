//! What the demo shows, and keeps, so that the README can have it too.
//!
//! Lines are made with colours; where colours are not wanted, and in what is kept, they are taken
//! out again. So alignment is done once. What is kept has magnitudes in place of measured times.

use std::time::Duration;

use crate::terminal::{Tone, colour_wanted, paint, say, time};

use super::answers::{Attempt, Received};
use super::settings::CHAIN;

/// How wide the last column may get, so that a page fits a terminal.
const WHY_MAX: usize = 76;

/// The page so far.
#[derive(Debug)]
pub(crate) struct Page {
    colour: bool,
    plain: Vec<String>,
}

impl Page {
    /// An empty page, shown as it grows.
    pub(crate) fn new() -> Self {
        Self {
            colour: colour_wanted(),
            plain: Vec::new(),
        }
    }

    /// The page as plain text, line by line.
    pub(crate) fn plain(&self) -> &[String] {
        &self.plain
    }

    /// One line.
    pub(crate) fn line(&mut self, line: &str) {
        self.show(line);
        self.plain.push(uncoloured(line));
    }

    fn show(&self, line: &str) {
        if self.colour {
            say(line)
        } else {
            say(uncoloured(line))
        }
    }

    /// A heading, with space before it.
    pub(crate) fn heading(&mut self, text: &str) {
        self.line("");
        self.line(&paint(text, Tone::Strong, true));
        self.line("");
    }

    /// The chain, before anything is sent.
    pub(crate) fn chain(&mut self) {
        let rows = CHAIN.map(|choice| {
            [
                choice.transport.to_owned(),
                choice.adapter.to_owned(),
                choice.what.to_owned(),
            ]
        });
        let widths = [width(&rows, 0), width(&rows, 1)];
        for (number, [transport, adapter, what]) in rows.iter().enumerate() {
            let [transport, adapter] = [padded(transport, widths[0]), padded(adapter, widths[1])];
            self.line(&format!(
                "   {}  {transport}  {}  {what}",
                number + 1,
                paint(&adapter, Tone::Faint, true)
            ));
        }
    }

    /// What was tried, in order.
    pub(crate) fn attempts(&mut self, attempts: &[Attempt]) {
        for line in attempt_lines(attempts, time) {
            self.show(&line);
        }
        let kept = attempt_lines(attempts, magnitude);
        self.plain.extend(kept.iter().map(|line| uncoloured(line)));
    }

    /// A message as it lies in the inbox.
    pub(crate) fn received(&mut self, received: &Received) {
        let Received {
            id,
            source,
            time,
            via,
            text,
            ..
        } = received;
        let mut rows = vec![("id", id.as_str()), ("source", source), ("time", time)];
        rows.extend(via.as_deref().map(|via| ("via", via)));
        rows.push(("text", text));
        for (name, value) in rows {
            self.line(&format!(
                "     {}  {value}",
                paint(&padded(name, 6), Tone::Faint, true)
            ));
        }
    }

    /// How it ended.
    pub(crate) fn verdict(&mut self, text: &str) {
        self.line("");
        self.line(&format!("{} {text}", paint("✓", Tone::Good, true)));
    }
}

fn attempt_lines(attempts: &[Attempt], time: fn(Duration) -> String) -> Vec<String> {
    let rows: Vec<[String; 4]> = attempts
        .iter()
        .map(|attempt| {
            let took = time(Duration::from_millis(attempt.took_ms));
            [
                attempt.transport.clone(),
                attempt.outcome.clone(),
                took,
                shortened(&why(attempt)),
            ]
        })
        .collect();
    let widths = [width(&rows, 0), width(&rows, 1), width(&rows, 2)];
    let line = |(number, [transport, outcome, took, why]): (usize, &[String; 4])| {
        let (mark, tone) = if outcome == "delivered" {
            ("✓", Tone::Good)
        } else {
            ("✗", Tone::Bad)
        };
        let ended = paint(&format!("{mark} {}", padded(outcome, widths[1])), tone, true);
        let took = format!("{took:>width$}", width = widths[2]);
        let line = format!(
            "   {}  {}  {ended}  {took}  {why}",
            number + 1,
            padded(transport, widths[0])
        );
        line.trim_end().to_owned()
    };
    rows.iter().enumerate().map(line).collect()
}

/// Why it ended as it did: the sentence that byway has for it, else the word.
fn why(attempt: &Attempt) -> String {
    match (&attempt.message, &attempt.code) {
        (Some(message), _) => message.clone(),
        (None, Some(status)) if attempt.outcome == "delivered" => format!("receipt: {status}"),
        (None, code) => code.clone().unwrap_or_default(),
    }
}

fn width<const COLUMNS: usize>(rows: &[[String; COLUMNS]], column: usize) -> usize {
    rows.iter()
        .filter_map(|row| row.get(column))
        .map(|cell| cell.chars().count())
        .max()
        .unwrap_or(0)
}

fn padded(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= WHY_MAX {
        return line.to_owned();
    }
    line.chars().take(WHY_MAX - 1).chain(['…']).collect()
}

/// A time without what differs from run to run.
fn magnitude(took: Duration) -> String {
    match took.as_millis() {
        0..10 => "<10 ms",
        10..100 => "<100 ms",
        100..1_000 => "<1 s",
        _ => "<10 s",
    }
    .to_owned()
}

/// The line without the colours that [`paint`] puts in.
fn uncoloured(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, code)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = code.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(transport: &str, outcome: &str, took_ms: u64, message: Option<&str>) -> Attempt {
        Attempt {
            transport: transport.to_owned(),
            outcome: outcome.to_owned(),
            code: None,
            message: message.map(str::to_owned),
            took_ms,
        }
    }

    #[test]
    fn the_columns_are_aligned() {
        let attempts = [
            attempt("gateway", "retryable", 3, Some("connection refused")),
            attempt("remote-cli", "unavailable", 1_200, None),
            Attempt {
                code: Some("accepted".to_owned()),
                ..attempt("peer", "delivered", 11, None)
            },
        ];
        let plain = |time| -> Vec<String> {
            attempt_lines(&attempts, time)
                .iter()
                .map(|line| uncoloured(line))
                .collect()
        };
        assert_eq!(
            plain(time),
            [
                "   1  gateway     ✗ retryable     3 ms  connection refused",
                "   2  remote-cli  ✗ unavailable  1.2 s",
                "   3  peer        ✓ delivered    11 ms  receipt: accepted",
            ]
        );
        assert_eq!(plain(magnitude)[1], "   2  remote-cli  ✗ unavailable    <10 s");
        assert_eq!(
            plain(magnitude)[2],
            "   3  peer        ✓ delivered    <100 ms  receipt: accepted"
        );
    }

    #[test]
    fn colours_are_all_that_is_taken_out() {
        let painted = format!(
            "a {} b {}",
            paint("✓ c", Tone::Good, true),
            paint("d", Tone::Faint, true)
        );
        assert_eq!(uncoloured(&painted), "a ✓ c b d");
        assert_eq!(uncoloured("plain"), "plain");
    }

    #[test]
    fn a_long_reason_is_cut_to_one_line() {
        let cut = shortened(&"é".repeat(200));
        assert_eq!(cut.chars().count(), WHY_MAX);
        assert_eq!(shortened("one\ntwo"), "one");
    }
}
