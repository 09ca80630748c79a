//! The headers that a configuration may set: each once, none that the host makes, none that belongs to the event or its
//! signature, and no token in plain sight.

use byway_adapter::Problems;

use crate::config::{Config, Format};

/// Headers that the host, or the connection, makes itself.
const NOT_OURS: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Adds what is wrong with the headers of a configuration.
pub(crate) fn check(config: &Config, problems: &mut Problems) {
    let mut taken = vec!["content-type".to_owned()];
    let mut look_at = |pointer: &str, name: &str, problems: &mut Problems| {
        let lower = name.to_ascii_lowercase();
        if !is_name(name) {
            problems.add(
                pointer,
                format!("`{name}` is not the name of a header."),
                "Use letters, digits and `-`.",
            );
        } else if NOT_OURS.contains(&lower.as_str()) {
            problems.add(
                pointer,
                format!("The header `{name}` is made by the host."),
                "Take it out.",
            );
        } else if taken.contains(&lower) {
            let fix = match lower.as_str() {
                "content-type" => "Use `content_type`.",
                _ => "Keep one of the two.",
            };
            problems.add(pointer, format!("The header `{name}` is set in two places."), fix);
        } else if lower.starts_with("ce-") && config.format == Format::CloudeventsBinary {
            problems.add(
                pointer,
                format!("The header `{name}` is an attribute of the event."),
                "Take it out.",
            );
        } else if lower.starts_with("webhook-") && config.signing.is_some() {
            problems.add(
                pointer,
                format!("The header `{name}` belongs to the signature."),
                "Take it out.",
            );
        }
        taken.push(lower);
    };
    if config.bearer.is_some() {
        look_at("/bearer", "authorization", problems);
    }
    for name in config.secret_headers.keys() {
        look_at(&format!("/secret_headers/{name}"), name, problems);
    }
    for (name, template) in &config.headers {
        let pointer = format!("/headers/{name}");
        look_at(&pointer, name, problems);
        if name.eq_ignore_ascii_case("authorization") && template.secrets().next().is_none() {
            problems.add(
                &pointer,
                "A token does not belong into a configuration.",
                "Add it to the transport's `secrets`, and say bearer = \"<its name>\".",
            );
        } else if !is_value(template.source()) {
            problems.add(
                &pointer,
                "The value of a header is one line of text.",
                "Take the line end out.",
            );
        }
    }
    if !config.idempotency_header.is_empty() {
        look_at("/idempotency_header", &config.idempotency_header, problems);
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c))
}

/// Whether this can be the value of a header: one line.
pub(crate) fn is_value(value: &str) -> bool {
    !value.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use byway_adapter::configuration;

    use super::*;

    fn problems_of(config: &str) -> Vec<(String, String)> {
        let config: Config = configuration::read(config).unwrap();
        let mut problems = Problems::new();
        check(&config, &mut problems);
        problems
            .into_vec()
            .into_iter()
            .map(|problem| (problem.pointer, problem.message))
            .collect()
    }

    #[test]
    fn a_header_is_set_once() {
        let found =
            problems_of(r#"{"url": "https://x/", "bearer": "t", "secret_headers": {"Authorization": "t"}}"#);
        assert_eq!(
            found,
            [(
                "/secret_headers/Authorization".to_owned(),
                "The header `Authorization` is set in two places.".to_owned()
            )]
        );
    }

    #[test]
    fn what_the_host_the_event_or_the_signature_makes_is_not_set() {
        for (config, message) in [
            (
                r#""headers": {"Content-Length": "3"}"#,
                "The header `Content-Length` is made by the host.",
            ),
            (
                r#""format": "cloudevents-binary", "headers": {"ce-id": "x"}"#,
                "The header `ce-id` is an attribute of the event.",
            ),
            (
                r#""signing": "hooks", "headers": {"webhook-id": "x"}"#,
                "The header `webhook-id` belongs to the signature.",
            ),
            (
                r#""headers": {"x-from": "a\nb"}"#,
                "The value of a header is one line of text.",
            ),
        ] {
            let found = problems_of(&format!(r#"{{"url": "https://x/", {config}}}"#));
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].1, message);
        }
    }
}
