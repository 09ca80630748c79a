//! Who calls, read from `Authorization: Bearer`.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::problem::Problem;
use crate::error_code::ErrorCode;
use crate::front::Byway;
use crate::principal::Principal;

/// A caller whose token is good: the admin or an agent.
pub(super) struct Caller(pub(super) Principal);

impl Caller {
    /// Only the admin may.
    pub(super) fn must_be_admin(&self, why: &str) -> Result<(), Problem> {
        match &self.0 {
            Principal::Admin => Ok(()),
            _ => Err(Problem::new(ErrorCode::Forbidden, why)),
        }
    }

    /// The caller may act for this agent.
    pub(super) fn may_act_for(&self, agent: &str) -> Result<(), Problem> {
        match &self.0 {
            Principal::Admin => Ok(()),
            Principal::Agent(name) if name == agent => Ok(()),
            other => Err(Problem::new(
                ErrorCode::Forbidden,
                format!("{other} may not see the inbox of {agent}"),
            )),
        }
    }
}

impl<S> FromRequestParts<S> for Caller
where
    Arc<Byway>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let byway = Arc::<Byway>::from_ref(state);
        let principal = match bearer(parts) {
            Some(token) => byway.recognise(token).await,
            None => None,
        };
        match principal {
            Some(principal @ (Principal::Admin | Principal::Agent(_))) => Ok(Self(principal)),
            Some(Principal::Inbound(_)) => Err(Problem::new(
                ErrorCode::Forbidden,
                "this token opens /v1/inbound and nothing else",
            )),
            None => Err(Problem::new(
                ErrorCode::Unauthorized,
                "the call has no valid token",
            )),
        }
    }
}

/// The token of a call, where it has one.
pub(super) fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
