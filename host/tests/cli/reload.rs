//! A running server takes in another configuration: when it is asked to, by a signal, and by itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::place::Place;
use crate::serve::Server;

const WATCHED: &str = r#"
[instance]
name = "a"
data_dir = "data"
durability = "process"
[api]
listen = "127.0.0.1:0"
[agents]
names = ["planner"]
"#;

fn unwatched() -> String {
    format!("{WATCHED}[reload]\nwatch = false\n")
}

fn write(place: &Place, config: &str) {
    // Whole or not at all, as one deploys it.
    std::fs::write(place.path("next"), config.trim_start()).unwrap();
    std::fs::rename(place.path("next"), place.path("byway.toml")).unwrap();
}

/// What the server says came of reading its configuration last.
fn last(place: &Place) -> Value {
    let address = std::fs::read_to_string(place.path("data/api")).unwrap();
    let token = std::fs::read_to_string(place.path("data/token")).unwrap();
    let mut stream = TcpStream::connect(address.trim()).unwrap();
    let token = token.trim();
    write!(
        stream,
        "GET /v1/reload HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

/// The same, once it was read for another reason or with another end than so far.
fn until(place: &Place, by: &str, outcome: &str) -> Value {
    for _ in 0..600 {
        let last = last(place);
        let is = |member: &str, wanted: &str| last.get(member).is_some_and(|it| it == wanted);
        if is("by", by) && is("outcome", outcome) {
            return last;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it never came to that: {}", last(place));
}

fn takes_messages_for(place: &Place, agent: &str) -> bool {
    place.run(&["send", "--to", &format!("{agent}@a"), "hi"]).code == 0
}

#[test]
fn a_server_is_asked_and_says_what_is_different() {
    let place = Place::with(&unwatched());
    let _server = Server::start(&place, &["serve"]);
    let right = unwatched().replace("planner\"]", "planner\", \"reviewer\"]")
        + "[transports.notes]\nadapter = \"builtin:file\"\n\
           config = { mode = \"drop\", folder = \"DIR\" }\ngrants = { folders = [{ path = \"DIR\", access = \"drop\" }] }\n"
            .replace("DIR", place.path("").to_str().unwrap())
            .as_str();
    assert!(!takes_messages_for(&place, "reviewer"));
    write(&place, &right);
    place
        .run(&["reload"])
        .is(0, "byway.toml is in force\n  loaded     notes\n", "");
    assert!(takes_messages_for(&place, "reviewer"));
    place.run(&["reload"]).is(
        0,
        "byway.toml is the one in force; nothing is different\n  unchanged  notes\n",
        "",
    );
    write(&place, &unwatched());
    let view = place.run(&["reload", "--json"]).json();
    assert_eq!(
        (&view["by"], &view["removed"][0]),
        (&"call".into(), &"notes".into())
    );
    assert!(!takes_messages_for(&place, "reviewer"));
}

#[test]
fn a_configuration_that_is_refused_is_told_as_validate_tells_it() {
    let place = Place::with(&unwatched());
    let _server = Server::start(&place, &["serve"]);
    // What nobody can read, what only the sandbox sees, and what only a running server knows.
    for (config, told) in [
        (
            format!("{}colour = 1\n", unwatched()),
            "error[BW103]: unknown key `colour`",
        ),
        (
            format!("{}[transports.t]\nadapter = \"no/such.wasm\"\n", unwatched()),
            "error[BW303]: transport `t`: the adapter's file ",
        ),
        (
            unwatched().replace("\"process\"", "\"full\""),
            "error[BW109]: `instance.durability` was `process` and is `full` now",
        ),
    ] {
        write(&place, &config);
        let refused = place.run(&["reload"]);
        assert_eq!((refused.code, refused.stdout.as_str()), (78, ""), "{refused:?}");
        for words in [
            told,
            "--> byway.toml:",
            "1 problem in byway.toml; nothing was changed",
        ] {
            assert!(refused.stderr.contains(words), "{words}\n{}", refused.stderr);
        }
    }
    assert_eq!(last(&place)["outcome"], "refused");
    assert!(takes_messages_for(&place, "planner"));
}

#[test]
fn without_a_server_there_is_nothing_to_reload() {
    let place = Place::with(&unwatched());
    let ran = place.run(&["reload"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (75, ""));
    assert!(
        ran.stderr.starts_with("error[BW405]: no `byway serve` runs on "),
        "{ran:?}"
    );
}

#[test]
fn a_hangup_reads_it_again_and_ends_nothing() {
    let place = Place::with(&unwatched());
    let server = Server::start(&place, &["serve"]);
    write(&place, &format!("{}[transport.t]\n", unwatched()));
    server.signal(Signal::HUP);
    let refused = until(&place, "signal", "refused");
    assert!(
        refused["report"]
            .as_str()
            .unwrap()
            .contains("did you mean `transports`?"),
        "{refused}"
    );
    // The verbs read the file themselves, so it has to be right for them; the server never took the other.
    write(&place, &unwatched());
    assert!(takes_messages_for(&place, "planner"));
    write(&place, &unwatched().replace("planner", "reviewer"));
    server.signal(Signal::HUP);
    until(&place, "signal", "done");
    assert!(takes_messages_for(&place, "reviewer") && !takes_messages_for(&place, "planner"));
    assert_eq!(server.end(Signal::TERM).code(), Some(0));
}

#[test]
fn a_changed_file_is_taken_in_by_itself() {
    let place = Place::with(WATCHED);
    let _server = Server::start(&place, &["serve"]);
    // Written in place and in pieces, as an editor may do it: the half of it would be a whole configuration.
    let config = format!(
        "{}[reload]\nwatch = true\n",
        WATCHED.replace("planner", "reviewer")
    );
    std::fs::write(place.path("byway.toml"), config.trim_start()).unwrap();
    until(&place, "watch", "done");
    assert!(takes_messages_for(&place, "reviewer"));
    // An adapter that is not there is refused, and taken in when it comes.
    write(
        &place,
        &format!("{WATCHED}[transports.t]\nadapter = \"late.wasm\"\n"),
    );
    let refused = until(&place, "watch", "refused");
    assert_eq!(refused["problems"][0]["code"], "BW303");
    std::fs::write(place.path("late.wasm"), "no component").unwrap();
    for _ in 0..600 {
        if last(&place)["problems"][0]["code"] == "BW301" {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the adapter's file was not seen: {}", last(&place));
}

#[test]
fn nothing_is_lost_or_doubled_while_it_reloads_fifty_times() {
    const MESSAGES: usize = 60;
    let place = Place::new();
    std::fs::create_dir(place.path("out")).unwrap();
    let config = |timeout: u64| {
        let folder = place.path("out");
        format!(
            "{}[transports.out]\nadapter = \"builtin:file\"\ntimeout = \"{timeout}s\"\n\
             config = {{ mode = \"drop\", folder = {folder:?} }}\n\
             grants = {{ folders = [{{ path = {folder:?}, access = \"drop\" }}] }}\n\
             [[routes]]\nto = \"*@b\"\nchain = [\"out\"]\n",
            unwatched()
        )
    };
    write(&place, &config(20));
    let _server = Server::start(&place, &["serve"]);
    let ids: Vec<String> = std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let send = |_| {
                let sent = place.run(&["send", "--json", "--to", "executor@b", "hi"]);
                assert_eq!(sent.code, 0, "{sent:?}");
                sent.json().get("id").unwrap().as_str().unwrap().to_owned()
            };
            (0..MESSAGES).map(send).collect()
        });
        for number in 1..=50 {
            write(&place, &config(20 + number % 2));
            let reloaded = place.run(&["reload"]);
            assert!(reloaded.stdout.contains("loaded     out"), "{reloaded:?}");
        }
        sending.join().unwrap()
    });
    for id in &ids {
        let delivered = || {
            let shown = place.run(&["show", "--json", id]).json();
            (shown.get("status").unwrap() == "delivered").then_some(shown)
        };
        let shown = (0..200)
            .find_map(|_| {
                delivered().or_else(|| {
                    std::thread::sleep(Duration::from_millis(50));
                    None
                })
            })
            .unwrap_or_else(|| panic!("{id} was not delivered"));
        let attempts = shown.get("attempts").unwrap().as_array().unwrap();
        assert_eq!(attempts.len(), 1, "{shown}");
    }
    let files = std::fs::read_dir(place.path("out")).unwrap();
    let files = files.filter(|entry| entry.as_ref().unwrap().path().is_file());
    assert_eq!(files.count(), MESSAGES);
}

#[test]
fn verbs_that_the_server_does_the_work_of_go_on_while_the_file_is_broken() {
    let place = Place::with(&unwatched());
    let server = Server::start(&place, &["serve"]);
    for broken in [
        unwatched().replace("names =", "nmaes ="),
        unwatched() + "[transports.x\nadapter = ",
        unwatched() + "[transports.x]\nadapter = \"builtin:nonesuch\"\n[[routes]]\n",
    ] {
        write(&place, &broken);
        for verb in [
            &["send", "--to", "planner@a", "hi"][..],
            &["list"],
            &["inbox", "list", "--agent", "planner"],
        ] {
            let ran = place.run(verb);
            assert_eq!(ran.code, 0, "{verb:?}: {}", ran.stderr);
            assert!(ran.stderr.contains("goes on with what it had"), "{}", ran.stderr);
        }
        // What is asked about the file itself still says what is wrong with it.
        for verb in ["validate", "reload"] {
            assert_eq!(place.run(&[verb]).code, 78, "{verb}");
        }
    }
    assert_eq!(server.end(Signal::TERM).code(), Some(0));
    // Nobody goes on, so the file has to be right.
    assert_eq!(place.run(&["list"]).code, 78);
    // Nor can a server be found by a file that does not say where it is.
    write(&place, "[instance]\nname = \"a\"\n");
    assert_eq!(place.run(&["list"]).code, 78);
}
