//! A program that cannot outlive the task that started it, however the task ends: by returning, by a
//! panic, by Ctrl-C, or killed outright.
//!
//! Nobody can clean up after being killed, so a second process does: this very program, called as
//! `xtask keep`, starts the other one and reads a pipe from the task. When the pipe closes, for
//! whatever reason, it kills what it keeps and ends. A byte in it asks the other program to end by itself. It is in a process group of its own, so that a
//! Ctrl-C at the terminal does not end the keeper before the kept.

use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Doing, Failure, Result};
use crate::terminal::complain;

/// The verb by which this program calls itself.
pub(crate) const VERB: &str = "keep";

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running program on its leash. Dropping it ends the program.
#[derive(Debug)]
pub(crate) struct Leash {
    keeper: Child,
    /// Closing it is the sign to let go. `None` once that has happened.
    pipe: Option<ChildStdin>,
}

impl Leash {
    /// Starts a program. Its standard output can be read from what comes back; its standard
    /// error goes to `log`.
    pub(crate) fn start(program: &Command, log: std::fs::File) -> Result<(Self, ChildStdout)> {
        let own = std::env::current_exe().doing("find this program's own file")?;
        let mut keeper = Command::new(own)
            .arg(VERB)
            .arg(program.get_program())
            .args(program.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .doing(format_args!("start {}", program.get_program().display()))?;
        let pipe = keeper.stdin.take();
        let stdout = keeper.stdout.take();
        let leash = Self { keeper, pipe };
        stdout
            .map(|stdout| (leash, stdout))
            .ok_or_else(|| Failure::new("a program has no standard output"))
    }

    /// Whether the program still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.keeper.try_wait(), Ok(None))
    }

    /// Asks the program to end (SIGTERM), and kills it where it does not within this time.
    pub(crate) fn stop(&mut self, within: Duration) -> Result<()> {
        if let Some(pipe) = &mut self.pipe {
            pipe.write_all(b".").doing("ask a program to end")?;
        }
        let began = Instant::now();
        while self.is_running() && began.elapsed() < within {
            thread::sleep(LOOK_EVERY);
        }
        self.end()
    }

    /// Kills the program and waits until it is gone.
    pub(crate) fn end(&mut self) -> Result<()> {
        drop(self.pipe.take());
        self.keeper.wait().map(drop).doing("wait for a program to end")
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        // The keeper sees the closed pipe even if it cannot be waited for.
        let _ = self.end();
    }
}

/// The keeper's side: runs the program until it ends or the pipe at standard input closes.
pub(crate) fn keep(arguments: &[String]) -> ExitCode {
    match keep_until_let_go(arguments) {
        Ok(code) => code,
        Err(failure) => {
            complain(format!("xtask {VERB}: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn keep_until_let_go(arguments: &[String]) -> Result<ExitCode> {
    let (program, arguments) = arguments
        .split_first()
        .ok_or_else(|| Failure::new("there is nothing to keep"))?;
    let let_go = Arc::new(AtomicBool::new(false));
    let is_asked = Arc::new(AtomicBool::new(false));
    let mut kept = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()
        .doing(format_args!("start {program}"))?;
    thread::spawn({
        let (let_go, is_asked) = (Arc::clone(&let_go), Arc::clone(&is_asked));
        move || {
            // The one byte is a request; then reading ends when the pipe closes.
            let mut stdin = std::io::stdin().lock();
            is_asked.store(matches!(stdin.read(&mut [0]), Ok(1)), Ordering::Release);
            let _ = stdin.read_to_end(&mut Vec::new());
            let_go.store(true, Ordering::Release);
        }
    });
    loop {
        if let Some(status) = kept.try_wait().doing(format_args!("wait for {program}"))? {
            return Ok(if status.success() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        if is_asked.swap(false, Ordering::AcqRel) {
            let id = kept.id().to_string();
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .doing(format_args!("ask {program} to end"))?;
        }
        if let_go.load(Ordering::Acquire) {
            kept.kill().doing(format_args!("end {program}"))?;
            kept.wait().doing(format_args!("wait for {program}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        thread::sleep(LOOK_EVERY);
    }
}
