//! What the project does to itself. `cargo xtask help` lists the tasks.
//!
//! Everything a fresh machine needs is done from here, so that a stranger types one command and a
//! build server the same one.

mod bench;
mod budget;
mod build;
mod built;
mod components;
mod demo;
mod failure;
mod fuzz;
mod layout;
mod npm;
mod openclaw;
mod process;
mod pypi;
mod release;
mod setup;
mod steps;
mod terminal;
mod test;
mod toolchain;
mod torture;

use std::process::{Command, ExitCode};

use failure::{Failure, Result};
use layout::Layout;
use terminal::{complain, say};

const HELP: &str = "\
cargo xtask TASK

  setup            make sure a toolchain can build components; asks nothing, safe to repeat
  build            set-up, then the adapters, the examples and byway
  demo             two byways on this machine: a message gets through although the first
                   choices fail. --readme writes what it printed into README.md
  test [STEP…]     everything that has to hold; with names, only those steps
  budget           count what an attempt takes, and hold it against host/benches/budget.json
  release          byway as it is shipped, laid out by what a run of it did: built twice, a quarter of an hour
                   the first time
  bench [NAME…]    what byway takes, side by side with what it is held against: all benches, or those named.
                   Builds (half an hour the first time; 8 minutes with --plain, where the program is not
                   the one that is shipped), then about six minutes on a quiet machine
  fuzz [TARGET…]   what strangers can send, tried at random: 60 s a target, or --seconds N. With a file,
                   that input alone. --keep takes over into fuzz/corpus what was worth finding
  torture [NAME…]  kills, power cuts and damage, long: --kills N (2000, about half an hour),
                   --every N (damage to one byte in N: 16; 1 takes hours), --seed S
                   repeats what a run has printed; with names, only those tests
  openclaw [PART…] what is said of the real OpenClaw gateway, tried against it: installs it (840 MB,
                   about a minute), then takes about a quarter of an hour; not a part of `test`. With names
                   (sessions-send, nodes-run, presets, chain, across), only those parts
  deny             licences, advisories and bans of all dependencies (needs cargo-deny)

Environment
  CARGO_TARGET_DIR     the build folder
  BYWAY_TOOLCHAIN      how to get a toolchain for components: rustup, debian or auto (rustup
                       first, then Debian's packages)
  BYWAY_SKIP_SSHD=1    leave out the test through a real ssh server
  NO_COLOR             no colours";

fn main() -> ExitCode {
    if let Some(ended) = fuzz::in_place_of_rustc() {
        return ended;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((verb, kept)) = arguments.split_first()
        && verb == demo::leash::VERB
    {
        return demo::leash::keep(kept);
    }
    match task(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(format!("xtask: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn task(arguments: &[String]) -> Result<()> {
    let (verb, rest) = arguments
        .split_first()
        .map_or(("help", &[][..]), |(verb, rest)| (verb.as_str(), rest));
    match (verb, rest) {
        ("setup", []) => {
            say("==> setup");
            setup::prepare().map(drop)
        }
        ("build", []) => build::build(&Layout::find()?).map(drop),
        ("demo", []) => demo::demo(&Layout::find()?, false),
        ("demo", [flag]) if flag == "--readme" => demo::demo(&Layout::find()?, true),
        ("openclaw", parts) => openclaw::prove(&Layout::find()?, parts),
        ("test", only) => test::test(&Layout::find()?, only),
        ("torture", rest) => torture::torture(&Layout::find()?, rest),
        ("release", []) => release::release(&Layout::find()?),
        ("bench", only) => bench::bench(&Layout::find()?, only),
        ("budget", []) => budget::budget(&Layout::find()?),
        ("fuzz", rest) => fuzz::fuzz(&Layout::find()?, rest),
        ("deny", []) => deny(&Layout::find()?),
        ("help" | "--help" | "-h", _) => {
            say(HELP);
            Ok(())
        }
        _ => {
            Err(Failure::new(format!("`{}` is not a task", arguments.join(" ")))
                .fix("see `cargo xtask help`"))
        }
    }
}

fn deny(layout: &Layout) -> Result<()> {
    if process::find("cargo-deny").is_none() {
        return Err(
            Failure::new("cargo-deny is not installed").fix("run `cargo install cargo-deny --locked`")
        );
    }
    let components = layout
        .component_workspaces()?
        .into_iter()
        .map(|workspace| workspace.folder);
    for folder in [layout.root.clone()].into_iter().chain(components) {
        let shown = layout.shown(&folder);
        say(format!("==> ./{shown}"));
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&layout.root).args([
            "deny",
            "--locked",
            "--config",
            "deny.toml",
            "--manifest-path",
        ]);
        process::run(
            cargo.arg(folder.join("Cargo.toml")).arg("check"),
            &format!("cargo deny in ./{shown}"),
        )?;
    }
    Ok(())
}
