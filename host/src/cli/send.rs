//! `byway send`: a local agent, or the operator, sends a message.
//!
//! It is sent under an idempotency key even where none was given, so that an answer that got lost is asked
//! for again and never becomes a second message. Once the message is accepted the exit code
//! is 0 (or, with `--wait`, tells how it ended): nothing that fails afterwards invites to send it again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::client::{CallError, Client, Content};
use super::failure::Failure;
use super::moment::{Moment, moment, span};
use super::reach::{Caller, reach};
use super::{Session, input, wait};
use crate::api::{SubmittedView, event_bytes_max};
use crate::config::Config;
use crate::error_code::ErrorCode;

/// How long an answer that got lost is asked for again.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(200);

/// Send a message
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("content").required(true),
    after_help = "\
Exits 0 once the message is safely stored here; byway then delivers it by itself. With --wait it exits
0 when it is delivered, 69 when it is dead or expired, and 3 when that is still undecided: do not
send it again then. Calls as the agent whose token BYWAY_TOKEN holds, else as the admin.

Examples:
  byway send --to executor@b \"the build is done\"
  byway send --to executor@b --from planner --priority high --wait=5m \"go\"
  byway send --to executor@b -- \"-text with a dash in front\"
  make report | byway send --to executor@b --subject nightly -
  byway send --to executor@b --data '{\"task\": 17}'
  byway send --event event.json"
)]
pub(super) struct Send {
    /// Whom it is for: an agent, or a group of this instance; several times for several
    #[arg(long, value_name = "AGENT@INSTANCE", required_unless_present = "event")]
    to: Vec<String>,
    /// Which local agent sends it [default: whose token it is; the admin sends as `admin`]
    #[arg(long, value_name = "AGENT")]
    from: Option<String>,
    /// What to say; `-` reads it from standard input, as it is
    #[arg(value_name = "TEXT", group = "content")]
    text: Option<String>,
    /// Say what stands in this file
    #[arg(long, value_name = "PATH", group = "content")]
    file: Option<PathBuf>,
    /// Send a JSON value
    #[arg(long, value_name = "JSON", group = "content")]
    data: Option<String>,
    /// Send a whole CloudEvent (JSON), with its own id; `-` reads standard input
    #[arg(long, value_name = "FILE", group = "content", conflicts_with_all = ["to", "from", "subject", "priority", "reply_to", "deliver_after", "expires"])]
    event: Option<PathBuf>,
    /// The conversation it belongs to
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// How soon, relative to other messages
    #[arg(long, value_name = "PRIORITY", value_parser = ["low", "normal", "high", "urgent"])]
    priority: Option<String>,
    /// The address an answer should go to
    #[arg(long, value_name = "AGENT@INSTANCE")]
    reply_to: Option<String>,
    /// The same key and the same message again are one message
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Do not try before: a time (RFC 3339), or so long from now (10m)
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    deliver_after: Option<Moment>,
    /// Do not deliver after: a time (RFC 3339), or so long from now (2h)
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    expires: Option<Moment>,
    /// Wait until it is decided, so long at most
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "60s", value_parser = span)]
    wait: Option<Duration>,
}

/// The short form of a message.
#[derive(Serialize)]
struct ShortForm<'a> {
    to: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replyto: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliverafter: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expirytime: Option<Timestamp>,
}

impl Send {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let config = session.config_to_call().await?;
        let (media_type, bytes) = self.content(&config, Timestamp::now())?;
        let key = self
            .idempotency_key
            .clone()
            .unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let (client, submitted) = submit(&config, media_type, &bytes, &key).await?;
        let terminal = session.terminal;
        let is_decided = submitted.status == "delivered";
        if !client.is_server() && !is_decided && self.wait.is_none() {
            terminal.note("accepted; `byway serve` is not running: it goes out when it is started");
        }
        // From here on the message is safe, so an output that cannot be written is no reason to fail.
        let announced = if terminal.json && self.wait.is_none() {
            terminal.json(&submitted)
        } else if terminal.json {
            Ok(())
        } else {
            terminal.result(&accepted(&submitted))
        };
        if let Err(failure) = announced {
            terminal.failure(&failure);
        }
        match self.wait {
            Some(within) => wait::until_decided(&config, client, submitted, within, terminal).await,
            None => Ok(()),
        }
    }

    fn content(&self, config: &Config, now: Timestamp) -> Result<(&'static str, Vec<u8>), Failure> {
        if let Some(path) = &self.event {
            return Ok((
                "application/cloudevents+json",
                input::read(path, event_bytes_max(config))?,
            ));
        }
        let bytes_max = config.limits.data_bytes_max;
        let from_path =
            |path: &PathBuf| input::text(input::read(path, bytes_max)?, &path.display().to_string());
        let text = match (&self.text, &self.file) {
            (Some(dash), _) if dash == "-" => Some(input::text(
                input::read(dash.as_ref(), bytes_max)?,
                "standard input",
            )?),
            (Some(text), _) => Some(text.clone()),
            (None, Some(path)) => Some(from_path(path)?),
            (None, None) => None,
        };
        let short = ShortForm {
            to: &self.to,
            text,
            data: self.data.as_deref().map(json).transpose()?,
            from: self.from.as_deref(),
            subject: self.subject.as_deref(),
            priority: self.priority.as_deref(),
            replyto: self.reply_to.as_deref(),
            deliverafter: self.deliver_after.map(|moment| moment.after(now)),
            expirytime: self.expires.map(|moment| moment.after(now)),
        };
        let bytes = serde_json::to_vec(&short).map_err(|error| Failure::internal(error.to_string()))?;
        Ok(("application/json", bytes))
    }
}

/// Sends until somebody answers. The key makes a repetition harmless.
async fn submit(
    config: &Config,
    media_type: &'static str,
    bytes: &[u8],
    key: &str,
) -> Result<(Client, SubmittedView), Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        let client = reach(config, Caller::Local).await?;
        let content = Content {
            media_type,
            bytes: bytes.to_vec(),
            idempotency_key: Some(key.to_owned()),
        };
        match client.post("/v1/messages", Some(content)).await {
            Ok(submitted) => return Ok((client, submitted)),
            Err(CallError::Refused(failure)) => return Err(failure),
            Err(CallError::NoAnswer(why)) if Instant::now() >= until => return Err(lost(&why, key)),
            Err(CallError::NoAnswer(_)) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn lost(why: &str, key: &str) -> Failure {
    Failure::new(
        ErrorCode::NotRunning,
        format!("byway did not answer ({why}), so it is not known whether it has the message"),
    )
    .with_fix(format!(
        "Send it again with --idempotency-key {key}: then it is one message in any case."
    ))
}

fn json(text: &str) -> Result<Box<RawValue>, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::new(
            ErrorCode::MalformedMessage,
            format!("--data is not JSON: {error}"),
        )
    })
}

fn accepted(submitted: &SubmittedView) -> String {
    let again = if submitted.duplicate {
        " (it was here before)"
    } else {
        ""
    };
    let word = if submitted.status == "delivered" && !submitted.duplicate {
        "delivered"
    } else {
        "accepted"
    };
    format!("{word} {}{again}", submitted.id)
}
