//! Runs the benches of `host/benches` and shows what they print, one after the other, in one table.
//!
//! Times are for people: they depend on the machine and on what else it does, so every bench compares within one run
//! and prints the load. What gates a change is counted, not timed (`cargo xtask budget`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::{Failure, Result};
use crate::layout::Layout;
use crate::terminal::say;
use crate::{built, components, process, pypi, release, setup};

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
/// Those that run the program itself; the others measure a part of it in a program of their own.
const OF_THE_PROGRAM: [&str; 3] = ["start", "accept", "end_to_end"];
/// How long one bench may take.
const LIMIT: Duration = Duration::from_secs(900);

/// Runs the benches, or those that are named.
pub(crate) fn bench(layout: &Layout, only: &[String]) -> Result<()> {
    let (flags, only): (Vec<&str>, Vec<&str>) =
        only.iter().map(String::as_str).partition(|it| *it == "--plain");
    let is_plain = !flags.is_empty();
    if let Some(unknown) = only.iter().find(|name| BENCHES.iter().all(|(it, _)| it != *name)) {
        let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        return Err(Failure::new(format!("there is no bench `{unknown}`"))
            .fix(format!("name one of: {}", names.join(", "))));
    }
    let wanted = |name: &str| only.is_empty() || only.contains(&name);
    say("==> toolchain");
    let toolchain = setup::prepare_toolchain()?;
    say("==> components");
    components::build(layout, &toolchain)?;
    say("==> benches, release");
    let programs = build(layout)?;
    let shipped = if is_plain || !OF_THE_PROGRAM.into_iter().any(wanted) {
        None
    } else {
        Some(release::program(layout)?)
    };
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
        run(layout, &program.1, shipped.as_deref(), python.as_deref())?;
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
    built::programs(&mut cargo, "bench", "build the benches")
}

fn run(layout: &Layout, program: &Path, shipped: Option<&Path>, python: Option<&Path>) -> Result<()> {
    let mut command = Command::new(program);
    command
        .current_dir(&layout.root)
        .env("CARGO_TARGET_DIR", &layout.target)
        .env_remove("BYWAY_BENCH_PROGRAM")
        .env_remove("BYWAY_BENCH_PYTHON");
    if let Some(shipped) = shipped {
        command.env("BYWAY_BENCH_PROGRAM", shipped);
    }
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
