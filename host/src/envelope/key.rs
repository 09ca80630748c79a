//! How a byway's public key is written: `ed25519:` and 32 bytes in base64url without padding.
//!
//! The prefix names the algorithm, so another can stand beside it one day. Standard base64
//! and padding are read too, because people copy keys out of other tools.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "ed25519:";

/// The public half of a byway's identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

/// A text is not a public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a public key: it looks like `ed25519:` and 43 characters, as `byway identity` prints it"
)]
pub struct KeyError(String);

impl PublicKey {
    /// A key from its 32 bytes. Whether they are a point of the curve is found when it verifies.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key's short name in signatures: the first 12 bytes of its SHA-256, in base64url.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Sha256::digest(self.0);
        URL_SAFE_NO_PAD.encode(digest.get(..12).unwrap_or_default())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError(text.to_owned());
        let encoded = text.strip_prefix(PREFIX).ok_or_else(wrong)?.trim_end_matches('=');
        let bytes = URL_SAFE_NO_PAD
            .decode(encoded)
            .or_else(|_| STANDARD_NO_PAD.decode(encoded))
            .map_err(|_| wrong())?;
        Ok(Self(bytes.try_into().map_err(|_| wrong())?))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints() {
        let key = PublicKey::from_bytes([0xfb; 32]);
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(
            key.to_string().replace('-', "+").replace('_', "/").parse(),
            Ok(key)
        );
    }

    #[test]
    fn refuses_what_is_not_a_key() {
        for text in ["", "ed25519:", "ed25519:AAAA", "rsa:AAAA", &"A".repeat(43)] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
    }
}
