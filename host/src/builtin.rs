//! The adapters that byway carries, so that one file is a whole installation.
//!
//! They are ordinary components: nothing in the host knows their names, and a transport may name
//! a file in their place. `build.rs` takes them from where `cargo xtask build` left them.

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// Name and bytes of each, sorted by name. Empty in a program that was built without any.
#[must_use]
pub fn adapters() -> &'static [(&'static str, &'static [u8])] {
    ADAPTERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_carried_adapter_is_a_component() {
        assert!(!adapters().is_empty(), "none is carried: run `cargo xtask build`");
        for (name, bytes) in adapters() {
            assert!(
                bytes.starts_with(b"\0asm\x0d\0\x01\0"),
                "{name} is not a component"
            );
        }
    }
}
