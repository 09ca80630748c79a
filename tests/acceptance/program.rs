//! A program for node or Python, beside the case, that plays a far side with a library that others wrote.
//!
//! What we script ourselves can only be as right as we understood the far side. A library that knows
//! it from elsewhere is a second opinion.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::case::Case;
use crate::ports::Port;
use crate::wait;
use crate::words::Words;

/// What a program is written for.
#[derive(Clone, Copy)]
pub enum Language {
    /// JavaScript; the libraries are those of `tests/npm`.
    Node,
    /// Python; the libraries are those of `tests/pypi`.
    Python,
}

/// A running program. Killed when it is dropped.
pub struct Program {
    child: Child,
    port: Port,
}

impl Language {
    /// What it is called in a case.
    fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
        }
    }

    /// Tells where the libraries are. `cargo xtask test` sets it where they could be installed.
    fn variable(self) -> &'static str {
        match self {
            Self::Node => "BYWAY_NODE_MODULES",
            Self::Python => "BYWAY_PYTHON",
        }
    }

    fn libraries(self) -> Option<PathBuf> {
        std::env::var_os(self.variable())
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    }

    fn command(self) -> Result<Command, String> {
        let libraries = self
            .libraries()
            .ok_or_else(|| format!("{} is not set", self.variable()))?;
        Ok(match self {
            Self::Node => {
                let mut node = Command::new("node");
                node.env("NODE_PATH", libraries);
                node
            }
            // The Python of an environment that has them.
            Self::Python => Command::new(libraries),
        })
    }
}

/// The programs of a case, by the name of its file.
fn of(case: &Case) -> impl Iterator<Item = (Language, &String)> {
    let all = [(Language::Node, &case.node), (Language::Python, &case.python)];
    all.into_iter()
        .filter_map(|(language, file)| Some((language, file.as_ref()?)))
}

/// Whether a case has a program whose libraries are not here.
pub fn is_left_out(case: &Case) -> bool {
    of(case).any(|(language, _)| language.libraries().is_none())
}

/// Starts the programs of the case in `folder`; each listens on `PORT`, which is `{{node.url}}` or `{{python.url}}`.
pub fn start_all(case: &Case, folder: &Path, dir: &Path, words: &mut Words) -> Result<Vec<Program>, String> {
    of(case)
        .map(|(language, file)| Program::start(language, &folder.join(file), dir, words))
        .collect()
}

impl Program {
    fn start(language: Language, file: &Path, dir: &Path, words: &mut Words) -> Result<Self, String> {
        let port = Port::reserve()?;
        let log = dir.join(format!("{}.log", language.name()));
        let log_file = File::create(&log).map_err(|error| error.to_string())?;
        let child = language
            .command()?
            .arg(file)
            .env("PORT", port.number.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .map_err(|error| format!("{}: {error}", language.name()))?;
        let program = Self { child, port };
        wait::until("the program to listen", || {
            let answer = TcpStream::connect(("127.0.0.1", program.port.number));
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            answer.map(drop).map_err(|error| format!("{error}; {}", said()))
        })?;
        words.set(&format!("{}.url", language.name()), &program.port.url());
        Ok(program)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
