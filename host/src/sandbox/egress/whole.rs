//! `http`: a request and its answer in one call.
//!
//! The guest gives everything and waits in this one call, so nothing is shared, nothing is queued and no task of
//! its own is needed: the request lives in the call and is dropped with it. What may leave, and what the
//! attempt is called afterwards, is decided where every other request is (`admission`).

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error};

use super::admission::admit;
use super::answer::AnswerBody;
use crate::contract::bindings::byway::transport::http as wit;
use crate::contract::bindings::byway::transport::types::Denial;
use crate::sandbox::denial::{self, denial};
use crate::sandbox::limits::{HEADER_BYTES_MAX, WHOLE_REQUEST_BYTES_MAX};
use crate::sandbox::state::GuestState;

impl wit::Host for GuestState {
    async fn send(
        &mut self,
        method: String,
        url: String,
        headers: Vec<(String, String)>,
        body: Option<Vec<u8>>,
        answer_bytes_max: u32,
    ) -> Result<wit::Response, Denial> {
        let method = Method::try_from(method.as_str())
            .map_err(|_| denial::invalid("the method is none that HTTP has"))?;
        let uri = Uri::try_from(url).map_err(|_| denial::invalid("the URL cannot be read"))?;
        let headers = given(headers)?;
        let body = Bytes::from(body.unwrap_or_default());
        if body.len() > WHOLE_REQUEST_BYTES_MAX {
            return Err(denial::too_large("a request's body", WHOLE_REQUEST_BYTES_MAX));
        }
        let admitted =
            admit(&self.rights, &self.context, method, &uri, &headers).map_err(|error| told(&error))?;
        // Closed only with the attempt, and then nothing waits here any more.
        let place = self.context.requests.acquire().await;
        let _place = place.map_err(|_| told(&Error::ConnectionTerminated))?;
        // The call itself is stopped at the attempt's end, and takes this with it.
        let response = admitted.send(body, None).await.map_err(|error| told(&error))?;
        let (parts, body) = response.into_parts();
        let (body, ending) = read(body, usize::try_from(answer_bytes_max).unwrap_or(usize::MAX)).await;
        Ok(wit::Response {
            status: parts.status.as_u16(),
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body,
            ending,
        })
    }
}

/// How many headers a request may have; servers refuse far fewer.
const HEADERS_MAX: usize = 1_000;

/// The headers as the guest gives them.
fn given(headers: Vec<(String, String)>) -> Result<HeaderMap, Denial> {
    let bytes = headers.iter().fold(0_usize, |sum, (name, value)| {
        sum.saturating_add(name.len()).saturating_add(value.len())
    });
    if bytes > HEADER_BYTES_MAX {
        return Err(denial::too_large("a request's headers", HEADER_BYTES_MAX));
    }
    // Before a map is made of them: it has a bound of its own, and panics there where it is asked for room.
    if headers.len() > HEADERS_MAX {
        return Err(denial::too_large(
            "the number of a request's headers",
            HEADERS_MAX,
        ));
    }
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let invalid = || denial::invalid(&format!("the header `{}` cannot be sent", name.escape_debug()));
        let known = HeaderName::try_from(name.as_str()).map_err(|_| invalid())?;
        if DEFAULT_FORBIDDEN_HEADERS.contains(&known) {
            return Err(invalid());
        }
        let value = HeaderValue::try_from(value).map_err(|_| invalid())?;
        // A map has its bounds, whatever the sum of the bytes.
        map.try_append(known, value)
            .map_err(|_| denial::too_large("a request's headers", HEADER_BYTES_MAX))?;
    }
    Ok(map)
}

/// An answer's body, at most so many bytes of it.
async fn read(mut body: AnswerBody, max: usize) -> (Vec<u8>, wit::Ending) {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return (bytes, wit::Ending::CutOff);
        };
        if let Some(chunk) = frame.data_ref() {
            bytes.extend_from_slice(chunk);
        }
        if bytes.len() > max {
            bytes.truncate(max);
            return (bytes, wit::Ending::Capped);
        }
    }
    (bytes, wit::Ending::Whole)
}

/// What a guest may know of a request that got no answer: enough to judge by, and not where a name leads.
fn told(error: &Error) -> Denial {
    let (code, message) = match error {
        Error::HttpRequestDenied => return denial::not_granted("the host does not let this request out"),
        Error::DnsError { .. } => ("dns", "the name could not be resolved"),
        Error::ConnectionRefused => ("connection-refused", "the connection was refused"),
        Error::TlsCertificateError | Error::TlsProtocolError | Error::TlsAlertReceived { .. } => {
            ("tls", "no TLS connection could be made")
        }
        Error::ConnectionTimeout | Error::DestinationUnavailable | Error::DestinationIpUnroutable => {
            ("not-connected", "no connection could be made")
        }
        // From here on the far side may have read it.
        Error::ConnectionTerminated => (
            "connection-lost",
            "the connection was lost before the answer came",
        ),
        Error::HttpResponseTimeout => ("http-timeout", "the answer did not come in time"),
        Error::HttpProtocolError | Error::HttpResponseIncomplete => {
            ("http-bad-answer", "the answer could not be read")
        }
        _ => ("http-failed", "the request failed, and it is not known when"),
    };
    denial(code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Result<HeaderMap, Denial> {
        given(vec![(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn refuses_what_would_be_another_request() {
        for (name, value) in [
            ("x-a", "1\r\nx-b: 2"),
            ("x a", "1"),
            ("", "1"),
            ("x-a\n", "1"),
            ("Host", "evil.test"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
        ] {
            assert_eq!(one(name, value).unwrap_err().code, "invalid", "{name}: {value}");
        }
        assert_eq!(one("X-A", "1").unwrap()["x-a"], "1");
    }

    #[test]
    fn keeps_headers_that_stand_twice_and_counts_them_together() {
        let pair = |value: &str| ("x-a".to_owned(), value.to_owned());
        let twice = given(vec![pair("1"), pair("2")]).unwrap();
        assert_eq!(twice.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        let half = "v".repeat(HEADER_BYTES_MAX / 2);
        assert!(given(vec![pair(&half)]).is_ok());
        assert_eq!(
            given(vec![pair(&half), pair(&half)]).unwrap_err().code,
            "too-large"
        );
        let many = (0..40_000).map(|n| (format!("h{n}"), String::new())).collect();
        assert_eq!(given(many).unwrap_err().code, "too-large");
    }

    #[test]
    fn a_guest_is_not_told_where_a_name_leads() {
        assert_eq!(told(&Error::HttpRequestDenied).code, "not-granted");
        assert_eq!(told(&Error::ConnectionTerminated).code, "connection-lost");
        assert_eq!(told(&Error::LoopDetected).code, "http-failed");
    }
}
