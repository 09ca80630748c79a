//! Errors as RFC 9457 problems.
//!
//! A problem has two messages: one for whoever called, one for the log. Its status is an error by
//! construction, because it follows from the code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::error_code::ErrorCode;
use crate::intake::Refusal;
use crate::store::StoreError;

/// An error answer (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where the code is explained: a URI reference into the error page.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's own words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code, `BW…`.
    pub code: String,
    /// What happened this time.
    pub detail: String,
    /// What the caller can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Where it is about a whole file: everything that is wrong with it, line by line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

impl Problem {
    pub(super) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let entry = code.entry();
        Self {
            kind: format!("docs/errors.md#{}", entry.code.to_lowercase()),
            title: entry.title.to_owned(),
            status: status(code).as_u16(),
            code: entry.code.to_owned(),
            detail: detail.into(),
            fix: Some(entry.fix.to_owned()),
            report: None,
        }
    }

    /// The problem for somebody outside: no fix, since that speaks of this side.
    pub(super) fn for_strangers(refusal: &Refusal) -> Self {
        let public = refusal.for_strangers();
        Self {
            fix: None,
            ..Self::new(public.code, public.message)
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self {
            fix: Some(refusal.fix().to_owned()),
            ..Self::new(refusal.code, refusal.to_string())
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store could not answer a call");
        let detail = match error {
            StoreError::RowDamaged { .. } | StoreError::RecordDamaged(_) => error.to_string(),
            _ => "the store could not answer".to_owned(),
        };
        Self::new(error.code(), detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

/// The status says to a sending byway what may follow: 4xx about the message are final for it,
/// 401 and 403 may be put right on this side, 5xx pass.
fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::MalformedMessage
        | ErrorCode::InvalidAddress
        | ErrorCode::NotADecision
        | ErrorCode::Usage => StatusCode::BAD_REQUEST,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::NoRoute
        | ErrorCode::UnknownAgent
        | ErrorCode::IdempotencyConflict
        | ErrorCode::BadSignature
        | ErrorCode::WrongInstance
        | ErrorCode::TooManyHops
        | ErrorCode::ReloadRefused
        | ErrorCode::Expired => StatusCode::UNPROCESSABLE_ENTITY,
        // Of a damaged row: it stays so, and a new id is needed.
        ErrorCode::IdConflict
        | ErrorCode::TooLate
        | ErrorCode::NeedsNewId
        | ErrorCode::MayHaveArrived
        | ErrorCode::RowDamaged => StatusCode::CONFLICT,
        ErrorCode::UnknownPeer | ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::SenderNotAllowed | ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NoSuchMessage | ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::StoreFailed | ErrorCode::DataFolder | ErrorCode::DataFolderInUse => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorCode::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(super) async fn not_found() -> Problem {
    Problem::new(ErrorCode::NotFound, "there is nothing at this path")
}

pub(super) async fn method_not_allowed() -> Response {
    let problem = Problem {
        status: StatusCode::METHOD_NOT_ALLOWED.as_u16(),
        ..Problem::new(ErrorCode::NotFound, "this path does not take this method")
    };
    problem.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DamagedRecord;

    /// It stays so: a peer that hears it does not try again until the message's deadline.
    #[test]
    fn damage_is_final_for_whoever_sends() {
        for error in [
            StoreError::RowDamaged {
                table: "outgoing",
                key: 1,
            },
            StoreError::RecordDamaged(DamagedRecord::TakenIn),
        ] {
            let problem = Problem::from(error);
            assert_eq!((problem.status, problem.code.as_str()), (409, "BW410"));
            let refusal = Refusal::new(ErrorCode::RowDamaged, problem.detail);
            assert!(!refusal.is_ours());
            assert_eq!(Problem::for_strangers(&refusal).status, 409);
        }
    }
}
