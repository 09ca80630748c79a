//! What compiled code is kept under: the component, and everything that shaped its code.

use std::hash::{Hash as _, Hasher};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use crate::hexadecimal::hex;

/// The SHA-256 over the component's own and the engine's settings (its version, the processor's
/// abilities, how memories are laid out). Another byway or another machine has another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Key([u8; 32]);

impl Key {
    /// The key of a component of this digest under this engine.
    pub(in crate::sandbox) fn new(engine: &Engine, digest: &[u8; 32]) -> Self {
        let mut hash = Sha(Sha256::new());
        hash.write(digest);
        engine.precompile_compatibility_hash().hash(&mut hash);
        Self(hash.0.finalize().into())
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn hex(&self) -> String {
        hex(&self.0)
    }
}

/// Takes what is hashed for a table, where 64 bits are enough, into a hash that nobody can steer.
struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of no use here, and required: the digest is taken instead.
    fn finish(&self) -> u64 {
        0
    }
}
