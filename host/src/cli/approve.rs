//! `byway approve` and `byway reject`: about a message whose route wants a person's word first.

use serde_json::json;

use super::Session;
use super::cancel::of_message;
use super::client::Content;
use super::failure::Failure;
use super::reach::{Caller, reach};
use crate::api::MessageView;

/// Let a message go out that waits for approval
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  byway list --status pending\n  byway approve 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b --reason \"as agreed\""
)]
pub(super) struct Approve {
    #[command(flatten)]
    about: About,
}

/// End a message that waits for approval
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  byway reject 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b --reason \"not on a Friday\""
)]
pub(super) struct Reject {
    #[command(flatten)]
    about: About,
}

#[derive(Debug, clap::Args)]
struct About {
    /// The message's id
    #[arg(value_name = "ID")]
    id: String,
    /// For this recipient only [default: for all]
    #[arg(long, value_name = "AGENT@INSTANCE")]
    to: Option<String>,
    /// Why; it is written down with the message
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Approve {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        self.about.settle("approve", session).await
    }
}

impl Reject {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        self.about.settle("reject", session).await
    }
}

impl About {
    async fn settle(self, verb: &str, session: &Session) -> Result<(), Failure> {
        let client = reach(&session.config()?, Caller::Local).await?;
        let path = of_message(&self.id, verb, self.to.as_deref());
        let content = Content::json(&json!({ "reason": self.reason }));
        let view: MessageView = client.post(&path, Some(content)).await?;
        session.decided(&view)
    }
}
