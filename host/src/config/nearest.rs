//! The nearest right word for a wrong one.
//!
//! Near enough is one slip in three letters, so that a word that merely looks a little alike is not
//! suggested: a wrong suggestion costs more time than none.

/// The candidate most like `word`, if one is near enough. Case and the choice between `-` and `_`
/// count for nothing. Of several equally near, the first.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = plain(word);
    let slips_max = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&wanted, &plain(candidate)), candidate))
        .filter(|(slips, candidate)| *slips <= slips_max && *slips < candidate.chars().count())
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    // A word of any length costs its square to compare, and nobody means a key of 100 letters.
    word.chars()
        .take(100)
        .map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = ["chain", "data_dir", "timeout", "to", "from"];

    #[test]
    fn finds_a_word_with_a_slip() {
        for (wrong, right) in [
            ("chian", "chain"),
            ("data-dir", "data_dir"),
            ("Timeout", "timeout"),
            ("time_out", "timeout"),
            ("form", "from"),
        ] {
            assert_eq!(nearest(wrong, KEYS), Some(right), "{wrong}");
        }
    }

    #[test]
    fn suggests_nothing_for_another_word() {
        for wrong in ["retries", "x", "", "🦀"] {
            assert_eq!(nearest(wrong, KEYS), None, "{wrong}");
        }
    }
}
