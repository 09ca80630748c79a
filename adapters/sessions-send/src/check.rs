//! What a configuration needs, and everything that is wrong with it.

use byway_adapter::template::Place;
use byway_adapter::{Needs, Problems};
use openclaw_gateway::{NOT_ON_LOOPBACK, TOKEN_POSITION, is_on_loopback};

use crate::config::{Config, GatewayUrl};

/// Where a request has the token.
const INVOKE_POSITION: &str = "header:authorization";

pub(crate) fn check(config: &Config) -> Result<Needs, Problems> {
    let mut problems = Problems::new();
    check_url(config, &mut problems);
    check_session(config, &mut problems);
    check_subjects(config, &mut problems);
    let templates = [
        ("/session", config.session.as_ref()),
        ("/message", config.message.as_ref()),
    ];
    for (pointer, template) in templates {
        if let Some(secret) = template.and_then(|template| template.secrets().next()) {
            problems.add(
                pointer,
                format!("The secret `{secret}` would be read by the agent."),
                "Take it out; the gateway's token is put in by itself.",
            );
        }
    }
    problems.or(needs(config))
}

fn needs(config: &Config) -> Needs {
    let mut needs = Needs::none();
    match &config.url {
        GatewayUrl::Socket(url) => {
            needs.http.push(url.grant());
            needs.add_secret(&config.token, TOKEN_POSITION);
        }
        GatewayUrl::Invoke(url) => {
            needs.http.push(url.grant("POST"));
            needs.add_secret(&config.token, INVOKE_POSITION);
        }
    }
    needs
}

fn check_url(config: &Config, problems: &mut Problems) {
    match &config.url {
        GatewayUrl::Socket(url) if !is_on_loopback(url) => problems.add(
            "/url",
            NOT_ON_LOOPBACK,
            "Run byway beside its gateway and use ws://127.0.0.1:18789/, or the other gateway's https://…/tools/invoke.",
        ),
        GatewayUrl::Invoke(url) if !url.grant("POST").ends_with("/tools/invoke") => problems.add(
            "/url",
            "Over HTTP messages go through the gateway's tool endpoint.",
            "End the URL in /tools/invoke.",
        ),
        _ => {}
    }
    if config.wait_for.is_some() && matches!(config.url, GatewayUrl::Invoke(_)) {
        problems.add(
            "/wait_for",
            "Over HTTP the gateway's answer is always `accepted`: waiting would cost further turns.",
            "Take it out, or use the gateway's WebSocket.",
        );
    }
}

fn check_session(config: &Config, problems: &mut Problems) {
    let Some(template) = &config.session else {
        return;
    };
    if template.places().any(is_up_to_the_sender) {
        problems.add(
            "/session",
            "What stands in it is up to whoever sends a message, who could then choose any session.",
            "Use {agent}, {instance}, or {subject} with `subjects`.",
        );
    }
    let begins = template.fixed_start().starts_with("agent:");
    let is_a_subject = template.fixed_start().is_empty() && config.uses_subject();
    if !begins && !is_a_subject {
        problems.add(
            "/session",
            "This is not the key of a session.",
            "Write it as in \"agent:{agent}:main\", or \"{subject}\".",
        );
    }
}

fn check_subjects(config: &Config, problems: &mut Problems) {
    match (config.uses_subject(), config.subjects.is_empty()) {
        (true, true) => problems.add(
            "/subjects",
            "The session is named by the message's subject, and no subject is listed.",
            "List those that are allowed, as in [\"agent:{agent}:telegram:group:*\"].",
        ),
        (false, false) => problems.add(
            "/subjects",
            "No subject is used in `session`.",
            "Put {subject} into `session`, or take this out.",
        ),
        _ => {}
    }
    for (index, pattern) in config.subjects.iter().enumerate() {
        let mut places = pattern.places();
        if places.any(|place| !matches!(place, Place::Agent | Place::Instance)) {
            problems.add(
                format!("/subjects/{index}"),
                "A pattern can only have {agent} and {instance} in it.",
                "Write out the rest, with * for anything.",
            );
        }
    }
}

/// Whether a place stands for something that a sender chooses freely.
fn is_up_to_the_sender(place: &Place) -> bool {
    !matches!(
        place,
        Place::Agent | Place::Instance | Place::Subject | Place::Secret(_)
    )
}

#[cfg(test)]
mod tests {
    use byway_adapter::configuration;

    use super::*;

    fn needs_of(config: &str) -> Needs {
        check(&configuration::read(config).unwrap()).unwrap()
    }

    fn pointers_of(config: &str) -> Vec<String> {
        let problems = match configuration::read::<Config>(config) {
            Ok(config) => check(&config).unwrap_err().into_vec(),
            Err(problems) => problems,
        };
        problems.into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn ones_own_gateway_needs_its_socket_and_its_token_in_the_login() {
        let needs = needs_of(r#"{"url": "ws://127.0.0.1:18789"}"#);
        assert_eq!(needs.http, ["ws://127.0.0.1:18789/"]);
        assert_eq!(needs.secrets[0].name, "token");
        assert_eq!(needs.secrets[0].positions, ["ws-json:/params/auth/token"]);
        assert!(!needs.owner);
        needs_of(r#"{"url": "ws://localhost:18789/"}"#);
        needs_of(r#"{"url": "ws://[::1]:18789/", "wait_for": "accepted"}"#);
    }

    #[test]
    fn over_http_it_needs_one_request_and_its_token_in_a_header() {
        let needs = needs_of(r#"{"url": "https://gw.example.org/tools/invoke", "token": "gw"}"#);
        assert_eq!(needs.http, ["POST https://gw.example.org/tools/invoke"]);
        assert_eq!(needs.secrets[0].name, "gw");
        assert_eq!(needs.secrets[0].positions, ["header:authorization"]);
    }

    #[test]
    fn the_socket_of_another_machine_is_refused() {
        for url in [
            "ws://10.0.0.7:18789/",
            "wss://gw.example.org/",
            "ws://localhost.example.org/",
            "ws://127.0.0.1.example.org/",
        ] {
            assert_eq!(pointers_of(&format!(r#"{{"url": "{url}"}}"#)), ["/url"], "{url}");
        }
    }

    #[test]
    fn over_http_it_is_the_tool_endpoint_and_nobody_waits() {
        assert_eq!(
            pointers_of(r#"{"url": "https://gw.example.org/", "wait_for": "answer"}"#),
            ["/url", "/wait_for"]
        );
    }

    #[test]
    fn no_sender_chooses_the_session() {
        for session in [
            "agent:{agent}:{text}",
            "agent:{agent}:{attr.room}",
            "agent:{id}:main",
        ] {
            let config = format!(r#"{{"url": "ws://127.0.0.1/", "session": "{session}"}}"#);
            assert_eq!(pointers_of(&config), ["/session"], "{session}");
        }
        let subject = r#"{"url": "ws://127.0.0.1/", "session": "{subject}"}"#;
        assert_eq!(pointers_of(subject), ["/subjects"]);
        needs_of(
            r#"{"url": "ws://127.0.0.1/", "session": "{subject}", "subjects": ["agent:{agent}:telegram:group:*"]}"#,
        );
    }

    #[test]
    fn all_problems_are_found_at_once() {
        assert_eq!(
            pointers_of(
                r#"{"url": "ws://10.0.0.7/", "session": "main", "subjects": ["{text}*"], "message": "{secret.token}"}"#
            ),
            ["/url", "/session", "/subjects", "/subjects/0", "/message"]
        );
        assert_eq!(
            pointers_of(r#"{"url": "127.0.0.1:18789", "wait_for": "later"}"#),
            ["/url", "/wait_for"]
        );
    }

    #[test]
    fn what_the_pages_and_examples_show_is_right() {
        let shown = byway_documented::transports("sessions-send").unwrap();
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
