//! What the pages look like, letter for letter.

use super::page::{by_whom, inbox, last_of_each, message, messages};
use crate::api::{AttemptView, InboxItem, MessageView};

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn view(attempts: Vec<AttemptView>) -> MessageView {
    MessageView {
        id: "0198-1".into(),
        source: "byway://a/planner".into(),
        recipient: "executor@b".into(),
        kind: "message".into(),
        status: "delivered".into(),
        reason: None,
        fallback: true,
        receipt: Some("delivered".into()),
        accepted_at: "2026-11-21T07:32:01.5Z".parse().unwrap(),
        next_at: None,
        deadline: Some("2026-11-22T07:32:01Z".parse().unwrap()),
        attempts,
        notice: None,
        recipients: Vec::new(),
    }
}

fn tried(number: Option<u32>, transport: &str, outcome: &str, code: &str, message: &str) -> AttemptView {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    AttemptView {
        number,
        transport: transport.into(),
        mode: "deliver".into(),
        outcome: outcome.into(),
        code: text(code),
        message: text(message),
        fix: None,
        effect: None,
        reference: None,
        at: "2026-11-21T07:32:02Z".parse().unwrap(),
        took_ms: 12,
    }
}

fn chain() -> Vec<AttemptView> {
    let mut refused = tried(
        Some(1),
        "gateway",
        "retryable",
        "connect",
        "nobody listens at 127.0.0.1:1",
    );
    refused.fix = Some("start the gateway".into());
    let mut slow = tried(Some(1), "hook", "unknown", "deadline", "no answer within 30 s");
    slow.took_ms = 30_012;
    vec![
        refused,
        tried(None, "ssh", "skipped", "breaker-open", ""),
        slow,
        tried(Some(1), "web", "delivered", "delivered", ""),
    ]
}

#[test]
fn a_message_tells_what_was_tried_and_what_to_do() {
    assert_eq!(
        plain(&message(&view(chain()))),
        "\
message   0198-1
from      byway://a/planner
to        executor@b
status    delivered by web, a fallback: the first choice did not deliver it
receipt   delivered
accepted  2026-11-21 07:32:01Z
deadline  2026-11-22 07:32:01Z

#  transport  outcome      took    code          message
1  gateway    ✗ retryable  12 ms   connect       nobody listens at 127.0.0.1:1
   help: start the gateway
-  ssh        – skipped            breaker-open
1  hook       ? unknown    30.0 s  deadline      no answer within 30 s
1  web        ✓ delivered  12 ms   delivered
"
    );
}

#[test]
fn a_message_settled_by_its_receipt_names_no_transport() {
    let unknown = MessageView {
        fallback: false,
        ..view(vec![tried(Some(1), "hook", "unknown", "deadline", "")])
    };
    assert_eq!(
        by_whom(&unknown),
        ", as its receipt says; no transport had confirmed it"
    );
}

#[test]
fn a_far_side_cannot_write_over_the_page() {
    let echoed = view(vec![tried(
        Some(1),
        "hook",
        "refused",
        "http-400",
        "no\n\u{1b}[2Jstatus    delivered",
    )]);
    let page = message(&echoed);
    assert!(
        plain(&page).ends_with("http-400  no \u{fffd}[2Jstatus delivered\n"),
        "{page}"
    );
}

#[test]
fn what_failed_is_not_hidden_by_a_later_skip() {
    let attempts = vec![
        tried(Some(1), "a", "retryable", "connect", ""),
        tried(Some(1), "b", "refused", "http-413", ""),
        tried(Some(2), "a", "retryable", "timeout", ""),
        tried(None, "b", "skipped", "refused-before", ""),
    ];
    let last: Vec<_> = last_of_each(&attempts)
        .iter()
        .map(|it| it.code.clone().unwrap())
        .collect();
    assert_eq!(last, ["timeout", "http-413"]);
}

#[test]
fn lists_are_aligned_and_say_why() {
    let mut dead = view(Vec::new());
    dead.id = "0198-22".into();
    dead.status = "dead".into();
    dead.reason = Some("every step refused it".into());
    assert_eq!(
        plain(&messages(&[view(Vec::new()), dead])),
        "\
id       status     from       to          accepted              why
0198-1   delivered  a/planner  executor@b  2026-11-21 07:32:01Z  by a fallback
0198-22  dead       a/planner  executor@b  2026-11-21 07:32:01Z  every step refused it
"
    );
}

#[test]
fn an_inbox_shows_the_beginning_of_each_text() {
    let item = |id: &str, text: Option<&str>, data: Option<&str>| InboxItem {
        id: id.into(),
        source: "byway://a/planner".into(),
        recipient: "executor@b".into(),
        event_type: "dev.byway.message".into(),
        subject: None,
        time: None,
        received_at: "2026-11-21T07:32:01Z".parse().unwrap(),
        status: "unread".into(),
        via: "http".into(),
        authority: "peer:a".into(),
        replyto: None,
        correlationid: None,
        causationid: None,
        sender: None,
        text: text.map(str::to_owned),
        data: data.map(|json| serde_json::from_str(json).unwrap()),
        data_base64: None,
    };
    let long = format!("消息 {}", "x".repeat(60));
    let page = inbox(&[
        item("1", Some(&long), None),
        item("2", None, Some(r#"{"n": 1.10}"#)),
        item("3", None, None),
    ]);
    assert_eq!(
        plain(&page),
        format!(
            "\
id  status  from       received              subject  text
1   unread  a/planner  2026-11-21 07:32:01Z  -        消息 {}…
2   unread  a/planner  2026-11-21 07:32:01Z  -        {{\"n\":1.10}}
3   unread  a/planner  2026-11-21 07:32:01Z  -        (empty)
",
            "x".repeat(45)
        )
    );
}
