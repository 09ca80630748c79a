//! The words in which an attempt ends, as types; and the bindings to `wit/`.
//!
//! An attempt ends in exactly one [`Outcome`]. Everything the engine does next follows from
//! that word alone, so the words are sorted by what may follow, not by what went wrong; what went
//! wrong is in the [`Failure`], for a person.

pub(crate) mod bindings;
mod outcome;

pub use outcome::{
    Attempted, Effect, Failure, HostFault, Outcome, OutcomeKind, Receipt, ReceiptStatus, Verdict,
};
