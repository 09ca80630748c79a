//! The promises of the whole room.

mod conformance;
mod modes;
mod properties;
mod refusals;
mod signatures;
mod strategy;
