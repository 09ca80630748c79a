//! The parent's side of compiling: starts the child, feeds it, waits for it no longer than it may take, and
//! says what became of it.

use std::io::{Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;

use rustix::process::Signal;

use super::super::limits::ARTEFACT_BYTES_MAX;
use super::child::{CompileJob, INVALID, NO_MEMORY};
use super::{CompileFault, CompileLimits};

/// The program's allocator takes a gibibyte of address space ahead. Of a child that may not have much more, it takes what is
/// asked for, so that the limit is that of what is compiled.
const RESERVE: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "0");
/// What of the child's standard error is read: one line for people.
const WORDS_BYTES_MAX: u64 = 4096;

pub(super) fn compile(
    program: &Path,
    job: &CompileJob,
    limits: &CompileLimits,
    component: &[u8],
) -> Result<Vec<u8>, CompileFault> {
    let broke = |error: &dyn std::fmt::Display| CompileFault::Broke(error.to_string());
    let mut child = Command::new(program)
        .arg0("byway")
        .args(job.arguments())
        .env_clear()
        .env(RESERVE.0, RESERVE.1)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| broke(&format!("{} cannot be started: {error}", program.display())))?;
    let talked = talk(&mut child, limits, component);
    if talked.is_none() {
        // Ended or not, it is over.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| broke(&error))?;
    match talked {
        None => Err(CompileFault::Time(limits.time)),
        Some((code, words)) => match fault(status, &words, limits) {
            Some(fault) => Err(fault),
            None if u64::try_from(code.len()).is_ok_and(|length| length > ARTEFACT_BYTES_MAX) => Err(
                CompileFault::Broke(format!("its code is larger than {ARTEFACT_BYTES_MAX} bytes")),
            ),
            None if code.is_empty() => Err(CompileFault::Broke("the compiler ended without any code".into())),
            None => Ok(code),
        },
    }
}

/// Feeds the child and takes what it says; `None` where that takes too long. The threads that do it
/// end with the child.
fn talk(child: &mut Child, limits: &CompileLimits, component: &[u8]) -> Option<(Vec<u8>, String)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (done, all_done) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(mut stdin) = stdin {
                // A child that ends early has its reasons, and says them.
                let _ = stdin.write_all(component);
            }
        });
        // Beside the code, not after it: a child that has much to say would wait for its listener.
        let listening = scope.spawn(move || {
            let mut words = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.by_ref().take(WORDS_BYTES_MAX).read_to_end(&mut words);
                // The rest is nobody's, and is taken all the same.
                let _ = std::io::copy(&mut stderr, &mut std::io::sink());
            }
            words
        });
        scope.spawn(move || {
            let mut code = Vec::new();
            if let Some(stdout) = stdout {
                let _ = stdout
                    .take(ARTEFACT_BYTES_MAX.saturating_add(1))
                    .read_to_end(&mut code);
            }
            let words = listening.join().unwrap_or_default();
            let _ = done.send((code, String::from_utf8_lossy(&words).into_owned()));
        });
        let talked = all_done.recv_timeout(limits.time).ok();
        if talked.is_none() {
            // The threads wait for the child's pipes, and those close only with it.
            let _ = child.kill();
        }
        talked
    })
}

/// What an end means; `None`: it went well.
fn fault(status: ExitStatus, words: &str, limits: &CompileLimits) -> Option<CompileFault> {
    let line = words
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let is_exit = |code: u8| status.code() == Some(i32::from(code));
    if status.success() {
        None
    } else if is_exit(INVALID) {
        Some(CompileFault::Invalid(line.to_owned()))
    } else if status.signal() == Some(Signal::XCPU.as_raw()) {
        Some(CompileFault::Time(limits.time))
    } else if is_exit(NO_MEMORY) || words.contains("memory allocation of") {
        // The second is how a Rust program without memory ends: aborted, after these words.
        Some(CompileFault::Memory(limits.memory_bytes))
    } else {
        Some(CompileFault::Broke(format!(
            "the compiler ended with {status}: {line}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(raw: i32, words: &str) -> Option<CompileFault> {
        fault(ExitStatus::from_raw(raw), words, &CompileLimits::default())
    }

    #[test]
    fn every_end_is_told_for_what_it_was() {
        let limits = CompileLimits::default();
        let exit = |code: u8| i32::from(code) << 8;
        assert_eq!(told(exit(0), "a warning"), None);
        assert_eq!(
            told(exit(INVALID), "\nunexpected end\nmore"),
            Some(CompileFault::Invalid("unexpected end".into()))
        );
        assert_eq!(
            told(Signal::XCPU.as_raw(), ""),
            Some(CompileFault::Time(limits.time))
        );
        let memory = Some(CompileFault::Memory(limits.memory_bytes));
        assert_eq!(told(exit(NO_MEMORY), "Cannot allocate"), memory);
        assert_eq!(
            told(Signal::ABORT.as_raw(), "memory allocation of 8192 bytes failed\n"),
            memory
        );
        assert!(matches!(
            told(Signal::SEGV.as_raw(), ""),
            Some(CompileFault::Broke(why)) if why.contains("signal: 11")
        ));
    }
}
