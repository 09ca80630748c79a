//! The policies and the engine, held to what they promise.

mod engine;
mod interleavings;
mod policy;
mod stage;
mod story;
