//! Another configuration is put in force while byway runs.
//!
//! Everything is looked at before anything is changed: the file is read, every transport that is new or
//! different is loaded, and a single problem refuses the whole; what was in force stays. Then all of it is
//! swapped at once. A transport whose table and component are the same is kept as it is,
//! with its connections, its breaker and its quarantine.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::difference::{is_same, needs_restart};
use super::files::{Marks, Watch};
use super::setup::Setup;
use super::{Byway, at_its_line, last_in_force, loading, warn_of_missing_secrets};
use crate::api::ReloadView;
use crate::config::{self, AdapterRef, Config, Problem};
use crate::delivery::Fleet;
use crate::error_code::ErrorCode;
use crate::sandbox::Sandbox;
use crate::store::StoreError;

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A caller of the API, such as `byway reload`.
    Call,
    /// SIGHUP.
    Signal,
    /// A file that is not as it was.
    Watch,
}

/// What byway remembers of its reloads.
pub(super) struct Reloads {
    /// One at a time.
    turn: tokio::sync::Mutex<()>,
    last: Mutex<Last>,
    hastening: Hastening,
}

/// Whether messages that wait are still to be made due because something else is in force. Counted, so that
/// what is put in force while they are made due for the one before it is not taken for done.
#[derive(Debug, Default)]
struct Hastening {
    wanted: AtomicU64,
    done: AtomicU64,
}

struct Last {
    view: ReloadView,
    /// The files as they were when they were read last, whatever came of it.
    marks: Marks,
}

/// What is to be put in force.
struct Prepared {
    config: Config,
    fleet: Fleet,
    names: Names,
}

/// The transports, by what became of them.
#[derive(Debug, Default)]
struct Names {
    loaded: Vec<String>,
    unchanged: Vec<String>,
    removed: Vec<String>,
}

/// Everything that is wrong, and the same as a person reads it.
struct Refused {
    problems: Vec<Problem>,
    report: String,
}

impl Reloads {
    /// The start counts as the first.
    pub(super) fn new(config: &Config, fleet: &Fleet, marks: Marks, now: Timestamp) -> Self {
        let loaded = fleet.views().filter(|(_, view)| view.fault.is_none());
        let view = ReloadView {
            at: now,
            by: "start".into(),
            outcome: "done".into(),
            file: config.path.display().to_string(),
            loaded: loaded.map(|(name, _)| name.to_owned()).collect(),
            unchanged: Vec::new(),
            removed: Vec::new(),
            problems: Vec::new(),
            report: None,
        };
        Self {
            turn: tokio::sync::Mutex::default(),
            last: Mutex::new(Last { view, marks }),
            hastening: Hastening::default(),
        }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hastening {
    fn want(&self) {
        self.wanted.fetch_add(1, Ordering::AcqRel);
    }

    /// What is still to be done; `None` where nothing is.
    fn due(&self) -> Option<u64> {
        let wanted = self.wanted.load(Ordering::Acquire);
        (wanted > self.done.load(Ordering::Acquire)).then_some(wanted)
    }

    /// Only after it succeeded: who is cut off or fails leaves it to be done.
    fn note_done(&self, wanted: u64) {
        self.done.fetch_max(wanted, Ordering::AcqRel);
    }
}

impl Byway {
    /// Reads the configuration again and puts it in force, or refuses it and leaves everything as it is.
    /// Attempts that are under way end as they began.
    pub async fn reload(&self, by: Trigger) -> ReloadView {
        let _turn = self.reloads.turn.lock().await;
        let (old, sandbox) = (self.setup.get(), self.sandbox.clone());
        let path = old.config.path.clone();
        let prepared = tokio::task::spawn_blocking(move || {
            let mut marks = Marks::default();
            marks.note(path.clone());
            let prepared = prepare(&old, sandbox.as_ref(), &path, &mut marks);
            (prepared, marks)
        });
        let (ended, marks) = match prepared.await {
            Ok((Ok(prepared), marks)) => (Ok(self.put_in_force(prepared).await), Some(marks)),
            Ok((Err(refused), marks)) => (Err(refused), Some(marks)),
            Err(error) => (Err(Refused::of_byway(&error.to_string())), None),
        };
        let view = self.view(by, ended);
        tell(&view);
        let mut last = self.reloads.last();
        last.marks = marks.unwrap_or_else(|| last.marks.again());
        last.view = view.clone();
        view
    }

    /// How the configuration in force was read, or what was wrong when it was read again last.
    #[must_use]
    pub fn last_reload(&self) -> ReloadView {
        self.reloads.last().view.clone()
    }

    /// Looks at the files until `stop` turns true, and takes changes in, where the configuration wants that.
    /// Makes due what could not be made due when something else was put in force, and at first what met something else
    /// before the start, whether it wants that or not.
    pub(super) async fn watch_files(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let setup = self.setup.get();
        if last_in_force::is_another(&setup.config.instance.data_dir, &last_in_force::digest(&setup)) {
            self.reloads.hastening.want();
        }
        drop(setup);
        let mut watch = Watch::default();
        let mut is_failing = false;
        while !*stop.borrow() {
            self.load_again((self.ground.clock)());
            self.take_in_late().await;
            is_failing = match self.hasten().await {
                Ok(()) => false,
                Err(error) => {
                    if !is_failing {
                        tracing::warn!(%error, "messages that wait are not looked at yet; byway tries again");
                    }
                    true
                }
            };
            if self.config().reload.watch {
                let taken_in = self.reloads.last().marks.clone();
                let look = tokio::task::spawn_blocking(move || (taken_in.again(), taken_in)).await;
                if let Ok((now, taken_in)) = look
                    && watch.look(now, &taken_in)
                {
                    self.reload(Trigger::Watch).await;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Begins to load again what could not be loaded for a reason that may have passed by now.
    pub(super) fn load_again(&self, now: Timestamp) {
        if let Some(sandbox) = &self.sandbox {
            self.late.load_again(sandbox, &self.setup.get(), now);
        }
    }

    /// Puts transports in force that the start did not wait for.
    pub(super) async fn take_in_late(&self) {
        let late = self.late.take((self.ground.clock)());
        if late.is_empty() {
            return;
        }
        let breakers = self.store().breakers().await.unwrap_or_else(|error| {
            tracing::error!(%error, "how the breakers of late transports stood cannot be read; they are closed");
            Vec::new()
        });
        let _turn = self.reloads.turn.lock().await;
        let old = self.setup.get();
        if let Some(fleet) = loading::join(&old, late, &breakers, (self.ground.clock)()) {
            self.setup
                .put(Setup::new(Config::clone(&old.config), fleet, &self.ground));
            self.reloads.hastening.want();
        }
    }

    async fn put_in_force(&self, prepared: Prepared) -> (bool, Names) {
        let Prepared { config, fleet, names } = prepared;
        let old = self.setup.get();
        let is_new = !names.loaded.is_empty()
            || !names.removed.is_empty()
            || !config.source.is_same_text(&old.config.source);
        drop(old);
        if is_new {
            self.setup.put(Setup::new(config, fleet, &self.ground));
            self.reloads.hastening.want();
            if let Err(error) = self.hasten().await {
                tracing::warn!(%error, "messages that wait do not see the new configuration yet; byway tries again");
            }
            self.engine.nudge();
        }
        (is_new, names)
    }

    /// Has what waited for something that may be different now looked at again, where that is still to be done.
    async fn hasten(&self) -> Result<(), StoreError> {
        let Some(wanted) = self.reloads.hastening.due() else {
            return Ok(());
        };
        let setup = self.setup.get();
        self.store().hasten((self.ground.clock)()).await?;
        self.reloads.hastening.note_done(wanted);
        last_in_force::note(&setup.config.instance.data_dir, &last_in_force::digest(&setup));
        self.engine.nudge();
        Ok(())
    }

    fn view(&self, by: Trigger, ended: Result<(bool, Names), Refused>) -> ReloadView {
        let (outcome, names, refused) = match ended {
            Ok((true, names)) => ("done", names, None),
            Ok((false, names)) => ("unchanged", names, None),
            Err(refused) => ("refused", Names::default(), Some(refused)),
        };
        let (problems, report) = refused.map_or_else(Default::default, |it| (it.problems, Some(it.report)));
        ReloadView {
            at: (self.ground.clock)(),
            by: by.word().into(),
            outcome: outcome.into(),
            file: self.config().path.display().to_string(),
            loaded: names.loaded,
            unchanged: names.unchanged,
            removed: names.removed,
            problems: problems
                .iter()
                .filter_map(|problem| serde_json::to_value(problem).ok())
                .collect(),
            report,
        }
    }
}

/// Reads and loads everything, and changes nothing. Blocks while components are compiled.
fn prepare(
    old: &Setup,
    sandbox: Option<&Sandbox>,
    path: &Path,
    marks: &mut Marks,
) -> Result<Prepared, Refused> {
    let Some(sandbox) = sandbox else {
        return Err(Refused::of_byway("this byway was opened without its transports"));
    };
    let read = config::load(path);
    // Where it cannot be read, the components of the one in force are watched on.
    marks.note_adapters(read.as_ref().unwrap_or(&old.config));
    let config = read.map_err(|errors| Refused {
        problems: errors.problems().to_vec(),
        report: errors.to_string(),
    })?;
    let mut problems = needs_restart(&old.config, &config);
    let mut fleet = Fleet::default();
    let mut names = Names::default();
    for (name, transport) in &config.transports {
        if stays(old, sandbox, transport) && fleet.take_over(name, &old.fleet) {
            names.unchanged.push(name.clone());
            continue;
        }
        match sandbox.load(transport) {
            Ok(loaded) => {
                warn_of_missing_secrets(name, &loaded);
                fleet.add(transport, Ok(loaded));
                names.loaded.push(name.clone());
            }
            Err(found) => problems.extend(found.into_iter().map(|it| at_its_line(&config, transport, it))),
        }
    }
    if !problems.is_empty() {
        problems.sort_by_key(|problem| (problem.place.line, problem.place.column));
        return Err(Refused {
            report: config.render(&problems),
            problems,
        });
    }
    let before = old.config.transports.keys();
    names.removed = before
        .filter(|name| !config.transports.contains_key(*name))
        .cloned()
        .collect();
    Ok(Prepared { config, fleet, names })
}

/// Whether a transport's table and component are the ones that are loaded.
fn stays(old: &Setup, sandbox: &Sandbox, transport: &config::Transport) -> bool {
    let Some(before) = old.config.transports.get(&transport.name) else {
        return false;
    };
    let Some(loaded) = old.fleet.loaded(&transport.name) else {
        return false;
    };
    is_same(before, transport)
        && match &transport.adapter {
            AdapterRef::Builtin(_) => true,
            AdapterRef::Path(_) => sandbox.digest(&transport.adapter) == Some(loaded.digest()),
        }
}

fn tell(view: &ReloadView) {
    let ReloadView { by, file, .. } = view;
    match view.outcome.as_str() {
        "done" => tracing::info!(
            by, file, loaded = ?view.loaded, unchanged = ?view.unchanged, removed = ?view.removed,
            "the configuration is in force"
        ),
        "unchanged" => tracing::info!(by, file, "the configuration is the one in force"),
        _ => tracing::error!(
            by,
            file,
            "the configuration was refused, and the one in force stays:\n{}",
            view.report.as_deref().unwrap_or_default()
        ),
    }
}

impl Refused {
    /// Where nothing is wrong with the file.
    fn of_byway(why: &str) -> Self {
        Self {
            problems: Vec::new(),
            report: format!("error[{}]: {why}", ErrorCode::Internal),
        }
    }
}

impl Trigger {
    fn word(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Signal => "signal",
            Self::Watch => "watch",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_hastened_until_that_succeeds() {
        let hastening = Hastening::default();
        assert_eq!(hastening.due(), None);
        hastening.want();
        let first = hastening.due().unwrap();
        assert_eq!(hastening.due(), Some(first), "it failed, and is to be done still");
        hastening.want();
        hastening.note_done(first);
        let second = hastening
            .due()
            .expect("something else was put in force meanwhile");
        hastening.note_done(second);
        hastening.note_done(first);
        assert_eq!(hastening.due(), None);
    }
}
