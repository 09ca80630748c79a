//! How an attempt failed, said in one expression, and what a denial of the host means for it.

use crate::{Denial, Failure, FailureKind, Problem};

impl Failure {
    /// A failure of this kind. `code` is a short stable word for programs, `message` one sentence.
    #[must_use]
    pub fn new(kind: FailureKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.into(),
            message: message.into(),
            fix: None,
            retry_after_ms: None,
        }
    }

    /// Not delivered; the same attempt can work later.
    #[must_use]
    pub fn retryable(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Retryable, code, message)
    }

    /// This transport cannot work now for any message.
    #[must_use]
    pub fn unavailable(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unavailable, code, message)
    }

    /// This transport will not take this message.
    #[must_use]
    pub fn refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, code, message)
    }

    /// The message may have arrived.
    #[must_use]
    pub fn unknown(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unknown, code, message)
    }

    /// The same, with what the person can do.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The same, with when the far side asked to be called again.
    #[must_use]
    pub fn with_retry_after_ms(mut self, retry_after_ms: Option<u64>) -> Self {
        self.retry_after_ms = retry_after_ms;
        self
    }

    /// A configuration that cannot be read stops a transport for every message.
    #[must_use]
    pub(crate) fn from_problems(problems: &[Problem]) -> Self {
        let lines: Vec<String> = problems
            .iter()
            .map(|problem| format!("config {}: {}", problem.pointer, problem.message))
            .collect();
        Self::unavailable("config", lines.join("; "))
            .with_fix("Run `byway validate`, which points at the lines.")
    }
}

/// What a denial means. Rights and names that are missing stop the transport for every message; a
/// size or a form stops this message. For everything else only the host knows whether an effect had
/// begun, and `other` leaves it that choice: `unknown` after an effect, `retryable` before.
impl From<Denial> for Failure {
    fn from(denial: Denial) -> Self {
        let kind = match denial.code.as_str() {
            "not-granted" | "unknown-name" | "not-started" => FailureKind::Unavailable,
            "too-large" | "invalid" | "reference-not-allowed" => FailureKind::Refused,
            other => FailureKind::Other(other.to_owned()),
        };
        let fix = match denial.code.as_str() {
            "not-granted" => Some("Run `byway validate`: it says which grant is missing.".to_owned()),
            _ => None,
        };
        Self {
            kind,
            code: denial.code,
            message: denial.message,
            fix,
            retry_after_ms: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(code: &str) -> FailureKind {
        let denial = Denial {
            code: code.to_owned(),
            message: "no".to_owned(),
        };
        Failure::from(denial).kind
    }

    #[test]
    fn a_missing_right_stops_the_transport_and_a_size_only_the_message() {
        assert_eq!(kind_of("not-granted"), FailureKind::Unavailable);
        assert_eq!(kind_of("unknown-name"), FailureKind::Unavailable);
        assert_eq!(kind_of("not-started"), FailureKind::Unavailable);
        assert_eq!(kind_of("too-large"), FailureKind::Refused);
        assert_eq!(kind_of("reference-not-allowed"), FailureKind::Refused);
    }

    #[test]
    fn a_fault_of_the_disk_leaves_the_host_to_say_whether_an_effect_had_begun() {
        assert_eq!(kind_of("io"), FailureKind::Other("io".to_owned()));
        assert_eq!(kind_of("timeout"), FailureKind::Other("timeout".to_owned()));
    }
}
