//! Whether the files that a configuration is made of are others than they were.
//!
//! Looked at, not listened to: a look every second finds every change on every file system, through links
//! and renamed folders, and there is nothing that can be missed. A change is taken in once
//! it stood still for a look, so that a file that is being written is not read half.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::config::{AdapterRef, Config};

/// How the files stood at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(BTreeMap<PathBuf, Option<Mark>>);

/// What tells one state of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    file: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    /// Tells also of a copy that kept the old time.
    changed: (i64, i64),
}

impl Marks {
    /// How the files of a configuration stand that was just read. To be called before its adapters
    /// are; where the file itself is another already, it counts as not seen.
    pub(super) fn of(config: &Config) -> Self {
        let mut marks = Self::default();
        marks.note(config.path.clone());
        marks.note_adapters(config);
        let read = fs::read_to_string(&config.path);
        if !read.is_ok_and(|text| config.source.is_text(&text)) {
            marks.0.insert(config.path.clone(), None);
        }
        marks
    }

    /// Notes how a file stands. One that is not there has a mark, too: that it is not.
    pub(super) fn note(&mut self, path: PathBuf) {
        let mark = fs::metadata(&path).ok().map(|there| Mark {
            file: (there.dev(), there.ino()),
            bytes: there.size(),
            modified: (there.mtime(), there.mtime_nsec()),
            changed: (there.ctime(), there.ctime_nsec()),
        });
        self.0.insert(path, mark);
    }

    /// Notes the components that are files.
    pub(super) fn note_adapters(&mut self, config: &Config) {
        for transport in config.transports.values() {
            if let AdapterRef::Path(path) = &transport.adapter {
                self.note(path.clone());
            }
        }
    }

    /// How the same files stand now.
    pub(super) fn again(&self) -> Self {
        let mut now = Self::default();
        for path in self.0.keys() {
            now.note(path.clone());
        }
        now
    }
}

/// Decides when a change is to be taken in.
#[derive(Debug, Default)]
pub(super) struct Watch {
    last: Marks,
}

impl Watch {
    /// Compares a look with what was taken in last. True where the files differ from that, and
    /// have stood still since the look before.
    pub(super) fn look(&mut self, now: Marks, taken_in: &Marks) -> bool {
        let stands_still = now == self.last;
        let differs = now != *taken_in;
        self.last = now;
        stands_still && differs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(bytes: u64) -> Marks {
        let mark = Mark {
            file: (1, 1),
            bytes,
            modified: (0, 0),
            changed: (0, 0),
        };
        Marks([(PathBuf::from("byway.toml"), Some(mark))].into())
    }

    #[test]
    fn a_change_is_taken_in_when_it_stands_still() {
        let mut watch = Watch::default();
        let taken_in = marks(0);
        for (bytes, due) in [
            (0, false),
            (0, false),
            (1, false),
            (2, false),
            (3, false),
            (3, true),
        ] {
            assert_eq!(watch.look(marks(bytes), &taken_in), due, "{bytes} bytes");
        }
        // Taken in, or refused: either way not again until it changes.
        assert!(!watch.look(marks(3), &marks(3)));
        // Back to what is in force.
        assert!(!watch.look(marks(0), &marks(0)));
    }

    #[test]
    fn a_file_that_changed_after_it_was_read_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("byway.toml");
        let text = "\u{feff}[instance]\nname = \"a\"\ndata_dir = \"data\"\n";
        fs::write(&path, text).unwrap();
        let config = crate::config::load(&path).unwrap();
        let marks = Marks::of(&config);
        assert_eq!(marks.again(), marks);
        fs::write(&path, format!("{text}#")).unwrap();
        let marks = Marks::of(&config);
        assert_ne!(marks.again(), marks);
    }

    #[test]
    fn every_way_to_change_a_file_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("byway.toml");
        let mut before = Marks::default();
        before.note(path.clone());
        let mut changed = |what: &str| {
            let now = before.again();
            assert_ne!(now, before, "{what}");
            before = now;
        };
        fs::write(&path, "one").unwrap();
        changed("made");
        fs::write(folder.path().join("next"), "two").unwrap();
        fs::rename(folder.path().join("next"), &path).unwrap();
        changed("replaced by one of the same length");
        fs::write(&path, "three").unwrap();
        changed("written");
        fs::remove_file(&path).unwrap();
        changed("removed");
        assert_eq!(before.again(), before);
    }
}
