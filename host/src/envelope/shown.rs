//! How a foreign value stands in an error: short, and without characters that move a terminal's cursor.
//!
//! Errors are logged, journalled and answered to callers, so what a stranger wrote must not be able to
//! fill a log or forge a line in it.

/// The most characters of a value that are shown.
const CHARS_MAX: usize = 80;

/// The value, cut and with its control characters escaped.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == CHARS_MAX {
            out.push('…');
            break;
        }
        if c.is_control() || is_direction_mark(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that are no control characters, but reorder or hide what stands around them.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_ordinary_text_alone() {
        assert_eq!(shown("größe 大 x"), "größe 大 x");
    }

    #[test]
    fn cannot_forge_a_line() {
        assert_eq!(shown("a\nb\u{1b}[2J\u{202e}"), r"a\u{a}b\u{1b}[2J\u{202e}");
    }

    #[test]
    fn is_short() {
        assert_eq!(shown(&"x".repeat(1 << 20)).chars().count(), CHARS_MAX + 1);
    }
}
