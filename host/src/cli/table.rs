//! Aligned columns.
//!
//! Widths are counted before colours are added, and the last column is never padded, so that a long
//! sentence wraps as the terminal likes.

use owo_colors::{OwoColorize as _, Style};

use super::terminal::clean;

/// One cell.
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell with a text from wherever, cleaned.
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: clean(text),
            style: Style::new(),
        }
    }

    pub(super) fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }
}

/// A table.
pub(super) struct Table {
    head: &'static [&'static str],
    rows: Vec<(Vec<Cell>, Option<String>)>,
}

impl Table {
    pub(super) fn new(head: &'static [&'static str]) -> Self {
        Self {
            head,
            rows: Vec::new(),
        }
    }

    /// Adds a row, with a remark on a line beneath it.
    pub(super) fn row(&mut self, cells: Vec<Cell>, remark: Option<String>) {
        self.rows.push((cells, remark));
    }

    /// The table as lines, each ended; empty where it has no rows.
    pub(super) fn render(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let widths: Vec<usize> = self
            .head
            .iter()
            .enumerate()
            .map(|(at, head)| self.width(at, head))
            .collect();
        let heads: Vec<Cell> = self
            .head
            .iter()
            .map(|head| Cell::new(head).styled(Style::new().dimmed()))
            .collect();
        let mut page = line(&heads, &widths);
        for (cells, remark) in &self.rows {
            page.push_str(&line(cells, &widths));
            if let Some(remark) = remark {
                let indent = widths.first().map_or(0, |width| width + 2);
                page.push_str(&format!("{:indent$}{} {}\n", "", "help:".cyan(), clean(remark)));
            }
        }
        page
    }

    fn width(&self, at: usize, head: &str) -> usize {
        let cells = self
            .rows
            .iter()
            .filter_map(|(cells, _)| cells.get(at))
            .map(|cell| cell.text.chars().count());
        cells.chain([head.chars().count()]).max().unwrap_or(0)
    }
}

fn line(cells: &[Cell], widths: &[usize]) -> String {
    let last = cells.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).take(last + 1).enumerate() {
        line.push_str(&cell.text.style(cell.style).to_string());
        if at < last {
            let gap = width.saturating_sub(cell.text.chars().count()) + 2;
            line.push_str(&" ".repeat(gap));
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_whatever_the_colours() {
        let mut table = Table::new(&["id", "status", "why"]);
        table.row(
            vec![
                Cell::new("1"),
                Cell::new("delivered").styled(Style::new().green()),
                Cell::new(""),
            ],
            None,
        );
        table.row(
            vec![Cell::new("200"), Cell::new("dead"), Cell::new("no\nroute")],
            Some("Add one.".into()),
        );
        assert_eq!(
            anstream::adapter::strip_str(&table.render()).to_string(),
            "id   status     why\n1    delivered\n200  dead       no route\n     help: Add one.\n"
        );
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        assert_eq!(Table::new(&["id"]).render(), "");
    }
}
