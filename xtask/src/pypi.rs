//! The packages of PyPI that the tests ask for a second opinion, and those that byway is measured beside. Files in the
//! repository pin them by their hashes.
//!
//! Each set lives in an environment of its own beneath the build folder. Where Python or its registry is missing, what
//! uses them is left out, and that is said.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::failure::{Doing, Failure, Result};
use crate::layout::Layout;
use crate::process;
use crate::terminal::say;

/// How long making the environment may take, and as long again for the packages.
const LIMIT: Duration = Duration::from_secs(90);

/// Packages that are installed together.
pub(crate) struct Packages {
    /// The file that pins them, in the repository.
    pinned: &'static str,
    /// Their environment, beneath the build folder.
    folder: &'static str,
}

/// What the tests ask for a second opinion.
pub(crate) const OF_TESTS: Packages = Packages {
    pinned: "tests/pypi/requirements.txt",
    folder: "pypi",
};

/// What byway is measured beside.
pub(crate) const OF_BENCHES: Packages = Packages {
    pinned: "host/benches/others/requirements.txt",
    folder: "pypi-bench",
};

/// The Python that has them; `None` where they cannot be had here.
pub(crate) fn prepare(layout: &Layout, packages: &Packages) -> Option<PathBuf> {
    match install(layout, packages) {
        Ok(python) => Some(python),
        Err(failure) => {
            say(format!(
                "    PyPI packages: {failure}; what uses them is left out"
            ));
            None
        }
    }
}

fn install(layout: &Layout, packages: &Packages) -> Result<PathBuf> {
    let pinned = layout.root.join(packages.pinned);
    let folder = layout.target.join(packages.folder);
    let (python, installed) = (folder.join("bin/python"), folder.join("requirements.txt"));
    let wanted = fs::read(&pinned).doing(format_args!("read {}", packages.pinned))?;
    // Written last: half of them would be taken for all of them.
    if fs::read(&installed).is_ok_and(|there| there == wanted) && python.exists() {
        return Ok(python);
    }
    let own = process::find("python3").ok_or_else(|| Failure::new("there is no python3 here"))?;
    let mut venv = Command::new(own);
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    process::output_within(&mut venv, LIMIT, "python3 -m venv")?.success("python3 -m venv")?;
    let mut pip = Command::new(&python);
    // Wheels only: nothing of a package runs while it is installed.
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary=:all:",
        "--requirement",
    ])
    .arg(&pinned);
    process::output_within(&mut pip, LIMIT, "pip install")?.success("pip install")?;
    fs::write(&installed, wanted).doing(format_args!("write {}", installed.display()))?;
    Ok(python)
}
