//! `byway reload`: the running server reads its configuration again.
//!
//! The whole is looked at before anything is changed. Where anything is wrong, the server goes on as it was, and
//! what is wrong is told as `byway validate` tells it.

use std::time::Duration;

use super::Session;
use super::failure::Failure;
use super::reach::{Caller, running};
use crate::api::ReloadView;
use crate::error_code::ErrorCode;

/// Adapters that are new are compiled first, which takes seconds each.
const ANSWER_MAX: Duration = Duration::from_secs(5 * 60);

/// Have the running server read its configuration and adapters again
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits 0 when the configuration is in force, and 78 where it was refused; then the server goes on
as it was. Attempts that are under way end as they began, and nothing that was accepted is lost.
SIGHUP to the server does the same, and so does a changed file (see [reload] in the configuration).

Examples:
  byway reload
  byway reload --json")]
pub(super) struct Reload {}

impl Reload {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let config = session.config()?;
        let Some(client) = running(&config, Caller::Local).await? else {
            let folder = config.instance.data_dir.display();
            let message = format!("no `byway serve` runs on {folder}");
            return Err(Failure::new(ErrorCode::NotRunning, message).with_fix(
                "There is nothing to reload: `byway serve` reads the configuration when it starts.",
            ));
        };
        let view: ReloadView = client.patient(ANSWER_MAX).post("/v1/reload", None).await?;
        if session.terminal.json {
            return session.terminal.json(&view);
        }
        session.terminal.result(&for_people(&view))
    }
}

fn for_people(view: &ReloadView) -> String {
    let head = if view.outcome == "unchanged" {
        format!("{} is the one in force; nothing is different", view.file)
    } else {
        format!("{} is in force", view.file)
    };
    let lines = [
        ("loaded", &view.loaded),
        ("unchanged", &view.unchanged),
        ("removed", &view.removed),
    ];
    let lines = lines.iter().filter(|(_, names)| !names.is_empty());
    lines.fold(head, |page, (word, names)| {
        format!("{page}\n  {word:<10} {}", names.join(", "))
    })
}
