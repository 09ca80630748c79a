//! `byway token`: the tokens of the API.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;

use serde::Serialize;
use zeroize::Zeroizing;

use super::Session;
use super::failure::Failure;
use crate::config::Config;
use crate::config::nearest::nearest;
use crate::envelope::check_name;
use crate::error_code::ErrorCode;
use crate::principal::{Principal, Tokens};

const ADMIN: &str = "admin";

/// Print a token of the API: the admin's, or an agent's
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An agent's token sends as that agent, and sees its own inbox and messages only. Give it to the agent
as BYWAY_TOKEN. All tokens end when the file `token` in the data folder is removed and byway is restarted.

Examples:
  byway token
  BYWAY_TOKEN=\"$(byway token planner)\" byway send --to executor@b \"hello\"")]
pub(super) struct Token {
    /// An agent of this instance [default: the admin]
    #[arg(value_name = "AGENT")]
    whose: Option<String>,
}

#[derive(Serialize)]
struct TokenView<'a> {
    principal: String,
    token: &'a str,
}

impl Token {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let config = session.config()?;
        let principal = self.principal(&config)?;
        let data_dir = &config.instance.data_dir;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .map_err(|error| {
                Failure::new(
                    ErrorCode::DataFolder,
                    format!("{} cannot be made: {error}", data_dir.display()),
                )
            })?;
        let tokens = Tokens::load_or_create(data_dir)?;
        let token = Zeroizing::new(match &principal {
            Principal::Agent(name) => tokens.agent(name),
            _ => tokens.admin().to_owned(),
        });
        if session.terminal.json {
            return session.terminal.json(&TokenView {
                principal: principal.to_string(),
                token: &token,
            });
        }
        session.terminal.result(&token)
    }

    fn principal(self, config: &Config) -> Result<Principal, Failure> {
        let Some(name) = self.whose else {
            return Ok(Principal::Admin);
        };
        let is_listed = config
            .agents
            .as_ref()
            .is_some_and(|agents| agents.contains(&name));
        if name == ADMIN && !is_listed {
            return Ok(Principal::Admin);
        }
        check_name(&name).map_err(|error| {
            Failure::new(
                ErrorCode::InvalidAddress,
                format!("`{name}` is no agent's name: {error}"),
            )
        })?;
        match &config.agents {
            Some(agents) if !is_listed => Err(unknown(
                &name,
                &agents.iter().map(String::as_str).collect::<Vec<_>>(),
            )),
            _ => Ok(Principal::Agent(name)),
        }
    }
}

fn unknown(name: &str, agents: &[&str]) -> Failure {
    let failure = Failure::new(
        ErrorCode::UnknownAgent,
        format!("[agents] does not list `{name}`"),
    );
    match nearest(name, agents.iter().copied()) {
        Some(near) => failure.with_fix(format!("Did you mean `{near}`? Else add it to [agents].")),
        None => failure.with_fix(format!("It lists {}. Add it there.", agents.join(", "))),
    }
}
