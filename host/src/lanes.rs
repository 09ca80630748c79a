//! Threads that carry deliveries from end to end, one beside the other.
//!
//! Where the threads of one runtime take tasks and connections from one another, they spend more on handing over than
//! they gain: measured, two of them made fewer attempts a second than one (`docs/performance.md`). So a lane is one thread with a runtime of its
//! own. What is begun on a lane stays there, with every connection it opens, and what is costly to share can be kept once for
//! each lane, by the number that [`here`] tells. A guest that computes and computes while it delivers holds up its own
//! lane at most, and not those who call byway, who are on none. (What is fetched is fetched beside them, in turns of 10 ms.)

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

/// The most lanes there are: each costs memory, and the store is one for all of them.
const LANES_MAX: usize = 8;
/// How long the end of a lane waits for files that are being read.
const LAST_READS: Duration = Duration::from_secs(1);

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

/// The number of the lane that this thread is, from 0; of a thread that is no lane, 0 as well.
#[must_use]
pub fn here() -> usize {
    NUMBER.get()
}

/// As many lanes as this machine has processors for this process, eight at most.
#[must_use]
pub fn fitting() -> usize {
    thread::available_parallelism()
        .map_or(1, usize::from)
        .min(LANES_MAX)
}

/// How many threads the runtime beside the lanes fits in: half as many as there are processors. What they do for a message is
/// half of what a lane does, and threads that have too little to do spend their time on waking one another.
#[must_use]
pub fn beside() -> usize {
    thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2))
}

/// All lanes. Cheap to clone; their threads end with the last clone.
#[derive(Clone, Debug, Default)]
pub struct Lanes(Arc<[Lane]>);

#[derive(Debug)]
struct Lane {
    runtime: Handle,
    /// How many tasks are on it.
    load: Arc<AtomicUsize>,
    /// Its thread ends when this is dropped.
    open: Mutex<Option<oneshot::Sender<()>>>,
    /// Closed when its thread has ended.
    ended: watch::Receiver<()>,
}

impl Lanes {
    /// None: what is begun runs on the runtime it is begun from.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Starts so many.
    ///
    /// # Errors
    /// Where the system gives no thread, or a thread no runtime.
    pub fn start(count: usize) -> io::Result<Self> {
        (0..count).map(Lane::start).collect::<io::Result<_>>().map(Self)
    }

    /// Ends all lanes: what is still on one is dropped where it stands. False where a thread has not ended in time.
    pub async fn end(&self, patience: Duration) -> bool {
        for lane in self.0.iter() {
            drop(lane.open.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
        let all = async {
            for lane in self.0.iter() {
                let mut ended = lane.ended.clone();
                // Nobody ever sends; the other half goes with its thread.
                while ended.changed().await.is_ok() {}
            }
        };
        tokio::time::timeout(patience, all).await.is_ok()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Begins a task, on the lane that has the least on it.
    pub fn begin<T: Send + 'static>(
        &self,
        tasks: &mut JoinSet<T>,
        task: impl Future<Output = T> + Send + 'static,
    ) -> AbortHandle {
        let Some(lane) = self.0.iter().min_by_key(|lane| lane.load.load(Ordering::Relaxed)) else {
            return tasks.spawn(task);
        };
        let on_it = OnIt::new(&lane.load);
        // Boxed, since a delivery's state is large and a task is moved more than once.
        let task = Box::pin(task);
        let task = async move {
            let _on_it = on_it;
            task.await
        };
        tasks.spawn_on(task, &lane.runtime)
    }
}

impl Lane {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (open, closed) = oneshot::channel::<()>();
        let (running, ended) = watch::channel(());
        thread::Builder::new()
            .name(format!("byway-lane-{number}"))
            .spawn(move || {
                NUMBER.set(number);
                // Ends when the other half is dropped; nobody ever sends.
                let _ = runtime.block_on(closed);
                runtime.shutdown_timeout(LAST_READS);
                drop(running);
            })?;
        Ok(Self {
            runtime: handle,
            load: Arc::default(),
            open: Mutex::new(Some(open)),
            ended,
        })
    }
}

/// A task that is on a lane, until it ends, however it ends.
struct OnIt(Arc<AtomicUsize>);

impl OnIt {
    fn new(load: &Arc<AtomicUsize>) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(load))
    }
}

impl Drop for OnIt {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    async fn numbers(lanes: &Lanes, tasks: usize) -> BTreeSet<usize> {
        let mut running = JoinSet::new();
        let all_there = Arc::new(tokio::sync::Barrier::new(tasks));
        for _ in 0..tasks {
            let all_there = Arc::clone(&all_there);
            lanes.begin(&mut running, async move {
                all_there.wait().await;
                tokio::task::yield_now().await;
                (here(), thread::current().id())
            });
        }
        let ended = running.join_all().await;
        let threads: BTreeSet<String> = ended.iter().map(|(_, id)| format!("{id:?}")).collect();
        let numbers: BTreeSet<usize> = ended.into_iter().map(|(number, _)| number).collect();
        assert_eq!(threads.len(), numbers.len());
        numbers
    }

    #[tokio::test]
    async fn tasks_spread_over_the_lanes_and_know_theirs() {
        let lanes = Lanes::start(3).unwrap();
        assert_eq!(lanes.count(), 3);
        assert_eq!(numbers(&lanes, 6).await, BTreeSet::from([0, 1, 2]));
    }

    #[tokio::test]
    async fn without_lanes_a_task_runs_where_it_was_begun() {
        assert_eq!(numbers(&Lanes::none(), 3).await, BTreeSet::from([0]));
        assert_eq!(here(), 0);
    }

    #[tokio::test]
    async fn a_lane_that_computes_keeps_nobody_waiting_for_another() {
        let lanes = Lanes::start(2).unwrap();
        let mut running = JoinSet::new();
        let (go, gone) = std::sync::mpsc::channel::<()>();
        lanes.begin(&mut running, async move {
            let _ = gone.recv();
            here()
        });
        for _ in 0..10 {
            lanes.begin(&mut running, async { here() });
            assert_eq!(running.join_next().await.unwrap().unwrap(), 1);
        }
        go.send(()).unwrap();
        assert_eq!(running.join_next().await.unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn an_end_drops_what_is_under_way_and_waits_for_that() {
        struct Tell(std::sync::mpsc::Sender<usize>);
        impl Drop for Tell {
            fn drop(&mut self) {
                thread::sleep(Duration::from_millis(20));
                let _ = self.0.send(here());
            }
        }
        let lanes = Lanes::start(2).unwrap();
        let mut running = JoinSet::new();
        let (dropped, drops) = std::sync::mpsc::channel();
        for _ in 0..2 {
            let tell = Tell(dropped.clone());
            lanes.begin(&mut running, async move {
                let _tell = tell;
                std::future::pending::<()>().await;
            });
        }
        assert!(lanes.end(Duration::from_secs(60)).await);
        assert_eq!(drops.try_iter().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1]));
        // Again, or without any lane, there is nothing to wait for.
        assert!(lanes.end(Duration::from_secs(60)).await);
        assert!(Lanes::none().end(Duration::ZERO).await);
    }

    #[tokio::test]
    async fn a_panic_takes_its_load_along() {
        let lanes = Lanes::start(1).unwrap();
        let mut running = JoinSet::new();
        lanes.begin(&mut running, async { panic!("as a bug would") });
        assert!(running.join_next().await.unwrap().is_err());
        let lane = lanes.0.first().unwrap();
        assert_eq!(lane.load.load(Ordering::Relaxed), 0);
        lanes.begin(&mut running, async {});
        assert!(running.join_next().await.unwrap().is_ok());
    }
}
