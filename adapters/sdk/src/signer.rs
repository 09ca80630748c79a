//! Signatures that the host makes with keys the adapter never sees.

use crate::bindings::byway::transport::signer;
use crate::{Failure, Finding, Header};

/// The Standard Webhooks headers for exactly these bytes.
///
/// The standard forbids a full stop in `webhook-id`, because it separates the signed parts; one in
/// `id` is written `%2E` (and `%` as `%25`), so that two ids never become one.
///
/// # Errors
/// Where the transport has no such key, or the host will not sign.
pub fn standard_webhook(key: &str, id: &str, body: &[u8]) -> Result<Vec<Header>, Failure> {
    signer::standard_webhook(key, &webhook_id(id), body).map_err(Failure::from)
}

/// A line for `probe`: whether the key is there and signs.
#[must_use]
pub fn finding(key: &str) -> Finding {
    let line = format!("signing key {key}");
    match signer::standard_webhook(key, "probe", b"") {
        Ok(_) => Finding::good(line, "It is configured, and signs."),
        Err(denial) => Finding::bad(
            line,
            denial.message,
            format!(
                "Add `{key}` to the transport's `signers`, with where the `whsec_` or `whsk_` key comes from."
            ),
        ),
    }
}

fn webhook_id(id: &str) -> String {
    id.replace('%', "%25").replace('.', "%2E")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ids_never_become_one() {
        assert_eq!(webhook_id("a.b"), "a%2Eb");
        assert_eq!(webhook_id("a%2Eb"), "a%252Eb");
        assert_eq!(webhook_id("0193-abc"), "0193-abc");
    }
}
