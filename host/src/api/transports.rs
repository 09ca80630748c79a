//! `GET /v1/transports`: what is configured, and how it does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::auth::Caller;
use super::problem::Problem;
use super::view::{Page, TransportStateView};
use crate::front::Byway;

pub(super) async fn list(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
) -> Result<Json<Page<TransportStateView>>, Problem> {
    caller.must_be_admin("transports are the operator's")?;
    Ok(Json(Page {
        items: byway.transport_states(),
        next: None,
    }))
}
