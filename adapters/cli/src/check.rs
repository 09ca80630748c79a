//! What a configuration needs, and everything that is wrong with it.

use byway_adapter::answer::is_pointer;
use byway_adapter::{Needs, Problems};

use crate::config::{Config, OutputForm};

pub(crate) fn check(config: &Config) -> Result<Needs, Problems> {
    let mut problems = Problems::new();
    for (pointer, name) in [
        ("/command", Some(&config.command)),
        ("/probe_command", config.probe_command.as_ref()),
    ] {
        if name.is_some_and(String::is_empty) {
            problems.add(
                pointer,
                "The command has no name.",
                "Write the name of a command in the transport's grants.",
            );
        }
    }
    for (name, template) in &config.parameters {
        if let Some(secret) = template.secrets().next() {
            problems.add(
                format!("/parameters/{name}"),
                format!("The secret `{secret}` would be seen by everyone who lists processes."),
                "Bind it to the command's environment: in = [\"env:NAME\"].",
            );
        }
    }
    check_output(config, &mut problems);
    config.exit_codes.check("/exit_codes", &mut problems);
    problems.or(needs(config))
}

fn needs(config: &Config) -> Needs {
    let mut commands = vec![config.command.clone()];
    commands.extend(
        config
            .probe_command
            .clone()
            .filter(|probe| *probe != config.command),
    );
    Needs {
        commands,
        idempotent: config.idempotent,
        owner: config.is_owner(),
        ..Needs::none()
    }
}

fn check_output(config: &Config, problems: &mut Problems) {
    let pointers = [
        ("/status_pointer", &config.status_pointer),
        ("/error_pointer", &config.error_pointer),
        ("/reference_pointer", &config.reference_pointer),
        ("/answer_pointer", &config.answer_pointer),
    ];
    for (place, pointer) in pointers {
        let Some(pointer) = pointer else {
            continue;
        };
        if !is_pointer(pointer) {
            problems.add(
                place,
                "This is not a JSON Pointer.",
                "Write it as in \"/result/status\".",
            );
        }
        if config.output != OutputForm::Json {
            problems.add(place, "The output is not read as JSON.", "Add output = \"json\".");
        }
    }
    if !config.statuses.is_empty() && config.status_pointer.is_none() {
        problems.add("/statuses", "No status is read.", "Add `status_pointer`.");
    }
    if config.errors.is_empty() != config.error_pointer.is_none() {
        problems.add(
            "/errors",
            "An error's words and where they stand belong together.",
            "Write both `error_pointer` and `errors`, or neither.",
        );
    }
}

#[cfg(test)]
mod tests {
    use byway_adapter::configuration;

    use super::*;
    use byway_adapter::command::ExitCodes;

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
    fn a_command_alone_is_a_whole_configuration() {
        let needs = needs_of(r#"{"command": "accept"}"#);
        assert_eq!(needs.commands, ["accept"]);
        assert!(!needs.idempotent && !needs.owner);
        assert!(needs_of(r#"{"command": "accept", "idempotent": true}"#).idempotent);
    }

    #[test]
    fn a_command_that_gets_bare_words_is_heard_as_the_owner() {
        let owner = |config| needs_of(config).owner;
        assert!(owner(r#"{"command": "a", "input": "text"}"#));
        assert!(owner(r#"{"command": "a", "parameters": {"message": "{text}"}}"#));
        assert!(owner(
            r#"{"command": "a", "parameters": {"text_base64": "From {sender}: {data}"}}"#
        ));
        assert!(!owner(
            r#"{"command": "a", "parameters": {"text_base64": "{text}"}, "owner": false}"#
        ));
        assert!(!owner(
            r#"{"command": "a", "input": "base64", "parameters": {"to": "{agent}"}}"#
        ));
        assert!(owner(r#"{"command": "a", "owner": true}"#));
    }

    #[test]
    fn a_probe_command_is_needed_too() {
        assert_eq!(
            needs_of(r#"{"command": "a", "probe_command": "up"}"#).commands,
            ["a", "up"]
        );
        assert_eq!(
            needs_of(r#"{"command": "a", "probe_command": "a"}"#).commands,
            ["a"]
        );
    }

    #[test]
    fn all_problems_are_found_at_once() {
        assert_eq!(
            pointers_of(
                r#"{"command": "", "parameters": {"t": "{secret.token}"}, "status_pointer": "status",
                    "exit_codes": {"retryable": [1, 300], "refused": [1]}}"#
            ),
            [
                "/command",
                "/parameters/t",
                "/status_pointer",
                "/status_pointer",
                "/exit_codes/retryable/1",
                "/exit_codes/refused/0",
            ]
        );
        assert_eq!(
            pointers_of(r#"{"command": "a", "statuses": {"ok": "delivered"}}"#),
            ["/statuses"]
        );
        assert_eq!(
            pointers_of(r#"{"command": "a", "output": "json", "error_pointer": "/error"}"#),
            ["/errors"]
        );
        assert_eq!(
            pointers_of(
                r#"{"comand": "a", "output": "xml", "exit_codes": {"fatal": [1]}, "parameters": {"t": "{txt}"}}"#
            ),
            [
                "/comand",
                "/output",
                "/exit_codes/fatal",
                "/parameters/t",
                "/command"
            ]
        );
    }

    #[test]
    fn what_the_pages_and_examples_show_is_right() {
        let shown = byway_documented::transports("cli").unwrap();
        assert!(shown.len() >= 3);
        for transport in shown {
            let needs = needs_of(&transport.config);
            assert_eq!(transport.not_granted(&needs), [""; 0], "{}", transport.place);
        }
    }

    #[test]
    fn the_schema_names_every_key() {
        let schema: serde_json::Value = serde_json::from_str(include_str!("../config-schema.json")).unwrap();
        let sorted = |mut names: Vec<String>| {
            names.sort_unstable();
            names
        };
        let named = |pointer: &str| {
            let properties = schema
                .pointer(pointer)
                .and_then(serde_json::Value::as_object)
                .unwrap();
            sorted(properties.keys().cloned().collect())
        };
        let owned = |keys: Vec<&'static str>| sorted(keys.into_iter().map(str::to_owned).collect());
        assert_eq!(named("/properties"), owned(configuration::keys::<Config>()));
        assert_eq!(
            named("/properties/exit_codes/properties"),
            owned(configuration::keys::<ExitCodes>())
        );
    }
}
