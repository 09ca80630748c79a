//! `byway journal`: the record of everything that happened, and whether it still is what was written.
//!
//! Both verbs read the data folder itself, whether a server runs there or not: a journal is looked at when
//! something is in doubt, and then nobody wants to ask the program that is.

use clap::Subcommand;
use serde::Serialize;

use super::Session;
use super::failure::Failure;
use super::terminal::{Terminal, clean_lines};
use crate::error_code::ErrorCode;
use crate::identity::Identity;
use crate::store::{JournalFile, JournalRow, Report, StoreError};

/// Rows read at once where many are shown.
const PIECE: usize = 1_000;

/// Look at the record of everything that happened
#[derive(Debug, clap::Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  byway journal verify
  byway journal show --id 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b"
)]
pub(super) struct Journal {
    #[command(subcommand)]
    verb: JournalVerb,
}

#[derive(Debug, Subcommand)]
enum JournalVerb {
    Verify(Verify),
    Show(Show),
}

/// Check that no row was altered, taken out or moved
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Works while a server runs, and without one. Ends with 65 where something is wrong. docs/journal.md tells what this
proves and what it does not.

Examples:
  byway journal verify
  byway journal verify --replay --json")]
struct Verify {
    /// Also check that the tables hold what the journal says of every message
    #[arg(long)]
    replay: bool,
}

/// Print the rows, oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --json each row is one line, so that all of it can be kept elsewhere.

Examples:
  byway journal show --id 0198f2c4-5d5e-7c3a-9a51-8f0f4e1f2a3b
  byway journal show --json > journal.ndjson")]
struct Show {
    /// Only the rows about this message
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Only the rows after this number
    #[arg(long, value_name = "ROW", default_value_t = 0)]
    after: i64,
}

#[derive(Serialize)]
struct VerifyView<'a> {
    sound: bool,
    #[serde(flatten)]
    report: &'a Report,
    /// The newest checkpoint, to be kept elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
}

#[derive(Serialize)]
struct RowView<'a> {
    seq: i64,
    at: String,
    event: &'a str,
    id: Option<&'a str>,
    source: Option<&'a str>,
    recipient: Option<&'a str>,
    detail: serde_json::Value,
    hash: String,
}

impl Journal {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let config = session.config()?;
        let data_dir = &config.instance.data_dir;
        let journal = JournalFile::open(data_dir).map_err(failed)?;
        match self.verb {
            JournalVerb::Verify(verb) => {
                let identity = Identity::existing(data_dir)?.ok_or_else(|| {
                    Failure::new(
                        ErrorCode::DataFolder,
                        format!(
                            "{} has no identity, so no checkpoint can be verified",
                            data_dir.display()
                        ),
                    )
                    .with_fix("Put the file `identity` back where it was.")
                })?;
                let report = journal.verify(&identity.public(), verb.replay).map_err(failed)?;
                told(session.terminal, &report, &journal)
            }
            JournalVerb::Show(verb) => verb.run(session.terminal, &journal),
        }
    }
}

fn told(terminal: Terminal, report: &Report, journal: &JournalFile) -> Result<(), Failure> {
    let checkpoint = journal.checkpoint().map(|checkpoint| checkpoint.to_string());
    if terminal.json {
        terminal.json(&VerifyView {
            sound: report.is_sound(),
            report,
            checkpoint,
        })?;
    } else if report.is_sound() {
        terminal.result(&sound(report, checkpoint.as_deref()))?;
    }
    if report.is_sound() {
        return Ok(());
    }
    let count = u64::try_from(report.findings.len()).unwrap_or(u64::MAX) + report.more_findings;
    let lines: String = report
        .findings
        .iter()
        .map(|finding| format!("  {}\n", clean_lines(&finding.message)))
        .collect();
    let more = match report.more_findings {
        0 => String::new(),
        more => format!("  and {more} more\n"),
    };
    let things = if count == 1 { "thing is" } else { "things are" };
    Err(Failure::new(
        ErrorCode::JournalBroken,
        format!("{count} {things} wrong with the journal"),
    )
    .with_more(format!("{lines}{more}")))
}

fn sound(report: &Report, checkpoint: Option<&str>) -> String {
    let mut text = match report.rows {
        0 => "sound: no rows yet".to_owned(),
        1 => format!("sound: 1 row, number {}", report.first),
        rows => format!("sound: {rows} rows, {} to {}", report.first, report.last),
    };
    if report.pruned_through > 0 {
        text.push_str(&format!("\npruned by byway up to row {}", report.pruned_through));
    }
    text.push_str(&format!(
        "\nsigned up to row {}",
        report.signed_through.max(report.pruned_through)
    ));
    if let Some(checkpoint) = checkpoint {
        text.push_str(&format!("\nkeep this elsewhere: {checkpoint}"));
    }
    text
}

impl Show {
    fn run(&self, terminal: Terminal, journal: &JournalFile) -> Result<(), Failure> {
        let mut after = self.after;
        loop {
            let rows = journal.rows(after, PIECE).map_err(failed)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.seq;
            for row in &rows {
                if self.id.is_none() || row.note.id == self.id {
                    show(terminal, row)?;
                }
            }
        }
    }
}

fn show(terminal: Terminal, row: &JournalRow) -> Result<(), Failure> {
    let note = &row.note;
    if terminal.json {
        return terminal.json(&RowView {
            seq: row.seq,
            at: note.at.to_string(),
            event: &note.event,
            id: note.id.as_deref(),
            source: note.source.as_deref(),
            recipient: note.recipient.as_deref(),
            detail: serde_json::from_str(&note.detail).unwrap_or_default(),
            hash: row.hash.to_string(),
        });
    }
    let about = [&note.id, &note.source, &note.recipient].map(|word| word.as_deref().unwrap_or("-"));
    let line = format!(
        "{:>8}  {}  {:<14} {}  {}",
        row.seq,
        note.at,
        note.event,
        about.join(" "),
        note.detail
    );
    terminal.result(&clean_lines(&line))
}

fn failed(error: StoreError) -> Failure {
    Failure::new(error.code(), error.to_string())
}
