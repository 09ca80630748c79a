//! What a person's words to byway say: approve or reject, and which message. Pure.
//!
//! ```text
//! approve                                   in answer to a notice
//! reject not on a Friday                    the same
//! /approve 0193-abc                         by its whole id
//! /reject 0193-abc executor@b not now       and its recipient, where it has several
//! ```
//!
//! It is strict where a guess could let something out: `approve` has nothing after it but the message that it means,
//! so that "approve it once the tests are green" approves nothing. An id is whole or none.

use crate::envelope::Address;

/// How many characters of a reason are kept.
const REASON_CHARS_MAX: usize = 500;

/// What was said, before it is clear of which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    /// Approve, or else reject.
    pub(super) approve: bool,
    rest: &'a str,
}

/// Which message, and what about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meant {
    /// Approve, or else reject.
    pub(super) approve: bool,
    /// The message's id.
    pub(super) id: String,
    /// Its recipient, where that was said.
    pub(super) to: Option<Address>,
    /// Why.
    pub(super) reason: Option<String>,
}

/// Why words decide nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unclear {
    /// They are no decision.
    #[error("that is neither approve nor reject")]
    NoDecision,
    /// They name no message.
    #[error("it does not say which message")]
    NoMessage,
    /// Approval with something attached to it.
    #[error("approve stands alone, since a message goes out as it is or not at all")]
    Conditions,
}

impl<'a> Answer<'a> {
    /// Reads the words.
    ///
    /// # Errors
    /// Where they do not begin with one of the two.
    pub(super) fn read(words: &'a str) -> Result<Self, Unclear> {
        let (word, rest) = first_word(words);
        let word = word.strip_prefix('/').unwrap_or(word);
        // In a group a command may name the bot that it is for.
        let word = word.split_once('@').map_or(word, |(word, _)| word);
        let word = word.trim_end_matches(['.', ',', ':', ';', '!']);
        // Telephones write the first letter large.
        let approve = match word.to_ascii_lowercase().as_str() {
            "approve" => true,
            "reject" => false,
            _ => return Err(Unclear::NoDecision),
        };
        Ok(Self { approve, rest })
    }

    /// Of which message, where they answer the notice of one: its id and recipient, which may be said again.
    ///
    /// # Errors
    /// Where they are not clear.
    pub(super) fn about(self, id: &str, recipient: &Address) -> Result<Meant, Unclear> {
        let rest = without(self.rest, id);
        let rest = without(rest, &recipient.to_string());
        self.meant(id, Some(recipient.clone()), rest)
    }

    /// Of which message, by the id in them.
    ///
    /// # Errors
    /// Where they are not clear.
    pub(super) fn by_id(self) -> Result<Meant, Unclear> {
        let (id, rest) = first_word(self.rest);
        if id.is_empty() {
            return Err(Unclear::NoMessage);
        }
        let (word, after) = first_word(rest);
        let to: Option<Address> = word.parse().ok();
        let rest = if to.is_some() { after } else { rest };
        self.meant(id, to, rest)
    }

    fn meant(self, id: &str, to: Option<Address>, rest: &str) -> Result<Meant, Unclear> {
        if self.approve && !rest.is_empty() {
            return Err(Unclear::Conditions);
        }
        let reason: String = rest
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .filter(|c| !c.is_control())
            .take(REASON_CHARS_MAX)
            .collect();
        Ok(Meant {
            approve: self.approve,
            id: id.to_owned(),
            to,
            reason: Some(reason).filter(|reason| !reason.is_empty()),
        })
    }
}

/// The first word and what comes after it, without space around either.
pub(super) fn first_word(words: &str) -> (&str, &str) {
    let words = words.trim();
    let (first, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    (first, rest.trim_start())
}

/// The words without this one at their beginning.
fn without<'a>(words: &'a str, word: &str) -> &'a str {
    match first_word(words) {
        (first, rest) if first == word => rest,
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0193-abc";

    fn executor() -> Address {
        "executor@b".parse().unwrap()
    }

    fn meant(approve: bool, to: Option<Address>, reason: Option<&str>) -> Result<Meant, Unclear> {
        Ok(Meant {
            approve,
            id: ID.into(),
            to,
            reason: reason.map(str::to_owned),
        })
    }

    #[test]
    fn an_answer_to_a_notice_is_about_its_message() {
        let here = || Some(executor());
        for (words, expected) in [
            ("approve", meant(true, here(), None)),
            (" Approve.\n", meant(true, here(), None)),
            ("/approve", meant(true, here(), None)),
            ("/approve@by_bot", meant(true, here(), None)),
            ("APPROVE!", meant(true, here(), None)),
            ("approve 0193-abc", meant(true, here(), None)),
            ("approve 0193-abc executor@b", meant(true, here(), None)),
            ("approve executor@b", meant(true, here(), None)),
            ("reject", meant(false, here(), None)),
            (
                "Reject: not on\na Friday",
                meant(false, here(), Some("not on a Friday")),
            ),
            ("/reject 0193-abc no", meant(false, here(), Some("no"))),
            ("approve 0193-ab", Err(Unclear::Conditions)),
            ("approve once the tests are green", Err(Unclear::Conditions)),
            ("approve executor@c", Err(Unclear::Conditions)),
            ("approved", Err(Unclear::NoDecision)),
            ("do not approve", Err(Unclear::NoDecision)),
            ("yes", Err(Unclear::NoDecision)),
            ("👍", Err(Unclear::NoDecision)),
            ("", Err(Unclear::NoDecision)),
            ("/", Err(Unclear::NoDecision)),
        ] {
            let found = Answer::read(words).and_then(|answer| answer.about(ID, &executor()));
            assert_eq!(found, expected, "{words}");
        }
    }

    #[test]
    fn a_command_names_its_message() {
        for (words, expected) in [
            ("/approve 0193-abc", meant(true, None, None)),
            (
                "/approve@by_bot 0193-abc executor@b",
                meant(true, Some(executor()), None),
            ),
            ("approve\t0193-abc", meant(true, None, None)),
            ("/reject 0193-abc", meant(false, None, None)),
            ("/reject 0193-abc not now", meant(false, None, Some("not now"))),
            (
                "/reject 0193-abc executor@b  not now",
                meant(false, Some(executor()), Some("not now")),
            ),
            ("/approve", Err(Unclear::NoMessage)),
            ("/approve 0193-abc please", Err(Unclear::Conditions)),
            ("/approve 0193-abc 0193-abd", Err(Unclear::Conditions)),
            ("/approve0193-abc", Err(Unclear::NoDecision)),
        ] {
            let found = Answer::read(words).and_then(Answer::by_id);
            assert_eq!(found, expected, "{words}");
        }
    }

    #[test]
    fn a_reason_is_one_line_and_not_endless() {
        let words = format!("reject a\u{7}b\n\n{}", "x".repeat(2_000));
        let found = Answer::read(&words).unwrap().about(ID, &executor()).unwrap();
        let reason = found.reason.unwrap();
        assert!(reason.starts_with("ab x") && !reason.contains('\n'));
        assert_eq!(reason.chars().count(), REASON_CHARS_MAX);
    }
}
