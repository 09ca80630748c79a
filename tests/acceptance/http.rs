//! As much HTTP/1.1 as a scripted far side and its caller need, by hand.
//!
//! A library would refuse to do what the tests need done: to stop in the middle, to close without
//! an answer, to send half of what was announced.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const QUIET_MAX: Duration = Duration::from_secs(20);

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `POST`
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// `200`
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Reads the next request of a connection; `None` where the other side has closed it.
pub fn read_request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let Some(start) = read_line(reader)? else {
        return Ok(None);
    };
    let mut words = start.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers = read_headers(reader)?;
    if header(&headers, "expect").is_some() {
        reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = read_body(reader, &headers, false)?;
    Ok(Some(Request {
        method: method.into(),
        path: path.into(),
        headers,
        body,
    }))
}

/// Makes one call on a connection of its own.
pub fn call(authority: &str, request: &Request) -> io::Result<Response> {
    let stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(QUIET_MAX))?;
    stream.set_write_timeout(Some(QUIET_MAX))?;
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    let hop_by_hop = [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "expect",
    ];
    for (name, value) in request
        .headers
        .iter()
        .filter(|(name, _)| !hop_by_hop.contains(&name.as_str()))
    {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = request.body.len();
    head.push_str(&format!(
        "host: {authority}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    ));
    let mut reader = BufReader::new(stream);
    // A server that refuses early may close before it has read everything; its answer counts.
    let sent = reader
        .get_mut()
        .write_all(&[head.as_bytes(), &request.body].concat());
    match (read_response(&mut reader), sent) {
        (Ok(response), _) => Ok(response),
        (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
    }
}

fn read_response(reader: &mut BufReader<TcpStream>) -> io::Result<Response> {
    let start = read_line(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = start.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not an answer: {start}")))?;
    let headers = read_headers(reader)?;
    let body = read_body(reader, &headers, true)?;
    Ok(Response {
        status,
        headers,
        body,
    })
}

/// Splits `http://host:port/path` into authority and path.
pub fn split_url(url: &str) -> (String, String) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    match rest.find('/') {
        Some(place) => (rest[..place].to_owned(), rest[place..].to_owned()),
        None => (rest.to_owned(), "/".to_owned()),
    }
}

fn read_line(reader: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end().to_owned()))
}

fn read_headers(reader: &mut BufReader<TcpStream>) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    while let Some(line) = read_line(reader)?.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(headers)
}

fn read_body(
    reader: &mut BufReader<TcpStream>,
    headers: &[(String, String)],
    to_the_end: bool,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if header(headers, "transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        loop {
            let line = read_line(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            reader.by_ref().take(size).read_to_end(&mut body)?;
            read_line(reader)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match header(headers, "content-length").and_then(|value| value.parse::<usize>().ok()) {
        Some(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body)?;
        }
        None if to_the_end => {
            reader.read_to_end(&mut body)?;
        }
        None => {}
    }
    Ok(body)
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}
