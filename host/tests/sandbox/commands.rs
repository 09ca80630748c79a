//! Commands: what they get, what they do not, and how they end.

use std::collections::BTreeMap;

use byway::config::{ArgumentTemplate, CommandGrant, CommandInput, Position, Transport};
use byway::contract::OutcomeKind;
use serde_json::{Value, json};

use crate::stage::{With as _, delivers, fails, load, puppet, secret_file, sends};

fn fixed(text: &str) -> ArgumentTemplate {
    ArgumentTemplate::Fixed(text.into())
}

fn parameter(prefix: &str, name: &str) -> ArgumentTemplate {
    ArgumentTemplate::Parameter {
        prefix: prefix.into(),
        name: name.into(),
    }
}

fn grant(argv: Vec<ArgumentTemplate>) -> CommandGrant {
    CommandGrant {
        argv,
        stdin: CommandInput::Nothing,
        env: BTreeMap::new(),
        env_pass: vec![],
        cwd: None,
        effect: true,
    }
}

fn shell(script: &str) -> CommandGrant {
    grant(vec![fixed("/bin/sh"), fixed("-c"), fixed(script), fixed("sh")])
}

fn runs(step: Value, grant: CommandGrant) -> Transport {
    let mut transport = sends(json!([{ "command": step }]));
    transport.grants.commands.insert("it".into(), grant);
    transport
}

#[tokio::test]
async fn arguments_arrive_byte_for_byte_whatever_is_in_them() {
    for text in [
        "a b",
        "\"quoted\" 'single'",
        "$(id) `id` ${HOME}",
        "line\nbreak\t\\n",
        "--leading",
        ";|&<>*?",
        "漢字 é 😀",
    ] {
        let transport = runs(
            json!({ "name": "it", "parameters": { "text": text } }),
            grant(vec![
                fixed("printf"),
                fixed("[%s]"),
                parameter("--text=", "text"),
                parameter("", "text"),
            ]),
        );
        assert_eq!(
            delivers(&transport).await,
            format!("exited 0: [--text={text}][{text}]").replace('\t', "\\u{9}")
        );
    }
}

#[tokio::test]
async fn a_parameter_with_a_nul_or_without_a_place_is_refused() {
    for parameters in [
        json!({ "text": "a\u{0}b" }),
        json!({ "text": "a", "more": "b" }),
        json!({}),
    ] {
        let transport = runs(
            json!({ "name": "it", "parameters": parameters }),
            grant(vec![fixed("printf"), parameter("", "text")]),
        );
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, "invalid");
        assert_eq!(attempted.effect, None);
    }
}

#[tokio::test]
async fn the_environment_is_empty_but_for_what_was_named() {
    let file = secret_file("s3cret-in-env");
    let mut command = grant(vec![fixed("/usr/bin/env")]);
    command.env.insert("FIXED".into(), "1".into());
    command.env_pass = vec!["PATH".into(), "NOT_SET_ANYWHERE".into()];
    let transport =
        runs(json!({ "name": "it" }), command).secret("token", file.path(), Position::Env("TOKEN".into()));
    let mut names: Vec<String> = delivers(&transport)
        .await
        .trim_start_matches("exited 0: ")
        .lines()
        .map(|line| line.split('=').next().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["FIXED", "PATH", "TOKEN"]);
}

#[tokio::test]
async fn a_secret_reaches_the_command_and_its_complaint_comes_back_without_it() {
    let file = secret_file("s3cret-in-env");
    let transport = runs(
        json!({ "name": "it" }),
        shell("test ${#TOKEN} = 13 && echo \"no: $TOKEN\" >&2; exit 7"),
    )
    .secret("token", file.path(), Position::Env("TOKEN".into()));
    assert_eq!(delivers(&transport).await, "exited 7: no: *************\n");
}

#[tokio::test]
async fn input_is_what_the_operator_said_it_is() {
    let cat = |stdin| CommandGrant {
        stdin,
        ..grant(vec![fixed("cat")])
    };
    let given = json!({ "name": "it", "stdin": "from the adapter" });
    let none = json!({ "name": "it" });
    assert_eq!(
        delivers(&runs(given.clone(), cat(CommandInput::Adapter))).await,
        "exited 0: from the adapter"
    );
    assert_eq!(
        delivers(&runs(none.clone(), cat(CommandInput::Nothing))).await,
        "exited 0: "
    );
    let envelope = delivers(&runs(none, cat(CommandInput::Envelope))).await;
    assert!(envelope.contains(r#""id":"m-1""#), "{envelope}");
    for stdin in [CommandInput::Nothing, CommandInput::Envelope] {
        assert_eq!(fails(&runs(given.clone(), cat(stdin))).await.1.code, "invalid");
    }
}

#[tokio::test]
async fn a_reference_gets_into_no_argument_and_no_input() {
    let file = secret_file("s3cret-in-env");
    for step in [
        json!({ "name": "it", "parameters": { "text": "$secret:token" } }),
        json!({ "name": "it", "parameters": { "text": "" }, "stdin": "$secret:token" }),
    ] {
        let command = CommandGrant {
            stdin: CommandInput::Adapter,
            ..grant(vec![fixed("printf"), parameter("", "text")])
        };
        let transport = runs(step, command).secret("token", file.path(), Position::Env("TOKEN".into()));
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, "reference-not-allowed");
        assert_eq!(attempted.effect, None);
    }
}

#[tokio::test]
async fn a_command_that_cannot_start_is_no_effect() {
    for program in ["/no/such/program", "no-such-program-anywhere"] {
        let (attempted, failure) = fails(&runs(json!({ "name": "it" }), grant(vec![fixed(program)]))).await;
        assert_eq!(failure.code, "not-started");
        assert_eq!(attempted.effect, None);
    }
}

#[tokio::test]
async fn a_command_that_was_not_named_is_not_granted() {
    let (_, failure) = fails(&runs(json!({ "name": "other" }), shell("true"))).await;
    assert_eq!(failure.code, "not-granted");
}

#[tokio::test]
async fn output_is_capped_and_the_command_still_ends() {
    let mut transport = runs(
        json!({ "name": "it" }),
        shell("head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2"),
    );
    transport.limits.answer_bytes_max = 100;
    let detail = delivers(&transport).await;
    assert_eq!(detail, format!("exited 0: {}end\n (truncated)", "x".repeat(100)));
}

#[tokio::test]
async fn the_whole_group_is_killed_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("alive");
    let script = format!(
        "(while :; do date +%s%N > {0}; sleep 0.05; done) & sleep 60",
        mark.display()
    );
    let (attempted, failure) = fails(&runs(json!({ "name": "it" }), shell(&script)).timeout(600)).await;
    assert_eq!(
        (attempted.outcome.kind(), failure.code.as_str()),
        (OutcomeKind::Unknown, "deadline")
    );
    assert_eq!(attempted.effect.unwrap().0, "command it");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let before = std::fs::read(&mark).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(std::fs::read(&mark).unwrap(), before, "its child goes on writing");
}

#[tokio::test]
async fn a_child_left_in_the_background_does_not_hold_the_attempt() {
    let detail = delivers(&runs(json!({ "name": "it" }), shell("sleep 60 & echo done"))).await;
    assert_eq!(detail, "exited 0: done\n");
}

#[tokio::test]
async fn a_signal_is_told_apart_from_an_exit() {
    assert_eq!(
        delivers(&runs(json!({ "name": "it" }), shell("kill -TERM $$"))).await,
        "signalled 15: "
    );
}

#[tokio::test]
async fn a_probe_runs_only_commands_without_effect() {
    for (effect, allowed) in [(true, false), (false, true)] {
        let mut transport = puppet(json!({ "probe": [{ "command": { "name": "it" } }] }));
        let command = CommandGrant {
            effect,
            ..shell("true")
        };
        transport.grants.commands.insert("it".into(), command);
        let readiness = load(&transport).probe().await.unwrap();
        assert_eq!(readiness.findings[0].ok, allowed, "{readiness:?}");
    }
}

#[tokio::test]
async fn success_by_a_command_without_effect_is_no_delivery() {
    let command = CommandGrant {
        effect: false,
        ..shell("true")
    };
    let (_, failure) = fails(&runs(json!({ "name": "it" }), command)).await;
    assert_eq!(failure.code, "delivered-without-effect");
}
