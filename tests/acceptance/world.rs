//! One running case: its folder, its byways, its far sides, and what has been noted so far.
//!
//! Everything in it ends when it is dropped, on every path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ::byway::envelope::PublicKey;
use serde_json::Value;
use tempfile::TempDir;

use crate::byway::{self, Ran, Server};
use crate::case::{Case, FarSide};
use crate::far_side::Running;
use crate::frames;
use crate::guests;
use crate::http::{self, Request, Response};
use crate::ports::Port;
use crate::program::{self, Program};
use crate::sshd::Sshd;
use crate::words::Words;

/// The byways a case may have.
const NAMES: [&str; 2] = ["a", "b"];

/// One running case.
pub struct World {
    // Servers first: they end before what they talk to, and before their folder goes.
    servers: BTreeMap<String, Server>,
    sites: BTreeMap<String, Site>,
    far: BTreeMap<String, Running>,
    _sshd: Option<Sshd>,
    _programs: Vec<Program>,
    _closed: Port,
    /// The case's folder in the repository.
    folder: PathBuf,
    dir: TempDir,
    /// What stands for what in templates, and the other way round in what is noted.
    pub words: Words,
    /// Messages by the names that the case gives them.
    pub messages: BTreeMap<String, Sent>,
    /// Values that may appear nowhere.
    pub secrets: BTreeSet<String>,
    /// What the steps have noted.
    pub noted: Vec<Value>,
}

/// Where one byway lives.
struct Site {
    port: Port,
    config: PathBuf,
    data: PathBuf,
    log: PathBuf,
}

/// A message that the case has sent.
pub struct Sent {
    /// Through which byway.
    pub byway: String,
    /// Its id.
    pub id: String,
    /// Its recipient, where the case named it.
    pub to: Option<String>,
    /// What it says, where the case made that up.
    pub text: Option<String>,
}

impl World {
    /// Makes the folder and everything that has to be there before the first step.
    pub fn build(folder: &Path, case: &Case) -> Result<Self, String> {
        let dir = TempDir::with_prefix("byway-").map_err(|error| error.to_string())?;
        let mut words = Words::new();
        words.set("byway", byway::BINARY);
        words.set("dir", &dir.path().display().to_string());
        let closed = Port::reserve()?;
        words.set("closed.url", &closed.url());
        for name in &case.guests {
            words.set(
                &format!("guest.{name}"),
                &guests::guest(name).display().to_string(),
            );
        }
        let mut far = BTreeMap::new();
        for name in case.far.keys() {
            let running = Running::listen()?;
            words.set(&format!("far.{name}.url"), &running.url());
            words.set(
                &format!("far.{name}.ws"),
                &running.url().replacen("http", "ws", 1),
            );
            far.insert(name.clone(), running);
        }
        let sshd = if case.sshd {
            Some(Sshd::start(dir.path(), &mut words)?)
        } else {
            None
        };
        let programs = program::start_all(case, folder, dir.path(), &mut words)?;
        let mut sites = BTreeMap::new();
        for name in NAMES
            .iter()
            .filter(|name| folder.join(format!("{name}.toml")).exists())
        {
            sites.insert((*name).to_owned(), Site::prepare(name, dir.path(), &mut words)?);
        }
        copy_files(folder, dir.path())?;
        let mut world = Self {
            servers: BTreeMap::new(),
            sites,
            far,
            _sshd: sshd,
            _programs: programs,
            _closed: closed,
            folder: folder.to_owned(),
            dir,
            words,
            messages: BTreeMap::new(),
            secrets: BTreeSet::new(),
            noted: Vec::new(),
        };
        world.fill_in(case)?;
        Ok(world)
    }

    /// Writes the configurations and the scripts, now that everything has its port and its key.
    fn fill_in(&mut self, case: &Case) -> Result<(), String> {
        let names: Vec<String> = self.sites.keys().cloned().collect();
        for name in names {
            self.configure(&name, &format!("{name}.toml"))?;
        }
        for (name, far) in &case.far {
            self.far[name].script(self.script(far)?);
            if far.bot {
                self.far[name].be_a_bot();
            }
            if let Some(file) = &far.frames {
                self.far[name].play(frames::read(&self.folder.join(file))?);
            }
        }
        Ok(())
    }

    fn script(&self, far: &FarSide) -> Result<Vec<crate::case::Answer>, String> {
        let mut answers = far.answers.clone();
        for answer in &mut answers {
            answer.body = self.words.fill_in(&answer.body)?;
            for text in [&mut answer.forward, &mut answer.bearer_file]
                .into_iter()
                .flatten()
            {
                *text = self.words.fill_in(text)?;
            }
        }
        Ok(answers)
    }

    /// Gives a byway the configuration made from a template of the case.
    pub fn configure(&self, name: &str, template: &str) -> Result<(), String> {
        let path = self.folder.join(template);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = self
            .words
            .fill_in(&text)
            .map_err(|why| format!("{}: {why}", path.display()))?;
        write(&self.site(name)?.config, text.as_bytes())
    }

    /// A path beneath the case's own folder on this machine.
    pub fn path(&self, text: &str) -> Result<PathBuf, String> {
        Ok(self.dir.path().join(self.words.fill_in(text)?))
    }

    /// Starts a byway's server.
    pub fn start(&mut self, name: &str) -> Result<(), String> {
        let site = self.site(name)?;
        let server = Server::start(name, &site.config, &site.log)?;
        self.servers.insert(name.to_owned(), server);
        Ok(())
    }

    /// Takes a running server out of the world.
    pub fn take_server(&mut self, name: &str) -> Result<Server, String> {
        self.servers
            .remove(name)
            .ok_or_else(|| format!("byway {name} does not run"))
    }

    /// The byways whose servers run. One that has died by itself is an error.
    pub fn running(&mut self) -> Result<Vec<String>, String> {
        for (name, server) in &mut self.servers {
            if !server.runs() {
                return Err(format!("byway {name} has died"));
            }
        }
        Ok(self.servers.keys().cloned().collect())
    }

    /// Runs a verb with a byway's configuration.
    pub fn run(&self, name: &str, args: &[String], stdin: Option<&[u8]>) -> Result<Ran, String> {
        byway::run(&self.site(name)?.config, args, stdin, self.dir.path())
    }

    /// Calls a byway's API.
    pub fn call(&self, name: &str, request: &Request) -> Result<Response, String> {
        let authority = format!("127.0.0.1:{}", self.site(name)?.port.number);
        let what = || format!("{} {} of byway {name}", request.method, request.path);
        http::call(&authority, request).map_err(|error| format!("{}: {error}", what()))
    }

    /// Asks a byway's API as its admin.
    pub fn get(&self, name: &str, path: &str) -> Result<Response, String> {
        let headers = vec![(
            "authorization".to_owned(),
            format!("Bearer {}", self.admin_token(name)?),
        )];
        self.call(
            name,
            &Request {
                method: "GET".into(),
                path: path.into(),
                headers,
                body: Vec::new(),
            },
        )
    }

    /// A byway's admin token.
    pub fn admin_token(&self, name: &str) -> Result<String, String> {
        let path = self.site(name)?.data.join("token");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    /// A byway's data folder.
    pub fn data(&self, name: &str) -> Result<&Path, String> {
        Ok(&self.site(name)?.data)
    }

    /// All byways of the case, running or not.
    pub fn names(&self) -> Vec<String> {
        self.sites.keys().cloned().collect()
    }

    /// A byway's log so far, over all its starts.
    pub fn log(&self, name: &str) -> Result<String, String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.site(name)?.log).unwrap_or_default()).into_owned())
    }

    /// A far side.
    pub fn far(&self, name: &str) -> Result<&Running, String> {
        self.far
            .get(name)
            .ok_or_else(|| format!("the case has no far side `{name}`"))
    }

    /// A message by its name.
    pub fn message(&self, name: &str) -> Result<&Sent, String> {
        self.messages
            .get(name)
            .ok_or_else(|| format!("the case has sent no message `{name}`"))
    }

    /// Keeps the folder, and says where it is, with the ends of the logs.
    pub fn keep_for_a_look(&mut self, why: &str) -> String {
        let mut report = format!("{why}\n");
        for name in self.names() {
            let log = self.log(&name).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            report.push_str(&format!("\n--- the end of byway {name}'s log\n"));
            for line in &lines[lines.len().saturating_sub(40)..] {
                report.push_str(&format!("{line}\n"));
            }
        }
        self.dir.disable_cleanup(true);
        report.push_str(&format!(
            "\n--- everything is kept in {}\n",
            self.dir.path().display()
        ));
        report
    }

    fn site(&self, name: &str) -> Result<&Site, String> {
        self.sites
            .get(name)
            .ok_or_else(|| format!("the case has no {name}.toml"))
    }
}

impl Site {
    fn prepare(name: &str, dir: &Path, words: &mut Words) -> Result<Self, String> {
        let port = Port::reserve()?;
        let data = dir.join(format!("{name}-data"));
        let site = Self {
            config: dir.join(format!("{name}.toml")),
            log: dir.join(format!("{name}.log")),
            data,
            port,
        };
        words.set(&format!("{name}.url"), &site.port.url());
        words.set(
            &format!("{name}.listen"),
            &format!("127.0.0.1:{}", site.port.number),
        );
        words.set(&format!("{name}.data"), &site.data.display().to_string());
        words.set(&format!("{name}.config"), &site.config.display().to_string());
        let key = site.identity(name, dir)?;
        words.set(
            &format!("{name}.key-id"),
            &key.parse::<PublicKey>().map_err(|error| error.to_string())?.id(),
        );
        words.set(&format!("{name}.key"), &key);
        Ok(site)
    }

    /// The identity is in the data folder, so it is there before the configuration that names it.
    fn identity(&self, name: &str, dir: &Path) -> Result<String, String> {
        let config = dir.join(format!("{name}-first.toml"));
        let text = format!(
            "[instance]\nname = \"{name}\"\ndata_dir = \"{}\"\n",
            self.data.display()
        );
        write(&config, text.as_bytes())?;
        let ran = byway::run(&config, &["identity".into()], None, dir)?;
        let key = ran
            .stdout
            .split(|c: char| c.is_whitespace() || c == '"')
            .find(|word| word.starts_with("ed25519:"));
        key.map(str::to_owned)
            .ok_or_else(|| format!("`byway identity` printed no key: {}{}", ran.stdout, ran.stderr))
    }
}

/// Files of a case that are neither templates nor expectations lie in its folder as they are.
fn copy_files(from: &Path, to: &Path) -> Result<(), String> {
    let entries = std::fs::read_dir(from).map_err(|error| error.to_string())?;
    for path in entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
    {
        let is_ours = path.extension().is_some_and(|ending| ending == "toml")
            || path.file_name().is_some_and(|name| name == "expected.json");
        if let (false, Some(name)) = (is_ours, path.file_name()) {
            std::fs::copy(&path, to.join(name)).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}
