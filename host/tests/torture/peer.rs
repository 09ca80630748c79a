//! A far side that fails in one way, over and over, and counts what it heard.

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use crate::http;
use crate::ports::Port;

/// The pause between two bytes of an answer that drips.
const DRIP: Duration = Duration::from_millis(100);
/// How long a far side holds on to a connection that it hangs on; longer than any timeout here.
const HOLD: Duration = Duration::from_secs(30);

/// What a far side does with a connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Doing {
    /// Nobody listens.
    Refuse,
    /// The connection is taken and nothing is read.
    Deaf,
    /// The connection is closed when the first byte has come.
    CloseAtOnce,
    /// The whole request is read, and reset.
    Reset,
    /// The whole request is read; this is said, after a while; and then.
    Say {
        #[serde(default)]
        text: String,
        #[serde(default)]
        after_ms: u64,
        then: Then,
    },
    /// This is said byte by byte.
    Drip { text: String },
    /// This is said, and then a line again and again, without end.
    Flood { text: String, line: String },
}

/// What follows when everything is said.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// The connection is kept for the next request.
    Keep,
    /// It is closed in order.
    Close,
    /// It is reset.
    Reset,
    /// Nothing happens any more.
    Hang,
}

/// A far side at work.
pub struct Peer {
    port: Port,
    heard: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Peer {
    /// Starts it; its threads end with the process.
    pub fn start(doing: Doing) -> Self {
        let port = Port::reserve().unwrap();
        let heard = Arc::<Mutex<BTreeMap<String, usize>>>::default();
        let peer = Self {
            port,
            heard: Arc::clone(&heard),
        };
        if matches!(doing, Doing::Refuse) {
            return peer;
        }
        let listener = TcpListener::bind(("127.0.0.1", peer.port.number)).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (doing, heard) = (doing.clone(), Arc::clone(&heard));
                // A connection that breaks is what this is about.
                thread::spawn(move || drop(talk(stream, &doing, &heard)));
            }
        });
        peer
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        self.port.url()
    }

    /// How many whole requests came for a path.
    pub fn heard(&self, path: &str) -> usize {
        self.heard.lock().unwrap().get(path).copied().unwrap_or(0)
    }
}

fn talk(mut stream: TcpStream, doing: &Doing, heard: &Mutex<BTreeMap<String, usize>>) -> std::io::Result<()> {
    match doing {
        Doing::Refuse => return Ok(()),
        Doing::Deaf => {
            thread::sleep(HOLD);
            return Ok(());
        }
        Doing::CloseAtOnce => {
            stream.read_exact(&mut [0])?;
            return Ok(());
        }
        _ => {}
    }
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = http::read_request(&mut reader)? {
        *heard.lock().unwrap().entry(request.path).or_default() += 1;
        match doing {
            Doing::Reset => return reset(&stream),
            Doing::Say { text, after_ms, then } => {
                thread::sleep(Duration::from_millis(*after_ms));
                stream.write_all(text.as_bytes())?;
                match then {
                    Then::Keep => {}
                    Then::Close => return stream.shutdown(Shutdown::Both),
                    Then::Reset => {
                        // What was said arrives before the reset overtakes it.
                        thread::sleep(Duration::from_millis(100));
                        return reset(&stream);
                    }
                    Then::Hang => {
                        thread::sleep(HOLD);
                        return Ok(());
                    }
                }
            }
            Doing::Drip { text } => {
                for byte in text.as_bytes() {
                    stream.write_all(&[*byte])?;
                    thread::sleep(DRIP);
                }
            }
            Doing::Flood { text, line } => {
                stream.write_all(text.as_bytes())?;
                let lines = line.repeat(1_000);
                loop {
                    stream.write_all(lines.as_bytes())?;
                }
            }
            Doing::Refuse | Doing::Deaf | Doing::CloseAtOnce => return Ok(()),
        }
    }
    Ok(())
}

/// Closes a connection with a reset instead of an end.
fn reset(stream: &TcpStream) -> std::io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(
        stream,
        Some(Duration::ZERO),
    )?)
}
