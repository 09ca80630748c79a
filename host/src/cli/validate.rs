//! `byway validate`: is the configuration right, here, now?
//!
//! Three questions, each with answers that point at a line: does the file make sense; would every adapter
//! load and be content with its configuration and grants; and is every secret there, and nobody else's to
//! read. Nothing is sent, and no secret is shown.

use serde::Serialize;

use super::Session;
use super::compile_component;
use super::failure::{self, Failure};
use super::terminal::Terminal;
use crate::config::{AdapterRef, Config, Mode, Problem, Route, SecretSource, Transport};
use crate::error_code::ErrorCode;
use crate::front;
use crate::private_file;
use crate::sandbox::read_secret;

/// Check the configuration, its adapters, grants and secrets
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits 78 where anything is wrong.

Examples:
  byway validate
  byway validate --config new.toml --json
  byway validate --no-environment                 in a build, where no secret is")]
pub(super) struct Validate {
    /// Leave out what only the machine it runs on has: secrets, and adapters in files that are not here
    #[arg(long)]
    no_environment: bool,
}

/// What a program is told.
#[derive(Serialize)]
struct Report<'a> {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    problems: &'a [Problem],
}

/// What the configuration sets up.
#[derive(Debug, Serialize)]
struct Summary {
    file: String,
    instance: String,
    /// `None`: any agent.
    agents: Option<Vec<String>>,
    peers: Vec<String>,
    inbound: Vec<String>,
    transports: Vec<String>,
    routes: Vec<String>,
}

impl Validate {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let terminal = session.terminal;
        let config = match session.config() {
            Ok(config) => config,
            Err(Failure::Config(errors)) if terminal.json => {
                terminal.json(&Report {
                    valid: false,
                    summary: None,
                    problems: errors.problems(),
                })?;
                return Err(Failure::Told {
                    exit: failure::CONFIG,
                });
            }
            Err(failure) => return Err(failure),
        };
        let problems = self.problems(&config)?;
        report(terminal, &config, &problems, self.no_environment)?;
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Failure::Told {
                exit: failure::CONFIG,
            })
        }
    }

    fn problems(&self, config: &Config) -> Result<Vec<Problem>, Failure> {
        let mut problems = adapters(config, self.no_environment)?;
        if !self.no_environment {
            problems.extend(secrets(config));
        }
        problems.sort_by_key(|problem| (problem.place.line, problem.place.column));
        Ok(problems)
    }
}

fn report(
    terminal: Terminal,
    config: &Config,
    problems: &[Problem],
    no_environment: bool,
) -> Result<(), Failure> {
    if terminal.json {
        let report = Report {
            valid: problems.is_empty(),
            summary: Some(Summary::of(config)),
            problems,
        };
        return terminal.json(&report);
    }
    if !problems.is_empty() {
        terminal.complain(&config.render(problems));
        return Ok(());
    }
    terminal.result(&Summary::of(config).for_people())?;
    if no_environment {
        terminal.note("not looked at: secrets, and adapters in files that are not here");
    }
    Ok(())
}

/// Every transport is loaded as it would be for delivering.
fn adapters(config: &Config, no_environment: bool) -> Result<Vec<Problem>, Failure> {
    if config.transports.is_empty() {
        return Ok(Vec::new());
    }
    let sandbox = front::sandbox(config, compile_component::in_a_child())?;
    let mut problems = Vec::new();
    for transport in config
        .transports
        .values()
        .filter(|it| !no_environment || is_here(it))
    {
        if let Err(found) = front::preflight(&sandbox, transport) {
            problems.extend(
                found
                    .into_iter()
                    .map(|problem| front::at_its_line(config, transport, problem)),
            );
        }
    }
    Ok(problems)
}

fn is_here(transport: &Transport) -> bool {
    match &transport.adapter {
        AdapterRef::Builtin(_) => true,
        AdapterRef::Path(path) => path.exists(),
    }
}

/// Secrets that are not there, or that others may read.
fn secrets(config: &Config) -> Vec<Problem> {
    let mut wanted: Vec<(String, &SecretSource)> = Vec::new();
    for (name, transport) in &config.transports {
        let secrets = transport
            .secrets
            .iter()
            .map(|(secret, it)| (format!("transports.{name}.secrets.{secret}"), &it.source));
        let signers = transport.signers.iter().flat_map(|(signer, it)| {
            it.sources
                .iter()
                .map(move |source| (format!("transports.{name}.signers.{signer}"), source))
        });
        wanted.extend(secrets.chain(signers));
        let proxy_auth = transport.proxy.as_ref().and_then(|proxy| proxy.auth.as_ref());
        wanted.extend(proxy_auth.map(|source| (format!("transports.{name}.proxy_auth"), source)));
    }
    for (name, inbound) in &config.inbound {
        wanted.extend(
            inbound
                .token
                .iter()
                .map(|source| (format!("inbound.{name}.token"), source)),
        );
    }
    let missing = wanted
        .into_iter()
        .filter_map(|(key, source)| Some((fault(source)?, key)));
    missing
        .map(|((message, fix), key)| {
            Problem::new(
                ErrorCode::SecretUnavailable,
                config.place_of_key(&key),
                &key,
                message,
            )
            .with_fix(fix)
        })
        .collect()
}

/// What is wrong with a secret's source, and what to do. Its value is looked at and forgotten.
fn fault(source: &SecretSource) -> Option<(String, String)> {
    match source {
        SecretSource::Env(name) => match std::env::var_os(name) {
            Some(value) if !value.is_empty() => None,
            Some(_) => Some((
                format!("the environment variable {name} is empty"),
                format!("Give {name} its value."),
            )),
            None => Some((
                format!("the environment variable {name} is not set"),
                format!("Set {name} where byway runs."),
            )),
        },
        SecretSource::File(path) => {
            let error = private_file::read(path).err()?;
            Some((
                error.to_string(),
                ErrorCode::SecretUnavailable.entry().fix.to_owned(),
            ))
        }
        SecretSource::Command(argv) => {
            let why = read_secret(source).err()?;
            Some((
                format!("the secret is not available: {why}"),
                format!(
                    "Run `{}` as byway's user; it gets PATH and HOME and no input.",
                    argv.join(" ")
                ),
            ))
        }
    }
}

impl Summary {
    fn of(config: &Config) -> Self {
        let adapter = |transport: &Transport| match &transport.adapter {
            AdapterRef::Builtin(name) => format!("builtin:{name}"),
            AdapterRef::Path(path) => path.display().to_string(),
        };
        Self {
            file: config.path.display().to_string(),
            instance: config.instance.name.clone(),
            agents: config
                .agents
                .as_ref()
                .map(|agents| agents.iter().cloned().collect()),
            peers: config.peers.keys().cloned().collect(),
            inbound: config.inbound.keys().cloned().collect(),
            transports: config
                .transports
                .values()
                .map(|it| format!("{} ({})", it.name, adapter(it)))
                .collect(),
            routes: config.routes.iter().map(route).collect(),
        }
    }

    fn for_people(&self) -> String {
        let mut page = format!("{} is right\n", self.file);
        let mut line = |name: &str, items: &[String], nothing: &str| {
            let items = if items.is_empty() {
                nothing.to_owned()
            } else {
                items.join(", ")
            };
            page.push_str(&format!("  {name:<10} {items}\n"));
        };
        line("instance", std::slice::from_ref(&self.instance), "");
        line(
            "agents",
            self.agents.as_deref().unwrap_or_default(),
            if self.agents.is_none() { "any" } else { "none" },
        );
        line("peers", &self.peers, "none");
        line("inbound", &self.inbound, "none");
        line("transports", &self.transports, "none");
        for (at, route) in self.routes.iter().enumerate() {
            line(
                if at == 0 { "routes" } else { "" },
                std::slice::from_ref(route),
                "",
            );
        }
        if self.routes.is_empty() {
            line("routes", &[], "none");
        }
        page
    }
}

fn route(route: &Route) -> String {
    let step = |step: &crate::config::Step| match step.mode {
        Mode::Deliver => match &step.after {
            Some(after) => format!("{} after {after}", step.transport),
            None => step.transport.clone(),
        },
        Mode::Notify => format!("notify {}", step.transport),
    };
    let chain: Vec<String> = route.chain.iter().map(step).collect();
    let from = route
        .from
        .as_ref()
        .map(|from| format!(" from {from}"))
        .unwrap_or_default();
    format!("{}{from}: {}", route.to, chain.join(", then "))
}
