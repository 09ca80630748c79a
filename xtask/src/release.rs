//! byway as it is shipped: built twice. The first build counts what a run of it does, and the second is laid out by those counts
//! (profile-guided optimisation), which saves about a seventh of the processor's time that a message takes (docs/performance.md).
//!
//! What is counted is the bench `end_to_end`: messages taken in by HTTP, delivered by webhook through the sandbox, recorded. Where
//! nothing can be counted, since the `llvm-profdata` of this compiler is not to be had, that is said, and the build is a plain one: it
//! does the same, only slower.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::{Doing, Failure, Result};
use crate::layout::Layout;
use crate::terminal::say;
use crate::{built, components, process, setup, toolchain};

/// How long rustup may take to fetch the tool that reads counts.
const FETCH: Duration = Duration::from_secs(60);
/// How long the run that is counted may take; it takes about twenty seconds.
const COUNTED: Duration = Duration::from_secs(300);
/// The bench that is counted.
const RUN: &str = "end_to_end";
/// Where Cargo reads the compiler's flags, and what stands between them.
const FLAGS: &str = "CARGO_ENCODED_RUSTFLAGS";
const PARTED: &str = "\u{1f}";
/// The program.
const NAME: &str = "byway";

/// Builds the program, and says where it is.
pub(crate) fn release(layout: &Layout) -> Result<()> {
    say("==> toolchain");
    let toolchain = setup::prepare_toolchain()?;
    say("==> components");
    components::build(layout, &toolchain)?;
    let program = program(layout)?;
    let bytes = fs::metadata(&program).map_or(0, |it| it.len());
    say(format!("\n    {} ({} MiB)", layout.shown(&program), bytes >> 20));
    Ok(())
}

/// Builds the program, with the adapters that are there, and gives its path.
pub(crate) fn program(layout: &Layout) -> Result<PathBuf> {
    let triple = toolchain::host_triple()?;
    let Some(tool) = tool(&triple)? else {
        say("    no llvm-profdata of this compiler (`rustup component add llvm-tools`)");
        say("==> byway, a plain release build");
        return build(
            layout,
            &layout.target,
            &["build", "--release", "--bin", NAME],
            None,
            "bin",
        );
    };
    let counts = count(layout, &triple, &tool)?;
    say("==> byway, laid out by what that run did");
    let flags = ("-Cprofile-use=", counts.as_path());
    build(
        layout,
        &layout.target.join("guided"),
        &["build", "--release", "--bin", NAME, "--target", &triple],
        Some(flags),
        "bin",
    )
}

/// Builds what cargo is asked for, and gives the program that came of it.
fn build(
    layout: &Layout,
    target: &Path,
    asked: &[&str],
    flags: Option<(&str, &Path)>,
    kind: &str,
) -> Result<PathBuf> {
    let (verb, rest) = asked
        .split_first()
        .ok_or_else(|| Failure::new("cargo is asked for nothing"))?;
    let mut cargo = process::cargo(&layout.root);
    cargo
        .args([verb, "--locked", "--package", "byway"])
        .args(rest)
        .env("CARGO_TARGET_DIR", target);
    if target != layout.target {
        // Those that were built just now.
        cargo.env("BYWAY_ADAPTERS", layout.target.join("adapters"));
    }
    if let Some((flag, path)) = flags {
        cargo.env(
            FLAGS,
            with_flag(
                std::env::var_os(FLAGS),
                std::env::var("RUSTFLAGS").ok(),
                flag,
                path,
            ),
        );
    }
    let doing = format!("build {}", rest.join(" "));
    built::programs(&mut cargo, kind, &doing)?
        .pop()
        .map(|(_, program)| program)
        .ok_or_else(|| {
            Failure::new(format!(
                "cargo did not say where it put what came of `{}`",
                rest.join(" ")
            ))
        })
}

/// The compiler's flags that are there and one more. Cargo parts these by a byte that no path has, and `RUSTFLAGS` by spaces.
fn with_flag(encoded: Option<OsString>, plain: Option<String>, flag: &str, path: &Path) -> OsString {
    let mut all = encoded.unwrap_or_else(|| {
        let words: Vec<&str> = plain.as_deref().unwrap_or_default().split_whitespace().collect();
        words.join(PARTED).into()
    });
    if !all.is_empty() {
        all.push(PARTED);
    }
    all.push(flag);
    all.push(path);
    all
}

/// The counts of a run of this byway; those of the last time where it is the same byway.
fn count(layout: &Layout, triple: &str, tool: &Path) -> Result<PathBuf> {
    let folder = layout.target.join("counted");
    let (raw, counts) = (folder.join("raw"), folder.join("byway.profdata"));
    say("==> byway that counts");
    // Built exactly as the other will be, but for the flag: a crate with other features has other names, to which no counts belong.
    let program = build(
        layout,
        &folder,
        &["build", "--release", "--bin", NAME, "--target", triple],
        Some(("-Cprofile-generate=", &raw)),
        "bin",
    )?;
    if is_newer(&counts, &program) {
        return Ok(counts);
    }
    say("==> a run of it");
    // Quick to build, since it only keeps the program busy.
    let bench = build(
        layout,
        &layout.target,
        &["test", "--no-run", "--bench", RUN],
        None,
        "bench",
    )?;
    if raw.exists() {
        fs::remove_dir_all(&raw).doing("remove the counts of an earlier run")?;
    }
    let mut run = Command::new(&bench);
    run.current_dir(&layout.root)
        .env_remove("BYWAY_BENCH_PYTHON")
        .env("BYWAY_BENCH_PROGRAM", &program)
        .env("LLVM_PROFILE_FILE", raw.join("%p.profraw"));
    let name = layout.shown(&bench);
    process::output_within(&mut run, COUNTED, &name)?.success(&name)?;
    let files: Vec<PathBuf> = fs::read_dir(&raw)
        .doing("find the counts: that run has left none")?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    let whole = folder.join("byway.profdata.new");
    let mut merge = Command::new(tool);
    merge.args(["merge", "--output"]).arg(&whole).args(&files);
    process::output_within(&mut merge, COUNTED, "llvm-profdata")?.success("llvm-profdata merge")?;
    // Half of it would be taken for all of it the next time.
    fs::rename(&whole, &counts).doing("put the counts in their place")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_joins_those_that_are_there() {
        let flag = |encoded: Option<&str>, plain: Option<&str>| {
            let path = Path::new("/my code/raw");
            with_flag(
                encoded.map(OsString::from),
                plain.map(str::to_owned),
                "-Cx=",
                path,
            )
        };
        assert_eq!(flag(None, None), "-Cx=/my code/raw");
        assert_eq!(flag(None, Some("-Ca  -Cb")), "-Ca\u{1f}-Cb\u{1f}-Cx=/my code/raw");
        assert_eq!(
            flag(Some("-Cc=d e"), Some("-Ca")),
            "-Cc=d e\u{1f}-Cx=/my code/raw"
        );
    }
}
