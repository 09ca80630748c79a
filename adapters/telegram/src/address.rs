//! Addresses and names of agents, as far as this adapter must tell them from other words.

/// The most characters of each part of an address.
const NAME_MAX: usize = 64;

/// The agent under whose name byway itself is spoken to, on every instance.
pub(crate) const BYWAY: &str = "byway";

/// Whether it is byway's own address on some instance.
pub(crate) fn is_byway(address: &str) -> bool {
    parts(address).is_some_and(|(agent, _)| agent == BYWAY)
}

/// Whether it is the name of an agent or an instance.
pub(crate) fn is_name(text: &str) -> bool {
    let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= NAME_MAX
        && text.bytes().next().is_some_and(is_plain)
        && text.bytes().all(|c| is_plain(c) || b"._-".contains(&c))
}

/// The agent and the instance of an address; `None` where it is none.
pub(crate) fn parts(text: &str) -> Option<(&str, &str)> {
    text.split_once('@')
        .filter(|(agent, instance)| is_name(agent) && is_name(instance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_addresses_from_other_words() {
        assert_eq!(parts("planner@pi-a"), Some(("planner", "pi-a")));
        for text in ["planner", "@a", "a@", "a@b@c", "A@b", "a b@c", "urn:x@y", "-a@b"] {
            assert_eq!(parts(text), None, "{text}");
        }
        assert!(is_name(&"a".repeat(64)) && !is_name(&"a".repeat(65)));
    }
}
