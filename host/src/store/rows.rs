//! What the store keeps, in the words of the other rooms.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::journal::RowHash;
use super::receipts::NewReceipt;
use super::waits_for::WaitsFor;
use super::words::{InboxStatus, Kind, Status};
use crate::envelope::Address;

/// Names one outgoing message in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey(pub(super) i64);

/// A message to be accepted for delivery.
#[derive(Clone, Debug)]
pub struct NewOutgoing {
    /// What it is for.
    pub kind: Kind,
    /// The event, structured.
    pub envelope_json: Vec<u8>,
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// The sender's address, where the source names one.
    pub sender: Option<Address>,
    /// Its recipient.
    pub recipient: Address,
    /// The digest of its content.
    pub digest: [u8; 32],
    /// Who brought it.
    pub principal: String,
    /// The caller's idempotency key, and the digest of what it asked for under it.
    pub idempotency: Option<(String, [u8; 32])>,
    /// 0 (low) to 3 (urgent); more counts as 3.
    pub priority: u8,
    /// Messages of one key to one recipient are attempted in the order of their acceptance.
    pub partition_key: Option<String>,
    /// The delivery's state, which the store does not look into.
    pub flight: String,
    /// When it is to be looked at first.
    pub due_at: Timestamp,
    /// When byway stops trying.
    pub deadline: Timestamp,
    /// The event's own expirytime.
    pub expires: Option<Timestamp>,
    /// Now.
    pub accepted_at: Timestamp,
}

/// What became of a message that was to be accepted.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// It is stored.
    New(MessageKey),
    /// It was here before; so it stands.
    Same(Earlier),
    /// A message of this source, id, recipient and kind, but other content, was here before.
    IdConflict,
    /// The idempotency key stood for something else before.
    KeyConflict,
}

/// A message that was here before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// How it stands.
    pub status: String,
}

/// A message on its way out.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its key here.
    pub key: MessageKey,
    /// What it is for.
    pub kind: Kind,
    /// The event, structured. Empty in lists.
    pub envelope_json: Vec<u8>,
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// The sender's address, where the source names one.
    pub sender: Option<Address>,
    /// Its recipient.
    pub recipient: Address,
    /// How it stands.
    pub status: Status,
    /// Why it stands so.
    pub reason: Option<String>,
    /// Whether another than the first choice delivered it.
    pub fallback: bool,
    /// The greatest receipt so far.
    pub receipt: Option<String>,
    /// The delivery's state.
    pub flight: String,
    /// What it waits for before that time counts.
    pub waits_for: WaitsFor,
    /// When it is looked at next.
    pub due_at: Timestamp,
    /// When byway stops trying.
    pub deadline: Timestamp,
    /// The event's own expirytime.
    pub expires: Option<Timestamp>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether an adapter has kept something of it.
    pub has_progress: bool,
}

/// How a message stands after a step was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// Its status; an end that came from elsewhere stays.
    pub status: Status,
    /// The greatest receipt so far.
    pub receipt: Option<String>,
}

/// One step of a message's delivery, written at once or not at all.
#[derive(Clone, Debug)]
pub struct Advance {
    /// Now.
    pub at: Timestamp,
    /// How it stands from now on.
    pub status: Status,
    /// When it is to be looked at next; of no meaning at an end.
    pub due_at: Timestamp,
    /// What it waits for before that time counts; of no meaning at an end.
    pub waits_for: WaitsFor,
    /// Whether, dead or held, it lets the next one of its partition go. One that is over always does.
    pub lets_pass: bool,
    /// The delivery's state.
    pub flight: String,
    /// Whether another than the first choice delivered it.
    pub fallback: bool,
    /// The receipt that the engine has taken into account. A greater one that came meanwhile stays,
    /// and makes the message due at once.
    pub receipt: Option<String>,
    /// Why it stands so.
    pub reason: Option<String>,
    /// What was tried and passed over.
    pub attempts: Vec<Attempt>,
}

/// One attempt, or a step that was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which attempt on this transport; `None` for one that was passed over.
    pub number: Option<u32>,
    /// The transport.
    pub transport: String,
    /// `deliver` or `notify`.
    pub mode: String,
    /// The outcome's word, or `skipped`.
    pub outcome: String,
    /// The failure's code, the skip's reason, or the receipt's status.
    pub code: Option<String>,
    /// What happened, in words.
    pub message: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
    /// The first effect.
    pub effect: Option<String>,
    /// The far side's own name for the message.
    pub reference: Option<String>,
    /// When it began.
    pub began: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Attempt {
    /// Whether something was tried, and not only passed over.
    #[must_use]
    pub fn was_made(&self) -> bool {
        self.number.is_some()
    }
}

/// A message to be taken in.
#[derive(Clone, Debug)]
pub struct NewIncoming {
    /// The event, structured.
    pub envelope_json: Vec<u8>,
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its recipient.
    pub recipient: Address,
    /// Its conversation.
    pub subject: Option<String>,
    /// The digest of its content.
    pub digest: [u8; 32],
    /// Who vouches for the source: `local`, `peer:<name>` or `inbound:<name>`.
    pub authority: String,
    /// The door it came through.
    pub via: String,
    /// Now.
    pub received_at: Timestamp,
    /// Until when it is remembered that it was taken in.
    pub keep_key_until: Timestamp,
    /// A local caller's principal, its idempotency key, and the digest of what it asked for.
    pub idempotency: Option<(String, String, [u8; 32])>,
    /// What wakes the agent.
    pub wake: Option<NewOutgoing>,
    /// The receipt for the sender.
    pub receipt: Option<NewReceipt>,
}

/// What became of a message that was to be taken in.
#[derive(Clone, Debug)]
pub enum TakenIn {
    /// It is in the inbox.
    New,
    /// It was taken in before; so it stands.
    Again {
        /// The id it was taken in under.
        id: String,
        /// The source it was taken in under.
        source: String,
        /// How it stands; `Processed` where the inbox no longer has it.
        status: InboxStatus,
    },
    /// A message of this id, but other content, was taken in before.
    Conflict,
    /// The idempotency key stood for something else before.
    KeyConflict,
}

/// A message in an inbox.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Where it stands in the inbox.
    pub key: i64,
    /// The event, structured.
    pub envelope_json: Vec<u8>,
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its recipient.
    pub recipient: Address,
    /// Who vouches for the source.
    pub authority: String,
    /// The door it came through.
    pub via: String,
    /// How it stands.
    pub status: InboxStatus,
    /// When it was taken in.
    pub received_at: Timestamp,
}

/// Which outgoing messages to list.
#[derive(Clone, Debug, Default)]
pub struct OutgoingFilter {
    /// How they stand.
    pub status: Option<Status>,
    /// Their source.
    pub source: Option<String>,
    /// The instance they go to.
    pub instance: Option<String>,
    /// What they are for.
    pub kind: Option<Kind>,
}

/// How much there is of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Outgoing messages that byway goes on trying.
    pub waiting: u64,
    /// Outgoing messages that may have arrived, and wait for a receipt, a person or the deadline.
    pub held: u64,
    /// Dead letters.
    pub dead: u64,
    /// Messages that no agent has read yet, over all inboxes.
    pub unread: u64,
    /// When the oldest of the waiting ones was accepted.
    pub oldest_waiting: Option<Timestamp>,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next part begins.
    pub next: Option<i64>,
}

impl<T> Page<T> {
    /// A page out of one row more than it has places, which tells whether there is a next.
    pub(super) fn of(mut items: Vec<T>, places: usize, key: impl Fn(&T) -> i64) -> Self {
        let more = items.len() > places;
        items.truncate(places);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}

/// Something to be written into the journal.
#[derive(Clone, Debug)]
pub struct Note {
    /// Now.
    pub at: Timestamp,
    /// What happened, in one stable word.
    pub event: String,
    /// The id of the message it is about.
    pub id: Option<String>,
    /// Its source.
    pub source: Option<String>,
    /// Its recipient.
    pub recipient: Option<String>,
    /// More, as a JSON object; never a body, never a secret.
    pub detail: String,
}

/// A row of the journal.
#[derive(Clone, Debug)]
pub struct JournalRow {
    /// Its number; they have no gaps.
    pub seq: i64,
    /// What it says.
    pub note: Note,
    /// Its hash, over this row and all before it.
    pub hash: RowHash,
}
