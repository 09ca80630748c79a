//! A proxy between the byways that now and then harms a connection, in every way a network can.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::dice::Dice;
use crate::ports::Port;

/// One connection in so many is harmed from its beginning.
const HARM: u64 = 4;
/// The longest that any other lives, in milliseconds, before it is cut in the middle of whatever it carries.
const LIFE_MILLIS: u64 = 700;

/// A running proxy. Its threads end with the process.
pub struct Proxy {
    port: Port,
    shared: Arc<Shared>,
}

struct Shared {
    behaves: AtomicBool,
    connections: AtomicU64,
    harmed: AtomicU64,
    dice: Mutex<Dice>,
}

/// What happens to a connection.
#[derive(Clone, Copy)]
enum Fate {
    Pass,
    /// Cut after a while.
    Cut(Duration),
    /// Closed before anything is passed on.
    Close,
    /// This many bytes of the request are passed on.
    CutRequest(u64),
    /// The request is passed on, and this many bytes of the answer.
    CutAnswer(u64),
    /// Everything is passed on late.
    Late(Duration),
    /// The request is passed on, and the answer swallowed without an end.
    Swallow,
}

impl Proxy {
    /// Starts it in front of an address.
    pub fn start(to: &str, dice: Dice) -> Self {
        let port = Port::reserve().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", port.number)).unwrap();
        let shared = Arc::new(Shared {
            behaves: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            harmed: AtomicU64::new(0),
            dice: Mutex::new(dice),
        });
        let to = to.to_owned();
        let proxy = Self {
            port,
            shared: Arc::clone(&shared),
        };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let fate = shared.fate();
                if !matches!(fate, Fate::Pass) {
                    shared.harmed.fetch_add(1, Ordering::Relaxed);
                }
                let to = to.clone();
                thread::spawn(move || drop(carry(stream, &to, fate)));
            }
        });
        proxy
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        self.port.url()
    }

    /// From now on it harms nothing.
    pub fn behave(&self) {
        self.shared.behaves.store(true, Ordering::Relaxed);
    }

    /// How many connections came.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many of them were harmed.
    pub fn harmed(&self) -> u64 {
        self.shared.harmed.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn fate(&self) -> Fate {
        let mut dice = self.dice.lock().unwrap();
        if self.behaves.load(Ordering::Relaxed) {
            return Fate::Pass;
        }
        if !dice.once_in(HARM) {
            return Fate::Cut(dice.millis(LIFE_MILLIS));
        }
        match dice.below(5) {
            0 => Fate::Close,
            1 => Fate::CutRequest(dice.below(3_000)),
            2 => Fate::CutAnswer(dice.below(400)),
            3 => Fate::Late(dice.millis(3_000)),
            _ => Fate::Swallow,
        }
    }
}

fn carry(from: TcpStream, to: &str, fate: Fate) -> std::io::Result<()> {
    let (request_max, answer_max) = match fate {
        Fate::Close => return Ok(()),
        Fate::Late(pause) => {
            thread::sleep(pause);
            (u64::MAX, u64::MAX)
        }
        Fate::CutRequest(bytes) => (bytes, u64::MAX),
        Fate::CutAnswer(bytes) => (u64::MAX, bytes),
        Fate::Pass | Fate::Cut(_) | Fate::Swallow => (u64::MAX, u64::MAX),
    };
    let behind = TcpStream::connect(to)?;
    if let Fate::Cut(life) = fate {
        let ends = [from.try_clone()?, behind.try_clone()?];
        thread::spawn(move || {
            thread::sleep(life);
            for end in ends {
                drop(end.shutdown(Shutdown::Both));
            }
        });
    }
    let (mut near, mut far) = (from.try_clone()?, behind.try_clone()?);
    let up = thread::spawn(move || {
        copy(&mut near, &mut far, request_max);
        drop(far.shutdown(if request_max == u64::MAX {
            Shutdown::Write
        } else {
            Shutdown::Both
        }));
        if request_max != u64::MAX {
            drop(near.shutdown(Shutdown::Both));
        }
    });
    let (mut near, mut far) = (from, behind);
    if matches!(fate, Fate::Swallow) {
        drop(std::io::copy(&mut far, &mut std::io::sink()));
    } else {
        copy(&mut far, &mut near, answer_max);
    }
    drop(near.shutdown(Shutdown::Both));
    drop(far.shutdown(Shutdown::Both));
    drop(up.join());
    Ok(())
}

/// Passes on at most so many bytes, each as soon as it is there.
fn copy(from: &mut TcpStream, to: &mut TcpStream, most: u64) {
    let mut left = most;
    let mut bytes = [0; 4096];
    while left > 0 {
        let Ok(count @ 1..) = from.read(&mut bytes) else {
            return;
        };
        let part = count.min(usize::try_from(left).unwrap_or(usize::MAX));
        if to.write_all(&bytes[..part]).is_err() {
            return;
        }
        left -= u64::try_from(part).unwrap();
    }
}
