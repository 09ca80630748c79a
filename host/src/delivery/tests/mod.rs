//! The policies and the engine, held to what they promise.

mod engine;
mod interleavings;
mod ordering;
mod policy;
mod stage;
mod story;
mod waiting;
