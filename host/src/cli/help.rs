//! How the help reads, and what a command line that makes no sense is told.
//!
//! The verbs stand in groups, in the order in which a newcomer meets them. clap has no groups of
//! verbs, so the page is put together here from the verbs' own summaries; a test fails where a
//! verb is in no group.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Style, Styles};
use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _};

use super::Invocation;
use super::failure::{self, Failure};
use super::terminal::Terminal;
use crate::error_code::ErrorCode;

const GROUPS: &[(&str, &[&str])] = &[
    ("Run", &["serve", "reload"]),
    (
        "Messages",
        &[
            "send", "show", "list", "cancel", "approve", "reject", "dead", "accept",
        ],
    ),
    ("For the agent", &["inbox"]),
    ("Look after it", &["journal"]),
    (
        "Set up",
        &["validate", "probe", "adapter", "explain", "identity", "token"],
    ),
];

const EXAMPLES: &str = "\
Examples:
  byway validate                                  is the configuration right?
  byway serve                                     run, until a signal comes
  byway send --to executor@b \"the build is done\"  send a message
  byway send --to executor@b --wait - < report.md send a file's text, and wait until it is there
  byway show 0198f2c4-…                           what was tried, and how it ended
  byway inbox list --agent executor               what lies there for an agent
";

const BOLD: Style = Style::new().bold();
const WORD: Style = AnsiColor::Cyan.on_default();

/// The command as clap shall have it.
pub(super) fn command() -> Command {
    let command = Invocation::command().styles(
        Styles::styled()
            .header(BOLD)
            .usage(BOLD)
            .literal(WORD)
            .placeholder(Style::new())
            .error(AnsiColor::Red.on_default().bold())
            .valid(AnsiColor::Green.on_default())
            .invalid(AnsiColor::Yellow.on_default()),
    );
    let template = format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{}{BOLD}Options:{BOLD:#}\n{{options}}\n\n{}\n{}",
        verbs(&command),
        headed(EXAMPLES),
        headed(&failure::exit_codes()),
    );
    command.help_template(template)
}

/// The first line of a section in bold.
fn headed(section: &str) -> String {
    match section.split_once('\n') {
        Some((head, rest)) => format!("{BOLD}{head}{BOLD:#}\n{rest}"),
        None => section.to_owned(),
    }
}

fn verbs(command: &Command) -> String {
    let mut page = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(page, "{BOLD}{group}:{BOLD:#}");
        for verb in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(page, "  {WORD}{:<10}{WORD:#} {about}", verb.get_name());
        }
        page.push('\n');
    }
    page
}

/// Prints what clap has to say: help and version are answers, everything else is a mistake in the
/// command line, which has its own exit code.
pub(super) fn answer(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Where nobody reads the help, nobody misses it.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let sentence = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        let failure = Failure::new(ErrorCode::Usage, sentence);
        Terminal {
            json: true,
            quiet: false,
        }
        .failure(&failure);
    } else {
        let _ = error.print();
    }
    ExitCode::from(failure::USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_verb_is_in_one_group() {
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        let command = command();
        let mut all: Vec<&str> = command
            .get_subcommands()
            .filter(|it| !it.is_hide_set())
            .map(Command::get_name)
            .filter(|it| *it != "help")
            .collect();
        grouped.sort_unstable();
        all.sort_unstable();
        assert_eq!(grouped, all);
    }

    #[test]
    fn every_verb_has_a_summary_of_one_line_and_an_example() {
        for verb in command()
            .get_subcommands()
            .filter(|verb| verb.get_name() != "help" && !verb.is_hide_set())
        {
            let about = verb.get_about().expect("a summary").to_string();
            assert!(
                about.chars().count() <= 80 && !about.contains('\n'),
                "{}: {about}",
                verb.get_name()
            );
            let after = verb.get_after_help().expect("examples").to_string();
            assert!(after.contains("byway "), "{}: {after}", verb.get_name());
        }
    }
}
