//! What a configuration needs, and everything that is wrong with it.

use std::collections::BTreeSet;

use byway_adapter::http::Url;
use byway_adapter::{Needs, Problems};

use crate::address::{is_name, parts};
use crate::config::{Config, TOKEN};

/// The most parts a message may be sent in: Telegram takes 20 messages a minute for a group.
const PARTS_MOST: usize = 50;

pub(crate) fn check(config: &Config) -> Result<Needs, Problems> {
    let mut problems = Problems::new();
    if config.root().contains('?') {
        problems.add(
            "/api_root",
            "The root of the Bot API has no query.",
            "Write it without `?`.",
        );
    }
    if config.all_chats().next().is_none() && !config.receives() {
        problems.add(
            "",
            "There is no chat to write to, and nobody to hear.",
            "Add `chat`, such as \"-1001234567890\".",
        );
    }
    if !(1..=PARTS_MOST).contains(&config.parts_max) {
        problems.add(
            "/parts_max",
            format!("{} parts cannot be.", config.parts_max),
            format!("Write 1 to {PARTS_MOST}."),
        );
    }
    for key in config.chats.keys() {
        if !is_name(key) && parts(key).is_none() {
            problems.add(
                format!("/chats/{}", key.replace('~', "~0").replace('/', "~1")),
                format!("`{key}` is neither an agent nor an address."),
                "Write `executor` or `executor@pi-b`.",
            );
        }
    }
    check_people(config, &mut problems);
    problems.or(needs(config))
}

fn check_people(config: &Config, problems: &mut Problems) {
    let mut known = BTreeSet::new();
    for (name, id) in &config.people {
        let pointer = format!("/people/{}", name.replace('~', "~0").replace('/', "~1"));
        if *id <= 0 {
            problems.add(
                &pointer,
                format!("{id} is not the number of a person."),
                "People have numbers above 0; byway's log names those that it did not hear.",
            );
        } else if !known.insert(*id) {
            problems.add(&pointer, format!("{id} has two names."), "Keep one of the two.");
        }
        if name.is_empty() || name.chars().any(char::is_control) {
            problems.add(&pointer, "This is no name.", "Write one line of text.");
        }
    }
    let only_for_receiving = [
        ("/groups", !config.groups.is_empty()),
        ("/agent", config.agent.is_some()),
        ("/relays_to", !config.relays_to.is_empty()),
    ];
    for (pointer, is_there) in only_for_receiving {
        if is_there && !config.receives() {
            problems.add(
                pointer,
                "Nobody is heard.",
                "Add `people`, such as { anna = 123456789 }, or take this out.",
            );
        }
    }
    let one = [("/agent", &config.agent), ("/instance", &config.instance)]
        .into_iter()
        .filter_map(|(pointer, name)| Some((pointer.to_owned(), name.as_ref()?)));
    let relays = config.relays_to.iter().enumerate();
    let relays = relays.map(|(index, name)| (format!("/relays_to/{index}"), name));
    for (pointer, name) in one.chain(relays) {
        if !is_name(name) {
            problems.add(
                pointer,
                "This is no name of byway's.",
                "Use a-z, 0-9, `.`, `_` and `-`, without `@`.",
            );
        }
    }
}

fn needs(config: &Config) -> Needs {
    let mut needs = Needs::none();
    // The token stands in the path, so a grant cannot name what comes after it.
    if let Ok(all) = Url::parse(&format!("{}/*", config.root())) {
        needs.http.push(all.grant("GET"));
        if config.all_chats().next().is_some() {
            needs.http.push(all.grant("POST"));
        }
    }
    needs.add_secret(TOKEN, "url-path");
    needs
}

#[cfg(test)]
mod tests {
    use byway_adapter::configuration;

    use super::*;

    fn pointers_of(config: &str) -> Vec<String> {
        let problems = match configuration::read::<Config>(config) {
            Ok(config) => check(&config).unwrap_err().into_vec(),
            Err(problems) => problems,
        };
        problems.into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn needs_the_bot_api_and_the_token_in_the_path() {
        let needs = |config| check(&configuration::read(config).unwrap()).unwrap();
        let telegram = needs(r#"{"chat": 7}"#);
        assert_eq!(
            telegram.http,
            [
                "GET https://api.telegram.org/*",
                "POST https://api.telegram.org/*"
            ]
        );
        assert_eq!(telegram.secrets[0].positions, ["url-path"]);
        assert!(!telegram.idempotent && !telegram.owner);
        let hears = needs(r#"{"api_root": "http://127.0.0.1:1/tg", "people": {"anna": 7}}"#);
        assert_eq!(hears.http, ["GET http://127.0.0.1:1/tg/*"]);
    }

    #[test]
    fn all_problems_are_found_at_once() {
        assert_eq!(
            pointers_of(
                r#"{"api_root": "http://x/?a", "parts_max": 0, "agent": "A", "groups": ["-1"], "instance": "a@b", "relays_to": ["b", "*"]}"#
            ),
            [
                "/api_root",
                "",
                "/parts_max",
                "/groups",
                "/agent",
                "/relays_to",
                "/agent",
                "/instance",
                "/relays_to/1"
            ]
        );
        assert_eq!(
            pointers_of(
                r#"{"chats": {"Executor": 1, "a/b": 2}, "people": {"anna": 7, "bert": 7, "carl": -5}}"#
            ),
            ["/chats/Executor", "/chats/a~1b", "/people/bert", "/people/carl"]
        );
        assert_eq!(
            pointers_of(r#"{"chat": "team", "format": "markdown", "tokn": "x", "people": {"anna": "x"}}"#),
            ["/tokn", "/chat", "/format", "/people/anna"]
        );
    }

    #[test]
    fn what_the_pages_and_examples_show_is_right() {
        let shown = byway_documented::transports("telegram").unwrap();
        assert!(shown.len() >= 2);
        for transport in shown {
            let needs = check(&configuration::read(&transport.config).unwrap()).unwrap();
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
