//! Why a verb did not do what was asked, and what a script may do next.
//!
//! The exit code follows from the error's code, so that one mistake always ends in one way.
//! The numbers are those of sysexits; 3 is byway's own. They are chosen by what the caller may do:
//! correct the call (64), correct the message (65), give it up (69), try again (75), ask for the right (77),
//! correct the configuration (78).

use serde::Serialize;

use crate::api::Problem;
use crate::config::{ConfigError, ConfigErrors};
use crate::error_code::ErrorCode;
use crate::front::StartError;
use crate::identity::IdentityError;
use crate::private_file::PrivateFileError;

/// The message is stored and on its way, and waiting ended before it was decided.
pub(super) const UNDECIDED: u8 = 3;
/// The command line makes no sense.
pub(super) const USAGE: u8 = 64;
/// The message or the id is wrong; nothing was stored.
pub(super) const DATA: u8 = 65;
/// A file that was named cannot be read.
pub(super) const NO_INPUT: u8 = 66;
/// The message is dead or expired, or the address cannot be had.
pub(super) const UNAVAILABLE: u8 = 69;
/// byway's own fault.
pub(super) const INTERNAL: u8 = 70;
/// The output cannot be written.
pub(super) const OUTPUT: u8 = 74;
/// Nothing was stored; trying again can work.
pub(super) const TRY_AGAIN: u8 = 75;
/// The caller may not.
pub(super) const NO_PERMISSION: u8 = 77;
/// The configuration is wrong.
pub(super) const CONFIG: u8 = 78;

/// The exit codes with their meaning, for the help.
pub(super) const EXIT_CODES: &[(u8, &str)] = &[
    (0, "done; for send: accepted, or with --wait delivered"),
    (
        UNDECIDED,
        "send --wait: accepted, still undecided; do not send again",
    ),
    (USAGE, "the command line makes no sense"),
    (
        DATA,
        "the message, the id or the component is wrong; nothing was stored",
    ),
    (NO_INPUT, "a file that was named cannot be read"),
    (
        UNAVAILABLE,
        "send --wait: the message is dead or expired; serve: the address is taken",
    ),
    (INTERNAL, "byway's own fault; please report it"),
    (OUTPUT, "the output could not be written"),
    (
        TRY_AGAIN,
        "not now: byway does not answer or cannot store; try again",
    ),
    (NO_PERMISSION, "the caller or the sender may not do this"),
    (CONFIG, "the configuration is wrong"),
];

/// The help's list of exit codes.
pub(super) fn exit_codes() -> String {
    let lines: String = EXIT_CODES
        .iter()
        .map(|(code, meaning)| format!("  {code:<3} {meaning}\n"))
        .collect();
    format!("Exit codes:\n{lines}")
}

/// Why a verb did not do what was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// One error.
    Said(Box<Said>),
    /// Everything that is wrong with the configuration.
    Config(Box<ConfigErrors>),
    /// The verb's own output has told it already.
    Told {
        /// The exit code.
        exit: u8,
    },
}

/// One error.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    /// Lines that belong to the message, such as what each transport said.
    pub(super) more: Option<String>,
    pub(super) fix: Option<String>,
    exit: u8,
}

/// An error as JSON: an RFC 9457 problem, without the status of HTTP.
#[derive(Debug, Serialize)]
pub(super) struct ProblemLine<'a> {
    r#type: String,
    title: &'static str,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a str>,
    exit: u8,
}

impl Failure {
    /// A failure with the fix that the code's entry gives.
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let fix = Some(code.entry().fix.to_owned());
        Self::Said(Box::new(Said {
            code,
            message: message.into(),
            more: None,
            fix,
            exit: exit_of(code),
        }))
    }

    pub(super) fn usage(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(ErrorCode::Usage, message).with_fix(fix)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    pub(super) fn with_fix(self, fix: impl Into<String>) -> Self {
        self.change(|said| said.fix = Some(fix.into()))
    }

    pub(super) fn with_more(self, more: impl Into<String>) -> Self {
        self.change(|said| said.more = Some(more.into()))
    }

    pub(super) fn with_exit(self, exit: u8) -> Self {
        self.change(|said| said.exit = exit)
    }

    fn change(mut self, change: impl FnOnce(&mut Said)) -> Self {
        if let Self::Said(said) = &mut self {
            change(said);
        }
        self
    }

    /// What the program ends with.
    pub(super) fn exit(&self) -> u8 {
        match self {
            Self::Said(said) => said.exit,
            Self::Config(_) => CONFIG,
            Self::Told { exit } => *exit,
        }
    }

    /// Its code, where it is one error.
    #[cfg(test)]
    pub(super) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Said(said) => Some(said.code),
            Self::Config(_) | Self::Told { .. } => None,
        }
    }
}

impl Said {
    pub(super) fn problem(&self) -> ProblemLine<'_> {
        let entry = self.code.entry();
        ProblemLine {
            r#type: format!("docs/errors.md#{}", entry.code.to_lowercase()),
            title: entry.title,
            code: entry.code,
            detail: &self.message,
            fix: self.fix.as_deref(),
            exit: self.exit,
        }
    }
}

fn exit_of(code: ErrorCode) -> u8 {
    use ErrorCode as E;
    match code {
        E::Usage => USAGE,
        E::MalformedMessage
        | E::InvalidAddress
        | E::TooLarge
        | E::NoRoute
        | E::IdempotencyConflict
        | E::IdConflict
        | E::BadSignature
        | E::WrongInstance
        | E::TooManyHops
        | E::UnknownAgent
        | E::NoSuchMessage
        | E::TooLate
        | E::NeedsNewId
        | E::MayHaveArrived
        | E::NotADecision
        | E::Expired
        | E::JournalBroken
        | E::RowDamaged => DATA,
        E::DeadLetter | E::ListenFailed => UNAVAILABLE,
        E::Undecided => UNDECIDED,
        E::Internal | E::NotFound => INTERNAL,
        E::DataFolder | E::DataFolderInUse | E::StoreFailed | E::DiskFull | E::NotRunning => TRY_AGAIN,
        E::UnknownPeer | E::SenderNotAllowed | E::Unauthorized | E::Forbidden => NO_PERMISSION,
        E::ConfigMissing
        | E::ConfigSyntax
        | E::UnknownKey
        | E::ConfigValue
        | E::UnknownName
        | E::MissingKey
        | E::UnsafeTemplate
        | E::SecretUnavailable
        | E::NeedsRestart
        | E::ReloadRefused
        | E::NotAComponent
        | E::WrongContract
        | E::NoSuchAdapter
        | E::DigestMismatch
        | E::AdapterConfig
        | E::MissingGrant
        | E::NotCompiled => CONFIG,
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let code = ErrorCode::ALL
            .iter()
            .copied()
            .find(|code| code.code() == problem.code);
        // A newer server may have codes that this program does not know.
        let code = code.unwrap_or(ErrorCode::Internal);
        Self::new(code, problem.detail).change(|said| {
            said.fix = problem.fix;
            said.more = problem.report;
        })
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::new(error.code, error.message)
    }
}

impl From<PrivateFileError> for Failure {
    fn from(error: PrivateFileError) -> Self {
        Self::new(ErrorCode::DataFolder, error.to_string())
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::Config(Box::new(errors))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_in_the_help() {
        for code in ErrorCode::ALL {
            let exit = exit_of(*code);
            assert!(
                EXIT_CODES.iter().any(|(listed, _)| *listed == exit),
                "{code} ends in {exit}"
            );
        }
    }

    #[test]
    fn a_sender_learns_from_accept_whether_to_try_again() {
        for (code, exit) in [
            (ErrorCode::BadSignature, DATA),
            (ErrorCode::WrongInstance, DATA),
            (ErrorCode::IdConflict, DATA),
            (ErrorCode::UnknownPeer, NO_PERMISSION),
            (ErrorCode::SenderNotAllowed, NO_PERMISSION),
            (ErrorCode::StoreFailed, TRY_AGAIN),
            (ErrorCode::DataFolderInUse, TRY_AGAIN),
            (ErrorCode::NotRunning, TRY_AGAIN),
            (ErrorCode::ConfigValue, CONFIG),
        ] {
            assert_eq!(Failure::new(code, "").exit(), exit, "{code}");
        }
    }

    #[test]
    fn a_problem_from_a_newer_server_is_still_told() {
        let problem = Problem {
            kind: String::new(),
            title: String::new(),
            status: 500,
            code: "BW999".into(),
            detail: "something new".into(),
            fix: None,
            report: None,
        };
        let failure = Failure::from(problem);
        assert_eq!(failure.exit(), INTERNAL);
        assert!(
            matches!(failure, Failure::Said(said) if said.message == "something new" && said.fix.is_none())
        );
    }
}
