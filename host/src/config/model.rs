//! The checked model: what a configuration means.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::rights::Grants;
use super::source::SourceText;
use crate::envelope::{Address, AddressPattern, PublicKey};

/// A whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// `[instance]`
    pub instance: Instance,
    /// `[api]`
    pub api: Api,
    /// `[limits]`
    pub limits: Limits,
    /// `[store]`
    pub store: DiskBudget,
    /// `[retention]`
    pub retention: Retention,
    /// `[reload]`
    pub reload: Reload,
    /// `[agents]`: the local agents; `None` where the table is absent, which means any.
    pub agents: Option<BTreeSet<String>>,
    /// `[groups.NAME]`: several recipients under one address of this instance.
    pub groups: BTreeMap<String, Vec<Address>>,
    /// `[peers.NAME]`
    pub peers: BTreeMap<String, Peer>,
    /// `[inbound.NAME]`: unsigned senders that may come in, each with a token of its own.
    pub inbound: BTreeMap<String, Inbound>,
    /// `[transports.NAME]`
    pub transports: BTreeMap<String, Transport>,
    /// `[[routes]]`, in the order of the file; the first that matches is taken.
    pub routes: Vec<Route>,
    /// The text it was read from, so that what is found wrong later can point at its line.
    pub source: SourceText,
}

/// Where in a file something stands, for errors that are found later than parsing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// `[instance]`
#[derive(Clone, Debug)]
pub struct Instance {
    /// This byway's half of every address.
    pub name: String,
    /// Where the store, the identity and the admin token are. Absolute, or relative to the file.
    pub data_dir: PathBuf,
    /// What "stored" means.
    pub durability: Durability,
}

/// What has happened when a message counts as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The disk has confirmed it: survives a power cut (SQLite `synchronous=FULL`).
    #[default]
    Full,
    /// The kernel has it: survives the death of the process, not a power cut.
    Process,
}

/// `[api]`
#[derive(Clone, Debug)]
pub struct Api {
    /// The address to listen on. Default `127.0.0.1:7717`.
    pub listen: SocketAddr,
}

/// `[limits]`
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most data a message may carry, in bytes. Default 1 MiB.
    pub data_bytes_max: usize,
    /// How many attempts may run at once, over all transports. Default 64, at least 2.
    pub attempts_at_once_max: usize,
}

impl Limits {
    /// How many of so many attempts at once one transport may have: three quarters, and at least one less
    /// than all, so that one on which everything hangs never keeps the others waiting.
    #[must_use]
    pub fn share_of_one(attempts_at_once_max: usize) -> usize {
        let kept_for_others = (attempts_at_once_max / 4).max(1);
        attempts_at_once_max.saturating_sub(kept_for_others).max(1)
    }
}

/// `[store]`: how much disk messages and their records may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskBudget {
    /// The most they may take, in bytes. Default 8 GiB.
    pub bytes_max: u64,
    /// What stays free of the disk, in bytes. Default 256 MiB.
    pub free_bytes_min: u64,
}

/// `[retention]`: how long what has ended is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Messages that were delivered, cancelled or dropped, or expired. Default 30 days.
    pub delivered: Duration,
    /// Dead letters. Default: until somebody redrives or drops them.
    pub dead: Option<Duration>,
    /// Messages in inboxes that were processed. Default 30 days.
    pub processed: Duration,
    /// Rows of the journal. Default 90 days.
    pub journal: Duration,
}

/// `[reload]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Whether changed files are put in force by themselves. Default true.
    pub watch: bool,
}

/// `[peers.NAME]`: another byway. The name is the instance part of its agents' addresses.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its Ed25519 public key.
    pub key: PublicKey,
    /// Which senders it may speak for. Default `*@NAME`.
    pub senders: Vec<AddressPattern>,
    /// Which recipients it may send to. Default `*@<this instance>`.
    pub recipients: Vec<AddressPattern>,
    /// Which recipients on third instances byway passes its messages on to. Default none.
    pub may_relay: Vec<AddressPattern>,
}

/// `[inbound.NAME]`: a sender that does not sign, known by a token. What it sends gets the source
/// `byway://<me>/via/<NAME>`.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// The token it presents as `Authorization: Bearer …`. `None`: reachable only by a receiving
    /// transport of the same name.
    pub token: Option<SecretSource>,
    /// Which recipients it may send to.
    pub recipients: Vec<AddressPattern>,
    /// Which recipients on other instances byway passes its messages on to, as its own. Default none.
    pub may_relay: Vec<AddressPattern>,
}

/// `[transports.NAME]`: one configured use of an adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct Transport {
    /// Its name.
    pub name: String,
    /// The component.
    pub adapter: AdapterRef,
    /// The SHA-256 that the component must have; `None`: any.
    pub sha256: Option<[u8; 32]>,
    /// Its configuration, as the adapter sees it.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// Its rights.
    pub grants: Grants,
    /// Its secrets, by the name the adapter asks for.
    pub secrets: BTreeMap<String, Secret>,
    /// Its signing keys, by the name the adapter asks for.
    pub signers: BTreeMap<String, SignerKeys>,
    /// The proxy that all its connections go through; `None`: they are made directly, whatever the
    /// environment says.
    pub proxy: Option<Proxy>,
    /// Its limits.
    pub limits: TransportLimits,
    /// Whether the agent hears its owner; `None`: what the adapter says of this configuration.
    pub authority: Option<Authority>,
    /// Transports of one domain lead into one inbox, which takes a message in once.
    pub dedupe: Option<String>,
    /// Whether, and how often, messages are fetched through it.
    pub receive: Option<Receive>,
    /// When it stops being tried for a while.
    pub breaker: Breaker,
    /// How fast it may be used; `None`: as fast as it goes.
    pub rate: Option<Rate>,
    /// Where its table stands.
    pub place: Place,
}

/// Which component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdapterRef {
    /// `builtin:<name>`: one that byway carries.
    Builtin(String),
    /// A file, absolute after reading.
    Path(PathBuf),
}

/// An HTTP proxy. It is asked for a tunnel (CONNECT) to each host, and resolves the hosts' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its name or address, lower case; IPv6 without brackets. It needs no grant.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Where its credentials are, as `user:password`.
    pub auth: Option<SecretSource>,
}

/// How the agent hears what comes through a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// As its owner's own words.
    Owner,
    /// As data from somebody else.
    Untrusted,
}

/// A secret and where it may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Where its value is.
    pub source: SecretSource,
    /// The positions it may be put in.
    pub positions: Vec<Position>,
}

/// Where a secret's value is. Read at each attempt, so a changed value is used at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// `{ env = "NAME" }`
    Env(String),
    /// `{ file = "/path" }`: refused where others may read it; one trailing newline is cut.
    File(PathBuf),
    /// `{ command = ["program", "argument"] }`: what it prints, kept for a minute; one trailing newline is cut.
    Command(Vec<String>),
}

/// Where a secret may be put on the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// `header:<name>`: anywhere in the value of that header.
    Header(String),
    /// `url-path`: as a whole segment, or a part of one.
    UrlPath,
    /// `ws-json:<pointer>`: as a string at that place of a WebSocket message.
    WsJson(String),
    /// `env:<NAME>`: that variable of a command. The host puts it there itself.
    Env(String),
}

/// The keys of a signer: the current one first; all of them sign (a rotation).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerKeys {
    /// Where each key is: `whsec_…` (HMAC-SHA256) or `whsk_…` (Ed25519).
    pub sources: Vec<SecretSource>,
}

/// Limits of one transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportLimits {
    /// How long one attempt may take. Default 30 s.
    pub timeout: Duration,
    /// How many attempts may run at once. Default 8.
    pub at_once_max: usize,
    /// Memory over all memories and tables of an instance, in bytes. Default 64 MiB.
    pub memory_bytes_max: usize,
    /// The most a response, or a command's output, may have, in bytes. Default 4 MiB.
    pub answer_bytes_max: usize,
    /// The most log lines of one attempt. Default 100.
    pub log_lines_max: usize,
}

/// Fetching messages through a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receive {
    /// How long between two fetches. Default 2 s.
    pub every: Duration,
}

/// When a transport stops being tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// After so many attempts in a row that found it unavailable or nobody there. Default 5.
    pub failures: u32,
    /// For so long at most; then one attempt is let through. Default 30 s.
    pub pause: Duration,
}

/// How fast a transport may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many attempts, at least one.
    pub count: u32,
    /// In so long.
    pub per: Duration,
    /// So many of them at once, at least one. Default: `count`.
    pub burst: u32,
}

/// `[[routes]]`
#[derive(Clone, Debug)]
pub struct Route {
    /// Which recipients.
    pub to: AddressPattern,
    /// Which senders' addresses; `None`: any.
    pub from: Option<AddressPattern>,
    /// The steps, in order.
    pub chain: Vec<Step>,
    /// How long a message is tried. Default 24 h, at most 30 days.
    pub deadline: Duration,
    /// Each step once a round, or one step until it gives up.
    pub strategy: Strategy,
    /// How many tries a step has before `exhaust` goes to the next. Default 5.
    pub tries: u32,
    /// What happens when it is unknown whether the message arrived.
    pub on_unknown: OnUnknown,
    /// Which receipt completes a message.
    pub done_at: DoneAt,
    /// Whether messages from peers and unsigned senders may go through owner transports.
    pub allow_owner: bool,
    /// The waits between rounds.
    pub backoff: Backoff,
    /// What a held or dead message does to those behind it in its partition.
    pub on_block: OnBlock,
    /// Whether a person has to approve a message before anything is tried; `None`: nobody has to.
    pub approval: Option<Approval>,
    /// Where its table stands.
    pub place: Place,
}

/// What holds while a message waits for a person to approve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// How long it waits. Default 24 h.
    pub expiry: Duration,
    /// What happens when nobody has said anything by then. Default reject.
    pub on_expiry: OnApprovalExpiry,
    /// Who is told of each message that waits; `None`: nobody.
    pub notice: Option<Address>,
    /// Who may approve and reject by answering: for an `[inbound]` sender, people by the names that it gives
    /// them. Default nobody.
    pub approvers: BTreeMap<String, BTreeSet<String>>,
}

impl Approval {
    /// Until when a message that comes at `now` waits for it.
    #[must_use]
    pub fn until(&self, now: jiff::Timestamp) -> jiff::Timestamp {
        jiff::SignedDuration::try_from(self.expiry)
            .ok()
            .and_then(|expiry| now.checked_add(expiry).ok())
            .unwrap_or(jiff::Timestamp::MAX)
    }
}

/// What becomes of a message that nobody has approved or rejected in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnApprovalExpiry {
    /// It ends as cancelled.
    Reject,
    /// It goes out.
    Deliver,
}

/// One step of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The transport's name.
    pub transport: String,
    /// What it is for.
    pub mode: Mode,
    /// The notify step of the same chain that must have succeeded for the message before this one is tried.
    pub after: Option<String>,
}

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To deliver the message.
    Deliver,
    /// To tell somebody of it; runs once a message, never completes it.
    Notify,
}

/// The order of retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// One try of each step a round, then back off and start again at the top.
    Sweep,
    /// Retry within a step before the next.
    Exhaust,
}

/// What to do when it is unknown whether a message arrived, and nothing safe is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Wait for a receipt or a person; dead letter at the deadline.
    Hold,
    /// Go on down the chain: at least once.
    Continue,
}

/// What a held or dead message does to those behind it in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBlock {
    /// It lets them go.
    Release,
    /// They wait until it has ended some other way.
    Wait,
}

/// Which receipt completes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoneAt {
    /// The far side took charge.
    Accepted,
    /// It is where the agent will see it.
    Delivered,
    /// The receiving byway itself said so, in a signed receipt.
    PeerReceipt,
}

/// Exponential backoff with full jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first wait. Default 2 s.
    pub first: Duration,
    /// The longest wait at all. Default 5 min.
    pub max: Duration,
}
