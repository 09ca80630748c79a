//! Who this byway is to others: an Ed25519 key that is made once and never leaves the data folder.
//!
//! Peers know the byway by the public half, so a lost or silently replaced key would turn every message it
//! sends into a stranger's. That is why a damaged file is an error and never a reason to make a new
//! key, and why the file is made whole or not at all.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use crate::envelope::{self, Envelope, PublicKey};
use crate::error_code::ErrorCode;
use crate::private_file::{self, PrivateFileError};
use crate::store::CheckpointSigner;

/// The file's name in the data folder.
const FILE: &str = "identity";

/// What stands before the key in the file. It names the format, so another can stand beside it.
const PREFIX: &str = "byway-identity-v1:";

/// This byway's key pair. The private half is wiped from memory when it is dropped, and is never printed.
pub struct Identity {
    key: SigningKey,
}

/// Why this byway has no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The data folder cannot be made.
    #[error("the data folder `{}` cannot be made: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read or written, or others can read it.
    #[error("no identity: {0}")]
    File(#[from] PrivateFileError),
    /// The file is there, but holds no key.
    #[error(
        "`{}` is damaged: restore it from a copy; or move it away for a new identity, which \
         peers then need to be told", .0.display()
    )]
    Damaged(PathBuf),
    /// The system gives no randomness to make a key from.
    #[error("no identity: the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

impl IdentityError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        ErrorCode::DataFolder
    }
}

impl Identity {
    /// The identity in a data folder; where there is none, a new one is made, and the folder too. Several
    /// that do this at once get the same one.
    ///
    /// # Errors
    /// Where the file cannot be read or made, is damaged, is a link, or is open to others.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, IdentityError> {
        let path = data_dir.join(FILE);
        match load(&path) {
            Err(IdentityError::File(PrivateFileError::Missing(_))) => {}
            done => return done,
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
        made.map_err(|source| IdentityError::Folder {
            path: data_dir.to_owned(),
            source,
        })?;
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(IdentityError::Random)?;
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(seed.as_slice()));
        let line = Zeroizing::new([PREFIX, &encoded, "\n"].concat());
        match private_file::create(&path, line.as_bytes()) {
            // Another process made one in the meantime; that one counts.
            Ok(()) | Err(PrivateFileError::Exists(_)) => load(&path),
            Err(error) => Err(error.into()),
        }
    }

    /// The identity in a data folder; `None` where there is none. Makes nothing.
    ///
    /// # Errors
    /// Where the file cannot be read, is damaged, is a link, or is open to others.
    pub fn existing(data_dir: &Path) -> Result<Option<Self>, IdentityError> {
        match load(&data_dir.join(FILE)) {
            Err(IdentityError::File(PrivateFileError::Missing(_))) => Ok(None),
            loaded => loaded.map(Some),
        }
    }

    /// The half that peers are told.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::from_bytes(self.key.verifying_key().to_bytes())
    }

    /// Signs a message as this byway; a signature that is there is replaced.
    pub fn sign(&self, envelope: &mut Envelope) {
        envelope::sign(envelope, &self.key);
    }
}

impl CheckpointSigner for Identity {
    fn key(&self) -> PublicKey {
        self.public()
    }

    fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

/// Shows the public half only.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Identity").field(&self.public()).finish()
    }
}

fn load(path: &Path) -> Result<Identity, IdentityError> {
    let bytes = private_file::read(path)?;
    let damaged = || IdentityError::Damaged(path.to_owned());
    let encoded = bytes
        .trim_ascii_end()
        .strip_prefix(PREFIX.as_bytes())
        .ok_or_else(damaged)?;
    // Into a buffer that is wiped, of the decoder's estimate for 43 characters.
    let mut seed = Zeroizing::new([0; 33]);
    match URL_SAFE_NO_PAD.decode_slice(encoded, seed.as_mut_slice()) {
        Ok(32) => {}
        _ => return Err(damaged()),
    }
    let seed = seed.first_chunk::<32>().ok_or_else(damaged)?;
    Ok(Identity {
        key: SigningKey::from_bytes(seed),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::envelope::{Address, Draft, verify};

    #[test]
    fn the_second_start_finds_the_identity_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("new").join("data");
        let first = Identity::load_or_create(&data_dir).unwrap().public();
        assert_eq!(Identity::load_or_create(&data_dir).unwrap().public(), first);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data_dir), mode(&data_dir.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn two_identities_differ() {
        let make = || {
            Identity::load_or_create(tempfile::tempdir().unwrap().path())
                .unwrap()
                .public()
        };
        assert_ne!(make(), make());
    }

    #[test]
    fn all_that_start_at_once_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let make = || Identity::load_or_create(folder.path()).unwrap().public();
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(made.iter().all(|key| *key == made[0]));
    }

    #[test]
    fn signs_what_its_public_half_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::load_or_create(folder.path()).unwrap();
        let draft = Draft::new("byway://a/planner", Address::new("executor", "b").unwrap()).text("hello");
        let mut message = draft.finish("1".to_owned(), jiff::Timestamp::UNIX_EPOCH).unwrap();
        identity.sign(&mut message);
        assert_eq!(verify(&message, &identity.public()), Ok(()));
    }

    #[test]
    fn a_damaged_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        Identity::load_or_create(folder.path()).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        let damages = [
            String::new(),
            "\0".repeat(whole.len()),
            whole.replace("v1", "v2"),
            whole[..whole.len() - 5].to_owned(),
            format!("{}A\n", whole.trim_end()),
            format!("{}AAAAA\n", whole.trim_end()),
            format!("{whole}{whole}"),
        ];
        for damaged in damages {
            fs::write(&path, &damaged).unwrap();
            let error = Identity::load_or_create(folder.path()).unwrap_err();
            assert!(matches!(error, IdentityError::Damaged(_)), "{damaged}: {error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        }
    }

    #[test]
    fn refuses_a_file_that_is_open_to_others_or_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        Identity::load_or_create(folder.path()).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(Identity::load_or_create(folder.path()).is_err());
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let moved = folder.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        assert!(Identity::load_or_create(folder.path()).is_err());
        fs::remove_file(&moved).unwrap();
        // A link to nothing is no reason to make a key either.
        assert!(Identity::load_or_create(folder.path()).is_err());
    }

    #[test]
    fn shows_only_its_public_half() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::load_or_create(folder.path()).unwrap();
        assert_eq!(
            format!("{identity:?}"),
            format!("Identity({})", identity.public())
        );
    }
}
