//! `[transports.NAME.grants.commands.COMMAND]`: a command that the operator named and templated.
//!
//! There is no shell on this side. Where one waits on the other side, message text is refused
//! among the arguments (see [`super::shell`]).

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::instance::read_own_name;
use super::item::Item;
use super::keys;
use super::reader::Table;
use super::rights::{ArgumentTemplate, CommandGrant, CommandInput};
use super::secret::is_variable;
use super::shell::{Unsafe, find_unsafe};
use super::template::{TemplateError, parse_argument};
use crate::error_code::ErrorCode;

const EXAMPLE: &str = "[transports.NAME.grants.commands.COMMAND]";
const ARGV: &str = "argv = [\"program\", \"--option=value\"]";

pub(super) fn read_commands(item: &Item<'_>) -> BTreeMap<String, CommandGrant> {
    let items = item.named(EXAMPLE);
    let commands = items.iter().filter_map(|item| {
        let grant = read_command(item);
        Some((read_own_name(item)?, grant?))
    });
    commands.collect()
}

fn read_command(item: &Item<'_>) -> Option<CommandGrant> {
    let table = item.table(&keys::COMMAND, EXAMPLE)?;
    let stdin = table.get("stdin").and_then(|item| {
        item.word(&[
            ("none", CommandInput::Nothing),
            ("adapter", CommandInput::Adapter),
            ("envelope", CommandInput::Envelope),
        ])
    });
    let stdin = stdin.unwrap_or(CommandInput::Nothing);
    let argv_item = table.need("argv", ARGV);
    let argv = argv_item.as_ref().and_then(read_argv);
    if let (Some(item), Some(argv)) = (&argv_item, &argv) {
        check_shell(item, argv, stdin);
    }
    let (env, env_pass) = read_environment(&table);
    let cwd = table.get("cwd").and_then(|item| item.path());
    let effect = table.get("effect").and_then(|item| item.flag());
    Some(CommandGrant {
        argv: argv?,
        stdin,
        env,
        env_pass,
        cwd,
        effect: effect.unwrap_or(true),
    })
}

fn read_argv(item: &Item<'_>) -> Option<Vec<ArgumentTemplate>> {
    let items = item.list(ARGV)?;
    let Some(first) = items.first() else {
        item.wrong(
            "`argv` is empty, so there is nothing to run",
            "begin it with the program",
        );
        return None;
    };
    let program = read_program(first);
    let mut argv = Vec::from([program]);
    let mut after_dashes = false;
    for item in items.iter().skip(1) {
        argv.push(read_argument(item, after_dashes));
        after_dashes |= item.value().as_str() == Some("--");
    }
    argv.into_iter().collect()
}

/// The program: a name that is looked for in PATH, or a path. Never a parameter, and a relative path
/// means the same wherever byway was started.
fn read_program(item: &Item<'_>) -> Option<ArgumentTemplate> {
    let argument = read_argument(item, true)?;
    let ArgumentTemplate::Fixed(text) = argument else {
        item.wrong(
            "a message cannot choose the program",
            "write the program's name or path",
        );
        return None;
    };
    let program = if text.contains('/') {
        item.path()?
    } else {
        PathBuf::from(&text)
    };
    if text.is_empty() {
        item.wrong("the program's name is empty", "write the program's name or path");
        return None;
    }
    // Both halves came out of this text, so nothing is lost by going back to text.
    Some(ArgumentTemplate::Fixed(program.to_string_lossy().into_owned()))
}

fn read_argument(item: &Item<'_>, after_dashes: bool) -> Option<ArgumentTemplate> {
    let text = item.text(ARGV)?;
    if text.contains('\0') {
        item.wrong("an argument cannot have a NUL in it", "remove it");
        return None;
    }
    match parse_argument(text, after_dashes) {
        Ok(argument) => Some(argument),
        Err(TemplateError { message, fix }) => {
            item.wrong(message, fix);
            None
        }
    }
}

fn check_shell(item: &Item<'_>, argv: &[ArgumentTemplate], stdin: CommandInput) {
    let (message, fix) = match find_unsafe(argv, stdin) {
        None => return,
        Some(Unsafe::Parameter { name, program }) => (
            format!("`{program}` gives its arguments to a shell, and `{{{name}}}` would be among them"),
            format!(
                "send the message by `stdin = \"envelope\"`, or as base64 in a parameter `{{{name}_base64}}`"
            ),
        ),
        Some(Unsafe::Input { program }) => (
            format!("`{program}` would run what comes by standard input, which is the message"),
            "name the program that takes the message, such as `byway accept -`".to_owned(),
        ),
    };
    item.add(item.problem(ErrorCode::UnsafeTemplate, message).with_fix(fix));
}

fn read_environment(table: &Table<'_>) -> (BTreeMap<String, String>, Vec<String>) {
    let mut env = BTreeMap::new();
    let items = table
        .get("env")
        .map(|item| item.named("env = { NAME = \"value\" }"));
    for item in items.unwrap_or_default() {
        let value = item.text("NAME = \"value\"");
        if let (true, Some(value)) = (check_variable(&item, item.name()), value) {
            env.insert(item.name().to_owned(), value.to_owned());
        }
    }
    let mut env_pass = Vec::new();
    let items = table
        .get("env_pass")
        .and_then(|item| item.list("env_pass = [\"PATH\"]"));
    for item in items.unwrap_or_default() {
        let Some(name) = item.text("env_pass = [\"PATH\"]") else {
            continue;
        };
        if env.contains_key(name) {
            item.wrong(
                format!("`{name}` is in both `env` and `env_pass`"),
                "keep one of them",
            );
        } else if check_variable(&item, name) {
            env_pass.push(name.to_owned());
        }
    }
    (env, env_pass)
}

fn check_variable(item: &Item<'_>, name: &str) -> bool {
    let fine = is_variable(name);
    if !fine {
        item.wrong(
            format!("`{name}` is not the name of an environment variable"),
            "write letters, digits and `_`, beginning with no digit",
        );
    }
    fine
}
