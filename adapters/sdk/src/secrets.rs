//! References to secrets. An adapter never sees a value: the host swaps a reference for it on the
//! way out, only towards a granted target and only in a position that the operator bound.

use crate::bindings::byway::transport::secrets;
use crate::{Failure, Finding};

/// The reference to the secret of this name, to be put into a bound position as it is, unescaped.
///
/// # Errors
/// Where the transport has no such secret.
pub fn reference(name: &str) -> Result<String, Failure> {
    secrets::reference(name).map_err(|denial| missing(name, &denial.message))
}

/// A line for `probe`: whether the secret is there.
#[must_use]
pub fn finding(name: &str) -> Finding {
    let line = format!("secret {name}");
    match secrets::reference(name) {
        Ok(_) => Finding::good(line, "It is configured."),
        Err(denial) => Finding::bad(line, denial.message, how_to_add(name)),
    }
}

fn missing(name: &str, why: &str) -> Failure {
    Failure::unavailable(
        "secret-missing",
        format!("The secret `{name}` cannot be used: {why}"),
    )
    .with_fix(how_to_add(name))
}

fn how_to_add(name: &str) -> String {
    format!(
        "Add `{name}` to the transport's `secrets`, with where it comes from and the positions it may be put in."
    )
}
