//! Texts that come from a guest, made fit for a log, a journal and a terminal.
//!
//! A guest can put anything into a text: terminal escapes, line breaks that fake other lines, a
//! megabyte. What byway keeps is cut, escaped and free of secrets.

use super::limits::TEXT_BYTES_MAX;
use super::secrets::SecretBook;

/// A text as it may be kept: scrubbed, at most 4 KiB, without control characters but line breaks.
pub(super) fn kept(text: &str, secrets: &SecretBook) -> String {
    clean(text, secrets, false)
}

/// A text as one line of a log.
pub(super) fn line(text: &str, secrets: &SecretBook) -> String {
    clean(text, secrets, true)
}

fn clean(text: &str, secrets: &SecretBook, one_line: bool) -> String {
    // Cut twice: the first cut bounds the work, the second the result, which escaping makes longer.
    let escaped = escape(&secrets.for_people(cut(text, TEXT_BYTES_MAX * 4)), one_line);
    cut(&escaped, TEXT_BYTES_MAX).to_owned()
}

/// A failure's code: `[a-z0-9-]{1,64}`, whatever the guest said.
pub(super) fn code(text: &str) -> String {
    let mut code = String::new();
    for character in text.chars() {
        let character = character.to_ascii_lowercase();
        if character.is_ascii_lowercase() || character.is_ascii_digit() {
            code.push(character);
        } else if !code.is_empty() && !code.ends_with('-') {
            code.push('-');
        }
        if code.len() >= 64 {
            break;
        }
    }
    let code = code.trim_end_matches('-');
    if code.is_empty() {
        "failed".into()
    } else {
        code.into()
    }
}

fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn escape(text: &str, one_line: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmless(character) || (!one_line && character == '\n') {
            escaped.push(character);
        } else {
            escaped.extend(character.escape_unicode());
        }
    }
    escaped
}

/// Neither a control character nor one that turns the direction of what follows.
fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> SecretBook {
        SecretBook::default()
    }

    #[test]
    fn a_line_stays_one_line_and_moves_no_cursor() {
        assert_eq!(line("a\nb\u{1b}[31m", &none()), "a\\u{a}b\\u{1b}[31m");
        assert_eq!(line("a\u{202e}b", &none()), "a\\u{202e}b");
    }

    #[test]
    fn a_text_keeps_its_lines_and_its_letters() {
        assert_eq!(kept("é\n漢字 😀", &none()), "é\n漢字 😀");
    }

    #[test]
    fn cuts_between_letters() {
        let text = "é".repeat(TEXT_BYTES_MAX);
        let kept = kept(&text, &none());
        assert!(kept.len() <= TEXT_BYTES_MAX && kept.chars().all(|it| it == 'é'));
    }

    #[test]
    fn what_is_escaped_counts_as_it_is_written() {
        assert!(line(&"\u{1b}".repeat(TEXT_BYTES_MAX), &none()).len() <= TEXT_BYTES_MAX);
    }

    #[test]
    fn a_code_is_a_word_for_programs() {
        for (given, expected) in [
            ("http-503", "http-503"),
            ("HTTP 503!", "http-503"),
            ("--", "failed"),
            ("", "failed"),
            ("é", "failed"),
            ("a\u{1b}[31mb", "a-31mb"),
        ] {
            assert_eq!(code(given), expected, "{given:?}");
        }
        assert!(code(&"x".repeat(200)).len() <= 64);
    }
}
