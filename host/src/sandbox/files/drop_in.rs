//! Puts a whole file into a folder: a reader sees all of it or nothing.

use std::io::{Read as _, Write as _};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::folder::{At as _, Folder, Trouble};
use crate::sandbox::denial;
use crate::sandbox::effect::EffectLog;

/// Puts the file there under a name that nobody has. The same bytes under that name are as good.
pub(super) fn drop_in(
    folder: &Folder,
    name: &str,
    bytes: &[u8],
    effects: &EffectLog,
    words: &str,
) -> Result<(), Trouble> {
    let temporary = temporary_name()?;
    let result = write(folder, &temporary, bytes).and_then(|()| {
        // From here on a reader may find it.
        effects.begin(words).map_err(|_| denial::timeout())?;
        publish(folder, &temporary, name)
    });
    match result {
        Ok(Published::Named) => folder.sync(),
        Ok(Published::Exists) => {
            folder.remove(&temporary)?;
            if holds(folder, name, bytes)? {
                // Its writer may not have come as far as this before a power cut.
                return folder.sync();
            }
            Err(denial::denial("exists", "another file of that name is there").into())
        }
        Err(trouble) => {
            // What is hidden hurts nobody; that it could not be removed adds nothing to the trouble.
            folder.remove(&temporary).ok();
            Err(trouble)
        }
    }
}

enum Published {
    Named,
    Exists,
}

fn write(folder: &Folder, temporary: &str, bytes: &[u8]) -> Result<(), Trouble> {
    let file = folder
        .open_file(temporary, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?
        .ok_or_else(|| Trouble::Io("making the file", std::io::ErrorKind::NotFound.into()))?;
    let mut file = std::fs::File::from(file);
    file.write_all(bytes).at("writing the file")?;
    file.sync_all().at("syncing the file")
}

/// Gives the file its name, never replacing another.
fn publish(folder: &Folder, temporary: &str, name: &str) -> Result<Published, Trouble> {
    match folder.rename_to(temporary, folder, name) {
        Ok(()) => Ok(Published::Named),
        Err(Errno::EXIST) => Ok(Published::Exists),
        Err(error) => Err(Trouble::Io("naming the file", error.into())),
    }
}

fn holds(folder: &Folder, name: &str, bytes: &[u8]) -> Result<bool, Trouble> {
    let Some(file) = folder.open_file(name, OFlags::RDONLY)? else {
        return Ok(false);
    };
    let mut there = Vec::new();
    let limit = u64::try_from(bytes.len()).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::from(file)
        .take(limit)
        .read_to_end(&mut there)
        .at("reading the file")?;
    Ok(there == bytes)
}

fn temporary_name() -> Result<String, Trouble> {
    let random = getrandom::u64()
        .map_err(|_| Trouble::Io("choosing a name", std::io::Error::other("no randomness")))?;
    Ok(format!(".byway-{random:016x}.tmp"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn put(place: &Path, bytes: &[u8]) -> Result<(), Trouble> {
        drop_in(
            &Folder::open(place).unwrap(),
            "m.json",
            bytes,
            &EffectLog::default(),
            "drop",
        )
    }

    #[test]
    fn puts_a_file_there_whole_and_leaves_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        put(place.path(), b"{}").unwrap();
        assert_eq!(fs::read(place.path().join("m.json")).unwrap(), b"{}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_same_bytes_again_are_success_and_others_are_refused() {
        let place = tempfile::tempdir().unwrap();
        put(place.path(), b"{}").unwrap();
        put(place.path(), b"{}").unwrap();
        let trouble = put(place.path(), b"[]").unwrap_err();
        assert!(matches!(trouble, Trouble::Denied(denial) if denial.code == "exists"));
        assert_eq!(fs::read(place.path().join("m.json")).unwrap(), b"{}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn does_not_write_through_a_link() {
        let place = tempfile::tempdir().unwrap();
        let outside = place.path().join("outside");
        let inside = place.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::write(&outside, "untouched").unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("m.json")).unwrap();
        put(&inside, b"{}").unwrap_err();
        assert_eq!(fs::read(&outside).unwrap(), b"untouched");
    }
}
