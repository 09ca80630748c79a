//! A small CONNECT proxy on loopback that keeps what it was asked.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the proxy does with a request.
#[derive(Clone)]
pub(crate) enum Ways {
    /// Connects to where it was asked, or to this address whatever was asked.
    Open(Option<String>),
    /// Answers with these bytes, and hangs up.
    Answer(&'static str),
    /// Never answers.
    Silent,
}

pub(crate) struct ProxySide {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ProxySide {
    pub(crate) async fn start(ways: Ways) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, ways.clone(), Arc::clone(&kept)));
            }
        });
        Self { url, asked }
    }

    /// The heads of the requests that came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, ways: Ways, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let wanted = head.split(' ').nth(1).unwrap().to_owned();
    asked.lock().unwrap().push(head);
    match ways {
        Ways::Silent => std::future::pending().await,
        Ways::Answer(answer) => stream.write_all(answer.as_bytes()).await.unwrap_or_default(),
        Ways::Open(instead) => {
            let mut far = TcpStream::connect(instead.unwrap_or(wanted)).await.unwrap();
            let open = b"HTTP/1.1 200 Connection established\r\n\r\n";
            stream.write_all(open).await.unwrap_or_default();
            tokio::io::copy_bidirectional(&mut stream, &mut far).await.ok();
        }
    }
}
