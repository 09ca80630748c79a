//! Puts what the demo printed into the README, so that the page shows what the program does.
//!
//! What differs from run to run (ports, ids, times) is rounded away, so that the block changes only
//! when the program does.

use std::path::Path;

use crate::failure::{Doing, Failure, Result};

const OPENING: &str = "<!-- demo -->";
const CLOSING: &str = "<!-- /demo -->";

/// Rewrites the block in the file.
pub(crate) fn write(readme: &Path, page: &[String]) -> Result<()> {
    let text = std::fs::read_to_string(readme).doing(format_args!("read {}", readme.display()))?;
    let text = with_block(&text, page).ok_or_else(|| {
        Failure::new(format!("{} has no place for the demo's output", readme.display()))
            .fix(format!("put the lines {OPENING} and {CLOSING} where it belongs"))
    })?;
    std::fs::write(readme, text).doing(format_args!("write {}", readme.display()))
}

fn with_block(text: &str, page: &[String]) -> Option<String> {
    let (before, rest) = text.split_once(OPENING)?;
    let (_, after) = rest.split_once(CLOSING)?;
    let lines: Vec<String> = page.iter().map(|line| steady(line)).collect();
    let page = lines.join("\n");
    Some(format!(
        "{before}{OPENING}\n```text\n{}\n```\n{CLOSING}{after}",
        page.trim_matches('\n')
    ))
}

/// The line without what differs from run to run.
fn steady(line: &str) -> String {
    let mut steady = Vec::new();
    let mut words = line.split(' ').peekable();
    while let Some(word) = words.next() {
        let unit = words.peek().map(|unit| unit.trim_end_matches(['.', ',', ':']));
        if word.parse::<f64>().is_ok() && matches!(unit, Some("ms" | "s")) {
            let unit = words.next().unwrap_or_default();
            steady.push(format!("…{}", unit.trim_start_matches(char::is_alphabetic)));
        } else {
            steady.push(steady_word(word));
        }
    }
    steady.join(" ")
}

fn steady_word(word: &str) -> String {
    if let Some((before, rest)) = word.split_once("127.0.0.1:") {
        let after = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        return format!("{before}127.0.0.1:…{after}");
    }
    let is_id = word.len() == 36 && word.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let is_time = word.len() >= 20 && word.ends_with('Z') && word.chars().nth(10) == Some('T');
    if is_id || is_time {
        word.chars().take(4).chain(['…']).collect()
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_block_is_rewritten() {
        let text = "# byway\n\n<!-- demo -->\nold\n<!-- /demo -->\n\nrest\n";
        let page = ["".to_owned(), "new".to_owned()];
        let expected = "# byway\n\n<!-- demo -->\n```text\nnew\n```\n<!-- /demo -->\n\nrest\n";
        assert_eq!(with_block(text, &page).unwrap(), expected);
        assert_eq!(with_block(expected, &page).unwrap(), expected);
    }

    #[test]
    fn a_readme_without_a_place_is_left_alone() {
        assert_eq!(with_block("# byway\n", &[]), None);
    }

    #[test]
    fn what_differs_from_run_to_run_is_rounded_away() {
        for (line, expected) in [
            ("took 3 ms here", "took … here"),
            ("in 2.4 s. Nothing", "in …. Nothing"),
            (
                "gateway     ✗ retryable     <10 ms",
                "gateway     ✗ retryable     <10 ms",
            ),
            (
                "POST http://127.0.0.1:40123/v1/inbound",
                "POST http://127.0.0.1:…/v1/inbound",
            ),
            ("id  019c1c2e-1b1e-7abc-8def-0123456789ab", "id  019c…"),
            ("time  2026-11-21T07:03:00.123Z", "time  2026…"),
            (
                "exits with 69, service unavailable",
                "exits with 69, service unavailable",
            ),
        ] {
            assert_eq!(steady(line), expected);
        }
    }
}
