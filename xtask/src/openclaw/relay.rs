//! A way to the gateway on which answers can be held back: the message arrives, and nobody hears of it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::failure::{Doing, Result};

/// No connection lasts longer without a byte.
const PATIENCE: Duration = Duration::from_secs(120);

/// The running relay. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    holds: AtomicBool,
    is_over: AtomicBool,
}

impl Relay {
    /// Starts it on a free port of loopback.
    pub(crate) fn start(to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").doing("listen on loopback")?;
        let address = listener.local_addr().doing("listen on loopback")?;
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for from in listener.incoming().flatten() {
                if for_thread.is_over.load(Ordering::Acquire) {
                    return;
                }
                let shared = Arc::clone(&for_thread);
                // A connection that breaks off is what it is for.
                thread::spawn(move || drop(join(&from, to, &shared)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on answers are swallowed, or passed on again.
    pub(crate) fn hold(&self, holds: bool) {
        self.shared.holds.store(holds, Ordering::Release);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        // Wakes it from waiting for a connection.
        drop(TcpStream::connect(self.address));
    }
}

fn join(from: &TcpStream, to: SocketAddr, shared: &Arc<Shared>) -> std::io::Result<()> {
    let to = TcpStream::connect(to)?;
    for stream in [from, &to] {
        stream.set_read_timeout(Some(PATIENCE))?;
    }
    let (mut there, mut back) = (from.try_clone()?, to.try_clone()?);
    let mut onward = to.try_clone()?;
    thread::spawn(move || {
        drop(std::io::copy(&mut there, &mut onward));
        drop(onward.shutdown(Shutdown::Both));
    });
    let mut answers = from.try_clone()?;
    let mut piece = vec![0; 16 * 1024];
    loop {
        let length = back.read(&mut piece)?;
        let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else {
            return answers.shutdown(Shutdown::Both);
        };
        if !shared.holds.load(Ordering::Acquire) {
            answers.write_all(read)?;
        }
    }
}
