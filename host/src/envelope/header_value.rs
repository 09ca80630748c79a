//! How an attribute's value stands in an HTTP header: section 3.1.3.2 of the CloudEvents HTTP binding.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::media_type::quoted_string;

/// What is encoded besides everything that is not ASCII: blank, double quote, percent, and controls.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The value with whatever a header cannot carry percent-encoded as UTF-8.
pub(super) fn encode(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}

/// The value behind a header: quotes undone, then one round of percent-decoding. The error is what is
/// wrong with the header, as a phrase.
pub(super) fn decode(header: &str) -> Result<String, &'static str> {
    let header = header.trim_matches([' ', '\t']);
    let plain = match header.strip_prefix('"') {
        Some(quoted) => match quoted_string(quoted) {
            Some((value, "")) => Cow::Owned(value),
            _ => return Err("has a quoted text that does not end"),
        },
        None => Cow::Borrowed(header),
    };
    let escaped = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !plain.split('%').skip(1).all(escaped) {
        return Err("has a `%` that is not followed by two hexadecimal digits");
    }
    let decoded = percent_decode_str(&plain).decode_utf8();
    decoded
        .map(Cow::into_owned)
        .map_err(|_| "does not decode to UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_binding() {
        let encoded = "Euro%20%E2%82%AC%20%F0%9F%98%80";
        assert_eq!(encode("Euro € 😀"), encoded);
        assert_eq!(decode(encoded).unwrap(), "Euro € 😀");
    }

    #[test]
    fn only_printable_ascii_leaves() {
        let value = "a\u{7f}\r\n\t\u{0}~!\"%é";
        assert_eq!(encode(value), "a%7F%0D%0A%09%00~!%22%25%C3%A9");
        assert_eq!(decode(&encode(value)).unwrap(), value);
    }

    #[test]
    fn decodes_what_older_senders_write() {
        for (header, value) in [
            ("\"a b\"", "a b"),
            ("\"a \\\"b\\\\\"", "a \"b\\"),
            ("\"%41\"", "A"),
            ("%e2%82%ac", "€"),
            ("%61bc", "abc"),
            ("%2541", "%41"),
            (" a ", "a"),
            ("a\"b", "a\"b"),
            ("", ""),
        ] {
            assert_eq!(decode(header).unwrap(), value, "{header}");
        }
    }

    #[test]
    fn refuses_what_has_no_meaning() {
        for header in [
            "%C0%A0", "%ff", "%", "%4", "%zz", "50% off", "\"a", "\"a\"b", "%é1",
        ] {
            assert!(decode(header).is_err(), "{header}");
        }
    }
}
