//! One keep-alive HTTP client for each transport, on each lane.
//!
//! Kept from attempt to attempt, because connecting (and TLS above all) costs more than everything
//! else about a request. Never shared between transports: two of them may reach the same name
//! under different grants, and a pooled connection would carry the rights of the one that opened it.
//! Nor between lanes: a connection is driven by the thread that opened it, and every byte for another would wake that.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};

use super::dial::Dial;
use crate::config::Transport;
use crate::lanes;

/// How long an idle connection is kept. Shorter than the usual far side keeps it, so that a request
/// seldom meets one that has just been closed.
const IDLE_TIME_MAX: Duration = Duration::from_secs(20);
/// The most that are kept for each lane: a burst should not dial anew what the last one has closed.
const IDLE_MAX: usize = 256;
/// The head of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// TLS settings, made once for all clients: reading the system's roots takes milliseconds.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Tls(OnceLock<Option<Arc<ClientConfig>>>);

impl Tls {
    /// The settings, or `None` where this build of rustls has no usable provider.
    pub(in crate::sandbox) fn settings(&self) -> Option<Arc<ClientConfig>> {
        self.0.get_or_init(|| client_config().map(Arc::new)).clone()
    }
}

/// Trusts these and nobody else.
fn trusting(roots: RootCertStore) -> Option<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Some(builder.ok()?.with_root_certificates(roots).with_no_client_auth())
}

/// Trusts the system's roots or, where there are none, Mozilla's.
fn client_config() -> Option<ClientConfig> {
    let builder = || {
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .inspect_err(|error| tracing::error!(%error, "TLS cannot be used"))
            .ok()
    };
    match builder()?.with_native_roots() {
        Ok(roots) => Some(roots.with_no_client_auth()),
        Err(error) => {
            tracing::warn!(%error, "the system has no root certificates that can be read; Mozilla's are used");
            Some(builder()?.with_webpki_roots().with_no_client_auth())
        }
    }
}

type Connector = HttpsConnector<Dial>;

/// See the module.
#[derive(Debug)]
pub(in crate::sandbox) struct Client {
    first: OnLane,
    others: Box<[OnLane]>,
}

type OnLane = legacy::Client<Connector, Full<Bytes>>;

impl Client {
    /// The client of a transport; `None` where it has no grant for a request, or TLS cannot be had.
    pub(in crate::sandbox) fn of(transport: &Transport, tls: &Tls, lanes: usize) -> Option<Self> {
        if !transport
            .grants
            .http
            .iter()
            .any(|grant| matches!(grant.scheme.as_str(), "http" | "https"))
        {
            return None;
        }
        // Without a grant for TLS no certificate will ever be looked at.
        let settings = match transport.grants.http.iter().any(|grant| grant.scheme == "https") {
            true => tls.settings()?,
            false => Arc::new(trusting(RootCertStore::empty())?),
        };
        let dial = Dial::new(Arc::new(transport.clone()));
        let connector = HttpsConnector::from((dial, settings));
        let client = || {
            legacy::Client::builder(TokioExecutor::new())
                .pool_idle_timeout(IDLE_TIME_MAX)
                .pool_timer(TokioTimer::new())
                .pool_max_idle_per_host(transport.limits.at_once_max.clamp(1, IDLE_MAX))
                .http1_max_buf_size(HEAD_BYTES_MAX)
                // Repeats a request on a new connection only if hyper gives it back unwritten.
                .retry_canceled_requests(true)
                .build(connector.clone())
        };
        Some(Self {
            others: (1..lanes).map(|_| client()).collect(),
            first: client(),
        })
    }

    /// Asks over a connection of this thread's lane.
    pub(super) fn request(&self, request: http::Request<Full<Bytes>>) -> legacy::ResponseFuture {
        let other = lanes::here()
            .checked_sub(1)
            .and_then(|place| self.others.get(place));
        other.unwrap_or(&self.first).request(request)
    }
}
