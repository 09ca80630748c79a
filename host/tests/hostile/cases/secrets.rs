//! Guests that want a secret's value, or want it to go where the operator did not say. The secret is bound to the header
//! `authorization` towards the far side; that its value was seen nowhere else, neither in what came back nor in the log nor
//! in a file, is looked at after each case of the whole table.

use byway::config::{ArgumentTemplate, CommandInput, FolderAccess, Position};
use byway::contract::OutcomeKind;
use serde_json::{Value, json};

use crate::case::{Case, End, Grant, sends};
use crate::far_side::Script;
use crate::world::VALUE;

const DENIED: &str = "httprequestdenied";
const DENIED_IN_ONE_CALL: &str = "not-granted";
const MISPLACED: &str = "reference-not-allowed";

/// Steps with a secret bound to a header.
fn knows(name: &'static str, steps: Value) -> Case {
    sends(name, steps).granted([
        Grant::Far,
        Grant::Secret("token", Position::Header("authorization".into())),
    ])
}

/// One request with the reference somewhere.
fn puts(name: &'static str, http: Value) -> Case {
    knows(name, json!([{ "http": http }])).fails(OutcomeKind::Unknown, DENIED, "")
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = in_requests();
    cases.extend(elsewhere());
    cases.extend(echoed());
    cases
}

fn in_requests() -> Vec<Case> {
    vec![
        puts(
            "reference-in-the-host",
            json!({ "url": "{far}/", "authority": "$secret:token.test" }),
        ),
        knows(
            "reference-in-one-call",
            json!([{ "request": { "url": "{far}/", "chunks": ["$secret:token"] } }]),
        )
        .fails(OutcomeKind::Retryable, DENIED_IN_ONE_CALL, ""),
        puts("reference-in-the-path", json!({ "url": "{far}/$secret:token" })),
        puts(
            "reference-in-the-query",
            json!({ "url": "{far}/?q=$secret:token" }),
        ),
        puts(
            "reference-in-another-header",
            json!({ "url": "{far}/", "headers": { "x-other": "$secret:token" } }),
        ),
        puts(
            "reference-in-a-headers-name",
            json!({ "url": "{far}/", "headers": { "x-$secret:token": "1" } }),
        ),
        puts(
            "reference-in-the-method",
            json!({ "url": "{far}/", "method": "$secret:token" }),
        ),
        puts(
            "reference-in-the-body",
            json!({ "url": "{far}/", "chunks": ["a $secret:token b"] }),
        ),
        // The guest writes 4096 bytes at a time.
        puts(
            "reference-cut-in-two",
            json!({ "url": "{far}/", "chunks": ["x".repeat(4080), "$secret:token"] }),
        ),
        puts(
            "reference-towards-another-host",
            json!({ "url": "{elsewhere}/", "headers": { "authorization": "$secret:token" } }),
        ),
    ]
}

fn elsewhere() -> Vec<Case> {
    let folder = |access| Grant::Folder(access);
    let prints = || {
        let parameter = ArgumentTemplate::Parameter {
            prefix: String::new(),
            name: "text".into(),
        };
        Grant::Command(
            vec![ArgumentTemplate::Fixed("printf".into()), parameter],
            CommandInput::Adapter,
        )
    };
    vec![
        // A line with a reference in it is withheld.
        knows("reference-in-the-log", json!([{ "log": { "text": "$secret:token" } }, { "fail": { "kind": "refused", "code": "done" } }]))
            .denied("done"),
        knows("reference-in-a-failure", json!([{ "fail": { "kind": "refused", "code": "done", "message": "is $secret:token" } }]))
            .fails(OutcomeKind::Refused, "done", "is {token}"),
        knows("reference-in-a-receipt", json!([{ "http": { "url": "{far}/" } }, { "last": "is $secret:token" }]))
            .ends(End::Delivers { says: "is {token}" }),
        knows("reference-in-progress", json!([{ "save": "$secret:token" }])).denied(MISPLACED),
        knows("reference-in-a-record", json!([{ "append": { "folder": "{granted}", "name": "a", "bytes": "$secret:token" } }]))
            .granted([folder(FolderAccess::Append)])
            .denied(MISPLACED),
        knows("reference-in-a-file", json!([{ "drop": { "folder": "{granted}", "name": "a", "bytes": "$secret:token" } }]))
            .granted([folder(FolderAccess::Drop)])
            .denied(MISPLACED),
        knows("reference-in-a-files-name", json!([{ "drop": { "folder": "{granted}", "name": "$secret:token", "bytes": "x" } }]))
            .granted([folder(FolderAccess::Drop)])
            .denied(MISPLACED),
        knows("reference-in-an-argument", json!([{ "command": { "name": "it", "parameters": { "text": "$secret:token" } } }]))
            .granted([prints()])
            .denied(MISPLACED),
        knows("reference-in-standard-input", json!([{ "command": { "name": "it", "parameters": { "text": "a" }, "stdin": "$secret:token" } }]))
            .granted([prints()])
            .denied(MISPLACED),
        sends("secret-that-was-not-given", json!([{ "fail": { "kind": "refused", "code": "done", "message": "$secret:token" } }]))
            .fails(OutcomeKind::Refused, "done", "not-granted"),
    ]
}

fn echoed() -> Vec<Case> {
    let asks = |show: &str| {
        json!([{ "http": {
        "url": "{far}/", "show": show, "headers": { "authorization": "Bearer $secret:token" }
    } }])
    };
    let raw =
        |head: String, body: &str| Script::Raw(format!("{head}content-length: {}\r\n\r\n{body}", body.len()));
    let covered = || End::Delivers { says: "***" };
    vec![
        knows("echo-in-a-body", asks("")).ends(covered()),
        knows("echo-in-a-header", asks("x-echo"))
            .far(raw(format!("HTTP/1.1 200 OK\r\nx-echo: {VALUE}\r\n"), ""))
            .ends(covered()),
        knows("echo-in-base64", asks(""))
            .far(raw("HTTP/1.1 200 OK\r\n".into(), "djNyeS1zM2NyZXQtdmFsdWU="))
            .ends(covered()),
        knows("echo-in-the-status", asks(""))
            .far(raw(format!("HTTP/1.1 500 {VALUE}\r\n"), ""))
            .fails(OutcomeKind::Retryable, "http-500", ""),
        knows("echo-in-an-error", asks(""))
            .far(raw("HTTP/1.1 401 No\r\n".into(), VALUE))
            .fails(OutcomeKind::Retryable, "http-401", "***"),
        sends("echo-by-a-command", json!([{ "command": { "name": "it" } }]))
            .granted([
                Grant::Secret("token", Position::Env("TOKEN".into())),
                Grant::Command(
                    ["/bin/sh", "-c", "echo $TOKEN"]
                        .map(|it| ArgumentTemplate::Fixed(it.into()))
                        .into(),
                    CommandInput::Nothing,
                ),
            ])
            .ends(covered()),
    ]
}
