//! How messages and attempts look to a person. Pure: a view in, text out.

use jiff::Timestamp;
use owo_colors::{OwoColorize as _, Style};

use super::table::{Cell, Table};
use super::terminal::clean;
use crate::api::{AttemptView, InboxItem, MessageView, NoticeView, RedrivenView};

/// How much of a text a list shows.
const EXCERPT_CHARS: usize = 48;

/// One message with its attempts.
pub(super) fn message(view: &MessageView) -> String {
    let status = format!(
        "{}{}",
        view.status.style(status_style(&view.status)),
        by_whom(view)
    );
    let mut page = String::new();
    let mut line = |name: &str, value: &str| page.push_str(&format!("{:<9} {value}\n", name));
    line("message", &clean(&view.id));
    line("from", &clean(&view.source));
    line("to", &clean(&view.recipient));
    if view.kind != "message" && view.kind != "inbox" {
        line("kind", &view.kind);
    }
    line("status", &status);
    // Where a transport is named, the reason would only name it again.
    let failed_there = view.receipt.as_deref() == Some("failed");
    if let Some(reason) = view
        .reason
        .as_ref()
        .filter(|_| failed_there || by_whom(view).is_empty())
    {
        line("reason", &clean(reason));
    }
    if let Some(receipt) = &view.receipt {
        line("receipt", receipt);
    }
    if let Some(notice) = &view.notice {
        line("told", &told(notice));
    }
    line("accepted", &time(view.accepted_at));
    if let Some(next) = view.next_at {
        line("next try", &time(next));
    }
    if let Some(deadline) = view.deadline {
        line("deadline", &time(deadline));
    }
    for one in &view.recipients {
        page.push('\n');
        page.push_str(&recipient(one));
    }
    if !view.attempts.is_empty() {
        page.push('\n');
        page.push_str(&attempts(view.attempts.iter()));
    }
    page
}

/// Who was told that it waits, and whether that got through.
fn told(notice: &NoticeView) -> String {
    let status = notice.status.style(status_style(&notice.status));
    let (recipient, id) = (clean(&notice.recipient), clean(&notice.id));
    let why = notice.reason.as_deref().filter(|_| notice.status != "delivered");
    let why = why.map(|why| format!(": {}", clean(why))).unwrap_or_default();
    format!("{recipient}, {status} ({id}){why}")
}

/// How a message stands for one of several recipients.
fn recipient(view: &MessageView) -> String {
    let status = view.status.style(status_style(&view.status));
    let mut page = format!("{} {status}{}\n", clean(&view.recipient), by_whom(view));
    if let Some(reason) = view.reason.as_ref().filter(|_| by_whom(view).is_empty()) {
        page.push_str(&format!("{:<9} {}\n", "reason", clean(reason)));
    }
    if let Some(receipt) = &view.receipt {
        page.push_str(&format!("{:<9} {receipt}\n", "receipt"));
    }
    if let Some(notice) = &view.notice {
        page.push_str(&format!("{:<9} {}\n", "told", told(notice)));
    }
    page.push_str(&attempts(view.attempts.iter()));
    page
}

/// A table of attempts.
pub(super) fn attempts<'a>(attempts: impl Iterator<Item = &'a AttemptView>) -> String {
    let mut table = Table::new(&["#", "transport", "outcome", "took", "code", "message"]);
    for attempt in attempts {
        let remark = if attempt.outcome == "delivered" {
            None
        } else {
            attempt.fix.clone()
        };
        table.row(
            vec![
                Cell::new(
                    &attempt
                        .number
                        .map_or_else(|| "-".to_owned(), |number| number.to_string()),
                ),
                Cell::new(&transport(attempt)),
                Cell::new(&outcome(attempt)).styled(outcome_style(&attempt.outcome)),
                Cell::new(&took(attempt)),
                Cell::new(attempt.code.as_deref().unwrap_or_default()),
                Cell::new(attempt.message.as_deref().unwrap_or_default()),
            ],
            remark,
        );
    }
    table.render()
}

/// One attempt in a line, for somebody who watches.
pub(super) fn attempt(view: &AttemptView) -> String {
    let mut line = format!(
        "{}  {}",
        transport(view),
        outcome(view).style(outcome_style(&view.outcome))
    );
    if view.number.is_some() {
        line.push_str(&format!("  {}", took(view)));
    }
    for word in [&view.code, &view.message].into_iter().flatten() {
        line.push_str(&format!("  {}", clean(word)));
    }
    line
}

/// The last thing that each transport did, in the order in which they were first tried.
pub(super) fn last_of_each(attempts: &[AttemptView]) -> Vec<&AttemptView> {
    let mut last: Vec<&AttemptView> = Vec::new();
    for attempt in attempts {
        match last
            .iter_mut()
            .find(|it| it.transport == attempt.transport && it.mode == attempt.mode)
        {
            // That a step was passed over later does not hide why it failed.
            Some(earlier) if attempt.number.is_some() || earlier.number.is_none() => *earlier = attempt,
            Some(_) => {}
            None => last.push(attempt),
        }
    }
    last
}

/// ` by webhook`, and whether that was not the first choice; empty where it is not delivered.
pub(super) fn by_whom(view: &MessageView) -> String {
    if view.kind == "inbox" || !matches!(view.status.as_str(), "delivered" | "read" | "processed") {
        return String::new();
    }
    let carrier = view
        .attempts
        .iter()
        .rev()
        .find(|it| it.outcome == "delivered" && it.mode == "deliver");
    match (carrier, view.fallback) {
        (Some(attempt), false) => format!(" by {}", clean(&attempt.transport)),
        (Some(attempt), true) => {
            format!(
                " by {}, a fallback: the first choice did not deliver it",
                clean(&attempt.transport)
            )
        }
        (None, _) if view.attempts.iter().any(|it| it.outcome == "unknown") => {
            ", as its receipt says; no transport had confirmed it".to_owned()
        }
        (None, _) => String::new(),
    }
}

/// How a message stands, in a line for each recipient.
pub(super) fn standing(view: &MessageView) -> String {
    let line = |view: &MessageView| {
        let status = view.status.style(status_style(&view.status));
        let reason = view.reason.as_deref().map(|why| format!(": {}", clean(why)));
        format!(
            "{status} {} to {}{}\n",
            clean(&view.id),
            clean(&view.recipient),
            reason.unwrap_or_default()
        )
    };
    if view.recipients.is_empty() {
        return line(view);
    }
    view.recipients.iter().map(line).collect()
}

/// What became of dead letters that were to be redriven.
pub(super) fn redriven(items: &[RedrivenView]) -> String {
    let mut table = Table::new(&["id", "to", "", "why"]);
    for item in items {
        let goes_on = item.new_id.as_ref().map(|id| format!("as {id}"));
        table.row(
            vec![
                Cell::new(&item.id),
                Cell::new(&item.recipient),
                Cell::new(&item.status),
                Cell::new(item.detail.as_deref().or(goes_on.as_deref()).unwrap_or_default()),
            ],
            None,
        );
    }
    table.render()
}

/// A list of messages.
pub(super) fn messages(views: &[MessageView]) -> String {
    let mut table = Table::new(&["id", "status", "from", "to", "accepted", "why"]);
    for view in views {
        let fallback = if view.fallback { "by a fallback" } else { "" };
        table.row(
            vec![
                Cell::new(&view.id),
                Cell::new(&view.status).styled(status_style(&view.status)),
                Cell::new(short_source(&view.source)),
                Cell::new(&view.recipient),
                Cell::new(&time(view.accepted_at)),
                Cell::new(view.reason.as_deref().unwrap_or(fallback)),
            ],
            None,
        );
    }
    table.render()
}

/// A list of what lies in an inbox.
pub(super) fn inbox(items: &[InboxItem]) -> String {
    let mut table = Table::new(&["id", "status", "from", "received", "subject", "text"]);
    for item in items {
        table.row(
            vec![
                Cell::new(&item.id),
                Cell::new(&item.status).styled(status_style(&item.status)),
                Cell::new(short_source(&item.source)),
                Cell::new(&time(item.received_at)),
                Cell::new(item.subject.as_deref().unwrap_or("-")),
                Cell::new(&excerpt(item)),
            ],
            None,
        );
    }
    table.render()
}

fn excerpt(item: &InboxItem) -> String {
    let text = match (&item.text, &item.data, &item.data_base64) {
        (Some(text), _, _) => clean(text),
        (None, Some(data), _) => clean(&data.to_string()),
        (None, None, Some(base64)) => format!("({} bytes)", base64.trim_end_matches('=').len() * 3 / 4),
        (None, None, None) => "(empty)".to_owned(),
    };
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// `planner@a` for a source that names an agent, else the source as it is.
fn short_source(source: &str) -> &str {
    source.strip_prefix("byway://").unwrap_or(source)
}

fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn transport(view: &AttemptView) -> String {
    let name = clean(&view.transport);
    if view.mode == "notify" {
        format!("{name} (notify)")
    } else {
        name
    }
}

fn outcome(view: &AttemptView) -> String {
    let sign = match view.outcome.as_str() {
        "delivered" => '✓',
        "unknown" => '?',
        "skipped" => '–',
        _ => '✗',
    };
    format!("{sign} {}", view.outcome)
}

fn took(view: &AttemptView) -> String {
    match (view.number, view.took_ms) {
        (None, _) => String::new(),
        (Some(_), ms @ ..10_000) => format!("{ms} ms"),
        (Some(_), ms) => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
    }
}

fn outcome_style(outcome: &str) -> Style {
    match outcome {
        "delivered" => Style::new().green(),
        "unknown" => Style::new().yellow(),
        "skipped" => Style::new().dimmed(),
        _ => Style::new().red(),
    }
}

fn status_style(status: &str) -> Style {
    match status {
        "delivered" | "read" | "processed" => Style::new().green(),
        "dead" | "expired" => Style::new().red(),
        "held" | "pending" | "unread" => Style::new().yellow(),
        _ => Style::new(),
    }
}
