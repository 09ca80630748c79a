//! Takes secrets out of what comes back.
//!
//! Far sides echo what they are sent: in error pages, in headers, in a command's complaint. Whatever
//! comes back to a guest, to the log or to the journal passes through here. A secret is looked
//! for as it is and in the forms that protocols give it (base64, percent-encoded, escaped in
//! JSON). Not found: a value shorter than four bytes, and a form that nobody thought of.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// A shorter value would be found everywhere.
const PATTERN_BYTES_MIN: usize = 4;
/// Everything but the characters that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What to look for.
#[derive(Debug, Default)]
pub(super) struct Scrubber {
    /// Longest first, so that of two that begin alike the longer is found.
    patterns: Vec<Zeroizing<Vec<u8>>>,
    /// Whether any pattern begins with this byte.
    first: Vec<bool>,
}

impl Scrubber {
    pub(super) fn new<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut patterns: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        for value in values.filter(|value| value.len() >= PATTERN_BYTES_MIN) {
            for form in forms(value) {
                if !patterns.contains(&form) {
                    patterns.push(form);
                }
            }
        }
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.len()));
        let mut first = vec![false; if patterns.is_empty() { 0 } else { 256 }];
        for pattern in &patterns {
            if let Some(mark) = pattern.first().and_then(|byte| first.get_mut(usize::from(*byte))) {
                *mark = true;
            }
        }
        Self { patterns, first }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The text with every secret replaced by `[secret]`.
    pub(super) fn text(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut clean = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((byte, after)) = rest.split_first() {
            if let Some(length) = self.found(rest) {
                clean.extend_from_slice(b"[secret]");
                rest = rest.get(length..).unwrap_or_default();
            } else {
                clean.push(*byte);
                rest = after;
            }
        }
        String::from_utf8_lossy(&clean).into_owned()
    }

    /// The bytes with every secret covered by asterisks, as long as before.
    pub(super) fn bytes(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let mut at = 0;
        while at < bytes.len() {
            let length = bytes.get(at..).and_then(|rest| self.found(rest)).unwrap_or(0);
            if length == 0 {
                at += 1;
                continue;
            }
            if let Some(secret) = bytes.get_mut(at..at + length) {
                secret.fill(b'*');
            }
            at += length;
        }
        bytes
    }

    /// The same for bytes that were cut off behind: what could be the beginning of a secret goes, too, so that
    /// nobody reads a secret up to its last letters by choosing where the cut falls.
    pub(super) fn cut_off(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut bytes = self.bytes(bytes);
        bytes.truncate(self.open_end(&bytes));
        bytes
    }

    /// How long the secret is with which these bytes begin.
    fn found(&self, bytes: &[u8]) -> Option<usize> {
        let byte = *bytes.first()?;
        if !self.first.get(usize::from(byte)).is_some_and(|mark| *mark) {
            return None;
        }
        self.patterns
            .iter()
            .find(|pattern| bytes.starts_with(pattern))
            .map(|pattern| pattern.len())
    }

    /// Whether these bytes begin a secret and are half of it or more.
    fn is_half_of_one(&self, bytes: &[u8]) -> bool {
        bytes.len() >= PATTERN_BYTES_MIN
            && self
                .patterns
                .iter()
                .any(|pattern| pattern.starts_with(bytes) && bytes.len() >= pattern.len() / 2)
    }

    /// From where on these bytes could be the beginning of a secret that goes on in the next chunk.
    fn open_end(&self, bytes: &[u8]) -> usize {
        let longest = self.patterns.first().map_or(0, |pattern| pattern.len());
        let from = bytes.len().saturating_sub(longest.saturating_sub(1));
        (from..bytes.len())
            .find(|at| {
                let tail = bytes.get(*at..).unwrap_or_default();
                self.patterns.iter().any(|pattern| pattern.starts_with(tail))
            })
            .unwrap_or(bytes.len())
    }
}

/// Scrubs a body that comes in chunks; a secret cut in two by a boundary is found as well.
#[derive(Debug, Default)]
pub(super) struct StreamScrubber {
    held: Vec<u8>,
}

impl StreamScrubber {
    /// What of the body so far can be given on.
    pub(super) fn push(&mut self, scrubber: &Scrubber, chunk: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(chunk);
        let mut ready = scrubber.bytes(std::mem::take(&mut self.held));
        self.held = ready.split_off(scrubber.open_end(&ready));
        ready
    }

    /// What was held back at the end.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

/// Scrubs messages that come one by one and cannot be held back. Of a secret that is cut over several, whatever comes after
/// half of it is covered: where the half is reached, and in the messages that follow.
#[derive(Debug, Default)]
pub(super) struct MessageScrubber {
    /// The end of what came so far, as far as it could be the beginning of a secret.
    tail: Zeroizing<Vec<u8>>,
}

impl MessageScrubber {
    /// The next message, where it is text.
    pub(super) fn text(&mut self, scrubber: &Scrubber, text: &str) -> String {
        let (head, end) = self.edges(scrubber, text.as_bytes());
        if (head, end) == (0, text.len()) {
            return scrubber.text(text);
        }
        let middle = text.as_bytes().get(head..end).unwrap_or_default();
        let mut clean = String::new();
        if head > 0 {
            clean.push_str("[secret]");
        }
        clean.push_str(&scrubber.text(&String::from_utf8_lossy(middle)));
        if end < text.len() {
            clean.push_str("[secret]");
        }
        clean
    }

    /// The next message, where it is bytes; as long as before.
    pub(super) fn bytes(&mut self, scrubber: &Scrubber, bytes: Vec<u8>) -> Vec<u8> {
        let (head, end) = self.edges(scrubber, &bytes);
        let mut bytes = scrubber.bytes(bytes);
        let end = end.min(bytes.len());
        let (before, after) = bytes.split_at_mut(end);
        after.fill(b'*');
        before.iter_mut().take(head).for_each(|byte| *byte = b'*');
        bytes
    }

    /// Up to where a message is the end of a secret that began before it, and from where on it is too much of one that
    /// goes on behind it.
    fn edges(&mut self, scrubber: &Scrubber, message: &[u8]) -> (usize, usize) {
        if scrubber.is_empty() {
            return (0, message.len());
        }
        let before = self.tail.len();
        let mut joined = std::mem::take(&mut self.tail);
        joined.extend_from_slice(message);
        let from = |at: usize| joined.get(at..).unwrap_or_default();
        let head = (0..before)
            .filter_map(|at| Some(at + scrubber.found(from(at))?))
            .max()
            .unwrap_or(0);
        let open = scrubber.open_end(&joined);
        let end = (open..joined.len())
            .find(|at| scrubber.is_half_of_one(from(*at)))
            .unwrap_or(joined.len());
        let head = head.saturating_sub(before);
        let end = end.saturating_sub(before).max(head);
        self.tail = Zeroizing::new(from(open).to_vec());
        (head, end)
    }
}

/// The forms in which a secret may come back.
fn forms(value: &str) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
    let escaped = serde_json::to_string(value).unwrap_or_default();
    let escaped = escaped.trim_matches('"').to_owned();
    [
        value.to_owned(),
        STANDARD.encode(value),
        STANDARD_NO_PAD.encode(value),
        URL_SAFE.encode(value),
        URL_SAFE_NO_PAD.encode(value),
        utf8_percent_encode(value, RESERVED).to_string(),
        utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
        escaped,
    ]
    .into_iter()
    .map(|form| Zeroizing::new(form.into_bytes()))
    .filter(|form| form.len() >= PATTERN_BYTES_MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scrubber(values: &[&str]) -> Scrubber {
        Scrubber::new(values.iter().copied())
    }

    #[test]
    fn finds_a_secret_in_each_of_its_forms() {
        let secret = "p@ss/w\"rd é";
        let scrubber = scrubber(&[secret]);
        for form in forms(secret) {
            let text = format!("before {} after", String::from_utf8(form.to_vec()).unwrap());
            assert_eq!(scrubber.text(&text), "before [secret] after", "{text}");
        }
    }

    #[test]
    fn leaves_other_text_alone() {
        let scrubber = scrubber(&["s3cret-token"]);
        assert_eq!(scrubber.text("s3cret-toke and é"), "s3cret-toke and é");
        assert_eq!(scrubber.bytes(vec![0, 255, b's']), vec![0, 255, b's']);
    }

    #[test]
    fn covers_bytes_without_changing_their_number() {
        let scrubber = scrubber(&["s3cret"]);
        assert_eq!(
            scrubber.bytes(b"a s3cret b s3cret".to_vec()),
            b"a ****** b ******".to_vec()
        );
    }

    #[test]
    fn a_secret_that_a_limit_cut_in_two_is_not_shown_in_part() {
        let scrubber = scrubber(&["s3cret"]);
        assert_eq!(
            scrubber.cut_off(b"a s3cret b s3cre".to_vec()),
            b"a ****** b ".to_vec()
        );
        assert_eq!(
            scrubber.cut_off(b"nothing of it".to_vec()),
            b"nothing of it".to_vec()
        );
    }

    #[test]
    fn of_two_that_begin_alike_finds_the_longer() {
        let scrubber = scrubber(&["token", "token-long"]);
        assert_eq!(scrubber.text("token-long token"), "[secret] [secret]");
    }

    #[test]
    fn does_not_look_for_what_is_too_short_to_be_a_secret() {
        assert!(scrubber(&["abc"]).text("abc").contains("abc"));
    }

    proptest! {
        #[test]
        fn finds_a_secret_wherever_a_body_is_cut(
            before in "[a-s ]{0,20}", after in "[a-s ]{0,20}", cuts in prop::collection::vec(1_usize..7, 1..30)
        ) {
            let scrubber = scrubber(&["s3cret-value"]);
            let body = format!("{before}s3cret-value{after}");
            let mut stream = StreamScrubber::default();
            let mut rest = body.as_bytes();
            let mut out = Vec::new();
            for cut in cuts {
                let (chunk, later) = rest.split_at(cut.min(rest.len()));
                out.extend(stream.push(&scrubber, chunk));
                rest = later;
            }
            out.extend(stream.push(&scrubber, rest));
            out.extend(stream.finish());
            let expected = format!("{before}************{after}");
            prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    fn heard(secret: &str, pieces: &[&str]) -> Vec<String> {
        let scrubber = Scrubber::new([secret].into_iter());
        let mut messages = MessageScrubber::default();
        pieces
            .iter()
            .map(|piece| messages.text(&scrubber, piece))
            .collect()
    }

    #[test]
    fn a_secret_cut_over_messages_is_never_heard_whole() {
        const SECRET: &str = "s3cret-value";
        for cut in 1..SECRET.len() {
            let (one, two) = SECRET.split_at(cut);
            let (before, after) = (format!("a {one}"), format!("{two} b"));
            let heard = heard(SECRET, &[&before, &after, "and on"]);
            let (first, second) = match cut * 2 < SECRET.len() {
                true => (before, "[secret] b"),
                false => ("a [secret]".to_owned(), "[secret] b"),
            };
            assert_eq!(heard, [first.as_str(), second, "and on"], "{cut}");
        }
        let letters: Vec<String> = SECRET.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        let heard = heard(SECRET, &letters).concat();
        assert!(
            heard.starts_with("s3cre[secret]") && heard.ends_with("[secret]"),
            "{heard}"
        );
    }

    #[test]
    fn messages_that_only_begin_like_a_secret_are_heard() {
        for pieces in [["it is s3c", "ond"], ["s3cre", "m"], ["", ""], ["s", "s3cr"]] {
            assert_eq!(heard("s3cret-value", &pieces), pieces);
        }
        assert_eq!(heard("", &["a", "b"]), ["a", "b"]);
    }

    #[test]
    fn messages_of_bytes_keep_their_length() {
        let scrubber = Scrubber::new(["s3cret-value"].into_iter());
        let mut messages = MessageScrubber::default();
        assert_eq!(messages.bytes(&scrubber, b"a s3c".to_vec()), b"a s3c");
        assert_eq!(messages.bytes(&scrubber, b"ret-value b".to_vec()), b"********* b");
        assert_eq!(
            messages.bytes(&scrubber, b"s3cret-value".to_vec()),
            b"************"
        );
    }
}
