//! What is taken from npm, as the lock files in the repository pin it: the packages that tests ask for a second
//! opinion (`tests/npm`), and the compiler that makes a component of the example in JavaScript.
//!
//! Tests alone use them, and nothing that is shipped. Where npm, node or its registry is missing, those tests are
//! left out, and that is said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::{Doing, Result};
use crate::layout::Layout;
use crate::process;
use crate::terminal::say;

/// How long npm may take.
const LIMIT: Duration = Duration::from_secs(90);
/// How long the compiler may take; a few seconds on a machine that has nothing else to do.
const COMPILE_LIMIT: Duration = Duration::from_secs(60);

/// The folder that node looks into for the second opinions; `None` where they cannot be had here.
pub(crate) fn prepare(layout: &Layout) -> Option<PathBuf> {
    let installed = install(&layout.root.join("tests/npm"), &layout.target.join("npm"));
    or_left_out(installed, "npm packages")
}

/// The component of `examples/javascript-adapter`; `None` where it cannot be made here.
pub(crate) fn javascript_adapter(layout: &Layout) -> Option<PathBuf> {
    or_left_out(componentize(layout), "the adapter in JavaScript")
}

fn or_left_out(had: Result<Option<PathBuf>>, what: &str) -> Option<PathBuf> {
    let why = match had {
        Ok(Some(path)) => return Some(path),
        Ok(None) => "neither npm nor node is here".to_owned(),
        Err(failure) => failure.to_string(),
    };
    say(format!("    {what}: {why}; the tests that use it are left out"));
    None
}

fn componentize(layout: &Layout) -> Result<Option<PathBuf>> {
    let from = layout.root.join("examples/javascript-adapter");
    let to = layout.target.join("javascript");
    let Some(modules) = install(&from, &to)? else {
        return Ok(None);
    };
    // The same words as the example's own `npm run build`.
    let component = to.join("room.wasm");
    let mut compiler = Command::new("node");
    compiler
        .arg(modules.join("componentize-qjs/bin/componentize-qjs"))
        .args(["--sync", "--stub-wasi", "--world", "transport-adapter", "--wit"])
        .arg(layout.root.join("wit"))
        .arg("--js")
        .arg(from.join("adapter.js"))
        .arg("--output")
        .arg(&component);
    process::output_within(&mut compiler, COMPILE_LIMIT, "componentize-qjs")?.success("componentize-qjs")?;
    Ok(Some(component))
}

/// Installs what the lock file in `from` pins into `to`; the folder of the modules, or nothing without npm.
fn install(from: &Path, to: &Path) -> Result<Option<PathBuf>> {
    if process::find("npm").is_none() || process::find("node").is_none() {
        return Ok(None);
    }
    fs::create_dir_all(to).doing(format_args!("make {}", to.display()))?;
    let modules = to.join("node_modules");
    let mut is_new = !modules.is_dir();
    for name in ["package.json", "package-lock.json"] {
        let file = from.join(name);
        let wanted = fs::read(&file).doing(format_args!("read {}", file.display()))?;
        if fs::read(to.join(name)).is_ok_and(|there| there == wanted) {
            continue;
        }
        is_new = true;
        fs::write(to.join(name), wanted).doing(format_args!("write {name}"))?;
    }
    if is_new {
        // No script of a package runs: none of them is needed, and none is ours.
        let mut npm = Command::new("npm");
        npm.current_dir(to)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        let done =
            process::output_within(&mut npm, LIMIT, "npm ci").and_then(|output| output.success("npm ci"));
        if let Err(failure) = done {
            // Half of them would be taken for all of them.
            let _ = fs::remove_dir_all(&modules);
            return Err(failure);
        }
    }
    Ok(Some(modules))
}
