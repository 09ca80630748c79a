//! Compiling components, under limits of its own.
//!
//! A compiler does more work than the size of its input tells, and nothing in the engine bounds it: a component
//! of a few megabytes can take minutes and gigabytes. So byway compiles in a child process, which gives
//! itself limits before it reads a byte, and which is killed when its time is up. A start has two
//! compiled at a time, each on one processor; the others go on delivering. The memory it took is gone with it, and a compiler
//! that crashes is a problem of one adapter.

mod child;
mod parent;

use std::path::PathBuf;
use std::time::Duration;

use wasmtime::Engine;

pub use child::{CompileJob, compile_component};

use super::engine::Allocation;
use super::limits::{COMPILE_MEMORY_MAX, COMPILE_TIME_MAX};

/// Where components are compiled.
#[derive(Clone, Debug)]
pub enum Compiling {
    /// In this process, without limits: for a library's user who trusts the components.
    InProcess,
    /// In a child process.
    Child {
        /// The `byway` program itself, of this very build.
        program: PathBuf,
        /// What the child may use.
        limits: CompileLimits,
    },
}

/// What compiling one component may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// How long it may take by the clock, and how long on a processor (rounded up to seconds).
    pub time: Duration,
    /// Address space, in bytes.
    pub memory_bytes: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            time: COMPILE_TIME_MAX,
            memory_bytes: COMPILE_MEMORY_MAX,
        }
    }
}

/// Why there is no compiled code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CompileFault {
    /// The bytes are no valid component.
    Invalid(String),
    /// It took longer than this.
    Time(Duration),
    /// It wanted more memory than this.
    Memory(u64),
    /// It was compiled, and asks for more memories, tables or instances than one attempt may have.
    DoesNotFit(String),
    /// The compiler could not be run, or broke.
    Broke(String),
}

impl Compiling {
    /// Compiled code for an engine with this allocation.
    pub(super) fn compile(
        &self,
        engine: &Engine,
        allocation: Allocation,
        component: &[u8],
    ) -> Result<Vec<u8>, CompileFault> {
        match self {
            Self::InProcess => engine
                .precompile_component(component)
                .map_err(|error| CompileFault::Invalid(in_one_line(&error))),
            Self::Child { program, limits } => {
                let job = CompileJob::new(allocation, *limits);
                parent::compile(program, &job, limits, component)
            }
        }
    }
}

/// The engine's errors go on for lines; the first one of each cause says it.
pub(super) fn in_one_line(error: &wasmtime::Error) -> String {
    let mut causes: Vec<String> = error
        .chain()
        .map(|cause| cause.to_string().lines().next().unwrap_or_default().to_owned())
        .collect();
    causes.dedup();
    causes.join(": ")
}
