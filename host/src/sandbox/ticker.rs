//! The thread that makes every running guest stop for a moment, a hundred times a second.
//!
//! Without it no guest in a loop would ever be stopped. It is an operating system's thread because a
//! runtime whose workers are all busy with guests would not run it; it holds the engine weakly, and
//! ends with it; and it sleeps while nothing runs, so that an idle sidecar is idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

/// How long between two ticks, and so how late a guest may notice its deadline.
const TICK: Duration = Duration::from_millis(10);
/// How often an idle ticker looks whether the engine is still there.
const IDLE_LOOK: Duration = Duration::from_secs(5);

/// A running ticker.
#[derive(Debug)]
pub(super) struct Ticker {
    running: Arc<AtomicUsize>,
    thread: Thread,
}

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start(engine: &Engine) -> std::io::Result<Self> {
        let running = Arc::new(AtomicUsize::new(0));
        let engine = engine.weak();
        let handle = thread::Builder::new().name("byway-epochs".into()).spawn({
            let running = Arc::clone(&running);
            move || tick(&engine, &running)
        })?;
        Ok(Self {
            running,
            thread: handle.thread().clone(),
        })
    }

    /// Ticks come at least until the answer is dropped.
    pub(super) fn ticking(&self) -> Ticking<'_> {
        if self.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.thread.unpark();
        }
        Ticking(self)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        // Lets the thread find that the engine is gone.
        self.thread.unpark();
    }
}

/// See [`Ticker::ticking`].
#[derive(Debug)]
pub(super) struct Ticking<'a>(&'a Ticker);

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

fn tick(engine: &EngineWeak, running: &AtomicUsize) {
    loop {
        let idle = running.load(Ordering::Acquire) == 0;
        if idle {
            // Long enough to cost nothing; the end of the engine is noticed by it as well.
            thread::park_timeout(IDLE_LOOK);
        } else {
            thread::sleep(TICK);
        }
        match engine.upgrade() {
            Some(_) if idle => {}
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}
