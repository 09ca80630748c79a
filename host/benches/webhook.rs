//! What the sandbox costs where it matters: the webhook adapter beside the same client used natively.
//!
//! Both post the same message of about a kilobyte over kept connections to a server in this very
//! process, one at a time and eight at a time. The rounds are interleaved and the figures are medians.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench may fail loudly"
)]

mod stage;

use std::sync::Arc;

use bytes::Bytes;
use byway::contract::Outcome;
use byway::sandbox::LoadedTransport;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use stage::ROUNDS;

const CALLS: usize = 2_000;

fn main() {
    // Cargo's test runner asks benches without a harness for their tests; there are none.
    if std::env::args().any(|it| it == "--list" || it == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run());
}

async fn run() {
    let url = stage::serve().await;
    let native = Arc::new(Native::new(&url));
    let sandboxed = sandboxed(&url);
    let call = stage::call();
    for at_once in [1, 8] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let of_native = stage::rate(at_once, CALLS / at_once, || {
                let native = Arc::clone(&native);
                async move {
                    for _ in 0..CALLS / at_once {
                        native.post().await;
                    }
                }
            })
            .await;
            let of_byway = stage::rate(at_once, CALLS / at_once, || {
                let (sandboxed, call) = (sandboxed.clone(), call.clone());
                async move {
                    for _ in 0..CALLS / at_once {
                        let attempted = sandboxed.attempt(call.clone()).await.unwrap();
                        assert!(
                            matches!(attempted.outcome, Outcome::Delivered(_)),
                            "{attempted:?}"
                        );
                    }
                }
            })
            .await;
            if round > 0 {
                theirs.push(of_native);
                ours.push(of_byway);
            }
        }
        let (ours, theirs) = (stage::median(ours), stage::median(theirs));
        println!(
            "{at_once} at once     native {theirs:>8.0}/s   byway {ours:>8.0}/s   ratio {:.2}",
            ours / theirs
        );
    }
    stage::print_load();
}

/// The client that byway's egress is made of, with nothing around it.
struct Native {
    client: Client<HttpConnector, Full<Bytes>>,
    url: http::Uri,
    body: Bytes,
}

impl Native {
    fn new(url: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            url: url.parse().unwrap(),
            body: Bytes::copy_from_slice(&stage::call().structured),
        }
    }

    async fn post(&self) {
        let request = http::Request::post(self.url.clone())
            .header("content-type", "application/cloudevents+json")
            .body(Full::new(self.body.clone()))
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        assert_eq!(response.status(), http::StatusCode::OK);
        response.into_body().collect().await.unwrap();
    }
}

fn sandboxed(url: &str) -> LoadedTransport {
    stage::sandbox(None).load(&stage::webhook(url)).unwrap()
}
