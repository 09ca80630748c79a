//! A secret that a command prints: a password manager, a cloud's command line.
//!
//! The command is an argument list, never a shell; its environment has `PATH` and `HOME` and nothing else; it gets
//! no input; and it has ten seconds, after which its process group is killed. What it prints is the
//! secret, so nothing of it, nor of its standard error, is ever told: a failure names the program and how it ended.
//!
//! Attempts come several a second and such commands are slow, so a value is kept in memory for a minute, and
//! a failure for a few seconds, so that a locked password manager is not asked by every message.

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use zeroize::Zeroizing;

use super::limits::{
    SECRET_COMMAND_BYTES_MAX, SECRET_COMMAND_TIME_MAX, SECRET_FAILURE_KEPT_FOR, SECRET_KEPT_FOR,
};

/// How often is looked whether the command has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long output is waited for once the command itself has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How much is taken at once.
const PIECE: usize = 4096;
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

type Answer = Result<Zeroizing<String>, String>;
type Slot = Arc<Mutex<Option<Kept>>>;

struct Kept {
    at: Instant,
    answer: Answer,
}

impl Kept {
    fn is_fresh(&self, now: Instant) -> bool {
        let span = match self.answer {
            Ok(_) => SECRET_KEPT_FOR,
            Err(_) => SECRET_FAILURE_KEPT_FOR,
        };
        now.saturating_duration_since(self.at) < span
    }
}

/// What was printed, by command. Of the whole process, because a secret is read from several rooms and by
/// many attempts at once, and each command shall run once for all of them.
static KEPT: LazyLock<Mutex<HashMap<Vec<String>, Slot>>> = LazyLock::new(Mutex::default);

/// The value, kept or printed now. Blocks for as long as the command may take.
pub(super) fn read(argv: &[String]) -> Answer {
    let now = Instant::now();
    let slot = {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        // What is no longer used is wiped. A slot that is locked is being filled.
        kept.retain(|_, slot| {
            slot.try_lock()
                .map_or(true, |it| it.as_ref().is_none_or(|it| it.is_fresh(now)))
        });
        Arc::clone(kept.entry(argv.to_vec()).or_default())
    };
    // Held while the command runs: whoever comes meanwhile wants the same answer.
    let mut kept = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = kept.as_ref().filter(|it| it.is_fresh(Instant::now())) {
        return kept.answer.clone();
    }
    let answer = run(argv, SECRET_COMMAND_TIME_MAX);
    *kept = Some(Kept {
        at: Instant::now(),
        answer: answer.clone(),
    });
    answer
}

fn run(argv: &[String], time: Duration) -> Answer {
    let (program, arguments) = argv.split_first().ok_or("its command is empty")?;
    let told = |what: &str| format!("its command {program} {what}");
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| PATH.into()))
        .envs(std::env::var_os("HOME").map(|home| ("HOME", home)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| told(&format!("cannot be started: {error}")))?;
    let mut printed = Printed::of(&mut child).map_err(|error| told(&format!("cannot be read: {error}")))?;
    let ended = wait(&child, &mut printed, time);
    // Before it is reaped, while its number is surely its own: whatever it left running goes with it.
    if let Some(group) = pid(&child) {
        kill_process_group(group, Signal::KILL).ok();
    }
    let status = child
        .wait()
        .map_err(|error| told(&format!("could not be waited for: {error}")))?;
    if !ended {
        return Err(told(&format!(
            "took longer than {} s, and was killed",
            time.as_secs()
        )));
    }
    let bytes = printed
        .rest(LAST_WORDS)
        .ok_or_else(|| told("left something running that holds its output open"))?;
    // First, because a command that is no longer listened to fails for that reason alone.
    if bytes.len() > SECRET_COMMAND_BYTES_MAX {
        return Err(told(&format!(
            "printed more than {SECRET_COMMAND_BYTES_MAX} bytes"
        )));
    }
    if !status.success() {
        return Err(told(&failure(status)));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| told("printed something that is not UTF-8"))?;
    Ok(Zeroizing::new(
        super::secret_source::without_newline(text).to_owned(),
    ))
}

fn failure(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => format!("was ended: {status}"),
    }
}

/// What a command prints, taken without waiting. Once this is gone nobody listens any more, whoever holds the other end.
struct Printed {
    /// `None` once nothing more will come, or nothing more is wanted.
    from: Option<ChildStdout>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Printed {
    fn of(child: &mut Child) -> std::io::Result<Self> {
        let from = child.stdout.take();
        if let Some(stdout) = &from {
            fcntl_setfl(stdout, fcntl_getfl(stdout)? | OFlags::NONBLOCK)?;
        }
        Ok(Self {
            from,
            // Room for all of it from the start: a buffer that grows leaves copies behind that nobody wipes.
            bytes: Zeroizing::new(Vec::with_capacity(SECRET_COMMAND_BYTES_MAX + PIECE)),
        })
    }

    /// Takes what is there now.
    fn look(&mut self) {
        let mut piece = Zeroizing::new([0; PIECE]);
        while let Some(from) = &mut self.from {
            match from.read(piece.as_mut_slice()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // What was printed before a failure counts; the exit code tells whether that is all.
                Ok(0) | Err(_) => self.from = None,
                Ok(length) => {
                    self.bytes
                        .extend_from_slice(piece.get(..length).unwrap_or_default());
                    if self.bytes.len() > SECRET_COMMAND_BYTES_MAX {
                        self.from = None;
                    }
                }
            }
        }
    }

    /// All of it, once its end has come; `None` where that takes longer.
    fn rest(mut self, time: Duration) -> Option<Zeroizing<Vec<u8>>> {
        let began = Instant::now();
        loop {
            self.look();
            if self.from.is_none() {
                return Some(self.bytes);
            }
            if began.elapsed() >= time {
                return None;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Whether it ended in time. It is left to be reaped.
fn wait(child: &Child, printed: &mut Printed, time: Duration) -> bool {
    let Some(pid) = pid(child) else {
        return false;
    };
    let began = Instant::now();
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    loop {
        // Its pipe holds only so much: who does not read keeps it from ending.
        printed.look();
        if !matches!(waitid(WaitId::Pid(pid), look), Ok(None)) {
            return true;
        }
        if began.elapsed() >= time {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    fn why(script: &str) -> String {
        run(&shell(script), SECRET_COMMAND_TIME_MAX).unwrap_err()
    }

    #[test]
    fn cuts_one_newline_and_nothing_else() {
        let value = run(&shell("printf ' s3cret \\n\\n'"), SECRET_COMMAND_TIME_MAX).unwrap();
        assert_eq!(value.as_str(), " s3cret \n");
    }

    #[test]
    fn a_failure_is_told_without_anything_that_was_printed() {
        let why = why("echo s3cret; echo s3cret >&2; exit 3");
        assert!(why.contains("sh") && why.contains("exit code 3"), "{why}");
        assert!(!why.contains("s3cret"), "{why}");
    }

    #[test]
    fn gives_path_and_home_and_nothing_else() {
        let names = run(
            &shell("env | cut -d= -f1 | sort | tr '\\n' ' '"),
            SECRET_COMMAND_TIME_MAX,
        )
        .unwrap();
        let given: Vec<&str> = names
            .split_whitespace()
            // What the shell sets for itself.
            .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name))
            .collect();
        assert!(
            given.iter().all(|name| ["HOME", "PATH"].contains(name)),
            "{given:?}"
        );
        assert!(given.contains(&"PATH"));
    }

    #[test]
    fn gives_no_input_and_no_shell() {
        assert_eq!(
            run(&shell("wc -c | tr -d ' '"), SECRET_COMMAND_TIME_MAX)
                .unwrap()
                .as_str(),
            "0"
        );
        let argv = ["echo", "$HOME; id"].map(str::to_owned);
        assert_eq!(run(&argv, SECRET_COMMAND_TIME_MAX).unwrap().as_str(), "$HOME; id");
    }

    #[test]
    fn one_without_end_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let why = run(&shell(&script), Duration::from_secs(1)).unwrap_err();
        assert!(why.contains("longer than 1 s"), "{why}");
        let started: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        let is_gone = || {
            // Gone, or dead and not yet reaped by whoever adopted it.
            std::fs::read_to_string(format!("/proc/{started}/stat"))
                .map_or(true, |stat| stat.contains(") Z "))
        };
        while !is_gone() {
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// What escapes the process group may hold the pipe for ever: nobody may be left listening at it.
    #[test]
    fn one_that_leaves_a_daemon_behind_is_no_longer_listened_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        // It goes on talking, and dies of it once nobody listens.
        let daemon = format!("echo $$ > {}; while echo x; do sleep 0.02; done", file.display());
        let ready = format!("while ! test -s {}; do sleep 0.02; done", file.display());
        let why = why(&format!("setsid sh -c '{daemon}' & {ready}"));
        assert!(why.contains("holds its output open"), "{why}");
        let daemon: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        while std::fs::read_to_string(format!("/proc/{daemon}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
        {
            std::thread::sleep(LOOK_EVERY);
        }
    }

    #[test]
    fn a_long_secret_is_read_while_it_is_printed() {
        // More than a pipe's half holds, in several pieces.
        let value = run(
            &shell("head -c 60000 /dev/zero | tr '\\0' x"),
            SECRET_COMMAND_TIME_MAX,
        )
        .unwrap();
        assert_eq!(value.len(), 60_000);
    }

    #[test]
    fn refuses_more_than_any_secret_has_and_what_is_no_text() {
        assert!(why("head -c 70000 /dev/zero | tr '\\0' x").contains("65536 bytes"));
        assert!(why("printf '\\377'").contains("UTF-8"));
    }

    #[test]
    fn one_that_is_not_there_is_named() {
        let why = run(&["no-such-program-anywhere".to_owned()], SECRET_COMMAND_TIME_MAX).unwrap_err();
        assert!(
            why.contains("no-such-program-anywhere cannot be started"),
            "{why}"
        );
    }

    #[test]
    fn many_that_ask_at_once_have_it_run_once() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        let argv = shell(&format!("echo run >> {}; echo s3cret", runs.display()));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(read(&argv).unwrap().as_str(), "s3cret"));
            }
        });
        assert_eq!(std::fs::read_to_string(&runs).unwrap(), "run\n");
    }

    #[test]
    fn values_are_kept_for_a_minute_and_failures_for_less() {
        let at = Instant::now();
        let value = Kept {
            at,
            answer: Ok(Zeroizing::new("x".into())),
        };
        let failure = Kept {
            at,
            answer: Err("no".into()),
        };
        let just_before = |span: Duration| at + span.checked_sub(Duration::from_millis(1)).unwrap();
        assert!(value.is_fresh(just_before(SECRET_KEPT_FOR)) && !value.is_fresh(at + SECRET_KEPT_FOR));
        assert!(failure.is_fresh(just_before(SECRET_FAILURE_KEPT_FOR)));
        assert!(!failure.is_fresh(at + SECRET_FAILURE_KEPT_FOR));
    }
}
