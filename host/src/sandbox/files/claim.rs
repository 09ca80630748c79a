//! Takes files out of a folder, each by one claimant alone, and never loses one.
//!
//! To claim a file is to rename it into `.claimed` and to lock it there for as long as this
//! byway lives. The lock tells a claim that somebody is working on from one whose owner died: the
//! second can be claimed again by anybody. A claim that this transport made in an earlier call
//! and never released is offered again, because whoever asked for it did not keep what it held.

use std::collections::HashMap;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, OFlags};
use rustix::io::Errno;

use super::folder::{At as _, Folder, Trouble, check_name};
use crate::sandbox::denial;
use crate::sandbox::limits::CLAIMS_MAX;

const CLAIMED: &str = ".claimed";
const REJECTED: &str = "rejected";

/// The claims of one transport that are neither released nor rejected.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Claims(Mutex<HashMap<(PathBuf, String), Held>>);

#[derive(Debug)]
struct Held {
    /// Keeps the lock.
    file: OwnedFd,
    /// The call that made the claim.
    call: u64,
}

impl Claims {
    /// The files that can be claimed: first those that were claimed and never released, then the
    /// others, each sorted.
    pub(super) fn list(
        &self,
        path: &Path,
        suffix: &str,
        max: usize,
        call: u64,
    ) -> Result<Vec<String>, Trouble> {
        let folder = Folder::open(path)?;
        let mut fresh = regular_files(&folder, suffix)?;
        let mut names = Vec::new();
        if let Some(claimed) = claimed_folder(&folder)? {
            for name in regular_files(&claimed, suffix)? {
                let key = (path.to_owned(), name);
                let held_by = self.lock().get(&key).map(|held| held.call);
                let (_, name) = key;
                // The same name dropped again has to wait until the first is done with.
                fresh.retain(|it| *it != name);
                let free = match held_by {
                    Some(holder) => holder != call,
                    None => is_unlocked(&claimed, &name)?,
                };
                if free {
                    names.push(name);
                }
            }
        }
        names.sort_unstable();
        fresh.sort_unstable();
        names.append(&mut fresh);
        names.truncate(max);
        Ok(names)
    }

    /// Takes a file, and reads it.
    pub(super) fn claim(&self, path: &Path, name: &str, max: usize, call: u64) -> Result<Vec<u8>, Trouble> {
        let unknown = || Trouble::from(denial::denial("unknown-name", "there is no such file to claim"));
        // Each keeps a file open until it is released; the process has only so many.
        if self.lock().len() >= CLAIMS_MAX {
            let sentence = "too many claimed files are held open; release some first";
            return Err(Trouble::from(denial::denial("invalid", sentence)));
        }
        let folder = Folder::open(path)?;
        let claimed = folder.sub(CLAIMED)?;
        match folder.rename_to(name, &claimed, name) {
            Ok(()) => {
                claimed.sync()?;
                folder.sync()?;
            }
            // Claimed before: the first goes before a second of the same name.
            Err(Errno::NOENT | Errno::EXIST) => {}
            Err(error) => return Err(Trouble::Io("claiming the file", error.into())),
        }
        let key = (path.to_owned(), name.to_owned());
        let earlier = self.lock().remove(&key);
        if earlier.as_ref().is_some_and(|held| held.call == call) {
            let mut held = self.lock();
            if let Some(earlier) = earlier {
                held.insert(key, earlier);
            }
            return Err(unknown());
        }
        // Lets go of our own lock, so that it can be taken again.
        drop(earlier);
        let file = claimed.open_file(name, OFlags::RDONLY)?.ok_or_else(unknown)?;
        if is_locked(&file) {
            return Err(unknown());
        }
        // Its owner may have released it between the two.
        if !claimed.still_names(name, &file)? {
            return Err(unknown());
        }
        let bytes = read(&file, max)?;
        self.lock().insert(key, Held { file, call });
        Ok(bytes)
    }

    /// Deletes a claimed file: one that this transport holds, or that it claimed before a crash and nobody
    /// holds now. What somebody else works on is not its own, and so there is nothing to delete.
    pub(super) fn release(&self, path: &Path, name: &str) -> Result<(), Trouble> {
        let folder = Folder::open(path)?;
        let key = (path.to_owned(), name.to_owned());
        let Some(claimed) = claimed_folder(&folder)? else {
            self.lock().remove(&key);
            return Ok(());
        };
        let held = self.lock().remove(&key);
        let removed = match &held {
            Some(held) => remove(&claimed, name, &held.file),
            None => match claimed.open_file(name, OFlags::RDONLY)? {
                Some(file) if !is_locked(&file) => remove(&claimed, name, &file),
                _ => claimed.sync(),
            },
        };
        if let (Err(_), Some(held)) = (&removed, held) {
            // It is there still, and nobody else's.
            self.lock().insert(key, held);
        }
        removed
    }

    /// Puts a claimed file where a person looks at it: one that may be released as well, and no other.
    pub(super) fn reject(&self, path: &Path, name: &str) -> Result<(), Trouble> {
        let folder = Folder::open(path)?;
        let claimed = claimed_folder(&folder)?.ok_or_else(no_such_claim)?;
        let key = (path.to_owned(), name.to_owned());
        let held = self.lock().remove(&key);
        let moved = match &held {
            Some(held) => set_aside(&folder, &claimed, name, &held.file),
            None => match claimed.open_file(name, OFlags::RDONLY)? {
                Some(file) if !is_locked(&file) => set_aside(&folder, &claimed, name, &file),
                _ => Err(no_such_claim()),
            },
        };
        if let (Err(_), Some(held)) = (&moved, held) {
            self.lock().insert(key, held);
        }
        moved
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(PathBuf, String), Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn claimed_folder(folder: &Folder) -> Result<Option<Folder>, Trouble> {
    match folder.existing_sub(CLAIMED) {
        Ok(claimed) => Ok(Some(claimed)),
        Err(Trouble::Io(_, error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Deletes a file whose lock the caller has, unless the name leads to another one by now.
fn remove(claimed: &Folder, name: &str, file: &OwnedFd) -> Result<(), Trouble> {
    if claimed.still_names(name, file)? {
        claimed.remove(name)?;
    }
    claimed.sync()
}

/// Moves a file whose lock the caller has to `rejected`. Of several with the same name all are kept.
fn set_aside(folder: &Folder, claimed: &Folder, name: &str, file: &OwnedFd) -> Result<(), Trouble> {
    if !claimed.still_names(name, file)? {
        return Err(no_such_claim());
    }
    let rejected = folder.sub(REJECTED)?;
    for number in 0..1000_u32 {
        let kept = if number == 0 {
            name.to_owned()
        } else {
            format!("{name}.{number}")
        };
        match claimed.rename_to(name, &rejected, &kept) {
            Ok(()) => {
                rejected.sync()?;
                return claimed.sync();
            }
            Err(Errno::EXIST) => {}
            Err(Errno::NOENT) => return Err(no_such_claim()),
            Err(error) => return Err(Trouble::Io("moving the file to `rejected`", error.into())),
        }
    }
    Err(denial::io("`rejected` has a thousand files of that name").into())
}

fn no_such_claim() -> Trouble {
    denial::denial("unknown-name", "there is no such claimed file").into()
}

fn is_unlocked(claimed: &Folder, name: &str) -> Result<bool, Trouble> {
    // Closing the file gives the lock back.
    Ok(claimed
        .open_file(name, OFlags::RDONLY)?
        .is_some_and(|file| !is_locked(&file)))
}

/// Takes the lock, or finds that somebody else has it. Where a file system has no locks, nobody has:
/// a message that two take in is recognised, one that nobody takes in is lost.
fn is_locked(file: &OwnedFd) -> bool {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
}

fn regular_files(folder: &Folder, suffix: &str) -> Result<Vec<String>, Trouble> {
    let mut names = Vec::new();
    for entry in Dir::read_from(&folder.0).at("reading the folder")? {
        let entry = entry.at("reading the folder")?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if check_name(name).is_err() || !name.ends_with(suffix) {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => rustix::fs::statat(&folder.0, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |about| FileType::from_raw_mode(about.st_mode)),
            kind => kind,
        };
        if kind == FileType::RegularFile {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn read(file: &OwnedFd, max: usize) -> Result<Vec<u8>, Trouble> {
    let file = std::fs::File::from(file.try_clone().at("reading the file")?);
    let mut bytes = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).at("reading the file")?;
    if bytes.len() > max {
        return Err(denial::too_large("a claimed file", max).into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
