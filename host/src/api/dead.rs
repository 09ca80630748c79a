//! `/v1/dead` and what is done about single messages: dead letters, cancelling, approving.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::asked::{InPath, InQuery};
use super::auth::Caller;
use super::problem::Problem;
use super::view::{MessageView, Page, RedrivenView};
use crate::envelope::{Address, AddressPattern};
use crate::error_code::ErrorCode;
use crate::front::{Byway, DeadQuery};
use crate::intake::Redrive;
use crate::store::DeadFilter;

const LIST_MAX: usize = 200;
/// How many dead letters one call redrives: a bounded piece of work, after which the caller says go on.
const REDRIVE_MAX: usize = 100;
const ADMIN_ONLY: &str = "dead letters and approvals are the operator's";
/// How long a person's reason may be, in bytes.
const REASON_BYTES_MAX: usize = 1_000;

/// Which dead letters.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Which {
    route: Option<String>,
    transport: Option<String>,
    recipient: Option<String>,
    reason: Option<String>,
    ended_by: Option<Timestamp>,
    cursor: Option<i64>,
    limit: Option<usize>,
}

/// How they are redriven.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct How {
    new_id: bool,
    even_twice: bool,
}

/// Which of several recipients is meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whom {
    to: Option<String>,
}

/// Why, in a person's words.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Why {
    reason: Option<String>,
}

pub(super) async fn list(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Page<MessageView>>, Problem> {
    caller.must_be_admin(ADMIN_ONLY)?;
    let (cursor, limit) = (which.cursor, which.limit.unwrap_or(50).clamp(1, LIST_MAX));
    Ok(Json(byway.dead_letters(&which.query()?, cursor, limit).await?))
}

pub(super) async fn redrive_some(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InQuery(which): InQuery<Which>,
    body: Bytes,
) -> Result<Json<Page<RedrivenView>>, Problem> {
    caller.must_be_admin(ADMIN_ONLY)?;
    let how: How = read(&body)?;
    let (cursor, limit) = (
        which.cursor,
        which.limit.unwrap_or(REDRIVE_MAX).clamp(1, REDRIVE_MAX),
    );
    let query = which.query()?;
    let done = byway
        .redrive_some(&caller.0, &query, how.into(), cursor, limit)
        .await?;
    Ok(Json(Page {
        items: done.items,
        next: done.next,
    }))
}

pub(super) async fn redrive(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InPath(id): InPath<String>,
    InQuery(whom): InQuery<Whom>,
    body: Bytes,
) -> Result<Json<Page<RedrivenView>>, Problem> {
    caller.must_be_admin(ADMIN_ONLY)?;
    let how: How = read(&body)?;
    let items = byway
        .redrive(&caller.0, &id, whom.to()?.as_ref(), how.into())
        .await?;
    Ok(Json(Page { items, next: None }))
}

pub(super) async fn put_away(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InPath(id): InPath<String>,
    InQuery(whom): InQuery<Whom>,
    body: Bytes,
) -> Result<Json<MessageView>, Problem> {
    caller.must_be_admin(ADMIN_ONLY)?;
    let (reason, to) = (reason(&body)?, whom.to()?);
    let dropped = byway.drop_dead(&caller.0, &id, to.as_ref(), reason.as_deref());
    Ok(Json(dropped.await?))
}

pub(super) async fn cancel(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InPath(id): InPath<String>,
    InQuery(whom): InQuery<Whom>,
) -> Result<Json<MessageView>, Problem> {
    Ok(Json(byway.cancel(&caller.0, &id, whom.to()?.as_ref()).await?))
}

pub(super) async fn approve(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InPath(id): InPath<String>,
    InQuery(whom): InQuery<Whom>,
    body: Bytes,
) -> Result<Json<MessageView>, Problem> {
    settle(&caller, &byway, &id, &whom, &body, true).await
}

pub(super) async fn reject(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InPath(id): InPath<String>,
    InQuery(whom): InQuery<Whom>,
    body: Bytes,
) -> Result<Json<MessageView>, Problem> {
    settle(&caller, &byway, &id, &whom, &body, false).await
}

async fn settle(
    caller: &Caller,
    byway: &Byway,
    id: &str,
    whom: &Whom,
    body: &[u8],
    approve: bool,
) -> Result<Json<MessageView>, Problem> {
    caller.must_be_admin(ADMIN_ONLY)?;
    let (by, reason, to) = (caller.0.to_string(), reason(body)?, whom.to()?);
    let settled = byway.settle_approval(&by, id, to.as_ref(), approve, reason.as_deref());
    Ok(Json(settled.await?))
}

impl Which {
    fn query(self) -> Result<DeadQuery, Problem> {
        let recipient = self.recipient.map(|text| {
            text.parse::<AddressPattern>()
                .map_err(|error| Problem::new(ErrorCode::InvalidAddress, format!("recipient: {error}")))
        });
        Ok(DeadQuery {
            filter: DeadFilter {
                recipient: recipient.transpose()?.map(|pattern| pattern.to_string()),
                reason: self.reason,
                transport: self.transport,
                ended_by: self.ended_by,
            },
            route: self.route,
        })
    }
}

impl Whom {
    fn to(&self) -> Result<Option<Address>, Problem> {
        let to = self.to.as_deref().map(str::parse).transpose();
        to.map_err(|error| Problem::new(ErrorCode::InvalidAddress, format!("to: {error}")))
    }
}

impl From<How> for Redrive {
    fn from(how: How) -> Self {
        Self {
            new_id: how.new_id,
            even_twice: how.even_twice,
        }
    }
}

fn reason(body: &[u8]) -> Result<Option<String>, Problem> {
    let why: Why = read(body)?;
    match why.reason {
        Some(reason) if reason.len() > REASON_BYTES_MAX => Err(Problem::new(
            ErrorCode::Usage,
            format!(
                "the reason has {} bytes, and may have {REASON_BYTES_MAX}",
                reason.len()
            ),
        )),
        reason => Ok(reason),
    }
}

/// A JSON body; none is one that says nothing.
fn read<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(ErrorCode::Usage, format!("the body cannot be read: {error}")))
}
