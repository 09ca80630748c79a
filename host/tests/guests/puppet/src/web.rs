//! One request, over wasi:http or in one call of the contract's `http`, with nothing between.

use serde_json::Value;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, IncomingBody, Method, OutgoingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

use crate::byway::transport::http;
use crate::byway::transport::types::{Failure, FailureKind};
use crate::failure;
use crate::steps::{text, texts};

pub(crate) fn request(step: &Value, fill: &dyn Fn(&str) -> String) -> Result<String, Failure> {
    let headers = Fields::new();
    for (name, value) in step["headers"].as_object().into_iter().flatten() {
        headers
            .append(&fill(name), fill(value.as_str().unwrap()).as_bytes())
            .map_err(|error| failure(FailureKind::Refused, "header", &format!("{error:?}")))?;
    }
    let request = OutgoingRequest::new(headers);
    let url = fill(step["url"].as_str().unwrap());
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    // What a URL cannot say.
    let (other_authority, other_path) = (
        step["authority"].as_str().map(fill),
        step["path"].as_str().map(fill),
    );
    let authority = other_authority.as_deref().unwrap_or(authority);
    let path = other_path.as_deref().unwrap_or(path);
    let scheme = if scheme == "http" {
        Scheme::Http
    } else {
        Scheme::Https
    };
    let method = match step["method"].as_str().unwrap_or("POST") {
        "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(fill(other)),
    };
    let invalid = |()| {
        failure(
            FailureKind::Refused,
            "invalid-request",
            "wasi:http would not take it",
        )
    };
    request.set_method(&method).map_err(invalid)?;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(path)).map_err(invalid)?;
    let body = request.body().unwrap();
    let answer =
        outgoing_handler::handle(request, None).map_err(|error| broken(&error, FailureKind::Retryable))?;
    {
        let stream = body.write().unwrap();
        for chunk in texts(&step["chunks"]) {
            for piece in fill(&chunk).as_bytes().chunks(4096) {
                // A request that was denied takes no body.
                if stream.blocking_write_and_flush(piece).is_err() {
                    break;
                }
            }
        }
    }
    if step["then"] == "trap" {
        panic!("told to");
    }
    OutgoingBody::finish(body, None).ok();
    answer.subscribe().block();
    let response = answer
        .get()
        .unwrap()
        .unwrap()
        .map_err(|error| broken(&error, FailureKind::Unknown))?;
    let status = response.status();
    let shown = text(&step["show"]);
    let header = response
        .headers()
        .get(&shown)
        .first()
        .map(|it| String::from_utf8_lossy(it).into_owned());
    let body = read(&response.consume().unwrap())?;
    if !(200..300).contains(&status) {
        return Err(failure(FailureKind::Retryable, &format!("http-{status}"), &body));
    }
    Ok(header.unwrap_or(body))
}

fn read(body: &IncomingBody) -> Result<String, Failure> {
    let stream = body.stream().unwrap();
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(1 << 16) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(StreamError::LastOperationFailed(error)) => {
                let code = wasip2::http::types::http_error_code(&error);
                return Err(match code {
                    Some(code) => broken(&code, FailureKind::Unknown),
                    None => failure(FailureKind::Unknown, "body", &error.to_debug_string()),
                });
            }
        }
    }
}

/// The same in one call. `answer_bytes_max` says how much of the answer's body is read; how it ended, where it did not end
/// as it should, is told before it.
pub(crate) fn whole(step: &Value, fill: &dyn Fn(&str) -> String) -> Result<String, Failure> {
    let headers: Vec<(String, String)> = step["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (fill(name), fill(value.as_str().unwrap())))
        .collect();
    let headers = vec![headers; step["repeat_headers"].as_u64().unwrap_or(1) as usize].concat();
    let chunks = texts(&step["chunks"]);
    let repeat = step["repeat"].as_u64().unwrap_or(1) as usize;
    let body = chunks
        .iter()
        .map(|chunk| fill(chunk))
        .collect::<String>()
        .repeat(repeat);
    let response = http::send(
        &fill(step["method"].as_str().unwrap_or("POST")),
        &fill(step["url"].as_str().unwrap()),
        &headers,
        step["chunks"].is_array().then_some(body.as_bytes()),
        step["answer_bytes_max"].as_u64().unwrap_or(1 << 20) as u32,
    )
    // The host's word; which of them may have arrived is for the host to find out here.
    .map_err(|denial| failure(FailureKind::Retryable, &denial.code, &denial.message))?;
    if step["then"] == "trap" {
        panic!("told to");
    }
    let body = String::from_utf8_lossy(&response.body).into_owned();
    if !(200..300).contains(&response.status) {
        return Err(failure(
            FailureKind::Retryable,
            &format!("http-{}", response.status),
            &body,
        ));
    }
    let shown = text(&step["show"]);
    let header = response.headers.iter().find(|(name, _)| *name == shown);
    let said = header.map_or(body, |(_, value)| String::from_utf8_lossy(value).into_owned());
    Ok(match response.ending {
        http::Ending::Whole => said,
        http::Ending::Capped => format!("capped: {said}"),
        http::Ending::CutOff => format!("cut off: {said}"),
    })
}

/// The code's own name, so that a test sees which one it was.
fn broken(error: &ErrorCode, kind: FailureKind) -> Failure {
    let text = format!("{error:?}");
    let name = text
        .split("::")
        .last()
        .unwrap_or(&text)
        .split('(')
        .next()
        .unwrap_or(&text);
    failure(kind, name, &text)
}
