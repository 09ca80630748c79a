//! What an operator says of a command's exit codes, for every adapter that runs one.

use serde::Deserialize;

use crate::Problems;
use crate::answer::Meaning;

/// What exit codes mean, where it is not what they usually do: lists of codes, as an operator writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ExitCodes {
    /// The far side took charge of it.
    pub accepted: Vec<i32>,
    /// It is where the agent will see it.
    pub delivered: Vec<i32>,
    /// Not delivered; again later.
    pub retryable: Vec<i32>,
    /// Nothing can go this way now.
    pub unavailable: Vec<i32>,
    /// Not this message.
    pub refused: Vec<i32>,
    /// It may have arrived.
    pub unknown: Vec<i32>,
}

impl ExitCodes {
    /// The lists by their names, with what they mean.
    #[must_use]
    pub fn lists(&self) -> [(&'static str, Meaning, &[i32]); 6] {
        [
            ("accepted", Meaning::Accepted, &self.accepted),
            ("delivered", Meaning::Delivered, &self.delivered),
            ("retryable", Meaning::Retryable, &self.retryable),
            ("unavailable", Meaning::Unavailable, &self.unavailable),
            ("refused", Meaning::Refused, &self.refused),
            ("unknown", Meaning::Unknown, &self.unknown),
        ]
    }

    /// What the operator says of a code.
    #[must_use]
    pub fn configured(&self, code: i32) -> Option<Meaning> {
        let (_, meaning, _) = self
            .lists()
            .into_iter()
            .find(|(_, _, codes)| codes.contains(&code))?;
        Some(meaning)
    }

    /// What a code means: what the operator says, else what it usually does.
    #[must_use]
    pub fn meaning(&self, code: i32) -> Meaning {
        self.configured(code)
            .unwrap_or_else(|| super::exit::meaning(code))
    }

    /// Adds what is wrong with the lists, below this pointer: no exit code, or one code in two lists.
    pub fn check(&self, pointer: &str, problems: &mut Problems) {
        let mut known: Vec<(i32, &str)> = Vec::new();
        for (list, _, codes) in self.lists() {
            for (index, code) in codes.iter().enumerate() {
                let pointer = format!("{pointer}/{list}/{index}");
                if !(0..256).contains(code) {
                    problems.add(&pointer, format!("{code} is not an exit code."), "Use 0 to 255.");
                } else if let Some((_, other)) = known.iter().find(|(known, _)| known == code) {
                    problems.add(
                        &pointer,
                        format!("{code} is in `{other}` already."),
                        "Keep it in one list.",
                    );
                }
                known.push((*code, list));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_changes_its_codes_and_no_other() {
        let codes = ExitCodes {
            retryable: vec![1, 0],
            ..ExitCodes::default()
        };
        assert_eq!(codes.meaning(1), Meaning::Retryable);
        assert_eq!(codes.meaning(0), Meaning::Retryable);
        assert_eq!(codes.meaning(2), Meaning::Unknown);
        assert_eq!(codes.configured(2), None);
    }
}
