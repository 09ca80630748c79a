//! The 35 cases of the CloudEvents conformance suite for the JSON format, by the standard's rules alone.

use serde_json::{Value as Json, json};

use super::super::{CloudEvent, Data, Value};

/// The least that an event can be, with members changed or (by null) taken away.
fn event(members: Json) -> Vec<u8> {
    let mut event = json!({"specversion": "1.0", "id": "1", "type": "com.example.test", "source": "/test"});
    for (name, value) in members.as_object().unwrap() {
        event.as_object_mut().unwrap().insert(name.clone(), value.clone());
    }
    event.to_string().into_bytes()
}

fn read(members: Json) -> CloudEvent {
    CloudEvent::from_json(&event(members.clone())).unwrap_or_else(|error| panic!("{members}: {error}"))
}

#[test]
fn accepts_the_minimal_event() {
    let event = read(json!({}));
    assert_eq!((event.id.as_str(), event.source.as_str()), ("1", "/test"));
    assert_eq!(event.event_type, "com.example.test");
    assert_eq!((event.time, event.data, event.extensions.len()), (None, None, 0));
}

#[test]
fn null_is_absent() {
    let nothing = json!({"subject": null, "time": null, "datacontenttype": null, "dataschema": null,
        "data": null, "data_base64": null, "extension": null});
    assert_eq!(read(nothing), read(json!({})));
}

#[test]
fn accepts_all_core_attributes() {
    let event = read(json!({"subject": "the-subject", "time": "2018-04-05T17:31:00Z",
        "datacontenttype": "text/plain", "dataschema": "https://example.org/schema", "data": "x"}));
    assert_eq!(event.subject.as_deref(), Some("the-subject"));
    assert_eq!(event.data_content_type.as_deref(), Some("text/plain"));
    assert_eq!(event.data_schema.as_deref(), Some("https://example.org/schema"));
}

#[test]
fn accepts_each_form_of_time_and_keeps_its_text() {
    for time in [
        "2018-04-05T17:31:00Z",
        "2018-04-05T17:31:00.123456789Z",
        "2018-04-05T18:31:00+01:00",
        "2018-04-05T16:31:00-01:00",
    ] {
        assert_eq!(read(json!({"time": time})).time.as_deref(), Some(time));
    }
}

#[test]
fn accepts_a_relative_source() {
    assert_eq!(read(json!({"source": "#fragment"})).source, "#fragment");
}

#[test]
fn accepts_simple_text_data() {
    let event = read(json!({"datacontenttype": "text/plain", "data": "Simple text"}));
    assert_eq!(event.data, Some(Data::Text("Simple text".to_owned())));
}

#[test]
fn accepts_extensions_of_all_types() {
    let event = read(json!({"extinteger": 10, "extboolean": true, "extstring": "text",
        "exturi": "https://example.org/uri", "exturiref": "//authority/uri",
        "exttimestamp": "2018-04-05T17:31:00Z", "extbinary": "AQIDBA=="}));
    assert_eq!(event.extensions["extinteger"], Value::Integer(10));
    assert_eq!(event.extensions["extboolean"], Value::Boolean(true));
    assert_eq!(
        event.extensions["extbinary"],
        Value::String("AQIDBA==".to_owned())
    );
    assert_eq!(event.extensions.len(), 7);
}

#[test]
fn refuses_each_invalid_event_and_names_the_attribute() {
    let cases = [
        ("specversion", json!({"specversion": null})),
        ("id", json!({"id": null})),
        ("type", json!({"type": null})),
        ("source", json!({"source": null})),
        ("time", json!({"time": "lunchtime"})),
        ("time", json!({"time": "2018-04-05T18:31Z"})),
        ("time", json!({"time": "2018-04-05T17:31:00X"})),
        ("time", json!({"time": "2018-04-05T17:31:00+25:00"})),
        ("time", json!({"time": "2018-04-05T17:31:00+xx:00"})),
        ("time", json!({"time": "2018-04-05T17:31:00+05"})),
        ("id", json!({"id": ""})),
        ("type", json!({"type": ""})),
        ("source", json!({"source": ""})),
        ("specversion", json!({"specversion": ""})),
        ("specversion", json!({"specversion": "0.9"})),
        ("datacontenttype", json!({"datacontenttype": "xyz"})),
        ("datacontenttype", json!({"datacontenttype": ""})),
        ("dataschema", json!({"dataschema": ""})),
        ("subject", json!({"subject": ""})),
        ("id", json!({"id": 25})),
        ("id", json!({"id": {"a": "b"}})),
        ("MyExtension", json!({"MyExtension": "x"})),
        ("my.extension", json!({"my.extension": "x"})),
        ("my.extension", json!({"my.extension": 1.5})),
        ("data_base64", json!({"data": "x", "data_base64": "AQIDBA=="})),
    ];
    assert_eq!(cases.len(), 25);
    for (name, members) in cases {
        let error = CloudEvent::from_json(&event(members.clone())).expect_err(&members.to_string());
        assert!(
            error.to_string().contains(&format!("`{name}`")),
            "{members}: {error}"
        );
    }
}
