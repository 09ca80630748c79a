//! A message is authentic whatever channel carried it, because the sending byway signs it.
//!
//! Signed are all attributes in their canonical string forms and the SHA-256 of the data, but for
//! [`UNSIGNED`]. `docs/envelope.md` gives the format to the byte, with an example that a test here reads.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::{Data, Envelope, PublicKey};
use crate::error_code::ErrorCode;
use crate::hexadecimal::hex;

/// The first line of what is signed. It keeps a signature made here from meaning anything elsewhere, and
/// changes when the format does.
const DOMAIN: &str = "byway-signature-v1";

/// How many bytes are signed of most messages.
const SIGNED_USUALLY: usize = 768;

/// Attributes that no signature covers: the signature itself, and those that whoever passes a message on
/// changes by right. `hops` counts the byways on the way, and each tracing proxy puts itself into
/// `traceparent` and `tracestate`. None of them decides who may do what: at worst a liar among the relays
/// makes a message die of hops, which it could do by dropping it.
pub const UNSIGNED: [&str; 4] = ["bywaysig", "hops", "traceparent", "tracestate"];

/// Why a message does not count as its sender's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("the event has no `bywaysig`: it is not signed by any byway")]
    Missing,
    /// The attribute is no signature.
    #[error("`bywaysig` is not a signature: it must be a key's id, a point, and 86 characters of base64url")]
    Form,
    /// The message is signed with another key than the one it is held against.
    #[error("the event is signed with the key `{named}` and not with `{expected}`")]
    OtherKey {
        /// The id of the key that the signature names.
        named: String,
        /// The id of the key that was expected.
        expected: String,
    },
    /// The key that it is held against is no usable Ed25519 key.
    #[error(
        "`{0}` is not an Ed25519 key that anything can be signed with: compare it with `byway identity` over there"
    )]
    Key(PublicKey),
    /// The signature belongs to other content, or to another key.
    #[error("the signature does not hold: the event was altered on the way, or is not from who it says")]
    Mismatch,
}

impl SignatureError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Missing | Self::OtherKey { .. } => ErrorCode::UnknownPeer,
            Self::Form | Self::Key(_) | Self::Mismatch => ErrorCode::BadSignature,
        }
    }
}

/// Signs the message; a signature that is there is replaced.
pub fn sign(envelope: &mut Envelope, key: &SigningKey) {
    let id = PublicKey::from_bytes(key.verifying_key().to_bytes()).id();
    let signature = key.sign(&envelope.signed_bytes());
    let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
    envelope.signature = Some(format!("{id}.{signature}"));
}

/// Checks that the message is signed with the key, and was not altered since.
///
/// # Errors
/// Where it is not, or was.
pub fn verify(envelope: &Envelope, key: &PublicKey) -> Result<(), SignatureError> {
    let text = envelope.signature.as_deref().ok_or(SignatureError::Missing)?;
    let (named, signature) = text.split_once('.').ok_or(SignatureError::Form)?;
    let bytes = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| SignatureError::Form)?;
    let signature = Signature::from_slice(&bytes).map_err(|_| SignatureError::Form)?;
    if named != key.id() {
        return Err(SignatureError::OtherKey {
            named: super::shown::shown(named),
            expected: key.id(),
        });
    }
    let verifying = VerifyingKey::from_bytes(key.as_bytes()).map_err(|_| SignatureError::Key(*key))?;
    // Strict: no signature holds under a key of small order, nor in two encodings.
    verifying
        .verify_strict(&envelope.signed_bytes(), &signature)
        .map_err(|_| SignatureError::Mismatch)
}

/// The id of the key that the message says it is signed with, for looking the key up. It proves nothing.
#[must_use]
pub fn signature_key_id(envelope: &Envelope) -> Option<&str> {
    let (id, _) = envelope.signature.as_deref()?.split_once('.')?;
    Some(id)
}

impl Envelope {
    /// SHA-256 over what the sender signs. Two messages of one id with other digests are different
    /// messages; what changes on the way is not in it.
    #[must_use]
    pub fn content_digest(&self) -> [u8; 32] {
        Sha256::digest(self.signed_bytes()).into()
    }

    /// The same without its `expirytime`. A message that its sender tries anew, days later, has another end and is
    /// still the same message: whoever has it already knows it by this.
    #[must_use]
    pub fn message_digest(&self) -> [u8; 32] {
        Sha256::digest(self.signed_bytes_but(&["expirytime"])).into()
    }

    fn signed_bytes(&self) -> Vec<u8> {
        self.signed_bytes_but(&[])
    }

    /// Each value stands behind its length, so no value can look like the next line.
    fn signed_bytes_but(&self, left_out: &[&str]) -> Vec<u8> {
        let mut out = Vec::with_capacity(SIGNED_USUALLY);
        let mut line = |parts: &[&str]| {
            parts
                .iter()
                .for_each(|part| out.extend_from_slice(part.as_bytes()))
        };
        line(&[DOMAIN, "\n"]);
        for (name, value) in self.values() {
            if !UNSIGNED.contains(&name) && !left_out.contains(&name) {
                let value = value.text();
                line(&[name, " ", &value.len().to_string(), "\n", &value, "\n"]);
            }
        }
        // `data` is no attribute's name. The word says how the bytes came about, so text can never pass
        // for JSON; text and binary are one kind, since the same data may travel as either.
        let kind = if matches!(self.data, Some(Data::Json(_))) {
            "json"
        } else {
            "bytes"
        };
        line(&["data ", kind, " ", &hex(&Sha256::digest(self.data_bytes())), "\n"]);
        out
    }
}
