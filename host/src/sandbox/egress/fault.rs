//! What went wrong with a request, in the words of wasi:http, so that an adapter can tell a refused
//! connection from a name that does not exist.

use std::error::Error as StdError;
use std::io;

use wasmtime_wasi_http::Error;

use super::dial::DialError;

/// The fault of a request that was lost on an established connection. It may have arrived, so it is told in
/// words that no adapter takes for "was never sent", whatever broke underneath.
pub(super) fn after_connecting(error: &(dyn StdError + 'static)) -> Error {
    let hyper = causes(error).find_map(|cause| cause.downcast_ref::<hyper::Error>());
    match hyper {
        Some(hyper) if hyper.is_parse() || hyper.is_parse_too_large() => Error::HttpProtocolError,
        Some(hyper) if hyper.is_timeout() => Error::HttpResponseTimeout,
        _ => Error::ConnectionTerminated,
    }
}

/// The fault of a connection that did not come about. Nothing was sent.
pub(in crate::sandbox) fn of_connecting(error: &(dyn StdError + 'static)) -> Error {
    for cause in causes(error) {
        if let Some(dial) = cause.downcast_ref::<DialError>() {
            return of_dial(dial);
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return of_tls(tls);
        }
        // rustls's errors travel inside of I/O errors, which hide them from `source`.
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            if let Some(tls) = inner_tls(io) {
                return of_tls(tls);
            }
            return of_io(io);
        }
    }
    Error::DestinationUnavailable
}

/// The fault of an answer that broke off.
pub(super) fn of_body(error: &hyper::Error) -> Error {
    if error.is_parse() {
        return Error::HttpProtocolError;
    }
    Error::HttpResponseIncomplete
}

/// What is behind an error, in words for the operator.
pub(in crate::sandbox) fn sentence(error: &(dyn StdError + 'static)) -> String {
    let mut causes: Vec<String> = causes(error).map(ToString::to_string).collect();
    causes.dedup();
    causes.join(": ")
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        next = current.source();
        Some(current)
    })
}

fn of_dial(error: &DialError) -> Error {
    match error {
        DialError::Name(..) => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        // Not told apart from what was not granted: where a name leads is the operator's business.
        DialError::Prohibited(_) => Error::HttpRequestDenied,
        DialError::Timeout(_) => Error::ConnectionTimeout,
        DialError::Connect(_, error) => of_io(error),
        // Whatever ails the proxy says nothing of the far side; the operator's log has it.
        DialError::Proxy(..) => Error::DestinationUnavailable,
    }
}

fn of_io(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        io::ErrorKind::NetworkDown | io::ErrorKind::AddrNotAvailable => Error::DestinationUnavailable,
        // Hung up in the TLS handshake, say. Never "terminated", which means that something was sent.
        _ => Error::DestinationUnavailable,
    }
}

fn inner_tls(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    match inner.downcast_ref::<rustls::Error>() {
        Some(tls) => Some(tls),
        None => inner.downcast_ref::<io::Error>().and_then(inner_tls),
    }
}

fn of_tls(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Error::TlsCertificateError
        }
        rustls::Error::AlertReceived(alert) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        _ => Error::TlsProtocolError,
    }
}
