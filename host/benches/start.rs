//! What byway costs while nothing happens: how long a start takes until it is ready, and the memory it then holds.
//!
//! The real program is started with six transports of six different components, once so that their code is compiled
//! and kept, then again and again. Times are medians; memory is what the kernel says after a moment's rest.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench may fail loudly"
)]

mod stage;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use stage::ROUNDS;

/// Until threads that were only needed for starting have gone.
const REST: Duration = Duration::from_secs(2);

fn main() {
    // Cargo's test runner asks benches without a harness for their tests; there are none.
    if std::env::args().any(|it| it == "--list" || it == "--test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path());
    let mut first = Started::new(folder.path());
    println!("first start   {:6.1} ms to ready, which compiles", first.took_ms);
    std::thread::sleep(REST);
    println!("              {}", first.memory());
    first.stop();
    let (mut times, mut memory) = (Vec::new(), String::new());
    for round in 0..=ROUNDS {
        let mut started = Started::new(folder.path());
        if round > 0 {
            times.push(started.took_ms);
        }
        if round == ROUNDS {
            std::thread::sleep(REST);
            memory = started.memory();
        }
        started.stop();
    }
    println!("warm start    {:6.1} ms to ready", stage::median(times));
    println!("              {memory}");
    stage::print_load();
}

/// Six transports, no two of the same component.
fn write_config(folder: &Path) {
    let mut config = String::from(
        "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n[agents]\nnames = [\"planner\"]\n",
    );
    let builtin = [
        (
            "webhook",
            r#"{ url = "http://127.0.0.1:9/hook" }"#,
            r#"{ http = ["POST http://127.0.0.1:9/hook"] }"#,
        ),
        (
            "file",
            r#"{ mode = "drop", folder = "/tmp" }"#,
            r#"{ folders = [{ path = "/tmp", access = "drop" }] }"#,
        ),
        (
            "cli",
            r#"{ command = "accept" }"#,
            r#"{ commands.accept = { argv = ["true"], stdin = "envelope" } }"#,
        ),
    ];
    for (name, settings, grants) in builtin {
        writeln!(
            config,
            "[transports.{name}]\nadapter = \"builtin:{name}\"\nconfig = {settings}\ngrants = {grants}"
        )
        .unwrap();
    }
    for name in ["noop", "puppet"] {
        let path = stage::guest(name);
        writeln!(config, "[transports.{name}]\nadapter = \"{}\"", path.display()).unwrap();
    }
    let push = stage::example("custom-adapter");
    writeln!(
        config,
        "[transports.push]\nadapter = \"{}\"\nconfig = {{ topic = \"http://127.0.0.1:9/a\" }}\n\
         grants = {{ http = [\"POST http://127.0.0.1:9/a\"] }}",
        push.display()
    )
    .unwrap();
    std::fs::write(folder.join("byway.toml"), config).unwrap();
}

struct Started {
    child: Child,
    took_ms: f64,
}

impl Started {
    fn new(folder: &Path) -> Self {
        let began = Instant::now();
        let mut child = Command::new(stage::program())
            .arg("serve")
            .current_dir(folder)
            .env("BYWAY_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.contains("ready"), "{line}");
        Self {
            child,
            took_ms: began.elapsed().as_secs_f64() * 1000.0,
        }
    }

    /// In MiB: all that is resident, and the part that is nobody else's file.
    fn memory(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let mib = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            kib / 1024.0
        };
        format!(
            "{:6.1} MiB resident when idle, {:.1} MiB of it anonymous, {} threads",
            mib("VmRSS:"),
            mib("RssAnon:"),
            status
                .lines()
                .find_map(|line| line.strip_prefix("Threads:"))
                .unwrap()
                .trim()
        )
    }

    /// Asks it to stop, as a service does.
    fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}
