//! `/v1/messages`: what local agents send, and how it stands.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::asked::{InPath, InQuery};
use super::auth::Caller;
use super::problem::Problem;
use super::view::{MessageView, Page, SubmittedView};
use crate::envelope::Envelope;
use crate::error_code::ErrorCode;
use crate::front::Byway;
use crate::intake::{Refusal, ShortForm, Submission};
use crate::principal::Principal;

const LIST_MAX: usize = 200;

/// What a list may be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    status: Option<String>,
    cursor: Option<i64>,
    limit: Option<usize>,
}

pub(super) async fn submit(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body =
        body.map_err(|_| Problem::new(ErrorCode::TooLarge, "the body is larger than any message may be"))?;
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &header::HeaderValue| value.to_str().ok())
    };
    let content_type = text("content-type");
    let submission = read(content_type, &headers, &body)?;
    let key = text("idempotency-key").map(str::to_owned);
    let submitted = byway.submit(&caller.0, submission, key).await?;
    let location = format!("/v1/messages/{}", submitted.id);
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, location)],
        Json(SubmittedView::from(submitted)),
    )
        .into_response())
}

/// The short form is plain JSON; everything else is a CloudEvent in one of its modes.
fn read(content_type: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Submission, Problem> {
    let is_event = headers.contains_key("ce-specversion")
        || content_type.is_some_and(|text| text.to_ascii_lowercase().starts_with("application/cloudevents"));
    if is_event {
        let pairs = headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let envelope = Envelope::from_http(content_type, pairs, body).map_err(Refusal::from)?;
        return Ok(Submission::Event(Box::new(envelope)));
    }
    let short: ShortForm = serde_json::from_slice(body).map_err(|error| {
        Problem {
            fix: Some("Send {\"to\": \"agent@instance\", \"text\": \"…\"}, or a CloudEvent as application/cloudevents+json.".into()),
            ..Problem::new(ErrorCode::MalformedMessage, format!("the body is not a message: {error}"))
        }
    })?;
    Ok(Submission::Short(Box::new(short)))
}

pub(super) async fn show(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InPath(id): InPath<String>,
) -> Result<Json<MessageView>, Problem> {
    let view = byway.show(&caller.0, &id).await?;
    view.map(Json)
        .ok_or_else(|| Problem::new(ErrorCode::NoSuchMessage, format!("there is no message `{id}`")))
}

pub(super) async fn list(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InQuery(query): InQuery<ListQuery>,
) -> Result<Json<Page<MessageView>>, Problem> {
    let source = match &caller.0 {
        Principal::Agent(name) => Some(byway.source_of(name)),
        _ => None,
    };
    let limit = query.limit.unwrap_or(50).clamp(1, LIST_MAX);
    Ok(Json(
        byway
            .list(query.status.as_deref(), source, query.cursor, limit)
            .await?,
    ))
}
