//! Taking messages out of a drop folder without ever losing one.
//!
//! A file is *claimed* (renamed out of the way), handed to the host, and deleted only when the host
//! comes back with the cursor of that call, which it stores after the messages. A crash at any point
//! between leaves the file claimed, and a claimed file is listed again. So a message may be handed
//! over twice, which the host recognises, and never not at all.
//!
//! The host judges what a file holds. What does not even look like an event is handed over like the
//! rest, so that it is in the journal, and then moved to the folder's `rejected` folder instead of deleted.

use std::collections::BTreeSet;

use byway_adapter::{Batch, Failure, Item, files, log};
use serde::{Deserialize, Serialize};

use crate::config::{Config, Mode};
use crate::drop;

/// The most that one call hands over, in bytes: an instance has 64 MiB, and the host as many messages at once.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// The most names that one call hands over.
const BATCH_ITEMS_MAX: usize = 200;
/// A cursor may have 64 KiB. A byte of a name takes at most six in JSON (`\u0001`), and its quotes and
/// comma three.
const CURSOR_BYTES_MAX: usize = 60_000;

/// What was handed over by the call before, and what is to become of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// Files to delete.
    release: BTreeSet<String>,
    /// Files to move aside.
    reject: BTreeSet<String>,
}

pub(crate) fn receive(config: &Config, cursor: Option<&[u8]>, max: u32) -> Result<Batch, Failure> {
    if config.mode != Mode::Drop || !config.receive {
        return Err(Failure::unavailable("not-receiving", "This transport does not receive.")
            .with_fix("Say mode = \"drop\" and receive = true in its config, or take `receive` out of the transport."));
    }
    let stored = Cursor::read(cursor)?;
    for name in &stored.release {
        files::release(&config.folder, name)?;
    }
    for name in &stored.reject {
        files::reject(&config.folder, name)?;
    }
    let most = usize::try_from(max)
        .unwrap_or(BATCH_ITEMS_MAX)
        .min(BATCH_ITEMS_MAX);
    let names = files::list(&config.folder, &suffix(config), list_max(most))?;
    claim(config, stored.not_settled(names), most)
}

/// How the names end of the files that are taken.
fn suffix(config: &Config) -> String {
    match &config.only_for {
        Some(instance) => drop::suffix(instance),
        None => ".json".to_owned(),
    }
}

/// A few more than are wanted, since some may be settled already or gone to another claimant.
fn list_max(most: usize) -> u32 {
    u32::try_from(most.saturating_mul(2).saturating_add(BATCH_ITEMS_MAX)).unwrap_or(u32::MAX)
}

fn claim(config: &Config, names: Vec<String>, most: usize) -> Result<Batch, Failure> {
    let mut next = Cursor::default();
    let mut items = Vec::new();
    let mut bytes_in_all = 0;
    let mut fault = None;
    for name in names {
        if items.len() >= most || bytes_in_all >= BATCH_BYTES_MAX || !next.has_room_for(&name) {
            break;
        }
        match files::claim(&config.folder, &name) {
            Ok(None) => {}
            Ok(Some(claimed)) => {
                bytes_in_all += claimed.bytes.len();
                next.note(claimed.name, looks_like_an_event(&claimed.bytes));
                items.push(Item::Event(claimed.bytes));
            }
            // It can never be read, and is claimed already: a person has to look at it.
            Err(failure) if failure.code == "too-large" => {
                log::warn(&format!("{name} goes to `rejected`: {}", failure.message));
                fault = files::reject(&config.folder, &name).err().or(fault);
            }
            // One file that cannot be read must not keep the others from coming in.
            Err(failure) => {
                log::warn(&format!("{name} stays where it is: {}", failure.message));
                fault = Some(failure);
            }
        }
    }
    match fault {
        Some(failure) if items.is_empty() => Err(failure),
        _ => Ok(Batch {
            items,
            cursor: Some(next.write()),
        }),
    }
}

/// Whether it is a JSON object with the attributes that every CloudEvent has.
fn looks_like_an_event(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Core {
        specversion: String,
        id: String,
        source: String,
        r#type: String,
    }
    let read = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| serde_json::from_str::<Core>(text).ok());
    read.is_some_and(|core| ![core.specversion, core.id, core.source, core.r#type].contains(&String::new()))
}

impl Cursor {
    /// Reads the cursor of an earlier call.
    fn read(cursor: Option<&[u8]>) -> Result<Self, Failure> {
        let Some(bytes) = cursor.filter(|bytes| !bytes.is_empty()) else {
            return Ok(Self::default());
        };
        let read = std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| serde_json::from_str(text).ok());
        read.ok_or_else(|| {
            Failure::unavailable("cursor", "The stored cursor is not one of this adapter's.")
                .with_fix("If another adapter had this transport's name, give this one a new name.")
        })
    }

    fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether the cursor stays within its limit with this name too.
    fn has_room_for(&self, name: &str) -> bool {
        let names = self.release.iter().chain(&self.reject).map(String::as_str);
        let bytes: usize = names.chain([name]).map(|name| name.len() * 6 + 3).sum();
        bytes <= CURSOR_BYTES_MAX
    }

    /// Notes a file that is handed over now.
    fn note(&mut self, name: String, is_event: bool) {
        match is_event {
            true => self.release.insert(name),
            false => self.reject.insert(name),
        };
    }

    /// The names that this cursor does not settle. A file that comes again under a name that has just
    /// been settled waits for the call after: until then the stored cursor would still
    /// settle it, although nobody has it safe.
    fn not_settled(&self, names: Vec<String>) -> Vec<String> {
        names
            .into_iter()
            .filter(|name| !self.release.contains(name) && !self.reject.contains(name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let mut cursor = Cursor::default();
        cursor.note("a.json".to_owned(), true);
        cursor.note("b\"\n.json".to_owned(), false);
        assert_eq!(Cursor::read(Some(&cursor.write())).unwrap(), cursor);
        assert_eq!(Cursor::read(None).unwrap(), Cursor::default());
    }

    #[test]
    fn no_names_make_a_cursor_larger_than_64_kib() {
        for filler in ["x", "\u{1}", "漢"] {
            let mut cursor = Cursor::default();
            let mut count = 0;
            loop {
                let name = format!("{count:04}{}", filler.repeat(251 / filler.len()));
                if !cursor.has_room_for(&name) {
                    break;
                }
                cursor.note(name, count % 2 == 0);
                count += 1;
            }
            assert!(count >= 30 && cursor.write().len() <= 64 * 1024, "{count}");
        }
    }

    #[test]
    fn a_cursor_that_is_not_ours_settles_nothing() {
        assert_eq!(Cursor::read(Some(b"12345")).unwrap_err().code, "cursor");
        assert_eq!(Cursor::read(Some(&[0xff])).unwrap_err().code, "cursor");
    }

    #[test]
    fn a_name_that_was_just_settled_waits_for_the_next_call() {
        let mut cursor = Cursor::default();
        cursor.note("a.json".to_owned(), true);
        cursor.note("b.json".to_owned(), false);
        let names = ["a.json", "b.json", "c.json"].map(str::to_owned).to_vec();
        assert_eq!(cursor.not_settled(names), ["c.json"]);
    }

    #[test]
    fn knows_what_looks_like_an_event() {
        let event = br#"{"specversion":"1.0","id":"1","source":"/x","type":"t","data":[1]}"#;
        assert!(looks_like_an_event(event));
        for bytes in [
            &b"{}"[..],
            b"",
            b"hello",
            b"[]",
            br#"{"specversion":"1.0","id":"","source":"/x","type":"t"}"#,
            br#"{"specversion":"1.0","id":1,"source":"/x","type":"t"}"#,
            &event[..20],
        ] {
            assert!(!looks_like_an_event(bytes));
        }
    }
}
