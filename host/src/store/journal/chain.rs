//! What chains the journal's rows: each has the hash of the row before it and of itself. Pure.
//!
//! A row that is altered, taken out, put in or moved no longer follows from the one before it. What the
//! chain alone cannot show is that its end was cut off, or that all of it was made anew from some row on;
//! the signed checkpoints show that. `docs/journal.md` has the form to the byte, with an example.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// What a row's bytes begin with, so that its hash is never that of something else.
const ROW: &[u8] = b"byway-journal-row-v1\0";

/// The hash of a row, over everything before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RowHash(pub [u8; 32]);

impl RowHash {
    /// What stands for the row before the first.
    pub const START: Self = Self([0; 32]);

    /// From a column; `None` where it is not 32 bytes.
    pub(in crate::store) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From its 64 hexadecimal digits.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64
            || digits
                .iter()
                .any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

/// In hexadecimal.
impl fmt::Display for RowHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RowHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A row's columns as they stand in the file: bytes, so that damage can be looked at, too.
#[derive(Clone, Copy, Debug)]
pub struct RowBytes<'a> {
    /// Its number.
    pub seq: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What happened.
    pub event: &'a [u8],
    /// The message's id.
    pub id: Option<&'a [u8]>,
    /// Its source.
    pub source: Option<&'a [u8]>,
    /// Its recipient.
    pub recipient: Option<&'a [u8]>,
    /// More, as JSON.
    pub detail: &'a [u8],
}

impl RowBytes<'_> {
    /// The hash of this row after another.
    #[must_use]
    pub fn hash(&self, before: &RowHash) -> RowHash {
        let mut hash = Sha256::new();
        hash.update(ROW);
        hash.update(before.0);
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at.to_be_bytes());
        for text in [
            Some(self.event),
            self.id,
            self.source,
            self.recipient,
            Some(self.detail),
        ] {
            match text {
                None => hash.update([0]),
                Some(text) => {
                    hash.update([1]);
                    // With its length, so that no byte can move from one column into the next.
                    hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                    hash.update(text);
                }
            }
        }
        RowHash(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW_ONE: RowBytes<'_> = RowBytes {
        seq: 1,
        at: 1_767_225_600_000,
        event: b"accepted",
        id: Some(b"m-1"),
        source: Some(b"byway://a/planner"),
        recipient: Some(b"executor@b"),
        detail: b"{}",
    };

    /// The example of `docs/journal.md`, which another program has computed as well.
    #[test]
    fn the_page_has_this_example() {
        let page = include_str!("../../../../docs/journal.md");
        let hash = ROW_ONE.hash(&RowHash::START);
        assert!(page.contains(&hash.to_string()), "{hash}");
    }

    #[test]
    fn every_column_and_its_place_counts() {
        let before = RowHash([7; 32]);
        let whole = ROW_ONE.hash(&before);
        let others = [
            RowBytes { seq: 2, ..ROW_ONE },
            RowBytes { at: 0, ..ROW_ONE },
            RowBytes {
                event: b"dead",
                ..ROW_ONE
            },
            RowBytes { id: None, ..ROW_ONE },
            RowBytes {
                id: Some(b""),
                ..ROW_ONE
            },
            RowBytes {
                source: None,
                ..ROW_ONE
            },
            RowBytes {
                recipient: None,
                ..ROW_ONE
            },
            RowBytes {
                detail: b"[]",
                ..ROW_ONE
            },
            // The same bytes, parted elsewhere.
            RowBytes {
                event: b"acceptedm",
                id: Some(b"-1"),
                ..ROW_ONE
            },
            RowBytes {
                id: ROW_ONE.source,
                source: ROW_ONE.id,
                ..ROW_ONE
            },
        ];
        for other in others {
            assert_ne!(other.hash(&before), whole, "{other:?}");
        }
        assert_ne!(ROW_ONE.hash(&RowHash::START), whole);
    }

    #[test]
    fn reads_the_digits_it_prints_and_no_others() {
        let hash = ROW_ONE.hash(&RowHash::START);
        assert_eq!(RowHash::from_hex(&hash.to_string()), Some(hash));
        for wrong in [
            "",
            "00",
            &hash.to_string().to_uppercase(),
            &"g".repeat(64),
            &"+1".repeat(32),
        ] {
            assert_eq!(RowHash::from_hex(wrong), None, "{wrong}");
        }
    }
}
