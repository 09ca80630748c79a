//! A request as it leaves: references swapped where they may be, and refused everywhere else.
//!
//! The body is held back until it is complete. So a reference in it is found before anything has
//! left, however it was cut into chunks; an adapter that traps while it writes has sent nothing; and
//! a request that met a stale connection can be repeated.

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{Error, WasiBody};

use super::grant_match::Target;
use crate::sandbox::limits::{HEADER_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::sandbox::secrets::{Misplaced, Outlet, SecretBook};

/// Why a request does not leave, for the operator's log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::sandbox) enum Refusal {
    #[error("the reference to the secret {name} is in {place}, to which it is not bound")]
    Reference { name: String, place: String },
    #[error("the value of the secret {0} cannot stand in a header")]
    Value(String),
    #[error("its URL cannot be put together")]
    Url,
    #[error("with its secrets in them, its headers have more than {HEADER_BYTES_MAX} bytes")]
    Long,
}

/// Headers that belong to the connection or are set by the host itself.
const OURS: [HeaderName; 6] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::EXPECT,
];

/// The URL as it leaves. Put together anew from the parts that were looked at; the method, which leaves as it is,
/// is looked through with them.
pub(in crate::sandbox) fn uri(target: &Target, uri: &Uri, secrets: &SecretBook) -> Result<Uri, Refusal> {
    let refuse = |place: &str| {
        let place = place.to_owned();
        move |Misplaced { name }: Misplaced| Refusal::Reference { name, place }
    };
    secrets
        .refuse_in(target.method.as_bytes())
        .map_err(refuse("the method"))?;
    secrets
        .refuse_in(target.host.as_bytes())
        .map_err(refuse("the URL's host"))?;
    let query = uri.query();
    if let Some(query) = query {
        secrets
            .refuse_in(query.as_bytes())
            .map_err(refuse("the URL's query"))?;
    }
    let swapped = secrets
        .swap(&target.path, Outlet::UrlPath)
        .map_err(refuse("the URL's path"))?;
    let path = swapped
        .as_ref()
        .map_or(target.path.as_str(), |path| path.as_str());
    let path_and_query = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let host = if target.host.contains(':') {
        format!("[{}]", target.host)
    } else {
        target.host.clone()
    };
    let scheme = Scheme::try_from(target.scheme.as_str()).map_err(|_| Refusal::Url)?;
    let default_port = match target.scheme.as_str() {
        "http" | "ws" => 80,
        _ => 443,
    };
    let authority = if target.port == default_port {
        host
    } else {
        format!("{host}:{}", target.port)
    };
    let complete = Uri::builder()
        .scheme(scheme)
        .authority(Authority::try_from(authority).map_err(|_| Refusal::Url)?)
        .path_and_query(PathAndQuery::try_from(path_and_query).map_err(|_| Refusal::Url)?)
        .build()
        .map_err(|_| Refusal::Url)?;
    // A value that makes a dot segment would leave the granted path.
    let again = || match target.scheme.starts_with("ws") {
        true => Target::read_websocket(&complete),
        false => Target::read(&http::Method::GET, &complete),
    };
    if swapped.is_some() && again().is_err() {
        return Err(Refusal::Url);
    }
    Ok(complete)
}

/// The headers as they leave.
pub(in crate::sandbox) fn headers(given: &HeaderMap, secrets: &SecretBook) -> Result<HeaderMap, Refusal> {
    let mut leaving = HeaderMap::with_capacity(given.len());
    let mut swapped_bytes = 0_usize;
    for (name, value) in given {
        if OURS.contains(name) {
            continue;
        }
        // A secret that came back compressed would not be found.
        if *name == header::ACCEPT_ENCODING && !secrets.scrubber().is_empty() {
            continue;
        }
        let misplaced = |Misplaced { name: secret }: Misplaced| Refusal::Reference {
            name: secret,
            place: format!("the header {name}"),
        };
        secrets.refuse_in(name.as_str().as_bytes()).map_err(misplaced)?;
        let Ok(text) = value.to_str() else {
            secrets.refuse_in(value.as_bytes()).map_err(misplaced)?;
            leaving.append(name.clone(), value.clone());
            continue;
        };
        match secrets
            .swap(text, Outlet::Header(name.as_str()))
            .map_err(misplaced)?
        {
            None => {
                leaving.append(name.clone(), value.clone());
            }
            Some(swapped) => {
                let mut value =
                    HeaderValue::from_str(&swapped).map_err(|_| Refusal::Value(secrets.for_people(text)))?;
                value.set_sensitive(true);
                // What the guest wrote was counted; a value may be much longer than its reference.
                swapped_bytes = swapped_bytes.saturating_add(value.len());
                if swapped_bytes > HEADER_BYTES_MAX {
                    return Err(Refusal::Long);
                }
                leaving.append(name.clone(), value);
            }
        }
    }
    Ok(leaving)
}

/// The whole body.
///
/// # Errors
/// In the words of wasi:http; nothing has left.
pub(super) async fn collect(mut body: WasiBody, declared: Option<u64>) -> Result<Bytes, Error> {
    let mut first: Option<Bytes> = None;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame?.into_data() else {
            // Trailers would be a second set of headers to look through; nobody has asked for them.
            return Err(Error::HttpRequestTrailerSectionSize(Some(0)));
        };
        let length = whole
            .len()
            .max(first.as_ref().map_or(0, Bytes::len))
            .saturating_add(chunk.len());
        if length > REQUEST_BYTES_MAX {
            return Err(Error::HttpRequestBodySize(u64::try_from(REQUEST_BYTES_MAX).ok()));
        }
        match first.take() {
            // One chunk, the usual case, is not copied.
            None if whole.is_empty() => first = Some(chunk),
            None => whole.extend_from_slice(&chunk),
            Some(before) => {
                whole.extend_from_slice(&before);
                whole.extend_from_slice(&chunk);
            }
        }
    }
    let body = first.unwrap_or_else(|| whole.freeze());
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    if declared.is_some_and(|declared| declared != length) {
        return Err(Error::HttpRequestBodySize(Some(length)));
    }
    Ok(body)
}

/// What the guest said the body's length would be.
pub(super) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Position;
    use crate::sandbox::secrets::tests::book;

    fn target(url: &str) -> (Target, Uri) {
        let uri: Uri = url.parse().unwrap();
        (Target::read(&http::Method::POST, &uri).unwrap(), uri)
    }

    fn map(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn a_bound_header_gets_the_value_and_is_marked() {
        let secrets = book(&[("token", "s3cret", Position::Header("authorization".into()))]);
        let reference = secrets.reference("token").unwrap();
        let leaving = headers(&map("authorization", &format!("Bearer {reference}")), &secrets).unwrap();
        assert_eq!(leaving["authorization"], "Bearer s3cret");
        assert!(leaving["authorization"].is_sensitive());
    }

    #[test]
    fn refuses_a_reference_in_another_header_the_query_and_an_unbound_path() {
        let secrets = book(&[("token", "s3cret", Position::Header("authorization".into()))]);
        let reference = secrets.reference("token").unwrap();
        assert!(headers(&map("x-token", &reference), &secrets).is_err());
        for url in [
            format!("https://a.test/?t={reference}"),
            format!("https://a.test/{reference}"),
        ] {
            let (target, given) = target(&url);
            assert!(uri(&target, &given, &secrets).is_err(), "{url}");
        }
    }

    #[test]
    fn values_do_not_make_headers_of_any_length() {
        let long = "s".repeat(HEADER_BYTES_MAX / 4);
        let secrets = book(&[("token", &long, Position::Header("authorization".into()))]);
        let reference = secrets.reference("token").unwrap();
        let with = |times: usize| headers(&map("authorization", &reference.repeat(times)), &secrets);
        assert!(with(2).is_ok());
        assert_eq!(with(5).unwrap_err(), Refusal::Long);
        // So often that it is not even put together.
        assert!(matches!(with(9).unwrap_err(), Refusal::Reference { .. }));
    }

    #[test]
    fn a_value_with_a_line_break_does_not_become_a_header() {
        let secrets = book(&[(
            "token",
            "a\r\nx-evil: 1",
            Position::Header("authorization".into()),
        )]);
        let reference = secrets.reference("token").unwrap();
        let refusal = headers(&map("authorization", &reference), &secrets).unwrap_err();
        assert!(!refusal.to_string().contains("x-evil"), "{refusal}");
    }

    #[test]
    fn a_value_in_a_path_cannot_leave_it() {
        for (value, leaves) in [("..", false), ("a/../b", false), ("12:ab", true)] {
            let secrets = book(&[("token", value, Position::UrlPath)]);
            let reference = secrets.reference("token").unwrap();
            let (target, given) = target(&format!("https://a.test/{reference}/send?x=1"));
            let result = uri(&target, &given, &secrets);
            assert_eq!(result.is_ok(), leaves, "{value}: {result:?}");
        }
    }

    #[test]
    fn drops_what_belongs_to_the_connection() {
        let secrets = SecretBook::default();
        let given = HeaderMap::from_iter([
            (header::CONTENT_LENGTH, HeaderValue::from_static("7")),
            (header::TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
            (header::HOST, HeaderValue::from_static("evil.test")),
            (header::ACCEPT, HeaderValue::from_static("*/*")),
        ]);
        let leaving = headers(&given, &secrets).unwrap();
        assert_eq!(leaving.keys().collect::<Vec<_>>(), [header::ACCEPT]);
    }
}
