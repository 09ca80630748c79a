//! A far side on loopback that keeps what it hears and says what it was told to.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the far side does with a request.
#[derive(Clone)]
pub(crate) enum Script {
    /// Answers with this status and body, and keeps the connection.
    Answer(u16, String),
    /// Answers with these bytes, and closes.
    Raw(String),
    /// Answers, and closes the connection without having said so.
    AnswerThenHangUp,
    /// Says the whole request back.
    Echo,
    /// Reads the request and never answers.
    Hang,
    /// Reads the request and resets the connection.
    Reset,
    /// Never even reads.
    Deaf,
}

pub(crate) struct FarSide {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl FarSide {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far_side = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            heard: Arc::default(),
            connections: Arc::default(),
        };
        let (heard, connections) = (Arc::clone(&far_side.heard), Arc::clone(&far_side.connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                tokio::spawn(talk(stream, script.clone(), Arc::clone(&heard)));
            }
        });
        far_side
    }

    /// The requests that came, each as its text.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn talk(mut stream: TcpStream, script: Script, heard: Arc<Mutex<Vec<String>>>) {
    if matches!(script, Script::Deaf) {
        std::future::pending::<()>().await;
    }
    while let Some(request) = read(&mut stream).await {
        heard.lock().unwrap().push(request.clone());
        let answer = match &script {
            Script::Answer(status, body) => answer(*status, body),
            Script::AnswerThenHangUp => {
                stream.write_all(answer(200, "ok").as_bytes()).await.ok();
                return;
            }
            Script::Raw(raw) => {
                stream.write_all(raw.as_bytes()).await.ok();
                return;
            }
            Script::Echo => answer(200, &request),
            Script::Reset => {
                stream.set_zero_linger().ok();
                return;
            }
            Script::Hang | Script::Deaf => {
                std::future::pending::<()>().await;
                String::new()
            }
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Word\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// One whole request with a body of known length.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length:")
                        .map(str::to_owned)
                })
                .find_map(|value| value.trim().parse::<usize>().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(length @ 1..) => bytes.extend_from_slice(&chunk[..length]),
            _ => return None,
        }
    }
}
