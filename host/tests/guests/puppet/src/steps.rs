//! The steps.

use serde_json::Value;

use crate::byway::transport::types::{Attempt, Denial, Envelope, Failure, FailureKind, Header};
use crate::byway::transport::{command, config, files, log, progress, secrets, signer, websocket};
use crate::socket::Socket;
use crate::{failure, tricks, web};

pub(crate) struct Puppet {
    pub(crate) config: Value,
    /// What the last step brought, as text; becomes the receipt's detail.
    pub(crate) last: String,
    envelope: Option<Envelope>,
    attempt: Option<Attempt>,
    socket: Socket,
}

impl Puppet {
    pub(crate) fn new(envelope: Option<Envelope>, attempt: Option<Attempt>) -> Self {
        Self {
            config: serde_json::from_str(&config::get()).unwrap(),
            last: String::new(),
            envelope,
            attempt,
            socket: Socket::default(),
        }
    }

    pub(crate) fn play(&mut self, scene: &str) -> Result<(), Failure> {
        for step in self.config[scene].as_array().cloned().unwrap_or_default() {
            let (name, value) = step.as_object().unwrap().iter().next().unwrap();
            self.step(name, value)?;
        }
        Ok(())
    }

    fn step(&mut self, name: &str, value: &Value) -> Result<(), Failure> {
        let mut socket = std::mem::take(&mut self.socket);
        let spoken = socket.step(name, value, &|text| self.fill(text));
        self.socket = socket;
        if let Some(brought) = spoken {
            if let Some(brought) = brought? {
                self.last = brought;
            }
            return Ok(());
        }
        match name {
            // {"method", "url", "headers": {}, "chunks": [text]}: a failure unless the answer is 2xx.
            "http" => self.last = web::request(value, &|text| self.fill(text))?,
            // The same in one call.
            "request" => self.last = web::whole(value, &|text| self.fill(text))?,
            "command" => self.command(value)?,
            "append" => denied(files::append_record(
                &text(&value["folder"]),
                &text(&value["name"]),
                self.fill(&text(&value["bytes"])).as_bytes(),
            ))?,
            "drop" => denied(files::drop(
                &text(&value["folder"]),
                &self.fill(&text(&value["name"])),
                self.fill(&text(&value["bytes"])).as_bytes(),
            ))?,
            "list" => self.last = denied(files::list(&text(value), "", 100))?.join(","),
            "claim" => {
                let claimed = denied(files::claim(&text(&value["folder"]), &text(&value["name"])))?;
                self.last = String::from_utf8(claimed.bytes).unwrap();
            }
            "release" => denied(files::release(&text(&value["folder"]), &text(&value["name"])))?,
            "read" => {
                self.last = std::fs::read_to_string(text(value))
                    .map_err(|error| failure(FailureKind::Refused, "read", &error.to_string()))?;
            }
            "write" => std::fs::write(text(value), "x")
                .map_err(|error| failure(FailureKind::Refused, "write", &error.to_string()))?,
            "environment" => {
                let names: Vec<String> = std::env::vars()
                    .map(|(name, _)| name)
                    .chain(std::env::args())
                    .collect();
                self.last = names.join(",");
            }
            "save" => denied(progress::save(self.fill(&text(value)).as_bytes()))?,
            "sign" => {
                let headers = denied(signer::standard_webhook(
                    &text(&value["key"]),
                    &self.fill(&text(&value["id"])),
                    self.fill(&text(&value["body"])).as_bytes(),
                ))?;
                self.last = headers
                    .iter()
                    .map(|it| format!("{}={}", it.name, it.value))
                    .collect::<Vec<_>>()
                    .join(" ");
            }
            "websocket" => {
                denied(websocket::open(&text(value), &[]))?;
            }
            "log" => {
                let times = value["times"].as_u64().unwrap_or(1);
                for _ in 0..times {
                    log::write(log::Level::Info, &self.fill(&text(&value["text"])));
                }
            }
            // A step that may fail; its code is what it brought.
            "try" => {
                let (name, value) = value.as_object().unwrap().iter().next().unwrap();
                if let Err(failure) = self.step(name, value) {
                    self.last = failure.code;
                }
            }
            "last" => self.last = self.fill(&text(value)),
            "trick" => self.last = tricks::with_files(value)?,
            "fail" => return Err(self.fail(value)),
            _ => misbehave(name, value),
        }
        Ok(())
    }

    fn command(&mut self, value: &Value) -> Result<(), Failure> {
        let parameters: Vec<Header> = value["parameters"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| Header {
                name: name.clone(),
                value: self.fill(&text(value)),
            })
            .collect();
        let stdin = match value["stdin"].as_str() {
            Some(text) => command::Input::Bytes(self.fill(text).into_bytes()),
            None => command::Input::Nothing,
        };
        let output = denied(command::run(&text(&value["name"]), &parameters, &stdin))?;
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        self.last = match output.ending {
            command::Ending::Exited(code) => format!("exited {code}: {stdout}{stderr}"),
            command::Ending::Signalled(signal) => format!("signalled {signal}: {stdout}{stderr}"),
        };
        if output.truncated {
            self.last.push_str(" (truncated)");
        }
        Ok(())
    }

    fn fail(&self, value: &Value) -> Failure {
        let kind = match value["kind"].as_str().unwrap_or("retryable") {
            "retryable" => FailureKind::Retryable,
            "unavailable" => FailureKind::Unavailable,
            "refused" => FailureKind::Refused,
            "unknown" => FailureKind::Unknown,
            other => FailureKind::Other(other.into()),
        };
        failure(kind, &text(&value["code"]), &self.fill(&text(&value["message"])))
    }

    /// Puts in what is known: `$secret:NAME` is a reference, `$last` what the last step brought.
    fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for name in ["token", "other"] {
            let place = format!("$secret:{name}");
            if filled.contains(&place) {
                let reference = secrets::reference(name).unwrap_or_else(|denial| denial.code);
                filled = filled.replace(&place, &reference);
            }
        }
        filled = filled.replace("$last", &self.last);
        if let Some(envelope) = &self.envelope {
            let attributes: Vec<String> = envelope
                .attributes
                .iter()
                .map(|it| format!("{}={}", it.name, it.value))
                .collect();
            filled = filled
                .replace("$id", &envelope.id)
                .replace("$attributes", &attributes.join(" "));
        }
        if let Some(attempt) = &self.attempt {
            let progress = attempt.progress.clone().unwrap_or_default();
            filled = filled.replace("$progress", &String::from_utf8_lossy(&progress));
        }
        filled
    }
}

/// What only a hostile or broken adapter does.
fn misbehave(name: &str, value: &Value) {
    match name {
        "loop" => spin(),
        "sleep" => std::thread::sleep(std::time::Duration::from_millis(value.as_u64().unwrap())),
        "trap" => panic!("told to"),
        "exit" => std::process::exit(value.as_i64().unwrap() as i32),
        "recurse" => {
            std::hint::black_box(recurse(1));
        }
        // Grows until it is refused, touching every page.
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        // Asks politely for more than there is, and goes on without.
        "memory-try" => {
            let mut bytes: Vec<u8> = Vec::new();
            assert!(bytes.try_reserve(value.as_u64().unwrap() as usize).is_err());
        }
        // Hands the host a text of so many bytes at once.
        "flood" => log::write(log::Level::Info, &"x".repeat(value.as_u64().unwrap() as usize)),
        "handles" => loop {
            std::mem::forget(wasip2::http::types::Fields::new());
        },
        _ => tricks::flood(name, value),
    }
}

pub(crate) fn spin() -> ! {
    let mut number = 0_u64;
    loop {
        number = std::hint::black_box(number.wrapping_add(1));
    }
}

#[allow(unconditional_recursion, reason = "that is what it is for")]
fn recurse(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 64]);
    recurse(depth + room[0]) + 1
}

fn denied<T>(result: Result<T, Denial>) -> Result<T, Failure> {
    result.map_err(|denial| failure(FailureKind::Refused, &denial.code, &denial.message))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}
