//! What a task says: to a person at a terminal with colour, to a file or a pipe without.
//!
//! All of it goes to standard output, line by line, so that it stays in order with what the
//! programs underneath say. An output that is gone (a closed pipe) stops nothing.

use std::io::{IsTerminal, Write};
use std::time::Duration;

/// How a piece of text is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// A heading.
    Strong,
    /// Of less matter.
    Faint,
}

/// Whether colours are wanted: at a terminal, unless `NO_COLOR` says otherwise.
pub(crate) fn colour_wanted() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The text in its tone.
pub(crate) fn paint(text: &str, tone: Tone, colour: bool) -> String {
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Strong => "1",
        Tone::Faint => "2",
    };
    if colour {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Prints one line.
pub(crate) fn say(line: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    // Nobody is left to be told when this fails.
    let _ = writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush());
}

/// Prints a failure to standard error.
pub(crate) fn complain(line: impl AsRef<str>) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{}", line.as_ref());
}

/// A time for people: `7 ms`, `12.3 s`, `4 min 05 s`.
pub(crate) fn time(took: Duration) -> String {
    let ms = took.as_millis();
    let tenths = took.as_millis() / 100;
    match ms {
        0 => "<1 ms".to_owned(),
        1..1_000 => format!("{ms} ms"),
        1_000..100_000 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ => format!("{} min {:02} s", took.as_secs() / 60, took.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_unit_that_fits_it() {
        for (ms, text) in [
            (0, "<1 ms"),
            (7, "7 ms"),
            (12_345, "12.3 s"),
            (245_000, "4 min 05 s"),
            (99_999, "99.9 s"),
        ] {
            assert_eq!(time(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn nothing_is_coloured_where_colour_is_not_wanted() {
        assert_eq!(paint("✓", Tone::Good, false), "✓");
        assert_eq!(paint("✓", Tone::Good, true), "\u{1b}[32m✓\u{1b}[0m");
    }
}
