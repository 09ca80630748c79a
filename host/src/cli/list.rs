//! `byway list`: messages on their way out, newest first.

use super::client::segment;
use super::failure::Failure;
use super::reach::{Caller, reach};
use super::{Session, page};
use crate::api::{MessageView, Page};

/// List messages on their way out, newest first
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  byway list\n  byway list --status dead\n  byway list --json --limit 200 | jq -r '.items[].id'"
)]
pub(super) struct List {
    /// Only these
    #[arg(long, value_name = "STATUS", value_parser = ["waiting", "pending", "held", "delivered", "dead", "expired", "cancelled", "dropped"])]
    status: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// Where the part before this one ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<i64>,
}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = reach(&session.config_to_call().await?, Caller::Local).await?;
        let page: Page<MessageView> = client.get(&self.path()).await?;
        let terminal = session.terminal;
        if terminal.json {
            return terminal.json(&page);
        }
        if page.items.is_empty() {
            terminal.note("no messages");
            return Ok(());
        }
        terminal.result(&page::messages(&page.items))?;
        if let Some(next) = page.next {
            terminal.note(&format!("there are more: --cursor {next}"));
        }
        Ok(())
    }

    fn path(&self) -> String {
        let mut path = format!("/v1/messages?limit={}", self.limit);
        if let Some(status) = &self.status {
            path.push_str(&format!("&status={}", segment(status)));
        }
        if let Some(cursor) = self.cursor {
            path.push_str(&format!("&cursor={cursor}"));
        }
        path
    }
}
