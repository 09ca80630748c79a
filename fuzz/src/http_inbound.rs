//! A request to the API, through the real router into a real store: strangers get an answer that they can
//! use, and never one that says byway broke.
//!
//! A request is written as text. What cannot be guessed is put in: `{admin}` and `{agent}` in `authorization`
//! become tokens, and an event whose `bywaysig` is `sign` is signed as the peer `there` would.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use byway::api::{Problem, router};
use byway::config;
use byway::envelope::{Envelope, PublicKey, sign};
use byway::error_code::ErrorCode;
use byway::front::Byway;
use ed25519_dalek::SigningKey;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use tower_service::Service as _;

use crate::request::Request;

/// A byway without transports, and what is needed to speak to it.
struct Stage {
    byway: Arc<Byway>,
    router: Router,
    runtime: tokio::runtime::Runtime,
    peer: SigningKey,
    /// Until the program ends.
    _folder: tempfile::TempDir,
}

/// Any bytes, sent as a request.
///
/// # Panics
/// Where the answer is a fault of byway, an error that is no problem, or has a token in it.
pub fn check(bytes: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    let stage = STAGE.get_or_init(Stage::new);
    let Some(request) = stage.request(bytes) else {
        return;
    };
    let shown = format!("{} {}", request.method(), request.uri());
    let from_outside = request.method() == http::Method::POST && request.uri().path() == "/v1/inbound";
    let (head, body) = stage.runtime.block_on(async {
        let mut router = stage.router.clone();
        let Ok(answer) = router.call(request).await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("an answer has a body").to_bytes();
        (head, body)
    });
    let text = String::from_utf8_lossy(&body);
    let status = head.status.as_u16();
    assert!(status < 500, "{shown}: {status} {text}");
    for token in [
        stage.byway.tokens().admin(),
        &stage.byway.tokens().agent("executor"),
    ] {
        assert!(!text.contains(token), "{shown}: a token is in the answer {text}");
    }
    if status < 400 {
        return;
    }
    assert_eq!(
        head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes),
        Some(&b"application/problem+json"[..]),
        "{shown}: {status} {text}"
    );
    // The answer to HEAD is its head.
    if body.is_empty() && shown.starts_with("HEAD ") {
        return;
    }
    let problem: Problem =
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{shown}: {error}: {text}"));
    assert_eq!(problem.status, status, "{shown}: {text}");
    assert!(is_known(&problem.code), "{shown}: {text}");
    assert!(
        !problem.title.is_empty() && !problem.detail.is_empty(),
        "{shown}: {text}"
    );
    assert!(
        !from_outside || problem.fix.is_none(),
        "a stranger is told what to do here: {text}"
    );
}

fn is_known(code: &str) -> bool {
    ErrorCode::ALL.iter().any(|known| known.code() == code)
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let peer = SigningKey::from_bytes(&[7; 32]);
        let key = PublicKey::from_bytes(peer.verifying_key().to_bytes());
        let text = format!(
            r#"
            [instance]
            name = "here"
            data_dir = "data"
            durability = "process"
            [limits]
            data_bytes_max = "64KiB"
            [agents]
            names = ["executor", "planner"]
            [peers.there]
            key = "{key}"
            "#
        );
        let config =
            config::parse(&text, &folder.path().join("byway.toml")).unwrap_or_else(|it| panic!("{it}"));
        let byway = Byway::open_without_transports(config).expect("a byway");
        let byway = Arc::new(byway);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        Self {
            router: router(Arc::clone(&byway)),
            byway,
            runtime,
            peer,
            _folder: folder,
        }
    }

    /// The request that a text says, if it is one that could come out of a socket.
    fn request(&self, bytes: &[u8]) -> Option<http::Request<Body>> {
        let text = Request::read(bytes)?;
        let (method, target) = text.line.split_once(' ')?;
        let target = target.strip_suffix(" HTTP/1.1").unwrap_or(target);
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in text.headers {
            // Elsewhere a caller would only tell itself its own.
            let value = match name.eq_ignore_ascii_case("authorization") {
                true => value
                    .replace("{admin}", self.byway.tokens().admin())
                    .replace("{agent}", &self.byway.tokens().agent("executor")),
                false => value.to_owned(),
            };
            request = request.header(name, value);
        }
        request.body(Body::from(self.signed(text.body))).ok()
    }

    fn signed(&self, body: &[u8]) -> Vec<u8> {
        match Envelope::from_json(body) {
            Ok(mut envelope) if envelope.signature.as_deref() == Some("sign") => {
                envelope.expiry_time = Some(Timestamp::now() + SignedDuration::from_hours(1));
                sign(&mut envelope, &self.peer);
                envelope.to_json()
            }
            _ => body.to_vec(),
        }
    }
}
