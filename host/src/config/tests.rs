//! The room as a whole, from its front: what is said of wrong files, and what right ones mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::error_code::ErrorCode;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config_errors");
const PAGES: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/approval.md"),
];

/// A configuration in which every key stands.
const EVERY_KEY: &str = r#"
instance = { name = "a", data_dir = "/d", durability = "process" }
api.listen = "[::1]:1"
limits = { data_bytes_max = 17, attempts_at_once_max = 2 }
reload.watch = false
agents.names = ["planner"]
[store]
disk_max = "2GiB"
free_min = "64MiB"
[retention]
delivered = "1d"
dead = "2d"
processed = "3d"
journal = "4d"
[groups.team]
members = ["planner@a", "x@b"]
[peers.b]
key = "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
senders = ["x@b"]
recipients = ["planner@a"]
may_relay = ["*@c"]
[inbound.ops]
token = { file = "ops.token" }
recipients = ["planner@a"]
[transports.t]
adapter = "builtin:webhook"
sha256 = "0101010101010101010101010101010101010101010101010101010101010101"
config = { n = 1, big = 18446744073709551615, f = 1.5, day = 2026-01-02, list = [true, { a = "b" }] }
authority = "owner"
dedupe = "inbox:b"
proxy = "http://Proxy.example"
proxy_auth = { env = "PROXY" }
receive = {}
timeout = "1s"
at_once_max = 3
memory_max = "16MiB"
answer_max = 4096
log_lines_max = 0
breaker = { failures = 1, pause = "1ms" }
rate = { limit = "30/min", burst = 7 }
signers = { one = { env = "KEY" }, two = { keys = [{ file = "/new" }, { env = "OLD" }] } }
secrets.token = { env = "TOKEN", in = ["header:Authorization", "url-path"] }
[transports.t.grants]
http = ["https://example.org/*", { allow = "POST http://b:1/x", effect = false, private = true }]
folders = [{ path = "notes", access = "append" }]
[transports.t.grants.commands.run]
argv = ["./run", "--to={session}", "--", "{text}"]
stdin = "adapter"
env = { A = "b" }
env_pass = ["PATH"]
cwd = "work"
effect = false
[[routes]]
to = "*@b"
from = "planner@a"
chain = [{ notify = "u" }, { deliver = "t", after = "u" }]
deadline = "30d"
strategy = "exhaust"
tries = 2
on_unknown = "continue"
done_at = "peer-receipt"
allow_owner = true
approval = true
approval_expiry = "1h"
on_approval_expiry = "deliver"
approval_notice = "ops@people"
approvers = { ops = ["anna", "bert"] }
backoff = { first = "1s", max = "1s" }
on_block = "wait"
[[routes]]
to = "ops@people"
chain = ["t"]
[transports.u]
adapter = "builtin:file"
receive = { every = "500ms" }
"#;

const SMALL: &str = "[instance]\nname = \"a\"\ndata_dir = \"data\"\n";

fn read(text: &str) -> Config {
    parse(text, Path::new("/etc/byway/byway.toml")).unwrap_or_else(|errors| panic!("{errors}"))
}

fn refused(text: &str) -> Vec<Problem> {
    parse(text, Path::new("byway.toml"))
        .unwrap_err()
        .problems()
        .to_vec()
}

/// The examples of the pages, those that are whole configurations.
fn page_examples() -> Vec<String> {
    let page: String = PAGES
        .iter()
        .map(|page| std::fs::read_to_string(page).unwrap())
        .collect();
    let blocks = page.split("```toml\n").skip(1);
    let examples: Vec<String> = blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .filter(|block| block.contains("[instance]"))
        .collect();
    assert!(!examples.is_empty(), "the page has no whole configuration");
    examples
}

#[test]
fn every_wrong_configuration_is_told_as_agreed() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(CASES).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        count += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let name = PathBuf::from(path.file_name().unwrap());
        let told = match parse(&text, &name) {
            Ok(_) => panic!("{} is a right configuration", name.display()),
            Err(errors) => format!("{errors}\n"),
        };
        let golden = path.with_extension("stderr");
        if bless {
            std::fs::write(&golden, &told).unwrap();
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != told {
            wrong.push(format!("--- {} ---\n{told}", name.display()));
        }
    }
    assert!(count >= 15, "only {count} cases");
    assert!(
        wrong.is_empty(),
        "told otherwise (BLESS=1 takes it over):\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_small_configuration_gets_the_defaults() {
    let config = read(&format!(
        "{SMALL}[transports.t]\nadapter = \"x/y.wasm\"\n[[routes]]\nto = \"*@b\"\nchain = [\"t\"]\n"
    ));
    assert_eq!(config.instance.data_dir, Path::new("/etc/byway/data"));
    assert_eq!(config.instance.durability, Durability::Full);
    assert_eq!(config.api.listen.to_string(), "127.0.0.1:7717");
    assert_eq!(config.limits.data_bytes_max, 1 << 20);
    assert_eq!(config.agents, None);
    let transport = &config.transports["t"];
    assert_eq!(transport.adapter, AdapterRef::Path("/etc/byway/x/y.wasm".into()));
    assert_eq!(transport.limits.timeout, Duration::from_secs(30));
    assert_eq!(transport.limits.memory_bytes_max, 64 << 20);
    assert_eq!((transport.receive, transport.authority), (None, None));
    assert!(transport.grants.http.is_empty() && transport.grants.commands.is_empty());
    let route = &config.routes[0];
    assert_eq!(route.deadline, Duration::from_secs(24 * 60 * 60));
    assert_eq!(
        (route.strategy, route.on_unknown),
        (Strategy::Sweep, OnUnknown::Hold)
    );
    assert_eq!(
        (route.done_at, route.tries, route.allow_owner, route.on_block),
        (DoneAt::Accepted, 5, false, OnBlock::Release)
    );
    assert_eq!((route.place.line, route.place.column), (6, 1));
}

#[test]
fn a_peer_speaks_for_its_own_agents_to_ours_unless_told_otherwise() {
    let key = "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let config = read(&format!("{SMALL}[peers.b]\nkey = \"{key}\"\n"));
    let peer = &config.peers["b"];
    assert_eq!(peer.senders, ["*@b".parse().unwrap()]);
    assert_eq!(peer.recipients, ["*@a".parse().unwrap()]);
    assert!(peer.may_relay.is_empty());
}

#[test]
fn every_key_means_what_the_page_says() {
    let config = read(EVERY_KEY);
    for key in keys::ALL.iter().flat_map(|keys| keys.names) {
        assert!(EVERY_KEY.contains(key), "`{key}` is in no example here");
    }
    assert_eq!(config.instance.durability, Durability::Process);
    let rate = Rate {
        count: 30,
        per: Duration::from_secs(60),
        burst: 7,
    };
    assert_eq!(
        (config.transports["t"].rate, config.transports["u"].rate),
        (Some(rate), None)
    );
    assert_eq!(config.routes[0].on_block, OnBlock::Wait);
    assert_eq!(
        (config.store.bytes_max, config.store.free_bytes_min),
        (2 << 30, 64 << 20)
    );
    let retention = &config.retention;
    let days = [
        retention.delivered,
        retention.dead.unwrap(),
        retention.processed,
        retention.journal,
    ]
    .map(|it| it.as_secs() / 86_400);
    assert_eq!(days, [1, 2, 3, 4]);
    let defaults = read(SMALL);
    assert_eq!(
        (defaults.store.bytes_max, defaults.store.free_bytes_min),
        (8 << 30, 256 << 20)
    );
    assert_eq!(
        (
            defaults.retention.delivered.as_secs(),
            defaults.retention.journal.as_secs()
        ),
        (30 * 86_400, 90 * 86_400)
    );
    assert!(!config.reload.watch && read(SMALL).reload.watch);
    assert_eq!(
        config.agents.unwrap().into_iter().collect::<Vec<_>>(),
        ["planner"]
    );
    assert_eq!(config.groups["team"].len(), 2);
    let asked = config.routes[0].approval.as_ref().unwrap();
    assert_eq!(
        (asked.expiry, asked.on_expiry),
        (Duration::from_secs(3_600), OnApprovalExpiry::Deliver)
    );
    assert_eq!(asked.notice.as_ref().unwrap().to_string(), "ops@people");
    assert_eq!(asked.approvers["ops"].len(), 2);
    let peer = &config.peers["b"];
    let shown = |patterns: &[crate::envelope::AddressPattern]| {
        patterns.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(shown(&peer.senders), ["x@b"]);
    assert_eq!(shown(&peer.recipients), ["planner@a"]);
    assert_eq!(shown(&peer.may_relay), ["*@c"]);
    let token = SecretSource::File("/etc/byway/ops.token".into());
    assert_eq!(config.inbound["ops"].token, Some(token));

    let transport = &config.transports["t"];
    assert_eq!(transport.sha256, Some([1; 32]));
    assert_eq!(
        serde_json::to_string(&transport.config).unwrap(),
        r#"{"big":18446744073709551615,"day":"2026-01-02","f":1.5,"list":[true,{"a":"b"}],"n":1}"#
    );
    assert_eq!(
        transport.receive,
        Some(Receive {
            every: Duration::from_secs(2)
        })
    );
    assert_eq!(
        config.transports["u"].receive,
        Some(Receive {
            every: Duration::from_millis(500)
        })
    );
    assert_eq!(transport.breaker.pause, Duration::from_millis(1));
    assert_eq!(transport.signers["two"].sources.len(), 2);
    assert_eq!(
        transport.secrets["token"].positions[0],
        Position::Header("authorization".into())
    );
    assert_eq!(transport.grants.http[1].effect, Some(false));
    assert!(transport.grants.http[1].private && !transport.grants.http[0].private);
    assert_eq!(transport.grants.folders[0].path, Path::new("/etc/byway/notes"));
    let command = &transport.grants.commands["run"];
    assert_eq!(
        command.argv[0],
        ArgumentTemplate::Fixed("/etc/byway/./run".into())
    );
    assert_eq!((command.stdin, command.effect), (CommandInput::Adapter, false));
    assert_eq!(command.env, BTreeMap::from([("A".to_owned(), "b".to_owned())]));
    let route = &config.routes[0];
    assert_eq!(route.chain[0].mode, Mode::Notify);
    assert_eq!(route.chain[1].after.as_deref(), Some("u"));
    assert_eq!(
        (route.strategy, route.done_at),
        (Strategy::Exhaust, DoneAt::PeerReceipt)
    );
}

#[test]
fn the_examples_of_the_page_are_right_configurations() {
    for example in page_examples() {
        read(&example);
    }
}

#[test]
fn a_problem_found_later_points_at_its_line() {
    let config = read(&format!(
        "{SMALL}[transports.\"t\"]\nadapter = \"builtin:x\"\n[transports.t.config]\nurl = \"x\"\nlist = [\n 1,\n {{ \"a/b\" = 2 }},\n]\n"
    ));
    for (pointer, line, column) in [
        ("/config/url", 7, 7),
        ("/config/list/1/a~1b", 10, 12),
        ("/config/list/9", 8, 8),
        ("/config/missing", 6, 1),
        ("/config", 6, 1),
        ("/grants/http", 4, 1),
        ("", 4, 1),
    ] {
        let place = config.place_of("t", pointer);
        assert_eq!((place.line, place.column), (line, column), "{pointer}");
    }
    assert_eq!(config.place_of_key("transports.t.grants").line, 4);
    let place = config.place_of("t", "/config/url");
    let problem = Problem::new(
        ErrorCode::AdapterConfig,
        place,
        "transports.t.config.url",
        "not a URL",
    );
    let told = config.render(&[problem.with_fix("write https://…")]);
    assert!(
        told.starts_with("error[BW305]: not a URL\n --> /etc/byway/byway.toml:7:7\n"),
        "{told}"
    );
    assert!(
        told.contains("7 | url = \"x\"\n  |       ^^^\n  = help: write https://…\n"),
        "{told}"
    );
}

#[test]
fn a_problem_is_also_data() {
    let errors = parse(&format!("{SMALL}[limit]\n"), Path::new("byway.toml")).unwrap_err();
    assert_eq!(
        serde_json::to_value(&errors).unwrap(),
        serde_json::json!({"problems": [{
            "code": "BW103",
            "place": {"file": "byway.toml", "line": 4, "column": 2},
            "key": "limit",
            "message": "unknown key `limit` in the file",
            "nearest": "limits",
        }]})
    );
}

#[test]
fn what_was_written_for_a_secret_is_told_to_nobody() {
    let text = std::fs::read_to_string(Path::new(CASES).join("secrets_are_not_shown.toml")).unwrap();
    let errors = parse(&text, Path::new("byway.toml")).unwrap_err();
    let told = format!("{errors}{errors:?}{}", serde_json::to_string(&errors).unwrap());
    assert!(text.contains("hunter") && !told.contains("hunter"), "{told}");
}

#[test]
fn files_that_are_no_text_are_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let missing = load(&folder.path().join("byway.toml")).unwrap_err();
    assert_eq!(missing.problems()[0].code, ErrorCode::ConfigMissing);
    let unreadable = load(folder.path()).unwrap_err();
    assert_eq!(unreadable.problems()[0].code, ErrorCode::ConfigMissing);
    let path = folder.path().join("latin1.toml");
    std::fs::write(&path, b"[instance]\nname = \"\xe4\"\n").unwrap();
    let latin1 = load(&path).unwrap_err();
    assert_eq!(latin1.problems()[0].code, ErrorCode::ConfigSyntax);
    assert_eq!(latin1.problems()[0].place.line, 2);
    std::fs::write(&path, format!("\u{feff}{}", SMALL.replace('\n', "\r\n"))).unwrap();
    let marked = load(&path).unwrap();
    assert_eq!(marked.instance.data_dir, folder.path().join("data"));
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for text in [
        format!("{SMALL}x = {}{}", "[".repeat(5000), "]".repeat(5000)),
        format!("{SMALL}{} = 1", vec!["a"; 5000].join(".")),
        format!("{SMALL}[{}]", vec!["a"; 5000].join(".")),
        format!("{SMALL}x = {}1{}", "{ a = ".repeat(70), "}".repeat(70)),
        // The parser's own bounds allow this: many keys in each of many tables.
        format!(
            "{SMALL}[transports.t]\nconfig = {}1{}",
            format!("{{ {} = ", vec!["a"; 75].join(".")).repeat(75),
            "}".repeat(75)
        ),
        format!(
            "{SMALL}[transports.t]\nadapter = \"builtin:x\"\nconfig = {}1{}",
            "{ a.a.a.a.a.a.a.a.a = ".repeat(60),
            "}".repeat(60)
        ),
    ] {
        assert!(!refused(&text).is_empty());
    }
}
