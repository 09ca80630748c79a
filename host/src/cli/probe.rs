//! `byway probe`: would the transports work, here, now?
//!
//! It goes through the check-list of each adapter without sending anything. A transport that cannot even be
//! loaded is on the list as well, with what `byway validate` says of it.

use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::failure::{CONFIG, Failure, UNAVAILABLE};
use super::terminal::{Terminal, clean, clean_lines};
use super::{Session, compile_component};
use crate::config::{Config, Transport};
use crate::error_code::ErrorCode;
use crate::front;
use crate::sandbox::{Finding, PreflightProblem, Readiness, ReadyState, Sandbox};

/// Look whether transports would work, sending nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks each adapter for its check-list: requests that only look, commands without effect, folders that are there.
Exits 69 where a transport is not ready, 78 where one cannot be loaded.

Examples:
  byway probe
  byway probe nxp-http
  byway probe --json")]
pub(super) struct Probe {
    /// Which transports [default: all]
    #[arg(value_name = "TRANSPORT")]
    transports: Vec<String>,
}

/// What was found of one transport.
#[derive(Debug, Serialize)]
struct Probed {
    transport: String,
    /// `ready`, `degraded`, `not-ready`, or `not-loaded`.
    state: &'static str,
    findings: Vec<Found>,
}

/// One line of the check-list.
#[derive(Debug, Serialize)]
struct Found {
    name: String,
    ok: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

const NOT_READY: &str = "not-ready";
const NOT_LOADED: &str = "not-loaded";

impl Probe {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let config = session.config()?;
        let chosen = self.chosen(&config)?;
        let sandbox = front::sandbox(&config, compile_component::in_a_child())?;
        let mut all = Vec::new();
        for transport in chosen {
            all.push(probe(&sandbox, transport).await);
        }
        show(session.terminal, &all)?;
        match exit(&all) {
            None => Ok(()),
            Some(exit) => Err(Failure::Told { exit }),
        }
    }

    fn chosen<'a>(&self, config: &'a Config) -> Result<Vec<&'a Transport>, Failure> {
        if self.transports.is_empty() {
            return Ok(config.transports.values().collect());
        }
        let named = self.transports.iter().map(|name| {
            config.transports.get(name).ok_or_else(|| {
                let names: Vec<&str> = config.transports.keys().map(String::as_str).collect();
                Failure::new(ErrorCode::UnknownName, format!("no transport is named {name}"))
                    .with_fix(format!("There are: {}.", names.join(", ")))
            })
        });
        named.collect()
    }
}

async fn probe(sandbox: &Sandbox, transport: &Transport) -> Probed {
    let probed = |state, findings| Probed {
        transport: transport.name.clone(),
        state,
        findings,
    };
    let loaded = match sandbox.load(transport) {
        Ok(loaded) => loaded,
        Err(problems) => return probed(NOT_LOADED, problems.into_iter().map(of_problem).collect()),
    };
    let missing: Vec<Found> = loaded.missing_secrets().into_iter().map(of_problem).collect();
    if !missing.is_empty() {
        return probed(NOT_READY, missing);
    }
    match loaded.probe().await {
        Ok(readiness) => probed(
            state(&readiness),
            readiness.findings.into_iter().map(of_finding).collect(),
        ),
        Err(fault) => probed(
            NOT_READY,
            vec![Found {
                name: "byway".into(),
                ok: false,
                message: fault.message,
                fix: None,
            }],
        ),
    }
}

fn state(readiness: &Readiness) -> &'static str {
    match readiness.state {
        ReadyState::Ready => "ready",
        ReadyState::Degraded => "degraded",
        ReadyState::NotReady => NOT_READY,
    }
}

fn of_problem(problem: PreflightProblem) -> Found {
    Found {
        name: problem.code.code().into(),
        ok: false,
        message: problem.message,
        fix: problem.fix,
    }
}

fn of_finding(finding: Finding) -> Found {
    Found {
        name: finding.name,
        ok: finding.ok,
        message: finding.message,
        // Some adapters have advice for what is right as well.
        fix: finding.fix.filter(|_| !finding.ok),
    }
}

fn exit(all: &[Probed]) -> Option<u8> {
    let any = |state| all.iter().any(|it| it.state == state);
    if any(NOT_LOADED) {
        Some(CONFIG)
    } else {
        any(NOT_READY).then_some(UNAVAILABLE)
    }
}

fn show(terminal: Terminal, all: &[Probed]) -> Result<(), Failure> {
    if terminal.json {
        return terminal.json(&all);
    }
    if all.is_empty() {
        terminal.note("there are no transports");
        return Ok(());
    }
    terminal.result(&page(all))
}

/// The check-lists, one after the other. What adapters say is cleaned.
fn page(all: &[Probed]) -> String {
    let lists: Vec<String> = all.iter().map(list).collect();
    lists.join("\n")
}

fn list(probed: &Probed) -> String {
    let verdict = match probed.state {
        "ready" => "ready".green().to_string(),
        "degraded" => "degraded".yellow().to_string(),
        NOT_LOADED => "cannot be loaded".red().to_string(),
        _ => "not ready".red().to_string(),
    };
    let mut list = format!("{}: {verdict}\n", probed.transport.bold());
    let width = probed
        .findings
        .iter()
        .map(|it| clean(&it.name).chars().count())
        .max();
    let width = width.unwrap_or_default();
    for found in &probed.findings {
        let mark = if found.ok { "ok " } else { "not" };
        let name = clean(&found.name);
        list.push_str(&format!("  {mark}  {name:<width$}  {}\n", clean(&found.message)));
        if let Some(fix) = &found.fix {
            let indent = " ".repeat(width + 9);
            let fix = clean_lines(fix).replace('\n', &format!("\n{indent}"));
            list.push_str(&format!("{indent}{} {fix}\n", "help:".cyan().bold()));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probed(state: &'static str, findings: Vec<Found>) -> Probed {
        Probed {
            transport: "hook".into(),
            state,
            findings,
        }
    }

    #[test]
    fn a_check_list_is_aligned_and_cleaned() {
        let found = |name: &str, ok: bool, fix: Option<&str>| Found {
            name: name.into(),
            ok,
            message: "said \u{1b}[2J".into(),
            fix: fix.map(str::to_owned),
        };
        let findings = vec![found("url", true, None), found("token", false, Some("get one"))];
        let page = page(&[probed(NOT_READY, findings), probed("ready", Vec::new())]);
        assert_eq!(
            anstream::adapter::strip_str(&page).to_string(),
            "hook: not ready\n  ok   url    said \u{fffd}[2J\n  not  token  said \u{fffd}[2J\n              help: get one\n\nhook: ready\n"
        );
    }

    #[test]
    fn the_worst_of_all_decides_the_exit_code() {
        let of = |states: &[&'static str]| {
            exit(
                &states
                    .iter()
                    .map(|state| probed(state, Vec::new()))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(of(&["ready", "degraded"]), None);
        assert_eq!(of(&["ready", NOT_READY]), Some(UNAVAILABLE));
        assert_eq!(of(&[NOT_LOADED, NOT_READY]), Some(CONFIG));
    }
}
