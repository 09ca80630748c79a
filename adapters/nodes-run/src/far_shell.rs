//! Whether a shell on the node would read what stands among the arguments. Pure.
//!
//! The node runs a list of arguments as it is. But `sh -c`, or an `ssh` onwards, makes one program of several
//! arguments, so there a parameter may only be base64, in which no shell finds anything to do. This knows
//! programs by name and is no proof: a script of the operator's own may do anything with its arguments.

use crate::argument::Argument;

/// A parameter of this ending carries base64, whatever its template says.
pub(crate) const HARMLESS_ENDING: &str = "_base64";

/// Programs that read an argument as a program, or hand several to one that does.
const READERS: [&str; 16] = [
    "sh",
    "bash",
    "zsh",
    "dash",
    "ash",
    "ksh",
    "mksh",
    "fish",
    "ssh",
    "autossh",
    "su",
    "cmd",
    "powershell",
    "pwsh",
    "wsl",
    "eval",
];

/// The first parameter that would become part of a program, and what would read it.
pub(crate) fn find_unsafe(argv: &[Argument]) -> Option<(&str, &str)> {
    let reader = argv.iter().find_map(|argument| match argument {
        Argument::Fixed(text) => reader(text),
        Argument::Parameter { .. } => None,
    })?;
    let mut parameters = argv.iter().filter_map(Argument::parameter);
    let parameter = parameters.find(|name| !name.ends_with(HARMLESS_ENDING))?;
    Some((parameter, reader))
}

/// Whether the command is ssh itself.
pub(crate) fn is_ssh(argv: &[Argument]) -> bool {
    let Some(Argument::Fixed(program)) = argv.first() else {
        return false;
    };
    matches!(reader(program), Some("ssh" | "autossh"))
}

fn reader(word: &str) -> Option<&'static str> {
    let name = word
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(word)
        .to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    READERS.into_iter().find(|reader| *reader == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(argv: &str) -> Option<String> {
        let argv: Vec<Argument> = argv
            .split(' ')
            .map(|word| serde_json::from_value(word.into()).unwrap())
            .collect();
        find_unsafe(&argv).map(|(parameter, reader)| format!("{parameter} {reader}"))
    }

    #[test]
    fn refuses_words_that_a_shell_would_read() {
        for (argv, found) in [
            ("sh -c x -- {text}", "text sh"),
            ("sudo /bin/bash -c x -- {text}", "text bash"),
            ("ssh host accept --text={text}", "text ssh"),
            ("docker exec c sh -c x -- {text}", "text sh"),
            ("C:\\Windows\\CMD.EXE /c x -- {text}", "text cmd"),
            ("bash -c x -- {envelope_base64} {text}", "text bash"),
        ] {
            assert_eq!(look(argv).as_deref(), Some(found), "{argv}");
        }
    }

    #[test]
    fn only_ssh_itself_speaks_for_ssh() {
        let argv = |words: &str| -> Vec<Argument> {
            words
                .split(' ')
                .map(|word| serde_json::from_value(word.into()).unwrap())
                .collect()
        };
        assert!(is_ssh(&argv("/usr/bin/ssh host byway accept -")));
        assert!(is_ssh(&argv("autossh host x")));
        assert!(!is_ssh(&argv("/opt/note-and-push.sh ssh")));
        assert!(!is_ssh(&argv("bash -c x")));
        assert!(!is_ssh(&[]));
    }

    #[test]
    fn accepts_base64_and_commands_without_a_shell() {
        for argv in [
            "byway accept --base64={envelope_base64}",
            "agent send --message={text}",
            "bash -c x -- {envelope_base64}",
            "sh script",
            "shelly --text={text}",
        ] {
            assert_eq!(look(argv), None, "{argv}");
        }
    }
}
