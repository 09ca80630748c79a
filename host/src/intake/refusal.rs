//! Why something was not taken in.

use crate::envelope::EnvelopeError;
use crate::error_code::ErrorCode;
use crate::store::StoreError;

/// A refusal: nothing was stored, and nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The code, for looking it up.
    pub code: ErrorCode,
    /// One sentence: what is wrong.
    pub message: String,
    /// What to do; absent: what the code's entry says.
    pub fix: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            fix: None,
        }
    }

    pub(crate) fn with_fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }

    /// What a caller from outside may know: the code's own words, and nothing of this instance.
    #[must_use]
    pub fn for_strangers(&self) -> Self {
        let speaks_of_the_message_alone = matches!(
            self.code,
            ErrorCode::MalformedMessage
                | ErrorCode::InvalidAddress
                | ErrorCode::TooLarge
                | ErrorCode::TooManyHops
                | ErrorCode::Expired
        );
        if speaks_of_the_message_alone {
            return self.clone();
        }
        let code = match self.code {
            // That a recipient or a route is not there says what else is.
            ErrorCode::UnknownAgent | ErrorCode::NoRoute => ErrorCode::WrongInstance,
            code => code,
        };
        Self {
            code,
            message: code.entry().title.to_owned(),
            fix: None,
        }
    }

    /// Whether it is byway's own failure, so that the same thing may be taken later.
    #[must_use]
    pub(crate) fn is_ours(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::StoreFailed
                | ErrorCode::DiskFull
                | ErrorCode::DataFolder
                | ErrorCode::DataFolderInUse
                | ErrorCode::Internal
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> &str {
        self.fix.as_deref().unwrap_or(self.code.entry().fix)
    }
}

impl From<EnvelopeError> for Refusal {
    fn from(error: EnvelopeError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
