//! What was in force last, also before a restart, told apart by a digest in the data folder.
//!
//! A message that is held, or waits for hours, meets a correction at once where it comes by a reload. It shall where it
//! comes by a restart as well; but looking at every message at every start would be much work for nothing. So that is done where
//! the digest is another one, and the digest is written when it was done.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::setup::Setup;
use crate::hexadecimal::hex;

/// Tells what is in force from anything else: the file's text, and every transport's configuration and component.
pub(super) fn digest(setup: &Setup) -> String {
    let mut hasher = Sha256::new();
    hasher.update(setup.config.source.text_digest());
    for (name, view) in setup.fleet.views() {
        let state = match &view.fault {
            None => "loaded",
            Some(_) => "not loaded",
        };
        hasher.update(format!("{name} {} {state}\n", view.fingerprint));
    }
    hex(&hasher.finalize())
}

/// Whether something else was in force when messages were looked at last. Where nobody knows, it was.
pub(super) fn is_another(data_dir: &Path, digest: &str) -> bool {
    fs::read_to_string(file(data_dir)).map_or(true, |last| last != digest)
}

/// Notes that every message was looked at under this. That it can fail costs the next start some work.
pub(super) fn note(data_dir: &Path, digest: &str) {
    if is_another(data_dir, digest)
        && let Err(error) = fs::write(file(data_dir), digest)
    {
        tracing::debug!(%error, "what is in force could not be noted");
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("last-in-force")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_known_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_another(folder.path(), "1"), "nothing was noted");
        note(folder.path(), "1");
        assert!(!is_another(folder.path(), "1"));
        assert!(is_another(folder.path(), "2"));
        // Cut short by a crash: it is done again.
        fs::write(file(folder.path()), "").unwrap();
        assert!(is_another(folder.path(), "1"));
    }
}
