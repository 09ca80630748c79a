//! The binary under test: as a server that runs, and as a command that is run.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// The binary that cargo has built for these tests.
pub const BINARY: &str = env!("CARGO_BIN_EXE_byway");

/// A running `byway serve`. Killed when it is dropped.
pub struct Server {
    child: Child,
}

/// What a run of the binary left.
pub struct Ran {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Server {
    /// Starts it, and returns when it has said that it is ready. Its log goes to `log`.
    pub fn start(name: &str, config: &Path, log: &Path) -> Result<Self, String> {
        let said = log.with_extension("out");
        let mut command = command(config, &["serve".into()]);
        let child = command
            .stdin(Stdio::null())
            .stdout(file(&said, false)?)
            .stderr(file(log, true)?)
            .spawn()
            .map_err(|error| format!("{BINARY}: {error}"))?;
        let mut server = Self { child };
        let ready = format!("byway {name} ready on ");
        wait::until(&format!("byway {name} to be ready"), || {
            if let Ok(Some(status)) = server.child.try_wait() {
                // There is nothing to wait for any more.
                return Ok(Err(format!(
                    "byway {name} ended at its start, {status}\n{}",
                    read(log)
                )));
            }
            if read(&said).contains(&ready) {
                Ok(Ok(()))
            } else {
                Err(read(&said))
            }
        })??;
        Ok(server)
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<(), String> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or("no process id")?;
        kill_process(pid, signal).map_err(|error| error.to_string())
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> Result<ExitStatus, String> {
        self.signal(Signal::TERM)?;
        wait::until("byway to end after SIGTERM", || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("it still runs".into()),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Ends it with SIGKILL: nothing of it runs another instruction.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a verb to its end. `scratch` is a folder for its output.
pub fn run(config: &Path, args: &[String], stdin: Option<&[u8]>, scratch: &Path) -> Result<Ran, String> {
    let (out, err) = (unique(scratch, "out"), unique(scratch, "err"));
    let mut child = command(config, args)
        .stdin(if stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(file(&out, false)?)
        .stderr(file(&err, false)?)
        .spawn()
        .map_err(|error| format!("{BINARY}: {error}"))?;
    if let (Some(bytes), Some(mut pipe)) = (stdin, child.stdin.take()) {
        // A verb that refuses early does not read to the end.
        drop(pipe.write_all(bytes));
    }
    let mut running = Server { child };
    let status = wait::until(&format!("`byway {}` to end", args.join(" ")), || {
        match running.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("it still runs".into()),
            Err(error) => Err(error.to_string()),
        }
    })?;
    Ok(Ran {
        code: status.code(),
        stdout: read(&out),
        stderr: read(&err),
    })
}

fn command(config: &Path, args: &[String]) -> Command {
    let mut command = Command::new(BINARY);
    // The options stand before what may look like one.
    let (verb, rest) = args
        .split_first()
        .map_or(("", args), |(verb, rest)| (verb.as_str(), rest));
    command.arg(verb).arg("--config").arg(config).args(rest);
    command
        .env_remove("BYWAY_CONFIG")
        .env("NO_COLOR", "1")
        .env("RUST_BACKTRACE", "1");
    command
}

fn file(path: &Path, append: bool) -> Result<File, String> {
    let opened = File::options()
        .create(true)
        .write(true)
        .append(append)
        .truncate(!append)
        .open(path);
    opened.map_err(|error| format!("{}: {error}", path.display()))
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

fn unique(folder: &Path, ending: &str) -> PathBuf {
    let mut number = 1;
    loop {
        let path = folder.join(format!("run-{number}.{ending}"));
        if !path.exists() {
            return path;
        }
        number += 1;
    }
}
