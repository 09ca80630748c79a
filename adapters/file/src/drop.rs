//! The name of a dropped message: `<milliseconds>-<hash>@<instance>.json`.
//!
//! It is made of the message alone, so that a repetition has the same name and two messages never have.
//! It sorts by the time at which the message was made, and ends in the instance it is for (`@` is in no
//! name of an instance), so that several byways can share one folder.

use byway_adapter::{Envelope, civil};
use sha2::{Digest as _, Sha256};

/// The name of the file for a message.
pub(crate) fn file_name(envelope: &Envelope) -> String {
    let made_at = envelope
        .time
        .as_deref()
        .and_then(civil::unix_ms_of_rfc3339)
        .unwrap_or(0);
    format!(
        "{:013}-{}{}",
        made_at.clamp(0, 9_999_999_999_999),
        hash(envelope),
        suffix(envelope.instance())
    )
}

/// How the names end of messages for an instance.
pub(crate) fn suffix(instance: &str) -> String {
    format!("@{instance}.json")
}

/// The first 128 bits of a SHA-256 over what makes the message this one: source, id and recipient, and
/// its data. Attributes that may change between two attempts are not in it. The length stands before each
/// part, so that no two messages give the same bytes.
fn hash(envelope: &Envelope) -> String {
    let mut hasher = Sha256::new();
    for part in [
        envelope.source.as_bytes(),
        envelope.id.as_bytes(),
        envelope.recipient.as_bytes(),
        envelope.data_bytes(),
    ] {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    hasher
        .finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use byway_adapter::sample;

    use super::*;

    #[test]
    fn a_repetition_has_the_same_name_though_its_bytes_differ() {
        let first = sample::text("hi");
        let mut again = first.clone();
        again.structured.extend_from_slice(b" ");
        assert_eq!(file_name(&first), file_name(&again));
    }

    #[test]
    fn two_messages_never_have_the_same_name() {
        let message = sample::text("hi");
        let name = file_name(&message);
        let changed = |change: &dyn Fn(&mut Envelope)| {
            let mut other = message.clone();
            change(&mut other);
            file_name(&other)
        };
        assert_ne!(name, changed(&|other| other.id.push('x')));
        assert_ne!(name, changed(&|other| other.source.push('x')));
        assert_ne!(name, changed(&|other| other.recipient = "other@b".to_owned()));
        assert_ne!(name, file_name(&sample::text("ho")));
        let moved = changed(&|other| {
            other.source.push('0');
            other.id = "193-abc".to_owned();
        });
        assert_ne!(name, moved);
    }

    #[test]
    fn names_sort_by_time_and_say_for_whom() {
        let mut early = sample::text("hi");
        early.time = Some("2026-11-21T07:00:00.001Z".to_owned());
        let mut late = sample::text("hi");
        late.time = Some("2026-11-21T08:00:00.002+01:00".to_owned());
        assert!(file_name(&early) < file_name(&late));
        assert!(file_name(&early).starts_with("1795244400001-"));
        assert!(file_name(&early).ends_with("@b.json"));
    }

    #[test]
    fn a_message_without_a_time_sorts_first() {
        let mut envelope = sample::text("hi");
        envelope.time = None;
        assert!(file_name(&envelope).starts_with("0000000000000-"));
        envelope.time = Some("lunchtime".to_owned());
        assert!(file_name(&envelope).starts_with("0000000000000-"));
    }
}
