//! Builds everything that runs: the toolchain if need be, the components, then the host that carries
//! the adapters.

use std::path::PathBuf;

use crate::failure::{Failure, Result};
use crate::layout::Layout;
use crate::terminal::say;
use crate::{components, process, setup};

/// Builds, and gives the program.
pub(crate) fn build(layout: &Layout) -> Result<PathBuf> {
    say("==> toolchain");
    let toolchain = setup::prepare_toolchain()?;
    say("==> components");
    components::build(layout, &toolchain)?;
    say("==> byway");
    build_host(layout)
}

fn build_host(layout: &Layout) -> Result<PathBuf> {
    // Together with a test, because tests bring features of libraries with them: built this way, the tests find
    // everything built, wasmtime above all, and the other way round.
    process::run(
        process::cargo(&layout.root).args([
            "build",
            "--locked",
            "--package",
            "byway",
            "--bin",
            "byway",
            "--test",
            "contract",
        ]),
        "cargo build -p byway",
    )?;
    let program = layout.target.join("debug/byway");
    if program.is_file() {
        return Ok(program);
    }
    Err(
        Failure::new(format!("Cargo has built byway, but not to {}", program.display()))
            .fix("name the build folder by CARGO_TARGET_DIR, not in a Cargo configuration"),
    )
}
