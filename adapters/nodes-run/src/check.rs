//! What a configuration needs, and everything that is wrong with it.

use byway_adapter::{Needs, Problems};
use openclaw_gateway::{NOT_ON_LOOPBACK, TOKEN_POSITION, is_on_loopback};

use crate::argument::Argument;
use crate::config::Config;
use crate::far_shell;

pub(crate) fn check(config: &Config) -> Result<Needs, Problems> {
    let mut problems = Problems::new();
    if !is_on_loopback(&config.url.0) {
        problems.add(
            "/url",
            NOT_ON_LOOPBACK,
            "Run byway beside its gateway and use ws://127.0.0.1:18789/.",
        );
    }
    if config.node.trim().is_empty() {
        problems.add(
            "/node",
            "The node has no name.",
            "Write its name or id: `openclaw nodes list` shows them.",
        );
    }
    check_argv(config, &mut problems);
    check_parameters(config, &mut problems);
    config.exit_codes.check("/exit_codes", &mut problems);
    problems.or(needs(config))
}

fn needs(config: &Config) -> Needs {
    let mut needs = Needs {
        http: vec![config.url.0.grant()],
        idempotent: config.idempotent,
        owner: config.is_owner(),
        ..Needs::none()
    };
    needs.add_secret(&config.token, TOKEN_POSITION);
    needs
}

fn check_argv(config: &Config, problems: &mut Problems) {
    match config.argv.first() {
        None => problems.add(
            "/argv",
            "There is nothing to run.",
            "Begin the list with the program.",
        ),
        Some(Argument::Fixed(program)) if program.is_empty() => problems.add(
            "/argv/0",
            "The program's name is empty.",
            "Write the program's name or path on the node.",
        ),
        Some(Argument::Parameter { .. }) => problems.add(
            "/argv/0",
            "A message cannot choose the program.",
            "Write the program's name or path on the node.",
        ),
        Some(Argument::Fixed(_)) => {}
    }
    let mut after_dashes = false;
    for (index, argument) in config.argv.iter().enumerate().skip(1) {
        if argument.stands_alone() && !after_dashes {
            problems.add(
                format!("/argv/{index}"),
                "What a message puts here could be read as an option.",
                "Write --option={name}, or put the argument -- somewhere before it.",
            );
        }
        after_dashes |= *argument == Argument::Fixed("--".to_owned());
    }
    if let Some((parameter, reader)) = far_shell::find_unsafe(&config.argv) {
        problems.add(
            "/argv",
            format!(
                "`{reader}` reads its arguments as a program, and `{{{parameter}}}` would be among them."
            ),
            format!("Give it as base64: name the parameter {parameter}_base64, and decode it over there."),
        );
    }
}

fn check_parameters(config: &Config, problems: &mut Problems) {
    let used = |name: &str| {
        let mut parameters = config.argv.iter().filter_map(Argument::parameter);
        parameters.any(|parameter| parameter == name)
    };
    for (index, argument) in config.argv.iter().enumerate() {
        if let Some(name) = argument
            .parameter()
            .filter(|name| !config.parameters.contains_key(*name))
        {
            problems.add(
                format!("/argv/{index}"),
                format!("The parameter `{name}` has no value."),
                format!("Add it: parameters = {{ {name} = \"{{envelope}}\" }}."),
            );
        }
    }
    for (name, template) in &config.parameters {
        let pointer = format!("/parameters/{name}");
        if let Some(secret) = template.secrets().next() {
            problems.add(
                pointer,
                format!("The secret `{secret}` would be seen by everyone who lists processes on the node."),
                "Take it out, and let the command over there find its own.",
            );
        } else if !used(name) {
            problems.add(
                pointer,
                "No argument has a place for it.",
                format!("Write --option={{{name}}} into `argv`, or take this out."),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use byway_adapter::command::ExitCodes;
    use byway_adapter::configuration;

    use super::*;

    const ACCEPT: &str = r#""argv": ["byway", "accept", "--base64={envelope_base64}"], "parameters": {"envelope_base64": "{envelope}"}"#;

    fn problems_of(config: &str) -> Vec<(String, String)> {
        let problems = match configuration::read::<Config>(config) {
            Ok(config) => check(&config).map_or_else(Problems::into_vec, |_| Vec::new()),
            Err(problems) => problems,
        };
        problems
            .into_iter()
            .map(|problem| (problem.pointer, problem.message))
            .collect()
    }

    fn pointers_of(more: &str) -> Vec<String> {
        let config = format!(r#"{{"url": "ws://127.0.0.1/", "node": "n", {more}}}"#);
        problems_of(&config)
            .into_iter()
            .map(|(pointer, _)| pointer)
            .collect()
    }

    fn needs_of(config: &str) -> Needs {
        check(&configuration::read(config).unwrap()).unwrap()
    }

    #[test]
    fn it_needs_the_gateways_socket_and_its_token_in_the_login() {
        let needs = needs_of(&format!(
            r#"{{"url": "ws://127.0.0.1:18789", "node": "n", "idempotent": true, {ACCEPT}}}"#
        ));
        assert_eq!(needs.http, ["ws://127.0.0.1:18789/"]);
        assert_eq!(needs.secrets[0].name, "token");
        assert_eq!(needs.secrets[0].positions, ["ws-json:/params/auth/token"]);
        assert!(needs.idempotent && !needs.owner && needs.commands.is_empty());
    }

    #[test]
    fn bare_words_are_heard_as_the_owners() {
        let say = r#"{"url": "ws://127.0.0.1/", "node": "n", "argv": ["say", "--t={t}"], "parameters": {"t": "{sender}: {text}"}"#;
        assert!(needs_of(&format!("{say}}}")).owner);
        assert!(!needs_of(&format!(r#"{say}, "owner": false}}"#)).owner);
    }

    #[test]
    fn what_is_gone_is_named() {
        let gone = problems_of(&format!(
            r#"{{"url": "http://127.0.0.1:18789/tools/invoke", "node": "n", "action": "run", {ACCEPT}}}"#
        ));
        let pointers: Vec<&str> = gone.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/url", "/action"]);
        for (pointer, message) in &gone {
            assert!(
                message.contains("nodes.run is gone since 2026.3.31"),
                "{pointer}: {message}"
            );
        }
    }

    #[test]
    fn all_problems_are_found_at_once() {
        assert_eq!(
            problems_of(
                r#"{"url": "ws://10.0.0.7/", "node": " ", "argv": ["{p}", "{q}", "sh"],
                    "parameters": {"p": "{secret.token}", "r": "{text}"}, "exit_codes": {"refused": [300]}}"#
            )
            .into_iter()
            .map(|(pointer, _)| pointer)
            .collect::<Vec<_>>(),
            [
                "/url",
                "/node",
                "/argv/0",
                "/argv/1",
                "/argv",
                "/argv/1",
                "/parameters/p",
                "/parameters/r",
                "/exit_codes/refused/0",
            ]
        );
        assert_eq!(pointers_of(r#""argv": []"#), ["/argv"]);
        assert_eq!(pointers_of(r#""argv": [""]"#), ["/argv/0"]);
        assert_eq!(pointers_of(r#""argv": ["a", "x{t}"]"#), ["/argv"]);
    }

    #[test]
    fn words_alone_stand_behind_two_dashes() {
        let more =
            |argv: &str| pointers_of(&format!(r#""argv": [{argv}], "parameters": {{"t": "{{text}}"}}"#));
        assert_eq!(more(r#""say", "{t}""#), ["/argv/1"]);
        assert_eq!(more(r#""say", "--", "{t}""#), [""; 0]);
    }

    #[test]
    fn what_the_pages_and_examples_show_is_right() {
        let shown = byway_documented::transports("nodes-run").unwrap();
        assert!(shown.len() >= 3);
        for transport in shown {
            let needs = needs_of(&transport.config);
            assert_eq!(transport.not_granted(&needs), [""; 0], "{}", transport.place);
        }
    }

    #[test]
    fn the_schema_names_every_key() {
        let schema: serde_json::Value = serde_json::from_str(include_str!("../config-schema.json")).unwrap();
        for (pointer, mut keys) in [
            ("/properties", configuration::keys::<Config>()),
            (
                "/properties/exit_codes/properties",
                configuration::keys::<ExitCodes>(),
            ),
        ] {
            let properties = schema.pointer(pointer).unwrap().as_object().unwrap();
            let mut named: Vec<&str> = properties.keys().map(String::as_str).collect();
            named.sort_unstable();
            keys.sort_unstable();
            assert_eq!(named, keys);
        }
    }
}
