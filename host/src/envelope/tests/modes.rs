//! The two modes of HTTP.

use serde_json::json;

use super::super::{Data, Envelope, EnvelopeError, STRUCTURED_TYPE, Value};

const HEADERS: [(&str, &str); 5] = [
    ("ce-specversion", "1.0"),
    ("ce-type", "com.example.someevent"),
    ("ce-id", "1234"),
    ("ce-source", "/ctx"),
    ("ce-recipient", "executor@b"),
];

fn binary(content_type: Option<&str>, more: &[(&str, &str)], body: &[u8]) -> Result<Envelope, EnvelopeError> {
    let headers = HEADERS.iter().chain(more).copied();
    Envelope::from_http(content_type, headers, body)
}

const EVENT: &[u8] = br#"{"specversion":"1.0","type":"com.example.someevent","id":"1234","source":"/ctx",
    "recipient":"executor@b","datacontenttype":"application/json","data":{"message":"Hello"}}"#;

#[test]
fn both_modes_give_the_same_message() {
    for content_type in ["application/json", "application/json; charset=utf-8"] {
        let event = String::from_utf8(EVENT.to_vec())
            .unwrap()
            .replace("application/json", content_type);
        let structured = Envelope::from_http(Some(STRUCTURED_TYPE), std::iter::empty(), event.as_bytes());
        let binary = binary(Some(content_type), &[], b" { \"message\" : \"Hello\" } ").unwrap();
        assert_eq!(structured.unwrap(), binary);
        assert_eq!(binary.data, Some(Data::Json(json!({"message": "Hello"}))));
        assert_eq!(binary.data_content_type.as_deref(), Some(content_type));
    }
}

#[test]
fn the_content_type_tells_the_mode() {
    for content_type in [
        "application/cloudevents+json",
        "application/cloudevents",
        "Application/CloudEvents+JSON; Charset=\"UTF-8\"",
        " application/cloudevents+json ",
    ] {
        assert!(
            Envelope::from_http(Some(content_type), HEADERS.into_iter(), EVENT).is_ok(),
            "{content_type}"
        );
    }
    for content_type in [
        "application/cloudevents-batch+json",
        "application/cloudevents-batch",
        "application/cloudevents+avro",
        "application/cloudeventsx",
        "application/cloudevents+json; charset=utf-16",
    ] {
        let refused = Envelope::from_http(Some(content_type), HEADERS.into_iter(), EVENT);
        assert!(
            matches!(refused, Err(EnvelopeError::UnsupportedMediaType(_))),
            "{content_type}"
        );
    }
}

#[test]
fn a_structured_event_ignores_headers() {
    let headers = [("ce-id", "other"), ("ce-recipient", "other@b")].into_iter();
    let read = Envelope::from_http(Some(STRUCTURED_TYPE), headers, EVENT).unwrap();
    assert_eq!((read.id.as_str(), read.recipient.agent()), ("1234", "executor"));
}

#[test]
fn an_event_without_the_right_content_type_is_told_so() {
    let refused = Envelope::from_http(Some("application/json"), std::iter::empty(), EVENT);
    assert_eq!(refused, Err(EnvelopeError::NoEvent));
}

#[test]
fn header_names_come_in_any_case_and_values_percent_encoded() {
    let read = binary(
        None,
        &[("CE-Subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"), ("host", "x")],
        b"",
    )
    .unwrap();
    assert_eq!(read.subject.as_deref(), Some("Euro € 😀"));
    let (headers, _) = read.to_http_binary();
    let subject = headers.iter().find(|(name, _)| name == "ce-subject").unwrap();
    assert_eq!(subject.1, "Euro%20%E2%82%AC%20%F0%9F%98%80");
}

#[test]
fn refuses_headers_that_two_readers_could_read_differently() {
    for more in [
        ("ce-id", "1234"),
        ("CE-ID", "other"),
        ("ce-datacontenttype", "text/plain"),
        ("ce-data", "x"),
        ("ce-data_base64", "AA=="),
        ("ce-", "x"),
        ("ce-my-name", "x"),
        ("ce-subject", "%C0%A0"),
        ("ce-subject", "50%"),
        ("ce-subject", "a%0Ab"),
        ("ce-subject", ""),
    ] {
        assert!(binary(None, &[more], b"").is_err(), "{more:?}");
    }
}

#[test]
fn refuses_a_body_that_is_not_what_the_content_type_says() {
    for (content_type, body) in [
        ("application/json", &b"{"[..]),
        ("application/json", b"\xff"),
        ("xyz", b"x"),
        ("", b"x"),
    ] {
        assert!(binary(Some(content_type), &[], body).is_err(), "{content_type}");
    }
}

#[test]
fn a_body_without_content_type_is_only_bytes() {
    let read = binary(None, &[], b"hello").unwrap();
    assert_eq!(
        (&read.data, &read.data_content_type),
        (&Some(Data::Binary(b"hello".to_vec())), &None)
    );
    assert!(
        read.to_http_binary()
            .0
            .iter()
            .all(|(name, _)| name != "content-type")
    );
}

#[test]
fn the_implied_content_type_is_made_explicit() {
    let event = String::from_utf8(EVENT.to_vec()).unwrap();
    let event = event.replace("\"datacontenttype\":\"application/json\",", "");
    let read = Envelope::from_json(event.as_bytes()).unwrap();
    assert_eq!(read.data_content_type.as_deref(), Some("application/json"));
}

#[test]
fn a_json_null_as_data_survives_both_modes() {
    let read = binary(Some("application/json"), &[], b"null").unwrap();
    assert_eq!(read.data, Some(Data::Json(serde_json::Value::Null)));
    assert_eq!(Envelope::from_json(&read.to_json()).as_ref(), Ok(&read));
    assert_eq!(read.to_http_binary().1, b"null");
}

#[test]
fn what_nests_as_deep_as_a_body_may_can_still_be_printed_as_an_event() {
    let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
    let read = binary(Some("application/json"), &[], nested(100).as_bytes()).unwrap();
    assert_eq!(Envelope::from_json(&read.to_json()), Ok(read));
    assert!(binary(Some("application/json"), &[], nested(101).as_bytes()).is_err());
}

#[test]
fn extensions_keep_their_text_when_the_mode_changes() {
    let event = String::from_utf8(EVENT.to_vec()).unwrap();
    let event = event.replacen('{', r#"{"flag":true,"sequence":"0042","count":-7,"#, 1);
    let read = Envelope::from_json(event.as_bytes()).unwrap();
    assert_eq!(read.extensions["flag"], Value::Boolean(true));
    let (headers, body) = read.to_http_binary();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let passed = Envelope::from_http(Some("application/json"), headers, &body).unwrap();
    assert_eq!(passed.extensions["flag"], Value::String("true".to_owned()));
    assert_eq!(passed.attributes(), read.attributes());
    assert_eq!(passed.content_digest(), read.content_digest());
}
