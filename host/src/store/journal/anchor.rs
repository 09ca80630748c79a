//! The newest checkpoint, in a file of its own beside the database.
//!
//! Whoever cuts the end off the journal cuts the checkpoints off with it; this one then still says how far it
//! went. The file is replaced whole. Where byway finds at its start that it does not hold, that checkpoint is
//! kept in it for good, so that going on does not cover what happened.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use crate::store::Durability;

/// The file's name in the data folder.
const FILE: &str = "journal.checkpoint";
/// What stands before one that did not hold.
const UNMET: &str = "unmet ";
/// More of those are not kept: one shows it as well as a hundred.
const UNMET_MAX: usize = 16;

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Anchor {
    /// The newest checkpoint; `None` where the file is not there.
    pub(in crate::store) newest: Option<Checkpoint>,
    /// Those that did not hold when byway started.
    pub(in crate::store) unmet: Vec<Checkpoint>,
    /// Lines that are no checkpoint.
    pub(in crate::store) unreadable: usize,
}

impl Anchor {
    /// Reads the file of a data folder; empty where it is not there.
    pub(in crate::store) fn read(folder: &Path) -> io::Result<Self> {
        let text = match std::fs::read(folder.join(FILE)) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut anchor = Self::default();
        for line in text.lines() {
            let (is_unmet, line) = match line.strip_prefix(UNMET) {
                Some(line) => (true, line),
                None => (false, line),
            };
            match line.parse() {
                Ok(checkpoint) if is_unmet => anchor.unmet.push(checkpoint),
                Ok(checkpoint) => anchor.newest = Some(checkpoint),
                Err(_) => anchor.unreadable += 1,
            }
        }
        // An empty file has lost its line.
        if text.is_empty() {
            anchor.unreadable = 1;
        }
        Ok(anchor)
    }

    /// Notes that the newest did not hold.
    pub(in crate::store) fn keep_as_unmet(&mut self, checkpoint: Checkpoint) {
        if self.unmet.len() < UNMET_MAX && !self.unmet.contains(&checkpoint) {
            self.unmet.push(checkpoint);
        }
    }

    /// Replaces the file. Under [`Durability::Process`] the disk is not waited for, as it is not for the rows:
    /// else a power cut would leave a checkpoint of rows that it took away.
    pub(in crate::store) fn write(&self, folder: &Path, durability: Durability) -> io::Result<()> {
        let mut text = String::new();
        for unmet in &self.unmet {
            text.push_str(&format!("{UNMET}{unmet}\n"));
        }
        if let Some(newest) = &self.newest {
            text.push_str(&format!("{newest}\n"));
        }
        let temporary: PathBuf = folder.join(format!(".{FILE}.tmp"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        if durability == Durability::Full {
            file.sync_all()?;
        }
        std::fs::rename(&temporary, folder.join(FILE))?;
        if durability == Durability::Full {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}
