//! Attempts to be counted, not timed: so many of them, one after another, in one thread.
//!
//! `counted CACHE 1000 noop` makes a thousand attempts of an adapter that does nothing, and
//! `counted CACHE 1000 webhook URL` a thousand of the webhook adapter; `counted serve` is a far side for those.
//! Run under a tool that counts (instructions, allocations, system calls), once with few and once with many,
//! the difference is what an attempt takes, and start and end drop out. `cargo xtask budget` does that and
//! holds it against `budget.json`.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench may fail loudly"
)]

mod stage;

use std::path::Path;

use byway::config::{AdapterRef, Transport};
use byway::contract::Outcome;
use byway::lanes::Lanes;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve"] => runtime().block_on(async {
            println!("{}", stage::serve().await);
            std::future::pending::<()>().await;
        }),
        [cache, attempts, "noop"] => {
            count(
                cache,
                attempts,
                &stage::transport(AdapterRef::Path(stage::guest("noop"))),
            );
        }
        [cache, attempts, "webhook", url] => count(cache, attempts, &stage::webhook(url)),
        // Cargo asks benches without a harness for their tests, and runs them; there is nothing to be had.
        _ => {}
    }
}

fn count(cache: &str, attempts: &str, transport: &Transport) {
    let attempts: usize = attempts.parse().unwrap();
    let sandbox = stage::sandbox(Some(Path::new(cache).to_owned()), &Lanes::none());
    let loaded = sandbox.load(transport).unwrap();
    let call = stage::call();
    runtime().block_on(async {
        for _ in 0..attempts {
            let attempted = loaded.attempt(call.clone()).await.unwrap();
            // The one that does nothing says that it delivered, and is not believed.
            assert!(
                matches!(attempted.outcome, Outcome::Delivered(_)) || attempted.effect.is_none(),
                "{attempted:?}"
            );
        }
    });
    println!("{attempts} attempts");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
