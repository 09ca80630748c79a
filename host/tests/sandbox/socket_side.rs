//! A far side on loopback that speaks WebSocket, keeps what it hears and does what it was told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// What the far side does with a connection.
#[derive(Clone)]
pub(crate) enum Play {
    /// Says every message back.
    Echo,
    /// Reads and never answers.
    Listen,
    /// Answers each message with what this makes of it; nothing where it makes nothing, and then it hangs up.
    Answer(fn(&str) -> Option<String>),
    /// Says this first, and then everything back.
    Say(Message),
    /// Sends a ping, and says `answered` when the pong has come.
    Ping,
    /// Closes with this code and reason at the first message.
    Close(u16, String),
    /// Resets the connection at the first message.
    Reset,
    /// Sends half of the text `whole`, and the rest at the first message.
    Halves,
    /// Answers the handshake with these bytes.
    Raw(String),
    /// Never answers the handshake.
    Silent,
}

/// What was heard.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    /// The handshakes: path and headers.
    pub(crate) handshakes: Arc<Mutex<Vec<String>>>,
    messages: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<(usize, usize)>>,
}

impl Heard {
    /// The messages, in the order in which they came.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.lock().unwrap().0
    }

    /// Waits until every connection has come to its end.
    pub(crate) async fn all_over(&self) {
        loop {
            let (begun, ended) = *self.connections.lock().unwrap();
            if begun == ended {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Starts one on loopback; its URL and what it hears.
pub(crate) async fn socket_side(play: Play) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let heard = Heard::default();
    let kept = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (play, heard) = (play.clone(), kept.clone());
            tokio::spawn(async move {
                let linger = matches!(play, Play::Reset);
                if linger {
                    stream.set_zero_linger().ok();
                }
                talk(stream, play, heard).await;
            });
        }
    });
    (url, heard)
}

/// Plays over one connection, to its end.
pub(crate) async fn talk<S>(stream: S, play: Play, heard: Heard)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    heard.connections.lock().unwrap().0 += 1;
    run(stream, play, &heard).await;
    heard.connections.lock().unwrap().1 += 1;
}

async fn run<S>(mut stream: S, play: Play, heard: &Heard)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match &play {
        Play::Raw(answer) => {
            let mut head = [0; 4096];
            let length = stream.read(&mut head).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&head[..length]).into_owned();
            heard.handshakes.lock().unwrap().push(text);
            stream.write_all(answer.as_bytes()).await.ok();
            return;
        }
        Play::Silent => {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok();
            return;
        }
        _ => {}
    }
    let note = |request: &Request, response: Response| {
        let mut text = request.uri().to_string();
        for (name, value) in request.headers() {
            text.push_str(&format!("\r\n{name}: {}", value.to_str().unwrap_or("?")));
        }
        heard.handshakes.lock().unwrap().push(text);
        Ok(response)
    };
    if let Ok(socket) = accept_hdr_async(stream, note).await {
        converse(socket, play, heard).await;
    }
}

async fn converse<S>(mut socket: WebSocketStream<S>, play: Play, heard: &Heard)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match &play {
        Play::Say(message) => socket.send(message.clone()).await.unwrap_or_default(),
        Play::Ping => {
            let ping = Message::Ping(Bytes::from_static(b"are you there"));
            socket.send(ping).await.unwrap_or_default();
        }
        // A text frame of five bytes that is not masked, cut in two.
        Play::Halves => socket
            .get_mut()
            .write_all(b"\x81\x05wh")
            .await
            .unwrap_or_default(),
        _ => {}
    }
    while let Some(Ok(message)) = socket.next().await {
        match &message {
            Message::Text(text) => heard.messages.lock().unwrap().push(text.to_string()),
            Message::Binary(bytes) => {
                let text = format!("binary {}", String::from_utf8_lossy(bytes));
                heard.messages.lock().unwrap().push(text);
            }
            Message::Pong(_) if matches!(play, Play::Ping) => {
                socket.send("answered".into()).await.unwrap_or_default();
                continue;
            }
            _ => continue,
        }
        let said = match &play {
            Play::Echo | Play::Say(_) | Play::Ping => socket.send(message).await,
            Play::Close(code, reason) => {
                let frame = CloseFrame {
                    code: (*code).into(),
                    reason: reason.clone().into(),
                };
                socket.close(Some(frame)).await
            }
            Play::Halves => {
                socket.get_mut().write_all(b"ole").await.unwrap_or_default();
                Ok(())
            }
            Play::Answer(answer) => match answer(message.to_text().unwrap_or_default()) {
                Some(said) => socket.send(said.into()).await,
                None => return,
            },
            Play::Reset => return,
            _ => Ok(()),
        };
        if said.is_err() {
            return;
        }
    }
}
