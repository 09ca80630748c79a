//! The body of an answer on its way to a guest: capped, and scrubbed of secrets.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use wasmtime_wasi_http::Error;

use super::fault;
use crate::sandbox::scrub::StreamScrubber;
use crate::sandbox::state::{Context, Rights};

/// See the module.
pub(super) struct AnswerBody {
    body: Incoming,
    rights: Arc<Rights>,
    context: Arc<Context>,
    scrub: StreamScrubber,
    left: usize,
    ended: bool,
}

impl AnswerBody {
    pub(super) fn new(body: Incoming, rights: Arc<Rights>, context: Arc<Context>) -> Self {
        Self {
            left: rights.transport.limits.answer_bytes_max,
            body,
            rights,
            context,
            scrub: StreamScrubber::default(),
            ended: false,
        }
    }

    fn end(&mut self) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.ended = true;
        let rest = self.scrub.finish();
        if !rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(rest.into()))));
        }
        Poll::Ready(None)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            // Known from its length: whoever waits for the end of it would have to be woken once more.
            if self.body.is_end_stream() {
                return self.end();
            }
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return self.end(),
                Poll::Ready(Some(Err(error))) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(fault::of_body(&error))));
                }
                Poll::Ready(Some(Ok(frame))) => frame,
            };
            let chunk = match frame.into_data() {
                Ok(chunk) => chunk,
                // Trailers come after everything that is looked through for secrets, and nobody needs them.
                Err(_) => return self.end(),
            };
            let Some(left) = self.left.checked_sub(chunk.len()) else {
                self.ended = true;
                let transport = &self.rights.transport;
                let max = transport.limits.answer_bytes_max;
                tracing::warn!(
                    transport = transport.name,
                    "an answer was cut off: it has more than answer_max = {max} bytes"
                );
                return Poll::Ready(Some(Err(Error::HttpResponseBodySize(u64::try_from(max).ok()))));
            };
            self.left = left;
            let context = Arc::clone(&self.context);
            let scrubber = context.secrets.scrubber();
            if scrubber.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            let clean = self.scrub.push(scrubber, &chunk);
            if !clean.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(clean.into()))));
            }
        }
    }
}
