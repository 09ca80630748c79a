//! Runs [`byway_fuzz::grant_matcher`] under libFuzzer; without it, nothing.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| byway_fuzz::grant_matcher::check(bytes));

#[cfg(not(fuzzing))]
fn main() {}
