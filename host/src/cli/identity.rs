//! `byway identity`: who this byway is, for the configuration of its peers.

use serde::Serialize;

use super::Session;
use super::failure::Failure;
use crate::identity::Identity;

/// Print this byway's public key, for its peers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first use makes the identity, in the data folder. Copy the line into [peers.NAME] over there.

Examples:
  byway identity
  byway identity --json")]
pub(super) struct ShowIdentity {}

#[derive(Serialize)]
struct IdentityView<'a> {
    instance: &'a str,
    key: String,
    key_id: String,
}

impl ShowIdentity {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let config = session.config()?;
        let key = Identity::load_or_create(&config.instance.data_dir)?.public();
        let view = IdentityView {
            instance: &config.instance.name,
            key: key.to_string(),
            key_id: key.id(),
        };
        if session.terminal.json {
            return session.terminal.json(&view);
        }
        session.terminal.result(&view.key)
    }
}
