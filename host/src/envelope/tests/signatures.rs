//! Whose word a message is, and the worked example of the documentation.

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::super::{
    Address, Data, Envelope, Priority, PublicKey, SignatureError, Value, sign, signature_key_id, verify,
};
use super::strategy::envelope;

fn key(seed: u8) -> (SigningKey, PublicKey) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let public = PublicKey::from_bytes(key.verifying_key().to_bytes());
    (key, public)
}

type Change = fn(&mut Envelope);

/// One change to each attribute that a signature covers, and to the data.
fn changes() -> Vec<(&'static str, Change)> {
    fn more(text: &mut Option<String>) {
        text.get_or_insert_default().push('x');
    }
    fn other(address: &Address) -> Address {
        Address::new("mallory", address.instance()).unwrap()
    }
    vec![
        ("id", |e| e.id.push('x')),
        ("source", |e| e.source.push('x')),
        ("type", |e| e.event_type.push('x')),
        ("recipient", |e| e.recipient = other(&e.recipient)),
        ("subject", |e| more(&mut e.subject)),
        ("time", |e| more(&mut e.time)),
        ("datacontenttype", |e| more(&mut e.data_content_type)),
        ("dataschema", |e| more(&mut e.data_schema)),
        ("idempotencykey", |e| more(&mut e.idempotency_key)),
        ("priority", |e| {
            e.priority = (e.priority != Some(Priority::Urgent)).then_some(Priority::Urgent)
        }),
        ("replyto", |e| e.reply_to = Some(other(&e.recipient))),
        ("partitionkey", |e| more(&mut e.partition_key)),
        ("expirytime", |e| {
            e.expiry_time = Some(Timestamp::from_second(-1).unwrap())
        }),
        ("deliverafter", |e| {
            e.deliver_after = Some(Timestamp::from_second(-1).unwrap())
        }),
        ("an extension more", |e| {
            drop(e.extensions.insert("y".to_owned(), Value::Integer(1)))
        }),
        ("an extension less", |e| {
            e.extensions
                .retain(|name, _| name == "traceparent" || name == "tracestate");
            e.extensions.insert("z".to_owned(), Value::String(String::new()));
        }),
        ("data", |e| {
            let bytes = [e.data_bytes().as_ref(), b"x"].concat();
            e.data = Some(Data::Binary(bytes));
        }),
    ]
}

proptest! {
    #[test]
    fn any_single_change_breaks_the_signature(mut envelope in envelope()) {
        let (private, public) = key(1);
        sign(&mut envelope, &private);
        prop_assert_eq!(verify(&envelope, &public), Ok(()));
        for (name, change) in changes() {
            let mut changed = envelope.clone();
            change(&mut changed);
            prop_assert_eq!(verify(&changed, &public), Err(SignatureError::Mismatch), "{}", name);
            prop_assert_ne!(changed.content_digest(), envelope.content_digest(), "{}", name);
        }
    }
}

fn message() -> Envelope {
    let json = br#"{"specversion":"1.0","id":"1","type":"t","source":"/s","recipient":"a@b",
        "datacontenttype":"text/plain","data":"7"}"#;
    Envelope::from_json(json).unwrap()
}

#[test]
fn what_intermediaries_change_is_not_signed() {
    let (private, public) = key(1);
    let mut passed = message();
    sign(&mut passed, &private);
    passed.hops = Some(3);
    for name in ["traceparent", "tracestate"] {
        passed
            .extensions
            .insert(name.to_owned(), Value::String("00-1".to_owned()));
    }
    assert_eq!(verify(&passed, &public), Ok(()));
}

#[test]
fn text_cannot_be_turned_into_json() {
    let mut json = message();
    json.data = Some(Data::Json(7.into()));
    assert_eq!(json.data_bytes(), message().data_bytes());
    assert_ne!(json.content_digest(), message().content_digest());
}

#[test]
fn a_value_cannot_pass_for_the_next_attribute() {
    let with = |subject: &str, time: Option<&str>| Envelope {
        subject: Some(subject.to_owned()),
        time: time.map(str::to_owned),
        ..message()
    };
    let apart = with("a", Some("b")).content_digest();
    for joined in ["a\ntime b", "a\ntime 1\nb", "atime 1\nb"] {
        assert_ne!(with(joined, None).content_digest(), apart, "{joined:?}");
    }
}

#[test]
fn tells_apart_why_a_signature_does_not_count() {
    let (private, public) = key(1);
    let mut signed = message();
    assert_eq!(verify(&signed, &public), Err(SignatureError::Missing));
    assert_eq!(signature_key_id(&signed), None);
    sign(&mut signed, &private);
    assert_eq!(signature_key_id(&signed), Some(public.id().as_str()));
    let other = key(2).1;
    let error = SignatureError::OtherKey {
        named: public.id(),
        expected: other.id(),
    };
    assert_eq!(verify(&signed, &other), Err(error));
    let signature = signed.signature.clone().unwrap();
    let (id, encoded) = signature.split_once('.').unwrap();
    for wrong in [
        id.to_owned(),
        format!("{id}."),
        format!("{id}.AAAA"),
        format!("{signature}="),
        format!("{signature}.x"),
    ] {
        signed.signature = Some(wrong);
        assert_eq!(verify(&signed, &public), Err(SignatureError::Form));
    }
    signed.signature = Some(format!("{}.{encoded}", other.id()));
    assert_eq!(verify(&signed, &other), Err(SignatureError::Mismatch));
}

#[test]
fn no_signature_holds_under_a_key_of_small_order() {
    // The neutral element of the curve: without the strict check it accepts a signature of zeroes over anything.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let weak = PublicKey::from_bytes(neutral);
    let mut signature = [0_u8; 64];
    signature[0] = 1;
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature);
    let mut forged = message();
    forged.signature = Some(format!("{}.{encoded}", weak.id()));
    assert_eq!(verify(&forged, &weak), Err(SignatureError::Mismatch));
}

#[test]
fn the_worked_example_of_the_documentation_is_true() {
    let document = include_str!("../../../../docs/envelope.md");
    let block = |title: &str| {
        let (_, rest) = document
            .split_once(&format!("{title}:\n\n```"))
            .unwrap_or_else(|| panic!("{title}"));
        let (_, rest) = rest.split_once('\n').unwrap();
        rest.split_once("```").unwrap().0
    };
    let seed: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap());
    let seed_text = block("Seed of the private key").trim();
    assert_eq!(seed_text, seed.map(|byte| format!("{byte:02x}")).concat());
    let private = SigningKey::from_bytes(&seed);
    let public = PublicKey::from_bytes(private.verifying_key().to_bytes());
    assert_eq!(block("Public key").trim(), public.to_string());
    let received = Envelope::from_json(block("The event, signed").as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&received.data_bytes()),
        block("The canonical data").trim()
    );
    let digest: [u8; 32] = Sha256::digest(block("The signed bytes")).into();
    assert_eq!(received.content_digest(), digest);
    assert_eq!(verify(&received, &public), Ok(()));
    let mut again = received.clone();
    sign(&mut again, &private);
    assert_eq!(again, received);
}
