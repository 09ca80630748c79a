//! The table: what was provoked, what the pages say happens, and what happened.

use crate::failure::{Failure, Result};
use crate::terminal::{Tone, colour_wanted, paint, say};

/// The rows so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: usize,
    wrong: Vec<String>,
}

impl Table {
    /// Begins the part of a transport.
    pub(crate) fn part(&self, name: &str) {
        say("");
        say(paint(name, Tone::Strong, colour_wanted()));
    }

    /// Adds a row, and shows it at once: the whole takes minutes.
    pub(crate) fn row(&mut self, provoked: &str, expected: &str, seen: &str) {
        self.rows += 1;
        let is_right = expected == seen;
        let (mark, tone) = if is_right {
            ("✓", Tone::Good)
        } else {
            ("✗", Tone::Bad)
        };
        say(format!(" {} {provoked}", paint(mark, tone, colour_wanted())));
        say(format!("     expected  {expected}"));
        say(format!("     seen      {seen}"));
        if !is_right {
            self.wrong.push(provoked.to_owned());
        }
    }

    /// Whether everything was as expected.
    pub(crate) fn verdict(&self) -> Result<()> {
        say("");
        say(format!(
            "    {} of {} rows as expected",
            self.rows - self.wrong.len(),
            self.rows
        ));
        match self.wrong.as_slice() {
            [] if self.rows > 0 => Ok(()),
            [] => Err(Failure::new("nothing was tried")),
            wrong => Err(Failure::new(format!("not as expected: {}", wrong.join("; ")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_row_is_a_failure_and_so_is_none_at_all() {
        let mut table = Table::default();
        assert!(table.verdict().is_err());
        table.row("a", "x", "x");
        assert!(table.verdict().is_ok());
        table.row("b", "x", "y");
        assert!(
            table
                .verdict()
                .unwrap_err()
                .to_string()
                .contains("as expected: b")
        );
    }
}
