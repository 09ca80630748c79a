//! What was asked of the disk, in its order.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file is there from now on that was not there before.
    Created(Arc<Path>),
    /// Bytes were written.
    Written(Arc<Path>, u64, Arc<[u8]>),
    /// A file was made so long.
    Cut(Arc<Path>, u64),
    /// Everything that was written to a file is on the disk.
    Synced(Arc<Path>),
    /// A sync of a file has failed. A system that reports this once may never write what was not synced before, and say at
    /// the next sync that all is well.
    SyncFailed(Arc<Path>),
    /// A file was deleted. True: and the folder synced.
    Deleted(Arc<Path>, bool),
    /// The test has something to say.
    Mark(String),
}

#[derive(Default)]
struct Notes {
    events: Vec<Event>,
    sync_pause: Duration,
    syncs_to_fail: usize,
    syncs: usize,
}

/// What happens beneath one folder. When it is dropped, nothing is written down any more.
pub struct Watch {
    watched: Arc<Watched>,
}

pub(crate) struct Watched {
    folder: PathBuf,
    notes: Mutex<Notes>,
}

static WATCHES: Mutex<Vec<Arc<Watched>>> = Mutex::new(Vec::new());

/// Writes down from now on what happens beneath a folder.
#[must_use]
pub fn watch(folder: &Path) -> Watch {
    let watched = Arc::new(Watched {
        folder: folder.to_owned(),
        notes: Mutex::default(),
    });
    let mut watches = WATCHES.lock().unwrap_or_else(PoisonError::into_inner);
    watches.push(Arc::clone(&watched));
    Watch { watched }
}

/// Who watches this file.
pub(crate) fn watched(file: &Path) -> Option<Arc<Watched>> {
    let watches = WATCHES.lock().unwrap_or_else(PoisonError::into_inner);
    watches.iter().find(|it| file.starts_with(&it.folder)).cloned()
}

impl Watch {
    /// Writes a word of the test between the events: all that went before has happened.
    pub fn mark(&self, word: impl Into<String>) {
        self.watched.note(Event::Mark(word.into()));
    }

    /// Everything so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.watched.notes().events.clone()
    }

    /// How many syncs there were so far, also where nobody keeps the events.
    #[must_use]
    pub fn syncs(&self) -> usize {
        self.watched.notes().syncs
    }

    /// From now on every sync takes so much longer.
    pub fn slow_down(&self, pause: Duration) {
        self.watched.notes().sync_pause = pause;
    }

    /// The next syncs fail, so many of them.
    pub fn fail_syncs(&self, count: usize) {
        self.watched.notes().syncs_to_fail = count;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watches = WATCHES.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|it| !Arc::ptr_eq(it, &self.watched));
    }
}

impl Watched {
    pub(crate) fn note(&self, event: Event) {
        self.notes().events.push(event);
    }

    /// What is to happen to the next sync: how long it waits, and whether it works.
    pub(crate) fn next_sync(&self) -> (Duration, bool) {
        let mut notes = self.notes();
        notes.syncs += 1;
        let fails = notes.syncs_to_fail > 0;
        notes.syncs_to_fail = notes.syncs_to_fail.saturating_sub(1);
        (notes.sync_pause, !fails)
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
