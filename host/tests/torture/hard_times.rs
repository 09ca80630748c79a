//! A disk that is full, slow, or fails to sync: what was accepted is safe, what is refused is refused clearly and at once,
//! and when the trouble is over byway goes on by itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use byway::config;
use byway::error_code::ErrorCode;
use byway::front::Byway;
use byway::intake::{ShortForm, Submission, Submitted};
use byway::principal::Principal;
use byway::store::{Durability, Store};
use lossy_disk::{Event, Remains};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::dice::Dice;
use crate::power::folder;
use crate::site::Site;
use crate::wait;

/// What is settled beside the instance. Its own reserve would refuse long before the disk does.
const STORE: &str = "[store]\nfree_min = \"0B\"\n";

/// A small file system of its own. Unmounted when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one; `None` where this user may not.
    fn mount(at: &Path, bytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "none"])
            .arg(at)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_refuses_clearly_and_loses_nothing() {
    let dir = TempDir::with_prefix("byway-full-").unwrap();
    let site = Site::prepare("a", dir.path());
    let Some(_disk) = SmallDisk::mount(&site.data, 24 << 20) else {
        println!("left out: a small disk cannot be mounted here (it takes root)");
        return;
    };
    site.configure(&format!("{STORE}[agents]\nnames = [\"executor\"]\n"));
    let server = site.start();
    let ballast = site.data.join("ballast");
    std::fs::write(&ballast, vec![0; 4 << 20]).unwrap();
    let send = |number: usize| {
        let body = json!({ "to": "executor@a", "text": format!("{number} {}", "x".repeat(100_000)) });
        site.call("POST", "/v1/messages", &[], &body.to_string()).unwrap()
    };
    let mut accepted = Vec::new();
    let mut refused = 0;
    let mut number = 0;
    while refused < 5 {
        number += 1;
        assert!(number < 1_000, "the disk does not get full");
        let answer = send(number);
        if answer.status == 202 {
            accepted.push(answer.json()["id"].as_str().unwrap().to_owned());
            continue;
        }
        refused += 1;
        let problem = answer.json();
        assert_eq!(answer.status, 507, "{problem}");
        assert_eq!(problem["code"], ErrorCode::DiskFull.code(), "{problem}");
        assert!(
            problem["fix"].as_str().is_some_and(|fix| !fix.is_empty()),
            "{problem}"
        );
    }
    let before = accepted.len();
    std::fs::remove_file(ballast).unwrap();
    // By itself, without a restart.
    wait::until("byway to accept again", || {
        number += 1;
        let answer = send(number);
        if answer.status == 202 {
            accepted.push(answer.json()["id"].as_str().unwrap().to_owned());
            return Ok(());
        }
        Err(answer.text())
    })
    .unwrap();
    server.kill();
    let server = site.start();
    let inbox = site.list("/v1/agents/executor/inbox?all=true");
    let there: Vec<&str> = inbox.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert!(
        accepted.iter().all(|id| there.contains(&id.as_str())),
        "accepted, and not there"
    );
    assert_eq!(there.len(), accepted.len(), "refused, and there all the same");
    server.stop().unwrap();
    println!(
        "full disk: {before} accepted until it was full, {refused} refused with 507, {} in the end, lost 0",
        accepted.len()
    );
}

#[test]
fn a_slow_disk_is_shared_by_all_that_wait_for_it() {
    const AT_ONCE: usize = 64;
    lossy_disk::install();
    let folder = folder();
    let watch = lossy_disk::watch(&folder.path().join("data"));
    let byway = open(folder.path());
    watch.slow_down(Duration::from_millis(50));
    let before = watch.syncs();
    let runtime = runtime();
    let answers = runtime.block_on(async {
        let calls: Vec<_> = (0..AT_ONCE)
            .map(|number| tokio::spawn(submit(Arc::clone(&byway), number)))
            .collect();
        let mut answers = Vec::new();
        for call in calls {
            answers.push(call.await.unwrap());
        }
        answers
    });
    let syncs = watch.syncs() - before;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // Counted, not timed: whoever comes while the disk is busy shares the next sync.
    assert!(syncs <= 8, "{AT_ONCE} callers at once took {syncs} syncs");
    println!("slow disk: {AT_ONCE} callers at once accepted in {syncs} syncs");
}

#[test]
fn a_sync_that_fails_is_a_refusal_and_takes_nobody_with_it() {
    lossy_disk::install();
    let seed = Dice::seed_from("BYWAY_TORTURE_SEED");
    let mut dice = Dice::of(seed);
    let folder = folder();
    let data = folder.path().join("data");
    let watch = lossy_disk::watch(&data);
    let byway = open(folder.path());
    let runtime = runtime();
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for number in 0..300 {
        if dice.once_in(5) {
            watch.fail_syncs(usize::try_from(1 + dice.below(2)).unwrap());
        }
        match runtime.block_on(submit(Arc::clone(&byway), number)) {
            Ok(submitted) => {
                watch.mark(&submitted.id);
                accepted.push(submitted.id);
            }
            Err(code) => {
                assert!(
                    [ErrorCode::StoreFailed, ErrorCode::DiskFull].contains(&code),
                    "{code:?}"
                );
                refused += 1;
            }
        }
    }
    watch.fail_syncs(0);
    assert!(refused > 10, "only {refused} were refused");
    runtime.block_on(submit(Arc::clone(&byway), 300)).unwrap();
    // What a failed sync has given up is never written, and yet all that was answered is there.
    let mut remains = Remains::default();
    let mut answered: Vec<String> = Vec::new();
    let mut looked = 0;
    for event in watch.events() {
        remains.happen(&event);
        let Event::Mark(id) = event else { continue };
        answered.push(id);
        if answered.len().is_multiple_of(20) {
            looked += 1;
            let there = ids(&remains);
            assert!(
                answered.iter().all(|id| there.contains(id)),
                "seed {seed}: answered, and not there"
            );
        }
    }
    println!(
        "failing syncs: {} accepted, {refused} refused, {looked} disks looked at, lost 0 (seed {seed})",
        accepted.len()
    );
}

/// The messages on a disk of which only what was synced is left.
fn ids(remains: &Remains) -> Vec<String> {
    let left = folder();
    for (path, bytes) in remains.certain() {
        std::fs::write(left.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    drop(Store::open(left.path(), Durability::Full).unwrap_or_else(|error| panic!("{error}")));
    let database = Connection::open(left.path().join("byway.sqlite3")).unwrap();
    let mut query = database.prepare("SELECT id FROM outgoing").unwrap();
    query
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn open(folder: &Path) -> Arc<Byway> {
    let text = format!(
        "[instance]\nname = \"a\"\ndata_dir = \"{}\"\n{STORE}\
         [transports.hook]\nadapter = \"builtin:webhook\"\nconfig = {{ url = \"http://127.0.0.1:9/\" }}\n\
         grants.http = [\"POST http://127.0.0.1:9/\"]\n\
         [[routes]]\nto = \"*@far\"\nchain = [\"hook\"]\n",
        folder.join("data").display()
    );
    let config = config::parse(&text, &folder.join("byway.toml")).unwrap_or_else(|errors| panic!("{errors}"));
    Arc::new(Byway::open_without_transports(config).unwrap())
}

async fn submit(byway: Arc<Byway>, number: usize) -> Result<Submitted, ErrorCode> {
    let form = ShortForm {
        to: "executor@far".into(),
        text: Some(format!("{number} {}", "x".repeat(3_000))),
        ..ShortForm::default()
    };
    let planner = Principal::Agent("planner".into());
    let submitted = byway
        .submit(&planner, Submission::Short(Box::new(form)), None)
        .await;
    submitted.map_err(|refusal| refusal.code)
}
