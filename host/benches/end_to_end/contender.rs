//! Those who are measured. Each is a process of its own, started with a dead first choice and the far side as its second.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::far_side::FarSide;
use crate::{CLIENTS, MESSAGES, MESSAGES_OF_APPRISE};

/// Messages that may be at one transport at once, of those who can say so. Connect has at most as many as there are clients, since
/// it answers them afterwards; byway counts one from before it is on disk that it begins, and keeps a quarter of its places for others.
const IN_FLIGHT: usize = 192;

const BODY: &str = r#"{"to":"executor@b","text":"The deployment is done."}"#;

/// A process that ends with its handle.
struct Running(Child);

impl Running {
    /// Ends it as a person would: what it has to write at its end is written.
    fn end(mut self) {
        let process = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub struct Byway {
    running: Running,
    address: String,
    token: String,
}

impl Byway {
    pub fn start(folder: &Path, far_side: &FarSide) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let mut config = String::from(
            "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n\
             [limits]\nattempts_at_once_max = 256\n[[routes]]\nto = \"*@b\"\nchain = [\"first\", \"second\"]\n",
        );
        let second = format!("http://127.0.0.1:{}/hook", far_side.port);
        for (name, url) in [("first", &far_side.nobody), ("second", &second)] {
            writeln!(
                config,
                "[transports.{name}]\nadapter = \"builtin:webhook\"\nat_once_max = {IN_FLIGHT}\nconfig = {{ url = \"{url}\" }}\n\
                 grants = {{ http = [{{ allow = \"POST {url}\", private = true }}] }}"
            )
            .unwrap();
        }
        std::fs::write(folder.join("byway.toml"), config).unwrap();
        let mut child = Command::new(crate::stage::program())
            .arg("serve")
            .current_dir(folder)
            .env("BYWAY_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit_once("http://").unwrap().1.to_owned();
        let token = std::fs::read_to_string(folder.join("data/token"))
            .unwrap()
            .trim()
            .to_owned();
        Self {
            running: Running(child),
            address,
            token,
        }
    }

    /// Accepts a second, and messages a second until the last one stands as delivered.
    pub async fn run(&self, far_side: &FarSide) -> (f64, f64) {
        let before = far_side.taken();
        let began = Instant::now();
        post_all(&self.address, "/v1/messages", &self.token).await;
        let accepted = began.elapsed();
        far_side.has(before + MESSAGES).await;
        while !self.has_recorded_all().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        (
            per_second(MESSAGES, accepted),
            per_second(MESSAGES, began.elapsed()),
        )
    }

    /// Whether no message is waiting any more.
    async fn has_recorded_all(&self) -> bool {
        let mut connection = Client::open(&self.address).await;
        let path = "/v1/messages?status=waiting&limit=1";
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            self.address, self.token
        );
        let (status, body) = connection.ask(&request).await;
        assert_eq!(status, 200, "{body}");
        body.contains("\"items\":[]")
    }

    pub fn stop(self) {
        self.running.end();
    }
}

pub struct Connect {
    running: Running,
    address: String,
}

impl Connect {
    pub fn start(python: &Path, far_side: &FarSide) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let child = Command::new(python)
            .arg(script("connect_fallback.py"))
            .args([
                free.port().to_string(),
                far_side.port.to_string(),
                far_side.nobody.clone(),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            running: Running(child),
            address: free.to_string(),
        }
    }

    pub async fn run(&self, far_side: &FarSide) -> f64 {
        for _ in 0..200 {
            if TcpStream::connect(&self.address).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let before = far_side.taken();
        let began = Instant::now();
        post_all(&self.address, "/post", "none").await;
        far_side.has(before + MESSAGES).await;
        per_second(MESSAGES, began.elapsed())
    }

    pub fn stop(self) {
        drop(self.running);
    }
}

pub struct Apprise;

impl Apprise {
    pub async fn run(python: &Path, far_side: &FarSide) -> f64 {
        let output = tokio::task::spawn_blocking({
            let mut command = Command::new(python);
            command.arg(script("apprise_escalation.py")).args([
                MESSAGES_OF_APPRISE.to_string(),
                far_side.port.to_string(),
                far_side.nobody.clone(),
            ]);
            move || command.output().unwrap()
        })
        .await
        .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let (seconds, delivered) = said.trim().split_once(' ').unwrap_or_else(|| {
            panic!("Apprise said: {said}{}", String::from_utf8_lossy(&output.stderr));
        });
        assert_eq!(delivered, MESSAGES_OF_APPRISE.to_string());
        MESSAGES_OF_APPRISE as f64 / seconds.parse::<f64>().unwrap()
    }
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches/others")
        .join(name)
}

fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// All the messages, by so many clients; each waits for its answer.
async fn post_all(address: &str, path: &str, token: &str) {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let (address, request) = (address.to_owned(), request.clone());
        clients.push(tokio::spawn(async move {
            let mut connection = Client::open(&address).await;
            for _ in (client..MESSAGES).step_by(CLIENTS) {
                let (status, body) = connection.ask(&request).await;
                assert!((200..300).contains(&status), "{status} {body}");
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
}

/// One kept connection, as light as can be.
struct Client {
    stream: tokio::io::BufReader<TcpStream>,
    line: String,
}

impl Client {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: tokio::io::BufReader::new(stream),
            line: String::new(),
        }
    }

    async fn ask(&mut self, request: &str) -> (u16, String) {
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            self.line.clear();
            assert!(
                self.stream.read_line(&mut self.line).await.unwrap() > 0,
                "the connection was closed"
            );
            let line = self.line.trim_end();
            if line.is_empty() {
                break;
            }
            if status == 0 {
                status = line.split(' ').nth(1).unwrap().parse().unwrap();
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        (status, String::from_utf8(body).unwrap())
    }
}
