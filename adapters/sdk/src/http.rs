//! Requests over the contract's `http`, one at a time, with truthful errors.
//!
//! The host dials, checks the grant, puts secrets in and bounds the time; redirects are not followed.
//! What an adapter needs from here is the answer, or exactly what is known where none came.

mod error;
mod request;
mod response;
mod url;

pub use error::HttpError;
pub use request::{Method, Request};
pub use response::{Ending, Response};
pub use url::{Url, UrlTemplate};
