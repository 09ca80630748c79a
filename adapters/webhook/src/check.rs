//! What a configuration needs, and everything that is wrong with it.

use byway_adapter::answer::is_pointer;
use byway_adapter::template::{Body, Escape, Values};
use byway_adapter::{Needs, Problems, sample};

use crate::config::{Config, Format};
use crate::headers;

pub(crate) fn check(config: &Config) -> Result<Needs, Problems> {
    let mut problems = Problems::new();
    check_body(config, &mut problems);
    headers::check(config, &mut problems);
    check_codes(config, &mut problems);
    let pointers = [
        ("/reference_pointer", &config.reference_pointer),
        ("/answer_pointer", &config.answer_pointer),
    ];
    for (place, pointer) in pointers {
        if pointer.as_deref().is_some_and(|pointer| !is_pointer(pointer)) {
            problems.add(
                place,
                "This is not a JSON Pointer.",
                "Write it as in \"/result/id\".",
            );
        }
    }
    check_statuses(config, &mut problems);
    if config.idempotent_for.is_some() && !config.is_idempotent() {
        problems.add(
            "/idempotent_for",
            "The far side does not recognise repetitions at all.",
            "Add idempotent = true, or take this out.",
        );
    }
    if config.probe_method.is_some() && config.probe_url.is_none() {
        problems.add(
            "/probe_method",
            "There is nothing to probe.",
            "Add `probe_url`, or take this out.",
        );
    }
    problems.or(needs(config))
}

fn needs(config: &Config) -> Needs {
    let mut needs = Needs::none();
    needs
        .http
        .push(config.url.grant(config.method.to_http().as_str()));
    if let Some(url) = &config.probe_url {
        needs.http.push(url.grant(config.probe_method().as_str()));
    }
    for name in config.url.secrets() {
        needs.add_secret(name, "url-path");
    }
    if let Some(name) = &config.bearer {
        needs.add_secret(name, "header:authorization");
    }
    for (header, name) in &config.secret_headers {
        needs.add_secret(name, &format!("header:{}", header.to_ascii_lowercase()));
    }
    for (header, template) in &config.headers {
        for name in template.secrets() {
            needs.add_secret(name, &format!("header:{}", header.to_ascii_lowercase()));
        }
    }
    needs.signers.extend(config.signing.clone());
    needs.idempotent = config.is_idempotent();
    needs
}

fn check_body(config: &Config, problems: &mut Problems) {
    match (&config.body, config.format) {
        (None, Format::Template) => problems.add(
            "/body",
            "The format `template` needs a body.",
            "Add `body`, such as { text = \"{sender}: {text}\" }.",
        ),
        (Some(_), format) if format != Format::Template => problems.add(
            "/body",
            "A body is only used with the format `template`.",
            "Add format = \"template\", or take the body out.",
        ),
        (Some(body), _) => {
            for name in body.secrets() {
                problems.add(
                    "/body",
                    format!("The secret `{name}` stands in the body, where the host never puts one."),
                    "Put it into a header with `bearer` or `secret_headers`, or into the path of `url`.",
                );
            }
            check_json_text(config, body, problems);
        }
        (None, _) => {}
    }
    if config.content_type.is_some() && config.format != Format::Template {
        problems.add(
            "/content_type",
            "Every format but `template` has its own media type.",
            "Add format = \"template\", or take this out.",
        );
    }
    if config
        .content_type
        .as_deref()
        .is_some_and(|kind| !headers::is_value(kind) || !kind.contains('/'))
    {
        problems.add(
            "/content_type",
            "This is not a media type.",
            "Write it as in \"application/json\".",
        );
    }
}

/// A text body of a JSON type is tried with a message, so that a quote that is missing is found now.
fn check_json_text(config: &Config, body: &Body, problems: &mut Problems) {
    let media_type = config.media_type().unwrap_or_default();
    let is_json_text =
        matches!(body, Body::Text(_)) && Escape::for_media_type(media_type) == Escape::JsonString;
    if !is_json_text {
        return;
    }
    let envelope = sample::text("a \"quoted\" word");
    let secret = |_: &str| Ok(String::new());
    let rendered = body.render(&Values::new(&envelope, "key", 0, &secret), media_type);
    let is_json = rendered.is_ok_and(|text| serde_json::from_str::<serde_json::Value>(&text).is_ok());
    if !is_json {
        problems.add(
            "/body",
            "With a message put in, this text is not JSON.",
            "Write the body as a table instead of a text; then it always is.",
        );
    }
}

fn check_statuses(config: &Config, problems: &mut Problems) {
    for pointer in &config.status_pointer.0 {
        if !is_pointer(pointer) {
            problems.add(
                "/status_pointer",
                format!("`{pointer}` is not a JSON Pointer."),
                "Write it as in \"/result/status\".",
            );
        }
    }
    if config.statuses.is_empty() != config.status_pointer.0.is_empty() {
        problems.add(
            "/statuses",
            "Statuses and where they stand belong together.",
            "Write both `status_pointer` and `statuses`, or neither.",
        );
    }
}

fn check_codes(config: &Config, problems: &mut Problems) {
    let lists = [
        ("success", &config.success),
        ("retry_on", &config.retry_on),
        ("refuse_on", &config.refuse_on),
        ("unavailable_on", &config.unavailable_on),
    ];
    let mut known: Vec<(u16, &str)> = Vec::new();
    for (list, codes) in lists {
        for (index, code) in codes.iter().enumerate() {
            let pointer = format!("/{list}/{index}");
            if !(200..600).contains(code) {
                problems.add(
                    &pointer,
                    format!("{code} is not the status of an answer."),
                    "Use 200 to 599.",
                );
            } else if let Some((_, other)) = known.iter().find(|(known, _)| known == code) {
                problems.add(
                    &pointer,
                    format!("{code} is in `{other}` already."),
                    "Keep it in one list.",
                );
            }
            known.push((*code, list));
        }
    }
}

#[cfg(test)]
mod tests {
    use byway_adapter::configuration;

    use super::*;

    fn needs_of(config: &str) -> Needs {
        check(&configuration::read(config).unwrap()).unwrap()
    }

    fn problems_of(config: &str) -> Vec<(String, String)> {
        let problems = match configuration::read::<Config>(config) {
            Ok(config) => check(&config).unwrap_err().into_vec(),
            Err(problems) => problems,
        };
        problems
            .into_iter()
            .map(|problem| (problem.pointer, problem.message))
            .collect()
    }

    #[test]
    fn a_peer_needs_one_grant_and_is_idempotent() {
        let needs = needs_of(r#"{"url": "https://b.example.org/v1/inbound", "format": "cloudevents"}"#);
        assert_eq!(needs.http, ["POST https://b.example.org/v1/inbound"]);
        assert!(needs.idempotent && !needs.owner && needs.secrets.is_empty());
        assert!(!needs_of(r#"{"url": "https://x/"}"#).idempotent);
        assert!(needs_of(r#"{"url": "https://x/", "idempotent": true}"#).idempotent);
    }

    #[test]
    fn every_secret_is_needed_in_its_position() {
        let needs = needs_of(
            r#"{"url": "https://x/bot{secret.bot}/send", "method": "PUT", "bearer": "token",
                "secret_headers": {"X-Api-Key": "key"}, "headers": {"x-sig": "v1 {secret.key}"},
                "signing": "hooks", "probe_url": "https://x/health?full=1", "probe_method": "HEAD"}"#,
        );
        assert_eq!(needs.http, ["PUT https://x/*", "HEAD https://x/health"]);
        assert_eq!(needs.signers, ["hooks"]);
        let secrets: Vec<(&str, Vec<&str>)> = needs
            .secrets
            .iter()
            .map(|need| {
                (
                    need.name.as_str(),
                    need.positions.iter().map(String::as_str).collect(),
                )
            })
            .collect();
        assert_eq!(
            secrets,
            [
                ("bot", vec!["url-path"]),
                ("token", vec!["header:authorization"]),
                ("key", vec!["header:x-api-key", "header:x-sig"]),
            ]
        );
    }

    #[test]
    fn all_problems_are_found_at_once() {
        let found = problems_of(
            r#"{"url": "https://x/", "format": "json", "body": {"a": "{text}"}, "content_type": "json",
                "headers": {"host": "y", "Authorization": "Bearer abc", "x y": "1"}, "success": [99, 409],
                "retry_on": [409], "reference_pointer": "id", "probe_method": "GET"}"#,
        );
        let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/body",
                "/content_type",
                "/content_type",
                "/headers/Authorization",
                "/headers/host",
                "/headers/x y",
                "/success/0",
                "/retry_on/0",
                "/reference_pointer",
                "/probe_method",
            ]
        );
    }

    #[test]
    fn statuses_and_spans_are_looked_at() {
        for (config, pointer) in [
            (r#""status_pointer": "/a""#, "/statuses"),
            (r#""statuses": {"a": "refused"}"#, "/statuses"),
            (
                r#""status_pointer": ["/a", "b"], "statuses": {"a": "refused"}"#,
                "/status_pointer",
            ),
            (
                r#""status_pointer": 7, "statuses": {"a": "refused"}"#,
                "/status_pointer",
            ),
            (r#""idempotent_for": "5m""#, "/idempotent_for"),
            (
                r#""idempotent": true, "idempotent_for": "soon""#,
                "/idempotent_for",
            ),
        ] {
            let found = problems_of(&format!(r#"{{"url": "https://x/", {config}}}"#));
            assert_eq!(found[0].0, pointer, "{config}");
        }
    }

    #[test]
    fn a_secret_in_a_body_is_refused() {
        let found =
            problems_of(r#"{"url": "https://x/", "format": "template", "body": {"t": ["{secret.token}"]}}"#);
        assert_eq!(found[0].0, "/body");
        assert!(found[0].1.contains("`token`"), "{}", found[0].1);
    }

    #[test]
    fn a_json_text_that_cannot_be_json_is_refused() {
        let config = |body: &str| {
            format!(
                r#"{{"url": "https://x/", "format": "template", "content_type": "application/json", "body": {body}}}"#
            )
        };
        assert_eq!(problems_of(&config(r#""{{\"text\": {text}}}""#))[0].0, "/body");
        needs_of(&config(r#""{{\"text\": \"{text}\"}}""#));
    }

    #[test]
    fn a_name_that_does_not_exist_is_refused_where_it_stands() {
        let found = problems_of(r#"{"url": "https://x/{agnt}", "headers": {"x-from": "{sendr}"}}"#);
        let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/url", "/headers/x-from"]);
    }

    #[test]
    fn what_the_pages_and_examples_show_is_right() {
        let shown = byway_documented::transports("webhook").unwrap();
        assert!(shown.len() >= 3);
        for transport in shown {
            let needs = needs_of(&transport.config);
            assert_eq!(transport.not_granted(&needs), [""; 0], "{}", transport.place);
        }
    }

    #[test]
    fn the_schema_names_every_key() {
        let schema: serde_json::Value = serde_json::from_str(include_str!("../config-schema.json")).unwrap();
        let mut named: Vec<&str> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut keys = configuration::keys::<Config>();
        named.sort_unstable();
        keys.sort_unstable();
        assert_eq!(named, keys);
    }
}
