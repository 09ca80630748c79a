//! Reading what shall be sent: bounded, so that a pipe without end fills no memory.

use std::io::Read;
use std::path::Path;

use super::failure::{Failure, NO_INPUT};
use crate::error_code::ErrorCode;

/// Reads a file, or standard input where it is called `-`, up to `bytes_max`.
pub(super) fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    if path.as_os_str() == "-" {
        return bounded(std::io::stdin().lock(), "standard input", bytes_max);
    }
    let name = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|error| unreadable(&name, &error))?;
    bounded(file, &name, bytes_max)
}

/// Bytes as text.
pub(super) fn text(bytes: Vec<u8>, name: &str) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(
            ErrorCode::MalformedMessage,
            format!("{name} is not text in UTF-8"),
        )
        .with_fix("Send bytes as a CloudEvent with data_base64, by --event.")
    })
}

fn bounded(source: impl Read, name: &str, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    source
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, &error))?;
    if bytes.len() > bytes_max {
        return Err(Failure::new(
            ErrorCode::TooLarge,
            format!("{name} has more than the {bytes_max} bytes that may be sent"),
        ));
    }
    Ok(bytes)
}

fn unreadable(name: &str, error: &std::io::Error) -> Failure {
    Failure::usage(
        format!("{name} cannot be read: {error}"),
        "Look at its name and its mode.",
    )
    .with_exit(NO_INPUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_much_as_is_allowed_and_no_more() {
        assert_eq!(bounded(&b"12345"[..], "it", 5).unwrap(), b"12345");
        let failure = bounded(std::io::repeat(b'x'), "it", 5).unwrap_err();
        assert_eq!(failure.code(), Some(ErrorCode::TooLarge));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let failure = read(Path::new("/nowhere/at/all"), 5).unwrap_err();
        assert_eq!(failure.exit(), NO_INPUT);
        assert!(matches!(failure, Failure::Said(said) if said.message.contains("/nowhere/at/all")));
    }
}
