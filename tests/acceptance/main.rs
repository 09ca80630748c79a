//! The acceptance tests: byway as its users have it.
//!
//! Every folder under `tests/cases/` becomes one test of that name: it starts the real binary with
//! real configurations, lets far sides answer, hang and lie as the case says, and compares
//! everything that can be observed afterwards with the case's `expected.json`. Cases share nothing but the
//! machine, so they run side by side. `tests/README.md` tells how to write one.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test that fails loudly has done its work, and nobody outside uses it"
)]

mod answer;
mod behind_its_back;
mod bot;
mod byway;
mod case;
mod collect;
mod exchange;
mod expect;
mod far_side;
mod frames;
#[path = "../../host/tests/sandbox/guests.rs"]
#[allow(clippy::expect_used, reason = "a guest that cannot be built ends the test")]
mod guests;
mod http;
mod normal;
mod ports;
mod program;
mod sshd;
mod steps;
mod store_rows;
mod wait;
mod words;
mod world;

use std::path::{Path, PathBuf};

use case::Case;
use libtest_mimic::{Arguments, Failed, Trial};
use world::World;

fn main() {
    let arguments = Arguments::from_args();
    let trials = folders().into_iter().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let entries = std::fs::read_dir(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn trial(folder: PathBuf) -> Trial {
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let case = Case::read(&folder);
    let is_left_out = case
        .as_ref()
        .is_ok_and(|case| (case.sshd && sshd::is_left_out()) || program::is_left_out(case));
    Trial::test(name, move || run(&folder, &case?).map_err(Failed::from)).with_ignored_flag(is_left_out)
}

/// Does the steps of one case, and compares what came of it.
fn run(folder: &Path, case: &Case) -> Result<(), String> {
    let mut world = World::build(folder, case)?;
    let done = steps::all(&mut world, case).and_then(|()| collect::everything(&mut world, case));
    done.and_then(|observed| expect::compare(folder, &observed))
        .map_err(|why| world.keep_for_a_look(&why))
}
