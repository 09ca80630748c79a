//! Two byways on this machine, and a message that gets through although the first choices fail.
//!
//! Everything in it is real: two processes of the program, their own folders, keys and ports, a
//! command that exits with an error, a port that nobody listens at, a server that answers 503.
//! It ends well only if every claim on its page was checked ([`verdict`]); it is bounded in time,
//! and whatever happens it leaves nothing running ([`leash`]). When it fails, its folder stays and is
//! named.

mod answers;
mod busy_relay;
pub(crate) mod deadline;
pub(crate) mod instance;
pub(crate) mod leash;
mod page;
mod readme;
mod settings;
mod verdict;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::build;
use crate::failure::{Doing, Failure, Result};
use crate::layout::Layout;
use crate::terminal::time;

use answers::Received;
use busy_relay::BusyRelay;
use deadline::Deadline;
use instance::Instance;
use page::Page;
use settings::Places;
use verdict::Expected;

const WHOLE_MAY_TAKE: Duration = Duration::from_secs(60);
const ARRIVAL_MAY_TAKE: Duration = Duration::from_secs(15);
/// b looks into the folder twice a second. Whatever came twice would have shown by then.
const SETTLED_AFTER: Duration = Duration::from_millis(700);

const FIRST_TEXT: &str = "Build 4f1c2ab is green. Please deploy it to the test stand.";
const SECOND_TEXT: &str = "The test stand is yours until noon.";

/// Builds what is needed, then plays it.
pub(crate) fn demo(layout: &Layout, into_readme: bool) -> Result<()> {
    let program = build::build(layout)?;
    let folder = throw_away_folder(&layout.target.join("demo"))?;
    let mut page = Page::new();
    if let Err(failure) = Play::new(&program, &folder).and_then(|mut play| play.whole(&mut page)) {
        let kept = format!("the configurations and logs are in {}", folder.display());
        return Err(failure.within(format_args!("the demo failed ({kept})")));
    }
    fs::remove_dir_all(&folder).doing(format_args!("remove {}", folder.display()))?;
    if into_readme {
        readme::write(&layout.root.join("README.md"), page.plain())
    } else {
        Ok(())
    }
}

/// A new folder for one demo. Folders of demos that were killed are taken away first; that of one
/// still running is not.
pub(crate) fn throw_away_folder(all: &Path) -> Result<PathBuf> {
    fs::create_dir_all(all).doing(format_args!("make {}", all.display()))?;
    let folder = all.join(std::process::id().to_string());
    for old in fs::read_dir(all)
        .doing("read the demo's folder")?
        .filter_map(|entry| entry.ok())
    {
        let is_running = Path::new("/proc").join(old.file_name()).exists();
        if !is_running || old.path() == folder {
            fs::remove_dir_all(old.path()).doing(format_args!("remove {}", old.path().display()))?;
        }
    }
    fs::create_dir(&folder).doing(format_args!("make {}", folder.display()))?;
    Ok(folder)
}

/// The two byways and what is around them.
struct Play {
    deadline: Deadline,
    folder: PathBuf,
    a: Instance,
    b: Instance,
    relay: BusyRelay,
}

impl Play {
    fn new(program: &Path, folder: &Path) -> Result<Self> {
        let deadline = Deadline::in_time(WHOLE_MAY_TAKE);
        let shared = folder.join("shared");
        fs::create_dir_all(&shared).doing(format_args!("make {}", shared.display()))?;
        Ok(Self {
            deadline,
            folder: shared,
            a: Instance::new("a", program, folder, deadline)?,
            b: Instance::new("b", program, folder, deadline)?,
            relay: BusyRelay::start()?,
        })
    }

    fn whole(&mut self, page: &mut Page) -> Result<()> {
        let (at_a, at_b) = self.start()?;
        page.line("");
        page.line(&format!(
            "Two byways run on this machine: a on {at_a}, b on {at_b}."
        ));
        page.line("On a, whatever is for an agent on b takes the first of these that works:");
        page.line("");
        page.chain();
        self.while_b_is_up(page)?;
        self.while_b_is_down(page, at_b)?;
        self.end(&[at_a, at_b])?;
        let took = time(self.deadline.so_far());
        page.verdict(&format!(
            "Each message arrived once, and nothing is left running. That took {took}."
        ));
        Ok(())
    }

    /// Exchanges the keys, writes the configurations, starts both.
    fn start(&mut self) -> Result<(SocketAddr, SocketAddr)> {
        for instance in [&self.a, &self.b] {
            instance.configure(&settings::bare(instance.name, None))?;
        }
        let (key_of_a, key_of_b) = (identity(&self.a)?, identity(&self.b)?);
        self.b
            .configure(&settings::of_receiver(&key_of_a, None, &self.folder))?;
        let at_b = self.b.start()?;
        // It is to come back where it was.
        self.b
            .configure(&settings::of_receiver(&key_of_a, Some(at_b), &self.folder))?;
        let places = Places {
            gateway: closed_port()?,
            relay: self.relay.address(),
            peer: at_b,
            folder: &self.folder,
        };
        self.a.configure(&settings::of_sender(&key_of_b, places))?;
        Ok((self.a.start()?, at_b))
    }

    fn while_b_is_up(&mut self, page: &mut Page) -> Result<()> {
        page.heading("1. planner@a writes to executor@b");
        let id = self.send(page, FIRST_TEXT, &verdict::B_UP)?;
        let received = self.arrival(&id, FIRST_TEXT, 1)?;
        page.line("");
        page.line("   b's inbox has it, once:");
        page.line("");
        page.received(&received);
        Ok(())
    }

    fn while_b_is_down(&mut self, page: &mut Page, at_b: SocketAddr) -> Result<()> {
        page.heading("2. b is killed, and planner@a writes again");
        self.b.kill()?;
        if TcpStream::connect(at_b).is_ok() {
            return Err(Failure::new(format!(
                "b was killed, but somebody still listens on {at_b}"
            )));
        }
        let id = self.send(page, SECOND_TEXT, &verdict::B_DOWN)?;
        let back_at = self.b.start()?;
        if back_at != at_b {
            return Err(Failure::new(format!("b came back on {back_at}, not on {at_b}")));
        }
        let received = self.arrival(&id, SECOND_TEXT, 2)?;
        page.line("");
        page.line("   b is started again, looks into the folder, and has it in its inbox, once:");
        page.line("");
        page.received(&received);
        Ok(())
    }

    /// Sends a message and shows its way.
    fn send(&self, page: &mut Page, text: &str, expected: &[Expected]) -> Result<String> {
        let turned_away = self.relay.asked();
        let sending = [
            "send",
            "--from",
            "planner",
            "--to",
            "executor@b",
            "--wait=15s",
            "--json",
            text,
        ];
        let id = answers::sent(&self.a.ask(&sending)?)?;
        let shown = answers::shown(&self.a.ask(&["show", &id, "--json"])?)?;
        page.attempts(&shown.attempts);
        verdict::of_attempts(&shown, expected)?;
        if self.relay.asked() == turned_away {
            return Err(Failure::new(
                "the relay is said to have answered 503, but was never asked",
            ));
        }
        Ok(id)
    }

    /// Waits for a message to be in b's inbox, and makes sure that it stays there alone.
    fn arrival(&self, id: &str, text: &str, count: usize) -> Result<Received> {
        self.deadline.wait_for(
            &format!("the arrival of message {id} on b"),
            ARRIVAL_MAY_TAKE,
            || {
                let there = self.inbox()?.iter().any(|received| received.id == id);
                Ok(there.then_some(()))
            },
        )?;
        std::thread::sleep(SETTLED_AFTER);
        verdict::of_inbox(&self.inbox()?, id, text, count).cloned()
    }

    fn inbox(&self) -> Result<Vec<Received>> {
        answers::inbox(&self.b.ask(&["inbox", "list", "--agent", "executor", "--json"])?)
    }

    /// Ends both, and makes sure of it.
    fn end(&mut self, addresses: &[SocketAddr]) -> Result<()> {
        self.a.kill()?;
        self.b.kill()?;
        match addresses
            .iter()
            .find(|address| TcpStream::connect(address).is_ok())
        {
            Some(address) => Err(Failure::new(format!("a byway still runs on {address}"))),
            None => Ok(()),
        }
    }
}

/// The public half of a byway's identity.
pub(crate) fn identity(of: &Instance) -> Result<String> {
    let told = format!("`byway identity` on {}", of.name);
    let text = of.call(&["identity"])?.success(&told)?;
    text.split_whitespace()
        .find(|word| word.starts_with("ed25519:"))
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("{told} printed no key: {text}")))
}

/// An address that refuses connections: one that was free a moment ago.
fn closed_port() -> Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .doing("find a closed port")
}
