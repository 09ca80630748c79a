//! Holds what an attempt takes against `host/benches/budget.json`.
//!
//! Times differ from run to run on a shared machine, counts hardly do: so instructions, allocations and system
//! calls gate a change, and times are only printed by the benches. Each is counted twice, over few attempts and
//! over many, and the difference divided: start, loading and end drop out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};
use crate::layout::Layout;
use crate::terminal::say;
use crate::{process, toolchain};

const BUDGET: &str = "host/benches/budget.json";
const FEW: u32 = 50;
const MANY: u32 = 250;
/// Under valgrind everything takes fifty times as long.
const RUN_TIME_MAX: Duration = Duration::from_secs(300);
/// Further below its budget than this share, a count has become so much better that the budget should follow.
const SLACK: f64 = 0.30;

/// Something that can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    Instructions,
    Allocations,
    SystemCalls,
}

const COUNTS: [Count; 3] = [Count::Instructions, Count::Allocations, Count::SystemCalls];

impl Count {
    /// Its name in the budget.
    fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Allocations => "allocations",
            Self::SystemCalls => "system calls",
        }
    }

    fn tool(self) -> &'static str {
        match self {
            Self::Instructions | Self::Allocations => "valgrind",
            Self::SystemCalls => "strace",
        }
    }

    /// The tool with everything that comes before the program.
    fn command(self, report: &Path) -> Command {
        let mut command = Command::new(self.tool());
        // Code is made at run time.
        let valgrind = ["--smc-check=all-non-file"];
        match self {
            Self::Instructions => command
                .args(valgrind)
                .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]),
            Self::Allocations => command
                .args(valgrind)
                .args(["--tool=dhat", "--dhat-out-file=/dev/null"]),
            Self::SystemCalls => command.args(["-f", "-c", "-U", "calls,name", "-o"]).arg(report),
        };
        command
    }

    /// Reads the count out of what the tool says.
    fn read(self, stderr: &str, report: &str) -> Option<u64> {
        match self {
            Self::Instructions => number(stderr.split("refs:").nth(1)?),
            Self::Allocations => number(stderr.split(" bytes in ").nth(1)?),
            Self::SystemCalls => report
                .lines()
                .filter_map(|line| {
                    let mut columns = line.split_whitespace();
                    let calls: u64 = columns.next()?.parse().ok()?;
                    (columns.next()? != "total").then_some(calls)
                })
                .reduce(|a, b| a + b),
        }
    }
}

/// Counts, prints, and fails where a budget is exceeded.
pub(crate) fn budget(layout: &Layout) -> Result<()> {
    let budget = Budget::read(&layout.root.join(BUDGET))?;
    let missing: Vec<&str> = ["valgrind", "strace"]
        .into_iter()
        .filter(|tool| !there(tool))
        .collect();
    if !missing.is_empty() {
        say(format!(
            "    left out: what an attempt takes is not counted without {} (install it)",
            missing.join(" and ")
        ));
        return Ok(());
    }
    let program = build(layout)?;
    let folder = layout.target.join("budget");
    std::fs::create_dir_all(&folder).doing(format_args!("make {}", folder.display()))?;
    let far_side = FarSide::start(&program)?;
    let counter = Counter {
        layout,
        program: &program,
        folder: &folder,
    };
    let mut exceeded = Vec::new();
    for (subject, arguments) in [
        ("noop", vec!["noop"]),
        ("webhook", vec!["webhook", far_side.url.as_str()]),
    ] {
        for count in COUNTS {
            let taken = counter.each(count, &arguments)?;
            let allowed = budget.of(subject, count)?;
            say(format!(
                "    {subject:<8} {:<13} {taken:>10.1} an attempt, budget {allowed}",
                count.name()
            ));
            if taken > allowed {
                exceeded.push(format!(
                    "an attempt of {subject} takes {taken:.1} {}, its budget is {allowed}",
                    count.name()
                ));
            } else if taken < allowed * (1.0 - SLACK) {
                say(format!(
                    "    that is much less than its budget: lower it in {BUDGET}"
                ));
            }
        }
    }
    if exceeded.is_empty() {
        return Ok(());
    }
    Err(Failure::new(exceeded.join("; ")).fix(format!(
        "find what the change added (valgrind --tool=callgrind {} CACHE 500 noop, then callgrind_annotate), or, where it \
         is worth it, raise the figure in {BUDGET} and say why in the commit",
        layout.shown(&program)
    )))
}

/// Whether a tool is there, or can be had.
fn there(tool: &str) -> bool {
    process::find(tool).is_some()
        || toolchain::install_packages(&[tool])
            .inspect_err(|failure| say(format!("    {tool}: {failure}")))
            .is_ok()
}

/// The program, built as the tests are, so that nothing is compiled twice.
fn build(layout: &Layout) -> Result<PathBuf> {
    let mut cargo = process::cargo(&layout.root);
    cargo
        .args([
            "test",
            "--locked",
            "--package",
            "byway",
            "--bench",
            "counted",
            "--no-run",
        ])
        .args(["--message-format", "json"])
        .stderr(Stdio::inherit());
    let doing = "build the program that is counted";
    let output = cargo.output().doing(doing)?;
    if !output.status.success() {
        return Err(Failure::new(format!("cannot {doing}")));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| {
            message
                .pointer("/target/name")
                .is_some_and(|name| name == "counted")
        })
        .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .ok_or_else(|| Failure::new("cargo did not say where it put the program that is counted"))
}

struct Counter<'a> {
    layout: &'a Layout,
    program: &'a Path,
    folder: &'a Path,
}

impl Counter<'_> {
    /// What each attempt takes.
    fn each(&self, count: Count, arguments: &[&str]) -> Result<f64> {
        // The first fills the cache of compiled code, whose making would drown everything else. Valgrind
        // shows another processor than the machine's, and so has code of its own.
        self.all(count, 1, arguments)?;
        let (few, many) = (
            self.all(count, FEW, arguments)?,
            self.all(count, MANY, arguments)?,
        );
        Ok(many.saturating_sub(few) as f64 / f64::from(MANY - FEW))
    }

    fn all(&self, count: Count, attempts: u32, arguments: &[&str]) -> Result<u64> {
        let report = self.folder.join("report");
        let mut command = count.command(&report);
        command
            .arg(self.program)
            .arg(self.folder.join("compiled"))
            .arg(attempts.to_string())
            .args(arguments)
            .env("BYWAY_GUESTS", self.layout.target.join("guests"));
        let doing = format!("counting {} with {}", count.name(), count.tool());
        let output = process::output_within(&mut command, RUN_TIME_MAX, &doing)?;
        let stderr = output.stderr.clone();
        output.success(&doing)?;
        let report = std::fs::read_to_string(&report).unwrap_or_default();
        count
            .read(&stderr, &report)
            .ok_or_else(|| Failure::new(format!("{doing}: it says no count")))
    }
}

/// What the webhook adapter posts to: a process of its own, so that only byway's part is counted.
struct FarSide {
    child: Child,
    url: String,
}

impl FarSide {
    fn start(program: &Path) -> Result<Self> {
        let doing = "start the far side";
        let mut child = Command::new(program)
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()
            .doing(doing)?;
        let mut url = String::new();
        if let Some(stdout) = child.stdout.take() {
            std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut url).doing(doing)?;
        }
        let url = url.trim().to_owned();
        Ok(Self { child, url })
    }
}

impl Drop for FarSide {
    fn drop(&mut self) {
        // Ended already is ended as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Budget(BTreeMap<String, BTreeMap<String, f64>>);

impl Budget {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).doing(format_args!("read {BUDGET}"))?;
        serde_json::from_str(&text)
            .map(Self)
            .map_err(|error| Failure::new(format!("{BUDGET}: {error}")))
    }

    fn of(&self, subject: &str, count: Count) -> Result<f64> {
        self.0
            .get(subject)
            .and_then(|counts| counts.get(count.name()))
            .copied()
            .ok_or_else(|| Failure::new(format!("{BUDGET} has no {} for {subject}", count.name())))
    }
}

/// The number that a text begins with, its thousands set apart by commas.
fn number(text: &str) -> Option<u64> {
    let digits: String = text
        .trim_start()
        .chars()
        .take_while(|it| it.is_ascii_digit() || *it == ',')
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_tools_say() {
        let callgrind = "==1== Collected : 7\n==1== \n==1== I   refs:      1,005,361,293\n";
        assert_eq!(Count::Instructions.read(callgrind, ""), Some(1_005_361_293));
        let dhat =
            "==1== Total:     42,834,526 bytes in 105,153 blocks\n==1== At t-gmax: 1 bytes in 2 blocks\n";
        assert_eq!(Count::Allocations.read(dhat, ""), Some(105_153));
        let strace = "    calls syscall\n--------- ----------------\n      600 ioctl\n       12 futex\n--------- ----------------\n      612 total\n";
        assert_eq!(Count::SystemCalls.read("", strace), Some(612));
    }

    #[test]
    fn silence_is_not_read_as_nothing() {
        for count in COUNTS {
            assert_eq!(count.read("==1== bye\n", ""), None);
        }
    }
}
