//! `byway cancel`: a message that shall not go out any more.

use super::client::segment;
use super::failure::Failure;
use super::reach::{Caller, reach};
use super::{Session, page};
use crate::api::MessageView;

/// End a message before its time
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing more is tried. What had begun before may still arrive: then the message says so, and a receipt that
comes later is shown by `byway show`. An agent cancels what it sent itself; the operator, everything.

Examples:
  byway cancel 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b
  byway cancel 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b --to executor@b")]
pub(super) struct Cancel {
    /// The message's id
    #[arg(value_name = "ID")]
    id: String,
    /// For this recipient only [default: for all]
    #[arg(long, value_name = "AGENT@INSTANCE")]
    to: Option<String>,
}

impl Cancel {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = reach(&session.config()?, Caller::Local).await?;
        let path = of_message(&self.id, "cancel", self.to.as_deref());
        let view: MessageView = client.post(&path, None).await?;
        session.decided(&view)
    }
}

/// The path of something that is done about a message, for one recipient or for all.
pub(super) fn of_message(id: &str, verb: &str, to: Option<&str>) -> String {
    let mut path = format!("/v1/messages/{}/{verb}", segment(id));
    if let Some(to) = to {
        path.push_str(&format!("?to={}", segment(to)));
    }
    path
}

impl Session {
    /// Prints how a message stands after something was decided about it.
    pub(super) fn decided(&self, view: &MessageView) -> Result<(), Failure> {
        if self.terminal.json {
            return self.terminal.json(view);
        }
        self.terminal.result(&page::standing(view))
    }
}
