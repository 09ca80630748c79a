//! An HTTP server that is always too busy: it reads each request to its end and answers 503.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::failure::{Doing, Result};

const ANSWER: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\n\
                      content-length: 9\r\nconnection: close\r\n\r\ntoo busy\n";
/// More than any request of the demo takes, so that a broken one cannot hold the server.
const PATIENCE: Duration = Duration::from_secs(2);
const REQUEST_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The running server. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct BusyRelay {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl BusyRelay {
    /// Starts it on a free loopback port.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").doing("listen on loopback")?;
        let address = listener.local_addr().doing("listen on loopback")?;
        let (asked, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let server = thread::spawn({
            let (asked, over) = (Arc::clone(&asked), Arc::clone(&over));
            move || serve(&listener, &asked, &over)
        });
        Ok(Self {
            address,
            asked,
            over,
            server: Some(server),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has turned away.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Acquire)
    }
}

impl Drop for BusyRelay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // Wakes it from waiting for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

fn serve(listener: &TcpListener, asked: &AtomicUsize, over: &AtomicBool) {
    for connection in listener.incoming() {
        if over.load(Ordering::Acquire) {
            return;
        }
        // A caller that breaks off gets no answer, and the next one is served.
        let _ = connection.and_then(|connection| turn_away(connection, asked));
    }
}

fn turn_away(mut connection: TcpStream, asked: &AtomicUsize) -> std::io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(connection.try_clone()?.take(REQUEST_BYTES_MAX));
    let body = head(&mut reader)?;
    match body {
        Body::Of(bytes) => std::io::copy(&mut reader.by_ref().take(bytes), &mut std::io::sink()).map(drop)?,
        Body::Chunked => while line(&mut reader)? != "0" {},
    }
    // Counted first: whoever has read the answer finds it counted.
    asked.fetch_add(1, Ordering::AcqRel);
    connection.write_all(ANSWER.as_bytes())?;
    connection.shutdown(Shutdown::Write)?;
    // Closing before the caller has read the answer could take it away again.
    let _ = std::io::copy(&mut reader, &mut std::io::sink());
    Ok(())
}

enum Body {
    Of(u64),
    Chunked,
}

fn head(reader: &mut impl BufRead) -> std::io::Result<Body> {
    let mut body = Body::Of(0);
    loop {
        let line = line(reader)?.to_ascii_lowercase();
        if line.is_empty() {
            return Ok(body);
        }
        match line.split_once(':') {
            Some(("content-length", length)) => {
                body = Body::Of(length.trim().parse().map_err(|_| ErrorKind::InvalidData)?);
            }
            Some(("transfer-encoding", _)) => body = Body::Chunked,
            _ => {}
        }
    }
}

fn line(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    if reader.read_until(b'\n', &mut bytes)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&bytes)
        .trim_end_matches(['\r', '\n'])
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(server: &BusyRelay, request: &[u8]) -> String {
        let mut connection = TcpStream::connect(server.address()).unwrap();
        connection.write_all(request).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn every_request_is_turned_away_and_counted() {
        let server = BusyRelay::start().unwrap();
        let with_length = b"POST /relay HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\n\r\nhello";
        let chunked = b"POST /relay HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        for request in [&with_length[..], &chunked[..], b"GET / HTTP/1.1\r\n\r\n"] {
            let answer = answer(&server, request);
            assert!(
                answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("too busy\n"),
                "{answer}"
            );
        }
        assert_eq!(server.asked(), 3);
    }

    #[test]
    fn a_caller_that_breaks_off_is_not_counted() {
        let server = BusyRelay::start().unwrap();
        drop(TcpStream::connect(server.address()).unwrap());
        answer(&server, b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(server.asked(), 1);
    }

    #[test]
    fn nobody_listens_once_it_is_over() {
        let server = BusyRelay::start().unwrap();
        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }
}
