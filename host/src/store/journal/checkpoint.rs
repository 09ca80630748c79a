//! A checkpoint: this byway signs how far its journal goes, and what it says up to there. Pure.
//!
//! With the key, which lies beside the journal, anybody could sign another; a checkpoint proves something to
//! whoever keeps a copy of it elsewhere, and against whoever can change the database but not read the key.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};

use super::chain::RowHash;
use crate::envelope::PublicKey;

/// The first line of what is signed, and the first word of a checkpoint's line. It names the format.
const FORM: &str = "byway-journal-checkpoint-v1";

/// Signs checkpoints. Implemented by whoever has this byway's key.
pub trait CheckpointSigner: Send + Sync {
    /// The public half of the key.
    fn key(&self) -> PublicKey;
    /// The Ed25519 signature over these bytes.
    fn sign(&self, bytes: &[u8]) -> [u8; 64];
}

/// How far the journal goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The number of its last row; 0 before the first.
    pub seq: i64,
    /// That row's hash, and so that of all before it.
    pub hash: RowHash,
    /// How many rows the database had then: fewer than `seq` where old ones had been pruned.
    pub count: i64,
    /// When that row was written, in milliseconds since 1970.
    pub at: i64,
}

impl Mark {
    /// What is signed.
    #[must_use]
    pub fn signed_text(&self) -> String {
        let Self { seq, hash, count, at } = self;
        format!("{FORM}\n{seq}\n{hash}\n{count}\n{at}\n")
    }

    /// The mark with its signature.
    #[must_use]
    pub fn signed(self, signer: &dyn CheckpointSigner) -> Checkpoint {
        let signature = signer.sign(self.signed_text().as_bytes());
        Checkpoint {
            mark: self,
            signature,
        }
    }
}

/// A mark and the signature over it. Written as one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// How far the journal went.
    pub mark: Mark,
    /// The Ed25519 signature over [`Mark::signed_text`].
    pub signature: [u8; 64],
}

impl Checkpoint {
    /// Whether it was signed with the key that belongs to this one.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        VerifyingKey::from_bytes(key.as_bytes()).is_ok_and(|key| {
            let signature = Signature::from_bytes(&self.signature);
            key.verify_strict(self.mark.signed_text().as_bytes(), &signature)
                .is_ok()
        })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mark { seq, hash, count, at } = self.mark;
        let signature = URL_SAFE_NO_PAD.encode(self.signature);
        write!(f, "{FORM} {seq} {hash} {count} {at} {signature}")
    }
}

/// A text is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCheckpoint;

impl FromStr for Checkpoint {
    type Err = NoCheckpoint;

    fn from_str(line: &str) -> Result<Self, NoCheckpoint> {
        let words: Vec<&str> = line.split(' ').collect();
        let [FORM, seq, hash, count, at, signature] = words.as_slice() else {
            return Err(NoCheckpoint);
        };
        let number = |text: &str| text.parse::<i64>().map_err(|_| NoCheckpoint);
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NoCheckpoint)?;
        let checkpoint = Self {
            mark: Mark {
                seq: number(seq)?,
                hash: RowHash::from_hex(hash).ok_or(NoCheckpoint)?,
                count: number(count)?,
                at: number(at)?,
            },
            signature: signature.try_into().map_err(|_| NoCheckpoint)?,
        };
        // One way to write it: `+1` and `01` are somebody else's.
        if checkpoint.to_string() == line {
            Ok(checkpoint)
        } else {
            Err(NoCheckpoint)
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    struct Pen(SigningKey);

    impl CheckpointSigner for Pen {
        fn key(&self) -> PublicKey {
            PublicKey::from_bytes(self.0.verifying_key().to_bytes())
        }

        fn sign(&self, bytes: &[u8]) -> [u8; 64] {
            self.0.sign(bytes).to_bytes()
        }
    }

    fn mark() -> Mark {
        Mark {
            seq: 12,
            hash: RowHash([9; 32]),
            count: 10,
            at: 1_767_225_600_000,
        }
    }

    /// The example of `docs/journal.md`: the key whose seed is 32 bytes of 7.
    #[test]
    fn the_page_has_this_example() {
        let page = include_str!("../../../../docs/journal.md");
        let line = mark().signed(&Pen(SigningKey::from_bytes(&[7; 32]))).to_string();
        assert!(page.contains(&line), "{line}");
    }

    #[test]
    fn a_checkpoint_is_of_its_key_and_its_numbers_only() {
        let [ours, other] = [1, 2].map(|seed| Pen(SigningKey::from_bytes(&[seed; 32])));
        let checkpoint = mark().signed(&ours);
        assert!(checkpoint.is_signed_by(&ours.key()));
        assert!(!checkpoint.is_signed_by(&other.key()));
        let changed = [
            Mark { seq: 13, ..mark() },
            Mark {
                hash: RowHash([8; 32]),
                ..mark()
            },
            Mark { count: 11, ..mark() },
            Mark { at: 0, ..mark() },
        ];
        for mark in changed {
            assert!(
                !Checkpoint { mark, ..checkpoint }.is_signed_by(&ours.key()),
                "{mark:?}"
            );
        }
    }

    #[test]
    fn reads_the_line_it_prints_and_no_other() {
        let checkpoint = mark().signed(&Pen(SigningKey::from_bytes(&[1; 32])));
        let line = checkpoint.to_string();
        assert_eq!(line.parse(), Ok(checkpoint));
        for wrong in [
            String::new(),
            format!("{line} "),
            line.replace("v1 12", "v1 +12"),
            line.replace("v1 ", "v2 "),
            line[..line.len() - 1].to_owned(),
        ] {
            assert_eq!(wrong.parse::<Checkpoint>(), Err(NoCheckpoint), "{wrong}");
        }
    }
}
