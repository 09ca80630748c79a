//! `command`: runs what the operator named, as the operator templated it.
//!
//! No shell is ever involved: a parameter fills a whole argument, so nothing in it can become
//! another argument, an option or a command. The command starts in a process group of its own, which
//! is killed when the attempt is over, however it ends.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::ExitStatusExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::scrub::Scrubber;
use super::state::{Context, GuestState, Rights};
use super::{denial, fix};
use crate::config::{ArgumentTemplate, CommandGrant, CommandInput};
use crate::contract::bindings::byway::transport::command::{Ending, Host, Input, Output};
use crate::contract::bindings::byway::transport::types::{Denial, Header};

/// How long output is waited for once the command itself has ended: what it left running in the
/// background may hold the pipes open for ever.
const LAST_WORDS: Duration = Duration::from_millis(200);

impl Host for GuestState {
    async fn run(&mut self, name: String, parameters: Vec<Header>, stdin: Input) -> Result<Output, Denial> {
        let (rights, context) = (&*self.rights, &*self.context);
        let Some(grant) = rights.transport.grants.commands.get(&name) else {
            let transport = &rights.transport;
            context.tell_denial(&transport.name, || {
                let fix = fix::command(transport, &context.secrets.for_people(&name));
                format!("the adapter was denied a command; to allow it, add {fix}")
            });
            return Err(denial::not_granted("no such command"));
        };
        if grant.effect && !context.may_have_effects() {
            return Err(denial::not_granted(
                "the adapter was only asked to look, and the command has an effect",
            ));
        }
        let arguments = fill(&grant.argv, &parameters)?;
        let input = input(grant, context, stdin)?;
        for bytes in arguments.iter().map(|it| it.as_bytes()).chain([input.as_slice()]) {
            context
                .secrets
                .refuse_in(bytes)
                .map_err(|misplaced| denial::reference(&misplaced))?;
        }
        let mut group = start(rights, context, grant, &arguments)?;
        if grant.effect {
            context
                .effects
                .begin(format!("command {name}"))
                .map_err(|_| denial::timeout())?;
        }
        group
            .talk(input, rights.transport.limits.answer_bytes_max, context)
            .await
    }
}

/// The argument list, each parameter in its place.
fn fill(template: &[ArgumentTemplate], parameters: &[Header]) -> Result<Vec<String>, Denial> {
    for (place, parameter) in parameters.iter().enumerate() {
        let known = template
            .iter()
            .any(|it| matches!(it, ArgumentTemplate::Parameter { name, .. } if *name == parameter.name));
        if !known {
            return Err(denial::invalid(&format!(
                "the command has no parameter {}",
                parameter.name
            )));
        }
        if parameters.iter().take(place).any(|it| it.name == parameter.name) {
            return Err(denial::invalid(&format!(
                "the parameter {} is given twice",
                parameter.name
            )));
        }
        if parameter.value.contains('\0') {
            return Err(denial::invalid(&format!(
                "the parameter {} has a NUL in it",
                parameter.name
            )));
        }
    }
    template
        .iter()
        .map(|argument| match argument {
            ArgumentTemplate::Fixed(text) => Ok(text.clone()),
            ArgumentTemplate::Parameter { prefix, name } => parameters
                .iter()
                .find(|it| it.name == *name)
                .map(|it| format!("{prefix}{}", it.value))
                .ok_or_else(|| denial::invalid(&format!("the parameter {name} is missing"))),
        })
        .collect()
}

/// What standard input gets.
fn input(grant: &CommandGrant, context: &Context, given: Input) -> Result<Vec<u8>, Denial> {
    match (grant.stdin, given) {
        (CommandInput::Nothing | CommandInput::Adapter, Input::Nothing) => Ok(Vec::new()),
        (CommandInput::Adapter, Input::Bytes(bytes)) => Ok(bytes),
        (CommandInput::Envelope, Input::Nothing) => Ok(context
            .message
            .as_ref()
            .map(|message| message.structured.to_vec())
            .unwrap_or_default()),
        (CommandInput::Nothing | CommandInput::Envelope, Input::Bytes(_)) => Err(denial::invalid(
            "the operator did not grant this command input from the adapter",
        )),
    }
}

fn start(
    rights: &Rights,
    context: &Context,
    grant: &CommandGrant,
    arguments: &[String],
) -> Result<Group, Denial> {
    let not_started = |why: String| {
        tracing::warn!(
            transport = rights.transport.name,
            "a command could not be started: {why}"
        );
        denial::denial("not-started", &why)
    };
    let (program, rest) = arguments
        .split_first()
        .ok_or_else(|| not_started("it has no program".into()))?;
    let path =
        find_program(program).ok_or_else(|| not_started(format!("{program} is not on byway's PATH")))?;
    let mut command = Command::new(path);
    command
        .args(rest)
        .env_clear()
        .envs(
            grant
                .env_pass
                .iter()
                .filter_map(|name| std::env::var_os(name).map(|value| (name, value))),
        )
        .envs(&grant.env)
        .envs(context.secrets.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(folder) = &grant.cwd {
        command.current_dir(folder);
    }
    let child = command
        .spawn()
        .map_err(|error| not_started(format!("{program}: {error}")))?;
    let id = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    Ok(Group { child, id })
}

/// Where the program is, by byway's own `PATH`: the command's may be empty.
fn find_program(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|it| is_executable(it))
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// A running command and everything it started. Killed when dropped.
struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Drop for Group {
    fn drop(&mut self) {
        // The group keeps its number for as long as anybody is in it, so this meets the command's own
        // descendants or nobody.
        if let Some(id) = self.id {
            kill_process_group(id, Signal::KILL).ok();
        }
    }
}

impl Group {
    /// Gives it its input, takes its output, and waits for its end.
    async fn talk(&mut self, input: Vec<u8>, max: usize, context: &Context) -> Result<Output, Denial> {
        let (mut stdout, mut stderr) = (Taken::new(max), Taken::new(max));
        let status = {
            let (stdin, out, err) = (
                self.child.stdin.take(),
                self.child.stdout.take(),
                self.child.stderr.take(),
            );
            let talking = async {
                let write = async {
                    if let Some(mut stdin) = stdin {
                        // A command need not read its input.
                        stdin.write_all(&input).await.ok();
                    }
                };
                tokio::join!(write, stdout.take(out), stderr.take(err));
            };
            tokio::pin!(talking);
            let wait = self.child.wait();
            tokio::pin!(wait);
            tokio::select! {
                () = &mut talking => wait.await,
                status = &mut wait => {
                    tokio::time::timeout(LAST_WORDS, talking).await.ok();
                    status
                }
            }
        };
        let status =
            status.map_err(|error| denial::io(&format!("the command's end could not be learnt: {error}")))?;
        let scrubber = context.secrets.scrubber();
        Ok(Output {
            ending: ending(status),
            truncated: stdout.truncated || stderr.truncated,
            stdout: stdout.scrubbed(scrubber),
            stderr: stderr.scrubbed(scrubber),
        })
    }
}

fn ending(status: ExitStatus) -> Ending {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, signal) => Ending::Signalled(signal.unwrap_or_default()),
    }
}

/// Output up to a limit. What is beyond it is read and thrown away, so that the command can go on.
struct Taken {
    bytes: Vec<u8>,
    max: usize,
    truncated: bool,
}

impl Taken {
    fn new(max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            max,
            truncated: false,
        }
    }

    fn scrubbed(self, scrubber: &Scrubber) -> Vec<u8> {
        if self.truncated {
            scrubber.cut_off(self.bytes)
        } else {
            scrubber.bytes(self.bytes)
        }
    }

    async fn take(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else {
            return;
        };
        let mut chunk = vec![0; 16 << 10];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            let room = self.max.saturating_sub(self.bytes.len()).min(length);
            self.bytes
                .extend_from_slice(chunk.get(..room).unwrap_or_default());
            self.truncated |= room < length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, value: &str) -> Header {
        Header {
            name: name.into(),
            value: value.into(),
        }
    }

    fn template() -> Vec<ArgumentTemplate> {
        vec![
            ArgumentTemplate::Fixed("prog".into()),
            ArgumentTemplate::Parameter {
                prefix: "--text=".into(),
                name: "text".into(),
            },
        ]
    }

    #[test]
    fn a_parameter_stays_one_argument_whatever_is_in_it() {
        for value in ["", "a b", "\"'`$(id)\\\n;|&", "--evil", "漢字"] {
            let arguments = fill(&template(), &[parameter("text", value)]).unwrap();
            assert_eq!(arguments, ["prog".to_owned(), format!("--text={value}")]);
        }
    }

    #[test]
    fn refuses_parameters_that_do_not_fit_the_template() {
        for parameters in [
            vec![],
            vec![parameter("text", "a"), parameter("other", "b")],
            vec![parameter("text", "a"), parameter("text", "b")],
            vec![parameter("text", "a\0b")],
        ] {
            assert_eq!(fill(&template(), &parameters).unwrap_err().code, "invalid");
        }
    }

    #[test]
    fn finds_a_program_on_the_path_only_if_it_can_run() {
        assert!(find_program("sh").is_some_and(|it| it.is_absolute()));
        assert!(find_program("no-such-program-anywhere").is_none());
        assert_eq!(find_program("./x"), Some("./x".into()));
    }
}
