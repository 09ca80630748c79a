//! Makes sure that everything the other tasks need is there. It can be run as often as one likes, asks
//! nothing, and is bounded in time.
//!
//! Only the toolchain is a must. What is optional is used where it is there, and where it is
//! missing it is said what is left out by that.

use std::path::Path;

use crate::failure::Result;
use crate::process;
use crate::terminal::say;
use crate::toolchain::{self, Apt, Toolchain};

/// What there is to work with.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// Makes the components.
    pub(crate) toolchain: Toolchain,
    /// Whether `cargo nextest` is there. Without it, `cargo test` runs the same tests.
    pub(crate) nextest: bool,
    /// Whether there is an ssh server for the test that goes through one.
    pub(crate) sshd: bool,
}

/// Prepares everything and says what it found.
pub(crate) fn prepare() -> Result<Tools> {
    let toolchain = toolchain::prepare()?;
    say(format!("    toolchain: {toolchain}"));
    let nextest = process::find("cargo-nextest").is_some();
    say(format!(
        "    test runner: {}",
        if nextest { "cargo nextest" } else { "cargo test" }
    ));
    let sshd = sshd()?;
    Ok(Tools {
        toolchain,
        nextest,
        sshd,
    })
}

/// The toolchain alone: all that building and the demo need.
pub(crate) fn prepare_toolchain() -> Result<Toolchain> {
    toolchain::prepare()
}

fn sshd() -> Result<bool> {
    let there = || process::find("sshd").is_some() && process::find("ssh").is_some();
    if !there() && sshd_can_be_installed() {
        // The tests start one of their own on loopback, with keys of their own.
        if let Err(failure) = toolchain::install_packages(&["openssh-server", "openssh-client"]) {
            say(format!("    ssh server: {failure}"));
        }
    }
    let there = there();
    say(if there {
        "    ssh server: found"
    } else {
        "    ssh server: none (install openssh-server); the test that goes through one is left out"
    });
    Ok(there)
}

/// Where systemd runs, installing the package would also start a server for all the world.
/// That is not for a build to decide.
fn sshd_can_be_installed() -> bool {
    Apt::here() == Apt::Usable && !Path::new("/run/systemd/system").exists()
}
