//! Everything that has to hold before a change is taken in, quickest answers first.
//!
//! | step | what it looks at |
//! | --- | --- |
//! | `format` | rustfmt, in every workspace |
//! | `setup` | the tools are there |
//! | `components` | adapters, test guests and examples build |
//! | `clippy-components` | Clippy on them, warnings denied |
//! | `clippy` | Clippy on the rest, warnings denied |
//! | `unit-components` | their own tests, on this machine |
//! | `contract` | `wit/` resolves, is documented, and what is frozen has not changed |
//! | `tests` | unit, property, room and acceptance tests of the rest |
//! | `budget` | what an attempt takes, counted, is within its budget |
//! | `fuzz` | what strangers can send, seconds of it, at random |
//! | `docs` | the reference builds without a warning, and its examples run |

use std::cell::OnceCell;
use std::process::Command;

use crate::failure::Result;
use crate::layout::{ComponentWorkspace, Layout};
use crate::setup::{self, Tools};
use crate::steps::{self, Step};
use crate::terminal::say;
use crate::toolchain::{TARGET, Toolchain, host_triple};
use crate::{budget, components, fuzz, npm, process, pypi};

/// The acceptance test that goes through a real ssh server is left out where this is `1`. Otherwise a missing
/// server is a failure.
const SKIP_SSHD: &str = "BYWAY_SKIP_SSHD";
/// Tells the sandbox's tests where the built guests are.
const GUESTS: &str = "BYWAY_GUESTS";
/// Tells the acceptance tests where npm's packages are; the tests that use them are left out without it.
const NODE_MODULES: &str = "BYWAY_NODE_MODULES";
/// The same for the Python that has PyPI's packages.
const PYTHON: &str = "BYWAY_PYTHON";
/// The same for the sandbox's tests and the component of the example in JavaScript.
const JAVASCRIPT_ADAPTER: &str = "BYWAY_JAVASCRIPT_ADAPTER";

/// Does the steps named, or all.
pub(crate) fn test(layout: &Layout, only: &[String]) -> Result<()> {
    let run = &Run {
        layout: layout.clone(),
        tools: OnceCell::new(),
    };
    let step = |name, work: fn(&Run) -> Result<()>| Step {
        name,
        work: Box::new(move || work(run)),
    };
    let steps = vec![
        step("format", Run::format),
        step("setup", |run| run.tools().map(drop)),
        step("components", Run::components),
        step("clippy-components", Run::clippy_components),
        step("clippy", Run::clippy),
        step("unit-components", Run::unit_components),
        step("contract", Run::contract),
        step("tests", Run::tests),
        step("budget", |run| budget::budget(&run.layout)),
        step("fuzz", |run| fuzz::shortly(&run.layout)),
        step("docs", Run::docs),
    ];
    steps::run(steps, only, "xtask test")?;
    if run.tools.get().is_some_and(|tools| !tools.sshd) {
        say("    left out: the test through a real ssh server, as there is none (install openssh-server)");
    }
    Ok(())
}

struct Run {
    layout: Layout,
    tools: OnceCell<Tools>,
}

impl Run {
    fn tools(&self) -> Result<&Tools> {
        if let Some(tools) = self.tools.get() {
            return Ok(tools);
        }
        let tools = setup::prepare()?;
        Ok(self.tools.get_or_init(|| tools))
    }

    /// Cargo in the host's workspace.
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = process::cargo(&self.layout.root);
        cargo.args(arguments);
        cargo
    }

    fn format(&self) -> Result<()> {
        let components = self
            .layout
            .component_workspaces()?
            .into_iter()
            .map(|workspace| workspace.folder);
        for folder in [self.layout.root.clone()].into_iter().chain(components) {
            let shown = self.layout.shown(&folder);
            let mut cargo = Command::new("cargo");
            cargo.current_dir(&folder).args(["fmt", "--all", "--check"]);
            process::run(&mut cargo, &format!("cargo fmt --all --check in ./{shown}"))?;
        }
        Ok(())
    }

    fn components(&self) -> Result<()> {
        components::build(&self.layout, &self.tools()?.toolchain)
    }

    /// Looks at each as the component that it becomes, and at its tests as they run here.
    fn clippy_components(&self) -> Result<()> {
        let toolchain = &self.tools()?.toolchain;
        let host = host_triple()?;
        for ComponentWorkspace { folder, kind, .. } in self.layout.component_workspaces()? {
            let clippy = |toolchain: &Toolchain, arguments: &[&str]| {
                let mut cargo = components::cargo(&self.layout, toolchain, &folder, "clippy");
                cargo.args(arguments).args(["--", "-D", "warnings"]);
                process::run(
                    &mut cargo,
                    &format!("cargo clippy in {}", self.layout.shown(&folder)),
                )
            };
            if toolchain.has_clippy_for_components() {
                clippy(toolchain, &["--target", TARGET])?;
            }
            if kind.runs_here() {
                clippy(&Toolchain::Own, &["--target", &host, "--all-targets"])?;
            }
        }
        Ok(())
    }

    fn clippy(&self) -> Result<()> {
        let mut cargo = self.cargo(&[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]);
        process::run(&mut cargo, "cargo clippy")
    }

    fn unit_components(&self) -> Result<()> {
        let host = host_triple()?;
        for ComponentWorkspace { folder, kind, .. } in self.layout.component_workspaces()? {
            if kind.runs_here() {
                let mut cargo = components::cargo(&self.layout, &Toolchain::Own, &folder, "test");
                cargo.args(["--quiet", "--target", &host]);
                process::run(
                    &mut cargo,
                    &format!("cargo test in {}", self.layout.shown(&folder)),
                )?;
            }
        }
        Ok(())
    }

    fn contract(&self) -> Result<()> {
        let mut cargo = self.cargo(&["test", "--locked", "--package", "byway", "--test", "contract"]);
        process::run(&mut cargo, "the contract's test")
    }

    fn tests(&self) -> Result<()> {
        let tools = self.tools()?;
        let mut cargo = if tools.nextest {
            self.cargo(&["nextest", "run", "--locked", "--workspace"])
        } else {
            self.cargo(&["test", "--locked", "--workspace", "--lib", "--bins", "--tests"])
        };
        cargo.env(GUESTS, self.layout.target.join("guests"));
        for (name, had) in [
            (NODE_MODULES, npm::prepare(&self.layout)),
            (PYTHON, pypi::prepare(&self.layout, &pypi::OF_TESTS)),
            (JAVASCRIPT_ADAPTER, npm::javascript_adapter(&self.layout)),
        ] {
            if let Some(path) = had {
                cargo.env(name, path);
            }
        }
        if !tools.sshd {
            cargo.env(SKIP_SSHD, "1");
        }
        process::run(&mut cargo, "the tests")
    }

    /// Private items as well: the reference is for those who work on the rooms, and its links are checked.
    fn docs(&self) -> Result<()> {
        let mut cargo = self.cargo(&[
            "doc",
            "--locked",
            "--no-deps",
            "--document-private-items",
            "--package",
            "byway",
        ]);
        process::run(
            cargo.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links"),
            "cargo doc",
        )?;
        process::run(
            &mut self.cargo(&["test", "--locked", "--doc", "--package", "byway"]),
            "the examples in the reference",
        )
    }
}
