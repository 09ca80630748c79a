//! What a transport says about itself, in byway's own types.

use crate::contract::{Failure, HostFault};

/// What an adapter is, whatever its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name, such as `webhook`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line: what it carries messages over.
    pub summary: String,
    /// A JSON Schema of its `config` table.
    pub config_schema: String,
    /// The largest data it can carry, in bytes; `None`: no limit of its own.
    pub max_data_bytes: Option<u64>,
    /// Whether repeating an attempt cannot deliver twice, whatever the configuration.
    pub idempotent: bool,
    /// Whether the agent hears its owner, whatever the configuration.
    pub owner: bool,
}

/// What one configuration of an adapter needs before it can work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Requests, as grants are written.
    pub http: Vec<String>,
    /// Names of commands.
    pub commands: Vec<String>,
    /// Folders: the path, and `append`, `drop`, `receive` or `read`.
    pub folders: Vec<(String, String)>,
    /// Secrets: the name, and the positions.
    pub secrets: Vec<(String, Vec<String>)>,
    /// Names of signing keys.
    pub signers: Vec<String>,
    /// Whether this configuration is idempotent.
    pub idempotent: bool,
    /// Whether, in this configuration, the agent hears its owner.
    pub owner: bool,
}

/// How ready a transport is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// It should work.
    Ready,
    /// It works in part, or only sometimes.
    Degraded,
    /// It cannot work now.
    NotReady,
}

/// One line of the check-list behind a [`Readiness`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub fix: Option<String>,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The verdict.
    pub state: ReadyState,
    /// The check-list, in the order it was gone through.
    pub findings: Vec<Finding>,
}

/// What one fetch brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The items, in order.
    pub items: Vec<Item>,
    /// Where the next fetch goes on. To be stored after the items.
    pub cursor: Option<Vec<u8>>,
}

/// One thing that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A CloudEvent as JSON, exactly as it came. Its signature has not been looked at.
    Event(Vec<u8>),
    /// Words from outside of byway.
    Words(Words),
}

/// Words that did not come as an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The far side's own id.
    pub id: String,
    /// Who said it, as the far side names people.
    pub sender: String,
    /// The local agent it is for.
    pub agent: String,
    /// The conversation it belongs to.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
}

/// Why nothing was fetched. Never the same as "there was nothing".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveFault {
    /// byway could not run the adapter.
    #[error("byway could not run the adapter: {0}")]
    Host(#[from] HostFault),
    /// The adapter could not fetch, or broke.
    #[error("{} ({})", .0.message, .0.code)]
    Adapter(Failure),
}
