//! Where wasi:http hands a guest's request to the host.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::admission::{Admitted, admit};
use super::outgoing;
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
        let (parts, body) = request.into_parts();
        match admit(
            &self.rights,
            &self.context,
            parts.method,
            &parts.uri,
            &parts.headers,
        ) {
            Ok(admitted) => Box::new(send(
                admitted,
                Arc::clone(&self.context),
                outgoing::declared_length(&parts.headers),
                body,
                options.unwrap_or_default(),
            )),
            Err(error) => Box::new(std::future::ready(Err(error))),
        }
    }
}

/// Sends a request once its body is complete.
async fn send(
    admitted: Admitted,
    context: Arc<Context>,
    declared: Option<u64>,
    body: WasiBody,
    options: RequestOptions,
) -> Sent {
    let wait_max = wait_max(&context, &options);
    // Closed only with the attempt, and then nothing waits here any more.
    let place = context.requests.acquire().await;
    let _place = place.map_err(|_| Error::ConnectionTerminated)?;
    let body = outgoing::collect(body, declared).await?;
    let response = admitted.send(body, Some(wait_max)).await?;
    Ok((
        response.map(|body| body.boxed_unsync()),
        Box::new(std::future::ready(Ok(()))),
    ))
}

/// As long as the attempt may still take, or less where the guest says so.
fn wait_max(context: &Context, options: &RequestOptions) -> Duration {
    let asked = options
        .first_byte_timeout
        .map(|first| first.saturating_add(options.connect_timeout.unwrap_or_default()));
    let remaining = context.deadline.remaining();
    asked.map_or(remaining, |asked| asked.min(remaining))
}
