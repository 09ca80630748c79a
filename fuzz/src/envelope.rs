//! An event: whatever can be read is the same message after every way it can travel.

use byway::envelope::{
    Envelope, PublicKey, ReceiptEvent, SignatureError, Value, sign, signature_key_id, verify,
};
use ed25519_dalek::SigningKey;

use crate::request::Request;

/// Any bytes, read as an event in JSON and as the text of an HTTP message that carries one.
///
/// # Panics
/// Where a message changes on its way, or a signature holds that should not.
pub fn check(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::from_json(bytes) {
        holds(&envelope);
    }
    let Some(request) = Request::read(bytes) else {
        return;
    };
    let content_type = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| *value);
    if let Ok(envelope) = Envelope::from_http(content_type, request.headers.iter().copied(), request.body) {
        holds(&envelope);
    }
}

fn holds(envelope: &Envelope) {
    let printed = envelope.to_json();
    let read = Envelope::from_json(&printed);
    assert_eq!(
        read.as_ref(),
        Ok(envelope),
        "{}",
        String::from_utf8_lossy(&printed)
    );

    let carried = through_http(envelope);
    assert_eq!(carried, as_texts(envelope.clone()), "in the binary mode");
    assert_eq!(
        carried.content_digest(),
        envelope.content_digest(),
        "what is signed changed on the way"
    );

    // What it says of itself can be asked, whatever it says.
    let _ = (envelope.sender(), envelope.priority(), envelope.hops());
    let _ = (envelope.effective_idempotency_key(), signature_key_id(envelope));
    let _ = ReceiptEvent::from_envelope(envelope);

    let key = SigningKey::from_bytes(&[7; 32]);
    let public = PublicKey::from_bytes(key.verifying_key().to_bytes());
    assert!(
        verify(envelope, &public).is_err(),
        "nobody but the test can sign with this key"
    );
    let mut signed = carried;
    sign(&mut signed, &key);
    assert_eq!(verify(&signed, &public), Ok(()), "signed, and carried on");
    signed.id.push('.');
    assert_eq!(verify(&signed, &public), Err(SignatureError::Mismatch), "altered");
}

fn through_http(envelope: &Envelope) -> Envelope {
    let (headers, body) = envelope.to_http_binary();
    for (name, value) in &headers {
        assert!(
            http::HeaderName::from_bytes(name.as_bytes()).is_ok(),
            "the header's name {name:?}"
        );
        assert!(
            value.bytes().all(|c| (0x20..0x7f).contains(&c)),
            "{name}: {value:?}"
        );
    }
    let content_type = headers
        .iter()
        .find(|(name, _)| name == "content-type")
        .map(|(_, value)| value.as_str());
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    Envelope::from_http(content_type, pairs, &body)
        .unwrap_or_else(|error| panic!("what byway prints cannot be read: {error}: {headers:?}"))
}

/// In the binary mode every value is a text.
fn as_texts(mut envelope: Envelope) -> Envelope {
    for value in envelope.extensions.values_mut() {
        *value = Value::String(value.to_string());
    }
    envelope
}
