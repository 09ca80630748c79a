//! byway as it is shipped: built twice. The first build counts what a run of it does, and the second is laid out by those counts
//! (profile-guided optimisation), which saves about a seventh of the processor's time that a message takes (docs/performance.md).
//!
//! What is counted is the bench `end_to_end`: messages taken in by HTTP, delivered by webhook through the sandbox, recorded. Where
//! nothing can be counted, since the `llvm-profdata` of this compiler is not to be had, that is said, and the build is a plain one: it
//! does the same, only slower.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};
use crate::layout::Layout;
use crate::terminal::say;
use crate::{components, process, setup, toolchain};

/// How long rustup may take to fetch the tool that reads counts.
const FETCH: Duration = Duration::from_secs(60);
/// How long the run that is counted may take; it takes about twenty seconds.
const COUNTED: Duration = Duration::from_secs(300);
/// The bench that is counted.
const RUN: &str = "end_to_end";

/// How to build for a release.
pub(crate) struct Release {
    /// Cargo's build folder for it.
    target: PathBuf,
    guided: Option<Guided>,
}

/// By what the compiler is guided.
struct Guided {
    /// Named to cargo, so that the flags are not for build scripts and macros as well.
    triple: String,
    counts: PathBuf,
}

/// Builds the program, and says where it is.
pub(crate) fn release(layout: &Layout) -> Result<()> {
    let release = prepare(layout)?;
    say("==> byway, release");
    let programs = release.build(layout, &["build", "--bin", "byway"], "bin")?;
    let (_, program) = programs
        .first()
        .ok_or_else(|| Failure::new("cargo did not say where it put byway"))?;
    let bytes = fs::metadata(program).map_or(0, |it| it.len());
    say(format!(
        "\n    {} ({} MiB{})",
        layout.shown(program),
        bytes >> 20,
        match release.guided {
            Some(_) => ", laid out by what a run of it did",
            None => "; a plain build",
        }
    ));
    Ok(())
}

/// Gets what a release build needs: the adapters, and the counts of a run.
pub(crate) fn prepare(layout: &Layout) -> Result<Release> {
    say("==> toolchain");
    let toolchain = setup::prepare_toolchain()?;
    say("==> components");
    components::build(layout, &toolchain)?;
    let triple = toolchain::host_triple()?;
    let Some(tool) = tool(&triple)? else {
        say("    no llvm-profdata of this compiler (`rustup component add llvm-tools`): a plain release build");
        return Ok(Release::plain(layout));
    };
    say("==> counts of a run");
    let counts = count(layout, &triple, &tool)?;
    Ok(Release {
        target: layout.target.join("guided"),
        guided: Some(Guided { triple, counts }),
    })
}

impl Release {
    /// Without counts.
    pub(crate) fn plain(layout: &Layout) -> Self {
        Self {
            target: layout.target.clone(),
            guided: None,
        }
    }

    /// Builds what cargo is asked for, and gives those programs of one kind (`bin` or `bench`) that came of it, by name.
    pub(crate) fn build(
        &self,
        layout: &Layout,
        asked: &[&str],
        kind: &str,
    ) -> Result<Vec<(String, PathBuf)>> {
        let Some(guided) = &self.guided else {
            return build(layout, &self.target, None, asked, kind);
        };
        let mut flags = OsString::from("-Cprofile-use=");
        flags.push(&guided.counts);
        build(
            layout,
            &self.target,
            Some((&guided.triple, flags)),
            asked,
            kind,
        )
    }
}

fn build(
    layout: &Layout,
    target: &Path,
    guided: Option<(&str, OsString)>,
    asked: &[&str],
    kind: &str,
) -> Result<Vec<(String, PathBuf)>> {
    let (verb, rest) = asked
        .split_first()
        .ok_or_else(|| Failure::new("cargo is asked for nothing"))?;
    let mut cargo = process::cargo(&layout.root);
    cargo
        .args([verb, "--locked", "--package", "byway"])
        .args(rest)
        .args(["--message-format", "json-render-diagnostics"])
        .env("CARGO_TARGET_DIR", target)
        // Those that were built just now, wherever this build's own folder is.
        .env("BYWAY_ADAPTERS", layout.target.join("adapters"))
        .stderr(Stdio::inherit());
    if *verb == "build" {
        cargo.arg("--release");
    }
    if let Some((triple, flags)) = guided {
        let given = std::env::var_os("RUSTFLAGS").unwrap_or_default();
        let mut all = given;
        all.push(" ");
        all.push(flags);
        cargo.args(["--target", triple]).env("RUSTFLAGS", all);
    }
    let doing = format!("build {}", rest.join(" "));
    let output = cargo.output().doing(&doing)?;
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

/// The counts of a run of this byway; those of the last time where it is the same byway.
fn count(layout: &Layout, triple: &str, tool: &Path) -> Result<PathBuf> {
    let folder = layout.target.join("counted");
    let (raw, counts) = (folder.join("raw"), folder.join("byway.profdata"));
    let mut flags = OsString::from("-Cprofile-generate=");
    flags.push(&raw);
    let asked = ["bench", "--no-run", "--bench", RUN];
    let programs = build(layout, &folder, Some((triple, flags)), &asked, "bench")?;
    let program = programs
        .into_iter()
        .find_map(|(name, program)| (name == RUN).then_some(program))
        .ok_or_else(|| Failure::new(format!("cargo did not say where it put the bench {RUN}")))?;
    if is_newer(&counts, &program) {
        return Ok(counts);
    }
    if raw.exists() {
        fs::remove_dir_all(&raw).doing("remove the counts of an earlier run")?;
    }
    let mut run = Command::new(&program);
    run.current_dir(&layout.root)
        .env_remove("BYWAY_BENCH_PYTHON")
        .env("LLVM_PROFILE_FILE", raw.join("%p.profraw"));
    let name = layout.shown(&program);
    process::output_within(&mut run, COUNTED, &name)?.success(&name)?;
    let files: Vec<PathBuf> = fs::read_dir(&raw)
        .doing("read the counts")?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    let mut merge = Command::new(tool);
    merge.args(["merge", "--output"]).arg(&counts).args(&files);
    process::output_within(&mut merge, COUNTED, "llvm-profdata")?.success("llvm-profdata merge")?;
    Ok(counts)
}

fn is_newer(counts: &Path, program: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    matches!((time(counts), time(program)), (Some(counted), Some(built)) if counted > built)
}

/// The compiler's own tool for counts: another version does not read what this one writes. Fetched where rustup can.
fn tool(triple: &str) -> Result<Option<PathBuf>> {
    let root = process::answer(
        Command::new("rustc").args(["--print", "sysroot"]),
        "rustc --print sysroot",
    )?;
    let tool = Path::new(root.trim_end())
        .join("lib/rustlib")
        .join(triple)
        .join("bin/llvm-profdata");
    if !tool.exists() && process::find("rustup").is_some() {
        let mut fetch = Command::new("rustup");
        fetch.args(["component", "add", "llvm-tools"]);
        // What comes of it is looked at, whatever it says.
        let _ = process::output_within(&mut fetch, FETCH, "rustup component add llvm-tools");
    }
    Ok(tool.exists().then_some(tool))
}
