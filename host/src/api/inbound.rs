//! `POST /v1/inbound`: another byway, or somebody with an `[inbound]` token, brings an event.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::auth::bearer;
use super::problem::Problem;
use super::view::TakenInView;
use crate::envelope::{Envelope, EnvelopeError};
use crate::error_code::ErrorCode;
use crate::front::Byway;
use crate::intake::{Door, Refusal};
use crate::principal::Principal;

pub(super) async fn take_in(State(byway): State<Arc<Byway>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let inbound = match bearer(&parts) {
        None => None,
        Some(token) => match byway.recognise(token).await {
            Some(Principal::Inbound(name)) => Some(name),
            // A peer's message carries its own proof; a token beside it must still be right.
            _ => {
                return Err(Problem {
                    fix: None,
                    ..Problem::new(ErrorCode::Unauthorized, "the token is not valid here")
                });
            }
        },
    };
    let door = Door {
        name: "http".into(),
        inbound,
    };
    let body = Bytes::from_request(Request::from_parts(parts.clone(), body), &byway)
        .await
        .map_err(|_| Problem {
            fix: None,
            ..Problem::new(ErrorCode::TooLarge, "the body is too large, or was cut off")
        })?;
    let content_type = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let envelope = match Envelope::from_http(content_type, headers, &body) {
        Ok(envelope) => envelope,
        Err(error) => {
            let unsupported = matches!(
                error,
                EnvelopeError::NoEvent | EnvelopeError::UnsupportedMediaType(_)
            );
            let refusal = Refusal::from(error);
            byway.intake().refuse_malformed(&door, &refusal).await;
            let problem = Problem::for_strangers(&refusal);
            return Err(if unsupported {
                Problem {
                    status: 415,
                    ..problem
                }
            } else {
                problem
            });
        }
    };
    let taken = byway
        .take_in(&door, envelope)
        .await
        .map_err(|refusal| Problem::for_strangers(&refusal))?;
    Ok((StatusCode::ACCEPTED, Json(TakenInView::from(taken))).into_response())
}
