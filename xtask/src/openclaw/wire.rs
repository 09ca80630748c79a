//! As much HTTP/1.1 as the model and the questions to the gateway need: one request, one answer, closed.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// More than any of it takes, so that nothing waits for ever.
const PATIENCE: Duration = Duration::from_secs(30);
const BYTES_MAX: u64 = 64 << 20;

/// A request that came in.
#[derive(Debug)]
pub(crate) struct Request {
    /// `POST`
    pub(crate) method: String,
    /// Its path.
    pub(crate) path: String,
    /// Its body as JSON; null where it is none.
    pub(crate) body: Value,
}

/// Reads the request of a connection.
pub(crate) fn read(connection: &TcpStream) -> std::io::Result<Request> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(connection.try_clone()?.take(BYTES_MAX));
    let start = line(&mut reader)?;
    let mut words = start.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut length = 0;
    loop {
        let header = line(&mut reader)?.to_ascii_lowercase();
        match header.split_once(':') {
            _ if header.is_empty() => break,
            Some(("content-length", value)) => {
                length = value.trim().parse().map_err(|_| ErrorKind::InvalidData)?
            }
            _ => {}
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(Request {
        method,
        path,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

/// Answers it.
pub(crate) fn answer(
    mut connection: &TcpStream,
    status: u16,
    media_type: &str,
    body: &str,
) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} fixed\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    connection.write_all(format!("{head}{body}").as_bytes())
}

/// Asks something; the status, or nothing where nobody answers.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Option<u16> {
    let mut connection = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).ok()?;
    let start = line(&mut BufReader::new(connection)).ok()?;
    start.split(' ').nth(1)?.parse().ok()
}

fn line(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
