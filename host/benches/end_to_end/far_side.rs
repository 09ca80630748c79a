//! Where all messages go: a small HTTP server that reads what is posted, says yes, and counts.
//!
//! It is written for speed and not for strangers, so that it takes as little as possible of the machine from whoever is
//! measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How long a contender may take for a round.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct FarSide {
    pub port: u16,
    /// Where nobody listens.
    pub nobody: String,
    taken: Arc<AtomicUsize>,
}

impl FarSide {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Bound and let go again: a connection to it is refused at once.
        let nobody = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, Arc::clone(&counter)));
            }
        });
        Self {
            port,
            nobody: format!("http://{nobody}/nobody"),
            taken,
        }
    }

    /// How many have come.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Waits until so many have come.
    pub async fn has(&self, count: usize) {
        let all = async {
            while self.taken() < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, all).await;
        assert!(in_time.is_ok(), "{} of {count} came", self.taken());
    }
}

async fn answer(stream: TcpStream, taken: Arc<AtomicUsize>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    let mut line = String::new();
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reading.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reading.read_exact(&mut body).await.ok()?;
        taken.fetch_add(1, Ordering::Relaxed);
        writing
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .await
            .ok()?;
    }
}
