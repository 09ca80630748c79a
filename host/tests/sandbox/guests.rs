//! The components of `host/tests/guests`, built where they are not yet. The acceptance tests and the hostile guests
//! take them from here as well.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the built components.
pub(crate) fn guests() -> &'static Path {
    static GUESTS: OnceLock<PathBuf> = OnceLock::new();
    GUESTS.get_or_init(|| {
        if let Some(folder) = std::env::var_os("BYWAY_GUESTS") {
            return folder.into();
        }
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests");
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(
                || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
                PathBuf::from,
            )
            .join("guests");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--release", "--quiet"])
            .current_dir(sources)
            .env("CARGO_TARGET_DIR", &target)
            .status()
            .expect("cargo runs");
        assert!(
            built.success(),
            "the guests cannot be built; is the target wasm32-wasip2 installed?"
        );
        target.join("wasm32-wasip2/release")
    })
}

/// One of them.
pub(crate) fn guest(name: &str) -> PathBuf {
    guests().join(format!("guest_{name}.wasm"))
}
