//! HTTP in front of byway.
//!
//! Every call but `/livez` and `/readyz` needs a token (or, at `/v1/inbound`, a peer's signature).
//! Answers are JSON; errors are RFC 9457 problems with a stable code. What a caller may see follows
//! from its principal: an agent's token opens that agent's inbox and messages and nothing else.

mod asked;
mod auth;
mod dead;
mod health;
mod inbound;
mod inbox;
mod messages;
mod metrics;
mod problem;
mod reload;
mod transports;
mod view;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::map_request_with_state;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use problem::Problem;
pub use view::{
    AttemptView, InboxItem, MessageView, NoticeView, Page, RedrivenView, ReloadView, SubmittedView,
    TakenInView, TransportStateView,
};

use crate::config::Config;
use crate::front::Byway;

/// Room in a body for the attributes around the data, and for JSON's escaping of the data.
const ATTRIBUTE_ROOM: usize = 256 * 1024;

/// Serves the API until `stop` turns true, then lets running calls end.
///
/// # Errors
/// Where the listener fails for good.
pub async fn serve(
    byway: Arc<Byway>,
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let until_stopped = async move {
        while !*stop.borrow() {
            if stop.changed().await.is_err() {
                break;
            }
        }
    };
    axum::serve(listener, router(byway))
        .with_graceful_shutdown(until_stopped)
        .await
}

/// Binds the API's address.
///
/// # Errors
/// Where it is in use or may not be used.
pub async fn bind(listen: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(listen).await
}

/// The most bytes a written event may have. JSON may need up to six for one of data (`\u0001`), so it
/// may be larger than the data; the data itself is measured after parsing.
#[must_use]
pub fn event_bytes_max(config: &Config) -> usize {
    config
        .limits
        .data_bytes_max
        .saturating_mul(6)
        .saturating_add(ATTRIBUTE_ROOM)
}

/// The whole API.
pub fn router(byway: Arc<Byway>) -> Router {
    Router::new()
        .route("/v1/messages", post(messages::submit).get(messages::list))
        .route("/v1/messages/{id}", get(messages::show))
        .route("/v1/messages/{id}/cancel", post(dead::cancel))
        .route("/v1/messages/{id}/approve", post(dead::approve))
        .route("/v1/messages/{id}/reject", post(dead::reject))
        .route("/v1/messages/{id}/redrive", post(dead::redrive))
        .route("/v1/messages/{id}/drop", post(dead::put_away))
        .route("/v1/dead", get(dead::list))
        .route("/v1/dead/redrive", post(dead::redrive_some))
        .route("/v1/inbound", post(inbound::take_in))
        .route("/v1/agents/{agent}/inbox", get(inbox::list))
        .route("/v1/agents/{agent}/inbox/{id}", get(inbox::show))
        .route("/v1/agents/{agent}/inbox/{id}/read", post(inbox::read))
        .route("/v1/agents/{agent}/inbox/{id}/processed", post(inbox::processed))
        .route("/v1/transports", get(transports::list))
        .route("/v1/reload", get(reload::last).post(reload::reload))
        .route("/metrics", get(metrics::show))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(map_request_with_state(Arc::clone(&byway), limit_body))
        .with_state(byway)
}

/// The limit of the configuration that is in force when the call comes.
async fn limit_body(State(byway): State<Arc<Byway>>, mut request: Request) -> Request {
    DefaultBodyLimit::max(event_bytes_max(&byway.config())).apply(&mut request);
    request
}
