//! Whether byway lives, and whether it can take messages.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::front::Byway;

/// A store that takes longer than this to write one thing takes no messages either.
const CHECK_MAX: Duration = Duration::from_secs(5);

/// The process answers.
pub(super) async fn livez() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// byway can take messages: the store writes, and there is room for them. A transport that is down does not change that, since
/// messages wait; it is listed at `/v1/transports`.
pub(super) async fn readyz(State(byway): State<Arc<Byway>>) -> (StatusCode, Json<Value>) {
    let checked = tokio::time::timeout(CHECK_MAX, byway.store().check()).await;
    let (failing, why) = match checked {
        Ok(Ok(())) => match byway.store().check_room() {
            Ok(()) => return (StatusCode::OK, Json(json!({ "status": "ready" }))),
            Err(error) => ("disk", error.to_string()),
        },
        Ok(Err(error)) => ("store", error.to_string()),
        Err(_) => ("store", "the store does not answer".to_owned()),
    };
    tracing::error!(why, "not ready");
    let body = json!({ "status": "not ready", "failing": [failing] });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body))
}
