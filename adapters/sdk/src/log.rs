//! Lines for the operator's log: at most 4 KiB each, scrubbed of secrets by the host.

use crate::bindings::byway::transport::log::{Level, write};

/// For whoever writes the adapter.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// Worth keeping.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Something is wrong, and the attempt goes on.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Something is wrong, and the attempt fails by it.
pub fn error(message: &str) {
    write(Level::Error, message);
}
