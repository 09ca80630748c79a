//! Programs that a task runs, each to its end or to the end of its time.
//!
//! [`run`] lets a program speak for itself and has no time limit: a build takes as long as it takes,
//! and a person can stop it. Whatever could wait for a far side goes through [`run_within`] or
//! [`output_within`], which end the program when its time is over.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Doing, Failure, Result};

/// How long the rest of an ended program's output is waited for. More only matters where a
/// grandchild keeps the pipe open.
const REST_OF_OUTPUT: Duration = Duration::from_secs(2);

/// Cargo in a folder, as a person would start it there. What the cargo that started this program has said about
/// this package is taken away: build scripts that look at it (ring's does) would run again, and all that
/// depends on them be built again, each time that cargo is called once from here and once by hand.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Output {
    /// The output of a program that succeeded; the failure of one that did not, with its last words.
    pub(crate) fn success(self, doing: &str) -> Result<String> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        Err(Failure::new(format!(
            "{doing} failed ({}): {}",
            self.status,
            last_words(&self.stderr)
        )))
    }
}

/// Runs a program in the open and expects it to succeed.
pub(crate) fn run(command: &mut Command, doing: &str) -> Result<()> {
    let status = command.status().doing(format_args!("start {doing}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("{doing} failed ({status})")))
    }
}

/// Runs a program in the open for at most `limit`. `None`: its time was over, and it was ended.
pub(crate) fn run_within(command: &mut Command, limit: Duration, doing: &str) -> Result<Option<ExitStatus>> {
    let mut child = command.spawn().doing(format_args!("start {doing}"))?;
    wait_within(&mut child, limit).doing(format_args!("wait for {doing}"))
}

/// Runs a program for at most `limit` and keeps what it prints.
pub(crate) fn output_within(command: &mut Command, limit: Duration, doing: &str) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing(format_args!("start {doing}"))?;
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let ended = wait_within(&mut child, limit).doing(format_args!("wait for {doing}"))?;
    let text = |from: Option<mpsc::Receiver<String>>| {
        from.and_then(|from| from.recv_timeout(REST_OF_OUTPUT).ok())
            .unwrap_or_default()
    };
    let (stdout, stderr) = (text(stdout), text(stderr));
    match ended {
        Some(status) => Ok(Output {
            status,
            stdout,
            stderr,
        }),
        None => Err(Failure::new(format!(
            "{doing} did not end within {} s and was stopped: {}",
            limit.as_secs(),
            last_words(&stderr)
        ))),
    }
}

/// The output of a program that is expected to succeed at once.
pub(crate) fn answer(command: &mut Command, doing: &str) -> Result<String> {
    output_within(command, Duration::from_secs(30), doing)?.success(doing)
}

/// The path of a program, if there is one to be run under this name. System folders are looked at
/// too, because an ordinary user's `PATH` often lacks them.
pub(crate) fn find(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn wait_within(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn collect(mut from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (to, collected) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A broken pipe ends the output; what came before it is still worth showing.
        let _ = from.read_to_end(&mut bytes);
        let _ = to.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    collected
}

fn last_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines
        .get(lines.len().saturating_sub(8)..)
        .unwrap_or_default()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let started = Instant::now();
        let ended = run_within(
            Command::new("sleep").arg("600"),
            Duration::from_millis(50),
            "the nap",
        )
        .unwrap();
        assert!(ended.is_none());
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "it waited for the program instead"
        );
    }

    #[test]
    fn a_failure_carries_the_last_words_of_the_program() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo it is not there >&2; exit 3"]);
        let output = output_within(&mut command, Duration::from_secs(10), "the script").unwrap();
        assert_eq!(output.stdout, "out\n");
        let told = output.success("the script").unwrap_err().to_string();
        assert!(
            told.contains("the script failed") && told.contains("it is not there"),
            "{told}"
        );
    }

    #[test]
    fn a_grandchild_that_keeps_the_pipe_does_not_hold_the_task_up() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 30 & echo $!"]);
        let started = Instant::now();
        let output = output_within(&mut command, Duration::from_secs(10), "the script").unwrap();
        assert!(output.status.success());
        assert!(
            started.elapsed() < Duration::from_secs(25),
            "it waited for the grandchild"
        );
    }

    #[test]
    fn cargo_is_not_told_of_this_package() {
        // Cargo runs the tests, so it has said it.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let cargo = cargo(Path::new("."));
        let removed = |wanted: &str| {
            cargo
                .get_envs()
                .any(|(name, value)| name == wanted && value.is_none())
        };
        assert!(removed("CARGO_MANIFEST_DIR") && removed("CARGO_PKG_NAME"));
    }

    #[test]
    fn a_program_that_is_not_there_is_not_found() {
        assert!(find("sh").is_some());
        assert!(find("no-program-of-this-name").is_none());
    }
}
