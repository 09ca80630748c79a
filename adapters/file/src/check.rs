//! What a configuration needs, and everything that is wrong with it.

use byway_adapter::template::{Place, Template};
use byway_adapter::{Needs, Problems};

use crate::config::{Config, Mode};

pub(crate) fn check(config: &Config) -> Result<Needs, Problems> {
    let mut problems = Problems::new();
    check_folder(config, &mut problems);
    match config.mode {
        Mode::Note => check_note(config, &mut problems),
        Mode::Drop => check_drop(config, &mut problems),
    }
    problems.or(needs(config))
}

fn needs(config: &Config) -> Needs {
    let access = match (config.mode, config.receive) {
        (Mode::Note, _) => "append",
        (Mode::Drop, false) => "drop",
        (Mode::Drop, true) => "receive",
    };
    Needs {
        // A dropped file's name is made of the message, so that a repetition is the same file. A
        // section is appended as often as it is sent.
        idempotent: config.mode == Mode::Drop,
        // Words that stand unquoted in an agent's own notes are its own words when it reads them again.
        owner: config.mode == Mode::Note && !config.is_quoted(),
        ..Needs::none().with_folder(&config.folder, access)
    }
}

fn check_folder(config: &Config, problems: &mut Problems) {
    let folder = &config.folder;
    if !folder.starts_with('/') || folder.split('/').any(|part| part == "..") {
        problems.add(
            "/folder",
            "The folder is not an absolute path.",
            "Write it from the root on, without `..`, as in \"/var/lib/agent/memory\".",
        );
    }
}

fn check_note(config: &Config, problems: &mut Problems) {
    for (pointer, is_there) in [
        ("/receive", config.receive),
        ("/only_for", config.only_for.is_some()),
    ] {
        if is_there {
            problems.add(
                pointer,
                "Messages are only received in mode `drop`.",
                "Take it out, or say mode = \"drop\".",
            );
        }
    }
    for (pointer, template) in [
        ("/file", &config.file),
        ("/heading", &config.heading),
        ("/body", &config.body),
    ] {
        if template
            .as_ref()
            .is_some_and(|template| template.secrets().next().is_some())
        {
            problems.add(pointer, "A secret never goes into a file.", "Take it out.");
        }
    }
    if let Some(file) = &config.file {
        check_file(file, problems);
    }
    if config
        .heading
        .as_ref()
        .is_some_and(|heading| heading.source().trim().is_empty() || heading.source().contains('\n'))
    {
        problems.add(
            "/heading",
            "A heading is one line.",
            "Write it as in \"## {sender} · {time}\".",
        );
    }
}

fn check_file(file: &Template, problems: &mut Problems) {
    let source = file.source();
    if source.contains(['/', '\0', '\n'])
        || source.starts_with('.')
        || source.is_empty()
        || source.len() > 128
    {
        problems.add(
            "/file",
            "This is not the name of a file in the folder.",
            "Use at most 128 characters, no `/`, and no `.` at its beginning.",
        );
    }
    if file
        .places()
        .any(|place| place.is_message_words() || *place == Place::Envelope)
    {
        problems.add(
            "/file",
            "What a message says cannot be the name of a file.",
            "Use {date}, {agent}, {sender} or {subject}.",
        );
    }
}

fn check_drop(config: &Config, problems: &mut Problems) {
    let only_for_notes = [
        ("/file", config.file.is_some()),
        ("/heading", config.heading.is_some()),
        ("/body", config.body.is_some()),
        ("/quote", config.quote.is_some()),
        (
            "/timezone_offset",
            config.timezone_offset != crate::config::Clock::default(),
        ),
    ];
    for (pointer, is_there) in only_for_notes {
        if is_there {
            problems.add(
                pointer,
                "This is only used in mode `note`.",
                "Take it out, or say mode = \"note\".",
            );
        }
    }
    let Some(instance) = &config.only_for else {
        return;
    };
    if !config.receive {
        problems.add(
            "/only_for",
            "Nothing is received.",
            "Add receive = true, or take this out.",
        );
    }
    let is_name = instance
        .bytes()
        .next()
        .is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        && instance
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c));
    if !is_name {
        problems.add(
            "/only_for",
            format!("`{instance}` is not the name of an instance."),
            "Write what `[instance] name` says: a-z, 0-9, `.`, `_` and `-`.",
        );
    }
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
    fn each_mode_needs_its_own_access() {
        let access = |config| needs_of(config).folders[0].access.clone();
        assert_eq!(access(r#"{"mode": "note", "folder": "/x"}"#), "append");
        assert_eq!(access(r#"{"mode": "drop", "folder": "/x"}"#), "drop");
        assert_eq!(
            access(r#"{"mode": "drop", "folder": "/x", "receive": true, "only_for": "pi-b"}"#),
            "receive"
        );
    }

    #[test]
    fn only_a_drop_is_idempotent() {
        assert!(needs_of(r#"{"mode": "drop", "folder": "/x"}"#).idempotent);
        assert!(!needs_of(r#"{"mode": "note", "folder": "/x"}"#).idempotent);
    }

    #[test]
    fn unquoted_notes_are_heard_as_the_owners() {
        assert!(!needs_of(r#"{"mode": "note", "folder": "/x"}"#).owner);
        assert!(needs_of(r#"{"mode": "note", "folder": "/x", "quote": false}"#).owner);
    }

    #[test]
    fn all_problems_are_found_at_once() {
        assert_eq!(
            pointers_of(
                r#"{"mode": "note", "folder": "x/../y", "file": "a/{text}", "heading": "{secret.t}\n", "receive": true,
                    "only_for": "b"}"#
            ),
            [
                "/folder",
                "/receive",
                "/only_for",
                "/heading",
                "/file",
                "/file",
                "/heading"
            ]
        );
        assert_eq!(
            pointers_of(r#"{"mode": "drop", "folder": "/x", "quote": true, "body": "", "only_for": "B"}"#),
            ["/body", "/quote", "/only_for", "/only_for"]
        );
        assert_eq!(
            pointers_of(r#"{"mode": "drp", "folder": 1, "timezone_offset": "CET", "recieve": true}"#),
            ["/recieve", "/mode", "/folder", "/timezone_offset"]
        );
    }

    #[test]
    fn a_hidden_or_distant_file_is_refused() {
        for file in ["../x.md", ".hidden", "", "a\u{0}b"] {
            let config = serde_json::json!({"mode": "note", "folder": "/x", "file": file}).to_string();
            assert_eq!(pointers_of(&config), ["/file"], "{file}");
        }
    }

    #[test]
    fn what_the_pages_and_examples_show_is_right() {
        let shown = byway_documented::transports("file").unwrap();
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
