//! What strangers can send to byway, tried at random.
//!
//! Each module is one target: a function that takes any bytes, does with them what byway would do, and
//! panics where something that byway promises does not hold. `cargo xtask fuzz` runs them under libFuzzer,
//! which makes up the bytes. What it found worth keeping lies in `fuzz/corpus/<target>/`, and the ordinary
//! tests put all of that through the same functions again.
//!
//! | target | the bytes are | what must hold |
//! | --- | --- | --- |
//! | [`config`] | a configuration | a model, or problems that stand inside the file |
//! | [`envelope`] | an event, as JSON and as an HTTP message | the same message after any way, signed or not |
//! | [`http_inbound`] | a request to the API | an answer below 500, errors as problems |
//! | [`grant_matcher`] | a grant and a request | what is let out is beneath the grant, however it is read |
//! | [`component_bytes`] | an adapter, or changes to one | it loads, or a person is told why not |
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a target tells by panicking, as a test does"
)]

pub mod component_bytes;
pub mod config;
pub mod envelope;
pub mod grant_matcher;
pub mod http_inbound;
mod request;
mod second_reading;
