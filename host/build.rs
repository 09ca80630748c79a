//! Puts the built adapters into the program.
//!
//! They are components, built before this for another target, so Cargo cannot order the two builds:
//! `cargo xtask build` does. It leaves them in `<build folder>/adapters`; `BYWAY_ADAPTERS` names another
//! folder. Without any, byway builds all the same and carries none: transports then have to name
//! their adapters by path.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const OVERRIDE: &str = "BYWAY_ADAPTERS";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={OVERRIDE}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let folder = match std::env::var_os(OVERRIDE).filter(|value| !value.is_empty()) {
        Some(folder) => {
            let folder = std::path::absolute(folder)?;
            if !folder.is_dir() {
                return Err(format!("{OVERRIDE} names {}, which is not a folder", folder.display()).into());
            }
            folder
        }
        None => {
            let folder = build_folder(&out)
                .ok_or("OUT_DIR is not inside a build folder")?
                .join("adapters");
            // Made here, because watching a folder that is not there means building anew each time.
            fs::create_dir_all(&folder)?;
            folder
        }
    };
    println!("cargo::rerun-if-changed={}", folder.display());
    let adapters = adapters(&folder)?;
    if adapters.is_empty() {
        println!(
            "cargo::warning=no adapters in {}: run `cargo xtask build`",
            folder.display()
        );
    }
    let mut table = String::from("static ADAPTERS: &[(&str, &[u8])] = &[\n");
    for (name, file) in adapters {
        println!("cargo::rerun-if-changed={}", file.display());
        let file = file.to_str().ok_or("the build folder's path is not UTF-8")?;
        writeln!(table, "    ({name:?}, include_bytes!({file:?})),")?;
    }
    table.push_str("];\n");
    fs::write(out.join("builtin.rs"), table)?;
    Ok(())
}

/// Cargo's build folder: `OUT_DIR` is `<it>/[<target>/]<profile>/build/<package>/out`, and Cargo keeps a
/// file of its own at the top.
fn build_folder(out: &Path) -> Option<&Path> {
    let known = out
        .ancestors()
        .find(|folder| folder.join(".rustc_info.json").is_file());
    known.or_else(|| out.ancestors().nth(4))
}

/// The components in the folder, by name.
fn adapters(folder: &Path) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    let mut adapters = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "wasm") {
            let name = file
                .file_stem()
                .and_then(|stem| stem.to_str())
                .ok_or("an adapter's name is not UTF-8")?;
            adapters.push((name.to_owned(), file));
        }
    }
    adapters.sort();
    Ok(adapters)
}
