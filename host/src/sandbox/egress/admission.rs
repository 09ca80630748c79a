//! A guest's request, from asking whether it may leave to the answer's first byte.
//!
//! One way, whichever interface the guest used: the target is read, a grant is found, secrets are put where they
//! are bound, and the attempt's effects hear of it before a byte is written. What asked for the request is
//! dropped with it at any moment, and then the effects know whether bytes of it may have left.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use wasmtime_wasi_http::Error;

use super::answer::AnswerBody;
use super::grant_match::{Target, find, is_read_only};
use super::{fault, outgoing};
use crate::sandbox::effect::Flight;
use crate::sandbox::fix;
use crate::sandbox::limits::DENIAL_CHARS_MAX;
use crate::sandbox::state::{Context, Rights};

/// A request that may leave once its body is complete.
pub(super) struct Admitted {
    rights: Arc<Rights>,
    context: Arc<Context>,
    shown: String,
    effect: bool,
    head: Request<()>,
}

/// Looks at a request before its body is there.
///
/// # Errors
/// In the words of wasi:http; nothing has left, and the operator's log has more.
pub(super) fn admit(
    rights: &Arc<Rights>,
    context: &Arc<Context>,
    method: Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Admitted, Error> {
    let transport = &rights.transport;
    let name = transport.name.as_str();
    let target = Target::read(&method, uri).map_err(|why| {
        context.tell_denial(name, || format!("a request was denied: {why}"));
        Error::HttpRequestDenied
    })?;
    let shown = context.secrets.for_people(&target.text());
    let (Some(grant), Some(_)) = (find(&transport.grants.http, &target), &rights.client) else {
        context.tell_denial(name, || {
            let fix = fix::http(transport, &shown);
            format!("the request {shown} was denied; to allow it, {fix}")
        });
        return Err(Error::HttpRequestDenied);
    };
    let effect = grant.effect.unwrap_or(!is_read_only(&target.method));
    if effect && !context.may_have_effects() {
        context.tell_denial(name, || {
            format!("the request {shown} was denied: it could deliver something, and the adapter was only asked to look")
        });
        return Err(Error::HttpRequestDenied);
    }
    let refused = |refusal: outgoing::Refusal| {
        context.tell_denial(name, || format!("the request {shown} was denied: {refusal}"));
        Error::HttpRequestDenied
    };
    let uri = outgoing::uri(&target, uri, &context.secrets).map_err(refused)?;
    let headers = outgoing::headers(headers, &context.secrets).map_err(refused)?;
    let mut head = Request::new(());
    *head.method_mut() = method;
    *head.uri_mut() = uri;
    *head.headers_mut() = headers;
    Ok(Admitted {
        rights: Arc::clone(rights),
        context: Arc::clone(context),
        shown,
        effect,
        head,
    })
}

impl Admitted {
    /// Sends it with this body, and waits at most so long for the head of the answer; without a limit of its
    /// own it waits until it is dropped.
    ///
    /// # Errors
    /// In the words of wasi:http.
    pub(super) async fn send(
        self,
        body: Bytes,
        wait_max: Option<Duration>,
    ) -> Result<Response<AnswerBody>, Error> {
        let (context, transport) = (self.context, self.rights.transport.name.as_str());
        if let Err(misplaced) = context.secrets.refuse_in(&body) {
            context.tell_denial(transport, || {
                let (shown, name) = (&self.shown, misplaced.name);
                format!("the request {shown} was denied: the reference to the secret {name} is in its body")
            });
            return Err(Error::HttpRequestDenied);
        }
        let mut request = self.head.map(|()| Full::new(body));
        let connection = capture_connection(&mut request);
        let flight = if self.effect {
            // The attempt is over: nothing leaves any more.
            let words = self.shown.as_str();
            Some(
                context
                    .effects
                    .fly(words)
                    .map_err(|_| Error::ConnectionTerminated)?,
            )
        } else {
            None
        };
        // Until somebody answers: the attempt's time can be over before anybody did.
        context.reach.note(false);
        let watch = Watch {
            flight,
            connection,
            context: Arc::clone(&context),
        };
        let Some(client) = &self.rights.client else {
            return Err(Error::HttpRequestDenied);
        };
        let asked = client.request(request);
        let asked = match wait_max {
            Some(wait_max) => tokio::time::timeout(wait_max, asked).await,
            None => Ok(asked.await),
        };
        let response = match asked {
            Err(_) => {
                let connected = watch.is_connected();
                watch.land();
                return Err(if connected {
                    Error::HttpResponseTimeout
                } else {
                    Error::ConnectionTimeout
                });
            }
            Ok(Err(error)) => {
                let fault = if error.is_connect() {
                    watch.nothing_left();
                    fault::of_connecting(&error)
                } else {
                    watch.land();
                    fault::after_connecting(&error)
                };
                if context.may_log(&self.rights.transport) {
                    let why = context.secrets.for_people(&fault::sentence(&error));
                    let shown: String = self.shown.chars().take(DENIAL_CHARS_MAX).collect();
                    tracing::info!(transport, "{shown} got no answer: {why}");
                }
                return Err(fault);
            }
            Ok(Ok(response)) => {
                watch.land();
                response
            }
        };
        let (mut parts, body) = response.into_parts();
        scrub_headers(&mut parts.headers, &context);
        Ok(Response::from_parts(
            parts,
            AnswerBody::new(body, self.rights, context),
        ))
    }
}

/// Knows whether bytes of a request may have been written, also when whoever waits for it is stopped.
struct Watch {
    flight: Option<Flight>,
    connection: CaptureConnection,
    context: Arc<Context>,
}

impl Watch {
    /// Whether a connection was handed to the request: from then on its bytes may be written.
    fn is_connected(&self) -> bool {
        self.connection.connection_metadata().is_some()
    }

    /// The client says that it had no connection to write to.
    fn nothing_left(mut self) {
        if let Some(flight) = self.flight.take() {
            flight.land(false);
        }
    }

    fn land(self) {
        drop(self);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let connected = self.is_connected();
        if connected {
            // First this: once the flight has landed, the attempt may be looked at as a whole.
            self.context.reach.note(true);
        }
        if let Some(flight) = self.flight.take() {
            flight.land(connected);
        }
    }
}

fn scrub_headers(headers: &mut HeaderMap, context: &Context) {
    let scrubber = context.secrets.scrubber();
    if scrubber.is_empty() {
        return;
    }
    for value in headers.values_mut() {
        let clean = scrubber.bytes(value.as_bytes().to_vec());
        if clean != value.as_bytes()
            && let Ok(clean) = http::HeaderValue::from_bytes(&clean)
        {
            *value = clean;
        }
    }
}
