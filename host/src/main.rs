//! The `byway` program: arguments in, an exit code out. What happens between is [`byway::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let invocation = match byway::cli::parse(&arguments) {
        Ok(invocation) => invocation,
        Err(exit) => return exit,
    };
    invocation.run()
}
