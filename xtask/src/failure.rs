//! Why a task could not be done, for the person who started it: what happened, and what they can
//! do about it. Nothing here is recovered from, so there is one kind only.

use std::fmt;
use std::io;

/// The result of every task.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// A task that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    fix: Option<String>,
}

impl Failure {
    /// What happened, in one sentence.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            fix: None,
        }
    }

    /// In what larger task it happened.
    #[must_use]
    pub(crate) fn within(mut self, task: impl fmt::Display) -> Self {
        self.message = format!("{task}: {}", self.message);
        self
    }

    /// What the person can do, where nobody has said it yet.
    #[must_use]
    pub(crate) fn or_fix(self, fix: impl Into<String>) -> Self {
        if self.fix.is_some() { self } else { self.fix(fix) }
    }

    /// What the person can do.
    #[must_use]
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.fix {
            Some(fix) => write!(f, "\n  to do: {fix}"),
            None => Ok(()),
        }
    }
}

/// Says what was being done when the system refused.
pub(crate) trait Doing<T> {
    /// Adds it, as in "cannot read a.toml: permission denied".
    fn doing(self, what: impl fmt::Display) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Failure::new(format!("cannot {what}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_advice_is_kept() {
        let told = Failure::new("it broke")
            .fix("mend it")
            .within("the task")
            .or_fix("try again")
            .to_string();
        assert_eq!(told, "the task: it broke\n  to do: mend it");
        let told = Failure::new("it broke").or_fix("try again").to_string();
        assert_eq!(told, "it broke\n  to do: try again");
    }
}
