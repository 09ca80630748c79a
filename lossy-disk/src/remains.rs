//! What a disk may hold when the power goes. Pure: events and chance in, files out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Event;

/// What a disk writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;

/// The disk, fed with events one by one.
#[derive(Clone, Debug, Default)]
pub struct Remains {
    /// Every file there ever was, by its number.
    files: Vec<File>,
    /// What the folder lists now.
    listed: BTreeMap<Arc<Path>, usize>,
    /// What it lists for certain after a power cut.
    listed_for_certain: BTreeMap<Arc<Path>, usize>,
    /// Changes to what it lists that may or may not be on the disk, in their order.
    unsynced: Vec<(Arc<Path>, Option<usize>)>,
}

#[derive(Clone, Debug, Default)]
struct File {
    certain: Vec<u8>,
    unsynced: Vec<Change>,
    /// SQLite syncs the folder with the first sync of a log that it has made.
    first_sync_is_of_the_folder: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Arc<[u8]>),
    Cut(u64),
}

impl Remains {
    /// Takes note of the next event.
    pub fn happen(&mut self, event: &Event) {
        match event {
            Event::Created(path) => self.create(path),
            Event::Written(path, at, bytes) => self.change(path, Change::Write(*at, Arc::clone(bytes))),
            Event::Cut(path, size) => self.change(path, Change::Cut(*size)),
            Event::Synced(path) => self.sync(path),
            Event::Deleted(path, synced) => {
                self.listed.remove(path);
                self.unsynced.push((Arc::clone(path), None));
                if *synced {
                    self.sync_folder();
                }
            }
            Event::SyncFailed(path) => {
                if let Some(file) = self.listed_file(path) {
                    file.unsynced.clear();
                }
            }
            Event::Mark(_) => {}
        }
    }

    /// Everything that was written, as if the power had stayed.
    #[must_use]
    pub fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.after(&mut |_| 0, Some(true))
    }

    /// Only what was synced.
    #[must_use]
    pub fn certain(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.after(&mut |_| 0, Some(false))
    }

    /// What was synced and any part of the rest. `below` draws a number below the one it is given.
    #[must_use]
    pub fn some(&self, below: &mut dyn FnMut(u64) -> u64) -> BTreeMap<PathBuf, Vec<u8>> {
        self.after(below, None)
    }

    fn create(&mut self, path: &Arc<Path>) {
        let is_log = [".sqlite3-wal", "-journal"]
            .iter()
            .any(|ending| path.to_string_lossy().ends_with(ending));
        let number = self.files.len();
        self.files.push(File {
            first_sync_is_of_the_folder: is_log,
            ..File::default()
        });
        self.listed.insert(Arc::clone(path), number);
        self.unsynced.push((Arc::clone(path), Some(number)));
    }

    fn listed_file(&mut self, path: &Arc<Path>) -> Option<&mut File> {
        if !self.listed.contains_key(path) {
            // Somebody other than SQLite made it, empty.
            self.create(path);
        }
        self.listed
            .get(path)
            .and_then(|number| self.files.get_mut(*number))
    }

    fn change(&mut self, path: &Arc<Path>, change: Change) {
        if let Some(file) = self.listed_file(path) {
            file.unsynced.push(change);
        }
    }

    fn sync(&mut self, path: &Arc<Path>) {
        let Some(file) = self.listed_file(path) else {
            return;
        };
        for change in std::mem::take(&mut file.unsynced) {
            apply(&mut file.certain, &change, &mut |_| true);
        }
        if std::mem::take(&mut file.first_sync_is_of_the_folder) {
            self.sync_folder();
        }
    }

    fn sync_folder(&mut self) {
        self.unsynced.clear();
        self.listed_for_certain.clone_from(&self.listed);
    }

    /// `all`: what becomes of everything that is not certain; `None` leaves it to chance.
    fn after(&self, below: &mut dyn FnMut(u64) -> u64, all: Option<bool>) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut listed = self.listed_for_certain.clone();
        let count = u64::try_from(self.unsynced.len()).unwrap_or(u64::MAX);
        let done = match all {
            Some(true) => count,
            Some(false) => 0,
            None => below(count.saturating_add(1)),
        };
        for (path, number) in self
            .unsynced
            .iter()
            .take(usize::try_from(done).unwrap_or(usize::MAX))
        {
            match number {
                Some(number) => drop(listed.insert(Arc::clone(path), *number)),
                None => drop(listed.remove(path)),
            }
        }
        let mut left = BTreeMap::new();
        for (path, number) in listed {
            if let Some(file) = self.files.get(number) {
                left.insert(path.to_path_buf(), file.after(below, all));
            }
        }
        left
    }
}

impl File {
    fn after(&self, below: &mut dyn FnMut(u64) -> u64, all: Option<bool>) -> Vec<u8> {
        let mut bytes = self.certain.clone();
        // A disk that writes in order, one that does not, and one that tears every write.
        let manner = below(3);
        let count = u64::try_from(self.unsynced.len()).unwrap_or(u64::MAX);
        let end = below(count.saturating_add(1));
        for (change, number) in self.unsynced.iter().zip(0u64..) {
            let mut keeps = |_: usize| match (all, manner) {
                (Some(all), _) => all,
                // In order; the one under way may be torn.
                (None, 0) => number < end || (number == end && below(2) == 0),
                (None, _) => below(2) == 0,
            };
            // Torn, or whole or not.
            if manner == 1 && all.is_none() {
                let whole = keeps(0);
                apply(&mut bytes, change, &mut |_| whole);
            } else {
                apply(&mut bytes, change, &mut keeps);
            }
        }
        bytes
    }
}

/// Makes a change to a file, those sectors of it that `keeps` says; a file is as long as its last byte.
fn apply(bytes: &mut Vec<u8>, change: &Change, keeps: &mut dyn FnMut(usize) -> bool) {
    let (at, new) = match change {
        Change::Cut(size) => {
            if keeps(0) {
                bytes.resize(usize::try_from(*size).unwrap_or(usize::MAX), 0);
            }
            return;
        }
        Change::Write(at, new) => (usize::try_from(*at).unwrap_or(usize::MAX), new),
    };
    let mut begin = 0;
    while begin < new.len() {
        let position = at.saturating_add(begin);
        let sector = position / SECTOR_BYTES;
        let length = (SECTOR_BYTES - position % SECTOR_BYTES).min(new.len() - begin);
        if keeps(sector) {
            let end = position.saturating_add(length);
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            if let (Some(to), Some(from)) = (bytes.get_mut(position..end), new.get(begin..begin + length)) {
                to.copy_from_slice(from);
            }
        }
        begin += length;
    }
}

#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    reason = "a test that fails loudly has done its work"
)]
mod tests {
    use super::*;

    fn path(name: &str) -> Arc<Path> {
        Path::new(name).into()
    }

    fn disk(events: &[Event]) -> Remains {
        let mut remains = Remains::default();
        for event in events {
            remains.happen(event);
        }
        remains
    }

    #[test]
    fn only_what_was_synced_is_certain() {
        let wal = path("a.sqlite3-wal");
        let remains = disk(&[
            Event::Created(Arc::clone(&wal)),
            Event::Written(Arc::clone(&wal), 0, b"one"[..].into()),
            Event::Synced(Arc::clone(&wal)),
            Event::Written(Arc::clone(&wal), 3, b"two"[..].into()),
        ]);
        assert_eq!(remains.certain()[&*wal], b"one");
        assert_eq!(remains.everything()[&*wal], b"onetwo");
    }

    #[test]
    fn what_a_failed_sync_has_given_up_does_not_come_with_the_next() {
        let wal = path("a.sqlite3-wal");
        let remains = disk(&[
            Event::Created(Arc::clone(&wal)),
            Event::Written(Arc::clone(&wal), 0, b"one"[..].into()),
            Event::SyncFailed(Arc::clone(&wal)),
            Event::Written(Arc::clone(&wal), 3, b"two"[..].into()),
            Event::Synced(Arc::clone(&wal)),
        ]);
        assert_eq!(remains.certain()[&*wal], b"\0\0\0two");
    }

    #[test]
    fn a_new_file_may_be_gone_until_its_folder_is_synced() {
        let (main, wal) = (path("a.sqlite3"), path("a.sqlite3-wal"));
        let mut remains = disk(&[
            Event::Created(Arc::clone(&main)),
            Event::Written(Arc::clone(&main), 0, b"x"[..].into()),
            Event::Synced(Arc::clone(&main)),
        ]);
        assert!(remains.certain().is_empty());
        remains.happen(&Event::Created(Arc::clone(&wal)));
        remains.happen(&Event::Synced(wal));
        assert_eq!(remains.certain()[&*main], b"x");
    }

    #[test]
    fn a_deleted_file_may_come_back_as_it_was() {
        let wal = path("a.sqlite3-wal");
        let remains = disk(&[
            Event::Created(Arc::clone(&wal)),
            Event::Written(Arc::clone(&wal), 0, b"old"[..].into()),
            Event::Synced(Arc::clone(&wal)),
            Event::Deleted(Arc::clone(&wal), false),
        ]);
        assert_eq!(remains.certain()[&*wal], b"old");
        assert!(remains.everything().is_empty());
    }

    #[test]
    fn a_torn_write_keeps_whole_sectors() {
        let wal = path("a.sqlite3-wal");
        let remains = disk(&[
            Event::Created(Arc::clone(&wal)),
            Event::Synced(Arc::clone(&wal)),
            Event::Written(Arc::clone(&wal), 0, vec![7; 4 * SECTOR_BYTES].into()),
        ]);
        let mut torn = 0;
        for seed in 0..200u64 {
            let mut state = seed;
            let left = remains.some(&mut |end| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % end
            });
            let bytes = &left[&*wal];
            assert!(bytes.len().is_multiple_of(SECTOR_BYTES));
            for sector in bytes.chunks(SECTOR_BYTES) {
                assert!(sector.iter().all(|byte| *byte == sector[0]));
            }
            torn += usize::from(
                bytes.contains(&7) && bytes.iter().filter(|byte| **byte == 7).count() < 4 * SECTOR_BYTES,
            );
        }
        assert!(torn > 20, "{torn} of 200 were torn");
    }
}
