//! The log, on standard error.
//!
//! `BYWAY_LOG` is a filter as in `info,byway::delivery=debug`. A server logs what happens; a
//! command only what went wrong, since its errors are told anyway; and `accept` nothing, because its
//! standard error is read by a far side, which shall learn nothing of this instance.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Who writes the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `byway serve`
    Server,
    /// `byway accept`
    Door,
    /// Every other verb.
    Command,
}

/// Starts the log of this process.
pub(super) fn start(kind: Kind, verbose: u8, quiet: bool, json: bool) {
    let wanted = std::env::var("BYWAY_LOG")
        .ok()
        .filter(|filter| !filter.is_empty());
    let filter = wanted.as_deref().unwrap_or(usual(kind, verbose, quiet));
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        // Telling that a line could not be written would need the stream that just failed.
        .log_internal_errors(false);
    // A log that was started before (in a test) stays.
    let _ = if json {
        log.json().try_init()
    } else {
        log.try_init()
    };
}

fn usual(kind: Kind, verbose: u8, quiet: bool) -> &'static str {
    match (kind, verbose, quiet) {
        (Kind::Server, 0, false) => "warn,byway=info",
        (Kind::Server, 0, true) => "warn",
        (Kind::Command, 0, _) => "error",
        (Kind::Door, 0, _) => "off",
        (Kind::Server, 1, _) => "info,byway=debug",
        (_, 1, _) => "warn,byway=info",
        (_, 2, _) => "info,byway=debug",
        (_, _, _) => "trace",
    }
}
