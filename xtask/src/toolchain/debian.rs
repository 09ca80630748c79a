//! A toolchain out of Debian's packages, for machines that cannot reach rustup's server.
//!
//! Debian has a current compiler (`rustc-web`), the source of its std, and a C library for WASI, but no std
//! for wasm32-wasip2. So std is built once, from that source with that compiler, and laid
//! out as a sysroot of its own in `$XDG_CACHE_HOME/byway/toolchain` (`~/.cache/byway/toolchain`), which
//! all checkouts share. The linker (`wasm-component-ld`) is that of the Rust in use.
//!
//! ```text
//! bin/{rustc,rustdoc}                   Debian's, told of this sysroot
//! bin/cargo                             the one in use
//! lib/rustlib/wasm32-wasip2/lib/        std, and Debian's C library in self-contained/
//! lib/rustlib/<host>/lib                Debian's std, for build scripts and macros
//! lib/rustlib/<host>/bin                the linker of the Rust in use
//! made-of                               what all this was made of; when that changes, it is made anew
//! ```
//!
//! The folder appears under its name only when it is complete. With rustup it is also known as
//! `cargo +byway-wasi`. That C library is an old one: `std::net` does not link with it.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::failure::{Doing, Failure, Result};
use crate::process;
use crate::terminal::{say, time};

use super::{TARGET, apt, host_triple};

const PACKAGES: [&str; 4] = ["rustc-web", "rust-web-src", "libstd-rust-web-dev", "wasi-libc"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const WASI_LIBC: &str = "/usr/lib/wasm32-wasi";
/// Raised when what is built here changes.
const RECIPE: u32 = 2;
/// The name rustup knows it by.
const LINKED_AS: &str = "byway-wasi";

const BUILD_MAY_TAKE: Duration = Duration::from_secs(900);
const LOCK_MAY_TAKE: Duration = Duration::from_secs(1200);

/// What a component's file starts with: the magic of WebAssembly, and the layer of components.
const COMPONENT: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

/// Finds the toolchain, or makes it.
pub(super) fn prepare() -> Result<PathBuf> {
    apt::install(&PACKAGES)?;
    let cache = cache_folder()?;
    fs::create_dir_all(&cache).doing(format_args!("make {}", cache.display()))?;
    let _lock = lock(&cache.join("toolchain.lock"))?;
    let folder = cache.join("toolchain");
    let parts = Parts::find()?;
    if fs::read_to_string(folder.join("made-of")).is_ok_and(|text| text == parts.to_string()) {
        return Ok(folder);
    }
    say(format!(
        "    building std for {TARGET} from Debian's source, once (about a minute)"
    ));
    let started = Instant::now();
    let work = cache.join("toolchain.new");
    remove(&work)?;
    let libraries = build_std(&work.join("std"))?;
    lay_out(&work.join("sysroot"), &parts, &libraries)?;
    remove(&folder)?;
    fs::rename(work.join("sysroot"), &folder).doing(format_args!("make {}", folder.display()))?;
    remove(&work)?;
    let made = makes_components(&folder).and_then(|()| link_to_rustup(&folder));
    if let Err(failure) = made {
        // Not to be taken for complete next time.
        remove(&folder)?;
        return Err(failure);
    }
    say(format!(
        "    made {} in {}",
        folder.display(),
        time(started.elapsed())
    ));
    Ok(folder)
}

/// When a toolchain was made, in seconds since 1970: no two of one machine have the same.
pub(super) fn made_at(folder: &Path) -> u64 {
    let made = fs::metadata(folder.join("made-of")).and_then(|file| file.modified());
    made.ok()
        .and_then(|made| made.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |made| made.as_secs())
}

/// What a sysroot is made of.
#[derive(Debug)]
struct Parts {
    compiler: String,
    host: String,
    /// The sysroot of the Rust in use, which has the linker.
    own: PathBuf,
}

impl Parts {
    fn find() -> Result<Self> {
        let compiler = process::answer(
            Command::new(DEBIAN_RUSTC).arg("--version"),
            "Debian's rustc --version",
        )?;
        let own = process::answer(
            Command::new("rustc").args(["--print", "sysroot"]),
            "rustc --print sysroot",
        )?;
        let parts = Self {
            compiler: compiler.trim_end().to_owned(),
            host: host_triple()?,
            own: PathBuf::from(own.trim_end()),
        };
        if parts.linkers().join("wasm-component-ld").is_file() {
            return Ok(parts);
        }
        Err(Failure::new(format!(
            "the Rust in {} has no wasm-component-ld",
            parts.own.display()
        ))
        .fix("install Rust 1.95 or newer with rustup"))
    }

    fn linkers(&self) -> PathBuf {
        self.own.join("lib/rustlib").join(&self.host).join("bin")
    }
}

impl std::fmt::Display for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "recipe {RECIPE}\ncompiler {}\nlinker {}",
            self.compiler,
            self.linkers().display()
        )
    }
}

fn cache_folder() -> Result<PathBuf> {
    let named = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
    };
    named("XDG_CACHE_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("byway"))
        .ok_or_else(|| Failure::new("there is no place for the toolchain").fix("set HOME or XDG_CACHE_HOME"))
}

fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).doing(format_args!("make {}", path.display()))?;
    let started = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => {
                return Err(error).doing(format_args!("lock {}", path.display()));
            }
            Err(TryLockError::WouldBlock) if started.elapsed() > LOCK_MAY_TAKE => {
                return Err(
                    Failure::new("another process has been making the toolchain for too long")
                        .fix(format!("see who holds {}", path.display())),
                );
            }
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut told, true) {
                    say("    waiting for another process that is making the toolchain");
                }
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }
}

/// Builds std, and gives the folder of its libraries.
fn build_std(work: &Path) -> Result<PathBuf> {
    fs::create_dir_all(work.join("src")).doing("make a work folder")?;
    // The crate itself is not wanted, only what it depends on. Its name is like that of no part of std.
    let manifest = concat!(
        "[package]\nname = \"byway-std\"\nversion = \"0.0.0\"\nedition = \"2021\"\n",
        "[profile.release]\npanic = \"abort\"\nopt-level = \"s\"\n[workspace]\n"
    );
    fs::write(work.join("Cargo.toml"), manifest).doing("write a manifest")?;
    fs::write(work.join("src/lib.rs"), "#![no_std]\n").doing("write a crate")?;
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(work)
        .args([
            "build",
            "--quiet",
            "--release",
            "--target",
            TARGET,
            "--target-dir",
            "out",
        ])
        .args(["-Z", "build-std=std,panic_abort"])
        .env("RUSTC", DEBIAN_RUSTC)
        // Debian's compiler is a stable one, and building std is not a stable ability.
        .env("RUSTC_BOOTSTRAP", "1")
        // Components are built with link-time optimisation, which reads the bitcode.
        .env("RUSTFLAGS", format!("-L {WASI_LIBC} -C embed-bitcode=yes"))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER");
    process::output_within(&mut cargo, BUILD_MAY_TAKE, "building std")?.success("building std")?;
    Ok(work.join("out").join(TARGET).join("release/deps"))
}

fn lay_out(sysroot: &Path, parts: &Parts, libraries: &Path) -> Result<()> {
    let rustlib = sysroot.join("lib/rustlib");
    let target = rustlib.join(TARGET).join("lib");
    let host = rustlib.join(&parts.host);
    for folder in [&target.join("self-contained"), &host, &sysroot.join("bin")] {
        fs::create_dir_all(folder).doing(format_args!("make {}", folder.display()))?;
    }
    copy_all(libraries, &target, |name| {
        name.ends_with(".rlib") && !name.starts_with("libbyway_std")
    })?;
    copy_all(Path::new(WASI_LIBC), &target.join("self-contained"), |name| {
        name.ends_with(".o") || name.ends_with(".a")
    })?;
    let debian_std = Path::new("/usr/lib/rustlib").join(&parts.host).join("lib");
    symlink(debian_std, host.join("lib")).doing("link Debian's std")?;
    symlink(parts.linkers(), host.join("bin")).doing("link the linker")?;
    for name in ["rustc", "rustdoc"] {
        let program = Path::new("/usr/bin").join(name);
        let script = format!(
            "#!/bin/sh\nexec {} --sysroot \"$(dirname \"$0\")/..\" \"$@\"\n",
            quoted(&program.display().to_string())
        );
        executable(&sysroot.join("bin").join(name), &script)?;
    }
    // Without one, rustup takes the cargo of whatever other toolchain it finds.
    let cargo = parts.own.join("bin/cargo");
    let script = format!(
        "#!/bin/sh\nexec {} \"$@\"\n",
        quoted(&cargo.display().to_string())
    );
    executable(&sysroot.join("bin/cargo"), &script)?;
    fs::write(sysroot.join("made-of"), parts.to_string()).doing("write made-of")
}

fn copy_all(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
    let entries = fs::read_dir(from).doing(format_args!("read {}", from.display()))?;
    let mut copied = 0;
    for entry in entries.filter_map(std::result::Result::ok) {
        let name = entry.file_name();
        if wanted(&name.to_string_lossy()) {
            fs::copy(entry.path(), to.join(&name)).doing(format_args!("copy {}", entry.path().display()))?;
            copied += 1;
        }
    }
    if copied == 0 {
        return Err(Failure::new(format!(
            "{} has none of the files that were expected",
            from.display()
        )));
    }
    Ok(())
}

fn executable(path: &Path, script: &str) -> Result<()> {
    fs::write(path, script).doing(format_args!("write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).doing("make a script executable")
}

/// A word of a shell's command line.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Proves that the toolchain makes a component out of code that uses std, built as ours is.
fn makes_components(folder: &Path) -> Result<()> {
    let source = folder.join("proof.rs");
    let made = folder.join("proof.wasm");
    let program = "#[unsafe(no_mangle)]\npub extern \"C\" fn proof() -> usize { std::env::args().count() }\n";
    fs::write(&source, program).doing("write a proof")?;
    let mut rustc = Command::new(folder.join("bin/rustc"));
    rustc.args([
        "--edition=2024",
        "--crate-type=cdylib",
        "-Cpanic=abort",
        "-Copt-level=s",
        "-Clto",
        "--target",
        TARGET,
    ]);
    rustc.arg("-o").arg(&made).arg(&source);
    process::answer(&mut rustc, "building a first component")?;
    let bytes = fs::read(&made).doing("read the first component")?;
    for file in [source, made] {
        fs::remove_file(file).doing("remove the proof")?;
    }
    if bytes.starts_with(&COMPONENT) {
        return Ok(());
    }
    Err(Failure::new(
        "the toolchain from Debian's packages makes files that are not components",
    ))
}

fn link_to_rustup(folder: &Path) -> Result<()> {
    if process::find("rustup").is_none() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["toolchain", "link", LINKED_AS]).arg(folder);
    process::answer(&mut rustup, "rustup toolchain link").map(drop)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing(format_args!("remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word_whatever_is_in_it() {
        assert_eq!(quoted("/a b"), "'/a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn another_compiler_or_linker_is_another_toolchain() {
        let parts = |compiler: &str, own: &str| Parts {
            compiler: compiler.to_owned(),
            host: "x86_64-unknown-linux-gnu".to_owned(),
            own: own.into(),
        };
        let made_of = parts("rustc 1.96.0", "/r").to_string();
        assert_ne!(made_of, parts("rustc 1.97.0", "/r").to_string());
        assert_ne!(made_of, parts("rustc 1.96.0", "/s").to_string());
    }
}
