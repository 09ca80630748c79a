//! What is no message, and what its sender is told.

use serde_json::{Value as Json, json};

use super::super::{Envelope, Priority};
use crate::error_code::ErrorCode;

fn message(members: Json) -> Vec<u8> {
    let mut message = json!({"specversion": "1.0", "id": "1", "type": "t", "source": "/s",
        "recipient": "executor@b"});
    for (name, value) in members.as_object().unwrap() {
        message
            .as_object_mut()
            .unwrap()
            .insert(name.clone(), value.clone());
    }
    message.to_string().into_bytes()
}

fn refusal(members: Json) -> String {
    let error = Envelope::from_json(&message(members.clone())).expect_err(&members.to_string());
    error.to_string()
}

#[test]
fn errors_say_what_is_wrong_and_what_would_be_right() {
    for (members, sentence) in [
        (
            json!({"id": null}),
            "the event has no `id`: every message needs one",
        ),
        (
            json!({"recipient": null}),
            "the event has no `recipient`: every message needs one",
        ),
        (
            json!({"id": ""}),
            "`id` is empty: it must be a text that is not empty",
        ),
        (
            json!({"id": 25}),
            "`id` is the number 25: it must be a text that is not empty",
        ),
        (
            json!({"time": "lunch\ntime"}),
            "`time` is a text with U+000A: an attribute must have no control characters and no non-characters",
        ),
        (
            json!({"time": "noon"}),
            "`time` is `noon`: a time looks like 2018-04-05T17:31:00Z",
        ),
        (
            json!({"priority": "asap"}),
            "`priority` is `asap`: it must be low, normal, high or urgent",
        ),
        (
            json!({"hops": -1}),
            "`hops` is the number -1: it must be a whole number, 0 or more",
        ),
        (
            json!({"recipient": "executor"}),
            "`recipient` is wrong: `executor` is not an address: write agent@instance",
        ),
        (
            json!({"sampledrate": 1.0}),
            "`sampledrate` is the number 1.0: an attribute must be a text, a Boolean, or a whole number of 32 bits",
        ),
        (
            json!({"datacontenttype": "text/plain", "data": {"a": 1}}),
            "`data` is a JSON value: with a `datacontenttype` that is not JSON it must be a string",
        ),
        (
            json!({"data": 1, "data_base64": "AA=="}),
            "the event has both `data` and `data_base64`: send one of them",
        ),
    ] {
        assert_eq!(refusal(members), sentence);
    }
}

#[test]
fn refuses_byways_own_attributes_in_another_form() {
    for members in [
        json!({"recipient": "Executor@b"}),
        json!({"recipient": "*@b"}),
        json!({"recipient": 1}),
        json!({"replyto": "nobody"}),
        json!({"priority": 1}),
        json!({"priority": "High"}),
        json!({"hops": 1.0}),
        json!({"hops": "-1"}),
        json!({"hops": "+1"}),
        json!({"hops": ""}),
        json!({"hops": true}),
        json!({"hops": 2_147_483_648_u32}),
        json!({"hops": "2147483648"}),
        json!({"expirytime": "tomorrow"}),
        json!({"expirytime": 1}),
        json!({"expirytime": "9999-12-31T23:59:59-23:59"}),
        json!({"deliverafter": "2018-04-05"}),
        json!({"idempotencykey": ""}),
        json!({"partitionkey": 7}),
        json!({"correlationid": 7}),
        json!({"causationid": ""}),
        json!({"traceparent": true}),
        json!({"bywaysig": ""}),
        json!({"list": [1]}),
        json!({"object": {}}),
        json!({"large": 2_147_483_648_u32}),
        json!({"source": "a b"}),
        json!({"dataschema": "/relative"}),
        json!({"datacontenttype": "text/plain; ä=b", "data": "x"}),
        json!({"data_base64": "AQIDBA"}),
        json!({"data_base64": "AQID_A=="}),
        json!({"data_base64": 1}),
        json!({"datacontenttype": "application/json", "data_base64": "ew=="}),
        json!({"x": "\u{fffe}"}),
        json!({"x": "\u{7f}"}),
    ] {
        refusal(members);
    }
}

#[test]
fn reads_byways_own_attributes() {
    let read = Envelope::from_json(&message(
        json!({"priority": "urgent", "hops": "3", "replyto": "a@b",
        "expirytime": "2026-01-01T01:00:00.5+01:00", "idempotencykey": "k", "correlationid": "c",
        "sequence": 4}),
    ));
    let read = read.unwrap();
    assert_eq!((read.priority(), read.hops()), (Priority::Urgent, 3));
    assert_eq!(read.effective_idempotency_key(), "k");
    let attributes = read.attributes();
    let expected = [
        ("correlationid", "c"),
        ("expirytime", "2026-01-01T00:00:00.5Z"),
        ("hops", "3"),
        ("id", "1"),
        ("idempotencykey", "k"),
        ("priority", "urgent"),
        ("recipient", "executor@b"),
        ("replyto", "a@b"),
        ("sequence", "4"),
        ("source", "/s"),
        ("specversion", "1.0"),
        ("type", "t"),
    ];
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(attributes, expected);
}

#[test]
fn refuses_what_is_not_one_json_object() {
    for bytes in [&b""[..], b"7", b"null", b"[]", b"{", b"\xff", b"[{}]"] {
        assert!(Envelope::from_json(bytes).is_err(), "{bytes:?}");
    }
    let mut two = message(json!({}));
    two.extend_from_slice(b"{}");
    assert!(Envelope::from_json(&two).is_err());
}

#[test]
fn refuses_a_member_that_stands_twice() {
    let text = String::from_utf8(message(json!({}))).unwrap();
    let twice = text.replacen('{', r#"{"recipient":"other@b","#, 1);
    let error = Envelope::from_json(twice.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("`recipient` stands twice"), "{error}");
}

#[test]
fn a_wrong_address_has_its_own_code() {
    let code = |members| Envelope::from_json(&message(members)).unwrap_err().code();
    assert_eq!(code(json!({"recipient": "x"})), ErrorCode::InvalidAddress);
    assert_eq!(code(json!({"replyto": "x"})), ErrorCode::InvalidAddress);
    assert_eq!(code(json!({"id": null})), ErrorCode::MalformedMessage);
}

#[test]
fn an_error_stays_short_however_long_the_value() {
    let long = "x".repeat(1 << 20);
    for name in [
        "recipient",
        "replyto",
        "time",
        "priority",
        "hops",
        "source",
        "datacontenttype",
    ] {
        let value = format!("{long} \u{202e}");
        let error = refusal(json!({name: value}));
        assert!(
            error.len() < 400 && !error.contains('\u{202e}'),
            "{name}: {}",
            error.len()
        );
    }
    assert!(refusal(json!({format!("{long}A"): "x"})).len() < 400);
    assert!(refusal(json!({format!("{long}A"): []})).len() < 400);
}
