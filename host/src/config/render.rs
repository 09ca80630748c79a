//! Problems as a person reads them: what is wrong, where, the line with a caret, what to do.
//!
//! Plain text without colour, so that it reads the same in a terminal, a log and a test.

use std::fmt::Write as _;

use super::model::Place;
use super::problem::Problem;
use super::source::SourceText;
use crate::error_code::ErrorCode;

/// More than this many at once help nobody; the rest is counted.
const SHOWN_MAX: usize = 50;

/// All of them, then one line that says how many there are.
pub(super) fn problems(source: &SourceText, problems: &[Problem]) -> String {
    let mut out = String::new();
    for problem in problems.iter().take(SHOWN_MAX) {
        out.push_str(&one(source, problem));
        out.push('\n');
    }
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    };
    let cut = match problems.len().checked_sub(SHOWN_MAX) {
        Some(left @ 1..) => format!(" ({left} not shown)"),
        _ => String::new(),
    };
    // Writing to a String cannot fail, so the result says nothing.
    let _ = write!(
        out,
        "{count} in {}{cut}; nothing was changed",
        source.path().display()
    );
    out
}

fn one(source: &SourceText, problem: &Problem) -> String {
    let place = &problem.place;
    let line = shown_line(source, problem);
    let number = place.line.to_string();
    let margin = " ".repeat(if line.is_some() { number.len() } else { 1 });
    let mut out = format!("error[{}]: {}\n", problem.code, problem.message);
    match &line {
        Some(line) => {
            let (indent, caret) = caret(line, place.column);
            let _ = write!(
                out,
                "{margin}--> {place}\n{margin} |\n{number} | {line}\n{margin} | {indent}{caret}\n"
            );
        }
        None => {
            let _ = writeln!(out, "{margin}--> {}", whole_file_or(place, problem));
        }
    }
    if let Some(nearest) = &problem.nearest {
        let _ = writeln!(out, "{margin} = help: did you mean `{nearest}`?");
    }
    if let Some(fix) = &problem.fix {
        let _ = writeln!(out, "{margin} = help: {fix}");
    }
    out
}

/// A problem of the file as a whole has no line to point at.
fn is_of_the_file(problem: &Problem) -> bool {
    let missing_table = problem.code == ErrorCode::MissingKey && !problem.key.contains('.');
    problem.code == ErrorCode::ConfigMissing || (missing_table && !problem.key.contains('['))
}

fn whole_file_or(place: &Place, problem: &Problem) -> String {
    if is_of_the_file(problem) {
        place.file.display().to_string()
    } else {
        place.to_string()
    }
}

fn shown_line(source: &SourceText, problem: &Problem) -> Option<String> {
    if is_of_the_file(problem) || problem.place.file != source.path() {
        return None;
    }
    source.line(problem.place.line)
}

/// What stands before the caret, and the carets.
fn caret(line: &str, column: usize) -> (String, String) {
    let before: String = line.chars().take(column.saturating_sub(1)).collect();
    let rest = line.get(before.len()..).unwrap_or_default();
    // A tab stays one, so that the caret stands right however wide the terminal shows it.
    let indent = before
        .chars()
        .flat_map(|c| match c {
            '\t' => vec!['\t'],
            c => vec![' '; cells(c)],
        })
        .collect();
    let wide: usize = token(rest).chars().map(cells).sum();
    (indent, "^".repeat(wide.max(1)))
}

/// How many cells of a terminal a character takes: two in the scripts of East Asia.
fn cells(c: char) -> usize {
    let wide = matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    if wide { 2 } else { 1 }
}

/// The key or value that `rest` begins with, as far as it stands on this line.
fn token(rest: &str) -> &str {
    let end = match rest.chars().next() {
        Some('"' | '\'') => quoted_end(rest),
        Some('[' | '{') => bracket_end(rest),
        _ => rest.find(|c: char| c.is_whitespace() || "=,]}#".contains(c)),
    };
    end.and_then(|end| rest.get(..end)).unwrap_or(rest)
}

/// Where the text in quotes that `rest` begins with ends.
fn quoted_end(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices();
    let (_, quote) = chars.next()?;
    let mut escaped = false;
    for (at, c) in chars {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote == '"' {
            escaped = true;
        } else if c == quote {
            return Some(at + 1);
        }
    }
    None
}

/// Where the array, table or table header that `rest` begins with ends.
fn bracket_end(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = rest.get(at..)?.chars().next() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            '"' | '\'' => {
                at += quoted_end(rest.get(at..)?)?;
                continue;
            }
            _ => {}
        }
        at += c.len_utf8();
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_as_long_as_what_it_points_at() {
        for (rest, wanted) in [
            ("chian = 1", "chian"),
            ("\"a \\\" b\" # c", "\"a \\\" b\""),
            ("'a\\' # c", "'a\\'"),
            ("[[routes]] # c", "[[routes]]"),
            ("{ a = \"}\", b = [1] }, 2", "{ a = \"}\", b = [1] }"),
            ("[1, 2", "[1, 2"),
            ("17]", "17"),
            ("", ""),
        ] {
            assert_eq!(token(rest), wanted, "{rest}");
        }
    }

    #[test]
    fn the_caret_stands_under_wide_characters_too() {
        let (indent, caret) = caret("\t名 = \"消息\"", 6);
        assert_eq!((indent.as_str(), caret.as_str()), ("\t     ", "^^^^^^"));
    }
}
