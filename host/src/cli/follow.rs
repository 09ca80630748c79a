//! `byway show --follow`: what happens to a message, as it happens.
//!
//! The server is asked again and again, and found again where it was started anew in between; a restart is
//! nothing that happens to a message.

use std::time::Duration;

use super::client::{CallError, Client, segment};
use super::failure::Failure;
use super::page;
use super::reach::{Caller, running};
use super::terminal::Terminal;
use crate::api::MessageView;
use crate::config::Config;

const PAUSE: Duration = Duration::from_millis(250);

pub(super) async fn to_the_end(
    config: &Config,
    client: Client,
    first: MessageView,
    terminal: Terminal,
) -> Result<(), Failure> {
    let mut client = Some(client);
    let mut seen = first;
    while !is_over(&seen) {
        tokio::time::sleep(PAUSE).await;
        let answer = match &client {
            Some(client) => client.get(&format!("/v1/messages/{}", segment(&seen.id))).await,
            None => Err(CallError::NoAnswer(String::new())),
        };
        match answer {
            Ok(view) => {
                tell(&seen, &view, terminal)?;
                seen = view;
            }
            Err(CallError::Refused(failure)) => return Err(failure),
            Err(CallError::NoAnswer(_)) => client = running(config, Caller::Local).await.ok().flatten(),
        }
    }
    Ok(())
}

/// Whether nothing more can happen: for any recipient, where there are several.
fn is_over(view: &MessageView) -> bool {
    if !view.recipients.is_empty() {
        return view.recipients.iter().all(is_over);
    }
    let is_processed = [Some(view.status.as_str()), view.receipt.as_deref()].contains(&Some("processed"));
    is_processed || matches!(view.status.as_str(), "dead" | "expired" | "cancelled" | "dropped")
}

fn tell(before: &MessageView, now: &MessageView, terminal: Terminal) -> Result<(), Failure> {
    let lines = news(before, now);
    if lines.is_empty() {
        return Ok(());
    }
    if terminal.json {
        return terminal.json(now);
    }
    terminal.result(&lines.join("\n"))
}

/// What is different, a line each.
fn news(before: &MessageView, now: &MessageView) -> Vec<String> {
    if !now.recipients.is_empty() {
        let each = now.recipients.iter().flat_map(|one| {
            let earlier = before.recipients.iter().find(|it| it.recipient == one.recipient);
            let lines = earlier.map(|earlier| news(earlier, one)).unwrap_or_default();
            lines.into_iter().map(|line| format!("{}  {line}", one.recipient))
        });
        return each.collect();
    }
    let known = before.attempts.len();
    let mut lines: Vec<String> = now.attempts.iter().skip(known).map(page::attempt).collect();
    if before.status != now.status {
        lines.push(page::standing(now).trim_end().to_owned());
    }
    if let Some(receipt) = now.receipt.as_ref().filter(|_| before.receipt != now.receipt) {
        lines.push(format!("receipt {receipt}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(status: &str, receipt: Option<&str>) -> MessageView {
        let json = serde_json::json!({
            "id": "m-1", "source": "byway://a/planner", "recipient": "executor@b", "kind": "message",
            "status": status, "receipt": receipt, "fallback": false, "accepted_at": "2026-11-21T07:32:01Z",
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn it_ends_where_nothing_more_can_happen() {
        for (status, receipt, over) in [
            ("waiting", None, false),
            ("pending", None, false),
            ("held", Some("accepted"), false),
            ("delivered", Some("delivered"), false),
            ("delivered", Some("failed"), false),
            ("delivered", Some("read"), false),
            ("delivered", Some("processed"), true),
            ("processed", None, true),
            ("dead", None, true),
            ("cancelled", Some("read"), true),
        ] {
            assert_eq!(is_over(&view(status, receipt)), over, "{status} {receipt:?}");
        }
    }

    #[test]
    fn each_receipt_and_each_status_is_told_once() {
        let sent = view("waiting", None);
        let there = view("delivered", Some("delivered"));
        let read = view("delivered", Some("read"));
        assert_eq!(news(&sent, &sent), Vec::<String>::new());
        assert_eq!(news(&sent, &there).len(), 2);
        assert_eq!(news(&there, &read), ["receipt read"]);
    }
}
