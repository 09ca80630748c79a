//! The long form of the tests that `test` runs shortly: thousands of kills, every point of a power cut, damage to every part of a file.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::build;
use crate::failure::{Failure, Result};
use crate::layout::Layout;
use crate::process;
use crate::terminal::say;

/// Kills of the long run, where the caller says nothing else: about half an hour.
const KILLS: u64 = 2_000;
/// One byte in so many is damaged, where the caller says nothing else: some minutes for each file. Which ones is another matter in each run.
const EVERY: u64 = 16;
/// The test of power cuts that reads this goes through every moment, and not a sample.
const WHOLE: &str = "BYWAY_TORTURE_WHOLE";

/// Runs the tests of `host/tests/torture`, long. `--kills N`, `--every N`, `--seed S`, and the names of some tests.
pub(crate) fn torture(layout: &Layout, arguments: &[String]) -> Result<()> {
    let (mut kills, mut every, mut seed, mut names) = (KILLS, EVERY, None, Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || {
            rest.next()
                .and_then(|text| text.parse::<u64>().ok())
                .ok_or_else(|| {
                    Failure::new(format!("{argument} wants a number"))
                        .fix("cargo xtask torture --kills 2000 --every 16 --seed 1")
                })
        };
        match argument.as_str() {
            "--kills" => kills = number()?,
            "--every" => every = number()?,
            "--seed" => seed = Some(number()?),
            option if option.starts_with('-') => {
                return Err(Failure::new(format!("{option} is no option")).fix("see `cargo xtask help`"));
            }
            name => names.push(name),
        }
    }
    build::build(layout)?;
    say(format!("==> torture: {kills} kills, one byte in {every} damaged"));
    let mut cargo = process::cargo(&layout.root);
    // Not nextest, which ends a test that takes minutes.
    cargo.args([
        "test",
        "--locked",
        "--package",
        "byway",
        "--test",
        "torture",
        "--",
    ]);
    cargo.args(names).args(["--nocapture", "--test-threads", "1"]);
    cargo
        .env(WHOLE, "1")
        .env("BYWAY_TORTURE_KILLS", kills.to_string())
        .env("BYWAY_TORTURE_EVERY", every.to_string());
    let seed = seed.unwrap_or_else(of_the_moment);
    cargo.env("BYWAY_TORTURE_SEED", seed.to_string());
    process::run(&mut cargo, "the tests under torture")
}

/// A seed that nobody has tried yet.
fn of_the_moment() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() ^ u64::from(since.subsec_nanos())
}
