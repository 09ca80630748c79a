//! The compiler with libFuzzer's counters, for our own crates only.
//!
//! Cargo calls this very program in place of rustc for the crates of the workspace (`RUSTC_WORKSPACE_WRAPPER`),
//! and for no other. So the counters stand where byway's decisions are, and what lies underneath,
//! wasmtime above all, is not built a second time. `cargo fuzz` puts them everywhere; the flags are its own.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::terminal::complain;

/// Set where this program stands in for rustc.
pub(super) const IN_PLACE_OF_RUSTC: &str = "BYWAY_XTASK_IN_PLACE_OF_RUSTC";

/// The crates that get counters, besides the targets.
const COUNTED: [&str; 2] = ["byway", "byway_fuzz"];

const FLAGS: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Compiles as rustc would, where Cargo has called this program for that; `None` where it has not.
pub(crate) fn in_place_of_rustc() -> Option<ExitCode> {
    std::env::var_os(IN_PLACE_OF_RUSTC)?;
    let mut arguments = std::env::args_os().skip(1);
    let rustc = arguments.next()?;
    let arguments: Vec<OsString> = arguments.collect();
    let mut command = Command::new(&rustc);
    // Also where Cargo only asks what there is: libFuzzer is a dependency under this condition.
    command.args(&arguments).args(["--cfg", "fuzzing"]);
    if wants_counters(&arguments) {
        command.args(FLAGS);
    }
    Some(match command.status() {
        // Ended by a signal it has no code.
        Ok(status) => ExitCode::from(
            status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(1),
        ),
        Err(error) => {
            complain(format!("cannot start {}: {error}", rustc.display()));
            ExitCode::FAILURE
        }
    })
}

/// Libraries and targets. A build script runs while building, and nothing there would count.
fn wants_counters(arguments: &[OsString]) -> bool {
    let after = |flag: &str| {
        let at = arguments.iter().position(|it| it == flag)?;
        arguments.get(at.checked_add(1)?)?.to_str()
    };
    after("--crate-name").is_some_and(|name| COUNTED.contains(&name) || super::TARGETS.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_code_gets_counters() {
        let wants = |text: &str| wants_counters(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(wants("--crate-name byway --edition=2024 host/src/lib.rs"));
        assert!(wants("--crate-name envelope fuzz/fuzz_targets/envelope.rs"));
        assert!(!wants("--crate-name build_script_build host/build.rs"));
        assert!(!wants("--crate-name xtask xtask/src/main.rs"));
        assert!(!wants("- --print cfg"));
    }
}
