//! The command line as its users meet it: the real program, its two streams and its exit code, always all
//! three.
//!
//! The help texts are part of docs/cli.md. After a wanted change, `BLESS=1 cargo test --test cli` writes
//! them there anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails loudly; clippy's own leave covers test functions only, not what they share"
)]

mod adapters;
mod configuration;
mod examples;
mod help;
mod journal;
mod messages;
mod place;
mod reload;
mod serve;
