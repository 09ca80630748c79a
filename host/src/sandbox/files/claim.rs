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

    /// Puts a claimed file where a person looks at it.
    pub(super) fn reject(&self, path: &Path, name: &str) -> Result<(), Trouble> {
        let folder = Folder::open(path)?;
        let Some(claimed) = claimed_folder(&folder)? else {
            return Err(denial::denial("unknown-name", "there is no such claimed file").into());
        };
        let rejected = folder.sub(REJECTED)?;
        // Of several with the same name all are kept.
        for number in 0..1000_u32 {
            let kept = if number == 0 {
                name.to_owned()
            } else {
                format!("{name}.{number}")
            };
            match claimed.rename_to(name, &rejected, &kept) {
                Ok(()) => {
                    rejected.sync()?;
                    claimed.sync()?;
                    self.lock().remove(&(path.to_owned(), name.to_owned()));
                    return Ok(());
                }
                Err(Errno::EXIST) => {}
                Err(Errno::NOENT) => {
                    return Err(denial::denial("unknown-name", "there is no such claimed file").into());
                }
                Err(error) => return Err(Trouble::Io("moving the file to `rejected`", error.into())),
            }
        }
        Err(denial::io("`rejected` has a thousand files of that name").into())
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
mod tests {
    use std::fs;

    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(place.path().join(name), name).unwrap();
        }
        place
    }

    #[test]
    fn lists_what_can_be_claimed_in_order() {
        let place = folder_with(&["b.json", "a.json", "c.txt", ".d.json", ".byway-1.tmp"]);
        fs::create_dir(place.path().join("e.json")).unwrap();
        std::os::unix::fs::symlink("a.json", place.path().join("f.json")).unwrap();
        let claims = Claims::default();
        assert_eq!(
            claims.list(place.path(), ".json", 10, 1).unwrap(),
            ["a.json", "b.json"]
        );
        assert_eq!(claims.list(place.path(), ".json", 1, 1).unwrap(), ["a.json"]);
    }

    #[test]
    fn of_two_byways_one_gets_it() {
        let place = folder_with(&["a.json"]);
        let (ours, theirs) = (Claims::default(), Claims::default());
        assert_eq!(ours.claim(place.path(), "a.json", 100, 1).unwrap(), b"a.json");
        theirs.claim(place.path(), "a.json", 100, 1).unwrap_err();
        assert!(theirs.list(place.path(), "", 10, 1).unwrap().is_empty());
        ours.claim(place.path(), "a.json", 100, 1).unwrap_err();
    }

    #[test]
    fn a_claim_whose_owner_died_is_offered_again() {
        let place = folder_with(&["a.json"]);
        let dead = Claims::default();
        dead.claim(place.path(), "a.json", 100, 1).unwrap();
        drop(dead);
        let ours = Claims::default();
        assert_eq!(ours.list(place.path(), "", 10, 1).unwrap(), ["a.json"]);
        assert_eq!(ours.claim(place.path(), "a.json", 100, 1).unwrap(), b"a.json");
    }

    #[test]
    fn a_claim_of_an_earlier_call_is_offered_again_until_it_is_released() {
        let place = folder_with(&["a.json"]);
        let claims = Claims::default();
        claims.claim(place.path(), "a.json", 100, 1).unwrap();
        assert!(
            claims.list(place.path(), "", 10, 1).unwrap().is_empty(),
            "not twice in one call"
        );
        assert_eq!(claims.list(place.path(), "", 10, 2).unwrap(), ["a.json"]);
        assert_eq!(claims.claim(place.path(), "a.json", 100, 2).unwrap(), b"a.json");
        claims.release(place.path(), "a.json").unwrap();
        claims.release(place.path(), "a.json").unwrap();
        assert!(claims.list(place.path(), "", 10, 3).unwrap().is_empty());
    }

    #[test]
    fn what_another_byway_holds_is_not_released() {
        let place = folder_with(&["a.json"]);
        let there = place.path().join(CLAIMED).join("a.json");
        let (ours, theirs) = (Claims::default(), Claims::default());
        ours.claim(place.path(), "a.json", 100, 1).unwrap();
        theirs.release(place.path(), "a.json").unwrap();
        assert!(there.exists(), "deleted under its holder");
        theirs.claim(place.path(), "a.json", 100, 1).unwrap_err();
        ours.release(place.path(), "a.json").unwrap();
        assert!(!there.exists());
    }

    #[test]
    fn what_was_claimed_before_a_crash_is_released_after_it() {
        let place = folder_with(&["a.json"]);
        let dead = Claims::default();
        dead.claim(place.path(), "a.json", 100, 1).unwrap();
        drop(dead);
        Claims::default().release(place.path(), "a.json").unwrap();
        assert!(!place.path().join(CLAIMED).join("a.json").exists());
        Claims::default().release(place.path(), "a.json").unwrap();
    }

    #[test]
    fn another_file_that_took_the_name_is_not_released() {
        let place = folder_with(&["a.json"]);
        let there = place.path().join(CLAIMED).join("a.json");
        let (ours, theirs) = (Claims::default(), Claims::default());
        ours.claim(place.path(), "a.json", 100, 1).unwrap();
        fs::remove_file(&there).unwrap();
        fs::write(place.path().join("a.json"), "second").unwrap();
        theirs.claim(place.path(), "a.json", 100, 1).unwrap();
        ours.release(place.path(), "a.json").unwrap();
        assert_eq!(fs::read_to_string(there).unwrap(), "second");
    }

    #[test]
    fn what_was_claimed_and_never_released_comes_first() {
        let place = folder_with(&["b.json"]);
        let claims = Claims::default();
        claims.claim(place.path(), "b.json", 100, 1).unwrap();
        fs::write(place.path().join("a.json"), "").unwrap();
        assert_eq!(
            claims.list(place.path(), "", 10, 2).unwrap(),
            ["b.json", "a.json"]
        );
    }

    #[test]
    fn a_second_file_of_the_name_waits_for_the_first() {
        let place = folder_with(&["a.json"]);
        let claims = Claims::default();
        claims.claim(place.path(), "a.json", 100, 1).unwrap();
        fs::write(place.path().join("a.json"), "second").unwrap();
        assert!(claims.list(place.path(), "", 10, 1).unwrap().is_empty());
        claims.release(place.path(), "a.json").unwrap();
        assert_eq!(claims.claim(place.path(), "a.json", 100, 1).unwrap(), b"second");
    }

    #[test]
    fn what_is_rejected_is_kept_for_a_person() {
        let place = folder_with(&["a.json"]);
        let claims = Claims::default();
        for expected in ["a.json", "a.json.1"] {
            fs::write(place.path().join("a.json"), expected).unwrap();
            claims.claim(place.path(), "a.json", 100, 1).unwrap();
            claims.reject(place.path(), "a.json").unwrap();
            assert_eq!(
                fs::read_to_string(place.path().join("rejected").join(expected)).unwrap(),
                expected
            );
        }
        claims.reject(place.path(), "a.json").unwrap_err();
        assert!(claims.list(place.path(), ".json", 10, 2).unwrap().is_empty());
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read_and_can_be_rejected() {
        let place = folder_with(&["a.json"]);
        let claims = Claims::default();
        let trouble = claims.claim(place.path(), "a.json", 3, 1).unwrap_err();
        assert!(matches!(trouble, Trouble::Denied(denial) if denial.code == "too-large"));
        claims.reject(place.path(), "a.json").unwrap();
    }
}
