//! byway under what the world does to it: peers that fail in every way, SIGKILL, power cuts, damaged and full disks.
//!
//! Each file is one kind of trouble. What is random is drawn from a seed that is printed; `cargo xtask torture`
//! runs the same tests for longer. `docs/proofs.md` tells what is proven, and how.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test that fails loudly has done its work, it prints its figures, and what it shares with the acceptance \
              tests is more than it uses"
)]

#[path = "../../../tests/acceptance/byway.rs"]
mod byway_process;
mod damage;
mod dice;
mod faults;
mod hard_times;
#[path = "../../../tests/acceptance/http.rs"]
mod http;
mod oracle;
mod peer;
#[path = "../../../tests/acceptance/ports.rs"]
mod ports;
mod power;
mod records;
mod site;
#[path = "../../../tests/acceptance/wait.rs"]
mod wait;
