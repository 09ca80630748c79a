//! What the sandbox costs where it matters: the webhook adapter beside the same client used natively.
//!
//! Both post the same message of about a kilobyte over kept connections to a server in this very
//! process, one at a time and eight at a time: first with all of it on one thread, which tells what the
//! work costs, then with the server on a runtime of two threads and byway on two lanes, as `serve` makes its
//! attempts. There the native client goes on lanes and on the server's own runtime, and the better of the two
//! counts. The rounds are interleaved and the figures are medians.

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
use byway::lanes::{self, Lanes};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use stage::ROUNDS;
use tokio::runtime::Builder;

const CALLS: usize = 2_000;

fn main() {
    // Cargo's test runner asks benches without a harness for their tests; there are none.
    if std::env::args().any(|it| it == "--list" || it == "--test") {
        return;
    }
    let one = Builder::new_current_thread().enable_all().build().unwrap();
    one.block_on(run("one thread ", &Lanes::none()));
    let two = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    two.block_on(run("two threads", &Lanes::start(2).unwrap()));
    stage::print_load();
}

async fn run(layout: &str, lanes: &Lanes) {
    let url = stage::serve().await;
    let native = Arc::new([Native::new(&url), Native::new(&url)]);
    let sandboxed = stage::sandbox(None, lanes).load(&stage::webhook(&url)).unwrap();
    let call = stage::call();
    let of_native = async |lanes: &Lanes, at_once: usize| {
        stage::rate(lanes, at_once, CALLS / at_once, || {
            let native = Arc::clone(&native);
            async move {
                for _ in 0..CALLS / at_once {
                    native[lanes::here()].post().await;
                }
            }
        })
        .await
    };
    let of_byway = async |at_once: usize| {
        stage::rate(lanes, at_once, CALLS / at_once, || {
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
        .await
    };
    for at_once in [1, 8] {
        let mut rows = [const { Vec::new() }; 3];
        for round in 0..=ROUNDS {
            let figures = [
                of_native(&Lanes::none(), at_once).await,
                of_native(lanes, at_once).await,
                of_byway(at_once).await,
            ];
            if round > 0 {
                for (row, figure) in rows.iter_mut().zip(figures) {
                    row.push(figure);
                }
            }
        }
        let [at_home, on_lanes, ours] = rows.map(stage::median);
        let native = at_home.max(on_lanes);
        println!(
            "{layout}   {at_once} at once     native {native:>8.0}/s   byway {ours:>8.0}/s   ratio {:.2}",
            ours / native
        );
    }
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
