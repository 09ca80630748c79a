//! What a message waits for that has not ended.
//!
//! Most wait for nothing but their time. The others are not even looked at before what they wait for is
//! there: so a hundred thousand of them behind a far side that is down cost as much as one. It is
//! stored as a short text, which a person with a shell can read, too.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

const TURN: &str = "turn";
const PLACE: &str = "place:";
const OPEN: &str = "open:";

/// What a message waits for before its time counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitsFor {
    /// Nothing but its time.
    #[default]
    Time,
    /// Its turn in its partition. The store ends this wait by itself.
    Turn,
    /// A free place at this transport.
    Place(String),
    /// One of these transports, in the order of the chain: all of them rest.
    Open(Vec<String>),
}

impl WaitsFor {
    /// The same for a person; `None` where it waits for nothing but its time.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        match self {
            Self::Time => None,
            Self::Turn => Some("it waits for its turn: another message of its partition is before it".into()),
            Self::Place(transport) => Some(format!("it waits for a free place at {transport}")),
            Self::Open(transports) => {
                Some(format!("it waits until {} can be tried", transports.join(" or ")))
            }
        }
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time => Ok(()),
            Self::Turn => f.write_str(TURN),
            Self::Place(transport) => write!(f, "{PLACE}{transport}"),
            Self::Open(transports) => write!(f, "{OPEN}{}", transports.join(",")),
        }
    }
}

impl FromStr for WaitsFor {
    type Err = Infallible;

    /// What cannot be read waits for its time only: at worst it is looked at too often.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text == TURN {
            return Ok(Self::Turn);
        }
        if let Some(transport) = text.strip_prefix(PLACE) {
            return Ok(Self::Place(transport.to_owned()));
        }
        if let Some(transports) = text.strip_prefix(OPEN) {
            return Ok(Self::Open(transports.split(',').map(str::to_owned).collect()));
        }
        Ok(Self::Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again() {
        for waits_for in [
            WaitsFor::Time,
            WaitsFor::Turn,
            WaitsFor::Place("hook".into()),
            WaitsFor::Open(vec!["hook".into()]),
            WaitsFor::Open(vec!["hook".into(), "turn".into()]),
        ] {
            assert_eq!(waits_for.to_string().parse(), Ok(waits_for));
        }
        assert_eq!("nonsense".parse(), Ok(WaitsFor::Time));
    }
}
