//! Adapters written as WebAssembly text, for what no compiler would write: pointers to nowhere, texts that are
//! none, several memories, a start function that never ends.
//!
//! Each is `adapter.wat`, an honest adapter, with a few lines put into its marked places. The component around
//! the core module is made from `wit/` itself, so that it stays one of the world that byway serves.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The honest adapter with hostile lines in some of its places.
///
/// # Panics
/// On a place that `adapter.wat` does not have, and on text that is no WebAssembly: both are mistakes of a case.
pub(crate) fn component(places: &[(&str, &str)]) -> Vec<u8> {
    let mut text = include_str!("adapter.wat").to_owned();
    for (place, lines) in places {
        let mark = format!(";;@{place}\n");
        assert_eq!(text.matches(&mark).count(), 1, "adapter.wat has no place {place}");
        // The number of pages is the one place whose own text does not stay.
        let replaced = if *place == "pages" {
            format!("{mark}    4")
        } else {
            mark
        };
        text = text.replace(&replaced, &format!("{lines}\n"));
    }
    let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let (package, _) = resolve.push_dir(wit).expect("wit/ resolves");
    let world = resolve
        .select_world(&[package], Some("transport-adapter"))
        .expect("wit/ has the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it is a module");
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .expect("the module is one of the world")
}

/// A component of its own, as text.
pub(crate) fn own(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
