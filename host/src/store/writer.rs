//! The one thread that writes.
//!
//! It takes what waits, does all of it in one transaction, commits, and only then
//! answers: many callers share one sync. Where several share it, those who
//! usually come together are waited for, a few milliseconds at most ([`Gather`]). A call that fails takes nobody with it:
//! the transaction is taken back and done again with each call in a savepoint of its own. Not at once so, because a savepoint has SQLite
//! keep a copy of every page that is written after it, and calls hardly ever fail. Two failures
//! are larger than a call. Where SQLite gives up the whole transaction in the middle (a full disk, a
//! disk error), nothing of it is there, and each call is done again in a transaction of its own, so
//! that the one that cannot be done is the only one to fail. Where the commit fails, everybody
//! is told, and nothing of it is there.
//!
//! If the thread ever ends by a fault of ours, every caller, waiting or later, gets
//! [`StoreError::Stopped`]; nobody waits for ever.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::budget::Budget;
use super::gather::Gather;
use super::journal::seal::{Seal, Sealed};
use super::owner::Owner;
use super::{Durability, StoreError};

/// How many calls may wait before further callers wait to be let in, and the most in one transaction.
/// Each may carry a message of a megabyte, so this also bounds memory.
const GROUP_MAX: usize = 256;
/// The longest wait for callers who usually come together.
const GATHER_MAX: Duration = Duration::from_millis(4);
/// The same where somebody waits for whom nobody should be waited for.
const GATHER_BESIDE_OTHERS_MAX: Duration = Duration::from_millis(1);
/// The wait ends where nobody has come for so long.
const QUIET: Duration = Duration::from_micros(500);
/// How often it is looked who has come.
const STEP: Duration = Duration::from_micros(100);

/// The writer's handle. When it is dropped, everything that waits is written, and the file and the
/// folder are free again.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    counts: Arc<Written>,
}

#[derive(Default)]
struct Written {
    commits: AtomicU64,
    calls: AtomicU64,
}

/// A call that waits for the writer. May be done more than once, where the first time came to nothing.
trait Job: Send {
    /// Whether it is worth a wait for others like it.
    fn gathers(&self) -> bool;
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Call<F, T> {
    work: F,
    gathers: bool,
    done: Option<T>,
    sender: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Call<F, T>
where
    F: Fn(&Connection) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn gathers(&self) -> bool {
        self.gathers
    }

    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.done = Some((self.work)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self {
            work, done, sender, ..
        } = *self;
        // Before the caller goes on: what the work holds may be a share of the store itself, and who lets go of
        // the last one waits for this thread.
        drop(work);
        // A caller that has gone away does not want to know.
        let _ = sender.send(committed.and_then(|()| done.ok_or(StoreError::Stopped)));
    }
}

impl Writer {
    /// Starts the thread. It holds the folder until it has closed the file.
    pub(super) fn start(
        connection: Connection,
        file: PathBuf,
        owner: Owner,
        seal: Arc<Seal>,
        budget: Arc<Budget>,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel(GROUP_MAX);
        let counts = Arc::new(Written::default());
        let failed = StoreError::Failed {
            file: file.display().to_string(),
            why: "the system gives byway no further thread".into(),
        };
        let mut desk = Desk {
            connection,
            file,
            counts: Arc::clone(&counts),
            seal,
            sealed: Sealed::default(),
            budget,
            gather: Gather::default(),
            durability,
        };
        desk.budget.look(&desk.connection);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                desk.run(waiting);
                drop(desk);
                drop(owner);
            })
            .map_err(|_| failed)?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            counts,
        })
    }

    /// Has `work` done, and waits until it is on disk. `work` may be called again after it came to
    /// nothing, so it has no effect but on the database.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.call(work, false).await
    }

    /// The same for callers from outside, of whom many may come at a time: where they do, they are waited for, so that
    /// they share a sync. What is under way already, a delivery for one, is better not kept waiting.
    pub(super) async fn write_with_others<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.call(work, true).await
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
        gathers: bool,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(Call {
            work,
            gathers,
            done: None,
            sender,
        });
        let queue = self.queue.as_ref().ok_or(StoreError::Stopped)?;
        queue.send(job).await.map_err(|_| StoreError::Stopped)?;
        receiver.await.map_err(|_| StoreError::Stopped)?
    }

    /// How many transactions were committed.
    pub(super) fn commits(&self) -> u64 {
        self.counts.commits.load(Ordering::Relaxed)
    }

    /// How many calls were in them.
    pub(super) fn calls(&self) -> u64 {
        self.counts.calls.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        // The thread itself lets go last where a caller left before its work, which holds the store, was
        // done. It ends by the closed queue then, as always; nobody is left who could wait for it.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer ended in a panic; please report it");
        }
    }
}

/// How far the calls of a group are kept apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apart {
    /// One that fails takes the transaction with it.
    No,
    /// One that fails is taken back alone.
    BySavepoints,
}

/// Where the thread works.
struct Desk {
    connection: Connection,
    file: PathBuf,
    counts: Arc<Written>,
    seal: Arc<Seal>,
    sealed: Sealed,
    budget: Arc<Budget>,
    gather: Gather,
    durability: Durability,
}

impl Desk {
    fn run(&mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        while waiting.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
            if self.durability == Durability::Full && group.iter().any(|job| job.gathers()) {
                self.gather(&mut waiting, &mut group);
            }
            self.write(&mut group);
        }
        self.close();
    }

    /// Waits a moment for those who usually come together, so that they share a sync. Those who come between, a
    /// delivery for one, are not waited for and do not wait for long.
    fn gather(&mut self, waiting: &mut mpsc::Receiver<Box<dyn Job>>, group: &mut Vec<Box<dyn Job>>) {
        let wanted = self.gather.wanted();
        let began = Instant::now();
        let mut last_came = began;
        let mut gathered = group.iter().filter(|job| job.gathers()).count();
        while gathered < wanted && last_came.elapsed() < QUIET {
            let is_among_others = gathered < group.len();
            let wait_max = if is_among_others {
                GATHER_BESIDE_OTHERS_MAX
            } else {
                GATHER_MAX
            };
            if began.elapsed() >= wait_max {
                break;
            }
            std::thread::sleep(STEP);
            while group.len() < GROUP_MAX
                && let Ok(job) = waiting.try_recv()
            {
                if job.gathers() {
                    gathered += 1;
                    last_came = Instant::now();
                }
                group.push(job);
            }
        }
        self.gather.wrote(gathered);
    }

    /// At the end, what was added since the last checkpoint gets one.
    fn close(&mut self) {
        let signed = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                self.seal.before_commit(&transaction, &mut self.sealed, true)?;
                transaction.commit()
            });
        match signed {
            Ok(()) => self.seal.after_commit(&self.connection, &mut self.sealed),
            Err(error) => tracing::warn!(%error, "the journal's last rows could not be signed"),
        }
    }

    fn write(&mut self, group: &mut Vec<Box<dyn Job>>) {
        if self.together(group, Apart::No) || self.together(group, Apart::BySavepoints) {
            return;
        }
        tracing::warn!(
            calls = group.len(),
            "SQLite gave up a transaction; each call is done again by itself"
        );
        for job in group.drain(..) {
            self.together(&mut vec![job], Apart::No);
        }
    }

    /// Does a group in one transaction and answers it. False where nothing of it is there and it is worth doing
    /// again with its calls further apart: one of them failed, or SQLite gave the transaction up.
    fn together(&mut self, group: &mut Vec<Box<dyn Job>>, apart: Apart) -> bool {
        let mut transaction = match self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
        {
            Ok(transaction) => transaction,
            Err(error) => {
                let error = StoreError::of(&error, &self.file);
                tracing::error!(%error, "the store cannot begin to write");
                group.drain(..).for_each(|job| job.answer(Err(error.clone())));
                return true;
            }
        };
        let alone = group.len() == 1;
        let mut results = Vec::with_capacity(group.len());
        for job in group.iter_mut() {
            let result = match apart {
                Apart::No => job.run(&transaction),
                Apart::BySavepoints => in_savepoint(&mut transaction, job.as_mut()),
            };
            // Without its transaction a savepoint would commit by itself, so nothing more may be done in it. And without
            // a savepoint what a failed call did can only be taken back with everything.
            let is_lost = transaction.is_autocommit() || (apart == Apart::No && result.is_err());
            if is_lost && !alone {
                return false;
            }
            results.push(result.map_err(|error| StoreError::of(&error, &self.file)));
        }
        if alone && results.iter().any(Result::is_err) {
            // Taken back before the answer.
            drop(transaction);
            for (job, result) in group.drain(..).zip(results) {
                job.answer(result);
            }
            return true;
        }
        // That it fails takes nobody's message with it: the next commit tries again. (But for a full disk, for which SQLite
        // gives up all of it; then the commit fails, and everybody is told.)
        if !transaction.is_autocommit()
            && self.seal.is_due(&transaction, &self.sealed).unwrap_or(true)
            && let Err(error) = in_savepoint_of_its_own(&mut transaction, |savepoint| {
                self.seal.before_commit(savepoint, &mut self.sealed, false)
            })
        {
            tracing::warn!(%error, "the journal could not be signed");
        }
        let committed = transaction
            .commit()
            .map_err(|error| StoreError::of(&error, &self.file));
        match &committed {
            Ok(()) => {
                self.counts.commits.fetch_add(1, Ordering::Relaxed);
                self.counts
                    .calls
                    .fetch_add(u64::try_from(group.len()).unwrap_or(0), Ordering::Relaxed);
            }
            Err(error) => {
                tracing::error!(%error, "the store cannot write; nothing of this was accepted");
                // What the log still has of it must never look like commits that were lost.
                let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
            }
        }
        // Before the answers, with which the room kept for them is given up.
        if committed.is_ok() {
            self.budget.look(&self.connection);
        }
        for (job, result) in group.drain(..).zip(results) {
            job.answer(result.and(committed.clone()));
        }
        // After the answers: nobody waits for it.
        if committed.is_ok() {
            self.seal.after_commit(&self.connection, &mut self.sealed);
        }
        true
    }
}

fn in_savepoint(transaction: &mut Transaction<'_>, job: &mut dyn Job) -> rusqlite::Result<()> {
    in_savepoint_of_its_own(transaction, |savepoint| job.run(savepoint))
}

fn in_savepoint_of_its_own(
    transaction: &mut Transaction<'_>,
    work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let savepoint = transaction.savepoint()?;
    work(&savepoint)?;
    savepoint.commit()
}
