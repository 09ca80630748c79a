//! Where wasi:http hands a guest's request to the host.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::answer::AnswerBody;
use super::client::Client;
use super::grant_match::{Target, find, is_read_only};
use super::{fault, outgoing};
use crate::sandbox::effect::Flight;
use crate::sandbox::fix;
use crate::sandbox::limits::{BODY_CHUNK_BYTES, BODY_CHUNKS_MAX};
use crate::sandbox::state::{Context, Rights};

type Sent = Result<(Response<WasiBody>, BoxedIo), Error>;
type BoxedIo = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// A guest's requests, under the rights of its transport.
pub(in crate::sandbox) struct Egress {
    rights: Arc<Rights>,
    context: Arc<Context>,
}

impl Egress {
    pub(in crate::sandbox) fn new(rights: Arc<Rights>, context: Arc<Context>) -> Self {
        Self { rights, context }
    }

    /// Looks at a request before its body is there.
    fn admit(&self, request: Request<WasiBody>, options: Option<RequestOptions>) -> Result<Admitted, Error> {
        let transport = &self.rights.transport;
        let name = transport.name.as_str();
        let target = Target::read(request.method(), request.uri()).map_err(|why| {
            self.context
                .tell_denial(name, || format!("a request was denied: {why}"));
            Error::HttpRequestDenied
        })?;
        let shown = self.context.secrets.for_people(&target.text());
        let (Some(grant), Some(client)) = (find(&transport.grants.http, &target), &self.rights.client) else {
            self.context.tell_denial(name, || {
                let fix = fix::http(transport, &shown);
                format!("the request {shown} was denied; to allow it, {fix}")
            });
            return Err(Error::HttpRequestDenied);
        };
        let effect = grant.effect.unwrap_or(!is_read_only(&target.method));
        if effect && !self.context.may_have_effects() {
            self.context.tell_denial(name, || {
                format!("the request {shown} was denied: it could deliver something, and the adapter was only asked to look")
            });
            return Err(Error::HttpRequestDenied);
        }
        let refused = |refusal: outgoing::Refusal| {
            self.context
                .tell_denial(name, || format!("the request {shown} was denied: {refusal}"));
            Error::HttpRequestDenied
        };
        let uri = outgoing::uri(&target, request.uri(), &self.context.secrets).map_err(refused)?;
        let declared = outgoing::declared_length(request.headers());
        let headers = outgoing::headers(request.headers(), &self.context.secrets).map_err(refused)?;
        let (parts, body) = request.into_parts();
        let mut head = Request::new(());
        *head.method_mut() = parts.method;
        *head.uri_mut() = uri;
        *head.headers_mut() = headers;
        Ok(Admitted {
            client: client.clone(),
            context: Arc::clone(&self.context),
            transport: name.to_owned(),
            answer_bytes_max: transport.limits.answer_bytes_max,
            options: options.unwrap_or_default(),
            shown,
            effect,
            declared,
            head,
            body,
        })
    }
}

impl WasiHttpHooks for Egress {
    fn set_host_header(&mut self) -> bool {
        // The client sets it from the URL that was looked at.
        false
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        BODY_CHUNKS_MAX
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _fut: BoxedIo,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        match self.admit(request, options) {
            Ok(admitted) => Box::new(admitted.send()),
            Err(error) => Box::new(std::future::ready(Err(error))),
        }
    }
}

/// A request that may leave once its body is complete.
struct Admitted {
    client: Client,
    context: Arc<Context>,
    transport: String,
    answer_bytes_max: usize,
    options: RequestOptions,
    shown: String,
    effect: bool,
    declared: Option<u64>,
    head: Request<()>,
    body: WasiBody,
}

impl Admitted {
    async fn send(self) -> Sent {
        let wait_max = self.wait_max();
        let context = Arc::clone(&self.context);
        // Closed only with the attempt, and then nothing waits here any more.
        let _place = context
            .requests
            .acquire()
            .await
            .map_err(|_| Error::ConnectionTerminated)?;
        let body = outgoing::collect(self.body, self.declared).await?;
        if let Err(misplaced) = self.context.secrets.refuse_in(&body) {
            context.tell_denial(&self.transport, || {
                let (shown, name) = (&self.shown, misplaced.name);
                format!("the request {shown} was denied: the reference to the secret {name} is in its body")
            });
            return Err(Error::HttpRequestDenied);
        }
        let mut request = self.head.map(|()| Full::new(body));
        let connection = capture_connection(&mut request);
        let flight = if self.effect {
            // The attempt is over: nothing leaves any more.
            Some(
                self.context
                    .effects
                    .fly(self.shown.as_str())
                    .map_err(|_| Error::ConnectionTerminated)?,
            )
        } else {
            None
        };
        let watch = Watch { flight, connection };
        let asked = tokio::time::timeout(wait_max, self.client.request(request)).await;
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
                let why = self.context.secrets.for_people(&fault::sentence(&error));
                tracing::info!(transport = self.transport, "{} got no answer: {why}", self.shown);
                return Err(fault);
            }
            Ok(Ok(response)) => {
                watch.land();
                response
            }
        };
        let (mut parts, body) = response.into_parts();
        scrub_headers(&mut parts.headers, &self.context);
        let body = AnswerBody::new(body, self.context, self.transport, self.answer_bytes_max).boxed_unsync();
        Ok((
            Response::from_parts(parts, body),
            Box::new(std::future::ready(Ok(()))),
        ))
    }

    /// As long as the attempt may still take, or less where the guest says so.
    fn wait_max(&self) -> Duration {
        let asked = self
            .options
            .first_byte_timeout
            .map(|first| first.saturating_add(self.options.connect_timeout.unwrap_or_default()));
        let remaining = self.context.deadline.remaining();
        asked.map_or(remaining, |asked| asked.min(remaining))
    }
}

/// Knows whether bytes of a request may have been written, also when its task is stopped.
struct Watch {
    flight: Option<Flight>,
    connection: CaptureConnection,
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
        if let Some(flight) = self.flight.take() {
            flight.land(connected);
        }
    }
}

fn scrub_headers(headers: &mut http::HeaderMap, context: &Context) {
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
