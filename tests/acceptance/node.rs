//! A program for node, beside the case, that plays a far side with a library that others wrote.
//!
//! What we script ourselves can only be as right as we understood the far side. A library that knows
//! it from elsewhere is a second opinion.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::ports::Port;
use crate::wait;
use crate::words::Words;

/// Where the libraries are. `cargo xtask test` sets it where npm could install them.
const MODULES: &str = "BYWAY_NODE_MODULES";

/// A running program. Killed when it is dropped.
pub struct Node {
    child: Child,
    port: Port,
}

/// Whether there are no libraries, so that cases with a program are left out.
pub fn is_left_out() -> bool {
    modules().is_none()
}

impl Node {
    /// Starts a program of the case; it listens on `PORT`, which is `{{node.url}}`.
    pub fn start(program: &Path, dir: &Path, words: &mut Words) -> Result<Self, String> {
        let modules = modules().ok_or_else(|| format!("{MODULES} is not set"))?;
        let port = Port::reserve()?;
        let log = dir.join("node.log");
        let file = File::create(&log).map_err(|error| error.to_string())?;
        let child = Command::new("node")
            .arg(program)
            .env("NODE_PATH", modules)
            .env("PORT", port.number.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .map_err(|error| format!("node: {error}"))?;
        let node = Self { child, port };
        wait::until("the program to listen", || {
            let answer = TcpStream::connect(("127.0.0.1", node.port.number));
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            answer.map(drop).map_err(|error| format!("{error}; {}", said()))
        })?;
        words.set("node.url", &node.port.url());
        Ok(node)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn modules() -> Option<PathBuf> {
    std::env::var_os(MODULES)
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
}
