//! The ways in which the host says no to a guest.
//!
//! A denial is an ordinary value with a stable word, never a trap: an adapter can explain
//! it. It never says what would have been allowed; the operator's log does.

use super::secrets::Misplaced;
use crate::contract::bindings::byway::transport::types::Denial;

/// The word for what is beyond a limit.
pub(super) const TOO_LARGE: &str = "too-large";

pub(super) fn not_granted(message: &str) -> Denial {
    denial("not-granted", message)
}

pub(super) fn invalid(message: &str) -> Denial {
    denial("invalid", message)
}

pub(super) fn io(message: &str) -> Denial {
    denial("io", message)
}

pub(super) fn timeout() -> Denial {
    denial("timeout", "the attempt's time is over")
}

pub(super) fn too_large(what: &str, max: usize) -> Denial {
    denial(TOO_LARGE, &format!("{what} may have at most {max} bytes"))
}

pub(super) fn reference(misplaced: &Misplaced) -> Denial {
    denial(
        "reference-not-allowed",
        &format!(
            "the reference to the secret {} may not be put here",
            misplaced.name
        ),
    )
}

pub(super) fn denial(code: &str, message: &str) -> Denial {
    Denial {
        code: code.into(),
        message: message.into(),
    }
}
