//! Adds a record to the end of a file, so that records of several writers never mix and none stays
//! torn.
//!
//! Under a lock: note down what is about to be written and where (in a hidden file beside, synced),
//! write it in one call, sync, remove the note. A note that is still there belongs to a writer that
//! died. Then the end of the file is compared with it: if the file ends, from the noted place on, with
//! a beginning of exactly the noted record (or with zeros where the disk never got the bytes), that
//! beginning is cut off. Anything else at the end was written by somebody else, and is left as it is.
//! So the only bytes that are ever removed are byway's own, of a record that was never whole.

use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

use rustix::fs::OFlags;

use super::folder::{At as _, Folder, Trouble, lock};
use crate::sandbox::deadline::Deadline;
use crate::sandbox::denial;
use crate::sandbox::effect::EffectLog;

const NOTE_MAGIC: &[u8; 8] = b"bywayrec";

/// Adds the record. `words` is what the effect is called.
pub(super) fn append(
    folder: &Folder,
    name: &str,
    record: &[u8],
    deadline: Deadline,
    effects: &EffectLog,
    words: &str,
) -> Result<(), Trouble> {
    let file = open_locked(folder, name, deadline)?;
    let note_name = note_name(name);
    heal(folder, &file, &note_name)?;
    let length = rustix::fs::fstat(&file).at("looking at the file")?.st_size;
    let length = u64::try_from(length).unwrap_or(0);
    write_note(folder, &note_name, length, record)?;
    if effects.begin(words).is_err() {
        // The attempt is over: nothing begins any more.
        folder.remove(&note_name)?;
        return Err(denial::timeout().into());
    }
    if let Err(error) = write_once(&file, record) {
        // Whatever part went in is taken out again, now and by the one who knows what it is.
        heal(folder, &file, &note_name)?;
        return Err(Trouble::Io("writing the record", error));
    }
    rustix::fs::fsync(&file).at("syncing the file")?;
    folder.remove(&note_name)?;
    // A file that was made just now must be in its folder after a power cut as well.
    if length == 0 { folder.sync() } else { Ok(()) }
}

fn open_locked(folder: &Folder, name: &str, deadline: Deadline) -> Result<OwnedFd, Trouble> {
    loop {
        let file = folder
            .open_file(name, OFlags::RDWR | OFlags::CREATE | OFlags::APPEND)?
            .ok_or_else(|| Trouble::Io("opening the file", io::ErrorKind::NotFound.into()))?;
        lock(&file, deadline)?;
        if folder.still_names(name, &file)? {
            return Ok(file);
        }
        // Somebody renamed another file to this name while we waited.
        if deadline.has_passed() {
            return Err(denial::timeout().into());
        }
    }
}

/// One call, as long as the system takes all of it; what it did not take is an error.
fn write_once(file: &OwnedFd, record: &[u8]) -> io::Result<()> {
    loop {
        match rustix::io::write(file, record) {
            Ok(written) if written == record.len() => return Ok(()),
            Ok(written) => {
                return Err(io::Error::new(
                    io::ErrorKind::WriteZero,
                    format!(
                        "only {written} of {} bytes went in; is the disk full?",
                        record.len()
                    ),
                ));
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn note_name(name: &str) -> String {
    format!(".{name}.byway-append")
}

/// Magic, the place in the file, and the record.
fn write_note(folder: &Folder, note_name: &str, place: u64, record: &[u8]) -> Result<(), Trouble> {
    let note = folder
        .open_file(note_name, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC)?
        .ok_or_else(|| Trouble::Io("opening the note", io::ErrorKind::NotFound.into()))?;
    let mut bytes = Vec::with_capacity(record.len() + 16);
    bytes.extend_from_slice(NOTE_MAGIC);
    bytes.extend_from_slice(&place.to_le_bytes());
    bytes.extend_from_slice(record);
    let mut note = std::fs::File::from(note);
    note.write_all(&bytes).at("writing the note")?;
    note.sync_all().at("syncing the note")?;
    folder.sync()
}

/// Takes away what a writer that died left of its record.
fn heal(folder: &Folder, file: &OwnedFd, note_name: &str) -> Result<(), Trouble> {
    let Some(note) = folder.open_file(note_name, OFlags::RDONLY)? else {
        return Ok(());
    };
    let mut bytes = Vec::new();
    std::fs::File::from(note)
        .read_to_end(&mut bytes)
        .at("reading the note")?;
    if let Some((place, record)) = read_note(&bytes) {
        let file = std::fs::File::from(file.try_clone().at("looking at the file")?);
        let length = file.metadata().at("looking at the file")?.len();
        let tail_length = length.saturating_sub(place);
        let could_be_torn = length >= place && tail_length < u64::try_from(record.len()).unwrap_or(u64::MAX);
        if could_be_torn {
            let mut tail = vec![0; usize::try_from(tail_length).unwrap_or(0)];
            file.read_exact_at(&mut tail, place).at("reading the file")?;
            if is_torn(&tail, record) {
                file.set_len(place).at("taking away a torn record")?;
                file.sync_all().at("syncing the file")?;
            }
        } else if length >= place {
            // As long as the record: whole, or with zeros in it that the disk never replaced.
            let mut tail = vec![0; record.len()];
            file.read_exact_at(&mut tail, place).at("reading the file")?;
            let at_end = tail_length == u64::try_from(record.len()).unwrap_or(u64::MAX);
            if at_end && tail != record && is_torn(&tail, record) {
                file.set_len(place).at("taking away a torn record")?;
                file.sync_all().at("syncing the file")?;
            }
        }
    }
    folder.remove(note_name)
}

fn read_note(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let rest = bytes.strip_prefix(NOTE_MAGIC)?;
    let (place, record) = rest.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*place), record))
}

/// Whether these bytes are a beginning of the record, some of them perhaps never written.
fn is_torn(tail: &[u8], record: &[u8]) -> bool {
    tail.len() <= record.len()
        && tail
            .iter()
            .zip(record)
            .all(|(got, meant)| got == meant || *got == 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    fn add(place: &Path, record: &str) -> Result<(), Trouble> {
        let folder = Folder::open(place).unwrap();
        let deadline = Deadline::after(Duration::from_secs(10));
        append(
            &folder,
            "day.md",
            record.as_bytes(),
            deadline,
            &EffectLog::default(),
            "append",
        )
    }

    /// Leaves the file as a writer does that died after so many bytes of its record.
    fn die(place: &Path, record: &str, written: &[u8]) {
        let folder = Folder::open(place).unwrap();
        let path = place.join("day.md");
        let mut text = fs::read(&path).unwrap_or_default();
        write_note(
            &folder,
            &note_name("day.md"),
            text.len() as u64,
            record.as_bytes(),
        )
        .unwrap();
        text.extend_from_slice(written);
        fs::write(&path, text).unwrap();
    }

    fn text(place: &Path) -> String {
        fs::read_to_string(place.join("day.md")).unwrap()
    }

    #[test]
    fn makes_the_file_and_adds_to_it() {
        let place = tempfile::tempdir().unwrap();
        add(place.path(), "one\n").unwrap();
        add(place.path(), "two\n").unwrap();
        assert_eq!(text(place.path()), "one\ntwo\n");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "no note is left");
    }

    #[test]
    fn takes_away_a_record_that_was_cut_short() {
        for written in [&b""[..], b"to", b"torn", b"to\0\0", b"\0\0\0\0\0"] {
            let place = tempfile::tempdir().unwrap();
            add(place.path(), "one\n").unwrap();
            die(place.path(), "torn\n", written);
            add(place.path(), "two\n").unwrap();
            assert_eq!(text(place.path()), "one\ntwo\n", "{written:?}");
        }
    }

    #[test]
    fn keeps_a_record_that_was_whole() {
        let place = tempfile::tempdir().unwrap();
        die(place.path(), "whole\n", b"whole\n");
        add(place.path(), "two\n").unwrap();
        assert_eq!(text(place.path()), "whole\ntwo\n");
    }

    #[test]
    fn never_takes_away_what_somebody_else_wrote() {
        // By hand after the crash; in another place; without a newline at the end.
        for (written, kept) in [
            (&b"to and a note by hand"[..], "one\nto and a note by hand"),
            (b"by hand", "one\nby hand"),
            (b"torn\nby hand", "one\ntorn\nby hand"),
        ] {
            let place = tempfile::tempdir().unwrap();
            add(place.path(), "one\n").unwrap();
            die(place.path(), "torn\n", written);
            add(place.path(), "\ntwo\n").unwrap();
            assert_eq!(text(place.path()), format!("{kept}\ntwo\n"));
        }
    }

    #[test]
    fn leaves_a_file_that_became_shorter_alone() {
        let place = tempfile::tempdir().unwrap();
        add(place.path(), "a long first record\n").unwrap();
        die(place.path(), "torn\n", b"to");
        fs::write(place.path().join("day.md"), "new").unwrap();
        add(place.path(), "\ntwo\n").unwrap();
        assert_eq!(text(place.path()), "new\ntwo\n");
    }

    #[test]
    fn records_of_many_writers_never_mix() {
        let place = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let place = place.path();
                scope.spawn(move || {
                    for number in 0..10 {
                        let line = format!("{writer}-{number} ").repeat(500);
                        add(place, &format!("{line}\n")).unwrap();
                    }
                });
            }
        });
        let text = text(place.path());
        assert_eq!(text.lines().count(), 40);
        for line in text.lines() {
            let first = line.split(' ').next().unwrap();
            assert_eq!(line, format!("{first} ").repeat(500));
        }
    }

    #[test]
    fn writes_nothing_once_the_attempt_is_over() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let effects = EffectLog::default();
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(effects.close());
        let deadline = Deadline::after(Duration::from_secs(10));
        append(&folder, "day.md", b"late\n", deadline, &effects, "append").unwrap_err();
        assert_eq!(text(place.path()), "");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "no note is left");
    }

    #[test]
    fn gives_up_waiting_for_a_lock_at_the_deadline() {
        let place = tempfile::tempdir().unwrap();
        add(place.path(), "one\n").unwrap();
        let file = fs::File::open(place.path().join("day.md")).unwrap();
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let deadline = Deadline::after(Duration::from_millis(30));
        let trouble = append(
            &folder,
            "day.md",
            b"two\n",
            deadline,
            &EffectLog::default(),
            "append",
        )
        .unwrap_err();
        assert!(matches!(trouble, Trouble::Denied(denial) if denial.code == "timeout"));
    }
}
