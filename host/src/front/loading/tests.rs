//! Who waits for whom at a start, and what comes later.

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

/// A compiler that says in `order` how long each component is, and breaks.
fn broken_compiler(folder: &Path) -> Compiling {
    let (compiler, order) = (folder.join("compiler"), folder.join("order"));
    let script = format!("#!/bin/sh\nwc -c >> {}\nexit 1\n", order.display());
    fs::write(&compiler, script).unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
    Compiling::Child {
        program: compiler,
        limits: CompileLimits::default(),
    }
}

#[tokio::test]
async fn what_byway_carries_waits_for_no_stranger() {
    let folder = tempfile::tempdir().unwrap();
    component(folder.path(), "strange");
    let all = [("a-strange", "./strange.wasm"), ("carried", "builtin:webhook")];
    let config = configuration(folder.path(), &all);
    open(config, broken_compiler(folder.path()), PATIENCE).await;
    let order = fs::read_to_string(folder.path().join("order")).unwrap();
    let lengths: Vec<usize> = order.lines().map(|line| line.trim().parse().unwrap()).collect();
    assert!(lengths.is_sorted() && lengths.len() == 2, "{lengths:?}");
}

#[tokio::test]
async fn what_could_not_be_compiled_for_once_joins_the_others_later() {
    let folder = tempfile::tempdir().unwrap();
    component(folder.path(), "busy");
    let config = || configuration(folder.path(), &[("busy", "./busy.wasm")]);
    let byway = open(config(), broken_compiler(folder.path()), PATIENCE).await;
    assert!(fault(&byway, "busy").unwrap().contains("could not be compiled"));
    let state = || byway.transport_states().remove(0);
    let again_at = state().until.unwrap();
    // Somebody else has compiled it by then.
    let other = crate::front::sandbox(&config(), Compiling::InProcess).unwrap();
    let busy = config().transports["busy"].clone();
    tokio::task::spawn_blocking(move || other.load(&busy).map(drop).unwrap())
        .await
        .unwrap();
    byway.load_again(again_at - jiff::SignedDuration::from_secs(1));
    assert_eq!(state().until, Some(again_at), "not before its time");
    byway.load_again(again_at);
    while fault(&byway, "busy").is_some() {
        byway.take_in_late().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((state().state.as_str(), state().until), ("ready", None));
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
