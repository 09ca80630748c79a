//! Runs the benches of `host/benches` and shows what they print, one after the other, in one table.
//!
//! Times are for people: they depend on the machine and on what else it does, so every bench compares within one run
//! and prints the load. What gates a change is counted, not timed (`cargo xtask budget`).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};
use crate::layout::Layout;
use crate::terminal::say;
use crate::{components, process, pypi, setup};

/// What there is to measure, in the order of the table.
const BENCHES: [(&str, &str); 6] = [
    (
        "attempt",
        "one attempt of an adapter that does nothing, beside the bare engine",
    ),
    (
        "webhook",
        "one webhook through the sandbox, beside the same client used natively",
    ),
    ("start", "starting, and the memory of one that waits"),
    (
        "accept",
        "accepts that share one sync, at 64 clients; and what the journal's chain takes",
    ),
    (
        "queue",
        "the queue's operations and memory, with a thousand to a million messages waiting",
    ),
    (
        "end_to_end",
        "accepted durably, delivered after a dead first choice, recorded; beside others",
    ),
];
/// How long one bench may take.
const LIMIT: Duration = Duration::from_secs(900);

/// Runs the benches, or those that are named.
pub(crate) fn bench(layout: &Layout, only: &[String]) -> Result<()> {
    if let Some(unknown) = only.iter().find(|name| BENCHES.iter().all(|(it, _)| it != name)) {
        let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        return Err(Failure::new(format!("there is no bench `{unknown}`"))
            .fix(format!("name one of: {}", names.join(", "))));
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|it| it == name);
    say("==> toolchain");
    let toolchain = setup::prepare_toolchain()?;
    say("==> components");
    components::build(layout, &toolchain)?;
    say("==> benches, release");
    let programs = build(layout)?;
    let python = if wanted("end_to_end") {
        pypi::prepare(layout, &pypi::OF_BENCHES)
    } else {
        None
    };
    for (name, what) in BENCHES.into_iter().filter(|(name, _)| wanted(name)) {
        say(format!("\n{name}: {what}"));
        let program = programs
            .iter()
            .find(|(bench, _)| bench == name)
            .ok_or_else(|| Failure::new(format!("cargo did not say where it put the bench {name}")))?;
        run(layout, &program.1, python.as_deref())?;
    }
    Ok(())
}

/// Builds them all at once, so that the program underneath is linked once.
fn build(layout: &Layout) -> Result<Vec<(String, PathBuf)>> {
    let mut cargo = process::cargo(&layout.root);
    cargo.args(["bench", "--locked", "--package", "byway", "--no-run"]);
    for (name, _) in BENCHES {
        cargo.args(["--bench", name]);
    }
    cargo
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit());
    let doing = "build the benches";
    let output = cargo.output().doing(doing)?;
    if !output.status.success() {
        return Err(Failure::new(format!("cannot {doing}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| {
            let name = message.pointer("/target/name")?.as_str()?.to_owned();
            let is_bench = message.pointer("/target/kind/0")? == "bench";
            let program = PathBuf::from(message.get("executable")?.as_str()?);
            is_bench.then_some((name, program))
        })
        .collect())
}

fn run(layout: &Layout, program: &Path, python: Option<&Path>) -> Result<()> {
    let mut command = Command::new(program);
    command
        .current_dir(&layout.root)
        .env("CARGO_TARGET_DIR", &layout.target)
        .env_remove("BYWAY_BENCH_PYTHON");
    if let Some(python) = python {
        command.env("BYWAY_BENCH_PYTHON", python);
    }
    let name = layout.shown(program);
    match process::run_within(&mut command, LIMIT, &name)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(Failure::new(format!("{name} ended with {status}"))),
        None => Err(Failure::new(format!(
            "{name} took longer than {} s",
            LIMIT.as_secs()
        ))),
    }
}
