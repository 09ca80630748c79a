//! The policies and the engine, held to what they promise.

mod after;
mod agreement;
mod clock;
mod engine;
mod interleavings;
mod killed;
mod ordering;
mod policy;
mod reference;
mod resting;
pub(super) mod stage;
mod story;
mod waiting;
