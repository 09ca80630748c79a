//! Loads the transports at the start, and lets no adapter keep the others waiting.
//!
//! Those that byway carries are loaded before anything else: they are its own, and compile in a moment. Those in files are loaded
//! beside them, two at a time, since a component may be made so that compiling it takes as long as it is allowed to. What is not
//! done after a while is late: byway starts without it, says so, and takes it in when it is done.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::difference::is_same;
use super::setup::Setup;
use super::{sentences, warn_of_missing_secrets};
use crate::config::{AdapterRef, Config, Transport};
use crate::delivery::Fleet;
use crate::sandbox::{LoadedTransport, Sandbox};
use crate::store::KeptBreaker;

/// How long a start waits for adapters in files, all together.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Components that are compiled at the same time: each may take a processor, and up to a gigabyte.
const LOADERS: usize = 2;
/// What is said of a transport meanwhile.
const STILL_LOADING: &str = "its adapter is still being compiled";

/// What is still to be loaded, the transports of one adapter together: they would wait for the same compiler.
type Queue = Arc<Mutex<VecDeque<Vec<Transport>>>>;

/// A transport that was loaded, or the reason why it could not be.
pub(super) struct Loaded {
    transport: Transport,
    loaded: Result<LoadedTransport, String>,
}

/// The transports that the start did not wait for.
#[derive(Default)]
pub(super) struct Late(Mutex<Option<mpsc::Receiver<Loaded>>>);

impl Late {
    /// What has been done since the last look.
    pub(super) fn take(&self) -> Vec<Loaded> {
        let receiver = lock(&self.0);
        receiver.iter().flat_map(mpsc::Receiver::try_iter).collect()
    }
}

/// Loads every transport of a configuration; for those in files it waits no longer than `patience`.
pub(super) fn load_all(sandbox: &Sandbox, config: &Config, patience: Duration) -> (Fleet, Late) {
    let (carried, in_files): (Vec<&Transport>, Vec<&Transport>) = config
        .transports
        .values()
        .partition(|transport| matches!(transport.adapter, AdapterRef::Builtin(_)));
    let done = begin(sandbox, &in_files);
    let mut fleet = Fleet::default();
    for transport in carried {
        fleet.add(transport, load(sandbox, transport));
    }
    let until = Instant::now() + patience;
    let mut missing = in_files;
    while !missing.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(Loaded { transport, loaded }) = done.recv_timeout(left) else {
            break;
        };
        missing.retain(|it| it.name != transport.name);
        fleet.add(&transport, loaded);
    }
    for transport in missing {
        let name = &transport.name;
        tracing::warn!(
            name,
            "{STILL_LOADING}; the other transports go on, and it joins them when it is done"
        );
        fleet.add(transport, Err(STILL_LOADING.to_owned()));
    }
    (fleet, Late(Mutex::new(Some(done))))
}

/// The transports in force together with those that are late; `None` where none of them is wanted any more.
pub(super) fn join(
    old: &Setup,
    late: Vec<Loaded>,
    breakers: &[KeptBreaker],
    now: Timestamp,
) -> Option<Fleet> {
    let is_awaited = |it: &Loaded| {
        let name = &it.transport.name;
        let configured = old.config.transports.get(name);
        // A reload may have loaded it meanwhile, or have another in its place.
        old.fleet.loaded(name).is_none() && configured.is_some_and(|now| is_same(now, &it.transport))
    };
    let late: Vec<Loaded> = late.into_iter().filter(is_awaited).collect();
    if late.is_empty() {
        return None;
    }
    let mut fleet = Fleet::default();
    for name in old.config.transports.keys() {
        fleet.take_over(name, &old.fleet);
    }
    for Loaded { transport, loaded } in late {
        if loaded.is_ok() {
            tracing::info!(
                name = transport.name,
                "its adapter is compiled, and it is in force"
            );
        }
        let mut alone = Fleet::default();
        alone.add(&transport, loaded);
        // As those that were there at the start; what was taken over knows better by now.
        alone.restore_breakers(breakers, now);
        fleet.take_over(&transport.name, &alone);
    }
    Some(fleet)
}

/// Loads these on threads of their own.
fn begin(sandbox: &Sandbox, transports: &[&Transport]) -> mpsc::Receiver<Loaded> {
    let (done, receiver) = mpsc::channel();
    let mut groups: VecDeque<Vec<Transport>> = VecDeque::new();
    for transport in transports {
        let is_its = |group: &&mut Vec<Transport>| group.iter().any(|it| it.adapter == transport.adapter);
        match groups.iter_mut().find(is_its) {
            Some(group) => group.push((*transport).clone()),
            None => groups.push_back(vec![(*transport).clone()]),
        }
    }
    let loaders = LOADERS.min(groups.len());
    let queue: Queue = Arc::new(Mutex::new(groups));
    for _ in 0..loaders {
        let (sandbox, queue, done) = (sandbox.clone(), Arc::clone(&queue), done.clone());
        let work = move || work(&sandbox, &queue, &done);
        if let Err(error) = std::thread::Builder::new().name("byway-load".into()).spawn(work) {
            tracing::warn!(%error, "no thread to load adapters on");
        }
    }
    // With no thread at all there is this one.
    if Arc::strong_count(&queue) == 1 {
        work(sandbox, &queue, &done);
    }
    receiver
}

fn work(sandbox: &Sandbox, queue: &Queue, done: &mpsc::Sender<Loaded>) {
    loop {
        let Some(group) = lock(queue).pop_front() else {
            return;
        };
        for transport in group {
            let loaded = load(sandbox, &transport);
            if done.send(Loaded { transport, loaded }).is_err() {
                return;
            }
        }
    }
}

fn load(sandbox: &Sandbox, transport: &Transport) -> Result<LoadedTransport, String> {
    let name = &transport.name;
    let loaded = sandbox.load(transport).map_err(|problems| {
        let reasons = sentences(&problems);
        tracing::error!(name, "not loaded, the other transports go on: {reasons}");
        reasons
    });
    if let Ok(loaded) = &loaded {
        warn_of_missing_secrets(name, loaded);
    }
    loaded
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;
    use crate::config;
    use crate::front::Byway;
    use crate::sandbox::{CompileLimits, Compiling};

    /// A carried adapter, with so much behind it that nobody has seen it before.
    fn component(folder: &Path, name: &str) {
        let carried = crate::builtin::adapters();
        let (_, webhook) = carried.iter().find(|(it, _)| *it == "webhook").unwrap();
        let mut bytes = webhook.to_vec();
        let length = u8::try_from(name.len()).unwrap();
        bytes.extend([0, length + 1, length]);
        bytes.extend(name.as_bytes());
        fs::write(folder.join(format!("{name}.wasm")), bytes).unwrap();
    }

    fn configuration(folder: &Path, transports: &[(&str, &str)]) -> Config {
        let mut text = "[instance]\nname = \"a\"\ndata_dir = \"data\"\ndurability = \"process\"\n".to_owned();
        for (name, adapter) in transports {
            text.push_str(&format!(
                "[transports.{name}]\nadapter = \"{adapter}\"\nconfig = {{ url = \"http://127.0.0.1:1/\" }}\n\
                 grants = {{ http = [\"POST http://127.0.0.1:1/\"] }}\n"
            ));
        }
        let file = folder.join("byway.toml");
        fs::write(&file, text).unwrap();
        config::load(&file).unwrap_or_else(|errors| panic!("{errors}"))
    }

    async fn open(config: Config, compiling: Compiling, patience: Duration) -> Byway {
        let opened = tokio::task::spawn_blocking(move || Byway::open_within(config, compiling, patience));
        opened.await.unwrap().unwrap()
    }

    fn fault(byway: &Byway, name: &str) -> Option<String> {
        let fleet = byway.fleet();
        let (_, view) = fleet.views().find(|(it, _)| *it == name).unwrap();
        view.fault.clone()
    }

    /// Looks until a late transport is not late any more.
    async fn joined(byway: &Byway, name: &str) -> Option<String> {
        loop {
            byway.take_in_late().await;
            match fault(byway, name) {
                Some(why) if why == STILL_LOADING => tokio::time::sleep(Duration::from_millis(20)).await,
                fault => return fault,
            }
        }
    }

    #[tokio::test]
    async fn an_adapter_that_compiles_for_ever_keeps_no_other_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        component(here, "good");
        component(here, "endless");
        // What was compiled before is there at once.
        let known = [("carried", "builtin:webhook"), ("good", "./good.wasm")];
        let byway = open(configuration(here, &known), Compiling::InProcess, PATIENCE).await;
        assert_eq!(joined(&byway, "good").await, None);
        drop(byway);
        let (compiler, go) = (here.join("compiler"), here.join("go"));
        // Bounded, so that nothing is left of a test that fails.
        let script = format!(
            "#!/bin/sh\nn=0\nwhile ! test -e {} && test $n -lt 3000; do n=$((n+1)); sleep 0.02; done\nexit 1\n",
            go.display()
        );
        fs::write(&compiler, script).unwrap();
        fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
        let compiling = Compiling::Child {
            program: compiler,
            limits: CompileLimits::default(),
        };
        let all = [
            ("a-endless", "./endless.wasm"),
            ("b-endless", "./endless.wasm"),
            known[0],
            known[1],
        ];
        let config = configuration(here, &all);
        let byway = open(config, compiling, Duration::from_millis(500)).await;
        assert_eq!(fault(&byway, "carried"), None);
        assert_eq!(joined(&byway, "good").await, None);
        for name in ["a-endless", "b-endless"] {
            assert_eq!(fault(&byway, name).as_deref(), Some(STILL_LOADING));
        }
        fs::write(go, "").unwrap();
        for name in ["a-endless", "b-endless"] {
            assert!(
                joined(&byway, name)
                    .await
                    .unwrap()
                    .contains("could not be compiled")
            );
        }
        assert!(byway.fleet().loaded("carried").is_some(), "it was taken over");
    }

    #[tokio::test]
    async fn a_late_transport_joins_the_others_when_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        component(folder.path(), "late");
        let config = configuration(folder.path(), &[("late", "./late.wasm")]);
        let byway = open(config, Compiling::InProcess, Duration::ZERO).await;
        assert_eq!(fault(&byway, "late").as_deref(), Some(STILL_LOADING));
        assert_eq!(joined(&byway, "late").await, None);
        assert!(byway.fleet().loaded("late").is_some());
    }

    #[tokio::test]
    async fn a_late_transport_that_rested_before_the_restart_rests_on() {
        let folder = tempfile::tempdir().unwrap();
        component(folder.path(), "late");
        let config = || configuration(folder.path(), &[("late", "./late.wasm")]);
        let byway = open(config(), Compiling::InProcess, PATIENCE).await;
        let now = Timestamp::now();
        let view = |byway: &Byway| byway.fleet().views().next().unwrap().1.clone();
        let opened = KeptBreaker {
            transport: "late".into(),
            fingerprint: format!("{:016x}", view(&byway).fingerprint),
            failures: 9,
            opened_at: Some(now),
        };
        byway.store().keep_breaker(opened).await.unwrap();
        drop(byway);
        let byway = open(config(), Compiling::InProcess, Duration::ZERO).await;
        assert_eq!(joined(&byway, "late").await, None);
        let late = view(&byway);
        let rests = late
            .breaker_state
            .lock()
            .unwrap()
            .closed_until(late.breaker, Timestamp::now());
        assert!(rests.is_some_and(|until| until > now));
    }
}
