//! Everything that was kept goes through its target again, without libFuzzer: an input that once broke
//! something cannot do so a second time.
#![cfg(not(fuzzing))] // The counters in the library would have nothing to count for.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of it is a test; what it prints is shown where one fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The inputs of a target that are kept, in the order of their names.
fn kept(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "nothing is kept in {}", folder.display());
    files
}

fn all_hold(target: &str, check: fn(&[u8])) {
    for file in kept(target) {
        // Shown where it fails: the last one is it.
        println!("{}", file.display());
        check(&fs::read(file).unwrap());
    }
}

#[test]
fn what_was_kept_of_config_holds() {
    all_hold("config", byway_fuzz::config::check);
}

#[test]
fn what_was_kept_of_envelope_holds() {
    all_hold("envelope", byway_fuzz::envelope::check);
}

#[test]
fn what_was_kept_of_http_inbound_holds() {
    all_hold("http_inbound", byway_fuzz::http_inbound::check);
}

#[test]
fn what_was_kept_of_grant_matcher_holds() {
    all_hold("grant_matcher", byway_fuzz::grant_matcher::check);
}

#[test]
fn what_was_kept_of_component_bytes_holds() {
    all_hold("component_bytes", byway_fuzz::component_bytes::check);
}
