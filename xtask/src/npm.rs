//! The packages of npm that the tests ask for a second opinion, as `tests/npm` pins them.
//!
//! They are used by one test and by nothing that is shipped, so where npm, node or its registry is
//! missing the test is left out, and that is said.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::failure::{Doing, Result};
use crate::layout::Layout;
use crate::process;
use crate::terminal::say;

/// How long npm may take.
const LIMIT: Duration = Duration::from_secs(90);

/// The folder that node looks into for them; `None` where they cannot be had here.
pub(crate) fn prepare(layout: &Layout) -> Option<PathBuf> {
    match install(layout) {
        Ok(Some(folder)) => Some(folder),
        Ok(None) => {
            say("    npm packages: neither npm nor node is here; the test that uses them is left out");
            None
        }
        Err(failure) => {
            say(format!(
                "    npm packages: {failure}; the test that uses them is left out"
            ));
            None
        }
    }
}

fn install(layout: &Layout) -> Result<Option<PathBuf>> {
    if process::find("npm").is_none() || process::find("node").is_none() {
        return Ok(None);
    }
    let (from, to) = (layout.root.join("tests/npm"), layout.target.join("npm"));
    fs::create_dir_all(&to).doing(format_args!("make {}", to.display()))?;
    let modules = to.join("node_modules");
    let mut is_new = !modules.is_dir();
    for name in ["package.json", "package-lock.json"] {
        let wanted = fs::read(from.join(name)).doing(format_args!("read tests/npm/{name}"))?;
        if fs::read(to.join(name)).is_ok_and(|there| there == wanted) {
            continue;
        }
        is_new = true;
        fs::write(to.join(name), wanted).doing(format_args!("write {name}"))?;
    }
    if is_new {
        // No script of a package runs: none of them is needed, and none is ours.
        let mut npm = Command::new("npm");
        npm.current_dir(&to)
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
