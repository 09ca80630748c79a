//! How much disk the store may take, and how much it leaves free.
//!
//! Looked at before a message is taken, and only then: what follows from messages that are there (attempts,
//! receipts, acknowledgements) is written out of the reserve that is kept for it. Where there is no room, the
//! refusal is clear and at once; it ends by itself when there is room again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;

use super::StoreError;

/// What a message takes besides its body, in bytes: its rows, their indexes and its lines in the journal.
const MESSAGE_BYTES: u64 = 4_096;

/// How much disk the store may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskLimits {
    /// The most that messages and their records may take, in bytes.
    pub bytes_max: u64,
    /// What stays free of the disk, in bytes.
    pub free_min: u64,
}

/// Counts what is used and what is on its way in.
pub(super) struct Budget {
    folder: PathBuf,
    bytes_max: AtomicU64,
    free_min: AtomicU64,
    used: AtomicU64,
    coming: AtomicU64,
    is_full: AtomicBool,
}

/// Room that is kept for a message until it is stored.
pub(super) struct Room<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// Without limits, until they are set.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            bytes_max: AtomicU64::new(u64::MAX),
            free_min: AtomicU64::new(0),
            used: AtomicU64::new(0),
            coming: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
        }
    }

    pub(super) fn set(&self, limits: DiskLimits) {
        self.bytes_max.store(limits.bytes_max, Ordering::Relaxed);
        self.free_min.store(limits.free_min, Ordering::Relaxed);
    }

    /// Looks how much the database holds. Asked of the connection that writes, after it has.
    pub(super) fn look(&self, connection: &Connection) {
        let number = |pragma: &str| -> rusqlite::Result<u64> {
            let number: i64 = connection
                .prepare_cached(pragma)?
                .query_row([], |row| row.get(0))?;
            Ok(number.unsigned_abs())
        };
        let looked = number("PRAGMA page_count").and_then(|pages| {
            let free = number("PRAGMA freelist_count")?;
            Ok(pages.saturating_sub(free) * number("PRAGMA page_size")?)
        });
        // One that failed leaves the number of the last time; the call that follows meets the same fault.
        if let Ok(used) = looked {
            self.used.store(used, Ordering::Relaxed);
        }
    }

    /// Keeps room for a message with a body of so many bytes.
    pub(super) fn room_for(&self, body: usize) -> Result<Room<'_>, StoreError> {
        let bytes = u64::try_from(body)
            .unwrap_or(u64::MAX)
            .saturating_add(MESSAGE_BYTES);
        // Kept before looking, so that two that come at once do not both take the last.
        self.coming.fetch_add(bytes, Ordering::Relaxed);
        let room = Room { budget: self, bytes };
        self.look_for_room()?;
        Ok(room)
    }

    /// Whether there is room for a small message.
    pub(super) fn look_for_room(&self) -> Result<(), StoreError> {
        let coming = self.coming.load(Ordering::Relaxed);
        let used = self.used.load(Ordering::Relaxed).saturating_add(coming);
        let most = self.bytes_max.load(Ordering::Relaxed);
        let least = self.free_min.load(Ordering::Relaxed);
        let free = self.free().map(|free| free.saturating_sub(coming));
        let why = if used > most {
            Some(format!(
                "messages and their records take {used} of the {most} bytes of store.disk_max"
            ))
        } else {
            free.filter(|free| *free < least)
                .map(|free| format!("its disk has {free} bytes free, and store.free_min keeps {least}"))
        };
        let was_full = self.is_full.swap(why.is_some(), Ordering::Relaxed);
        match why {
            None => {
                if was_full {
                    tracing::info!("there is room for messages again");
                }
                Ok(())
            }
            Some(why) => {
                if !was_full {
                    tracing::warn!(
                        why,
                        "no further messages are taken; what was accepted is delivered all the same"
                    );
                }
                Err(StoreError::NoRoom {
                    folder: self.folder.display().to_string(),
                    why,
                })
            }
        }
    }

    /// What the disk has free for byway; `None` where it cannot be told.
    fn free(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.budget.coming.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
