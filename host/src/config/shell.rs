//! Where a command's far end is a shell.
//!
//! byway itself never joins arguments, but `ssh host cmd arg` does, and so does `sh -c`: what was one
//! argument here is a piece of a program there. Message text may therefore reach such a command by
//! standard input only, or as base64, in which no shell finds anything to do. A shell that
//! reads its *program* from standard input must not get the message there either.
//!
//! This reads the argument list as the operator wrote it. It knows the usual programs by name and is
//! no proof: a script of the operator's own may do anything with its arguments.

use super::rights::{ArgumentTemplate, CommandInput};

/// A parameter of this ending carries base64, which means the same to every shell.
const HARMLESS_ENDING: &str = "_base64";

const SHELLS: [&str; 8] = ["sh", "bash", "zsh", "dash", "ash", "ksh", "mksh", "fish"];

/// Programs that hand their last arguments to another program.
const WRAPPERS: [&str; 34] = [
    "autossh",
    "busybox",
    "sshpass",
    "sudo",
    "doas",
    "env",
    "nohup",
    "timeout",
    "nice",
    "ionice",
    "setsid",
    "stdbuf",
    "time",
    "docker",
    "podman",
    "kubectl",
    "nsenter",
    "chroot",
    "unshare",
    "flatpak-spawn",
    "systemd-run",
    "proxychains",
    "proxychains4",
    "tailscale",
    "gcloud",
    "flock",
    "taskset",
    "chrt",
    "runuser",
    "su",
    "torsocks",
    "firejail",
    "strace",
    "script",
];

/// The options of `ssh` that take the next argument.
const SSH_OPTIONS_WITH_VALUE: &str = "BbcDEeFIiJLlmOoPpQRSWw";

/// What is unsafe about a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsafe {
    /// This parameter would become part of a shell's program.
    Parameter {
        /// Its name.
        name: String,
        /// The program that joins the arguments.
        program: String,
    },
    /// Standard input would be read as a shell's program.
    Input {
        /// The program that reads it.
        program: String,
    },
}

/// Looks for message text that a shell would read as its program.
pub(super) fn find_unsafe(argv: &[ArgumentTemplate], stdin: CommandInput) -> Option<Unsafe> {
    let shell = Shell::of(argv)?;
    let program = shell.program;
    let parameter = argv.iter().find_map(|argument| match argument {
        ArgumentTemplate::Parameter { name, .. } if !name.ends_with(HARMLESS_ENDING) => Some(name.clone()),
        _ => None,
    });
    match parameter {
        Some(name) if shell.joins_arguments => Some(Unsafe::Parameter { name, program }),
        _ if shell.runs_input && stdin != CommandInput::Nothing => Some(Unsafe::Input { program }),
        _ => None,
    }
}

/// The words from the first that is no option of ssh's and no option's value.
fn skip_ssh_options<'a, 'b>(mut words: &'a [&'b str]) -> &'a [&'b str] {
    while let Some((word, rest)) = words.split_first() {
        let Some(letters) = word.strip_prefix('-') else {
            return words;
        };
        if letters == "-" {
            return rest;
        }
        // Of letters written together, the first that takes a value takes the rest as its value, or the
        // next word where nothing is left: `-p22`, `-Tp 22`.
        let valued = letters
            .char_indices()
            .find(|(_, letter)| SSH_OPTIONS_WITH_VALUE.contains(*letter));
        let takes_next = valued.is_some_and(|(at, letter)| at + letter.len_utf8() == letters.len());
        words = if takes_next {
            rest.get(1..).unwrap_or(&[])
        } else {
            rest
        };
    }
    words
}

/// A shell that a command leads to.
struct Shell {
    /// The program that the operator wrote.
    program: String,
    /// What stands among the arguments becomes part of its program.
    joins_arguments: bool,
    /// It reads its program from standard input.
    runs_input: bool,
}

impl Shell {
    fn of(argv: &[ArgumentTemplate]) -> Option<Self> {
        // A parameter is an empty word here: it is no option and no program's name.
        let words: Vec<&str> = argv
            .iter()
            .map(|argument| match argument {
                ArgumentTemplate::Fixed(text) => text.as_str(),
                ArgumentTemplate::Parameter { .. } => "",
            })
            .collect();
        let first = base_name(words.first()?);
        let ssh_at = words.iter().position(|word| base_name(word) == "ssh");
        match ssh_at.filter(|at| *at == 0 || WRAPPERS.contains(&first)) {
            Some(at) => Some(Self::behind_ssh(words.get(at + 1..)?)),
            None if first == "autossh" => Some(Self::behind_ssh(words.get(1..)?)),
            None => Self::among(&words),
        }
    }

    /// `ssh [options] host [command…]`: the command is joined; without one, the login shell reads
    /// standard input.
    fn behind_ssh(words: &[&str]) -> Self {
        // ssh reads options behind the host, too: `ssh host -T` runs no command.
        let behind_host = skip_ssh_options(words)
            .split_first()
            .map_or(&[][..], |(_host, rest)| rest);
        let command = skip_ssh_options(behind_host);
        let command: Vec<&str> = command.iter().flat_map(|word| word.split_whitespace()).collect();
        let inner = Self::among(&command);
        Self {
            program: "ssh".to_owned(),
            joins_arguments: true,
            runs_input: command.is_empty() || inner.is_some_and(|shell| shell.runs_input),
        }
    }

    /// The first shell among the words that takes a program from elsewhere than a script.
    fn among(words: &[&str]) -> Option<Self> {
        let mut shells = words
            .iter()
            .enumerate()
            .filter(|(_, word)| SHELLS.contains(&base_name(word)));
        shells.find_map(|(at, word)| {
            let rest = words.get(at + 1..).unwrap_or_default();
            let shell = Self::with_options(base_name(word), rest);
            (shell.joins_arguments || shell.runs_input).then_some(shell)
        })
    }

    /// `sh -c program`, `sh script`, or `sh` alone, which reads its program from standard input.
    fn with_options(name: &str, rest: &[&str]) -> Self {
        let is_option = |word: &&&str| word.starts_with(['-', '+']);
        let has = |letter: char| {
            let mut options = rest.iter().take_while(is_option);
            options.any(|word| !word.starts_with("--") && word.contains(letter))
        };
        let script = rest.iter().find(|word| !is_option(word));
        Self {
            program: name.to_owned(),
            joins_arguments: has('c') || script.is_some_and(|script| script.is_empty()),
            runs_input: !has('c') && (has('s') || script.is_none()),
        }
    }
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::super::template::parse_argument;
    use super::*;

    fn look(argv: &str, stdin: CommandInput) -> Option<Unsafe> {
        let argv: Vec<_> = argv
            .split(' ')
            .map(|word| parse_argument(word, true).unwrap())
            .collect();
        find_unsafe(&argv, stdin)
    }

    #[test]
    fn accepts_message_text_where_no_shell_reads_it() {
        for argv in [
            "openclaw agent --message={text}",
            "ssh pi byway accept -",
            "ssh -p 22 -o BatchMode=yes pi byway accept --base64={envelope_base64}",
            "ssh -Tp22 pi -- byway accept -",
            "docker exec gw sh -c deliver",
            "docker exec -i gw deliver --text={text}",
            "bash deliver.sh --text={text}",
            "rg --type=ssh --text={text}",
        ] {
            assert_eq!(look(argv, CommandInput::Envelope), None, "{argv}");
        }
    }

    #[test]
    fn refuses_message_text_among_arguments_that_a_shell_joins() {
        for argv in [
            "ssh pi openclaw agent --message={text}",
            "/usr/bin/ssh pi -- {text}",
            "ssh --x={text} pi",
            "autossh -M 0 pi run --text={text}",
            "sudo -u me ssh pi run -- {text}",
            "sh -c run -- {text}",
            "docker exec gw sh -c run --text={text}",
            "docker exec gw /bin/bash -lc run -- {text}",
            "busybox sh -c run --text={text}",
            "env A=b sh -ec run --text={text}",
            "tailscale ssh pi notify -- {text}",
            "flock lock ssh pi notify -- {text}",
            "sh -- {text}",
        ] {
            let found = look(argv, CommandInput::Nothing);
            assert!(
                matches!(found, Some(Unsafe::Parameter { .. })),
                "{argv}: {found:?}"
            );
        }
    }

    #[test]
    fn refuses_a_shell_that_would_run_the_message() {
        for argv in [
            "sh",
            "bash -s",
            "bash -l",
            "docker exec -i gw sh",
            "ssh pi",
            "ssh -i key -p 22 pi",
            "ssh pi -T",
            "ssh pi -p 2222",
            "ssh -Tp 2222 pi",
            "tailscale ssh pi",
            "ssh pi bash -s",
            "ssh pi /bin/sh",
            "ssh pi docker exec -i gw sh",
        ] {
            let found = look(argv, CommandInput::Envelope);
            assert!(matches!(found, Some(Unsafe::Input { .. })), "{argv}: {found:?}");
            assert_eq!(look(argv, CommandInput::Nothing), None, "{argv}");
        }
    }
}
