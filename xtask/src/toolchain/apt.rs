//! Debian packages, installed where that is possible without a question: as root, with apt there.
//!
//! Downloading is separate from installing, because only the first waits for the network and
//! may be stopped at any moment. Nothing is ever removed to make room for a package.

use std::process::Command;
use std::time::Duration;

use crate::failure::{Failure, Result};
use crate::process;
use crate::terminal::say;

const UPDATE_MAY_TAKE: Duration = Duration::from_secs(120);
const DOWNLOAD_MAY_TAKE: Duration = Duration::from_secs(300);
const INSTALL_MAY_TAKE: Duration = Duration::from_secs(600);

const OPTIONS: [&str; 8] = [
    "--yes",
    "--quiet=2",
    "--no-install-recommends",
    // Better to fail than to take away what somebody uses.
    "--no-remove",
    "--option=Acquire::http::Timeout=20",
    "--option=Acquire::Retries=2",
    "--option=DPkg::Lock::Timeout=120",
    "--option=Dpkg::Use-Pty=0",
];

/// Whether packages can be installed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apt {
    /// They can.
    Usable,
    /// There is no apt.
    Absent,
    /// There is, but only root may use it.
    NotRoot,
}

impl Apt {
    /// Looks.
    pub(crate) fn here() -> Self {
        if process::find("apt-get").is_none() || process::find("dpkg-query").is_none() {
            return Self::Absent;
        }
        match process::answer(Command::new("id").arg("-u"), "id -u") {
            Ok(user) if user.trim() == "0" => Self::Usable,
            _ => Self::NotRoot,
        }
    }
}

/// Makes sure that all of these packages are installed.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let wanted: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| !is_installed(package))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", wanted.join(" "));
    match Apt::here() {
        Apt::Usable => {}
        Apt::Absent => {
            return Err(Failure::new(
                "there is no apt here, so Debian's packages cannot be installed",
            ));
        }
        Apt::NotRoot => {
            return Err(
                Failure::new(format!("installing {} needs root", wanted.join(", ")))
                    .fix(format!("run once: sudo {by_hand}")),
            );
        }
    }
    say(format!("    {by_hand}"));
    let told = |failure: Failure| failure.or_fix(format!("see what `{by_hand}` says, then run this again"));
    let download = |within| apt_get(within, &[&["install", "--download-only"], &wanted[..]].concat());
    // Lists that are old, or not there at all on a fresh machine, are the usual reason.
    if download(DOWNLOAD_MAY_TAKE).is_err() {
        apt_get(UPDATE_MAY_TAKE, &["update"]).map_err(told)?;
        download(DOWNLOAD_MAY_TAKE).map_err(told)?;
    }
    apt_get(INSTALL_MAY_TAKE, &[&["install"], &wanted[..]].concat()).map_err(told)
}

fn apt_get(within: Duration, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(OPTIONS)
        .args(arguments);
    process::output_within(&mut command, within, "apt-get")?
        .success("apt-get")
        .map(drop)
}

fn is_installed(package: &str) -> bool {
    process::answer(
        Command::new("dpkg-query").args(["--show", "--showformat=${Status}", package]),
        "dpkg-query",
    )
    .is_ok_and(|status| status.trim_end() == "install ok installed")
}
