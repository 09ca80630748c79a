//! Whom a message is for: `agent@instance`.
//!
//! Both parts are `[a-z0-9][a-z0-9._-]*`, at most 64 bytes each, so an address can stand in a file's
//! name, a URL and a log line without quoting. A pattern may have `*` for a whole part, and is only
//! used to match.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::shown::shown;

/// The longest that either part of an address may be, in bytes.
pub const PART_BYTES_MAX: usize = 64;
/// The agent part of byway's own address on each instance: it tells people what waits for them, and hears what they
/// decide. No agent has this name.
pub const OWN_AGENT: &str = "byway";

/// An agent on an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    agent: String,
    instance: String,
}

/// A pattern over addresses: each part is a name, or `*` for any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressPattern {
    agent: Option<String>,
    instance: Option<String>,
}

/// Why a text is no address, or no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is not exactly one `@`.
    #[error("`{0}` is not an address: write agent@instance")]
    Form(String),
    /// One part has a character that is not allowed, or a length that is not.
    #[error(
        "`{part}` is not a name: use 1 to {PART_BYTES_MAX} of a-z 0-9 . _ -, starting with a letter or digit"
    )]
    Part {
        /// The part that is wrong.
        part: String,
    },
}

impl Address {
    /// Puts an address together from its two names.
    ///
    /// # Errors
    /// Where either part is not a name.
    pub fn new(agent: &str, instance: &str) -> Result<Self, AddressError> {
        check_name(agent)?;
        check_name(instance)?;
        Ok(Self {
            agent: agent.to_owned(),
            instance: instance.to_owned(),
        })
    }

    /// The agent's name.
    #[must_use]
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The name of the byway instance that the agent lives behind.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }
}

impl AddressPattern {
    /// Whether the pattern covers the address.
    #[must_use]
    pub fn matches(&self, address: &Address) -> bool {
        let covers =
            |pattern: &Option<String>, part: &str| pattern.as_deref().is_none_or(|name| name == part);
        covers(&self.agent, &address.agent) && covers(&self.instance, &address.instance)
    }

    /// Whether the pattern covers every agent of the instance.
    #[must_use]
    pub fn matches_all_of(&self, instance: &str) -> bool {
        self.agent.is_none() && self.instance.as_deref().is_none_or(|name| name == instance)
    }

    /// Every agent of one instance: `*@instance`.
    ///
    /// # Errors
    /// Where the instance is not a name.
    pub fn any_of(instance: &str) -> Result<Self, AddressError> {
        check_name(instance)?;
        Ok(Self {
            agent: None,
            instance: Some(instance.to_owned()),
        })
    }

    /// The agent part; `None` for `*`.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    /// The instance part; `None` for `*`.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }
}

/// Checks that a text is the name of an agent or an instance.
///
/// # Errors
/// Where it is not.
pub fn check_name(part: &str) -> Result<(), AddressError> {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let well_formed = part.len() <= PART_BYTES_MAX
        && part.bytes().next().is_some_and(allowed)
        && part
            .bytes()
            .all(|c| allowed(c) || matches!(c, b'.' | b'_' | b'-'));
    if well_formed {
        Ok(())
    } else {
        Err(AddressError::Part { part: shown(part) })
    }
}

fn split(text: &str) -> Result<(&str, &str), AddressError> {
    match text.split_once('@') {
        Some((agent, instance)) if !instance.contains('@') => Ok((agent, instance)),
        _ => Err(AddressError::Form(shown(text))),
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (agent, instance) = split(text)?;
        Self::new(agent, instance)
    }
}

impl FromStr for AddressPattern {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (agent, instance) = split(text)?;
        let part = |part: &str| match part {
            "*" => Ok(None),
            name => check_name(name).map(|()| Some(name.to_owned())),
        };
        Ok(Self {
            agent: part(agent)?,
            instance: part(instance)?,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.agent, self.instance)
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
        write!(f, "{}@{}", part(&self.agent), part(&self.instance))
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_names_of_the_allowed_letters() {
        for text in ["planner@a", "p.l_a-n@pi-nxp", "0@0"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "planner",
            "@a",
            "planner@",
            "a@b@c",
            "Planner@a",
            "-x@a",
            ".x@a",
            "a b@c",
            "*@a",
            "ä@b",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        assert!(format!("{}@a", "x".repeat(65)).parse::<Address>().is_err());
    }

    #[test]
    fn a_star_covers_a_whole_part_only() {
        let any: AddressPattern = "*@b".parse().unwrap();
        assert!(any.matches(&"x@b".parse().unwrap()));
        assert!(!any.matches(&"x@c".parse().unwrap()));
        assert!("x*@b".parse::<AddressPattern>().is_err());
    }
}
