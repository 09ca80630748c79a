//! URI references, as far as RFC 3986 lets one tell them from other text by their characters.

/// Whether the text is a URI reference: a URI, or a relative one such as `/orders` or `#part`.
pub(super) fn is_uri_reference(text: &str) -> bool {
    let first_segment = text.split(['/', '?', '#']).next().unwrap_or_default();
    has_uri_characters(text) && (!first_segment.contains(':') || has_scheme(text))
}

/// Whether the text is a URI with a scheme. A fragment is allowed: schemas are pointed into with one.
pub(super) fn is_absolute_uri(text: &str) -> bool {
    has_uri_characters(text) && has_scheme(text)
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.bytes().next().is_some_and(|c| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
    })
}

/// Section 2 of the RFC: unreserved, reserved, and `%` only before two hexadecimal digits. A second
/// `#` has no place in the grammar.
fn has_uri_characters(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&c);
    let escaped = |rest: &str| {
        rest.get(..2)
            .is_some_and(|hex| hex.bytes().all(|c| c.is_ascii_hexdigit()))
    };
    text.bytes().all(allowed)
        && text.split('%').skip(1).all(escaped)
        && text.bytes().filter(|c| *c == b'#').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_the_rfc_calls_a_reference() {
        for text in [
            "#fragment",
            "/ctx",
            "a/b:c",
            "?q=1",
            "byway://pi-nxp/planner",
            "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
            "mailto:cncf-wg-serverless@lists.cncf.io",
            "https://[2001:db8::7]/c=GB?a%20b#x",
        ] {
            assert!(is_uri_reference(text), "{text}");
        }
    }

    #[test]
    fn refuses_what_it_does_not() {
        for text in [
            "a b", "1a:b", ":x", "a%2", "a%zz", "ä", "a\"b", "<a>", "a#b#c", "a\nb",
        ] {
            assert!(!is_uri_reference(text), "{text}");
        }
    }

    #[test]
    fn a_relative_reference_is_not_absolute() {
        assert!(is_absolute_uri("https://example.org/schema.json#/defs/a"));
        assert!(!is_absolute_uri("/schema.json"));
    }
}
