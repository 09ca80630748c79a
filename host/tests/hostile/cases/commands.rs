//! Guests that want an operator's command to do something else. The command prints its arguments in brackets, so that what it
//! was given can be read off; had a shell read them, the folder beside the granted one would have a new file.

use byway::config::{ArgumentTemplate, CommandInput};
use serde_json::{Value, json};

use crate::case::{Case, End, Grant, sends};

/// `printf '[%s]' --text={text} {text}`.
fn prints() -> Grant {
    let parameter = |prefix: &str| ArgumentTemplate::Parameter {
        prefix: prefix.into(),
        name: "text".into(),
    };
    let fixed = |text: &str| ArgumentTemplate::Fixed(text.into());
    let argv = vec![
        fixed("printf"),
        fixed("[%s]"),
        parameter("--text="),
        parameter(""),
    ];
    Grant::Command(argv, CommandInput::Nothing)
}

fn says(name: &'static str, text: &str, shown: &'static str) -> Case {
    runs(name, json!({ "name": "it", "parameters": { "text": text } })).ends(End::Delivers { says: shown })
}

fn runs(name: &'static str, command: Value) -> Case {
    sends(name, json!([{ "command": command }])).granted([prints()])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        says(
            "argument-that-is-an-option",
            "--version",
            "[--text=--version][--version]",
        ),
        says(
            "argument-with-a-command-in-it",
            "$(touch ../new) `touch ../new`",
            "[$(touch ../new) `touch ../new`]",
        ),
        says(
            "argument-that-ends-the-command",
            "'; touch ../new; #",
            "['; touch ../new; #]",
        ),
        says(
            "argument-with-a-line-break",
            "a\ntouch ../new",
            "[a\ntouch ../new]",
        ),
        says("argument-that-is-two", "a b --c=d", "[a b --c=d]"),
        runs(
            "argument-with-a-nul",
            json!({ "name": "it", "parameters": { "text": "a\0b" } }),
        )
        .denied("invalid"),
        runs(
            "argument-the-template-has-not",
            json!({ "name": "it", "parameters": { "text": "a", "more": "b" } }),
        )
        .denied("invalid"),
        runs(
            "input-the-operator-did-not-allow",
            json!({ "name": "it", "parameters": { "text": "a" }, "stdin": "touch ../new" }),
        )
        .denied("invalid"),
        runs("command-that-was-not-named", json!({ "name": "/bin/sh" })).denied("not-granted"),
        sends(
            "success-without-an-effect",
            json!([{ "last": "delivered, believe me" }]),
        )
        .breaks("delivered-without-effect", "has sent nothing"),
    ]
}
