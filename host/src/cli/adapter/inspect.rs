//! `byway adapter inspect`: what a component is, and what a configuration of it would need.

use std::path::PathBuf;

use serde::Serialize;

use super::{given_config, page};
use crate::cli::compile_component;
use crate::cli::failure::{CONFIG, DATA, Failure, NO_INPUT};
use crate::cli::terminal::Terminal;
use crate::config::AdapterRef;
use crate::error_code::ErrorCode;
use crate::sandbox::{Inspection, Needs, PreflightProblem, Sandbox, SandboxSettings};

/// Print what an adapter is, its digest, and what a configuration of it needs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The adapter is asked as byway asks it before it has any right: it reaches nothing.
Exits 65 where the component is wrong, 78 where the configuration is.

Examples:
  byway adapter inspect builtin:webhook
  byway adapter inspect ./mine.wasm --json
  byway adapter inspect builtin:webhook --adapter-config 'url = \"https://example.org/hook\"'
  byway adapter inspect builtin:webhook --adapter-config @hook.toml")]
pub(super) struct Inspect {
    /// A component's file, or `builtin:` and the name of one that byway carries
    #[arg(value_name = "FILE|builtin:NAME")]
    adapter: String,
    /// A `config` table to check, in TOML or JSON; @FILE reads it from a file
    #[arg(long, value_name = "TEXT|@FILE")]
    adapter_config: Option<String>,
}

impl Inspect {
    pub(super) fn run(self, terminal: Terminal) -> Result<(), Failure> {
        let config = self
            .adapter_config
            .as_deref()
            .map(given_config::read)
            .transpose()?;
        let adapter = match self.adapter.strip_prefix("builtin:") {
            Some(name) => AdapterRef::Builtin(name.to_owned()),
            None => AdapterRef::Path(PathBuf::from(&self.adapter)),
        };
        let sandbox = Sandbox::new(SandboxSettings {
            cache_dir: None,
            compiling: compile_component::in_a_child(),
            attempts_at_once_max: 1,
            lanes: 1,
            builtin: crate::builtin::adapters(),
        })
        .map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
        let inspection = sandbox.inspect(&adapter, config.as_ref()).map_err(not_there)?;
        if terminal.json {
            terminal.json(&View::of(&self.adapter, &inspection))?;
        } else {
            terminal.result(&page::render(&self.adapter, &inspection))?;
            for problem in &inspection.problems {
                terminal.complain(&page::problem(problem));
            }
        }
        match exit(&inspection.problems) {
            None => Ok(()),
            Some(exit) => Err(Failure::Told { exit }),
        }
    }
}

fn not_there(problem: PreflightProblem) -> Failure {
    let failure = Failure::new(problem.code, problem.message).with_exit(NO_INPUT);
    match problem.fix {
        Some(fix) => failure.with_fix(fix),
        None => failure,
    }
}

/// What a script may do next: get another component, or correct the configuration.
fn exit(problems: &[PreflightProblem]) -> Option<u8> {
    let first = problems.first()?;
    Some(match first.code {
        ErrorCode::AdapterConfig => CONFIG,
        _ => DATA,
    })
}

/// The same for a program.
#[derive(Serialize)]
struct View<'a> {
    adapter: &'a str,
    sha256: &'a str,
    bytes: usize,
    contract: &'a str,
    fits: bool,
    exports: &'a [String],
    imports: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<DescriptionView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<NeedsView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<&'a str>,
    problems: Vec<ProblemView<'a>>,
}

#[derive(Serialize)]
struct DescriptionView<'a> {
    name: &'a str,
    version: &'a str,
    summary: &'a str,
    max_data_bytes: Option<u64>,
    idempotent: bool,
    owner: bool,
    /// A JSON value where the text is one, as it should be.
    config_schema: serde_json::Value,
}

#[derive(Serialize)]
struct NeedsView<'a> {
    http: &'a [String],
    commands: &'a [String],
    folders: Vec<FolderView<'a>>,
    secrets: Vec<SecretView<'a>>,
    signers: &'a [String],
    idempotent: bool,
    owner: bool,
}

#[derive(Serialize)]
struct FolderView<'a> {
    path: &'a str,
    access: &'a str,
}

#[derive(Serialize)]
struct SecretView<'a> {
    name: &'a str,
    positions: &'a [String],
}

#[derive(Serialize)]
struct ProblemView<'a> {
    code: &'static str,
    pointer: &'a str,
    message: &'a str,
    fix: Option<&'a str>,
}

impl<'a> View<'a> {
    fn of(adapter: &'a str, inspection: &'a Inspection) -> Self {
        Self {
            adapter,
            sha256: &inspection.sha256,
            bytes: inspection.bytes,
            contract: &inspection.contract,
            fits: inspection.fits,
            exports: &inspection.exports,
            imports: &inspection.imports,
            description: inspection.description.as_ref().map(|it| DescriptionView {
                name: &it.name,
                version: &it.version,
                summary: &it.summary,
                max_data_bytes: it.max_data_bytes,
                idempotent: it.idempotent,
                owner: it.owner,
                config_schema: serde_json::from_str(&it.config_schema)
                    .unwrap_or_else(|_| it.config_schema.clone().into()),
            }),
            needs: inspection.configured.as_ref().map(|it| NeedsView::of(&it.needs)),
            grants: inspection.configured.as_ref().map(|it| it.grants.as_str()),
            problems: inspection
                .problems
                .iter()
                .map(|problem| ProblemView {
                    code: problem.code.code(),
                    pointer: &problem.pointer,
                    message: &problem.message,
                    fix: problem.fix.as_deref(),
                })
                .collect(),
        }
    }
}

impl<'a> NeedsView<'a> {
    fn of(needs: &'a Needs) -> Self {
        Self {
            http: &needs.http,
            commands: &needs.commands,
            folders: needs
                .folders
                .iter()
                .map(|(path, access)| FolderView { path, access })
                .collect(),
            secrets: needs
                .secrets
                .iter()
                .map(|(name, positions)| SecretView { name, positions })
                .collect(),
            signers: &needs.signers,
            idempotent: needs.idempotent,
            owner: needs.owner,
        }
    }
}
