//! The whole file: text to a [`Config`], or everything that is wrong with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::disk::{read_retention, read_store};
use super::group::read_groups;
use super::inbound::read_inbound;
use super::instance::{read_agents, read_api, read_instance, read_limits, read_reload};
use super::keys;
use super::known::Known;
use super::model::Config;
use super::peer::read_peers;
use super::problem::{ConfigErrors, Problem};
use super::reader::Report;
use super::route::read_routes;
use super::source::{MARK, SourceText, key_part};
use super::transport::read_transports;
use crate::error_code::ErrorCode;

/// The largest file that is read: a configuration is written by hand.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Deeper than this nothing is looked at: no key of ours stands that deep.
const DEPTH_MAX: usize = 80;

/// Reads a configuration file. Errors name it as it was named here.
///
/// # Errors
/// Everything that is wrong with it; that it cannot be read is one such thing.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    let folder = std::path::absolute(path)
        .ok()
        .and_then(|path| path.parent().map(Path::to_owned));
    match read_file(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => read(&text, path, &folder.unwrap_or_default()),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let source = SourceText::new(path, &String::from_utf8_lossy(error.as_bytes()));
                let problem = Problem::new(
                    ErrorCode::ConfigSyntax,
                    source.place_at(valid),
                    "",
                    "the file is not UTF-8",
                );
                Err(ConfigErrors::new(vec![problem], source))
            }
        },
        Err(error) => {
            let source = SourceText::new(path, "");
            let message = format!("the file cannot be read: {error}");
            let problem = Problem::new(ErrorCode::ConfigMissing, source.place_at(0), "", message);
            let fix = "name another with --config PATH or BYWAY_CONFIG, or look at its owner and mode";
            Err(ConfigErrors::new(vec![problem.with_fix(fix)], source))
        }
    }
}

/// What a broken file still says of where its byway is: `[instance]`, `[api]` and `[limits]`, and nothing else. A server that
/// runs goes on with what it had, and this is enough to find it. `None` where not even that can be read.
#[must_use]
pub fn sketch(path: &Path) -> Option<Config> {
    let text = String::from_utf8(read_file(path).ok()?).ok()?;
    let text = text.strip_prefix(MARK).unwrap_or(&text);
    let source = SourceText::new(path, text);
    let folder = std::path::absolute(path).ok()?.parent()?.to_owned();
    let (document, _) = DeTable::parse_recoverable(text);
    let report = Report::new(&source, &folder);
    let file = report.open(document.get_ref(), &keys::FILE);
    let sketch = Config {
        path: path.to_owned(),
        instance: read_instance(&file)?,
        api: read_api(&file),
        limits: read_limits(&file),
        store: read_store(&file),
        retention: read_retention(&file),
        reload: read_reload(&file),
        agents: None,
        groups: BTreeMap::new(),
        peers: BTreeMap::new(),
        inbound: BTreeMap::new(),
        transports: BTreeMap::new(),
        routes: Vec::new(),
        source: SourceText::default(),
    };
    Some(sketch)
}

/// Reads a configuration from text. `path` is where it is said to come from: errors name it, and
/// relative paths start from its folder. Touches no disk.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigErrors> {
    read(text, path, path.parent().unwrap_or(Path::new("")))
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(io::Error::other("it has more than 4 MiB"));
    }
    Ok(bytes)
}

fn read(text: &str, path: &Path, folder: &Path) -> Result<Config, ConfigErrors> {
    let text = text.strip_prefix(MARK).unwrap_or(text);
    let mut source = SourceText::new(path, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let problems = errors.iter().map(|error| syntax_problem(error, &source));
        return Err(ConfigErrors::new(first_of_each_line(problems), source));
    }
    let mut offsets = BTreeMap::new();
    note_offsets(document.get_ref(), "", DEPTH_MAX, &mut offsets);
    source.set_offsets(offsets);

    let report = Report::new(&source, folder);
    let config = read_tables(document.get_ref(), &report, path);
    let (problems, covered) = report.close();
    source.cover(covered);
    match config {
        Some(config) if problems.is_empty() => Ok(Config { source, ..config }),
        _ => Err(ConfigErrors::new(problems, source)),
    }
}

/// `None` only where a problem was reported.
fn read_tables(document: &DeTable<'_>, report: &Report<'_>, path: &Path) -> Option<Config> {
    let file = report.open(document, &keys::FILE);
    let instance = read_instance(&file);
    let api = read_api(&file);
    let limits = read_limits(&file);
    let store = read_store(&file);
    let retention = read_retention(&file);
    let reload = read_reload(&file);
    let agents = read_agents(&file);
    let own_name = instance.as_ref().map(|instance| instance.name.clone());
    let known = Known::new(&file, own_name, agents);
    let groups = read_groups(&file, &known);
    let peers = read_peers(&file, &known);
    let data_dir = instance.as_ref().map(|instance| instance.data_dir.as_path());
    let transports = read_transports(&file, data_dir);
    let inbound = read_inbound(&file, &known, &transports);
    let routes = read_routes(&file, &known);
    Some(Config {
        path: PathBuf::from(path),
        instance: instance?,
        api,
        limits,
        store,
        retention,
        reload,
        agents: known.agents,
        groups,
        peers,
        inbound,
        transports,
        routes,
        source: SourceText::default(),
    })
}

fn syntax_problem(error: &toml::de::Error, source: &SourceText) -> Problem {
    let at = error.span().map_or(0, |span| span.start);
    // The parser tells what it expected after a line break.
    let message = match error.message() {
        "duplicate key" => "this key or table is written twice".to_owned(),
        message => message.lines().collect::<Vec<_>>().join(", "),
    };
    Problem::new(ErrorCode::ConfigSyntax, source.place_at(at), "", message)
}

/// One slip makes the parser stumble several times on its line; the first time tells most.
fn first_of_each_line(problems: impl Iterator<Item = Problem>) -> Vec<Problem> {
    let mut kept: Vec<Problem> = problems.collect();
    kept.dedup_by_key(|problem| problem.place.line);
    kept
}

/// Notes where each key's value begins.
fn note_offsets(table: &DeTable<'_>, path: &str, depth: usize, offsets: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let key = key_part(key.get_ref());
        let path = if path.is_empty() {
            key
        } else {
            format!("{path}.{key}")
        };
        note_value(value.get_ref(), path, value.span().start, depth, offsets);
    }
}

fn note_value(
    value: &DeValue<'_>,
    path: String,
    offset: usize,
    depth: usize,
    offsets: &mut BTreeMap<String, usize>,
) {
    let Some(deeper) = depth.checked_sub(1) else {
        return;
    };
    if let Some(table) = value.as_table() {
        note_offsets(table, &path, deeper, offsets);
    }
    for (index, element) in value.as_array().into_iter().flatten().enumerate() {
        let path = format!("{path}[{index}]");
        note_value(element.get_ref(), path, element.span().start, deeper, offsets);
    }
    offsets.insert(path, offset);
}
