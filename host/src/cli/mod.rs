//! The command line: one file a verb.
//!
//! Its promises: what was asked for goes to standard output, everything else to standard error; every
//! verb speaks JSON where `--json` is given; an error says what happened and what to do; and
//! the exit code tells a script what it may do next ([`failure`]). A verb that concerns messages talks to the
//! running server, and where none runs it does the same work in the data folder itself ([`reach`]),
//! so that nothing is lost because a daemon was down.

mod accept;
mod adapter;
mod address_file;
mod approve;
mod cancel;
mod client;
mod compile_component;
mod dead;
mod explain;
mod failure;
mod follow;
mod help;
mod identity;
mod inbox;
mod input;
mod journal;
mod list;
mod logging;
mod moment;
mod page;
#[cfg(test)]
mod page_tests;
mod probe;
mod reach;
mod reload;
mod send;
mod serve;
mod show;
mod table;
mod terminal;
mod token;
mod validate;
mod wait;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{FromArgMatches as _, Parser, Subcommand};

use crate::config::{self, Config};
use crate::lanes;
use failure::Failure;
use terminal::Terminal;

/// How long tasks that nobody waits for may take to end with the program.
const LAST_TASKS: Duration = Duration::from_millis(200);

/// One call of the program, understood.
#[derive(Debug, Parser)]
#[command(
    name = "byway",
    version,
    about = "Gets a message from an agent on one machine to an agent on another, over whichever transport works.",
    max_term_width = 100,
    disable_help_subcommand = false,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Invocation {
    #[command(flatten)]
    everywhere: Everywhere,
    #[command(subcommand)]
    verb: Verb,
}

/// The options that every verb takes.
#[derive(Debug, clap::Args)]
struct Everywhere {
    /// The configuration file [default: $BYWAY_CONFIG, ./byway.toml, the user's, the system's]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        help_heading = "Options of every verb"
    )]
    config: Option<PathBuf>,
    /// Print JSON, errors too
    #[arg(long, global = true, help_heading = "Options of every verb")]
    json: bool,
    /// Log more; twice, everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Options of every verb")]
    verbose: u8,
    /// Say nothing but results and errors
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Options of every verb"
    )]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Serve(serve::Serve),
    Reload(reload::Reload),
    Send(Box<send::Send>),
    Show(show::Show),
    List(list::List),
    Cancel(cancel::Cancel),
    Approve(approve::Approve),
    Reject(approve::Reject),
    Dead(dead::Dead),
    Accept(accept::Accept),
    Inbox(inbox::Inbox),
    Validate(validate::Validate),
    Probe(probe::Probe),
    Adapter(adapter::Adapter),
    Explain(explain::Explain),
    Identity(identity::ShowIdentity),
    Journal(journal::Journal),
    Token(token::Token),
    CompileComponent(compile_component::CompileComponent),
}

/// What a verb needs besides its own arguments.
struct Session {
    config: Option<PathBuf>,
    terminal: Terminal,
}

impl Session {
    /// The configuration, found and read.
    fn config(&self) -> Result<Config, Failure> {
        let env = |name: &str| std::env::var(name).ok();
        let path = config::locate(self.config.as_deref(), &env)?;
        Ok(config::load(&path)?)
    }

    /// The configuration, for a verb whose work a running server does. Where the file is broken the server goes on
    /// with what it had, and so does the verb, with as much of the file as leads to it.
    async fn config_to_call(&self) -> Result<Config, Failure> {
        let env = |name: &str| std::env::var(name).ok();
        let path = config::locate(self.config.as_deref(), &env)?;
        let errors = match config::load(&path) {
            Ok(config) => return Ok(config),
            Err(errors) => errors,
        };
        if let Some(sketch) = config::sketch(&path)
            && reach::is_running(&sketch).await
        {
            self.terminal.note(&format!(
                "{} has mistakes in it, and the server goes on with what it had; `byway validate` shows them",
                path.display()
            ));
            return Ok(sketch);
        }
        Err(errors.into())
    }
}

/// Understands a command line.
///
/// # Errors
/// The exit code, where there is nothing left to do: help or the version was printed, or the command line
/// makes no sense, which has been said.
pub fn parse(arguments: &[OsString]) -> Result<Invocation, ExitCode> {
    help::command()
        .try_get_matches_from(arguments)
        .and_then(|matches| Invocation::from_arg_matches(&matches))
        .map_err(|error| help::answer(&error, arguments))
}

impl Invocation {
    /// Does what was asked. Everything there is to say has been said when it returns.
    #[must_use]
    pub fn run(self) -> ExitCode {
        if let Verb::CompileComponent(verb) = self.verb {
            return verb.run();
        }
        let Everywhere {
            config,
            json,
            verbose,
            quiet,
        } = self.everywhere;
        logging::start(self.verb.kind_of_log(), verbose, quiet, json);
        let json = json || matches!(self.verb, Verb::Accept(_));
        let session = Session {
            config,
            terminal: Terminal { json, quiet },
        };
        match in_runtime(self.verb, &session) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                session.terminal.failure(&failure);
                ExitCode::from(failure.exit())
            }
        }
    }
}

fn in_runtime(verb: Verb, session: &Session) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(lanes::beside())
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("this machine gives no threads to run on: {error}")))?;
    let result = runtime.block_on(verb.run(session));
    runtime.shutdown_timeout(LAST_TASKS);
    result
}

impl Verb {
    fn kind_of_log(&self) -> logging::Kind {
        match self {
            Self::Serve(_) => logging::Kind::Server,
            Self::Accept(_) => logging::Kind::Door,
            _ => logging::Kind::Command,
        }
    }

    async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Serve(verb) => verb.run(session).await,
            Self::Reload(verb) => verb.run(session).await,
            Self::Send(verb) => verb.run(session).await,
            Self::Show(verb) => verb.run(session).await,
            Self::List(verb) => verb.run(session).await,
            Self::Cancel(verb) => verb.run(session).await,
            Self::Approve(verb) => verb.run(session).await,
            Self::Reject(verb) => verb.run(session).await,
            Self::Dead(verb) => verb.run(session).await,
            Self::Accept(verb) => verb.run(session).await,
            Self::Inbox(verb) => verb.run(session).await,
            Self::Validate(verb) => verb.run(session),
            Self::Probe(verb) => verb.run(session).await,
            Self::Adapter(verb) => verb.run(session),
            Self::Explain(verb) => verb.run(session),
            Self::Identity(verb) => verb.run(session),
            Self::Journal(verb) => verb.run(session),
            Self::Token(verb) => verb.run(session),
            // Done before there was a runtime.
            Self::CompileComponent(_) => Ok(()),
        }
    }
}
