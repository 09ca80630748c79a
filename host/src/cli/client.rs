//! The API as a command calls it: over loopback to the running server, or, where the command has opened
//! the data folder itself, in this process. Both end in the same handlers, so a command cannot tell
//! them apart, and what is refused by one is refused by the other in the same words.
//!
//! No answer is not a refusal: whoever sent something and got [`CallError::NoAnswer`] does
//! not know whether it was stored, and repeats it under the same key.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use tower_service::Service as _;
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::api::Problem;
use crate::error_code::ErrorCode;

/// A server on the same machine answers at once, unless its disk is slow.
const CONNECT_MAX: Duration = Duration::from_secs(2);
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// A page of an inbox, with every message as large as it may be.
const ANSWER_BYTES_MAX: usize = 512 * 1024 * 1024;
/// What may stand in a segment of a path as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Somebody who answers calls of the API.
pub(super) struct Client {
    carrier: Carrier,
    token: Option<Zeroizing<String>>,
    answer_max: Duration,
}

enum Carrier {
    Socket {
        address: SocketAddr,
        http: HttpClient<HttpConnector, Body>,
    },
    InProcess(axum::Router),
}

/// What is posted.
pub(super) struct Content {
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) idempotency_key: Option<String>,
}

impl Content {
    /// A value as JSON.
    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self {
            media_type: "application/json",
            bytes: value.to_string().into_bytes(),
            idempotency_key: None,
        }
    }
}

/// A call that did not succeed.
#[derive(Debug)]
pub(super) enum CallError {
    /// Nobody answered, for this reason. What was sent may have been stored.
    NoAnswer(String),
    /// An answer that says no.
    Refused(Failure),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NoAnswer(why) => {
                Self::new(ErrorCode::NotRunning, format!("byway does not answer: {why}"))
            }
            CallError::Refused(failure) => failure,
        }
    }
}

impl Client {
    /// Over HTTP to a server.
    pub(super) fn to(address: SocketAddr, token: Option<Zeroizing<String>>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_MAX));
        connector.set_nodelay(true);
        let http = HttpClient::builder(TokioExecutor::new()).build(connector);
        Self {
            carrier: Carrier::Socket { address, http },
            token,
            answer_max: ANSWER_MAX,
        }
    }

    /// To the API in this process.
    pub(super) fn in_process(api: axum::Router, token: Option<Zeroizing<String>>) -> Self {
        Self {
            carrier: Carrier::InProcess(api),
            token,
            answer_max: ANSWER_MAX,
        }
    }

    /// The same, waiting longer for an answer: for calls that take their time.
    pub(super) fn patient(self, answer_max: Duration) -> Self {
        Self { answer_max, ..self }
    }

    /// Whether a server behind it does the delivering.
    pub(super) fn is_server(&self) -> bool {
        matches!(self.carrier, Carrier::Socket { .. })
    }

    /// Whether somebody answers at all.
    pub(super) async fn is_alive(&self) -> bool {
        let alive = self.get::<serde_json::Value>("/livez");
        matches!(tokio::time::timeout(CONNECT_MAX, alive).await, Ok(Ok(_)))
    }

    /// Gets a path.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.call(Method::GET, path, None).await
    }

    /// Posts to a path.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        content: Option<Content>,
    ) -> Result<T, CallError> {
        self.call(Method::POST, path, content).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        content: Option<Content>,
    ) -> Result<T, CallError> {
        let request = self
            .request(method, path, content)
            .map_err(|error| CallError::Refused(wrong_request(&error)))?;
        let answered = tokio::time::timeout(self.answer_max, self.carry(request)).await;
        let (status, bytes) = answered
            .map_err(|_| CallError::NoAnswer(format!("{} s went by", self.answer_max.as_secs())))?
            .map_err(CallError::NoAnswer)?;
        read(status, &bytes)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        content: Option<Content>,
    ) -> Result<Request<Body>, http::Error> {
        let uri = match &self.carrier {
            Carrier::Socket { address, .. } => format!("http://{address}{path}"),
            Carrier::InProcess(_) => path.to_owned(),
        };
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(token) = &self.token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.as_str()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let Some(content) = content else {
            return request.body(Body::empty());
        };
        if let Some(key) = &content.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        request
            .header(CONTENT_TYPE, content.media_type)
            .body(Body::from(content.bytes))
    }

    async fn carry(&self, request: Request<Body>) -> Result<(StatusCode, Vec<u8>), String> {
        match &self.carrier {
            Carrier::Socket { http, .. } => {
                let answer = http.request(request).await.map_err(|error| root_cause(&error))?;
                Ok((answer.status(), collect(answer.into_body()).await?))
            }
            Carrier::InProcess(api) => {
                let Ok(answer) = api.clone().call(request).await;
                Ok((answer.status(), collect(answer.into_body()).await?))
            }
        }
    }
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

async fn collect<B>(body: B) -> Result<Vec<u8>, String>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let bytes = Limited::new(body, ANSWER_BYTES_MAX)
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    Ok(bytes.to_bytes().to_vec())
}

fn read<T: DeserializeOwned>(status: StatusCode, bytes: &[u8]) -> Result<T, CallError> {
    if status.is_success() {
        return serde_json::from_slice(bytes)
            .map_err(|error| CallError::NoAnswer(format!("what answers speaks another language ({error})")));
    }
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(problem) => Err(CallError::Refused(Failure::from(problem))),
        Err(_) => Err(CallError::NoAnswer(format!(
            "what answers with {status} is not byway"
        ))),
    }
}

fn wrong_request(error: &http::Error) -> Failure {
    Failure::usage(
        format!("the call cannot be written: {error}"),
        "A token and an idempotency key are printable ASCII without line breaks.",
    )
}

/// The innermost reason: the outer ones say "client error".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_segment() {
        assert_eq!(segment("0198-a.b_c~d"), "0198-a.b_c~d");
        assert_eq!(segment("../x?y#z ä"), "..%2Fx%3Fy%23z%20%C3%A4");
    }

    #[test]
    fn a_problem_is_a_refusal_and_anything_else_is_no_answer() {
        let problem = br#"{"type":"docs/errors.md#bw204","title":"no route","status":422,"code":"BW204","detail":"no route leads to x@z"}"#;
        let refused = read::<()>(StatusCode::UNPROCESSABLE_ENTITY, problem);
        assert!(
            matches!(refused, Err(CallError::Refused(failure)) if failure.code() == Some(ErrorCode::NoRoute))
        );
        let stranger = read::<()>(StatusCode::NOT_FOUND, b"<html>");
        assert!(matches!(stranger, Err(CallError::NoAnswer(_))));
        let garbage = read::<u32>(StatusCode::OK, b"<html>");
        assert!(matches!(garbage, Err(CallError::NoAnswer(_))));
    }

    #[tokio::test]
    async fn where_nobody_listens_there_is_no_answer() {
        let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = port.local_addr().unwrap();
        drop(port);
        let client = Client::to(address, None);
        assert!(!client.is_alive().await);
        let answer = client.get::<serde_json::Value>("/livez").await;
        assert!(matches!(answer, Err(CallError::NoAnswer(_))));
    }
}
