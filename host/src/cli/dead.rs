//! `byway dead`: the messages that byway has stopped trying.
//!
//! Many are redriven in bounded pieces. Each piece is done whole when it is answered, so a run that is cut off is
//! simply started again: what was redriven is no dead letter any more.

use std::time::Duration;

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::cancel::of_message;
use super::client::{Client, Content, segment};
use super::failure::{DATA, Failure};
use super::moment::span;
use super::reach::{Caller, reach};
use super::terminal::Terminal;
use super::{Session, page};
use crate::api::{MessageView, Page, RedrivenView};
use crate::error_code::ErrorCode;

/// List, show, redrive and drop the messages that byway has stopped trying
#[derive(Debug, clap::Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  byway dead list
  byway dead show 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b
  byway dead redrive --all --recipient '*@b'
  byway dead drop 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b --reason \"no longer wanted\""
)]
pub(super) struct Dead {
    #[command(subcommand)]
    verb: DeadVerb,
}

#[derive(Debug, Subcommand)]
enum DeadVerb {
    List(ListDead),
    Show(ShowDead),
    Redrive(RedriveDead),
    Drop(DropDead),
}

/// Which dead letters
#[derive(Debug, clap::Args)]
struct Which {
    /// That the route with this `to` would take now
    #[arg(long, value_name = "PATTERN")]
    route: Option<String>,
    /// That this transport was tried for, or passed over
    #[arg(long, value_name = "NAME")]
    transport: Option<String>,
    /// For these recipients, as in `*@b`
    #[arg(long, value_name = "PATTERN")]
    recipient: Option<String>,
    /// Whose reason has these words
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// That ended so long ago, or longer
    #[arg(long, value_name = "DURATION", value_parser = span)]
    older_than: Option<Duration>,
}

/// List dead letters, oldest first
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  byway dead list\n  byway dead list --transport nxp-http --older-than 1h\n  byway dead list --json --reason refused | jq -r '.items[].id'"
)]
struct ListDead {
    #[command(flatten)]
    which: Which,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// Where the part before this one ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<i64>,
}

/// Tell why a message is dead, and everything that was tried
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  byway dead show 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b")]
struct ShowDead {
    /// The message's id
    #[arg(value_name = "ID")]
    id: String,
}

/// Send dead letters on their way again
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("what").required(true),
    after_help = "\
A redriven message keeps its id, so whoever has it already does not take it in twice, and it has
its route's whole deadline again. Where it may have arrived it goes only by ways that cannot deliver
it twice, unless --even-twice is given. One that was accepted more than 30 days ago goes under a new
id only (--new-id). With --all it may be interrupted and started again at any time. Exits 65 where
some could not be redriven.

Examples:
  byway dead redrive 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b
  byway dead redrive --all --recipient '*@b' --transport nxp-http
  byway dead redrive --all --new-id --older-than 30d"
)]
struct RedriveDead {
    /// Which message
    #[arg(value_name = "ID", group = "what", conflicts_with_all = ["route", "transport", "recipient", "reason", "older_than"])]
    id: Option<String>,
    /// Every one that the other options say
    #[arg(long, group = "what")]
    all: bool,
    /// For this recipient only
    #[arg(long, value_name = "AGENT@INSTANCE", requires = "id")]
    to: Option<String>,
    #[command(flatten)]
    which: Which,
    /// As a new message with the same content
    #[arg(long)]
    new_id: bool,
    /// Also by ways that could deliver it twice, where it may have arrived
    #[arg(long)]
    even_twice: bool,
}

/// Put a dead letter away
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  byway dead drop 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b --reason \"said by phone\""
)]
struct DropDead {
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

impl Dead {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = reach(&session.config()?, Caller::Local).await?;
        match self.verb {
            DeadVerb::List(verb) => verb.run(&client, session.terminal).await,
            DeadVerb::Show(verb) => verb.run(&client, session.terminal).await,
            DeadVerb::Redrive(verb) => verb.run(&client, session.terminal).await,
            DeadVerb::Drop(verb) => verb.run(&client, session).await,
        }
    }
}

impl ListDead {
    async fn run(self, client: &Client, terminal: Terminal) -> Result<(), Failure> {
        let path = format!("/v1/dead?{}", self.which.query(self.cursor, self.limit));
        let page: Page<MessageView> = client.get(&path).await?;
        if terminal.json {
            return terminal.json(&page);
        }
        if page.items.is_empty() {
            terminal.note("no dead letters");
        } else {
            terminal.result(&page::messages(&page.items))?;
        }
        if let Some(next) = page.next {
            terminal.note(&format!("there are more: --cursor {next}"));
        }
        Ok(())
    }
}

impl ShowDead {
    async fn run(self, client: &Client, terminal: Terminal) -> Result<(), Failure> {
        let view: MessageView = client.get(&format!("/v1/messages/{}", segment(&self.id))).await?;
        let is_dead = view.status == "dead" || view.recipients.iter().any(|one| one.status == "dead");
        if !is_dead {
            let message = format!("the message {} is {}, not a dead letter", view.id, view.status);
            return Err(Failure::new(ErrorCode::TooLate, message));
        }
        if terminal.json {
            return terminal.json(&view);
        }
        terminal.result(&page::message(&view))
    }
}

impl RedriveDead {
    async fn run(self, client: &Client, terminal: Terminal) -> Result<(), Failure> {
        let how = json!({ "new_id": self.new_id, "even_twice": self.even_twice });
        let items = match &self.id {
            Some(id) => {
                let path = of_message(id, "redrive", self.to.as_deref());
                let page: Page<RedrivenView> = client.post(&path, Some(Content::json(&how))).await?;
                page.items
            }
            None => self.redrive_all(client, &how, terminal).await?,
        };
        if terminal.json {
            terminal.json(&Page {
                items: items.clone(),
                next: None,
            })?;
        } else if items.is_empty() {
            terminal.note("no dead letters");
        } else {
            terminal.result(&page::redriven(&items))?;
        }
        if items.iter().any(|item| item.status != "redriven") {
            return Err(Failure::Told { exit: DATA });
        }
        Ok(())
    }

    /// Piece by piece, with a bar for whoever watches.
    async fn redrive_all(
        &self,
        client: &Client,
        how: &serde_json::Value,
        terminal: Terminal,
    ) -> Result<Vec<RedrivenView>, Failure> {
        let bar = terminal.bar("redriven", how_many(client, &self.which).await?);
        let (mut items, mut cursor) = (Vec::new(), None);
        loop {
            let path = format!("/v1/dead/redrive?{}", self.which.query(cursor, PIECE));
            let page: Page<RedrivenView> = client.post(&path, Some(Content::json(how))).await?;
            bar.inc(u64::try_from(page.items.len()).unwrap_or(0));
            items.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                bar.finish_and_clear();
                return Ok(items);
            }
        }
    }
}

/// How many dead letters one call redrives.
const PIECE: u16 = 100;
/// How many are counted for the bar; beyond that it grows as it goes.
const COUNTED_MAX: usize = 10_000;

async fn how_many(client: &Client, which: &Which) -> Result<u64, Failure> {
    let (mut count, mut cursor) = (0, None);
    loop {
        let page: Page<MessageView> = client
            .get(&format!("/v1/dead?{}", which.query(cursor, 200)))
            .await?;
        count += page.items.len();
        cursor = page.next;
        if cursor.is_none() || count >= COUNTED_MAX {
            return Ok(u64::try_from(count).unwrap_or(0));
        }
    }
}

impl DropDead {
    async fn run(self, client: &Client, session: &Session) -> Result<(), Failure> {
        let path = of_message(&self.id, "drop", self.to.as_deref());
        let content = Content::json(&json!({ "reason": self.reason }));
        let view: MessageView = client.post(&path, Some(content)).await?;
        session.decided(&view)
    }
}

impl Which {
    fn query(&self, cursor: Option<i64>, limit: u16) -> String {
        let mut query = format!("limit={limit}");
        let words = [
            ("route", &self.route),
            ("transport", &self.transport),
            ("recipient", &self.recipient),
            ("reason", &self.reason),
        ];
        for (name, value) in words {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={}", segment(value)));
            }
        }
        if let Some(age) = self.older_than.and_then(|age| SignedDuration::try_from(age).ok()) {
            let by = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
            query.push_str(&format!("&ended_by={}", segment(&by.to_string())));
        }
        if let Some(cursor) = cursor {
            query.push_str(&format!("&cursor={cursor}"));
        }
        query
    }
}
