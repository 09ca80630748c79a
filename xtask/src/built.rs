//! What cargo has built, as it tells by itself: nobody guesses at paths in its build folder.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};

/// Runs a build to its end, and gives those programs of one kind (`bin` or `bench`) that came of it, by name.
pub(crate) fn programs(cargo: &mut Command, kind: &str, doing: &str) -> Result<Vec<(String, PathBuf)>> {
    let output = cargo
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .doing(doing)?;
    if !output.status.success() {
        return Err(Failure::new(format!("cannot {doing}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| {
            let name = message.pointer("/target/name")?.as_str()?.to_owned();
            let is_wanted = message.pointer("/target/kind/0")? == kind;
            let program = PathBuf::from(message.get("executable")?.as_str()?);
            is_wanted.then_some((name, program))
        })
        .collect())
}
