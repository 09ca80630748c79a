//! Making one request and reading its answer.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, HeaderError, IncomingBody, IncomingResponse, OutgoingBody,
    OutgoingRequest, Scheme,
};
use wasip2::io::streams::{OutputStream, StreamError};

use serde::Deserialize;

use super::{Ending, HttpError, Response, Url};

/// The most of an answer's body that is read where nothing else was asked for: 1 MiB.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A request's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Method {
    Get,
    Head,
    Options,
    Post,
    Put,
    Patch,
    Delete,
}

/// A request that is being put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body; `None`: it has none, and no length is sent.
    pub body: Option<Vec<u8>>,
    body_bytes_max: usize,
}

impl Method {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn to_wasi(self) -> wasip2::http::types::Method {
        use wasip2::http::types::Method as M;
        match self {
            Self::Get => M::Get,
            Self::Head => M::Head,
            Self::Options => M::Options,
            Self::Post => M::Post,
            Self::Put => M::Put,
            Self::Patch => M::Patch,
            Self::Delete => M::Delete,
        }
    }
}

impl Request {
    /// A request of this method.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: None,
            body_bytes_max: BODY_BYTES_MAX,
        }
    }

    /// A `POST`.
    #[must_use]
    pub fn post(url: Url) -> Self {
        Self::new(Method::Post, url)
    }

    /// A `GET`.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self::new(Method::Get, url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Gives it a body. Its length is sent with it.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Reads at most so much of the answer's body. Default 1 MiB.
    #[must_use]
    pub fn answer_bytes_max(self, body_bytes_max: usize) -> Self {
        Self {
            body_bytes_max,
            ..self
        }
    }

    /// Sends it and reads the answer, whatever its status.
    ///
    /// # Errors
    /// Where no answer came. The error says whether the far side can have read the request.
    pub fn send(&self) -> Result<Response, HttpError> {
        let name = format!("{} {}", self.method.as_str(), self.url);
        let request = self.outgoing()?;
        // A body that is taken is sent, be it empty: a GET must not take its own.
        let body = match &self.body {
            Some(bytes) => Some((
                request
                    .body()
                    .map_err(|()| HttpError::malformed("The body was taken twice."))?,
                bytes,
            )),
            None => None,
        };
        // Nobody reads the body before the request runs, so it is started first.
        let answer = outgoing_handler::handle(request, None).map_err(|error| HttpError::of(&error, &name))?;
        if let Some((body, bytes)) = body {
            // A body that cannot be written is no verdict: the far side may have answered early (413), and
            // if the connection failed the answer's future says how.
            let _ = write(body, bytes);
        }
        receive(&answer, &name, self.body_bytes_max)
    }

    fn outgoing(&self) -> Result<OutgoingRequest, HttpError> {
        let length = self.body.as_ref().map(|body| body.len().to_string());
        let length = length
            .iter()
            .map(|length| ("content-length".to_owned(), length.clone().into_bytes()));
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
            .chain(length)
            .collect();
        // All in one call; which of them the host does not take is only asked for where it matters.
        let headers = Fields::from_list(&headers).map_err(|error| bad_header(&headers, &error))?;
        let request = OutgoingRequest::new(headers);
        let scheme = if self.url.is_https {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let set = request
            .set_method(&self.method.to_wasi())
            .and_then(|()| request.set_scheme(Some(&scheme)))
            .and_then(|()| request.set_authority(Some(&self.url.authority)))
            .and_then(|()| request.set_path_with_query(Some(&self.url.path_and_query)));
        set.map_err(|()| HttpError::malformed(format!("The host does not take {} as a URL.", self.url)))?;
        Ok(request)
    }
}

/// Names the header that the host does not take.
fn bad_header(headers: &[(String, Vec<u8>)], error: &HeaderError) -> HttpError {
    let alone = |header: &&(String, Vec<u8>)| Fields::from_list(std::slice::from_ref(*header)).is_err();
    HttpError::malformed(match headers.iter().find(alone) {
        Some((name, _)) => format!("The header `{name}` cannot be sent: {error}."),
        None => format!("The headers cannot be sent: {error}."),
    })
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), StreamError> {
    if let Ok(stream) = body.write() {
        write_all(&stream, bytes)?;
    }
    // The stream is dropped by now: a body cannot be finished while it is being written.
    OutgoingBody::finish(body, None).map_err(|_| StreamError::Closed)
}

/// Hands everything over, and waits only where the host has no room: each wait gives the processor away and
/// back. Whether it arrived is not waited for at all, since the answer says it.
fn write_all(stream: &OutputStream, mut rest: &[u8]) -> Result<(), StreamError> {
    while !rest.is_empty() {
        let mut room = stream.check_write()?;
        if room == 0 {
            stream.subscribe().block();
            room = stream.check_write()?;
        }
        let (now, later) = rest.split_at(usize::try_from(room).unwrap_or(usize::MAX).min(rest.len()));
        stream.write(now)?;
        rest = later;
    }
    Ok(())
}

fn receive(
    answer: &FutureIncomingResponse,
    name: &str,
    body_bytes_max: usize,
) -> Result<Response, HttpError> {
    answer.subscribe().block();
    let response = match answer.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(error))) => return Err(HttpError::of(&error, name)),
        None | Some(Err(())) => return Err(HttpError::no_answer()),
    };
    let headers = response
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let status = response.status();
    let (body, ending) = read(&response, body_bytes_max);
    Ok(Response {
        status,
        headers,
        body,
        ending,
    })
}

fn read(response: &IncomingResponse, most: usize) -> (Vec<u8>, Ending) {
    const AT_ONCE: u64 = 64 * 1024;
    let Ok(body) = response.consume() else {
        return (Vec::new(), Ending::CutOff);
    };
    let (bytes, ending) = match body.stream() {
        Err(()) => (Vec::new(), Ending::CutOff),
        Ok(stream) => {
            let mut bytes = Vec::new();
            let ending = loop {
                match stream.blocking_read(AT_ONCE) {
                    Ok(piece) => bytes.extend_from_slice(&piece),
                    Err(StreamError::Closed) => break Ending::Whole,
                    Err(StreamError::LastOperationFailed(_)) => break Ending::CutOff,
                }
                if bytes.len() > most {
                    bytes.truncate(most);
                    break Ending::Capped;
                }
            };
            (bytes, ending)
        }
    };
    drop(IncomingBody::finish(body));
    (bytes, ending)
}
