//! `byway serve`: runs until a signal comes.
//!
//! The order at the start: the data folder first, since its lock makes this the only server; then
//! the address, which is written down for the other verbs; then one line on standard output, which means
//! that messages are taken. At the end the reverse: no new calls, what is under way ends by itself
//! within a bound, and whatever does not is found again in the store at the next start.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Session;
use super::address_file;
use super::compile_component;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::api;
use crate::config::Config;
use crate::error_code::ErrorCode;
use crate::front::{Byway, Trigger};

/// What comes on top of the longest attempt when it stops: writing down how it ended.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Commands may have the data folder for a moment, one after the other; that is no reason not to start. Asked for often,
/// so that the moment between two of them is found.
const FOLDER_TRIES: u32 = 200;
const FOLDER_PAUSE: Duration = Duration::from_millis(25);

/// Run byway: take messages, deliver them, answer the API
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints one line when it is ready, and logs to standard error. SIGTERM or SIGINT: no new calls,
what is under way ends, exit 0; a second signal ends at once. Nothing that was accepted is lost either way.
SIGHUP: the configuration and the adapters are read again, as by `byway reload`.
BYWAY_LOG filters the log, as in BYWAY_LOG=info,byway::delivery=debug.

Examples:
  byway serve
  byway serve --config /etc/byway/byway.toml")]
pub(super) struct Serve {}

#[derive(Serialize)]
struct Ready<'a> {
    instance: &'a str,
    url: String,
}

impl Serve {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let config = session.config()?;
        // Before anything else: from here on SIGHUP does not end the process.
        let hangups = open_signal(SignalKind::hangup())?;
        let byway = Arc::new(open(&config).await?);
        let data_dir = &config.instance.data_dir;
        // What a killed server left would send commands astray.
        address_file::remove(data_dir);
        let (listener, address) = listen(&config).await?;
        let mut signals = Signals::new()?;
        address_file::write(data_dir, address).map_err(|error| {
            Failure::new(ErrorCode::DataFolder, format!("{}: {error}", data_dir.display()))
        })?;

        let (stop, stopped) = watch::channel(false);
        let mut running = JoinSet::new();
        running.spawn(engine(Arc::clone(&byway), stopped.clone()));
        running.spawn(reloads(Arc::clone(&byway), hangups, stopped.clone()));
        running.spawn(calls(Arc::clone(&byway), listener, stopped));
        announce(session.terminal, &config.instance.name, address)?;

        let ended = tokio::select! {
            name = signals.next() => { tracing::info!("{name}: stopping"); Ok(()) }
            ended = running.join_next() => Err(too_early(ended)),
        };
        // What is under way may have begun under another configuration than the one in force.
        let patience = longest_attempt(&config).max(longest_attempt(&byway.config())) + LAST_WORDS;
        tracing::info!("what is under way has {} s to end", patience.as_secs());
        address_file::remove(data_dir);
        // Nobody listens any more only if everything has ended already.
        let _ = stop.send(true);
        wind_up(&mut running, &mut signals, patience).await;
        // Where nobody waited for it: nothing more is begun, and what is under way is dropped before the process ends.
        running.abort_all();
        if !byway.end_deliveries(LAST_WORDS).await {
            tracing::warn!("a delivery did not let go; what it had begun may outlive byway");
        }
        ended
    }
}

/// Opens the data folder with its transports. Loading them compiles, so it keeps a thread of its own busy.
async fn open(config: &Config) -> Result<Byway, Failure> {
    let mut tries = FOLDER_TRIES;
    loop {
        let config = config.clone();
        let opened =
            tokio::task::spawn_blocking(move || Byway::open(config, compile_component::in_a_child())).await;
        match opened.map_err(|error| Failure::internal(error.to_string()))? {
            Ok(byway) => return Ok(byway),
            Err(error) if error.code == ErrorCode::DataFolderInUse && tries > 0 => {
                tries -= 1;
                tokio::time::sleep(FOLDER_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn listen(config: &Config) -> Result<(TcpListener, SocketAddr), Failure> {
    let listen = config.api.listen;
    let failed = |error: std::io::Error| {
        Failure::new(
            ErrorCode::ListenFailed,
            format!("cannot listen on {listen}: {error}"),
        )
    };
    let listener = api::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

fn announce(terminal: Terminal, instance: &str, address: SocketAddr) -> Result<(), Failure> {
    let ready = Ready {
        instance,
        url: format!("http://{address}"),
    };
    if terminal.json {
        return terminal.json(&ready);
    }
    terminal.result(&format!("byway {instance} ready on {}", ready.url))
}

async fn engine(byway: Arc<Byway>, stopped: watch::Receiver<bool>) -> Result<(), String> {
    byway.run(stopped).await;
    Ok(())
}

/// Reads the configuration again at each SIGHUP.
async fn reloads(
    byway: Arc<Byway>,
    mut hangups: Signal,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    while !*stopped.borrow() {
        tokio::select! {
            _ = hangups.recv() => { byway.reload(Trigger::Signal).await; }
            _ = stopped.changed() => {}
        }
    }
    Ok(())
}

async fn calls(
    byway: Arc<Byway>,
    listener: TcpListener,
    stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    api::serve(byway, listener, stopped)
        .await
        .map_err(|error| format!("the API stopped: {error}"))
}

/// Waits for what is under way, until it has ended, the time is up, or a second signal comes.
async fn wind_up(running: &mut JoinSet<Result<(), String>>, signals: &mut Signals, patience: Duration) {
    let all = async { while running.join_next().await.is_some() {} };
    tokio::select! {
        () = all => tracing::info!("stopped"),
        () = tokio::time::sleep(patience) => tracing::warn!("something is still under way; it is found again at the next start"),
        name = signals.next() => tracing::warn!("{name} again: ending at once"),
    }
}

/// Whatever ended while nobody had asked for it is a fault, and the whole ends with it rather than half alive.
fn too_early(ended: Option<Result<Result<(), String>, tokio::task::JoinError>>) -> Failure {
    Failure::internal(match ended {
        Some(Ok(Err(why))) => why,
        Some(Err(error)) => format!("a part of byway ended: {error}"),
        Some(Ok(Ok(()))) | None => "a part of byway ended by itself".to_owned(),
    })
}

fn longest_attempt(config: &Config) -> Duration {
    config
        .transports
        .values()
        .map(|transport| transport.limits.timeout)
        .max()
        .unwrap_or_default()
}

fn open_signal(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::internal(format!("no signals: {error}")))
}

/// The signals that mean stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            terminate: open_signal(SignalKind::terminate())?,
            interrupt: open_signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
