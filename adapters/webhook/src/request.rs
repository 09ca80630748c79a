//! The request for one message. Pure, but for the references to secrets that `Values` brings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byway_adapter::http::Request;
use byway_adapter::template::{Escape, Values};
use byway_adapter::{Attempt, Data, Envelope, Failure, secrets};

use crate::config::{Config, Format};

/// Builds the request, all but the signature, which is made over its body.
pub(crate) fn build(
    config: &Config,
    envelope: &Envelope,
    attempt: &Attempt,
    values: &Values<'_>,
) -> Result<Request, Failure> {
    let mut request = Request::new(config.method.to_http(), config.url.render(values)?)
        .header("user-agent", concat!("byway-webhook/", env!("CARGO_PKG_VERSION")))
        .body(body(config, envelope, values)?);
    if let Some(media_type) = config.media_type().or(envelope.data_content_type.as_deref()) {
        request = request.header("content-type", media_type);
    }
    if config.format == Format::CloudeventsBinary {
        for attribute in &envelope.attributes {
            // The data's media type is the body's own, and has no header of its own.
            if attribute.name != "datacontenttype" {
                request = request.header(&format!("ce-{}", attribute.name), ce_value(&attribute.value));
            }
        }
    }
    if !config.idempotency_header.is_empty() {
        let mut key = String::new();
        Escape::Header.push(&mut key, &attempt.idempotency_key);
        request = request.header(&config.idempotency_header, key);
    }
    for (name, template) in &config.headers {
        request = request.header(name, template.render(values, Escape::Header)?.trim());
    }
    Ok(request)
}

/// Adds the headers that authorize: for a message, and for a probe alike.
pub(crate) fn authorize(config: &Config, mut request: Request) -> Result<Request, Failure> {
    if let Some(name) = &config.bearer {
        request = request.header("authorization", format!("Bearer {}", secrets::reference(name)?));
    }
    for (header, name) in &config.secret_headers {
        request = request.header(header, secrets::reference(name)?);
    }
    Ok(request)
}

fn body(config: &Config, envelope: &Envelope, values: &Values<'_>) -> Result<Vec<u8>, Failure> {
    Ok(match (config.format, &config.body) {
        (Format::Cloudevents, _) => envelope.structured.clone(),
        (Format::CloudeventsBinary, _) => envelope.data_bytes().to_vec(),
        (Format::Template, Some(body)) => body
            .render(values, config.media_type().unwrap_or_default())?
            .into_bytes(),
        (Format::Json | Format::Template, _) => plain_json(envelope).into_bytes(),
    })
}

/// The short form: who, to whom, what. JSON data is put in exactly as it was written.
fn plain_json(envelope: &Envelope) -> String {
    let mut members = vec![
        ("id", quoted(&envelope.id)),
        ("from", quoted(&envelope.sender())),
        ("to", quoted(&envelope.recipient)),
    ];
    members.extend(
        envelope
            .subject
            .as_deref()
            .map(|subject| ("subject", quoted(subject))),
    );
    members.extend(envelope.time.as_deref().map(|time| ("time", quoted(time))));
    members.extend(envelope.data.as_ref().map(|data| match data {
        Data::Text(text) => ("text", quoted(text)),
        Data::Json(json) => ("data", json.clone()),
        Data::Binary(bytes) => ("data_base64", quoted(&STANDARD.encode(bytes))),
    }));
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An attribute as the binary mode of CloudEvents' HTTP binding writes it: space, `"`, `%` and what is
/// not printable ASCII is percent-encoded.
fn ce_value(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'"' | b'%' => text.push_str(&format!("%{byte:02X}")),
            0x21..=0x7e => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use byway_adapter::{Header, configuration, sample};

    use super::*;

    fn built(config: &str, envelope: &Envelope) -> Request {
        let config: Config = configuration::read(config).unwrap();
        let secret = |name: &str| Ok(format!("ref-{name}"));
        let values = Values::new(envelope, "0193-abc", 0, &secret);
        build(&config, envelope, &sample::first_attempt(), &values).unwrap()
    }

    fn body_of(request: &Request) -> String {
        String::from_utf8(request.body.clone().unwrap()).unwrap()
    }

    fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        request
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_short_form_says_who_to_whom_and_what() {
        let request = built(r#"{"url": "https://x/"}"#, &sample::text("a \"b\"\n"));
        assert_eq!(
            body_of(&request),
            r#"{"id":"0193-abc","from":"planner@a","to":"executor@b","time":"2026-11-21T07:00:00Z","text":"a \"b\"\n"}"#
        );
        assert_eq!(header(&request, "content-type"), Some("application/json"));
        assert_eq!(header(&request, "idempotency-key"), Some("0193-abc"));
    }

    #[test]
    fn json_data_is_not_written_anew() {
        let exact = r#"{"n":1.0000000000000000001}"#;
        let request = built(
            r#"{"url": "https://x/"}"#,
            &sample::message(Some(Data::Json(exact.to_owned()))),
        );
        assert!(body_of(&request).ends_with(&format!("\"data\":{exact}}}")));
    }

    #[test]
    fn a_structured_event_goes_out_byte_for_byte() {
        let envelope = sample::text("hi");
        let request = built(r#"{"url": "https://x/", "format": "cloudevents"}"#, &envelope);
        assert_eq!(request.body.as_deref(), Some(envelope.structured.as_slice()));
        assert_eq!(
            header(&request, "content-type"),
            Some("application/cloudevents+json; charset=utf-8")
        );
    }

    #[test]
    fn a_binary_event_is_headers_and_the_bare_data() {
        let mut envelope = sample::message(Some(Data::Binary(vec![0, 255])));
        envelope.data_content_type = Some("application/octet-stream".to_owned());
        envelope
            .attributes
            .push(Header::new("datacontenttype", "application/octet-stream"));
        envelope.attributes.push(Header::new("note", "Euro € 😀 100%"));
        let request = built(
            r#"{"url": "https://x/", "format": "cloudevents-binary"}"#,
            &envelope,
        );
        assert_eq!(request.body.as_deref(), Some(&[0, 255][..]));
        assert_eq!(header(&request, "content-type"), Some("application/octet-stream"));
        assert_eq!(header(&request, "ce-datacontenttype"), None);
        assert_eq!(header(&request, "ce-id"), Some("0193-abc"));
        assert_eq!(
            header(&request, "ce-note"),
            Some("Euro%20%E2%82%AC%20%F0%9F%98%80%20100%25")
        );
    }

    #[test]
    fn templates_make_the_body_and_the_headers() {
        let request = built(
            r#"{"url": "https://x/h/{agent}?s={sender}", "format": "template", "idempotency_header": "",
                "body": {"message": "{sender}: {text}", "wake": true}, "headers": {"x-from": "{text}"}}"#,
            &sample::text("one\r\ntwo"),
        );
        assert_eq!(request.url.to_string(), "https://x/h/executor?s=planner%40a");
        assert_eq!(
            body_of(&request),
            r#"{"message":"planner@a: one\r\ntwo","wake":true}"#
        );
        assert_eq!(header(&request, "x-from"), Some("one  two"));
        assert_eq!(header(&request, "idempotency-key"), None);
    }
}
