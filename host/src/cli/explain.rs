//! `byway explain`: which route and chain a message would take, and why. Sends nothing.

use std::collections::BTreeMap;

use super::Session;
use super::compile_component;
use super::failure::Failure;
use crate::config::Config;
use crate::envelope::Address;
use crate::error_code::ErrorCode;
use crate::front;
use crate::routing::{GroupExplanation, Router};

const ADMIN: &str = "admin";

/// Tell which route and chain a message would take, sending nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  byway explain --to executor@b
  byway explain --to team@a
  byway explain --to planner@a --from executor@b --untrusted")]
pub(super) struct Explain {
    /// Whom the message is for
    #[arg(long, value_name = "AGENT@INSTANCE")]
    to: String,
    /// Who sends it; the instance may be left out where it is this one [default: the admin]
    #[arg(long, value_name = "AGENT[@INSTANCE]")]
    from: Option<String>,
    /// As it goes for a message from a peer or an unsigned sender; asks the adapters who the agent hears
    #[arg(long)]
    untrusted: bool,
}

impl Explain {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let config = session.config()?;
        let to = address("--to", &self.to)?;
        let from = self.sender(&config)?;
        let owners = if self.untrusted {
            owners(&config)?
        } else {
            BTreeMap::new()
        };
        let is_owner = |transport: &str| owners.get(transport).copied();
        let router = Router::new(&config);
        let explain = |to: &Address| router.explain(from.as_ref(), to, &is_owner);
        let group = config.groups.get(to.agent());
        if let Some(members) = group.filter(|_| to.instance() == config.instance.name) {
            let explanation = GroupExplanation {
                refused: self.untrusted,
                members: members.iter().filter(|_| !self.untrusted).map(explain).collect(),
                group: to,
            };
            if session.terminal.json {
                return session.terminal.json(&explanation);
            }
            return session.terminal.result(&explanation.to_string());
        }
        let explanation = explain(&to);
        if session.terminal.json {
            return session.terminal.json(&explanation);
        }
        session.terminal.result(&explanation.to_string())
    }

    fn sender(&self, config: &Config) -> Result<Option<Address>, Failure> {
        let name = match (self.from.as_deref(), self.untrusted) {
            // Who sends nothing but `byway send` is the admin; who comes from outside may be nobody.
            (None, true) => return Ok(None),
            (None, false) => ADMIN,
            (Some(from), _) if from.contains('@') => return address("--from", from).map(Some),
            (Some(from), _) => from,
        };
        Address::new(name, &config.instance.name)
            .map(Some)
            .map_err(|error| invalid("--from", &error))
    }
}

/// Whether the agent hears its owner, for each transport whose configuration leaves that to its
/// adapter. One that does not load says nothing; `byway validate` tells why.
fn owners(config: &Config) -> Result<BTreeMap<String, bool>, Failure> {
    let sandbox = front::sandbox(config, compile_component::in_a_child())?;
    let open = config
        .transports
        .values()
        .filter(|transport| transport.authority.is_none());
    Ok(open
        .filter_map(|it| Some((it.name.clone(), sandbox.load(it).ok()?.owner())))
        .collect())
}

fn address(option: &str, text: &str) -> Result<Address, Failure> {
    text.parse().map_err(|error| invalid(option, &error))
}

fn invalid(option: &str, error: &impl std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::InvalidAddress, format!("{option}: {error}"))
}
