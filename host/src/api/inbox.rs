//! `/v1/agents/{agent}/inbox`: what lies there for an agent.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::asked::{InPath, InQuery};
use super::auth::Caller;
use super::problem::Problem;
use super::view::{InboxItem, Page};
use crate::error_code::ErrorCode;
use crate::front::Byway;
use crate::store::InboxStatus;

const LIST_MAX: usize = 200;

/// What an inbox may be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InboxQuery {
    #[serde(default)]
    all: bool,
    cursor: Option<i64>,
    limit: Option<usize>,
}

/// Which of several messages of one id is meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MarkQuery {
    source: Option<String>,
}

pub(super) async fn list(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InPath(agent): InPath<String>,
    InQuery(query): InQuery<InboxQuery>,
) -> Result<Json<Page<InboxItem>>, Problem> {
    caller.may_act_for(&agent)?;
    let limit = query.limit.unwrap_or(50).clamp(1, LIST_MAX);
    Ok(Json(byway.inbox(&agent, query.all, query.cursor, limit).await?))
}

pub(super) async fn show(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InPath((agent, id)): InPath<(String, String)>,
) -> Result<Json<InboxItem>, Problem> {
    caller.may_act_for(&agent)?;
    found(byway.inbox_item(&agent, &id).await?, &id)
}

pub(super) async fn read(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InPath((agent, id)): InPath<(String, String)>,
    InQuery(query): InQuery<MarkQuery>,
) -> Result<Json<InboxItem>, Problem> {
    caller.may_act_for(&agent)?;
    let source = query.source.as_deref();
    found(byway.mark(&agent, source, &id, InboxStatus::Read).await?, &id)
}

pub(super) async fn processed(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
    InPath((agent, id)): InPath<(String, String)>,
    InQuery(query): InQuery<MarkQuery>,
) -> Result<Json<InboxItem>, Problem> {
    caller.may_act_for(&agent)?;
    let source = query.source.as_deref();
    found(
        byway.mark(&agent, source, &id, InboxStatus::Processed).await?,
        &id,
    )
}

fn found(item: Option<InboxItem>, id: &str) -> Result<Json<InboxItem>, Problem> {
    item.map(Json).ok_or_else(|| {
        Problem::new(
            ErrorCode::NoSuchMessage,
            format!("there is no message `{id}` in this inbox"),
        )
    })
}
