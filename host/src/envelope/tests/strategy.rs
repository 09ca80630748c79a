//! Arbitrary messages, as a reader could have made them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::Value as Json;

use super::super::{Address, Data, Envelope, Priority, Value};

/// A text that an attribute may have, with what is awkward in JSON, headers and shells.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,20}", "[a-z\"\\\\%$`'é大😀\u{2028}\u{e000}]{1,10}"]
}

fn address() -> impl Strategy<Value = Address> {
    ("[a-z0-9][a-z0-9._-]{0,8}", "[a-z0-9][a-z0-9._-]{0,8}").prop_map(|(a, b)| Address::new(&a, &b).unwrap())
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (0..253_000_000_000_i64, 0..1_000_000_000_i32).prop_map(|(s, ns)| Timestamp::new(s, ns).unwrap())
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i32>().prop_map(Value::Integer),
        option::of(text()).prop_map(|text| Value::String(text.unwrap_or_default())),
    ]
}

fn extensions() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let known = prop_oneof![
        Just("correlationid"),
        Just("causationid"),
        Just("traceparent"),
        Just("tracestate")
    ];
    let known = btree_map(
        known.prop_map(str::to_owned),
        text().prop_map(Value::String),
        0..3,
    );
    (btree_map("x[a-z0-9]{0,6}", value(), 0..4), known).prop_map(|(mut all, known)| {
        all.extend(known);
        all
    })
}

pub(super) fn json() -> impl Strategy<Value = Json> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        number.prop_map(|text| serde_json::from_str(&text).unwrap()),
    ];
    leaf.prop_recursive(5, 30, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Json::from),
            btree_map(any::<String>(), inner, 0..5).prop_map(|members| members.into_iter().collect::<Json>()),
        ]
    })
}

/// Data with a content type that fits it. Never empty: the binary mode has no empty data.
fn data() -> impl Strategy<Value = (Option<String>, Option<Data>)> {
    let of =
        |types: &'static [&'static str]| prop::sample::select(types).prop_map(|text| Some(text.to_owned()));
    let json_type = of(&[
        "application/json",
        "text/json; charset=utf-8",
        "application/x+json",
    ]);
    let text_type = of(&[
        "text/plain; charset=utf-8",
        "application/octet-stream",
        "text/x; a=\"b;c\"",
    ]);
    let bytes = |bytes: std::ops::Range<usize>| vec(any::<u8>(), bytes);
    prop_oneof![
        Just((None, None)),
        of(&["text/plain"]).prop_map(|content_type| (content_type, None)),
        (json_type, json().prop_map(|json| Some(Data::Json(json)))),
        (text_type, "(?s).{1,40}".prop_map(|text| Some(Data::Text(text)))),
        bytes(1..40).prop_map(|bytes| (None, Some(Data::Binary(bytes)))),
        (
            of(&["image/png"]),
            bytes(0..40).prop_map(|bytes| Some(Data::Binary([&[0xff], &bytes[..]].concat())))
        ),
        (
            of(&["text/plain; charset=latin1"]),
            bytes(1..9).prop_map(|bytes| Some(Data::Binary(bytes)))
        ),
    ]
}

prop_compose! {
    /// A message without a signature.
    pub(super) fn envelope()(
        (id, source, event_type) in (text(), "(byway://a/|urn:x:|/|#)[a-z0-9/]{0,8}", text()),
        (recipient, reply_to) in (address(), option::of(address())),
        (subject, idempotency_key, partition_key) in (option::of(text()), option::of(text()), option::of(text())),
        time in option::of(prop_oneof![instant().prop_map(|t| t.to_string()), Just("2016-12-31t23:59:60.1+01:00".to_owned())]),
        data_schema in option::of("https://example\\.org/[a-z]{0,5}"),
        priority in option::of(prop::sample::select(&Priority::ALL[..])),
        (expiry_time, deliver_after) in (option::of(instant()), option::of(instant())),
        hops in option::of(0..=2_147_483_647_u32),
        extensions in extensions(),
        (data_content_type, data) in data(),
    ) -> Envelope {
        Envelope {
            id, source, event_type, recipient, subject, time, data_content_type, data_schema, idempotency_key,
            priority, reply_to, partition_key, expiry_time, deliver_after, hops, signature: None, extensions, data,
        }
    }
}
