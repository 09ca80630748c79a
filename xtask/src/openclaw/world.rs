//! What the rows are played in: a model, a gateway, a byway beside it, and the table.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::demo::deadline::Deadline;
use crate::demo::instance::Instance;
use crate::failure::{Doing, Failure, Result};

use super::gateway::Gateway;
use super::model::Model;
use super::runtime::Runtime;
use super::table::Table;

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct World {
    // The byway first: it ends before what it talks to.
    /// The byway; its name is the second half of its agents' addresses.
    pub(crate) byway: Instance,
    /// The gateway beside it.
    pub(crate) gateway: Gateway,
    /// What the gateway thinks with.
    pub(crate) model: Model,
    /// The table.
    pub(crate) table: Table,
    /// How long everything may take.
    pub(crate) deadline: Deadline,
    folder: PathBuf,
    program: PathBuf,
    runtime: Runtime,
    examples: PathBuf,
}

/// How a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its status.
    pub(crate) status: String,
    /// Its attempts, `outcome code` each; a receipt's word stands in the place of a success's code. The same
    /// again is not told again.
    pub(crate) attempts: Vec<String>,
    /// The far side's own name for it, as it was told last.
    pub(crate) reference: String,
    /// The transport of the last attempt that delivered.
    pub(crate) by: String,
}

impl World {
    /// Prepares everything and starts the model.
    pub(crate) fn new(
        program: &Path,
        runtime: &Runtime,
        examples: &Path,
        folder: &Path,
        deadline: Deadline,
    ) -> Result<Self> {
        let model = Model::start()?;
        Ok(Self {
            byway: Instance::new("a", program, folder, deadline)?,
            gateway: Gateway::new("gateway", runtime, folder, model.address(), deadline)?,
            model,
            table: Table::default(),
            deadline,
            folder: folder.to_owned(),
            program: program.to_owned(),
            runtime: runtime.clone(),
            examples: examples.join("openclaw"),
        })
    }

    /// Another byway, on another machine as it were.
    pub(crate) fn another_byway(&self, name: &'static str) -> Result<Instance> {
        Instance::new(name, &self.program, &self.folder, self.deadline)
    }

    /// Another gateway, which thinks with a model of its own.
    pub(crate) fn another_gateway(&self, name: &str, model: &Model) -> Result<Gateway> {
        Gateway::new(name, &self.runtime, &self.folder, model.address(), self.deadline)
    }

    /// What everything stands on: the program, the gateway's, and the folder of this run.
    pub(crate) fn ground(&self) -> (PathBuf, Runtime, PathBuf) {
        (self.program.clone(), self.runtime.clone(), self.folder.clone())
    }

    /// The program.
    pub(crate) fn program(&self) -> Option<&str> {
        self.program.to_str()
    }

    /// One of the examples, as people copy it.
    pub(crate) fn example(&self, name: &str) -> Result<String> {
        let path = self.examples.join(name);
        fs::read_to_string(&path).doing(format_args!("read {}", path.display()))
    }

    /// A folder of this run.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).doing("make a folder")?;
        Ok(folder)
    }

    /// Writes a secret where only its owner reads it, and gives the file's path.
    pub(crate) fn secret(&self, name: &str, value: &str) -> Result<String> {
        let path = self.folder.join(name);
        fs::write(&path, value).doing("write a secret")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).doing("protect a secret")?;
        Ok(path.display().to_string())
    }

    /// The byway's data folder.
    pub(crate) fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    /// Sends a message, and gives its id.
    pub(crate) fn send(&self, to: &str, text: &str, more: &[&str]) -> Result<String> {
        let mut arguments = vec!["send", "--json", "--from", "planner", "--to", to];
        arguments.extend(more);
        arguments.extend(["--", text]);
        id_of(&self.byway.ask(&arguments)?)
    }

    /// Sends a message as another agent than `planner`, and gives its id.
    pub(crate) fn send_as(&self, from: &str, to: &str, text: &str) -> Result<String> {
        id_of(
            &self
                .byway
                .ask(&["send", "--json", "--from", from, "--to", to, "--", text])?,
        )
    }

    /// Sends a whole event, and gives its id.
    pub(crate) fn send_event(&self, event: &str) -> Result<String> {
        let path = self.folder.join("event.json");
        fs::write(&path, event).doing("write an event")?;
        let answer = self
            .byway
            .ask(&["send", "--json", "--event", &path.display().to_string()])?;
        id_of(&answer)
    }

    /// Waits until a message stands as is asked for, and gives how it stands, then or when the time is over.
    pub(crate) fn wait(
        &self,
        id: &str,
        at_most: Duration,
        is_so: impl Fn(&Standing) -> bool,
    ) -> Result<Standing> {
        let waited = self.deadline.wait_for("the message", at_most, || {
            let standing = self.standing(id)?;
            Ok(is_so(&standing).then_some(standing))
        });
        waited.or_else(|_| self.standing(id))
    }

    /// How a message stands.
    pub(crate) fn standing(&self, id: &str) -> Result<Standing> {
        let answer = self.byway.ask(&["show", id, "--json"])?;
        let word =
            |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        let attempts = answer.get("attempts").and_then(Value::as_array);
        let last = attempts
            .and_then(|attempts| attempts.last())
            .unwrap_or(&Value::Null);
        let reference = word(last, "reference");
        let by = attempts
            .into_iter()
            .flatten()
            .rfind(|attempt| word(attempt, "outcome") == "delivered" && word(attempt, "mode") == "deliver")
            .map_or_else(|| "-".to_owned(), |attempt| word(attempt, "transport"));
        let mut told: Vec<String> = attempts
            .into_iter()
            .flatten()
            // What was passed over was not tried.
            .filter(|attempt| word(attempt, "outcome") != "skipped")
            .map(|attempt| format!("{} {}", word(attempt, "outcome"), word(attempt, "code")))
            .collect();
        told.dedup();
        Ok(Standing {
            status: word(&answer, "status"),
            attempts: told,
            reference,
            by,
        })
    }
}

fn id_of(answer: &Value) -> Result<String> {
    let id = answer.get("id").and_then(Value::as_str);
    id.map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("`byway send` told no id: {answer}")))
}

impl Standing {
    /// Whether nothing more will happen to it.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "delivered" | "dead" | "expired")
    }

    /// For the table: the attempts, then what became of it.
    pub(crate) fn told(&self) -> String {
        format!("{} → {}", self.attempts.join(", "), self.status)
    }
}
