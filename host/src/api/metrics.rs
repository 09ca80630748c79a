//! `GET /metrics`: how byway does, in the text format of Prometheus.
//!
//! Names and labels are stable; a label's values are transports' names and the words that the rest of byway uses.
//! No message, no address and no secret is among them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use jiff::Timestamp;

use super::auth::Caller;
use super::problem::Problem;
use super::view::TransportStateView;
use crate::delivery::Counted;
use crate::front::Byway;
use crate::store::Counts;

/// The format's own type.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn show(
    caller: Caller,
    State(byway): State<Arc<Byway>>,
) -> Result<impl IntoResponse, Problem> {
    caller.must_be_admin("metrics are the operator's")?;
    let counts = byway.store().counts().await?;
    let mut text = render(
        counts,
        Timestamp::now(),
        &byway.counted(),
        &byway.transport_states(),
    );
    text.push_str(&of_the_store(byway.store().commits(), byway.store().calls()));
    Ok(([(CONTENT_TYPE, TEXT)], text))
}

fn render(counts: Counts, now: Timestamp, counted: &Counted, transports: &[TransportStateView]) -> String {
    let mut page = Page::default();
    page.family(
        "byway_messages",
        "gauge",
        "Outgoing messages that have not been delivered, by status.",
    );
    for (status, number) in [
        ("waiting", counts.waiting),
        ("held", counts.held),
        ("dead", counts.dead),
    ] {
        page.sample("byway_messages", &[("status", status)], number);
    }
    page.family(
        "byway_unread",
        "gauge",
        "Messages in inboxes that no agent has read.",
    );
    page.sample("byway_unread", &[], counts.unread);
    page.family(
        "byway_oldest_waiting_seconds",
        "gauge",
        "How long ago the oldest of the waiting messages was accepted.",
    );
    let oldest = counts.oldest_waiting.map(|at| now.duration_since(at).as_secs());
    let oldest = u64::try_from(oldest.unwrap_or(0)).unwrap_or(0);
    page.sample("byway_oldest_waiting_seconds", &[], oldest);
    page.family(
        "byway_attempts_total",
        "counter",
        "Attempts, by transport and outcome.",
    );
    page.pairs("byway_attempts_total", "outcome", &counted.attempts);
    page.family(
        "byway_skips_total",
        "counter",
        "Steps passed over, by transport and reason.",
    );
    page.pairs("byway_skips_total", "reason", &counted.skips);
    page.family(
        "byway_fallbacks_total",
        "counter",
        "Messages that another than the first choice delivered, by the transport that did.",
    );
    for (transport, number) in &counted.fallbacks {
        page.sample("byway_fallbacks_total", &[("transport", transport)], *number);
    }
    page.family(
        "byway_transport_state",
        "gauge",
        "1 for the state that a transport is in; resting: its breaker is open.",
    );
    for transport in transports {
        let labels = [
            ("transport", transport.name.as_str()),
            ("state", &transport.state),
        ];
        page.sample("byway_transport_state", &labels, 1);
    }
    page.0
}

/// How well calls share the disk: calls by commits.
fn of_the_store(commits: u64, calls: u64) -> String {
    let mut page = Page::default();
    page.family(
        "byway_store_commits_total",
        "counter",
        "Transactions of the store: one sync of the disk each.",
    );
    page.sample("byway_store_commits_total", &[], commits);
    page.family(
        "byway_store_calls_total",
        "counter",
        "Calls that wrote, several of which share a transaction.",
    );
    page.sample("byway_store_calls_total", &[], calls);
    page.0
}

/// The text.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn pairs(&mut self, name: &str, label: &str, counted: &BTreeMap<(String, String), u64>) {
        for ((transport, word), number) in counted {
            self.sample(name, &[("transport", transport), (label, word)], *number);
        }
    }
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_prometheus_reads_it() {
        let counted = Counted {
            attempts: BTreeMap::from([(("hook".into(), "delivered".into()), 3)]),
            skips: BTreeMap::from([(("hook".into(), "rate".into()), 2)]),
            fallbacks: BTreeMap::from([("odd \"\\\n".into(), 1)]),
        };
        let counts = Counts {
            waiting: 7,
            oldest_waiting: Some(Timestamp::from_second(100).unwrap()),
            ..Counts::default()
        };
        let text = render(counts, Timestamp::from_second(160).unwrap(), &counted, &[]);
        for line in [
            "# TYPE byway_messages gauge",
            "byway_messages{status=\"waiting\"} 7",
            "byway_unread 0",
            "byway_oldest_waiting_seconds 60",
            "byway_attempts_total{transport=\"hook\",outcome=\"delivered\"} 3",
            "byway_skips_total{transport=\"hook\",reason=\"rate\"} 2",
            "byway_fallbacks_total{transport=\"odd \\\"\\\\\\n\"} 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        assert!(text.ends_with('\n'));
        let store = of_the_store(2, 40);
        assert!(store.contains("\nbyway_store_commits_total 2\n"), "{store}");
        assert!(store.contains("\nbyway_store_calls_total 40\n"), "{store}");
    }
}
