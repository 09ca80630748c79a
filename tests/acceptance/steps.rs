//! Does what a case's steps say, one after the other, and notes what each of them showed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::behind_its_back;
use crate::case::{Case, Messages, Run, Step, Wait};
use crate::exchange;
use crate::http::Request;
use crate::normal;
use crate::wait;
use crate::world::{Sent, World};

/// All steps of a case.
pub fn all(world: &mut World, case: &Case) -> Result<(), String> {
    for (place, step) in case.steps.iter().enumerate() {
        one(world, step).map_err(|why| format!("step {}: {why}", place + 1))?;
    }
    Ok(())
}

fn one(world: &mut World, step: &Step) -> Result<(), String> {
    match step {
        Step::Start { byway } => world.start(byway),
        Step::Stop { byway } => stop(world, byway),
        Step::Kill { byway } => {
            world.take_server(byway)?.kill();
            Ok(())
        }
        Step::Configure { byway, with } => world.configure(byway, with),
        Step::Send(messages) => send(world, messages),
        Step::Run(run) => run_verb(world, run),
        Step::Call(call) => exchange::call(world, call),
        Step::Say(say) => {
            let text = world.words.fill_in(&say.text)?;
            let reply_to = say.reply_to.as_deref().map(|words| world.words.fill_in(words));
            world
                .far(&say.far)?
                .hear(say, &text, reply_to.transpose()?.as_deref())
        }
        Step::Replay(replay) => exchange::replay(world, replay),
        Step::Wait(what) => wait::until(&format!("{what:?}"), || is_so(world, what)),
        Step::Write {
            path,
            text,
            hex,
            secret,
        } => write(world, path, text, hex.as_deref(), *secret),
        Step::Folder { path } => {
            std::fs::create_dir_all(world.path(path)?).map_err(|error| error.to_string())
        }
        Step::Tamper { byway, sql } => behind_its_back::tamper(world.data(byway)?, sql),
        Step::Prune { byway } => behind_its_back::prune(world.data(byway)?),
        Step::Notes { path } => notes(world, path),
        Step::Files { path } => {
            let names = file_names(&world.path(path)?);
            world
                .noted
                .push(json!({ "files": { "in": path, "names": names } }));
            Ok(())
        }
    }
}

fn stop(world: &mut World, byway: &str) -> Result<(), String> {
    let status = world.take_server(byway)?.stop()?;
    world.noted.push(json!({ "stop": byway, "exit": status.code() }));
    Ok(())
}

fn send(world: &mut World, messages: &Messages) -> Result<(), String> {
    for number in 1..=messages.times.unwrap_or(1) {
        world.words.set("n", &number.to_string());
        let text = text(messages, world)?;
        let name = match messages.times {
            Some(_) => format!("{}-{number}", messages.name),
            None => messages.name.clone(),
        };
        let to = world.words.fill_in(&messages.to)?;
        let body = json!({ "to": to, "from": messages.from, "text": text });
        let headers = vec![
            (
                "authorization".to_owned(),
                format!("Bearer {}", world.admin_token(&messages.byway)?),
            ),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let request = Request {
            method: "POST".into(),
            path: "/v1/messages".into(),
            headers,
            body: body.to_string().into_bytes(),
        };
        let response = world.call(&messages.byway, &request)?;
        let answer = response.json();
        let id = answer.pointer("/id").and_then(Value::as_str);
        let (202, Some(id)) = (response.status, id) else {
            return Err(format!(
                "`{name}` was not accepted: {} {}",
                response.status,
                response.text()
            ));
        };
        world.words.set(&format!("{name}.id"), id);
        let sent = Sent {
            byway: messages.byway.clone(),
            id: id.to_owned(),
            to: Some(to),
            text: Some(text),
        };
        world.messages.insert(name, sent);
    }
    world.words.set("n", "");
    Ok(())
}

fn text(messages: &Messages, world: &World) -> Result<String, String> {
    match (&messages.text, messages.hard_text, messages.long_text) {
        (Some(text), None, None) => world.words.fill_in(text),
        (None, Some(bytes), None) => Ok(hard_text(bytes)),
        (None, None, Some(bytes)) => Ok(long_text(&messages.name, &world.words.fill_in("{{n}}")?, bytes)),
        _ => Err("a message has one of text, hard_text and long_text".into()),
    }
}

/// What shells, terminals and careless programs trip over, filled up to exactly so many bytes.
fn hard_text(bytes: usize) -> String {
    let hard = "--help -rf -\n- \"double\" 'single' \\\"both\\' `id` $(id) ${HOME} $((1+1)) %s %n \\n \\0 !! ~ * ? [a-z] {x,y}\n\
         \t tab; semicolon & ampersand && || | > /dev/null < # no comment \r\n中文:你好,世界 — é ß 🚀\n\
         '; exit 1; echo '\n\"; exit 1; echo \"\nEOF\n.\n\n  leading and trailing blanks  \n";
    let mut text = String::with_capacity(bytes);
    while text.len() + hard.len() <= bytes {
        text.push_str(hard);
    }
    while text.len() < bytes {
        text.push('.');
    }
    text
}

/// Lines that all say whose they are, so that a torn or mixed entry shows.
fn long_text(name: &str, number: &str, bytes: usize) -> String {
    let line = format!("{name} {number} ");
    let mut text = String::new();
    while text.len() < bytes {
        text.push_str(&line.repeat(8));
        text.push('\n');
    }
    text.trim_end().to_owned()
}

fn run_verb(world: &mut World, run: &Run) -> Result<(), String> {
    let args = run
        .args
        .iter()
        .map(|arg| world.words.fill_in(arg))
        .collect::<Result<Vec<_>, _>>()?;
    let stdin = run
        .stdin
        .as_ref()
        .map(|text| world.words.fill_in(text))
        .transpose()?;
    let ran = world.run(&run.byway, &args, stdin.as_deref().map(str::as_bytes))?;
    let whole = format!(
        "--- exit {:?}\n--- stdout\n{}\n--- stderr\n{}",
        ran.code, ran.stdout, ran.stderr
    );
    for (wanted, text) in [(&run.stdout, &ran.stdout), (&run.stderr, &ran.stderr)] {
        for words in wanted {
            let words = world.words.fill_in(words)?;
            if !text.contains(&words) {
                return Err(format!(
                    "`byway {}` does not say `{words}`:\n{whole}",
                    args.join(" ")
                ));
            }
        }
    }
    exchange::never(&run.never, &whole)?;
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
    if let Some(name) = &run.name {
        exchange::name_message(world, name, &run.byway, &answer).map_err(|why| format!("{why}\n{whole}"))?;
    }
    world.noted.push(json!({
        "run": run.args.join(" "),
        "exit": ran.code,
        "picked": exchange::picked(&answer, &run.pick),
    }));
    Ok(())
}

/// Nothing where everything that is waited for is so, else what is not.
fn is_so(world: &World, what: &Wait) -> Result<(), String> {
    if let Some(name) = &what.message {
        let sent = world.message(name)?;
        let view = world
            .get(&sent.byway, &format!("/v1/messages/{}", sent.id))?
            .json();
        let is = view
            .pointer("/status")
            .and_then(Value::as_str)
            .unwrap_or("(none)");
        let attempts = view
            .pointer("/attempts")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        let receipt = view.pointer("/receipt").and_then(Value::as_str);
        if what.status.as_deref().is_some_and(|status| status != is)
            || (what.receipt.is_some() && what.receipt.as_deref() != receipt)
            || what.attempts.is_some_and(|most| attempts < most)
        {
            return Err(view.to_string());
        }
    }
    if let (Some(inbox), Some(messages)) = (&what.inbox, what.messages) {
        let items = exchange::inbox(world, inbox)?.len();
        at_least(items, messages, "messages")?;
    }
    if let (Some(far), Some(requests)) = (&what.far, what.requests) {
        at_least(world.far(far)?.seen().len(), requests, "requests")?;
    }
    if let (Some(byway), Some(words)) = (&what.byway, &what.log) {
        let words = world.words.fill_in(words)?;
        if !world.log(byway)?.contains(&words) {
            return Err(format!("`{words}` is not in the log"));
        }
    }
    if let (Some(folder), Some(files)) = (&what.folder, what.files) {
        at_least(file_names(&world.path(folder)?).len(), files, "files")?;
    }
    Ok(())
}

fn at_least(found: usize, wanted: usize, what: &str) -> Result<(), String> {
    if found >= wanted {
        Ok(())
    } else {
        Err(format!("{found} {what}"))
    }
}

fn write(world: &mut World, path: &str, text: &str, hex: Option<&str>, secret: bool) -> Result<(), String> {
    let given = path;
    let (path, text) = (world.path(given)?, world.words.fill_in(text)?);
    let bytes = match hex {
        Some(hex) => bytes_of(hex)?,
        None => text.clone().into_bytes(),
    };
    // Whole or not at all: byway may read it at any time.
    let draft = path.with_extension("draft");
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::write(&draft, bytes).map_err(wrong)?;
    if secret {
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600)).map_err(wrong)?;
        world.secrets.insert(text.trim().to_owned());
        world.words.set(&format!("secret.{given}"), text.trim());
    }
    std::fs::rename(&draft, &path).map_err(wrong)
}

fn bytes_of(hex: &str) -> Result<Vec<u8>, String> {
    let digits: String = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let pair = |place: usize| {
        digits
            .get(place..place + 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    (0..digits.len())
        .step_by(2)
        .map(|place| pair(place).ok_or_else(|| format!("`{hex}` is not hexadecimal")))
        .collect()
}

/// The entries of a memory folder, sorted, since their order is chance where two byways write.
fn notes(world: &mut World, path: &str) -> Result<(), String> {
    let folder = world.path(path)?;
    let mut entries = Vec::new();
    for name in file_names(&folder).iter().filter(|name| name.ends_with(".md")) {
        let text = std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())?;
        let mut parts = text.split("\n## ");
        let before = parts.next().unwrap_or_default();
        let first = before.strip_prefix("## ").map(str::to_owned);
        entries.extend(
            first
                .into_iter()
                .chain(parts.map(str::to_owned))
                .map(|entry| entry_in_short(&entry)),
        );
    }
    entries.sort_by_key(Value::to_string);
    world.noted.push(json!({ "notes": entries }));
    Ok(())
}

fn entry_in_short(entry: &str) -> Value {
    let (heading, body) = entry.split_once('\n').unwrap_or((entry, ""));
    json!({ "heading": heading, "text": normal::in_short(body.trim()) })
}

fn file_names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
