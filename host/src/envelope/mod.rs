//! What a message is.
//!
//! A message is a CloudEvents 1.0 event with byway's extension attributes (the standard's own names
//! wherever it has one). This room turns bytes into an [`Envelope`] that cannot be wrong, prints it
//! in the two HTTP modes of the standard, and signs and verifies it. It knows no clock, no
//! disk and no network.
//!
//! It promises that a message is the same message whatever mode it travelled in and however its JSON was
//! laid out: same attributes, same data to the byte, same signature. What it cannot read in exactly one
//! way, it refuses. `docs/envelope.md` describes all of it for people who write another implementation.
//!
//! ```
//! use byway::envelope::{Address, Draft, Envelope, PublicKey, sign, verify};
//!
//! let planner = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
//! let executor: Address = "executor@b".parse()?;
//! let draft = Draft::new("byway://a/planner", executor).text("Ship it, \"as is\".");
//! let mut sent = draft.finish("m-1".to_owned(), "2026-01-01T00:00:00Z".parse()?)?;
//! sign(&mut sent, &planner);
//!
//! let (headers, body) = sent.to_http_binary();
//! let content_type = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value);
//! let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
//! let received = Envelope::from_http(content_type.map(String::as_str), headers, &body)?;
//!
//! assert_eq!(received, sent);
//! verify(&received, &PublicKey::from_bytes(planner.verifying_key().to_bytes()))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod canonical_json;
mod cloud_event;
mod data;
mod draft;
mod error;
mod event;
mod header_value;
mod http;
mod key;
mod known;
mod media_type;
mod receipt;
mod rfc3339;
mod shown;
mod signature;
mod source;
mod strict_json;
mod structured;
#[cfg(test)]
mod tests;
mod uri;

pub use address::{Address, AddressError, AddressPattern, OWN_AGENT, PART_BYTES_MAX, check_name};
pub use cloud_event::CloudEvent;
pub use draft::{Draft, MESSAGE_TYPE};
pub use error::EnvelopeError;
pub use event::{Data, Envelope, Priority, Value};
pub use http::STRUCTURED_TYPE;
pub use key::{KeyError, PublicKey};
pub use receipt::{RECEIPT_TYPE, ReceiptEvent, ReceiptWord, ReceiptWordError};
pub use signature::{SignatureError, UNSIGNED, sign, signature_key_id, verify};
