//! Where one byway of a test lives: its folder, its port, its configuration, and its process.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::byway_process::{self, Server};
use crate::http::{self, Request, Response};
use crate::ports::Port;

/// One byway, running or not.
pub struct Site {
    /// Its instance's name.
    pub name: &'static str,
    port: Port,
    dir: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// Its data folder.
    pub data: PathBuf,
    log: PathBuf,
}

impl Site {
    /// A place beneath `dir`, with an identity and no configuration yet.
    pub fn prepare(name: &'static str, dir: &Path) -> Self {
        Self {
            name,
            port: Port::reserve().unwrap(),
            dir: dir.to_owned(),
            config: dir.join(format!("{name}.toml")),
            data: dir.join(format!("{name}-data")),
            log: dir.join(format!("{name}.log")),
        }
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        self.port.url()
    }

    /// `127.0.0.1:<port>`
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port.number)
    }

    /// Writes its configuration: its own tables, and these.
    pub fn configure(&self, tables: &str) {
        let text = format!(
            "[instance]\nname = \"{}\"\ndata_dir = \"{}\"\n\n[api]\nlisten = \"{}\"\n\n{tables}",
            self.name,
            self.data.display(),
            self.authority()
        );
        // Beside it and renamed, as whoever deploys one does: a running byway looks at any moment.
        let new = self.config.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &self.config).unwrap();
    }

    /// The public half of its identity, which is made where there is none.
    pub fn key(&self) -> String {
        self.configure("");
        let ran = byway_process::run(&self.config, &["identity".into()], None, &self.dir).unwrap();
        ran.stdout
            .split(|c: char| c.is_whitespace() || c == '"')
            .find(|word| word.starts_with("ed25519:"))
            .unwrap_or_else(|| panic!("no key: {}{}", ran.stdout, ran.stderr))
            .to_owned()
    }

    /// Starts it, and waits until it is ready.
    pub fn start(&self) -> Server {
        self.try_start().unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same; an error where it ended instead, with its log.
    pub fn try_start(&self) -> Result<Server, String> {
        Server::start(self.name, &self.config, &self.log)
    }

    /// Its log, over all its starts.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its journal is whole, and says what its tables hold.
    pub fn verify_journal(&self) {
        let scratch = tempfile::TempDir::new().unwrap();
        let args = ["journal", "verify", "--replay"].map(str::to_owned);
        let ran = byway_process::run(&self.config, &args, None, scratch.path()).unwrap();
        assert_eq!(ran.code, Some(0), "{}: {}{}", self.name, ran.stdout, ran.stderr);
    }

    /// One call of its API as its admin. An error where no whole answer came.
    pub fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> std::io::Result<Response> {
        let token = std::fs::read_to_string(self.data.join("token"))?;
        let mut all = vec![
            ("authorization".to_owned(), format!("Bearer {}", token.trim())),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        for (name, value) in headers {
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
        http::call(
            &self.authority(),
            &Request {
                method: method.into(),
                path: path.into(),
                headers: all,
                body: body.as_bytes().to_vec(),
            },
        )
    }

    /// What its API shows at a path.
    pub fn get(&self, path: &str) -> Value {
        let response = self.call("GET", path, &[], "").unwrap();
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        response.json()
    }

    /// Everything in a list of its API.
    pub fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}&limit=200{cursor}"));
            items.extend(page["items"].as_array().unwrap().clone());
            match page["next"].as_i64() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}
