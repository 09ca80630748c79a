//! `byway show`: one message, and everything that was tried.

use super::client::segment;
use super::failure::Failure;
use super::reach::{Caller, reach};
use super::{Session, follow, page};
use crate::api::MessageView;

/// Tell how a message stands, and what was tried
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --follow it goes on and tells what happens, a line each (with --json: the message anew), until nothing more
can: the message is processed over there, or has ended undelivered here. A receiving side that sends no receipts
never says so; then it ends with an interrupt.

Examples:
  byway show 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b
  byway show --follow 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b
  byway show --json 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b | jq .attempts")]
pub(super) struct Show {
    /// The message's id
    #[arg(value_name = "ID")]
    id: String,
    /// Go on and tell what happens to it
    #[arg(long)]
    follow: bool,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let config = session.config_to_call().await?;
        let client = reach(&config, Caller::Local).await?;
        let view: MessageView = client.get(&format!("/v1/messages/{}", segment(&self.id))).await?;
        if session.terminal.json {
            session.terminal.json(&view)?;
        } else {
            session.terminal.result(&page::message(&view))?;
        }
        if !self.follow {
            return Ok(());
        }
        if !client.is_server() {
            session
                .terminal
                .note("`byway serve` is not running: nothing happens until it is started");
            return Ok(());
        }
        follow::to_the_end(&config, client, view, session.terminal).await
    }
}
