//! `byway inbox`: what lies there for an agent of this instance.
//!
//! Reading is noted only after the text has been written out whole: a reader that went away has not read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;

use super::client::{Client, segment};
use super::failure::Failure;
use super::reach::{Caller, reach};
use super::terminal::{Terminal, clean_lines};
use super::{Session, page};
use crate::api::{InboxItem, Page};
use crate::error_code::ErrorCode;

/// List, read and acknowledge what lies there for an agent
#[derive(Debug, clap::Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  byway inbox list --agent executor
  byway inbox read --agent executor
  byway inbox ack --agent executor 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b"
)]
pub(super) struct Inbox {
    #[command(subcommand)]
    verb: InboxVerb,
}

#[derive(Debug, Subcommand)]
enum InboxVerb {
    List(ListInbox),
    Read(Read),
    Ack(Ack),
}

/// List what is unread, oldest first
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  byway inbox list --agent executor\n  byway inbox list --agent executor --all --json"
)]
struct ListInbox {
    /// Whose inbox
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// Also what has been read and processed
    #[arg(long)]
    all: bool,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// Where the part before this one ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<i64>,
}

/// Print a message's text exactly, and note that it is read
#[derive(Debug, clap::Args)]
#[command(after_help = "\
On a terminal, control characters are shown as \u{fffd}; into a pipe or a file everything goes byte for byte.

Examples:
  byway inbox read --agent executor
  byway inbox read --agent executor --peek 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b > text")]
struct Read {
    /// Whose inbox
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// Which message [default: the oldest that is unread]
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Do not note that it is read
    #[arg(long)]
    peek: bool,
}

/// Note that a message is processed
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("which").required(true),
    after_help = "Examples:\n  byway inbox ack --agent executor 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b\n  byway inbox ack --agent executor --all"
)]
struct Ack {
    /// Whose inbox
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// Which message
    #[arg(value_name = "ID", group = "which")]
    id: Option<String>,
    /// Every message that has been read; what is unread stays
    #[arg(long, group = "which")]
    all: bool,
}

impl Inbox {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = reach(&session.config_to_call().await?, Caller::Local).await?;
        match self.verb {
            InboxVerb::List(verb) => verb.run(&client, session.terminal).await,
            InboxVerb::Read(verb) => verb.run(&client, session.terminal).await,
            InboxVerb::Ack(verb) => verb.run(&client, session.terminal).await,
        }
    }
}

impl ListInbox {
    async fn run(self, client: &Client, terminal: Terminal) -> Result<(), Failure> {
        let page = part(client, &self.agent, self.all, self.limit, self.cursor).await?;
        if terminal.json {
            return terminal.json(&page);
        }
        if page.items.is_empty() {
            terminal.note(if self.all {
                "the inbox is empty"
            } else {
                "nothing is unread"
            });
            return Ok(());
        }
        terminal.result(&page::inbox(&page.items))?;
        if let Some(next) = page.next {
            terminal.note(&format!("there are more: --cursor {next}"));
        }
        Ok(())
    }
}

impl Read {
    async fn run(self, client: &Client, terminal: Terminal) -> Result<(), Failure> {
        let item = match &self.id {
            Some(id) => client.get(&item_path(&self.agent, id)).await?,
            None => oldest_unread(client, &self.agent).await?,
        };
        if terminal.json {
            terminal.json(&item)?;
        } else if terminal.results_are_seen() {
            terminal.result(&shown(&item))?;
        } else {
            terminal.exactly(&bytes(&item)?)?;
        }
        if !self.peek {
            let _: InboxItem = client
                .post(
                    &mark_path(&self.agent, &item.id, "read", Some(&item.source)),
                    None,
                )
                .await?;
        }
        Ok(())
    }
}

impl Ack {
    async fn run(self, client: &Client, terminal: Terminal) -> Result<(), Failure> {
        let which = match self.id {
            Some(id) => vec![(id, None)],
            None => everything_read(client, &self.agent).await?,
        };
        let mut done = Vec::new();
        for (id, source) in which {
            let item: InboxItem = client
                .post(&mark_path(&self.agent, &id, "processed", source.as_deref()), None)
                .await?;
            if !terminal.json {
                terminal.result(&format!("{} {}", item.status, item.id))?;
            }
            done.push(item);
        }
        match (terminal.json, self.all, done.first()) {
            (true, false, Some(item)) => terminal.json(item),
            (true, _, _) => terminal.json(&Page {
                items: done,
                next: None,
            }),
            (false, _, None) => {
                terminal.note("nothing is read and not yet processed");
                Ok(())
            }
            (false, ..) => Ok(()),
        }
    }
}

async fn oldest_unread(client: &Client, agent: &str) -> Result<InboxItem, Failure> {
    let page = part(client, agent, false, 1, None).await?;
    page.items.into_iter().next().ok_or_else(|| {
        Failure::new(
            ErrorCode::NoSuchMessage,
            format!("nothing is unread in the inbox of {agent}"),
        )
        .with_fix(format!(
            "`byway inbox list --agent {agent} --all` shows what has been read."
        ))
    })
}

/// The id and the source of each message that was read.
async fn everything_read(client: &Client, agent: &str) -> Result<Vec<(String, Option<String>)>, Failure> {
    let mut ids = Vec::new();
    let mut cursor = None;
    loop {
        let page = part(client, agent, true, 200, cursor).await?;
        ids.extend(
            page.items
                .into_iter()
                .filter(|item| item.status == "read")
                .map(|item| (item.id, Some(item.source))),
        );
        cursor = page.next;
        if cursor.is_none() {
            return Ok(ids);
        }
    }
}

async fn part(
    client: &Client,
    agent: &str,
    all: bool,
    limit: u16,
    cursor: Option<i64>,
) -> Result<Page<InboxItem>, Failure> {
    let mut path = format!("/v1/agents/{}/inbox?all={all}&limit={limit}", segment(agent));
    if let Some(cursor) = cursor {
        path.push_str(&format!("&cursor={cursor}"));
    }
    Ok(client.get(&path).await?)
}

fn item_path(agent: &str, id: &str) -> String {
    format!("/v1/agents/{}/inbox/{}", segment(agent), segment(id))
}

/// The call that marks a message. An id alone means the first message of that id, so where the message
/// is known its source is named, too.
fn mark_path(agent: &str, id: &str, mark: &str, source: Option<&str>) -> String {
    let path = item_path(agent, id);
    match source {
        Some(source) => format!("{path}/{mark}?source={}", segment(source)),
        None => format!("{path}/{mark}"),
    }
}

/// What the message carries, byte for byte; a JSON value as it was written.
fn bytes(item: &InboxItem) -> Result<Vec<u8>, Failure> {
    match (&item.text, &item.data, &item.data_base64) {
        (Some(text), _, _) => Ok(text.clone().into_bytes()),
        (None, Some(data), _) => Ok(data.to_string().into_bytes()),
        (None, None, Some(base64)) => STANDARD
            .decode(base64)
            .map_err(|error| Failure::internal(format!("the server sent wrong base64: {error}"))),
        (None, None, None) => Ok(Vec::new()),
    }
}

/// What the message carries, for a terminal.
fn shown(item: &InboxItem) -> String {
    match (&item.text, &item.data, &item.data_base64) {
        (Some(text), _, _) => clean_lines(text),
        (None, Some(data), _) => clean_lines(&format!("{data:#}")),
        (None, None, Some(_)) => "(bytes: read them into a file or a pipe)".to_owned(),
        (None, None, None) => "(empty)".to_owned(),
    }
}
