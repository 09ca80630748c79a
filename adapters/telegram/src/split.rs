//! A text in parts, each of which Telegram takes.
//!
//! Telegram counts UTF-16 code units, and cuts nothing itself: it refuses. The parts put together are the
//! text, to the byte; none is larger than the room there is. A part ends at a paragraph, else at a line,
//! else at a word, if one of these lies in the second half of the room; else between two characters that a
//! reader sees as two, where such a place is near.

/// The most that one message may have, in UTF-16 code units.
pub(crate) const UNITS_MAX: usize = 4096;

/// How far back a place between two characters is looked for: longer clusters are nobody's words.
const LOOK_BACK: usize = 64;

const JOINER: char = '\u{200d}';

/// What Telegram counts.
pub(crate) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The parts of a text, each of at most `room` units. An empty text is one empty part.
pub(crate) fn split(text: &str, room: usize) -> Vec<&str> {
    // A character has up to two units; with less room nothing would ever get out.
    let room = room.max(2);
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_at(cut(rest, room));
        parts.push(part);
        if after.is_empty() {
            return parts;
        }
        rest = after;
    }
}

/// Where the first part ends.
fn cut(text: &str, room: usize) -> usize {
    let end = within(text, room);
    let (window, after) = text.split_at(end);
    if after.is_empty() {
        return end;
    }
    let half = within(text, room / 2);
    let after_last = |border: &str| Some(window.rfind(border)? + border.len());
    let ends_in_word_border = after.starts_with(char::is_whitespace).then_some(end);
    let after_last_blank = || {
        let (at, blank) = window.char_indices().rfind(|(_, c)| c.is_whitespace())?;
        Some(at + blank.len_utf8())
    };
    after_last("\n\n")
        .filter(|at| *at > half)
        .or_else(|| after_last("\n").filter(|at| *at > half))
        .or(ends_in_word_border)
        .or_else(|| after_last_blank().filter(|at| *at > half))
        .unwrap_or_else(|| between_characters(window, after))
}

/// The most bytes from the beginning that have no more than so many units, up to a whole character.
fn within(text: &str, units_max: usize) -> usize {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > units_max {
            return at;
        }
    }
    text.len()
}

/// The last place in the window where what follows does not belong to the character before it.
fn between_characters(window: &str, after: &str) -> usize {
    let mut following = after.chars().next();
    for (at, c) in window.char_indices().rev().take(LOOK_BACK) {
        if following.is_none_or(|following| !belong_together(c, following)) {
            return at + c.len_utf8();
        }
        following = Some(c);
    }
    window.len()
}

/// Whether a reader sees the two as one, as far as that is told without tables: combining marks, variation
/// selectors, skin tones and joined pictures.
fn belong_together(first: char, second: char) -> bool {
    let extends = matches!(
        second,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}'
    );
    extends || first == JOINER || second == JOINER
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_fits_is_one_part() {
        assert_eq!(split("", 10), [""]);
        assert_eq!(split("0123456789", 10), ["0123456789"]);
    }

    #[test]
    fn counts_as_telegram_does() {
        assert_eq!(units("a😀é"), 4);
        assert_eq!(split("😀😀😀", 4), ["😀😀", "😀"]);
        assert_eq!(split("a😀😀", 4), ["a😀", "😀"]);
    }

    #[test]
    fn prefers_a_paragraph_to_a_line_and_a_line_to_a_word() {
        assert_eq!(
            split("one two\n\nthree\nfour five", 16),
            ["one two\n\n", "three\nfour five"]
        );
        assert_eq!(
            split("one two three\nfour five", 16),
            ["one two three\n", "four five"]
        );
        assert_eq!(split("one two three four", 12), ["one two ", "three four"]);
        assert_eq!(split("one two three four", 13), ["one two three", " four"]);
    }

    #[test]
    fn a_border_far_back_is_not_worth_a_short_part() {
        assert_eq!(split("a\n\n0123456789", 10), ["a\n\n0123456", "789"]);
    }

    #[test]
    fn what_a_reader_sees_as_one_stays_together() {
        assert_eq!(split("aaae\u{301}b", 4), ["aaa", "e\u{301}b"]);
        assert_eq!(split("aa👩\u{200d}🔬b", 5), ["aa", "👩\u{200d}🔬", "b"]);
    }

    #[test]
    fn a_cluster_without_end_is_cut_all_the_same() {
        let cluster = format!("e{}", "\u{301}".repeat(300));
        assert_eq!(split(&cluster, 100).len(), 4);
    }

    fn words() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-z]{0,12}",
            Just(" ".to_owned()),
            Just("\n".to_owned()),
            Just("\n\n".to_owned()),
            Just("👩\u{200d}🔬".to_owned()),
            Just("é\u{301}".to_owned()),
            any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_parts_are_the_text_and_none_is_too_large(text in words(), room in 2_usize..200) {
            let parts = split(&text, room);
            prop_assert_eq!(parts.concat(), text.clone());
            for part in &parts {
                // Counted by the standard library's own encoder, not by what is tested.
                prop_assert!(part.encode_utf16().count() <= room);
                prop_assert!(!part.is_empty() || text.is_empty());
            }
        }

        #[test]
        fn there_are_not_many_more_parts_than_must_be(text in words(), room in 150_usize..300) {
            // Each part but the last is at least half full, or ends near a cluster.
            let most = units(&text) / (room / 2 - LOOK_BACK) + 1;
            prop_assert!(split(&text, room).len() <= most);
        }
    }
}
