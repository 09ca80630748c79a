//! A data folder has one owner: the byway that holds the lock on `<folder>/lock`.
//!
//! The lock is the kernel's (flock), so it ends with the process, however that ends. The number
//! written into the file is for people only: a stale one keeps nobody out.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

const LOCK: &str = "lock";

/// Holds the folder until it is dropped.
pub(super) struct Owner {
    _lock: File,
}

impl Owner {
    /// Makes the folder where it is not there, and takes it.
    pub(super) fn of(folder: &Path) -> Result<Self, StoreError> {
        let unusable = |error: std::io::Error| StoreError::Folder {
            folder: folder.display().to_string(),
            why: error.to_string(),
        };
        make(folder).map_err(unusable)?;
        let mut lock = private_file(&folder.join(LOCK)).map_err(unusable)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                // For the message only: unreadable is as good as empty.
                let _ = lock.read_to_string(&mut pid);
                return Err(StoreError::InUse {
                    folder: folder.display().to_string(),
                    pid: pid.trim().parse().ok(),
                });
            }
            Err(error) => return Err(unusable(error.into())),
        }
        lock.set_len(0).map_err(unusable)?;
        lock.rewind().map_err(unusable)?;
        writeln!(lock, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self { _lock: lock })
    }
}

/// Opens a file that is nobody else's business, and makes it where it is not there.
pub(super) fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Makes the folder, durably: a database in a folder that a power cut takes away was never stored.
fn make(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    File::open(folder)?.sync_all()?;
    match folder.parent() {
        Some(parent) if parent.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
