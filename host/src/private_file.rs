//! Files that only their owner may read: the identity, the admin token, secrets.
//!
//! Two promises. A file made here is there whole or not at all, whatever happens in between, has mode 0600
//! from its first byte, and never replaces one that is there. A file read here is an ordinary file that
//! nobody else can read: a symbolic link, or a mode that opens it to others, is an error and not a warning,
//! because by the time somebody reads a warning the secret is out.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;
use zeroize::Zeroizing;

/// The most bytes that are read of a private file. Keys and tokens are far smaller.
pub const BYTES_MAX: u64 = 64 * 1024;

/// Mode bits by which somebody other than the owner could read or write.
const OTHERS: u32 = 0o077;

/// Why a private file could not be read or made. Its content is in none of these.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// There is no such file.
    #[error("`{}` is not there", .0.display())]
    Missing(PathBuf),
    /// There is already such a file. Nothing was changed.
    #[error("`{}` is already there, and is left as it is", .0.display())]
    Exists(PathBuf),
    /// The path is a symbolic link.
    #[error("`{}` is a symbolic link: put the file itself there", .0.display())]
    Link(PathBuf),
    /// The path is a folder, a pipe, or another thing that is not a file.
    #[error("`{}` is not a file", .0.display())]
    NotAFile(PathBuf),
    /// Others than its owner can read or write it.
    #[error("`{path}` is open to others (mode {mode:03o}): close it with `chmod 600 {path}`, and \
             replace what is in it if somebody may have read it", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is too large for what it is said to be.
    #[error("`{}` has more than {BYTES_MAX} bytes, which no key or token has", .0.display())]
    TooLarge(PathBuf),
    /// The system refused.
    #[error("`{}` could not be {what}: {source}", .path.display())]
    Io {
        /// The file or its folder.
        path: PathBuf,
        /// What was tried, as a participle.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads a private file of at most [`BYTES_MAX`] bytes. The memory is wiped when it is dropped.
///
/// # Errors
/// Where it is missing, a link, no file, open to others or too large, or cannot be read.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    let io = |source| failed(path, "read", source);
    // Not blocking, so that a pipe put there cannot hold byway up; a file does not care.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => PrivateFileError::Missing(path.to_owned()),
        Some(Errno::LOOP | Errno::MLINK) => PrivateFileError::Link(path.to_owned()),
        _ => io(error),
    })?;
    // Asked of the open file, so nothing can be put in its place between looking and reading.
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(PrivateFileError::NotAFile(path.to_owned()));
    }
    if metadata.mode() & OTHERS != 0 {
        return Err(PrivateFileError::Open {
            path: path.to_owned(),
            mode: metadata.mode() & 0o777,
        });
    }
    // Room for all of it from the start: a buffer that grows leaves copies behind that nobody wipes.
    let room = usize::try_from(metadata.len().min(BYTES_MAX)).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + 64));
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > BYTES_MAX) {
        return Err(PrivateFileError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// Makes a private file that was not there: whole, confirmed by the disk, and only then under its name. Of
/// several that make one at once, one succeeds and the others find [`PrivateFileError::Exists`].
///
/// # Errors
/// Where it is already there (nothing is changed then), or cannot be written (nothing is left then).
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let suffix = getrandom::u64().map_err(|error| failed(path, "named", error.into()))?;
    let temporary = folder.join(format!(".{name}.{suffix:016x}.tmp"));
    let written = write(&temporary, bytes)
        .map_err(|source| failed(path, "written", source))
        .and_then(|()| place(&temporary, path));
    if written.is_err() {
        // A power cut instead of an error leaves this file behind, private and under no name that counts.
        let _ = std::fs::remove_file(&temporary);
    }
    written?;
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| failed(folder, "synced", source))
}

/// Reads a private file, and makes it with these bytes where there is none. Of several that make it at once,
/// one wins, and all read what it wrote.
///
/// # Errors
/// As [`read`] and [`create`].
pub fn read_or_create(path: &Path, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    match read(path) {
        Err(PrivateFileError::Missing(_)) => match create(path, bytes) {
            Ok(()) | Err(PrivateFileError::Exists(_)) => read(path),
            Err(error) => Err(error),
        },
        result => result,
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives the finished file its name, if nothing has it.
fn place(temporary: &Path, path: &Path) -> Result<(), PrivateFileError> {
    let placed = match renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
        // Some file systems (NFS among them) have no such rename; a hard link never replaces either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            std::fs::hard_link(temporary, path).and_then(|()| std::fs::remove_file(temporary))
        }
        other => other.map_err(io::Error::from),
    };
    placed.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => PrivateFileError::Exists(path.to_owned()),
        _ => failed(path, "put in place", error),
    })
}

/// The system refused something.
pub(crate) fn failed(path: &Path, what: &'static str, source: io::Error) -> PrivateFileError {
    PrivateFileError::Io {
        path: path.to_owned(),
        what,
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn reads_what_it_made_with_mode_0600_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        create(&path, b"secret\0\n").unwrap();
        assert_eq!(read(&path).unwrap().as_slice(), b"secret\0\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn makes_it_at_first_and_reads_it_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert_eq!(*read_or_create(&path, b"first").unwrap(), b"first");
        assert_eq!(*read_or_create(&path, b"second").unwrap(), b"first");
    }

    #[test]
    fn never_replaces_a_file_or_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        create(&file, b"first").unwrap();
        symlink("nowhere", &link).unwrap();
        for path in [&file, &link] {
            assert!(matches!(
                create(path, b"second"),
                Err(PrivateFileError::Exists(_))
            ));
        }
        assert_eq!(read(&file).unwrap().as_slice(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn of_many_that_make_it_at_once_one_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8_u8)
                .map(|n| {
                    scope.spawn({
                        let path = &path;
                        move || create(path, &[n]).is_ok().then_some(n)
                    })
                })
                .collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(made.len(), 1);
        assert_eq!(read(&path).unwrap().as_slice(), made);
    }

    #[test]
    fn refuses_what_others_can_read_or_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        create(&path, b"x").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(error, PrivateFileError::Open { mode: found, .. } if found == mode));
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(read(&path).is_ok());
    }

    #[test]
    fn refuses_links_folders_and_pipes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        create(&at("token"), b"x").unwrap();
        symlink(at("token"), at("link")).unwrap();
        assert!(matches!(read(&at("link")), Err(PrivateFileError::Link(_))));
        assert!(matches!(read(folder.path()), Err(PrivateFileError::NotAFile(_))));
        rustix::fs::mkfifoat(CWD, at("pipe"), rustix::fs::Mode::RUSR).unwrap();
        assert!(matches!(read(&at("pipe")), Err(PrivateFileError::NotAFile(_))));
        assert!(matches!(read(&at("nothing")), Err(PrivateFileError::Missing(_))));
    }

    #[test]
    fn refuses_what_is_too_large_to_be_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let size = usize::try_from(BYTES_MAX).unwrap();
        create(&path, &vec![0; size]).unwrap();
        assert_eq!(read(&path).unwrap().len(), size);
        fs::write(&path, vec![0; size + 1]).unwrap();
        assert!(matches!(read(&path), Err(PrivateFileError::TooLarge(_))));
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("token");
        assert!(matches!(create(&path, b"x"), Err(PrivateFileError::Io { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
