//! A Rust toolchain that makes components, found or made without a question.
//!
//! Three ways, the first that works is taken:
//!
//! 1. The compiler in use has the target wasm32-wasip2 already.
//! 2. `rustup target add wasm32-wasip2`, for at most a minute: where a machine may not reach
//!    rustup's server, it must not hang there.
//! 3. Debian's packages, from which std is built once ([`debian`]).
//!
//! `BYWAY_TOOLCHAIN=rustup` leaves out the third, `BYWAY_TOOLCHAIN=debian` the first two.

mod apt;
mod debian;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::process;
use crate::terminal::{say, time};

pub(crate) use apt::{Apt, install as install_packages};

/// What components are built for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

const RUSTUP_MAY_TAKE: Duration = Duration::from_secs(60);

/// A toolchain that makes components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The compiler in use, which has the target.
    Own,
    /// A private one in this folder, with Debian's compiler.
    Debian(PathBuf),
}

impl Toolchain {
    /// Cargo, set to build components with this toolchain.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        if let Self::Debian(folder) = self {
            cargo
                .env("RUSTC", folder.join("bin/rustc"))
                .env("RUSTDOC", folder.join("bin/rustdoc"));
        }
        cargo
    }

    /// The name of Cargo's build folder for what this toolchain builds. Cargo tells compilers apart by their
    /// version alone, and would mix what was built against two different stds of one version.
    pub(crate) fn build_folder(&self) -> String {
        match self {
            Self::Own => "components".to_owned(),
            Self::Debian(folder) => format!("components-debian-{}", debian::made_at(folder)),
        }
    }

    /// Whether Clippy can look at code for the target. The installed Clippy reads only what its own
    /// compiler made, so with Debian's compiler it looks at the same code for this machine only.
    pub(crate) fn has_clippy_for_components(&self) -> bool {
        *self == Self::Own
    }
}

impl std::fmt::Display for Toolchain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own => f.write_str("the compiler in use"),
            Self::Debian(folder) => write!(f, "Debian's compiler, in {}", folder.display()),
        }
    }
}

/// Which of the three ways may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Any,
    Rustup,
    Debian,
}

fn wish(value: Option<&str>) -> Result<Wish> {
    match value {
        None | Some("" | "auto") => Ok(Wish::Any),
        Some("rustup") => Ok(Wish::Rustup),
        Some("debian") => Ok(Wish::Debian),
        Some(other) => Err(
            Failure::new(format!("BYWAY_TOOLCHAIN={other} is not a way to get a toolchain"))
                .fix("set it to rustup, debian or auto"),
        ),
    }
}

/// Finds or makes a toolchain.
pub(crate) fn prepare() -> Result<Toolchain> {
    let wish = wish(std::env::var("BYWAY_TOOLCHAIN").ok().as_deref())?;
    if wish != Wish::Debian && (own_has_target() || add_by_rustup()?) {
        return Ok(Toolchain::Own);
    }
    if wish == Wish::Rustup {
        return Err(Failure::new(format!("rustup could not install the target {TARGET}")).fix(format!(
            "look at what `rustup target add {TARGET}` says, or unset BYWAY_TOOLCHAIN to use Debian's packages"
        )));
    }
    debian::prepare().map(Toolchain::Debian)
}

/// The triple of this machine.
pub(crate) fn host_triple() -> Result<String> {
    let told = process::answer(Command::new("rustc").arg("-vV"), "rustc -vV")?;
    told.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("rustc -vV does not name its host"))
}

fn own_has_target() -> bool {
    let folder = process::answer(
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]),
        "rustc --print target-libdir",
    );
    let Ok(entries) = folder.and_then(|folder| {
        std::fs::read_dir(folder.trim_end()).map_err(|error| Failure::new(error.to_string()))
    }) else {
        return false;
    };
    entries.filter_map(std::result::Result::ok).any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

fn add_by_rustup() -> Result<bool> {
    if process::find("rustup").is_none() {
        say("    there is no rustup here");
        return Ok(false);
    }
    say(format!(
        "    rustup target add {TARGET} (for at most {})",
        time(RUSTUP_MAY_TAKE)
    ));
    let started = Instant::now();
    let ended = process::run_within(
        Command::new("rustup").args(["target", "add", TARGET]),
        RUSTUP_MAY_TAKE,
        "rustup target add",
    )?;
    let added = ended.is_some_and(|status| status.success()) && own_has_target();
    if !added {
        say(format!(
            "    rustup could not do it ({})",
            time(started.elapsed())
        ));
    }
    Ok(added)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_that_is_none_is_refused() {
        assert_eq!(wish(None).unwrap(), Wish::Any);
        assert_eq!(wish(Some("debian")).unwrap(), Wish::Debian);
        assert!(
            wish(Some("fedora"))
                .unwrap_err()
                .to_string()
                .contains("rustup, debian or auto")
        );
    }

    #[test]
    fn debians_compiler_is_handed_to_cargo() {
        let cargo = Toolchain::Debian("/t".into()).cargo();
        assert!(
            cargo
                .get_envs()
                .any(|(name, value)| name == "RUSTC" && value == Some("/t/bin/rustc".as_ref()))
        );
        assert_eq!(Toolchain::Own.cargo().get_envs().count(), 0);
    }
}
