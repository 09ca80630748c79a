//! Commands that the operator named and templated, and what their endings mean.

pub mod exit;
mod exit_codes;
mod ssh;

use crate::bindings::byway::transport::command;
use crate::{Failure, Header};

pub use command::{Ending, Input, Output};
pub use exit_codes::ExitCodes;
pub use ssh::before_start;

/// Runs the command granted under `name`. A command that could not be started is
/// [`FailureKind::Unavailable`](crate::FailureKind::Unavailable): nothing ran.
///
/// # Errors
/// Where the host would not, or could not, run it. How it ended is not an error here.
pub fn run(name: &str, parameters: &[Header], stdin: &Input) -> Result<Output, Failure> {
    command::run(name, parameters, stdin).map_err(|denial| {
        let told = Failure::from(denial);
        Failure {
            message: format!("The command `{name}`: {}", told.message),
            ..told
        }
    })
}

/// The end of a program's error output as one line of at most 300 characters, for a message to a
/// person; `None` where it said nothing. Control characters, and so terminal escapes, are taken out.
#[must_use]
pub fn last_words(stderr: &[u8]) -> Option<String> {
    const MOST: usize = 300;
    let text = String::from_utf8_lossy(stderr);
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let long = line.chars().count().saturating_sub(MOST);
    let end: String = line.chars().skip(long).collect();
    match (end.is_empty(), long) {
        (true, _) => None,
        (false, 0) => Some(end),
        (false, _) => Some(format!("…{end}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_one_clean_line() {
        assert_eq!(
            last_words(b"\x1b[31mno\x1b[0m\n route\n").as_deref(),
            Some("[31mno [0m route")
        );
        assert_eq!(last_words(b" \n"), None);
        let long = last_words(&[b'x'; 1000]).unwrap();
        assert_eq!(long.chars().count(), 301);
    }
}
