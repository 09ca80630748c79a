//! The child's side of compiling: limits first, then the component, then its code.

use std::io::{ErrorKind, Read as _, Write as _};

use rustix::process::{Resource, Rlimit, setrlimit};
use wasmtime::Engine;

use super::super::engine::{Allocation, compiling_config};
use super::super::limits::COMPONENT_BYTES_MAX;
use super::{CompileLimits, in_one_line};

/// Exit code where the bytes are no valid component: EX_DATAERR.
pub(super) const INVALID: u8 = 65;
/// Exit code where the system gave no memory: EX_OSERR.
pub(super) const NO_MEMORY: u8 = 71;
/// Exit code of everything else that a compiler should not do: EX_SOFTWARE.
const BROKE: u8 = 70;

/// What the child is told on its command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub struct CompileJob {
    /// For an engine that makes its instances on demand, not in a pool
    #[arg(long)]
    pub on_demand: bool,
    /// Processor time it may take
    #[arg(long, value_name = "SECONDS")]
    pub seconds_max: u64,
    /// Address space it may take
    #[arg(long, value_name = "BYTES")]
    pub memory_max: u64,
}

impl CompileJob {
    pub(super) fn new(allocation: Allocation, limits: CompileLimits) -> Self {
        Self {
            on_demand: allocation == Allocation::OnDemand,
            seconds_max: limits.time.as_secs() + u64::from(limits.time.subsec_nanos() > 0),
            memory_max: limits.memory_bytes,
        }
    }

    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            "compile-component".to_owned(),
            format!("--seconds-max={}", self.seconds_max),
            format!("--memory-max={}", self.memory_max),
        ];
        arguments.extend(self.on_demand.then(|| "--on-demand".to_owned()));
        arguments
    }
}

/// Compiles the component on standard input, and writes its code to standard output.
///
/// # Errors
/// The exit code that tells the parent what happened, and one line for people.
pub fn compile_component(job: &CompileJob) -> Result<(), (u8, String)> {
    let broke = |what: &str, error: &dyn std::fmt::Display| (BROKE, format!("{what}: {error}"));
    limit(job).map_err(|error| broke("no limits can be set", &error))?;
    let mut component = Vec::new();
    std::io::stdin()
        .lock()
        .take(COMPONENT_BYTES_MAX.saturating_add(1))
        .read_to_end(&mut component)
        .map_err(|error| match error.kind() {
            ErrorKind::OutOfMemory => (NO_MEMORY, error.to_string()),
            _ => broke("the component cannot be read", &error),
        })?;
    let allocation = if job.on_demand {
        Allocation::OnDemand
    } else {
        Allocation::Pool(1)
    };
    let mut config = compiling_config(allocation);
    // One processor is enough, so that the others deliver; and threads take address space that has nothing
    // to do with the component.
    config.parallel_compilation(false);
    let failed = |otherwise| {
        move |error| {
            let exit = if is_memory(&error) { NO_MEMORY } else { otherwise };
            (exit, in_one_line(&error))
        }
    };
    let code = Engine::new(&config)
        .map_err(failed(BROKE))?
        .precompile_component(&component)
        .map_err(failed(INVALID))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&code)
        .and_then(|()| out.flush())
        .map_err(|error| broke("the code cannot be handed over", &error))
}

fn limit(job: &CompileJob) -> rustix::io::Result<()> {
    let at_most = |value| Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    // A crash is told, and leaves no copy of the component on the disk.
    setrlimit(Resource::Core, at_most(0))?;
    setrlimit(Resource::As, at_most(job.memory_max))?;
    let seconds = job.seconds_max.max(1);
    // The soft limit tells what it was; the hard one is for a signal that was not heard.
    let time = Rlimit {
        current: Some(seconds),
        maximum: Some(seconds.saturating_add(1)),
    };
    setrlimit(Resource::Cpu, time)
}

fn is_memory(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<rustix::io::Errno>() == Some(&rustix::io::Errno::NOMEM)
            || cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|cause| cause.kind() == ErrorKind::OutOfMemory)
    })
}
