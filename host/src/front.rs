//! One running byway, put together: the front through which the API and the command line use the rooms.
//!
//! There is one of them for a data folder. `byway serve` opens it with its transports and runs its
//! engine; a command such as `byway accept` that finds no server running opens it without, stores what
//! it has to store, and leaves the delivering to the server's next start.

mod deciding;
mod difference;
mod files;
mod last_in_force;
mod loading;
mod looking;
mod receiving;
mod recompiling;
mod reload;
mod setup;
mod upkeep;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use zeroize::Zeroizing;

use files::Marks;
use loading::Late;
use reload::Reloads;
use setup::{Cell, Ground};

pub use deciding::{DeadQuery, Redriving};
pub use reload::Trigger;
pub(crate) use setup::Setup;

use crate::config::{Config, Durability, Problem, SecretSource, Transport};
use crate::delivery::{Engine, EngineSettings, Fleet};
use crate::envelope::Envelope;
use crate::error_code::ErrorCode;
use crate::identity::Identity;
use crate::intake::{Door, Intake, Refusal, Submission, Submitted, TakenIn};
use crate::lanes::{self, Lanes};
use crate::principal::{Principal, Tokens};
use crate::sandbox::{Compiling, LoadedTransport, PreflightProblem, Sandbox, SandboxSettings, read_secret};
use crate::store::{self, Store};

/// How many threads read senders' tokens at once. Anybody can ask for it without any right, and a token that
/// a command prints takes seconds; the threads are those that the store and the folders need, too.
const TOKEN_READERS_MAX: usize = 4;
/// How long a call waits until one of them is free.
const TOKEN_READER_WAIT: Duration = Duration::from_secs(3);

/// Why byway could not be put together.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StartError {
    /// The code, for looking it up.
    pub code: ErrorCode,
    /// What happened, and what to do.
    pub message: String,
}

/// One byway.
pub struct Byway {
    setup: Cell,
    ground: Ground,
    tokens: Tokens,
    engine: Engine,
    /// `None`: opened without transports.
    sandbox: Option<Sandbox>,
    reloads: Reloads,
    late: Late,
    token_readers: Arc<Semaphore>,
}

impl Byway {
    /// Opens the data folder and loads every transport. A transport that cannot be loaded is
    /// reported and left out: the others deliver. One whose adapter takes long to compile joins them later.
    ///
    /// # Errors
    /// Where the data folder, the identity or the sandbox cannot be had.
    pub fn open(config: Config, compiling: Compiling) -> Result<Self, StartError> {
        Self::open_within(config, compiling, loading::PATIENCE)
    }

    /// The same, waiting so long at most for adapters that are in files.
    fn open_within(config: Config, compiling: Compiling, patience: Duration) -> Result<Self, StartError> {
        let marks = Marks::of(&config);
        let store = open_store(&config)?;
        let lanes = Lanes::start(lanes::fitting()).map_err(no_lanes)?;
        let sandbox = sandbox_of_lanes(&config, compiling, lanes.count())?;
        let (fleet, late) = loading::load_all(&sandbox, &config, patience, Timestamp::now());
        let byway = Self::put_together(config, store, fleet, Some((sandbox, marks)), lanes)?;
        Ok(Self { late, ..byway })
    }

    /// Opens the data folder alone, to store something while no server runs.
    ///
    /// # Errors
    /// Where the data folder or the identity cannot be had.
    pub fn open_without_transports(config: Config) -> Result<Self, StartError> {
        let store = open_store(&config)?;
        Self::put_together(config, store, Fleet::default(), None, Lanes::none())
    }

    fn put_together(
        config: Config,
        store: Store,
        fleet: Fleet,
        running: Option<(Sandbox, Marks)>,
        lanes: Lanes,
    ) -> Result<Self, StartError> {
        let data_dir = &config.instance.data_dir;
        let identity = Arc::new(Identity::load_or_create(data_dir).map_err(data_folder)?);
        store.sign_checkpoints_with(Arc::clone(&identity) as Arc<dyn store::CheckpointSigner>);
        let tokens = Tokens::load_or_create(data_dir).map_err(data_folder)?;
        let ground = Ground {
            store,
            identity,
            clock: Arc::new(Timestamp::now),
        };
        let (sandbox, marks) =
            running.map_or_else(Default::default, |(sandbox, marks)| (Some(sandbox), marks));
        let reloads = Reloads::new(&config, &fleet, marks, (ground.clock)());
        let at_once_max = config.limits.attempts_at_once_max;
        let setup = Cell::new(Setup::new(config, fleet, &ground));
        let engine = Engine::new(EngineSettings {
            store: ground.store.clone(),
            in_force: {
                let setup = setup.clone();
                Arc::new(move || Arc::clone(&setup.get().in_force))
            },
            clock: Arc::clone(&ground.clock),
            at_once_max,
            lanes,
        });
        Ok(Self {
            setup,
            ground,
            tokens,
            engine,
            sandbox,
            reloads,
            late: Late::default(),
            token_readers: Arc::new(Semaphore::new(TOKEN_READERS_MAX)),
        })
    }

    /// Delivers, fetches and looks for changed files until `stop` turns true and what is under way has ended.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let mut beside = tokio::task::JoinSet::new();
        beside.spawn(Arc::clone(&self).receive(stop.clone()));
        beside.spawn(Arc::clone(&self).watch_files(stop.clone()));
        beside.spawn(Arc::clone(&self).look_after_the_store(stop.clone()));
        self.engine.run(stop).await;
        beside.shutdown().await;
    }

    /// Drops what is still being delivered when nobody waits for it any more: its commands are stopped, and the store
    /// is let go of. False where that took longer than `patience`.
    pub async fn end_deliveries(&self, patience: Duration) -> bool {
        self.engine.end(patience).await
    }

    /// All that is in force, for whoever needs more than one part of it: taken one by one, they may belong to
    /// different configurations.
    pub(crate) fn setup(&self) -> Arc<Setup> {
        self.setup.get()
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.setup.get().config)
    }

    /// Turns whenever another configuration is put in force.
    #[must_use]
    pub fn swaps(&self) -> watch::Receiver<()> {
        self.setup.swaps()
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.ground.store
    }

    /// The doors, as they are now.
    #[must_use]
    pub fn intake(&self) -> Arc<Intake> {
        Arc::clone(&self.setup.get().intake)
    }

    /// The transports, as they are now.
    #[must_use]
    pub fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&self.setup.get().fleet)
    }

    /// The tokens of the API.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The source of what a local agent sends.
    #[must_use]
    pub fn source_of(&self, agent: &str) -> String {
        format!("byway://{}/{agent}", self.config().instance.name)
    }

    /// Whose token this is. Those of inbound senders are read where the operator keeps them; where too many
    /// calls want that at once, some are not recognised.
    pub async fn recognise(&self, token: &str) -> Option<Principal> {
        if let Some(principal) = self.tokens.recognise(token) {
            return Some(principal);
        }
        let sources: Vec<(String, SecretSource)> = self
            .config()
            .inbound
            .iter()
            .filter_map(|(name, inbound)| Some((name.clone(), inbound.token.clone()?)))
            .collect();
        if sources.is_empty() {
            return None;
        }
        let token = Zeroizing::new(token.to_owned());
        let turn = turn_of(&self.token_readers).await?;
        // They may be files, or printed by commands that take their time.
        let found = tokio::task::spawn_blocking(move || {
            // Kept by the thread: the caller may be gone before it has ended.
            let _turn = turn;
            inbound_sender(&sources, &token)
        })
        .await;
        found.ok().flatten().map(Principal::Inbound)
    }

    /// Takes a message from a local caller, and lets the engine begin with it.
    ///
    /// # Errors
    /// Where it is refused; nothing was stored.
    pub async fn submit(
        &self,
        principal: &Principal,
        submission: Submission,
        key: Option<String>,
    ) -> Result<Submitted, Refusal> {
        let submitted = self.intake().submit(principal, submission, key).await?;
        self.engine.nudge();
        Ok(submitted)
    }

    /// Takes in an event from outside, and lets the engine begin with what follows from it.
    ///
    /// # Errors
    /// Where it is refused; nothing was stored but a line in the journal.
    pub async fn take_in(&self, door: &Door, envelope: Envelope) -> Result<TakenIn, Refusal> {
        self.take_in_under(&self.setup(), door, envelope).await
    }

    /// The same under a setup that may not be the one in force any more.
    pub(crate) async fn take_in_under(
        &self,
        setup: &Setup,
        door: &Door,
        envelope: Envelope,
    ) -> Result<TakenIn, Refusal> {
        let taken = setup.intake.take_in(door, envelope).await?;
        self.engine.nudge();
        Ok(taken)
    }
}

fn open_store(config: &Config) -> Result<Store, StartError> {
    let durability = match config.instance.durability {
        Durability::Full => store::Durability::Full,
        Durability::Process => store::Durability::Process,
    };
    Store::open(&config.instance.data_dir, durability).map_err(|error| StartError {
        code: error.code(),
        message: error.to_string(),
    })
}

/// The sandbox that a configuration asks for. Compiled code is kept in the data folder, where there is
/// one: looking at a configuration makes none.
///
/// # Errors
/// Where the engine cannot be made on this machine.
pub fn sandbox(config: &Config, compiling: Compiling) -> Result<Sandbox, StartError> {
    sandbox_of_lanes(config, compiling, 1)
}

fn sandbox_of_lanes(config: &Config, compiling: Compiling, lanes: usize) -> Result<Sandbox, StartError> {
    let data_dir = &config.instance.data_dir;
    Sandbox::new(SandboxSettings {
        cache_dir: data_dir.is_dir().then(|| data_dir.join("compiled")),
        compiling,
        attempts_at_once_max: config.limits.attempts_at_once_max,
        lanes,
        builtin: crate::builtin::adapters(),
    })
    .map_err(|error| StartError {
        code: ErrorCode::Internal,
        message: error.to_string(),
    })
}

fn no_lanes(error: io::Error) -> StartError {
    StartError {
        code: ErrorCode::Internal,
        message: format!("this machine gives no threads to deliver with: {error}"),
    }
}

/// Everything that is wrong with a transport's adapter, its configuration and its grants.
///
/// # Errors
/// The problems, where there are any.
pub fn preflight(sandbox: &Sandbox, transport: &Transport) -> Result<(), Vec<PreflightProblem>> {
    sandbox.load(transport).map(drop)
}

/// A problem of a transport, with the line of the file that it is about.
pub(crate) fn at_its_line(config: &Config, transport: &Transport, problem: PreflightProblem) -> Problem {
    let at = |pointer: &str| config.place_of(&transport.name, pointer);
    let (place, table) = (at(&problem.pointer), at(""));
    // Where no right at all is written, the line that needs one says more than the table's head.
    let is_written = (place.line, place.column) != (table.line, table.column);
    let place = match problem.code {
        ErrorCode::MissingGrant if !is_written => at("/config"),
        _ => place,
    };
    let key = format!("transports.{}", transport.name);
    let message = format!("transport `{}`: {}", transport.name, problem.message);
    let fix = problem.fix.unwrap_or_else(|| problem.code.entry().fix.to_owned());
    Problem::new(problem.code, place, &key, message).with_fix(fix)
}

fn warn_of_missing_secrets(name: &str, loaded: &LoadedTransport) {
    for missing in loaded.missing_secrets() {
        tracing::warn!(name, "messages wait until it is there: {}", missing.message);
    }
}

fn sentences(problems: &[PreflightProblem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| match &problem.fix {
            Some(fix) => format!("{} ({fix})", problem.message),
            None => problem.message.clone(),
        })
        .collect();
    lines.join("; ")
}

/// Waits for a turn at reading tokens; `None` where none comes in time.
async fn turn_of(readers: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let turn = Arc::clone(readers).acquire_owned();
    tokio::time::timeout(TOKEN_READER_WAIT, turn).await.ok()?.ok()
}

/// The sender that has this token.
fn inbound_sender(sources: &[(String, SecretSource)], token: &str) -> Option<String> {
    use subtle::ConstantTimeEq as _;
    let has = |(name, source): &&(String, SecretSource)| match read_secret(source) {
        Ok(expected) => bool::from(token.as_bytes().ct_eq(expected.as_bytes())),
        Err(why) => {
            tracing::error!(sender = name, "an inbound sender's token is not available: {why}");
            false
        }
    };
    sources.iter().find(has).map(|(name, _)| name.clone())
}

fn data_folder(error: impl std::fmt::Display) -> StartError {
    StartError {
        code: ErrorCode::DataFolder,
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn strangers_keep_only_a_few_threads_busy() {
        let readers = Arc::new(Semaphore::new(TOKEN_READERS_MAX));
        let mut turns = Vec::new();
        for _ in 0..TOKEN_READERS_MAX {
            turns.push(turn_of(&readers).await.unwrap());
        }
        assert!(turn_of(&readers).await.is_none(), "nobody waits for ever");
        turns.pop();
        assert!(turn_of(&readers).await.is_some());
    }
}
