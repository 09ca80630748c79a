//! A granted folder, and what may be named in it.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use crate::contract::bindings::byway::transport::types::Denial;
use crate::sandbox::deadline::Deadline;
use crate::sandbox::denial;

/// The longest name a file may have.
const NAME_BYTES_MAX: usize = 200;
/// How long to wait before a lock is tried again.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Why something in a folder was not done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The guest may be told as it is.
    Denied(Denial),
    /// The system would not.
    Io(&'static str, io::Error),
}

impl From<Denial> for Trouble {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// Names the step at which the system refused.
pub(super) trait At<T> {
    fn at(self, step: &'static str) -> Result<T, Trouble>;
}

impl<T> At<T> for Result<T, Errno> {
    fn at(self, step: &'static str) -> Result<T, Trouble> {
        self.map_err(|error| Trouble::Io(step, error.into()))
    }
}

impl<T> At<T> for io::Result<T> {
    fn at(self, step: &'static str) -> Result<T, Trouble> {
        self.map_err(|error| Trouble::Io(step, error))
    }
}

/// A folder that is open; everything is named relative to it.
#[derive(Debug)]
pub(super) struct Folder(pub(super) OwnedFd);

impl Folder {
    /// Opens a granted folder. The operator may have written a path with links in it; below it
    /// none is followed.
    pub(super) fn open(path: &Path) -> Result<Self, Trouble> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty())
            .map(Self)
            .at("opening the folder")
    }

    /// Opens a folder in this one, and makes it if it is not there.
    pub(super) fn sub(&self, name: &str) -> Result<Self, Trouble> {
        match rustix::fs::mkdirat(&self.0, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => self.sync()?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(Trouble::Io("making a folder", error.into())),
        }
        self.existing_sub(name)
    }

    /// Opens a folder in this one.
    pub(super) fn existing_sub(&self, name: &str) -> Result<Self, Trouble> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.0, name, flags, Mode::empty())
            .map(Self)
            .at("opening a folder in it")
    }

    /// Whether byway's user may put something into it.
    pub(super) fn check_writable(&self) -> Result<(), Trouble> {
        let may = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        rustix::fs::accessat(&self.0, ".", may, AtFlags::EACCESS)
            .at("looking whether the folder can be written")
    }

    /// Makes what was renamed or made in it survive a power cut.
    pub(super) fn sync(&self) -> Result<(), Trouble> {
        rustix::fs::fsync(&self.0).at("syncing the folder")
    }

    /// Opens a regular file; `None` where there is nothing of that name.
    pub(super) fn open_file(&self, name: &str, flags: OFlags) -> Result<Option<OwnedFd>, Trouble> {
        // NONBLOCK: a pipe in the file's place must not hold anybody.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(denial::invalid("a symbolic link is in the file's place").into()),
            Err(error) => return Err(Trouble::Io("opening the file", error.into())),
        };
        let about = rustix::fs::fstat(&file).at("looking at the file")?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return Err(denial::invalid("what is in the file's place is not a regular file").into());
        }
        Ok(Some(file))
    }

    /// Whether the name still leads to this very file: an editor may have put another there.
    pub(super) fn still_names(&self, name: &str, file: &OwnedFd) -> Result<bool, Trouble> {
        let open = rustix::fs::fstat(file).at("looking at the file")?;
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok(same(&open, &named)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(Trouble::Io("looking at the file", error.into())),
        }
    }

    /// Gives a file another name, here or in another folder, and never takes the place of a file
    /// that has that name: then the answer is `EXIST`.
    pub(super) fn rename_to(&self, name: &str, to: &Self, new_name: &str) -> Result<(), Errno> {
        match rustix::fs::renameat_with(&self.0, name, &to.0, new_name, RenameFlags::NOREPLACE) {
            // Some file systems cannot rename without replacing; a second name and then the loss of the
            // first come to the same.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                rustix::fs::linkat(&self.0, name, &to.0, new_name, AtFlags::empty())?;
                rustix::fs::unlinkat(&self.0, name, AtFlags::empty())
            }
            result => result,
        }
    }

    /// Deletes a file; nothing happens where there is none.
    pub(super) fn remove(&self, name: &str) -> Result<(), Trouble> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Trouble::Io("deleting a file", error.into())),
        }
    }
}

fn same(one: &Stat, other: &Stat) -> bool {
    one.st_dev == other.st_dev && one.st_ino == other.st_ino
}

/// Locks a file against every other writer that locks it, for as long as it is open.
pub(super) fn lock(file: &OwnedFd, deadline: Deadline) -> Result<(), Trouble> {
    loop {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK | Errno::INTR) if deadline.has_passed() => {
                return Err(denial::timeout().into());
            }
            Err(Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE.min(deadline.remaining())),
            Err(Errno::INTR) => {}
            Err(error) => return Err(Trouble::Io("locking the file", error.into())),
        }
    }
}

/// Refuses a name that is not a plain single component. Names with a leading dot are the host's.
pub(super) fn check_name(name: &str) -> Result<(), Denial> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(denial::invalid("a name has 1 to 200 bytes"));
    }
    if name.starts_with('.') || name.contains(['/', '\0']) {
        return Err(denial::invalid(
            "a name is a single component without a leading dot",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_plain_component() {
        for name in ["2026-11-21.md", "a b", "漢字", "-rf", "a..b"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "/etc/passwd",
            "../x",
            "a\0b",
            &"x".repeat(201),
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn follows_no_link_and_opens_no_folder_as_a_file() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("real"), "x").unwrap();
        std::os::unix::fs::symlink("real", place.path().join("link")).unwrap();
        std::fs::create_dir(place.path().join("sub")).unwrap();
        let folder = Folder::open(place.path()).unwrap();
        assert!(folder.open_file("real", OFlags::RDONLY).unwrap().is_some());
        assert!(folder.open_file("none", OFlags::RDONLY).unwrap().is_none());
        assert!(folder.open_file("link", OFlags::RDONLY).is_err());
        assert!(folder.open_file("sub", OFlags::RDONLY).is_err());
    }
}
