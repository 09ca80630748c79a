//! The fault matrix: everything a far side can do wrong, over the real webhook adapter in the real sandbox.
//!
//! `faults.toml` says what each fault is called and what follows; byway is asked what it made of it, and the far side
//! how often it was called. The table in `docs/proofs.md` is made from the same file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::peer::{Doing, Peer, Then};
use crate::site::Site;
use crate::wait;

const TABLE: &str = include_str!("faults.toml");
const BEGIN: &str = "<!-- made from host/tests/torture/faults.toml -->\n";
const END: &str = "<!-- to here -->\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    then: BTreeMap<String, Next>,
    fault: Vec<Fault>,
    status: Vec<Statuses>,
}

/// What follows an outcome.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    alone: String,
    beside: String,
    one_inbox: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    name: String,
    what: String,
    does: Doing,
    /// Where it is reached, if not at its own port.
    url: Option<String>,
    #[serde(default)]
    tls: bool,
    outcome: String,
    /// The outcome where the far side recognises a repetition, if it is another.
    idempotent: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statuses {
    statuses: Vec<u16>,
    outcome: String,
    idempotent: Option<String>,
}

impl Matrix {
    fn read() -> Self {
        toml::from_str(TABLE).unwrap_or_else(|error| panic!("faults.toml: {error}"))
    }

    /// Every fault, each status as one of its own.
    fn faults(&self) -> Vec<Fault> {
        let statuses = self.status.iter().flat_map(|group| {
            group.statuses.iter().map(|status| Fault {
                name: format!("status-{status}"),
                what: format!("answers {status}"),
                does: Doing::Say {
                    text: format!("HTTP/1.1 {status} Word\r\ncontent-length: 0\r\n\r\n"),
                    after_ms: 0,
                    then: Then::Keep,
                },
                url: None,
                tls: false,
                outcome: group.outcome.clone(),
                idempotent: group.idempotent.clone(),
            })
        });
        self.fault.iter().cloned().chain(statuses).collect()
    }
}

/// What a message meets: the fault alone, beside a way elsewhere, or beside a way into the same inbox.
const SETTINGS: [&str; 3] = ["alone", "beside", "one_inbox"];

#[test]
fn every_fault_has_its_outcome_and_its_next_step() {
    let matrix = Matrix::read();
    let faults = matrix.faults();
    let dir = tempfile::TempDir::with_prefix("byway-faults-").unwrap();
    let site = Site::prepare("a", dir.path());
    let good = Peer::start(Doing::Say {
        text: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".into(),
        after_ms: 0,
        then: Then::Keep,
    });
    let peers: Vec<Peer> = faults
        .iter()
        .map(|fault| Peer::start(doing(fault, &good)))
        .collect();
    let mut tables = good_ways(&good);
    for (fault, peer) in faults.iter().zip(&peers) {
        tables.push_str(&ways(fault, peer));
    }
    site.configure(&tables);
    let server = site.start();
    let mut sent = Vec::new();
    for fault in &faults {
        for setting in SETTINGS {
            sent.push((fault, setting, send(&site, fault, setting)));
        }
    }
    let mut wrong = String::new();
    for (number, (fault, setting, id)) in sent.iter().enumerate() {
        let message = first_attempt_of(&site, id);
        let judged = judge(&matrix, fault, setting, &message)
            .and_then(|()| was_called_once(fault, setting, &peers[number / SETTINGS.len()], &message));
        if let Err(why) = judged {
            writeln!(wrong, "{} {setting}: {why}", fault.name).unwrap();
        }
    }
    server.stop().unwrap();
    assert_eq!(good.heard("/ok/redirected"), 0, "a redirection was followed");
    assert!(wrong.is_empty(), "\n{wrong}");
    println!(
        "fault matrix: {} faults, {} messages, each with the outcome and the next step it should have",
        faults.len(),
        sent.len()
    );
}

fn doing(fault: &Fault, good: &Peer) -> Doing {
    match fault.does.clone() {
        Doing::Say { text, after_ms, then } => Doing::Say {
            text: text.replace("{good}", &good.url()),
            after_ms,
            then,
        },
        other => other,
    }
}

fn good_ways(good: &Peer) -> String {
    let url = good.url();
    format!(
        "[transports.good]\nadapter = \"builtin:webhook\"\nconfig = {{ url = \"{url}/ok/{{agent}}\" }}\n\
         grants.http = [\"POST {url}/ok/*\"]\n\
         [transports.good-inbox]\nadapter = \"builtin:webhook\"\n\
         config = {{ url = \"{url}/ok/{{agent}}\", format = \"cloudevents\" }}\ngrants.http = [\"POST {url}/ok/*\"]\n\
         dedupe = \"inbox\"\n"
    )
}

/// Two transports to a faulty far side, and three routes.
fn ways(fault: &Fault, peer: &Peer) -> String {
    let name = &fault.name;
    let mut url = fault.url.clone().unwrap_or_else(|| peer.url());
    if fault.tls {
        url = url.replacen("http:", "https:", 1);
    }
    let transport = |name: &str, config: &str, more: &str| {
        format!(
            "[transports.{name}]\nadapter = \"builtin:webhook\"\nconfig = {{ url = \"{url}/{{agent}}\"{config} }}\n\
             grants.http = [\"POST {url}/*\"]\ntimeout = \"2s\"\nanswer_max = \"64KiB\"\n{more}"
        )
    };
    let route = |setting: &str, chain: &str| {
        format!(
            "[[routes]]\nto = \"{name}-{setting}@far\"\nchain = [{chain}]\ndeadline = \"1h\"\n\
             backoff = {{ first = \"10m\", max = \"10m\" }}\n"
        )
    };
    [
        transport(name, "", ""),
        transport(
            &format!("{name}-inbox"),
            ", format = \"cloudevents\"",
            "dedupe = \"inbox\"\n",
        ),
        route("alone", &format!("\"{name}\"")),
        route("beside", &format!("\"{name}\", \"good\"")),
        route("one_inbox", &format!("\"{name}-inbox\", \"good-inbox\"")),
    ]
    .concat()
}

fn send(site: &Site, fault: &Fault, setting: &str) -> String {
    let body = json!({ "to": format!("{}-{setting}@far", fault.name), "text": "hello" });
    let answer = site.call("POST", "/v1/messages", &[], &body.to_string()).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// The message, once something has been tried and byway rests.
fn first_attempt_of(site: &Site, id: &str) -> Value {
    wait::until("the first round to be over", || {
        let message = site.get(&format!("/v1/messages/{id}"));
        let tried = message["attempts"].as_array().is_some_and(|all| !all.is_empty());
        // While it is worked on, it is due; the next round of one that waits lies in the future.
        let now = jiff::Timestamp::now();
        let rests = message["next_at"]
            .as_str()
            .is_none_or(|next| next.parse::<jiff::Timestamp>().is_ok_and(|next| next > now));
        if tried && rests {
            Ok(message)
        } else {
            Err(message.to_string())
        }
    })
    .unwrap()
}

fn judge(matrix: &Matrix, fault: &Fault, setting: &str, message: &Value) -> Result<(), String> {
    let attempts = message["attempts"].as_array().ok_or("no attempts")?;
    let first = &attempts[0];
    let outcome = first["outcome"].as_str().unwrap_or_default();
    let wanted = match (setting, &fault.idempotent) {
        ("one_inbox", Some(outcome)) => outcome,
        _ => &fault.outcome,
    };
    let shown = || {
        attempts
            .iter()
            .map(|it| {
                format!(
                    "{} {} {}: {}; ",
                    it["transport"], it["outcome"], it["code"], it["message"]
                )
            })
            .collect::<String>()
    };
    if outcome != wanted {
        return Err(format!("{outcome}, not {wanted}: {}", shown()));
    }
    if outcome != "delivered" && first["message"].as_str().is_none_or(|it| it.is_empty()) {
        return Err(format!("it does not say why: {}", shown()));
    }
    let then = &matrix.then[wanted];
    let wanted = match setting {
        "alone" => &then.alone,
        "beside" => &then.beside,
        _ => &then.one_inbox,
    };
    let by_another = attempts
        .iter()
        .any(|it| it["outcome"] == "delivered" && it["transport"] != first["transport"]);
    let status = message["status"].as_str().unwrap_or_default();
    let next = match status {
        "delivered" if by_another => "next",
        "delivered" => "done",
        "waiting" => "waits",
        other => other,
    };
    if next != wanted {
        return Err(format!("then {next}, not {wanted}: {}", shown()));
    }
    Ok(())
}

/// One request an attempt: nothing beneath the engine repeats one by itself.
fn was_called_once(fault: &Fault, setting: &str, peer: &Peer, message: &Value) -> Result<(), String> {
    let reads = !fault.tls && !matches!(fault.does, Doing::Refuse | Doing::Deaf | Doing::CloseAtOnce);
    let heard = peer.heard(&format!("/{}-{setting}", fault.name));
    // One that waits may have been tried again by now.
    if message["status"] != "waiting" && heard != usize::from(reads) {
        return Err(format!("the far side heard {heard} requests"));
    }
    Ok(())
}

#[test]
fn the_page_has_the_table_of_the_faults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proofs.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the page has no place for the table");
    let (_, after) = rest.split_once(END).expect("the table has no end");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table(&Matrix::read()));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert!(
            page == wanted,
            "docs/proofs.md has another table; BLESS=1 writes this one"
        );
    }
}

fn table(matrix: &Matrix) -> String {
    let mut text = "\n| the far side | the attempt is | the only way | a second way | a second way into the same inbox |\n\
                    | --- | --- | --- | --- | --- |\n"
        .to_owned();
    let mut row = |what: &str, outcome: &str, idempotent: Option<&String>| {
        let (then, one) = (
            &matrix.then[outcome],
            &matrix.then[idempotent.map_or(outcome, String::as_str)],
        );
        let shown = idempotent.map_or(outcome.to_owned(), |other| {
            format!("{outcome}; {other} where it recognises a repetition")
        });
        writeln!(
            text,
            "| {what} | {shown} | {} | {} | {} |",
            then.alone, then.beside, one.one_inbox
        )
        .unwrap();
    };
    for fault in &matrix.fault {
        row(&fault.what, &fault.outcome, fault.idempotent.as_ref());
    }
    for group in &matrix.status {
        let statuses: Vec<String> = group.statuses.iter().map(u16::to_string).collect();
        row(
            &format!("answers {}", statuses.join(", ")),
            &group.outcome,
            group.idempotent.as_ref(),
        );
    }
    text.push('\n');
    text
}
