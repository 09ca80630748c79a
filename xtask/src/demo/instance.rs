//! One byway of the demo: its folder, its configuration, its running process.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};
use crate::process::{self, Output};

use super::deadline::Deadline;
use super::leash::Leash;

const READY_WITHIN: Duration = Duration::from_secs(60);
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A byway that may be running.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Its name, the second half of its agents' addresses.
    pub(crate) name: &'static str,
    program: PathBuf,
    folder: PathBuf,
    deadline: Deadline,
    running: Option<Leash>,
}

impl Instance {
    /// Prepares one in a folder of its own beneath `folder`.
    pub(crate) fn new(name: &'static str, program: &Path, folder: &Path, deadline: Deadline) -> Result<Self> {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).doing(format_args!("make {}", folder.display()))?;
        Ok(Self {
            name,
            program: program.to_owned(),
            folder,
            deadline,
            running: None,
        })
    }

    /// Its configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("byway.toml")
    }

    /// Writes its configuration.
    pub(crate) fn configure(&self, toml: &str) -> Result<()> {
        fs::write(self.config(), toml).doing(format_args!("write {}", self.config().display()))
    }

    /// Runs one command of byway with its configuration.
    pub(crate) fn call(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        command
            .arg("--config")
            .arg(self.config())
            .args(arguments)
            .env("NO_COLOR", "1");
        process::output_within(
            &mut command,
            self.deadline.left(ANSWER_WITHIN),
            &self.told(arguments),
        )
    }

    /// The same, for a command that answers in JSON and has to succeed.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<Value> {
        let told = self.told(arguments);
        let text = self.call(arguments)?.success(&told)?;
        serde_json::from_str(text.trim())
            .map_err(|error| Failure::new(format!("{told} did not answer in JSON ({error}): {text}")))
    }

    /// Starts it, and gives its address once it says that it is ready.
    pub(crate) fn start(&mut self) -> Result<SocketAddr> {
        let log_file = self.folder.join("log");
        let log = File::options()
            .append(true)
            .create(true)
            .open(&log_file)
            .doing("open a log")?;
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.config()).arg("serve");
        let (mut leash, stdout) = Leash::start(&command, log)?;
        let lines = lines(stdout);
        let address = self.deadline.wait_for(
            &format!("byway {} getting ready", self.name),
            READY_WITHIN,
            || {
                if let Some(address) = lines.try_iter().find_map(|line| ready_at(self.name, &line)) {
                    return Ok(Some(address));
                }
                if leash.is_running() {
                    return Ok(None);
                }
                let log = fs::read_to_string(&log_file).unwrap_or_default();
                Err(Failure::new(format!(
                    "byway {} has ended instead of getting ready:\n{}",
                    self.name,
                    log.trim_end()
                )))
            },
        )?;
        self.running = Some(leash);
        Ok(address)
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        match self.running.take() {
            Some(mut leash) => leash.end(),
            None => Ok(()),
        }
    }

    fn told(&self, arguments: &[&str]) -> String {
        format!("`byway {}` on {}", arguments.join(" "), self.name)
    }
}

/// Reads what a program says for as long as it runs, so that it never waits for a reader.
fn lines(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (to, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
            // Nobody listens any longer once it is ready.
            let _ = to.send(line);
        }
    });
    lines
}

/// The address in `byway a ready on http://127.0.0.1:7717`.
fn ready_at(name: &str, line: &str) -> Option<SocketAddr> {
    let url = line.strip_prefix(&format!("byway {name} ready on "))?;
    url.strip_prefix("http://")?
        .trim_end()
        .trim_end_matches('/')
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_has_the_address() {
        let address = ready_at("a", "byway a ready on http://127.0.0.1:40123");
        assert_eq!(address, Some("127.0.0.1:40123".parse().unwrap()));
    }

    #[test]
    fn another_line_is_not_the_ready_line() {
        for line in [
            "byway b ready on http://127.0.0.1:1",
            "starting",
            "byway a ready on nothing",
        ] {
            assert_eq!(ready_at("a", line), None, "{line}");
        }
    }
}
