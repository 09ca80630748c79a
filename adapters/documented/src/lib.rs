//! The configurations that people copy: those in `docs/adapters` and in `examples`.
//!
//! Each adapter's tests take the transports that use it from here and put them through its own `check`, so a
//! page that shows a wrong key, or grants too little, fails the build.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use byway_adapter::Needs;
use serde_json::Value;

/// A transport that somebody can copy.
#[derive(Clone, Debug)]
pub struct Documented {
    /// Its file and its name, for a test's message.
    pub place: String,
    /// Its `config` table as JSON.
    pub config: String,
    table: Value,
}

/// The transports in `docs/adapters` and `examples` that use `builtin:<adapter>`.
///
/// # Errors
/// Where a file cannot be read or is no TOML.
pub fn transports(adapter: &str) -> Result<Vec<Documented>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for file in files(&root)? {
        let text = fs::read_to_string(&file)?;
        let is_page = file.extension().is_some_and(|extension| extension == "md");
        let configurations = if is_page {
            blocks(&text)
        } else {
            vec![text.as_str()]
        };
        for configuration in configurations {
            let whole: Value =
                toml::from_str(configuration).map_err(|error| format!("{}: {error}", file.display()))?;
            found.extend(transports_of(&whole, adapter, &file));
        }
    }
    Ok(found)
}

impl Documented {
    /// What the configuration needs and the table beside it does not grant.
    #[must_use]
    pub fn not_granted(&self, needs: &Needs) -> Vec<String> {
        let texts = |pointer: &str| -> Vec<&str> {
            let list = self.table.pointer(pointer).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).collect()
        };
        let has = |pointer: String| self.table.pointer(&pointer).is_some();
        let folders = self.table.pointer("/grants/folders").and_then(Value::as_array);
        let folders: Vec<&Value> = folders.into_iter().flatten().collect();
        let http = texts("/grants/http");

        let mut missing: Vec<String> = needs
            .http
            .iter()
            .filter(|need| !http.contains(&need.as_str()))
            .cloned()
            .collect();
        missing.extend(
            needs
                .commands
                .iter()
                .filter(|name| !has(format!("/grants/commands/{name}")))
                .cloned(),
        );
        missing.extend(
            needs
                .signers
                .iter()
                .filter(|name| !has(format!("/signers/{name}")))
                .cloned(),
        );
        for need in &needs.folders {
            let granted = folders.iter().any(|grant| {
                grant.get("path").and_then(Value::as_str) == Some(&need.path)
                    && grant.get("access").and_then(Value::as_str) == Some(&need.access)
            });
            if !granted {
                missing.push(format!("{} {}", need.access, need.path));
            }
        }
        for need in &needs.secrets {
            let bound = texts(&format!("/secrets/{}/in", need.name));
            let unbound = need
                .positions
                .iter()
                .filter(|position| !bound.contains(&position.as_str()));
            missing.extend(unbound.map(|position| format!("{} in {position}", need.name)));
        }
        missing
    }
}

fn transports_of(whole: &Value, adapter: &str, file: &Path) -> Vec<Documented> {
    let uses = Value::from(format!("builtin:{adapter}"));
    let transports = whole.get("transports").and_then(Value::as_object);
    transports
        .into_iter()
        .flatten()
        .filter(|(_, table)| table.get("adapter") == Some(&uses))
        .map(|(name, table)| Documented {
            place: format!("{} [transports.{name}]", file.display()),
            config: table
                .get("config")
                .map_or_else(|| "{}".to_owned(), Value::to_string),
            table: table.clone(),
        })
        .collect()
}

/// The blocks of TOML in a page.
fn blocks(page: &str) -> Vec<&str> {
    page.split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

/// The pages about adapters, and the configurations one folder deep in `examples`.
fn files(root: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let inside = |folder: &Path| -> Result<Vec<PathBuf>, std::io::Error> {
        fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect()
    };
    let mut files = inside(&root.join("docs/adapters"))?;
    for example in inside(&root.join("examples"))?
        .iter()
        .filter(|path| path.is_dir())
    {
        files.extend(
            inside(example)?
                .into_iter()
                .filter(|path| path.extension().is_some_and(|kind| kind == "toml")),
        );
    }
    files.retain(|file| file.is_file());
    files.sort();
    Ok(files)
}
