//! Components and configurations that are wrong, found before any message meets them.

use std::path::Path;

use byway::config::{AdapterRef, Transport};
use byway::error_code::ErrorCode;
use byway::sandbox::{Compiling, Sandbox, SandboxSettings};
use serde_json::json;

use crate::stage::{With as _, guest, load, problems, puppet};

fn with_adapter(path: &Path) -> Transport {
    Transport {
        adapter: AdapterRef::Path(path.into()),
        ..puppet(json!({}))
    }
}

fn first(transport: &Transport) -> (ErrorCode, String) {
    let problem = problems(transport).remove(0);
    (problem.code, problem.message)
}

#[test]
fn a_file_that_is_no_component_is_told_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(guest("noop")).unwrap();
    for (name, bytes, words) in [
        ("empty", &b""[..], "empty"),
        ("script", b"#!/bin/sh\n", "no WebAssembly"),
        ("module", b"\0asm\x01\0\0\0", "core module"),
        ("short", &whole[..whole.len() / 2], "damaged or cut short"),
        ("header", &whole[..8], "does not export"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (code, message) = first(&with_adapter(&path));
        assert!(message.contains(words), "{name}: {message}");
        assert!(matches!(
            code,
            ErrorCode::NotAComponent | ErrorCode::WrongContract
        ));
    }
}

#[test]
fn damaged_components_never_do_more_than_fail() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.wasm");
    let whole = std::fs::read(guest("noop")).unwrap();
    for place in (8..whole.len()).step_by(whole.len() / 20) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x55;
        std::fs::write(&path, bytes).unwrap();
        // Some damage leaves a component that still loads; none may crash byway.
        crate::stage::sandbox().load(&with_adapter(&path)).map(drop).ok();
    }
}

#[test]
fn a_name_in_a_damaged_component_moves_no_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("escaping.wasm");
    let mut bytes = std::fs::read(guest("noop")).unwrap();
    let name = b"get-environment";
    for place in 0..bytes.len() - name.len() {
        if &bytes[place..place + name.len()] == name {
            bytes[place + 3] = 0x1b;
        }
    }
    std::fs::write(&path, bytes).unwrap();
    let (_, message) = first(&with_adapter(&path));
    assert!(message.contains("get\\u{1b}environment"), "{message}");
}

#[test]
fn a_component_of_another_world_is_told_by_its_first_difference() {
    let (code, message) = first(&with_adapter(&guest("stranger")));
    assert_eq!(code, ErrorCode::WrongContract);
    assert!(message.contains("other:plugin/weather@1.2.0"), "{message}");
}

#[test]
fn another_version_of_the_contract_is_told_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer.wasm");
    let mut bytes = std::fs::read(guest("noop")).unwrap();
    for place in 0..bytes.len() - 6 {
        if &bytes[place..place + 6] == b"@0.1.0" {
            bytes[place + 3] = b'9';
        }
    }
    std::fs::write(&path, bytes).unwrap();
    let (code, message) = first(&with_adapter(&path));
    assert_eq!(code, ErrorCode::WrongContract);
    assert!(
        message.contains("0.9.0") && message.contains("0.1.0"),
        "{message}"
    );
}

#[test]
fn functions_of_other_types_are_found_before_the_first_message() {
    let (code, message) = first(&with_adapter(&guest("shape")));
    assert_eq!(code, ErrorCode::WrongContract);
    assert!(
        message.contains("the adapter's `check` of `adapter`")
            || message.contains("the result of `check` of `adapter` is a string in the adapter"),
        "{message}"
    );
}

#[test]
fn a_component_that_is_not_the_pinned_one_is_not_even_looked_at() {
    let mut transport = with_adapter(&guest("loops"));
    transport.sha256 = Some([1; 32]);
    let problem = problems(&transport).remove(0);
    assert_eq!(
        (problem.code, problem.pointer.as_str()),
        (ErrorCode::DigestMismatch, "/sha256")
    );
    let fix = problem.fix.unwrap();
    let digest = fix.rsplit('"').nth(1).unwrap();
    let mut transport = with_adapter(&guest("loops"));
    let bytes: Vec<u8> = (0..64)
        .step_by(2)
        .map(|place| u8::from_str_radix(&digest[place..place + 2], 16).unwrap())
        .collect();
    transport.sha256 = Some(bytes.try_into().unwrap());
    assert_ne!(first(&transport).0, ErrorCode::DigestMismatch);
}

#[test]
fn a_describe_or_check_without_end_is_ended() {
    let (code, message) = first(&with_adapter(&guest("loops")));
    assert_eq!(code, ErrorCode::WrongContract);
    assert!(message.contains("describe"), "{message}");
    let (_, message) = first(&puppet(json!({ "check": "loop" })));
    assert!(message.contains("check"), "{message}");
}

#[test]
fn an_adapter_that_is_not_there_is_named_and_so_is_the_nearest() {
    let (code, _) = first(&with_adapter(Path::new("/no/such/adapter.wasm")));
    assert_eq!(code, ErrorCode::NoSuchAdapter);
    let sandbox = Sandbox::new(SandboxSettings {
        cache_dir: None,
        compiling: Compiling::InProcess,
        attempts_at_once_max: 1,
        lanes: 1,
        builtin: &[("webhook", b""), ("file", b"")],
    })
    .unwrap();
    let transport = Transport {
        adapter: AdapterRef::Builtin("webhok".into()),
        ..puppet(json!({}))
    };
    let problem = sandbox.load(&transport).map(drop).unwrap_err().remove(0);
    assert!(problem.fix.unwrap().contains("builtin:webhook"));
}

#[test]
fn what_the_adapter_finds_wrong_points_into_the_configuration() {
    let problem = problems(&puppet(json!({ "problem": "no such thing" }))).remove(0);
    assert_eq!(problem.code, ErrorCode::AdapterConfig);
    assert_eq!(
        (problem.pointer.as_str(), problem.message.as_str()),
        ("/config/problem", "no such thing")
    );
}

#[test]
fn every_missing_grant_comes_with_the_line_to_add() {
    let needs = json!({
        "http": ["POST https://a.test/x"], "commands": ["accept"], "signers": ["hook"],
        "folders": [{ "path": "/srv/drop", "access": "drop" }],
        "secrets": [{ "name": "token", "positions": ["header:authorization"] }]
    });
    let transport = puppet(json!({ "needs": needs })).http("http://b.test:80");
    let fixes: Vec<String> = problems(&transport)
        .into_iter()
        .map(|problem| {
            assert_eq!(problem.code, ErrorCode::MissingGrant);
            problem.fix.unwrap()
        })
        .collect();
    assert_eq!(
        fixes,
        [
            r#"in [transports.puppet] write: grants.http = ["http://b.test:80", "POST https://a.test/x"]"#,
            r#"[transports.puppet.grants.commands.accept] with argv = ["/path/to/program"]"#,
            r#"in [transports.puppet] write: grants.folders = [{ path = "/srv/drop", access = "drop" }]"#,
            r#"in [transports.puppet] write: secrets.token = { env = "TOKEN", in = ["header:authorization"] }"#,
            r#"in [transports.puppet] write: signers.hook = { env = "WEBHOOK_KEY" }"#,
        ]
    );
}

#[test]
fn a_pipe_and_a_folder_are_no_adapters_and_nobody_waits_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("adapter.wasm");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for path in [pipe.as_path(), folder.path()] {
        let (code, message) = first(&with_adapter(path));
        assert_eq!(code, ErrorCode::NoSuchAdapter);
        assert!(
            message.contains("no file that an adapter could be in"),
            "{message}"
        );
    }
}

#[test]
fn a_grant_that_covers_more_than_is_needed_is_enough() {
    let needs = json!({ "http": ["POST http://127.0.0.1:80/hooks/agent", "GET,POST http://127.0.0.1/x/*"], "idempotent": true });
    let transport = load(&puppet(json!({ "needs": needs })).http("http://127.0.0.1:80"));
    assert!(transport.idempotent() && !transport.owner());
    assert!(transport.receives() && transport.reconciles());
    assert_eq!(transport.description().name, "puppet");
}

#[test]
fn compiled_code_is_kept_for_oneself_and_damage_to_it_is_a_miss() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    let start = || {
        let sandbox = Sandbox::new(SandboxSettings {
            cache_dir: Some(cache.clone()),
            compiling: Compiling::InProcess,
            attempts_at_once_max: 1,
            lanes: 1,
            builtin: &[],
        })
        .unwrap();
        sandbox.load(&with_adapter(&guest("noop"))).map(drop).unwrap();
    };
    start();
    assert_eq!(
        std::fs::metadata(&cache).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let entries = files(&cache);
    assert!(!entries.is_empty(), "something is kept");
    start();
    for damage in [&b""[..], b"garbage", &[0; 4096]] {
        for entry in files(&cache) {
            std::fs::write(entry, damage).unwrap();
        }
        start();
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}
