//! The verbs that concern messages, where no server runs: they work in the data folder itself.

use std::path::Path;
use std::process::Stdio;

use crate::place::Place;

#[test]
fn an_agent_reads_without_a_server_what_another_sent() {
    let place = Place::new();
    let text = "-quotes ' \" `x` $(x)\r\n消息\n";
    let sent = place.run(&["send", "--to", "reviewer@a", "--from", "planner", "--", text]);
    assert_eq!((sent.code, sent.stderr.as_str()), (0, ""), "{sent:?}");
    let id = sent
        .stdout
        .strip_prefix("delivered ")
        .unwrap()
        .trim_end()
        .to_owned();

    let listed = place
        .run(&["inbox", "list", "--agent", "reviewer", "--json"])
        .json();
    assert_eq!(listed["items"][0]["id"], id.as_str());
    assert_eq!(listed["items"][0]["source"], "byway://a/planner");
    place
        .run(&["inbox", "read", "--agent", "reviewer", "--peek"])
        .is(0, text, "");
    place
        .run(&["inbox", "read", "--agent", "reviewer"])
        .is(0, text, "");
    place
        .run(&["inbox", "list", "--agent", "reviewer"])
        .is(0, "", "nothing is unread\n");
    place
        .run(&["inbox", "ack", "--agent", "reviewer", "--all"])
        .is(0, &format!("processed {id}\n"), "");
    assert_eq!(place.run(&["show", "--json", &id]).json()["status"], "processed");
}

#[test]
fn an_agents_token_opens_its_own_inbox_only() {
    let place = Place::new();
    let token = place.run(&["token", "planner"]).stdout.trim_end().to_owned();
    let env = [("BYWAY_TOKEN", token.as_str())];
    let sent = place.run_with(&["send", "--json", "--to", "reviewer@a", "hi"], b"", &env);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert_eq!(sent.json()["status"], "delivered");
    assert_eq!(
        place
            .run_with(&["inbox", "list", "--agent", "planner"], b"", &env)
            .code,
        0
    );
    let other = place.run_with(&["--json", "inbox", "list", "--agent", "reviewer"], b"", &env);
    assert_eq!(
        (other.code, other.problem()["code"].as_str()),
        (77, Some("BW502"))
    );
    let wrong = place.run_with(&["list"], b"", &[("BYWAY_TOKEN", "byway_agent_x")]);
    assert_eq!(wrong.code, 77, "{wrong:?}");
    let empty = place.run_with(&["list"], b"", &[("BYWAY_TOKEN", "")]);
    assert_eq!(empty.code, 77, "an empty token is no admin: {empty:?}");
}

#[test]
fn what_cannot_be_sent_is_refused_and_stores_nothing() {
    let place = Place::new();
    for (args, stdin, exit, code) in [
        (&["send", "--to", "executor@b", "hi"][..], &b""[..], 65, "BW204"),
        (&["send", "--to", "nobody@a", "hi"][..], b"", 65, "BW212"),
        (&["send", "--to", "not an address", "hi"][..], b"", 65, "BW202"),
        (
            &["send", "--to", "reviewer@a", "--data", "{"][..],
            b"",
            65,
            "BW201",
        ),
        (&["send", "--to", "reviewer@a", "-"][..], b"\xff\xfe", 65, "BW201"),
        (
            &["send", "--to", "reviewer@a", "--file", "nowhere"][..],
            b"",
            66,
            "BW504",
        ),
        (
            &["send", "--event", "-"][..],
            b"{\"specversion\":\"1.0\"}",
            65,
            "BW201",
        ),
        (&["show", "0198"][..], b"", 65, "BW213"),
    ] {
        let ran = place.run_with(args, stdin, &[]);
        assert_eq!((ran.code, ran.stdout.as_str()), (exit, ""), "{args:?}: {ran:?}");
        assert!(
            ran.stderr.contains(&format!("error[{code}]: ")),
            "{args:?}: {}",
            ran.stderr
        );
    }
    place
        .run(&["inbox", "list", "--agent", "reviewer", "--all"])
        .is(0, "", "the inbox is empty\n");
}

#[test]
fn the_same_key_is_the_same_message() {
    let place = Place::new();
    let send = |text: &str| {
        place.run(&[
            "send",
            "--json",
            "--to",
            "reviewer@a",
            "--idempotency-key",
            "k",
            text,
        ])
    };
    let first = send("hi").json();
    let again = send("hi").json();
    assert_eq!(
        (&first["id"], &again["duplicate"]),
        (&again["id"], &serde_json::json!(true))
    );
    let other = send("ho");
    assert_eq!(
        (other.code, other.problem()["code"].as_str()),
        (65, Some("BW205"))
    );
}

#[test]
fn accept_tells_the_bringing_side_whether_to_try_again() {
    let place = Place::new();
    let event = r#"{"specversion":"1.0","id":"1","source":"byway://b/x","type":"t","recipient":"planner@a","data":"hi"}"#;
    let wrong_base64: &[&str] = &["accept", "--base64", "***"];
    for (args, stdin, exit, code) in [
        (&["accept", "-"][..], "", 65, "BW201"),
        (&["accept", "-"][..], "{", 65, "BW201"),
        (wrong_base64, "", 65, "BW201"),
        (&["accept", "-"][..], event, 77, "BW208"),
    ] {
        let ran = place.run_with(args, stdin.as_bytes(), &[]);
        let problem = ran.problem();
        assert_eq!(
            (ran.code, problem["code"].as_str()),
            (exit, Some(code)),
            "{args:?} {stdin}"
        );
        assert!(
            !ran.stderr.contains("DIR"),
            "it speaks of this side: {}",
            ran.stderr
        );
    }
}

#[test]
fn output_that_cannot_be_written_is_not_taken_for_read() {
    let place = Place::new();
    assert_eq!(place.run(&["send", "--to", "reviewer@a", "hi"]).code, 0);
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open(Path::new("/dev/full"))
        .unwrap();
    let status = place
        .command(&["inbox", "read", "--agent", "reviewer"])
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(74));
    place
        .run(&["inbox", "read", "--agent", "reviewer"])
        .is(0, "hi", "");
}
