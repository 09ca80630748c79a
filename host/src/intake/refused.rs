//! What was fetched and then refused, kept for a person.
//!
//! Whoever sends over HTTP keeps the message when it is refused. A file that was fetched has no such
//! sender any more: it would be gone. So it is put into `<data_dir>/refused/`, readable by its owner only;
//! once the cause is put right, it can be dropped again.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use crate::private_file;

/// So many are kept. Beyond that, a stranger who can write into the folder could fill the disk.
const FILES_MAX: usize = 1_000;

/// Keeps what was refused. Says where, or nothing where there are too many already.
pub(super) fn keep(data_dir: &Path, bytes: &[u8], now: Timestamp) -> io::Result<Option<PathBuf>> {
    let folder = data_dir.join("refused");
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    if fs::read_dir(&folder)?.take(FILES_MAX).count() == FILES_MAX {
        return Ok(None);
    }
    let name = format!("{}-{}.json", now.as_millisecond(), Uuid::new_v4().simple());
    let path = folder.join(name);
    private_file::create(&path, bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_it_byte_for_byte_and_not_without_limit() {
        let data_dir = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let path = keep(data_dir.path(), b"not an event", now).unwrap().unwrap();
        assert_eq!(fs::read(path).unwrap(), b"not an event");
        for number in 1..FILES_MAX {
            fs::write(data_dir.path().join("refused").join(number.to_string()), "").unwrap();
        }
        assert_eq!(keep(data_dir.path(), b"one too many", now).unwrap(), None);
    }
}
