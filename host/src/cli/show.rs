//! `byway show`: one message, and everything that was tried.

use super::client::segment;
use super::failure::Failure;
use super::reach::{Caller, reach};
use super::{Session, page};
use crate::api::MessageView;

/// Tell how a message stands, and what was tried
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  byway show 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b\n  byway show --json 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b | jq .attempts"
)]
pub(super) struct Show {
    /// The message's id
    #[arg(value_name = "ID")]
    id: String,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = reach(&session.config_to_call().await?, Caller::Local).await?;
        let view: MessageView = client.get(&format!("/v1/messages/{}", segment(&self.id))).await?;
        if session.terminal.json {
            return session.terminal.json(&view);
        }
        session.terminal.result(&page::message(&view))
    }
}
