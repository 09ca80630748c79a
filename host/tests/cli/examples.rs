//! The examples: every configuration is right, and the adapter that a reader could have written works.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::process::Signal;

use crate::place::Place;
use crate::serve::Server;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// The component as `cargo xtask build` leaves it, two folders above the program.
fn component() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_byway")).ancestors().nth(2).unwrap();
    let built = target.join("examples/custom-adapter.wasm");
    assert!(
        built.exists(),
        "{} is not there: run `cargo xtask build`",
        built.display()
    );
    built
}

#[test]
fn every_configuration_is_right() {
    let place = Place::new();
    let mut looked_at = 0;
    for folder in std::fs::read_dir(examples()).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            // A workspace of Rust has a TOML file of its own.
            if file.extension().is_none_or(|it| it != "toml") || file.ends_with("Cargo.toml") {
                continue;
            }
            let ran = place.run(&["--config", file.to_str().unwrap(), "validate", "--no-environment"]);
            assert_eq!(ran.code, 0, "{}: {}", file.display(), ran.stderr);
            looked_at += 1;
        }
    }
    assert!(looked_at >= 4, "only {looked_at} examples were found");
}

#[test]
fn a_chain_says_which_step_waits_for_which() {
    let place = Place::new();
    for (file, awaited) in [("note-and-wake.toml", "beta-note"), ("chain.toml", "note")] {
        let file = examples().join("openclaw").join(file);
        let ran = place.run(&["--config", file.to_str().unwrap(), "explain", "--to", "beta@here"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let wake = ran.stdout.lines().find(|line| line.contains(" wake "));
        let says = wake.is_some_and(|line| line.contains(&format!("; only after {awaited}")));
        assert!(says, "{}", ran.stdout);
    }
}

/// What the push server got.
struct Push {
    head: String,
    body: String,
}

/// Answers one request with 200, and hands on what it was.
fn push_server() -> (u16, thread::JoinHandle<Push>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(
                reader.read_line(&mut head).unwrap(),
                0,
                "the request was cut off: {head}"
            );
        }
        let head = head.to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        reader
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        Push {
            head,
            body: String::from_utf8(body).unwrap(),
        }
    });
    (port, server)
}

#[test]
fn the_adapter_of_the_walk_through_pushes_a_message() {
    let (port, push) = push_server();
    let as_written = std::fs::read_to_string(examples().join("custom-adapter/byway.toml")).unwrap();
    // The reader's configuration, but for what belongs to the reader's machine.
    let mut config = as_written.clone();
    for (theirs, here) in [
        (
            "target/wasm32-wasip2/release/custom_adapter.wasm",
            component().to_str().unwrap(),
        ),
        ("https://push.example.org", &format!("http://127.0.0.1:{port}")),
        ("{ env = \"PUSH_TOKEN\"", "{ file = \"push.token\""),
        (
            "[transports.push]",
            "[api]\nlisten = \"127.0.0.1:0\"\n\n[transports.push]",
        ),
    ] {
        assert!(config.contains(theirs), "the example has no {theirs}");
        config = config.replace(theirs, here);
    }
    let place = Place::with(&config);
    byway::private_file::create(&place.path("push.token"), b"tk_123").unwrap();
    let server = Server::start(&place, &["serve"]);
    let ran = place.run(&[
        "send",
        "--from",
        "planner",
        "--to",
        "ana@phone",
        "--wait",
        "The build is green.",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let push = push.join().unwrap();
    assert!(push.head.starts_with("post /ana http/1.1\r\n"), "{}", push.head);
    assert!(
        push.head.contains("authorization: bearer tk_123\r\n"),
        "{}",
        push.head
    );
    assert_eq!(push.body, "The build is green.");
    assert_eq!(server.end(Signal::TERM).code(), Some(0));
}

#[test]
fn looking_at_a_configuration_leaves_nothing_behind() {
    let place = Place::new();
    assert_eq!(place.run(&["validate"]).code, 0);
    assert!(!place.path("data").exists());
}
