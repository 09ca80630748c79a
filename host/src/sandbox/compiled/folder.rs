//! The folder that entries are in: byway's alone, and of bounded size.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::entry::{SUFFIX, UNFINISHED};
use crate::sandbox::limits::{COMPILED_BYTES_MAX, COMPILED_ENTRIES_MAX};

/// How long an entry is kept that nobody uses.
const UNUSED_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long something unfinished may be on its way.
const UNFINISHED_FOR: Duration = Duration::from_secs(60 * 60);

/// Makes the folder, closes it to others, and says where it is.
pub(super) fn own(folder: &Path) -> io::Result<PathBuf> {
    // Whoever looks at another user's byway must not leave a folder there that this one could not use.
    let own_uid = rustix::process::geteuid().as_raw();
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above.and_then(|above| fs::metadata(above).ok())
        && above.uid() != own_uid
        && fs::symlink_metadata(folder).is_err()
    {
        return Err(io::Error::other("the folder it would be in is another user's"));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let there = fs::symlink_metadata(folder)?;
    if !there.is_dir() || there.uid() != own_uid {
        return Err(io::Error::other("it is not a folder of byway's own user"));
    }
    if there.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    folder.canonicalize()
}

/// A file of the folder, as pruning sees it.
#[derive(Debug)]
struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// Removes what is too old, too many or too much, the longest unused first; `fresh` stays in any case.
pub(super) fn prune(folder: &Path, fresh: &Path) {
    let Ok(files) = fs::read_dir(folder) else {
        return;
    };
    let now = SystemTime::now();
    let mut entries = Vec::new();
    for file in files.flatten() {
        let path = file.path();
        let (Some(suffix), Ok(there)) = (path.extension(), file.metadata()) else {
            continue;
        };
        let used = there.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        if suffix == UNFINISHED && is_older(used, now, UNFINISHED_FOR) {
            remove(&path);
        } else if suffix == SUFFIX && path != fresh {
            entries.push(Entry {
                path,
                bytes: there.len(),
                used,
            });
        }
    }
    for path in superfluous(entries, now) {
        remove(&path);
    }
}

/// Which entries go, beside the one that was just made.
fn superfluous(mut entries: Vec<Entry>, now: SystemTime) -> Vec<PathBuf> {
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
    let (mut count, mut bytes) = (1_usize, 0_u64);
    entries
        .into_iter()
        .filter(|entry| {
            count += 1;
            bytes = bytes.saturating_add(entry.bytes);
            count > COMPILED_ENTRIES_MAX
                || bytes > COMPILED_BYTES_MAX
                || is_older(entry.used, now, UNUSED_FOR)
        })
        .map(|entry| entry.path)
        .collect()
}

fn is_older(than: SystemTime, now: SystemTime, age: Duration) -> bool {
    now.duration_since(than).is_ok_and(|since| since > age)
}

fn remove(path: &Path) {
    // What cannot be removed now is tried again by the next pruning.
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closes_a_folder_that_others_could_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("compiled");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        own(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn does_not_follow_a_link_to_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("compiled");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(own(&link).is_err());
    }

    fn entry(name: &str, bytes: u64, days_ago: u64) -> Entry {
        Entry {
            path: name.into(),
            bytes,
            used: now() - Duration::from_secs(days_ago * 24 * 60 * 60),
        }
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000)
    }

    fn go(entries: Vec<Entry>) -> Vec<String> {
        superfluous(entries, now())
            .into_iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn what_nobody_has_used_for_long_goes() {
        assert_eq!(go(vec![entry("old", 1, 31), entry("young", 1, 29)]), ["old"]);
    }

    #[test]
    fn of_too_many_the_longest_unused_go() {
        let entries = (0..COMPILED_ENTRIES_MAX + 1)
            .map(|number| entry(&number.to_string(), 1, u64::from(number == 3)))
            .collect();
        let gone = go(entries);
        assert_eq!(gone.len(), 2);
        assert!(gone.contains(&"3".to_owned()));
    }

    #[test]
    fn of_too_much_the_longest_unused_go() {
        let half = COMPILED_BYTES_MAX / 2;
        assert_eq!(
            go(vec![
                entry("c", half, 3),
                entry("a", half, 1),
                entry("b", half, 2)
            ]),
            ["c"]
        );
    }

    #[test]
    fn takes_away_what_was_never_finished_and_leaves_what_is_not_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a.unfinished", "b.unfinished", "fresh.code", "README"] {
            fs::write(at(name), b"x").unwrap();
        }
        let past = SystemTime::now() - UNFINISHED_FOR - Duration::from_secs(60);
        for name in ["a.unfinished", "README", "fresh.code"] {
            fs::File::open(at(name)).unwrap().set_modified(past).unwrap();
        }
        prune(folder.path(), &at("fresh.code"));
        assert!(!at("a.unfinished").exists());
        assert!(at("b.unfinished").exists() && at("README").exists() && at("fresh.code").exists());
    }
}
