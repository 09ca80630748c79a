//! Compiling in a child process, with the real program: what it makes is what its parent runs, and what it
//! cannot do hurts nobody else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use byway::config::{AdapterRef, Transport};
use byway::error_code::ErrorCode;
use byway::sandbox::{CompileLimits, Compiling, PreflightProblem, Sandbox, SandboxSettings};
use serde_json::json;

use crate::stage::{guest, puppet};

const BYWAY: &str = env!("CARGO_BIN_EXE_byway");

fn sandbox(program: &str, limits: CompileLimits, cache_dir: Option<PathBuf>) -> Sandbox {
    Sandbox::new(SandboxSettings {
        cache_dir,
        compiling: Compiling::Child {
            program: program.into(),
            limits,
        },
        attempts_at_once_max: 1,
        lanes: 1,
        builtin: &[],
    })
    .unwrap()
}

fn with_adapter(path: &Path) -> Transport {
    Transport {
        adapter: AdapterRef::Path(path.into()),
        ..puppet(json!({}))
    }
}

/// What keeps a good component from being loaded.
fn problem(program: &str, limits: CompileLimits) -> PreflightProblem {
    let sandbox = sandbox(program, limits, None);
    let mut problems = sandbox.load(&with_adapter(&guest("noop"))).map(drop).unwrap_err();
    assert_eq!(problems.len(), 1);
    problems.remove(0)
}

#[tokio::test]
async fn what_a_child_compiled_runs_in_its_parent() {
    let sandbox = sandbox(BYWAY, CompileLimits::default(), None);
    let transport = sandbox.load(&puppet(json!({ "send": [] }))).unwrap();
    assert_eq!(transport.description().name, "puppet");
    transport.attempt(crate::stage::call()).await.unwrap();
}

#[test]
fn what_was_kept_is_not_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = || Some(folder.path().join("compiled"));
    let transport = with_adapter(&guest("noop"));
    let first = sandbox(BYWAY, CompileLimits::default(), cache());
    first.load(&transport).map(drop).unwrap();
    let second = sandbox("/no/such/program", CompileLimits::default(), cache());
    second.load(&transport).map(drop).unwrap();
    // While the first still runs what it mapped, its entry is taken away and made anew.
    for entry in std::fs::read_dir(folder.path().join("compiled")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let third = sandbox(BYWAY, CompileLimits::default(), cache());
    third.load(&transport).map(drop).unwrap();
    first.load(&transport).map(drop).unwrap();
}

#[test]
fn too_much_time_is_told_by_the_limit_s_name_and_value() {
    let problem = problem(
        BYWAY,
        CompileLimits {
            time: Duration::from_millis(1),
            ..CompileLimits::default()
        },
    );
    assert_eq!(problem.code, ErrorCode::NotCompiled);
    assert!(
        problem.message.contains("compile_time_max (1ms)"),
        "{}",
        problem.message
    );
}

#[test]
fn too_much_memory_is_told_by_the_limit_s_name_and_value() {
    // From hardly any, which the child cannot even read with, to what is short for compiling.
    for memory_bytes in [1 << 20, 16 << 20, 64 << 20] {
        let limits = CompileLimits {
            memory_bytes,
            ..CompileLimits::default()
        };
        let sandbox = sandbox(BYWAY, limits, None);
        let Err(problems) = sandbox.load(&puppet(json!({}))).map(drop) else {
            assert!(memory_bytes > 16 << 20, "compiled in {memory_bytes} bytes");
            continue;
        };
        assert_eq!(problems[0].code, ErrorCode::NotCompiled, "{problems:?}");
        assert!(
            problems[0]
                .message
                .contains(&format!("compile_memory_max ({memory_bytes} bytes)")),
            "{}",
            problems[0].message
        );
    }
}

#[test]
fn a_damaged_component_is_told_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.wasm");
    let whole = std::fs::read(guest("noop")).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let sandbox = sandbox(BYWAY, CompileLimits::default(), None);
    let problems = sandbox.load(&with_adapter(&path)).map(drop).unwrap_err();
    assert_eq!(problems[0].code, ErrorCode::NotAComponent);
    assert!(
        problems[0].message.contains("damaged or cut short"),
        "{problems:?}"
    );
}

#[test]
fn a_compiler_that_breaks_or_is_missing_is_a_problem_of_the_adapter_alone() {
    for (program, words) in [
        ("/bin/false", "exit status: 1"),
        // Says nothing, and so compiles nothing.
        ("/bin/true", "without any code"),
        ("/no/such/program", "cannot be started"),
    ] {
        let problem = problem(program, CompileLimits::default());
        assert_eq!(problem.code, ErrorCode::NotCompiled);
        assert!(problem.message.contains(words), "{}", problem.message);
    }
}

#[test]
fn a_compiler_that_has_much_to_say_is_heard_to_its_end() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("compiler");
    // More than a pipe holds, before anything else.
    std::fs::write(
        &program,
        "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x >&2\nexit 7\n",
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let problem = problem(program.to_str().unwrap(), CompileLimits::default());
    assert_eq!(problem.code, ErrorCode::NotCompiled);
    assert!(problem.message.contains("exit status: 7"), "{}", problem.message);
}
