//! Outbox, inbox and journal, in one SQLite file.
//!
//! One thread writes; everything that waits for it goes into one transaction (group commit). Readers
//! have connections of their own and never wait for the writer. Neither blocks the runtime.
//!
//! # What is promised when a call returns
//!
//! - A writing call that returned `Ok` is on disk, with its line in the journal where it tells anything. With
//!   [`Durability::Full`] (the default) the disk has confirmed it, and it outlives a power cut; with
//!   [`Durability::Process`] the kernel has it, and it outlives the death of the process.
//! - A writing call that returned an error has changed nothing (the one exception: [`StoreError`]).
//! - A call whose caller goes away before the answer is done whole or not at all.
//! - A reading call sees everything that was answered before it began.
//! - A call never waits for ever because the writer is gone: it gets [`StoreError::Stopped`].
//!
//! # What the store keeps true by itself
//!
//! - A message, its keys, what follows from it and its line in the journal are one transaction.
//! - A (source, id, recipient, kind) is accepted once, and an (authority, source, id, recipient) is
//!   taken in once; the same name with other content is a conflict, and written down.
//! - Of the messages of one partition the first has its turn, and when it lets go, the next one.
//! - A receipt is never lowered, an acknowledgement never undone, an ended message never reopened by
//!   a late step.
//! - The journal is only ever added to, holds no body, and shows where somebody changed it all the same.
//! - One byway at a time has a data folder.
//!
//! It reads no clock and decides nothing: times come in with each call and are kept to the millisecond,
//! and a message's delivery state is a text that the store does not look into.

mod accept;
mod accept_all;
mod advance;
mod breakers;
mod budget;
mod column;
mod dead;
mod error;
mod gather;
mod hasten;
mod idempotency;
mod inbox;
mod intervene;
mod journal;
mod line;
mod log;
mod old_keys;
mod outbox;
mod outlook;
mod owner;
mod progress;
mod readers;
mod receipts;
mod records;
mod retention;
mod rows;
mod schema;
mod set_aside;
mod stray;
mod sum;
mod summing;
mod take_in;
mod waits_for;
mod words;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

pub use accept_all::{AcceptedAll, NewPart};
pub use breakers::KeptBreaker;
pub use budget::DiskLimits;
pub use dead::DeadFilter;
pub use error::StoreError;
pub use intervene::Intervention;
pub use journal::{
    Checkpoint, CheckpointSigner, Fault, Finding, JournalFile, Mark, NoCheckpoint, Replay, Report, RowBytes,
    RowHash, StandingIn, StandingOut, verify,
};
pub use outbox::PRIORITY_MAX;
pub use outlook::{Due, Looked, Outlook};
pub use progress::PROGRESS_BYTES_MAX;
pub use receipts::{MakeReceipt, NewReceipt};
pub use records::DamagedRecord;
pub use retention::{Cutoffs, Pruned};
pub use rows::{
    Accepted, Advance, Advanced, Attempt, Counts, Earlier, Incoming, JournalRow, MessageKey, NewIncoming,
    NewOutgoing, Note, Outgoing, OutgoingFilter, Page, TakenIn,
};
pub use waits_for::WaitsFor;
pub use words::{InboxStatus, Kind, Status};

use budget::Budget;
use journal::seal::Seal;
use owner::Owner;
use readers::Readers;
use writer::Writer;

/// The database's name in the data folder.
const FILE: &str = "byway.sqlite3";

/// What "stored" means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The disk has confirmed it: it outlives a power cut.
    #[default]
    Full,
    /// The kernel has it: it outlives the death of the process, not a power cut.
    Process,
}

/// The store of one instance. Cheap to clone; the data folder is this byway's for as long as one of
/// them lives. The last one that goes waits until what was begun is written and the file is closed.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    // In this order: the connection that writes is closed last, and tidies the log away.
    readers: Readers,
    writer: Writer,
    seal: Arc<Seal>,
    budget: Arc<Budget>,
}

impl Store {
    /// Opens the store in a data folder, and makes both where they are not there. Blocks.
    ///
    /// # Errors
    /// Where another byway has the folder, it cannot be used, or the file is damaged, somebody else's
    /// or of a newer byway. Nothing in it is changed then.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        let owner = Owner::of(folder)?;
        let file = folder.join(FILE);
        let connection = schema::open(&file, durability)?;
        let readers = Readers::new(file.clone());
        let seal = Arc::new(Seal::new(folder.to_owned(), durability));
        let budget = Arc::new(Budget::new(folder.to_owned()));
        let writer = Writer::start(
            connection,
            file,
            owner,
            Arc::clone(&seal),
            Arc::clone(&budget),
            durability,
        )?;
        Ok(Self {
            inner: Arc::new(Inner {
                readers,
                writer,
                seal,
                budget,
            }),
        })
    }

    /// How much disk messages may take from now on. Without this there is no limit but the disk's.
    pub fn limit_disk(&self, limits: DiskLimits) {
        self.inner.budget.set(limits);
    }

    /// Whether there is room for a further message.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`] where there is none.
    pub fn check_room(&self) -> Result<(), StoreError> {
        self.inner.budget.look_for_room()
    }

    /// Whether a write reaches the disk and a read finds it. Sets no time limit: a disk that hangs
    /// makes this hang, so the caller should set one.
    ///
    /// # Errors
    /// Where the store does not write or read.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(|tx| {
                tx.prepare_cached("UPDATE probe SET writes = writes + 1")?
                    .execute([])
                    .map(drop)
            })
            .await?;
        self.inner
            .readers
            .read(|connection| connection.query_row("SELECT writes FROM probe", [], |_| Ok(())))
            .await
    }

    /// How many transactions the writer has committed since it was opened: one sync of the disk each.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.inner.writer.commits()
    }

    /// How many writing calls were in those transactions.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.inner.writer.calls()
    }
}
