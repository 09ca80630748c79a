//! One file of compiled code: how it is written, and everything that is looked at before it is trusted.
//!
//! The code comes first, as the engine made it, and a seal after it: the magic, the key, the code's
//! length and its SHA-256. The seal stands at the end because the engine maps the file from its first byte.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::Key;
use crate::sandbox::limits::ARTEFACT_BYTES_MAX;

/// What the name of an entry ends with.
pub(super) const SUFFIX: &str = "code";
/// What the name of an unfinished entry ends with.
pub(super) const UNFINISHED: &str = "unfinished";

const MAGIC: &[u8; 16] = b"byway compiled 1";
const SEAL_BYTES: usize = 16 + 32 + 8 + 32;
/// An entry's time of change says when it was last used, to the day: more often would be a write at each start.
const USE_NOTED_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why there is nothing to load.
#[derive(Debug)]
pub(super) enum Miss {
    /// Nothing was kept.
    Nothing,
    /// Something is there, and not to be used.
    Unfit(String),
}

impl From<io::Error> for Miss {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            Self::Nothing
        } else {
            Self::Unfit(error.to_string())
        }
    }
}

fn unfit<T>(why: &str) -> Result<T, Miss> {
    Err(Miss::Unfit(why.into()))
}

/// Looks an entry through, and loads it.
pub(super) fn read(path: &Path, engine: &Engine, key: &Key) -> Result<Component, Miss> {
    let mut file = open(path)?;
    verify(&mut file, key)?;
    let component = load(&file, engine)?;
    note_use(&file);
    Ok(component)
}

/// Opens it without following a link or waiting for a pipe, and looks at what was opened.
fn open(path: &Path) -> Result<File, Miss> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)?;
    let there = file.metadata()?;
    if !there.is_file() {
        return unfit("it is not a file");
    }
    if there.uid() != rustix::process::geteuid().as_raw() {
        return unfit("it belongs to somebody else");
    }
    if there.mode() & 0o022 != 0 {
        return unfit("others may write it");
    }
    Ok(file)
}

/// Reads all of it once, in small pieces, and compares it with its seal.
fn verify(file: &mut File, key: &Key) -> Result<(), Miss> {
    let total = file.metadata()?.len();
    let Some(length) = total
        .checked_sub(SEAL_BYTES as u64)
        .filter(|it| *it <= ARTEFACT_BYTES_MAX)
    else {
        return unfit("its length is wrong");
    };
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 << 10];
    let mut code = (&mut *file).take(length);
    loop {
        match code.read(&mut piece)? {
            0 => break,
            read => hash.update(piece.get(..read).unwrap_or_default()),
        }
    }
    let mut found = [0; SEAL_BYTES];
    file.read_exact(&mut found)?;
    if found != seal(key, length, &hash.finalize().into()) {
        return unfit("it is damaged, or of another byway");
    }
    Ok(())
}

fn seal(key: &Key, length: u64, digest: &[u8; 32]) -> [u8; SEAL_BYTES] {
    let mut seal = [0; SEAL_BYTES];
    let parts = MAGIC
        .iter()
        .chain(key.bytes())
        .chain(&length.to_le_bytes())
        .chain(digest)
        .copied()
        .collect::<Vec<u8>>();
    for (to, from) in seal.iter_mut().zip(parts) {
        *to = from;
    }
    seal
}

/// Maps the very file that was verified, by its descriptor, so that another cannot be put in its place
/// in between. Where that is not possible (no /proc, a file system without execution) its bytes are copied.
fn load(file: &File, engine: &Engine) -> Result<Component, Miss> {
    if let Ok(component) = map(file, engine) {
        return Ok(component);
    }
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    trusted(engine, &bytes).map_err(|error| Miss::Unfit(format!("{error:#}")))
}

#[allow(
    unsafe_code,
    reason = "native code cannot be checked, only its origin: see the safety comment, and the tests beside"
)]
fn map(file: &File, engine: &Engine) -> wasmtime::Result<Component> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the file is what this user's byway wrote after compiling it with an engine of this very key
    // (its seal says so, and nobody else may write the file or its folder), and it is never written again:
    // entries are replaced by renaming and removed by unlinking, which leave a mapped file as it is.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads compiled code from memory.
#[allow(
    unsafe_code,
    reason = "native code cannot be checked, only its origin: see the safety comment, and the tests beside"
)]
pub(in crate::sandbox) fn trusted(engine: &Engine, artefact: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the callers have it either from an entry whose seal held, or from the compiler just now (this
    // process, or a child of the same program), or from an engine of this process that had it so.
    unsafe { Component::deserialize(engine, artefact) }
}

/// Writes an entry under another name, and gives it its own once all of it is on the disk.
pub(super) fn write(path: &Path, key: &Key, artefact: &[u8]) -> io::Result<()> {
    let random = getrandom::u64().map_err(io::Error::other)?;
    let unfinished = path.with_extension(format!("{random:016x}.{UNFINISHED}"));
    let length = u64::try_from(artefact.len()).map_err(io::Error::other)?;
    let seal = seal(key, length, &Sha256::digest(artefact).into());
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(artefact)?;
        file.write_all(&seal)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)
    })();
    if written.is_err() {
        // The reason is told; what is left is taken away by the next pruning if not now.
        let _ = std::fs::remove_file(&unfinished);
    }
    written
}

fn note_use(file: &File) {
    let stale = file
        .metadata()
        .and_then(|it| it.modified())
        .is_ok_and(|last| last.elapsed().is_ok_and(|since| since > USE_NOTED_EVERY));
    if stale {
        // An entry that is not noted as used is at worst compiled again.
        let _ = file.set_modified(SystemTime::now());
    }
}
