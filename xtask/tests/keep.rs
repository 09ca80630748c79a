//! What a task starts ends with it, even if the task has no chance to clean up: its end of the pipe
//! closes, and that is all these tests do.

#![allow(clippy::unwrap_used, reason = "a test's report is its panic")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Starts a script under the keeper, and gives the script's process id, which it prints first.
fn kept(script: &str) -> (Child, String) {
    let mut keeper = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["keep", "sh", "-c", &format!("echo $$; {script}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut id = String::new();
    BufReader::new(keeper.stdout.take().unwrap())
        .read_line(&mut id)
        .unwrap();
    (keeper, id.trim().to_owned())
}

fn runs(id: &str) -> bool {
    Path::new("/proc").join(id).exists()
}

#[test]
fn closing_the_pipe_ends_the_program_and_the_keeper() {
    let (mut keeper, id) = kept("exec sleep 600");
    assert!(runs(&id));
    drop(keeper.stdin.take());
    assert!(keeper.wait().unwrap().success());
    assert!(!runs(&id), "the program outlived its keeper");
}

#[test]
fn a_program_that_does_not_listen_to_signals_ends_too() {
    let (mut keeper, id) = kept("trap '' TERM INT HUP; while :; do sleep 0.1; done");
    drop(keeper.stdin.take());
    keeper.wait().unwrap();
    assert!(!runs(&id), "the program outlived its keeper");
}

#[test]
fn a_program_that_ends_by_itself_ends_the_keeper() {
    let (mut keeper, _) = kept("exit 3");
    assert!(!keeper.wait().unwrap().success());
}
