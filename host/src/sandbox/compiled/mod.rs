//! Compiled code, kept between starts.
//!
//! Compiling takes from a tenth of a second to half a minute, loading what was compiled a fraction of a
//! millisecond. What is kept runs as byway itself, so it must be byway's alone: a folder and files
//! that nobody else may write, and under each file's name the SHA-256 of what was put there. Whatever
//! is wrong with an entry (damaged, cut short, of another byway or machine, open to others, a link), it is
//! a miss: the component is compiled again, and the entry replaced. No entry is ever an error.
//!
//! An entry is mapped, not read into memory: the pages of code that no call reaches stay on disk, and
//! those that are reached can be dropped under pressure.

mod entry;
mod folder;
mod key;

use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

pub(super) use entry::trusted;
pub(super) use key::Key;

/// The folder of compiled code.
#[derive(Debug)]
pub(super) struct Compiled {
    folder: PathBuf,
}

impl Compiled {
    /// Opens the folder, or makes it. Where it cannot be byway's alone nothing is kept, which the log
    /// says once.
    pub(super) fn open(folder: &Path) -> Option<Self> {
        folder::own(folder)
            .inspect_err(|error| {
                tracing::warn!(
                    folder = %folder.display(),
                    "compiled code is not kept ({error}); adapters are compiled at each start"
                );
            })
            .ok()
            .map(|folder| Self { folder })
    }

    /// What was kept under a key, ready to be linked.
    pub(super) fn get(&self, engine: &Engine, key: &Key) -> Option<Component> {
        let path = self.path(key);
        match entry::read(&path, engine, key) {
            Ok(component) => Some(component),
            Err(entry::Miss::Nothing) => None,
            Err(entry::Miss::Unfit(why)) => {
                tracing::info!(
                    entry = %path.display(),
                    "kept compiled code is not used ({why}); the component is compiled again"
                );
                None
            }
        }
    }

    /// Keeps what was compiled. Failing to is no fault of the adapter: it is compiled at the next start.
    pub(super) fn put(&self, key: &Key, artefact: &[u8]) {
        let path = self.path(key);
        if let Err(error) = entry::write(&path, key, artefact) {
            tracing::warn!(entry = %path.display(), "compiled code could not be kept: {error}");
        }
        folder::prune(&self.folder, &path);
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.{}", key.hex(), entry::SUFFIX))
    }
}

#[cfg(test)]
mod tests;
