//! Mistakes in a configuration, collected, so that a person meets all of them at once.

use crate::{Finding, Needs, Problem};

/// The mistakes found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a mistake: where it is (a JSON Pointer into the `config` table), what is wrong, what
    /// would be right.
    pub fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Problem {
            pointer: pointer.into(),
            message: message.into(),
            fix: fix.into(),
        });
    }

    /// The needs, if no mistake was noted.
    ///
    /// # Errors
    /// The mistakes, if any were.
    pub fn or(self, needs: Needs) -> Result<Needs, Self> {
        if self.0.is_empty() { Ok(needs) } else { Err(self) }
    }

    /// The mistakes.
    #[must_use]
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks at them, in the order they were noted.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        Self {
            name: format!("config {}", problem.pointer),
            ok: false,
            message: problem.message.clone(),
            fix: Some(problem.fix.clone()),
        }
    }
}

/// A JSON Pointer (RFC 6901) one step deeper: `~` and `/` in the name are escaped.
#[must_use]
pub(crate) fn deeper(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}
