//! The same over HTTP: the real program in a process of its own, and clients that each keep one connection. What they send is
//! for a local agent, so that nothing but accepting is done.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::{CLIENTS, MESSAGES, Shared, made};

const BODY: &str = r#"{"to":"executor@a","text":"The deployment is done."}"#;
const CONFIG: &str = "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n";
/// The metric that counts transactions: one sync each.
const COMMITS: &str = "byway_store_commits_total ";

/// Ends with its handle.
pub struct Server {
    child: Child,
    address: String,
    token: String,
}

impl Server {
    pub fn start(folder: &Path) -> Self {
        std::fs::write(made(folder).join("byway.toml"), CONFIG).unwrap();
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
        let token = std::fs::read_to_string(folder.join("data/token")).unwrap();
        Self {
            child,
            address: line.trim().rsplit_once("http://").unwrap().1.to_owned(),
            token: token.trim().to_owned(),
        }
    }

    pub fn round(&self) -> Shared {
        let (before, began) = (self.commits(), Instant::now());
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut client = Client::open(self);
                    for _ in 0..MESSAGES / CLIENTS {
                        let (status, answer) = client.ask("POST", "/v1/messages", BODY);
                        assert_eq!(status, 202, "{answer}");
                    }
                });
            }
        });
        let seconds = began.elapsed().as_secs_f64();
        Shared {
            accepts: MESSAGES as f64,
            syncs: self.commits() - before,
            seconds,
        }
    }

    fn commits(&self) -> f64 {
        let (_, page) = Client::open(self).ask("GET", "/metrics", "");
        let line = page.lines().find_map(|line| line.strip_prefix(COMMITS));
        line.unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One kept connection.
struct Client<'a> {
    server: &'a Server,
    stream: BufReader<TcpStream>,
}

impl<'a> Client<'a> {
    fn open(server: &'a Server) -> Self {
        let stream = TcpStream::connect(&server.address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            server,
            stream: BufReader::new(stream),
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        let Server { address, token, .. } = self.server;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            assert!(
                self.stream.read_line(&mut line).unwrap() > 0,
                "the connection was closed"
            );
            let line = line.trim_end();
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
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).unwrap();
        (status, String::from_utf8(answer).unwrap())
    }
}
