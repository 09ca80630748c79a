//! `/v1/reload`: the configuration is read again and put in force, or refused.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::auth::Caller;
use super::problem::Problem;
use super::view::ReloadView;
use crate::error_code::ErrorCode;
use crate::front::{Byway, Trigger};

/// Reads it again. A configuration that is refused is a problem with everything that is wrong.
pub(super) async fn reload(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
) -> Result<Json<ReloadView>, Problem> {
    caller.must_be_admin("the configuration is the operator's")?;
    // On its own task: a caller that goes away does not stop it half way.
    let view = tokio::spawn(async move { byway.reload(Trigger::Call).await })
        .await
        .map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?;
    if view.outcome != "refused" {
        return Ok(Json(view));
    }
    let detail = format!("{} was refused; the configuration in force stays", view.file);
    Err(Problem {
        report: view.report,
        ..Problem::new(ErrorCode::ReloadRefused, detail)
    })
}

/// What came of it last.
pub(super) async fn last(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
) -> Result<Json<ReloadView>, Problem> {
    caller.must_be_admin("the configuration is the operator's")?;
    Ok(Json(byway.last_reload()))
}
