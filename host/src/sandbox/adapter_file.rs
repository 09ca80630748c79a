//! Reads an adapter's component from a file that may be anything.

use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::limits::COMPONENT_BYTES_MAX;
use super::preflight::PreflightProblem;
use crate::error_code::ErrorCode;

/// The file's bytes, at most one more than a component may have.
///
/// # Errors
/// Where there is no file, or it cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, PreflightProblem> {
    let problem = |message: String| PreflightProblem {
        is_passing: false,
        code: ErrorCode::NoSuchAdapter,
        pointer: "/adapter".into(),
        message,
        fix: Some("correct the path, or build the adapter first".into()),
    };
    // A pipe would keep whoever opens it waiting for somebody who writes.
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(|error| {
            problem(format!(
                "the adapter's file {} cannot be opened: {error}",
                path.display()
            ))
        })?;
    if !file.metadata().is_ok_and(|it| it.is_file()) {
        return Err(problem(format!(
            "{} is no file that an adapter could be in",
            path.display()
        )));
    }
    let mut bytes = Vec::new();
    file.take(COMPONENT_BYTES_MAX.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| {
            problem(format!(
                "the adapter's file {} cannot be read: {error}",
                path.display()
            ))
        })?;
    Ok(bytes)
}
