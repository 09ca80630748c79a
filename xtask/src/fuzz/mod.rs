//! `cargo xtask fuzz`: what strangers can send, tried at random, one target after the other.
//!
//! What is kept in `fuzz/corpus/<target>/` is where a run begins. What it finds on the way goes to the build
//! folder, so that a run changes nothing in the repository; `--keep` then takes over what reaches code that
//! nothing kept reaches. An input that breaks something is told with the command that repeats it.

mod coverage;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) use coverage::in_place_of_rustc;

use crate::failure::{Doing as _, Failure, Result};
use crate::layout::Layout;
use crate::process;
use crate::terminal::{say, time};
use report::Report;

/// The targets, as in `fuzz/fuzz_targets/`.
const TARGETS: [&str; 5] = [
    "grant_matcher",
    "envelope",
    "config",
    "http_inbound",
    "component_bytes",
];
/// One input that takes longer than this is a finding.
const INPUT_SECONDS_MAX: u32 = 25;
/// A program that needs more than this is a finding. Wasmtime's pool of address space is not counted.
const MEMORY_MIB_MAX: u32 = 2048;
/// How much longer than asked for a run may take: reading the corpus, and the last input.
const SLACK: Duration = Duration::from_secs(240);

/// How long, and where random numbers begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    seconds: u32,
    /// The same numbers give the same inputs.
    seed: Option<u32>,
    keep: bool,
}

/// What was asked for on the command line.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Targets, each for a time.
    Search(Vec<&'static str>, Run),
    /// One target with one input.
    Repeat(&'static str, PathBuf),
}

/// `cargo xtask fuzz [TARGET…] [--seconds N] [--keep]` or `cargo xtask fuzz TARGET FILE`.
pub(crate) fn fuzz(layout: &Layout, arguments: &[String]) -> Result<()> {
    let asked = read(arguments)?;
    build(layout)?;
    match asked {
        Asked::Search(targets, run) => targets
            .into_iter()
            .try_for_each(|target| search(layout, target, run)),
        Asked::Repeat(target, input) => {
            let mut program = program(layout, target);
            process::run(program.arg(input), target)?;
            say(format!("    {target}: it holds for this input"));
            Ok(())
        }
    }
}

/// All targets, seconds each, always with the same random numbers.
pub(crate) fn shortly(layout: &Layout) -> Result<()> {
    build(layout)?;
    let run = Run {
        seconds: 5,
        seed: Some(1),
        keep: false,
    };
    TARGETS
        .into_iter()
        .try_for_each(|target| search(layout, target, run))
}

fn read(arguments: &[String]) -> Result<Asked> {
    let mut run = Run {
        seconds: 60,
        seed: None,
        keep: false,
    };
    let (mut targets, mut input) = (Vec::new(), None);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let target = TARGETS.iter().find(|target| *target == word);
        match (word.as_str(), target) {
            ("--keep", _) => run.keep = true,
            ("--seconds", _) => {
                let number = words
                    .next()
                    .and_then(|word| word.parse().ok())
                    .filter(|it| *it > 0);
                run.seconds = number.ok_or_else(|| {
                    Failure::new("--seconds is followed by how many").fix("write `--seconds 300`")
                })?;
            }
            (_, Some(target)) => targets.push(*target),
            (file, None) if Path::new(file).is_file() => input = Some(PathBuf::from(file)),
            (other, None) => {
                return Err(Failure::new(format!("`{other}` is neither a target nor a file"))
                    .fix(format!("the targets are: {}", TARGETS.join(", "))));
            }
        }
    }
    match (targets.as_slice(), input) {
        ([], None) => Ok(Asked::Search(TARGETS.to_vec(), run)),
        (_, None) => Ok(Asked::Search(targets, run)),
        ([target], Some(input)) => Ok(Asked::Repeat(target, input)),
        (_, Some(_)) => {
            Err(Failure::new("a file is put through one target").fix("name that target before it"))
        }
    }
}

/// A copy of this very program, to be called in the compiler's place. The program itself may have been built
/// anew since it was started (the tests do that), and is then no more where it was.
fn stand_in(layout: &Layout) -> Result<PathBuf> {
    let doing = "copy this very program";
    let folder = layout.target.join("fuzz-stand-in");
    let (fresh, copy) = (folder.join("xtask.fresh"), folder.join("xtask"));
    fs::create_dir_all(&folder).doing(doing)?;
    fs::copy("/proc/self/exe", &fresh).doing(doing)?;
    fs::rename(&fresh, &copy).doing(doing)?;
    Ok(copy)
}

/// Builds the targets with counters.
fn build(layout: &Layout) -> Result<()> {
    if !layout.target.join("guests").is_dir() {
        return Err(
            Failure::new("there are no components to change at random").fix("run `cargo xtask build`")
        );
    }
    let myself = stand_in(layout)?;
    let mut cargo = process::cargo(&layout.root);
    cargo
        .args([
            "build",
            "--locked",
            "--package",
            "byway",
            "--package",
            "byway-fuzz",
        ])
        .args(TARGETS.iter().flat_map(|target| ["--bin", target]))
        // Empty here. But where a test is built along, Cargo switches on what tests need of the libraries
        // underneath, and so finds wasmtime as the tests have built it.
        .args(["--test", "corpus"])
        .env("RUSTC_WORKSPACE_WRAPPER", myself)
        .env(coverage::IN_PLACE_OF_RUSTC, "1");
    process::run(&mut cargo, "cargo build of the fuzz targets")
}

/// A target's program, in an environment of its own.
fn program(layout: &Layout, target: &str) -> Command {
    let mut program = Command::new(layout.target.join("debug").join(target));
    program
        .current_dir(&layout.root)
        .env("BYWAY_GUESTS", layout.target.join("guests"))
        .env("TMPDIR", layout.target.join("fuzz/tmp"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"));
    program
}

fn search(layout: &Layout, target: &str, run: Run) -> Result<()> {
    let work = layout.target.join("fuzz");
    let (found, broke, temporary) = (
        work.join("corpus").join(target),
        work.join("broke"),
        work.join("tmp"),
    );
    // A target that was killed has left its folders there.
    let _ = fs::remove_dir_all(&temporary);
    for folder in [&found, &broke, &temporary] {
        fs::create_dir_all(folder).doing(format_args!("make {}", folder.display()))?;
    }
    let kept = layout.root.join("fuzz/corpus").join(target);
    let mut program = program(layout, target);
    program
        .arg(format!("-max_total_time={}", run.seconds))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/{target}-", broke.display()))
        .args(run.seed.map(|seed| format!("-seed={seed}")))
        .arg(&found)
        .arg(&kept)
        .args(further_seeds(layout, target));
    let limit = Duration::from_secs(run.seconds.into()).saturating_add(SLACK);
    let output = process::output_within(&mut program, limit, target)?;
    let report = Report::read(&output.stderr);
    if !output.status.success() {
        let input = report.input.unwrap_or_default();
        return Err(
            Failure::new(format!("{target} broke on {input}\n{}", report.last_words)).fix(format!(
                "repeat it by `cargo xtask fuzz {target} {input}`; once it is mended, keep the file in {}",
                layout.shown(&kept)
            )),
        );
    }
    if report.executions == 0 {
        return Err(
            Failure::new(format!("{target} tried nothing: it was built without libFuzzer"))
                .fix("let no other build into the same folder run beside this one"),
        );
    }
    say(format!(
        "    {target}: {} inputs in {}, {} places of the code reached, nothing broke",
        report.executions,
        time(Duration::from_secs(run.seconds.into())),
        report.places,
    ));
    if run.keep {
        keep(layout, target, &found, &kept)
    } else {
        Ok(())
    }
}

/// What the repository has for other tests, and is good to begin with.
fn further_seeds(layout: &Layout, target: &str) -> Vec<PathBuf> {
    match target {
        "config" => vec![
            layout.root.join("host/tests/config_errors"),
            layout.root.join("examples"),
        ],
        _ => Vec::new(),
    }
}

/// Takes over the smallest inputs that reach what nothing kept reaches. How often a place is reached does not
/// count, or there would be ten times as many.
fn keep(layout: &Layout, target: &str, found: &Path, kept: &Path) -> Result<()> {
    let before = count(kept);
    let mut program = program(layout, target);
    program
        .arg("-merge=1")
        .args(["-max_len=1024", "-use_counters=0"])
        .arg(kept)
        .args(further_seeds(layout, target))
        .arg(found);
    process::output_within(&mut program, SLACK, target)?.success("taking over what was found")?;
    say(format!(
        "    {target}: {} inputs kept, {before} before",
        count(kept)
    ));
    Ok(())
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &str) -> Result<Asked> {
        read(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn without_a_target_all_are_tried() {
        let Asked::Search(targets, run) = asked("--seconds 7 --keep").unwrap() else {
            panic!("nothing is repeated");
        };
        assert_eq!(targets, TARGETS);
        assert_eq!((run.seconds, run.keep), (7, true));
    }

    #[test]
    fn a_file_is_put_through_the_target_named() {
        let file = format!("{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(
            asked(&format!("config {file}")).unwrap(),
            Asked::Repeat("config", file.clone().into())
        );
        assert!(asked(&file).is_err());
    }

    #[test]
    fn a_word_that_is_neither_is_told_with_the_targets() {
        let told = asked("conifg").unwrap_err().to_string();
        assert!(told.contains("config, http_inbound"), "{told}");
        assert!(asked("--seconds").is_err());
        assert!(asked("--seconds 0").is_err());
    }

    #[test]
    fn every_target_has_its_program_and_something_kept() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        assert_eq!(count(&fuzz.join("fuzz_targets")), TARGETS.len());
        for target in TARGETS {
            assert!(
                fuzz.join("fuzz_targets")
                    .join(target)
                    .with_extension("rs")
                    .is_file(),
                "{target}"
            );
            assert!(count(&fuzz.join("corpus").join(target)) > 0, "{target}");
        }
    }
}
