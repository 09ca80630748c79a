//! Looks at SQLite's write-ahead log before SQLite does.
//!
//! SQLite takes a log up to the first frame that is not whole, and is silent about the rest. After a crash that is
//! right: what follows was never confirmed. Where the disk has damaged a log, it drops what was. The two can be told
//! apart: a commit is synced before the next one begins, so no more than one can be unconfirmed. Where two
//! or more stand behind the break, something that was on the disk is broken, and byway says so instead of going on
//! without it. With `durability = "process"` nothing was synced, and several may be; there, and where the
//! last commit alone is gone, it is told in the log of byway.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::{Durability, StoreError};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// The magic number; with its last bit, sums are made of big-endian words.
const MAGIC: u32 = 0x377f_0682;
const PAGE_BYTES_MAX: u32 = 65_536;

/// What a log holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    /// Whether it begins as a log does.
    has_header: bool,
    /// Commits that SQLite will take.
    commits: u64,
    /// Frames of this log after the last of them, whole or not.
    frames_behind: u64,
    /// Those of them that end a commit.
    commits_behind: u64,
    /// Bytes after the last whole frame.
    bytes_behind: u64,
}

/// Refuses a log in which something is broken that had been confirmed, and tells of one whose end is not whole.
pub(super) fn look_at(log: &Path, durability: Durability) -> Result<(), StoreError> {
    let unusable = |error: io::Error| StoreError::Failed {
        file: log.display().to_string(),
        why: error.to_string(),
    };
    let file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(error)),
    };
    let length = file.metadata().map_err(unusable)?.len();
    if length == 0 {
        return Ok(());
    }
    let found = read(BufReader::new(file)).map_err(unusable)?;
    let file = log.display().to_string();
    let had_begun = length > u64::try_from(HEADER_BYTES).unwrap_or(0);
    let why = if !found.has_header && had_begun {
        "its beginning is broken, so nothing in it can be read".to_owned()
    } else if found.commits_behind > 1 {
        format!(
            "it is broken after {} commits, and {} later ones cannot be read",
            found.commits, found.commits_behind
        )
    } else {
        if found.frames_behind > 0 || found.bytes_behind > 0 || !found.has_header {
            tracing::warn!(
                file,
                commits = found.commits,
                pages_left_out = found.frames_behind,
                "the end of the log is not whole, as a crash in the middle of a write leaves it; what is whole was recovered"
            );
        }
        return Ok(());
    };
    if durability == Durability::Full {
        return Err(StoreError::Damaged { file, why });
    }
    tracing::warn!(
        file,
        why,
        "what was written last is lost, as durability = \"process\" allows"
    );
    Ok(())
}

fn read(mut log: impl Read) -> io::Result<Found> {
    let mut found = Found::default();
    let mut header = [0; HEADER_BYTES];
    if fill(&mut log, &mut header)? < HEADER_BYTES {
        return Ok(found);
    }
    let [magic, _, page_bytes, _, salt, other_salt, sum, other_sum] = words(&header);
    let big = magic == MAGIC | 1;
    let page_bytes = if page_bytes == 1 {
        PAGE_BYTES_MAX
    } else {
        page_bytes
    };
    let (summed, _) = header.split_at(HEADER_BYTES - 8);
    let mut running = summing((0, 0), summed, big);
    let sane = page_bytes.is_power_of_two() && (512..=PAGE_BYTES_MAX).contains(&page_bytes);
    if magic & !1 != MAGIC || !sane || running != (sum, other_sum) {
        return Ok(found);
    }
    found.has_header = true;
    let mut frame = vec![0; FRAME_HEADER_BYTES + usize::try_from(page_bytes).unwrap_or(0)];
    let mut is_whole = true;
    loop {
        let count = fill(&mut log, &mut frame)?;
        if count < frame.len() {
            let rest = u64::try_from(count).unwrap_or(0);
            // Bytes of an older log, which lie behind the end of this one, say nothing.
            let is_ours = frame.get(8..16) == header.get(16..24) || (count > 0 && count < 16);
            found.bytes_behind = if is_ours { rest } else { 0 };
            return Ok(found);
        }
        let (head, page) = frame.split_at(FRAME_HEADER_BYTES);
        let [number, size, frame_salt, frame_other_salt, sum, other_sum] = words(head);
        let is_ours = (frame_salt, frame_other_salt) == (salt, other_salt);
        if is_whole {
            let (summed, _) = head.split_at(8);
            running = summing(summing(running, summed, big), page, big);
            is_whole = is_ours && number != 0 && running == (sum, other_sum);
        }
        if is_whole && size != 0 {
            found.commits += 1;
            found.frames_behind = 0;
        } else if is_ours {
            found.frames_behind += 1;
            found.commits_behind += u64::from(!is_whole && size != 0);
        }
    }
}

/// Reads until the buffer is full or there is no more, and says how much there was.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while let Some(rest) = buffer.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

fn words<const COUNT: usize>(bytes: &[u8]) -> [u32; COUNT] {
    let mut words = [0; COUNT];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

/// SQLite's running sum over pairs of words.
fn summing((mut one, mut two): (u32, u32), bytes: &[u8], big: bool) -> (u32, u32) {
    let word = |bytes: [u8; 4]| {
        if big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    };
    for [a, b, c, d, e, f, g, h] in bytes.as_chunks().0 {
        one = one.wrapping_add(word([*a, *b, *c, *d])).wrapping_add(two);
        two = two.wrapping_add(word([*e, *f, *g, *h])).wrapping_add(one);
    }
    (one, two)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// A log with so many commits, and where each of them ends.
    fn log(commits: usize) -> (Vec<u8>, Vec<usize>) {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("a.sqlite3");
        let database = Connection::open(&file).unwrap();
        database
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x);")
            .unwrap();
        let path = folder.path().join("a.sqlite3-wal");
        let mut ends = vec![usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap()];
        while ends.len() < commits {
            database
                .execute("INSERT INTO t VALUES (randomblob(6000))", [])
                .unwrap();
            ends.push(usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap());
        }
        (std::fs::read(path).unwrap(), ends)
    }

    #[test]
    fn a_whole_log_is_read_to_its_end() {
        let (bytes, _) = log(5);
        let whole = Found {
            has_header: true,
            commits: 5,
            ..Found::default()
        };
        assert_eq!(read(&bytes[..]).unwrap(), whole);
    }

    #[test]
    fn a_commit_that_is_cut_off_is_one_at_most() {
        let (bytes, ends) = log(5);
        for length in (HEADER_BYTES..bytes.len()).step_by(97) {
            let found = read(&bytes[..length]).unwrap();
            let whole = ends.iter().filter(|end| **end <= length).count();
            assert_eq!(found.commits, u64::try_from(whole).unwrap(), "{length} bytes");
            assert_eq!(found.commits_behind, 0, "{length} bytes");
            let is_whole = length == HEADER_BYTES || ends.contains(&length);
            assert_eq!(
                found.frames_behind + found.bytes_behind == 0,
                is_whole,
                "{length} bytes"
            );
        }
    }

    #[test]
    fn every_flipped_bit_leaves_what_was_before_it_and_shows_what_was_behind() {
        let (bytes, ends) = log(5);
        for byte in (0..bytes.len()).step_by(61) {
            let mut damaged = bytes.clone();
            damaged[byte] ^= 1 << (byte % 8);
            let found = read(&damaged[..]).unwrap();
            if byte < HEADER_BYTES {
                assert!(!found.has_header, "byte {byte}");
                continue;
            }
            let before = ends.iter().filter(|end| **end <= byte).count();
            assert_eq!(found.commits, u64::try_from(before).unwrap(), "byte {byte}");
            // The flipped bit may be the very one that says that a frame ends a commit, or whose frame it is; or make a
            // frame seem to end one.
            let behind = u64::try_from(5 - before).unwrap();
            assert!(
                (behind - 1..=behind + 1).contains(&found.commits_behind),
                "byte {byte}: {found:?}"
            );
        }
    }

    #[test]
    fn what_is_left_of_an_older_log_says_nothing() {
        let (mut bytes, _) = log(3);
        let (older, ends) = log(6);
        bytes.extend_from_slice(&older[ends[2]..]);
        let found = read(&bytes[..]).unwrap();
        assert_eq!(
            (found.commits, found.frames_behind, found.commits_behind),
            (3, 0, 0)
        );
    }
}
