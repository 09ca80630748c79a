//! Where things are: the repository, the build folder, and the workspaces that build components.
//!
//! The build folder is Cargo's own (`CARGO_TARGET_DIR`, else `target/`). What the tasks put
//! there:
//!
//! | folder | what |
//! | --- | --- |
//! | `adapters/` | the adapters that byway carries, one `<name>.wasm` each |
//! | `guests/` | the components that the host's tests run, hostile ones among them |
//! | `examples/` | the components of `examples/` |
//! | `components*/` | Cargo's build folders for all of these, one a toolchain |
//! | `npm/`, `pypi/`, `pypi-bench/`, `javascript/` | what others wrote, for the tests that ask them and the benches; and the example in JavaScript |
//! | `counted/`, `guided/` | Cargo's build folders for a release: what counts a run, and what is laid out by the counts |
//! | `fuzz/` | what random inputs found, and those that broke something |
//! | `demo/` | throw-away folders of running demos |

use std::path::{Path, PathBuf};

use crate::failure::{Doing, Failure, Result};

/// Where everything is.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The repository.
    pub(crate) root: PathBuf,
    /// Cargo's build folder.
    pub(crate) target: PathBuf,
}

/// A workspace that builds for wasm32-wasip2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ComponentWorkspace {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Where its components go.
    pub(crate) to: PathBuf,
    /// What its components are for.
    pub(crate) kind: ComponentKind,
}

/// What components are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComponentKind {
    /// byway carries them.
    Adapter,
    /// The host's tests run them.
    Guest,
    /// A reader could have written them.
    Example,
}

impl ComponentKind {
    /// Whether its code also means something outside of a sandbox, so that it has tests that run here. A guest is
    /// there to be run by the host's tests.
    pub(crate) fn runs_here(self) -> bool {
        self != Self::Guest
    }
}

impl Layout {
    /// Finds out, from where Cargo says this very package is.
    pub(crate) fn find() -> Result<Self> {
        let manifest =
            std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("xtask"), PathBuf::from);
        let root = std::path::absolute(&manifest)
            .ok()
            .and_then(|xtask| xtask.parent().map(Path::to_path_buf))
            .filter(|root| root.join("host/Cargo.toml").is_file())
            .ok_or_else(|| {
                Failure::new("this is not run from the repository").fix("run `cargo xtask …` inside it")
            })?;
        let target = match std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
            // Cargo reads a relative one from where it was called.
            Some(folder) => std::path::absolute(folder).doing("find CARGO_TARGET_DIR")?,
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// All workspaces that build components. The adapters have to be there; the others are
    /// found by looking, so that a new example needs no entry anywhere.
    pub(crate) fn component_workspaces(&self) -> Result<Vec<ComponentWorkspace>> {
        let workspace = |folder: PathBuf, to: &str, kind| ComponentWorkspace {
            folder,
            to: self.target.join(to),
            kind,
        };
        let mut all = vec![workspace(
            self.root.join("adapters"),
            "adapters",
            ComponentKind::Adapter,
        )];
        all.push(workspace(
            self.root.join("host/tests/guests"),
            "guests",
            ComponentKind::Guest,
        ));
        let mut examples: Vec<PathBuf> = match std::fs::read_dir(self.root.join("examples")) {
            Ok(entries) => entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .collect(),
            Err(_) => Vec::new(),
        };
        examples.sort();
        all.extend(
            examples
                .into_iter()
                .map(|folder| workspace(folder, "examples", ComponentKind::Example)),
        );
        all.retain(|workspace| workspace.folder.join("Cargo.toml").is_file());
        if all
            .iter()
            .any(|workspace| workspace.kind == ComponentKind::Adapter)
        {
            return Ok(all);
        }
        Err(Failure::new(format!(
            "there are no adapters in {}",
            self.root.join("adapters").display()
        ))
        .fix("the checkout is incomplete: get the folder back with git"))
    }

    /// The path as a person would write it: from the repository where it is inside.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}
