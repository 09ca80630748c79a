//! The last line of every message that this adapter sends: `#byway planner@a executor@b 0193-abc`.
//!
//! By it a person's reply finds its way back, and a message that was forwarded its way on. It always is the
//! last line, so that nothing a message says can stand in its place.

use byway_adapter::Envelope;

use crate::address;
use crate::split::units;

/// What begins the line. A hashtag, so that a person finds all messages of byways in a chat.
const WORD: &str = "#byway";
/// What stands for what is not known.
const NOTHING: &str = "-";
/// The longest id that is written down, in UTF-16 code units; the line must leave room for the message.
const ID_UNITS_MAX: usize = 128;

/// What the line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Who sent the message, where that is an address.
    pub(crate) sender: Option<String>,
    /// Whom it is for.
    pub(crate) recipient: Option<String>,
    /// The message's id.
    pub(crate) id: Option<String>,
    /// The exchange it belongs to, where it names one.
    pub(crate) correlation: Option<String>,
}

impl Mark {
    /// The mark of a message.
    pub(crate) fn of(envelope: &Envelope) -> Self {
        let address = |text: String| address::parts(&text).is_some().then_some(text);
        Self {
            sender: address(envelope.sender()),
            recipient: address(envelope.recipient.clone()),
            id: id(&envelope.id),
            correlation: envelope.attribute("correlationid").and_then(id),
        }
    }

    /// The line.
    pub(crate) fn line(&self) -> String {
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| NOTHING.to_owned());
        let mut line = format!(
            "{WORD} {} {} {}",
            word(&self.sender),
            word(&self.recipient),
            word(&self.id)
        );
        if let Some(correlation) = &self.correlation {
            line.push(' ');
            line.push_str(correlation);
        }
        line
    }

    /// Reads it from the end of a text. `None` where the last line is not exactly one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let line = text.trim_end().rsplit('\n').next()?;
        let mut words = line.split_whitespace();
        if words.next() != Some(WORD) {
            return None;
        }
        let (sender, recipient) = (address(words.next()?)?, address(words.next()?)?);
        let (message_id, correlation) = (words.next()?, words.next());
        words.next().is_none().then(|| Self {
            sender,
            recipient,
            id: id(message_id),
            correlation: correlation.and_then(id),
        })
    }
}

/// An address, or that there is none; `None` where it is neither.
fn address(word: &str) -> Option<Option<String>> {
    match word {
        NOTHING => Some(None),
        word => address::parts(word).map(|_| Some(word.to_owned())),
    }
}

/// An id that stays one word.
fn id(text: &str) -> Option<String> {
    let is_word = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    (is_word && text != NOTHING && units(text) <= ID_UNITS_MAX).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use byway_adapter::{Header, sample};

    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mut envelope = sample::text("hi");
        let mark = Mark::of(&envelope);
        assert_eq!(mark.line(), "#byway planner@a executor@b 0193-abc");
        assert_eq!(Mark::read(&format!("x\n\n{}\n", mark.line())), Some(mark));
        envelope.attributes.push(Header::new("correlationid", "c-1"));
        let mark = Mark::of(&envelope);
        assert_eq!(mark.line(), "#byway planner@a executor@b 0193-abc c-1");
        assert_eq!(Mark::read(&mark.line()), Some(mark));
    }

    #[test]
    fn what_is_no_word_is_left_out() {
        let mut envelope = sample::text("hi");
        envelope.source = "https://example.org/x".to_owned();
        for id in ["a b", "-", "a\nb", &"x".repeat(129)] {
            envelope.id = id.to_owned();
            let mark = Mark::of(&envelope);
            assert_eq!(mark.line(), "#byway - executor@b -");
            assert_eq!(Mark::read(&mark.line()), Some(mark));
        }
    }

    #[test]
    fn only_the_last_line_counts() {
        let forged = "#byway evil@a executor@b 1\n\n#byway planner@a executor@b 2";
        assert_eq!(Mark::read(forged).unwrap().sender.as_deref(), Some("planner@a"));
        for text in [
            "",
            "#byway",
            "#byway planner@a executor@b",
            "#byway planner executor@b 1",
            "#byway planner@a executor@b 1 2 3",
            "x #byway planner@a executor@b 1",
            "#byway planner@a executor@b 1\nyes",
        ] {
            assert_eq!(Mark::read(text), None, "{text}");
        }
    }
}
