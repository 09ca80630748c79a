//! What holds for every message, and for everything that is none.

use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::super::canonical_json::canonical;
use super::super::strict_json::{self, DEPTH_MAX};
use super::super::{CloudEvent, Envelope, PublicKey, UNSIGNED, Value, sign, verify};
use super::strategy::{envelope, json};

fn key() -> (SigningKey, PublicKey) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = PublicKey::from_bytes(key.verifying_key().to_bytes());
    (key, public)
}

fn through_http(envelope: &Envelope) -> Envelope {
    let (headers, body) = envelope.to_http_binary();
    for (name, value) in &headers {
        http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        assert!(
            value.bytes().all(|c| (0x20..0x7f).contains(&c)),
            "{name}: {value}"
        );
    }
    let content_type = headers
        .iter()
        .find(|(name, _)| name == "content-type")
        .map(|(_, value)| value.as_str());
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    Envelope::from_http(content_type, headers, &body).unwrap()
}

/// In the binary mode every value is a text.
fn as_texts(mut envelope: Envelope) -> Envelope {
    for value in envelope.extensions.values_mut() {
        *value = Value::String(value.to_string());
    }
    envelope
}

/// Everything that a signature covers.
fn covered(envelope: &Envelope) -> (Vec<(String, String)>, Vec<u8>) {
    let mut attributes = envelope.attributes();
    attributes.retain(|(name, _)| !UNSIGNED.contains(&name.as_str()));
    (attributes, envelope.data_bytes().into_owned())
}

proptest! {
    #[test]
    fn json_gives_back_the_same_message(envelope in envelope()) {
        prop_assert_eq!(Envelope::from_json(&envelope.to_json()), Ok(envelope));
    }

    #[test]
    fn the_binary_mode_gives_back_the_same_message(envelope in envelope()) {
        prop_assert_eq!(through_http(&envelope), as_texts(envelope));
    }

    #[test]
    fn a_signature_holds_through_every_mode_and_layout(mut envelope in envelope()) {
        let (private, public) = key();
        sign(&mut envelope, &private);
        let json: serde_json::Value = serde_json::from_slice(&envelope.to_json()).unwrap();
        let pretty = serde_json::to_vec_pretty(&json).unwrap();
        for passed in [
            through_http(&envelope),
            Envelope::from_json(&through_http(&envelope).to_json()).unwrap(),
            Envelope::from_json(&pretty).unwrap(),
        ] {
            prop_assert_eq!(verify(&passed, &public), Ok(()));
            prop_assert_eq!(passed.content_digest(), envelope.content_digest());
        }
    }

    #[test]
    fn no_byte_of_a_signed_message_changes_unnoticed(
        mut envelope in envelope(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let (private, public) = key();
        sign(&mut envelope, &private);
        let mut bytes = envelope.to_json();
        *at.get_mut(&mut bytes) = byte;
        if let Ok(read) = Envelope::from_json(&bytes) && verify(&read, &public).is_ok() {
            prop_assert_eq!(covered(&read), covered(&envelope));
        }
    }

    #[test]
    fn two_messages_of_one_digest_are_one_message(one in envelope(), other in envelope()) {
        prop_assert_eq!(one.content_digest() == other.content_digest(), covered(&one) == covered(&other));
    }

    #[test]
    fn reading_arbitrary_bytes_never_panics(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = Envelope::from_json(&bytes);
        let _ = Envelope::from_json(text.as_bytes());
        let _ = Envelope::from_json(format!("{{\"{text}\":{text:?}}}").as_bytes());
    }

    #[test]
    fn reading_a_damaged_event_never_panics(
        envelope in envelope(), cut in any::<prop::sample::Index>(), garbage in any::<Vec<u8>>()
    ) {
        let mut bytes = envelope.to_json();
        let at = cut.index(bytes.len());
        bytes.splice(at..at, garbage);
        let _ = Envelope::from_json(&bytes);
        bytes.truncate(at);
        prop_assert!(Envelope::from_json(&bytes).is_err());
    }

    #[test]
    fn reading_an_arbitrary_request_never_panics(
        content_type in any::<Option<String>>(),
        headers in prop::collection::vec(("(ce-)?[a-z]{0,12}", any::<String>()), 0..6),
        body in any::<Vec<u8>>(),
    ) {
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let _ = CloudEvent::from_http(content_type.as_deref(), headers, &body);
    }

    #[test]
    fn canonical_json_is_the_same_value_and_its_own_canonical_form(value in json()) {
        let text = canonical(&value);
        let read = strict_json::read(text.as_bytes(), DEPTH_MAX).unwrap();
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(canonical(&read), text);
    }
}
