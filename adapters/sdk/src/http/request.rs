//! Making one request and reading its answer.

use serde::Deserialize;

use super::{HttpError, Response, Url};
use crate::bindings::byway::transport::http;

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
        let (method, url) = (self.method.as_str(), self.url.to_string());
        let answer_bytes_max = u32::try_from(self.body_bytes_max).unwrap_or(u32::MAX);
        http::send(
            method,
            &url,
            &self.headers,
            self.body.as_deref(),
            answer_bytes_max,
        )
        .map_err(|denial| HttpError::of(&denial, &format!("{method} {url}")))
    }
}
