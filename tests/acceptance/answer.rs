//! What a scripted far side does with one request.

use std::io::Write as _;
use std::net::TcpStream;

use crate::case::{Answer, Fault};
use crate::http::{self, Request, Response};

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// The next request may come.
    Stays,
    /// It is closed.
    Closes,
    /// It stays open, and nothing more is said.
    Hangs,
}

/// Answers, or does not.
pub fn give(answer: &Answer, request: &Request, stream: &mut TcpStream) -> Connection {
    std::thread::sleep(answer.before);
    let response = response(answer, request);
    std::thread::sleep(answer.after);
    let (head, body) = (head(&response), &response.body);
    let half = &body[..body.len() / 2];
    let (bytes, then) = match answer.fault {
        None => ([head.as_bytes(), body].concat(), Connection::Stays),
        Some(Fault::Hang) => (Vec::new(), Connection::Hangs),
        Some(Fault::Close) => (Vec::new(), Connection::Closes),
        Some(Fault::HangInTheBody) => ([head.as_bytes(), half].concat(), Connection::Hangs),
        Some(Fault::CloseInTheBody) => ([head.as_bytes(), half].concat(), Connection::Closes),
    };
    // The caller may be gone by now; that is its affair.
    match stream.write_all(&bytes) {
        Ok(()) => then,
        Err(_) => Connection::Closes,
    }
}

fn response(answer: &Answer, request: &Request) -> Response {
    if let Some(file) = &answer.bearer_file {
        let token = std::fs::read_to_string(file).unwrap_or_default();
        if request.header("authorization") != Some(format!("Bearer {}", token.trim()).as_str()) {
            return Response {
                status: 401,
                ..Response::default()
            };
        }
    }
    if let Some(url) = &answer.forward {
        let (authority, path) = http::split_url(url);
        return http::call(
            &authority,
            &Request {
                path,
                ..request.clone()
            },
        )
        .unwrap_or_else(|_| Response {
            status: 502,
            ..Response::default()
        });
    }
    Response {
        status: answer.status,
        headers: answer.headers.clone().into_iter().collect(),
        body: answer.body.clone().into_bytes(),
    }
}

fn head(response: &Response) -> String {
    let mut head = format!("HTTP/1.1 {} scripted\r\n", response.status);
    for (name, value) in response
        .headers
        .iter()
        .filter(|(name, _)| name != "content-length" && name != "connection")
    {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", response.body.len()));
    head
}
