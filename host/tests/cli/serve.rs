//! A server that runs: how it says so, how the other verbs find it, and how it ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::place::Place;

/// A running `byway serve`; killed where a test fails before it has ended.
pub(crate) struct Server {
    child: Child,
    ready: String,
}

impl Server {
    /// Starts it, and returns when it has printed its line.
    pub(crate) fn start(place: &Place, args: &[&str]) -> Self {
        let mut command = place.command(args);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut ready)
            .unwrap();
        Self { child, ready }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(crate) fn end(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_says_where_it_is_and_ends_without_a_trace() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new();
        let server = Server::start(&place, &["serve"]);
        let address = std::fs::read_to_string(place.path("data/api")).unwrap();
        assert_eq!(server.ready, format!("byway a ready on http://{address}"));
        assert!(!address.trim_end().ends_with(":0"), "{address}");
        assert_eq!(server.end(signal).code(), Some(0), "{signal:?}");
        assert!(!place.path("data/api").exists());
    }
}

#[test]
fn a_program_is_told_too() {
    let place = Place::new();
    let server = Server::start(&place, &["serve", "--json"]);
    let ready: serde_json::Value = serde_json::from_str(&server.ready).unwrap();
    assert_eq!(ready["instance"], "a");
    assert!(
        ready["url"].as_str().unwrap().starts_with("http://127.0.0.1:"),
        "{ready}"
    );
}

#[test]
fn the_verbs_find_the_server_and_mean_the_same_with_it() {
    let place = Place::new();
    let before = place
        .run(&["send", "--json", "--to", "reviewer@a", "before"])
        .json();
    let server = Server::start(&place, &["serve"]);
    let sent = place.run(&[
        "send",
        "--to",
        "reviewer@a",
        "--from",
        "planner",
        "--wait",
        "with",
    ]);
    assert!(
        sent.code == 0 && sent.stdout.starts_with("delivered "),
        "{sent:?}"
    );
    place
        .run(&["inbox", "read", "--agent", "reviewer"])
        .is(0, "before", "");
    place
        .run(&["inbox", "read", "--agent", "reviewer"])
        .is(0, "with", "");
    let refused = place.run(&["send", "--to", "executor@b", "hi"]);
    assert!(
        refused.code == 65 && refused.stderr.starts_with("error[BW204]: "),
        "{refused:?}"
    );
    let event = br#"{"specversion":"1.0","id":"1","source":"byway://b/x","type":"t","recipient":"planner@a","data":"hi"}"#;
    let stranger = place.run_with(&["accept", "-"], event, &[]);
    assert_eq!(
        (stranger.code, stranger.problem()["code"].as_str()),
        (77, Some("BW208"))
    );
    let empty = place.run_with(&["list"], b"", &[("BYWAY_TOKEN", "")]);
    assert_eq!(empty.code, 77, "an empty token is no admin: {empty:?}");

    assert_eq!(server.end(Signal::TERM).code(), Some(0));
    let shown = place.run(&["show", "--json", before["id"].as_str().unwrap()]);
    assert_eq!(shown.json()["status"], "read");
}

#[test]
fn what_a_killed_server_left_misleads_nobody() {
    let place = Place::new();
    let server = Server::start(&place, &["serve"]);
    assert_eq!(server.end(Signal::KILL).code(), None);
    assert!(place.path("data/api").exists());
    assert_eq!(place.run(&["send", "--to", "reviewer@a", "hi"]).code, 0);
    let server = Server::start(&place, &["serve"]);
    assert!(server.ready.starts_with("byway a ready on "), "{}", server.ready);
    place
        .run(&["inbox", "read", "--agent", "reviewer"])
        .is(0, "hi", "");
}

#[test]
fn a_second_signal_ends_what_is_under_way_with_it() {
    let place = Place::new();
    let (script, pid) = (place.path("endless.sh"), place.path("pid"));
    std::fs::write(
        &script,
        format!(
            "echo $$ > {0}.new && mv {0}.new {0}; exec sleep 300",
            pid.display()
        ),
    )
    .unwrap();
    let mut config = std::fs::read_to_string(place.path("byway.toml")).unwrap();
    config += &format!(
        r#"
[transports.endless]
adapter = "builtin:cli"
config = {{ command = "endless" }}
timeout = "5m"
[transports.endless.grants.commands.endless]
argv = ["/bin/sh", "{}"]
stdin = "envelope"
env_pass = ["PATH"]
[[routes]]
to = "*@b"
chain = ["endless"]
"#,
        script.display()
    );
    std::fs::write(place.path("byway.toml"), config).unwrap();
    let server = Server::start(&place, &["serve"]);
    let sent = place.run(&["send", "--to", "executor@b", "--from", "planner", "hi"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    let pid = loop {
        match std::fs::read_to_string(&pid) {
            Ok(pid) => break pid.trim().to_owned(),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    assert!(runs(&pid));
    server.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(200));
    assert!(runs(&pid), "one signal lets it end by itself");
    assert_eq!(server.end(Signal::TERM).code(), Some(0));
    // It was killed before byway ended; the system may take a moment to tell.
    let gone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !runs(&pid)
    });
    assert!(gone, "the command outlives byway");
    let shown = place.run(&["list"]);
    assert!(
        shown.stdout.contains("waiting") || shown.stdout.contains("held"),
        "{shown:?}"
    );
}

/// Whether a process is there, and not only its remains.
fn runs(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z'))
    })
}
