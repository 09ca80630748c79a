//! `byway compile-component`: what byway starts to compile a component under limits. Not for people, so no
//! help lists it.
//!
//! It runs before there is a log or a runtime: threads would take of the address space that the component
//! is to have.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::sandbox::{CompileJob, CompileLimits, Compiling, compile_component};

/// Compile the component on standard input, under limits; byway calls this itself
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(super) struct CompileComponent {
    #[command(flatten)]
    job: CompileJob,
}

impl CompileComponent {
    #[allow(
        clippy::print_stderr,
        reason = "the parent reads this line, and there is no log yet"
    )]
    pub(super) fn run(self) -> ExitCode {
        match compile_component(&self.job) {
            Ok(()) => ExitCode::SUCCESS,
            Err((exit, why)) => {
                eprintln!("{why}");
                ExitCode::from(exit)
            }
        }
    }
}

/// How this program compiles: by starting itself again.
pub(super) fn in_a_child() -> Compiling {
    // Leads to this very program, even after another was installed over it.
    let running = Path::new("/proc/self/exe");
    let program = if running.exists() {
        Ok(PathBuf::from(running))
    } else {
        std::env::current_exe()
    };
    match program {
        Ok(program) => Compiling::Child {
            program,
            limits: CompileLimits::default(),
        },
        Err(error) => {
            tracing::warn!("byway cannot find its own program ({error}), and compiles without limits");
            Compiling::InProcess
        }
    }
}
