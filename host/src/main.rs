//! The `byway` program: arguments in, an exit code out. What happens between is [`byway::cli`].

use std::process::ExitCode;

/// Messages are made on one thread, stored by another and freed on a third, which is what this one is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let invocation = match byway::cli::parse(&arguments) {
        Ok(invocation) => invocation,
        Err(exit) => return exit,
    };
    invocation.run()
}
