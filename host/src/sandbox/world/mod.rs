//! Compares the interfaces of a component with those of this byway, and says the first difference in the
//! words of `wit/`: where it is, what the adapter has there, what this byway has.
//!
//! The engine compares them too, but by the layout of types, in which a missing field is "expected a record of
//! three". A person needs its name. The descriptions compared here are plain values, so every kind of
//! difference is tested on texts, without a component.

mod difference;
mod of_component;
mod of_wit;
mod shape;

use wasmtime::Engine;
use wasmtime::component::types;

pub(super) use difference::{Difference, Side};

/// The contract as it is written.
const CONTRACT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/transport.wit"));

/// The first difference between a component and this byway's contract; `None`: it fits.
pub(super) fn difference(
    engine: &Engine,
    component: &types::Component,
    package: &str,
    version: &str,
) -> Option<Difference> {
    // The text is compiled in, and a test reads it; so there is a contract to compare with.
    let ours = of_wit::world(CONTRACT).ok()?;
    let imports = of_component::interfaces(engine, component.imports(engine), package, version);
    let exports = of_component::interfaces(engine, component.exports(engine), package, version);
    difference::first(&ours, &imports, &exports)
}

#[cfg(test)]
mod tests;
