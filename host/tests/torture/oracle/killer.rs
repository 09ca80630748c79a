//! Who kills the byways, stops and reloads them, and lets them live in the end.

use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::byway_process::{BINARY, Server};
use crate::dice::Dice;
use crate::site::Site;

/// How long a byway may be kept from its folder by a command that works in it.
const START_MAX: Duration = Duration::from_secs(40);

/// Two byways' lives.
pub struct Killer {
    sites: [Arc<Site>; 2],
    running: [Option<Server>; 2],
    dice: Dice,
    kills: [u64; 2],
    kills_in_start: u64,
    stops: u64,
    reloads: u64,
}

impl Killer {
    /// Starts both.
    pub fn start(sites: [Arc<Site>; 2], dice: Dice) -> Self {
        let mut killer = Self {
            sites,
            running: [None, None],
            dice,
            kills: [0, 0],
            kills_in_start: 0,
            stops: 0,
            reloads: 0,
        };
        killer.make_peace();
        killer
    }

    /// Kills so often. `killed` is told how many kills there were again; `turn` gives A another configuration,
    /// before it is reloaded.
    pub fn strike(&mut self, kills: u64, killed: impl Fn(u64), mut turn: impl FnMut()) {
        let mut reported = Instant::now();
        let mut told = 0;
        while self.killed() < kills {
            killed(self.killed() - told);
            told = self.killed();
            // Often soon after the last, sometimes after a while in which much is under way.
            let pause = if self.dice.once_in(3) {
                self.dice.millis(900)
            } else {
                self.dice.millis(200)
            };
            std::thread::sleep(pause);
            match self.dice.below(10) {
                0 => self.stop_one(),
                1 => {
                    turn();
                    if let Some(server) = &self.running[0] {
                        server.signal(Signal::HUP).unwrap();
                    }
                    self.reloads += 1;
                }
                2 => {
                    // Both at once, as when a machine dies that has both.
                    self.kill(0);
                    self.kill(1);
                }
                number => self.kill(usize::from(number % 2 == 0)),
            }
            for which in [0, 1] {
                while self.running[which].is_none() && self.dice.once_in(6) {
                    self.kill_in_start(which);
                }
            }
            self.make_peace();
            if reported.elapsed() > Duration::from_secs(60) {
                reported = Instant::now();
                println!("oracle: {}", self.report());
            }
        }
    }

    /// Starts whoever does not run, and waits until it is ready.
    pub fn make_peace(&mut self) {
        for (site, running) in self.sites.iter().zip(&mut self.running) {
            if let Some(server) = running {
                assert!(server.runs(), "{} has died by itself:\n{}", site.name, site.log());
            } else {
                *running = Some(start(site));
            }
        }
    }

    /// What was done, for people.
    pub fn report(&self) -> String {
        format!(
            "{} kills of A and {} of B ({} while they started), {} stops, {} reloads",
            self.kills[0], self.kills[1], self.kills_in_start, self.stops, self.reloads
        )
    }

    /// Stops both in order.
    pub fn end(&mut self) {
        for server in self.running.iter_mut().filter_map(Option::take) {
            let status = server.stop().unwrap();
            assert!(status.success(), "a stop ended with {status}");
        }
    }

    fn killed(&self) -> u64 {
        self.kills.iter().sum()
    }

    fn kill(&mut self, which: usize) {
        if let Some(server) = self.running[which].take() {
            server.kill();
            self.kills[which] += 1;
        }
    }

    fn stop_one(&mut self) {
        let which = usize::from(self.dice.once_in(2));
        if let Some(server) = self.running[which].take() {
            let status = server.stop().unwrap();
            assert!(
                status.success(),
                "a stop ended with {status}:\n{}",
                self.sites[which].log()
            );
            self.stops += 1;
        }
    }

    /// Starts one and kills it before anybody has heard of it.
    fn kill_in_start(&mut self, which: usize) {
        let log = self.sites[which].config.with_extension("log");
        let log = File::options().append(true).create(true).open(log).unwrap();
        let mut child = Command::new(BINARY)
            .args(["serve", "--config"])
            .arg(&self.sites[which].config)
            .env_remove("BYWAY_CONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        std::thread::sleep(self.dice.millis(150));
        child.kill().unwrap();
        child.wait().unwrap();
        self.kills[which] += 1;
        self.kills_in_start += 1;
    }
}

/// A command that works in the folder keeps the server out for a moment; who runs a server starts it again then.
fn start(site: &Site) -> Server {
    let end = Instant::now() + START_MAX;
    loop {
        match site.try_start() {
            Ok(server) => return server,
            Err(why) => {
                let in_use = why.contains("another byway") && why.contains("has the data folder");
                assert!(in_use && Instant::now() < end, "{why}");
            }
        }
    }
}
