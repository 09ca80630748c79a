//! Between byway's own types and those of the contract.
//!
//! What comes from a guest is cut, scrubbed and made fit to be kept on the way in; what goes to a
//! guest is taken from the event's JSON, so that an adapter that passes it on passes on what was signed.

use std::time::Duration;

use serde_json::value::RawValue;

use super::answers::{Batch, Description, Finding, Item, Needs, Readiness, ReadyState, Words};
use super::limits::CURSOR_BYTES_MAX;
use super::secrets::SecretBook;
use super::text;
use crate::contract::bindings::byway::transport::types as wit;
use crate::contract::bindings::exports::byway::transport::{adapter, receiver, reconciler};
use crate::contract::{Failure, HostFault, Receipt, ReceiptStatus, Verdict};
use crate::envelope::{Data, Envelope};

/// The longest wait that a far side can ask for; a longer one is this long.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Entries of a list that a guest gives; the rest is cut.
const LIST_MAX: usize = 256;

/// The one member of the event's JSON that is needed as it was written.
#[derive(serde::Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The envelope as an adapter sees it.
pub(super) fn envelope(envelope: &Envelope, structured: &[u8]) -> Result<wit::Envelope, HostFault> {
    let data = match &envelope.data {
        None => None,
        Some(Data::Text(text)) => Some(wit::Data::Text(text.clone())),
        Some(Data::Binary(bytes)) => Some(wit::Data::Binary(bytes.clone())),
        // The very text of the event: a number keeps its digits.
        Some(Data::Json(value)) => {
            let written: Written<'_> = serde_json::from_slice(structured).map_err(|error| HostFault {
                code: "envelope",
                message: format!("the stored event cannot be read any more: {error}"),
            })?;
            Some(wit::Data::Json(
                written
                    .data
                    .map_or_else(|| value.to_string(), |raw| raw.get().to_owned()),
            ))
        }
    };
    let attributes = envelope
        .attributes()
        .into_iter()
        .map(|(name, value)| wit::Header { name, value });
    Ok(wit::Envelope {
        id: envelope.id.clone(),
        source: envelope.source.clone(),
        event_type: envelope.event_type.clone(),
        recipient: envelope.recipient.to_string(),
        subject: envelope.subject.clone(),
        time: envelope.time.clone(),
        data_content_type: envelope.data_content_type.clone(),
        attributes: attributes.collect(),
        data,
        structured: structured.to_vec(),
    })
}

pub(super) fn receipt(receipt: wit::Receipt, secrets: &SecretBook) -> Receipt {
    Receipt {
        status: match receipt.status {
            wit::ReceiptStatus::Accepted => ReceiptStatus::Accepted,
            wit::ReceiptStatus::Delivered => ReceiptStatus::Delivered,
            wit::ReceiptStatus::Read => ReceiptStatus::Read,
            wit::ReceiptStatus::Processed => ReceiptStatus::Processed,
        },
        reference: receipt.reference.map(|it| text::kept(&it, secrets)),
        detail: receipt.detail.map(|it| text::kept(&it, secrets)),
    }
}

pub(super) fn failure(failure: &wit::Failure, secrets: &SecretBook) -> Failure {
    Failure {
        code: text::code(&secrets.for_people(&failure.code)),
        message: text::kept(&failure.message, secrets),
        fix: failure.fix.as_ref().map(|it| text::kept(it, secrets)),
        retry_after: failure
            .retry_after_ms
            .map(|it| Duration::from_millis(it).min(RETRY_AFTER_MAX)),
    }
}

pub(super) fn description(it: adapter::Description) -> Description {
    let none = SecretBook::default();
    Description {
        name: text::line(&it.name, &none),
        version: text::line(&it.version, &none),
        summary: text::line(&it.summary, &none),
        config_schema: it.config_schema,
        max_data_bytes: it.max_data_bytes,
        idempotent: it.idempotent,
        owner: it.owner,
    }
}

pub(super) fn needs(it: adapter::Needs) -> Needs {
    Needs {
        http: it.http,
        commands: it.commands,
        folders: it
            .folders
            .into_iter()
            .map(|folder| (folder.path, folder.access))
            .collect(),
        secrets: it
            .secrets
            .into_iter()
            .map(|secret| (secret.name, secret.positions))
            .collect(),
        signers: it.signers,
        idempotent: it.idempotent,
        owner: it.owner,
    }
}

pub(super) fn readiness(it: adapter::Readiness, secrets: &SecretBook) -> Readiness {
    Readiness {
        state: match it.state {
            adapter::State::Ready => ReadyState::Ready,
            adapter::State::Degraded => ReadyState::Degraded,
            adapter::State::NotReady => ReadyState::NotReady,
        },
        findings: it
            .findings
            .into_iter()
            .take(LIST_MAX)
            .map(|finding| Finding {
                name: text::line(&finding.name, secrets),
                ok: finding.ok,
                message: text::kept(&finding.message, secrets),
                fix: finding.fix.map(|it| text::kept(&it, secrets)),
            })
            .collect(),
    }
}

pub(super) fn verdict(it: reconciler::Verdict, secrets: &SecretBook) -> Verdict {
    match it {
        reconciler::Verdict::NotArrived => Verdict::NotArrived,
        reconciler::Verdict::Arrived(it) => Verdict::Arrived(receipt(it, secrets)),
        reconciler::Verdict::Answered((it, words)) => {
            Verdict::Answered(receipt(it, secrets), text::kept(&words, secrets))
        }
        reconciler::Verdict::Failed(it) => Verdict::Failed(failure(&it, secrets)),
        reconciler::Verdict::Unknown => Verdict::Unknown,
    }
}

/// A batch, or why it is none.
///
/// # Errors
/// A batch that breaks the contract: then nothing of it is taken, so that nothing is lost.
pub(super) fn batch(it: receiver::Batch, max: u32) -> Result<Batch, Failure> {
    if it.items.len() > usize::try_from(max).unwrap_or(usize::MAX) {
        return Err(Failure::new(
            "batch-too-long",
            format!(
                "the adapter gave {} items where at most {max} were asked for",
                it.items.len()
            ),
        ));
    }
    if it
        .cursor
        .as_ref()
        .is_some_and(|cursor| cursor.len() > CURSOR_BYTES_MAX)
    {
        return Err(Failure::new(
            "cursor-too-large",
            format!("the adapter gave a cursor of more than {CURSOR_BYTES_MAX} bytes"),
        ));
    }
    let items = it.items.into_iter().map(|item| match item {
        receiver::Item::Event(bytes) => Item::Event(bytes),
        receiver::Item::Words(words) => Item::Words(Words {
            id: words.id,
            sender: words.sender,
            agent: words.agent,
            subject: words.subject,
            text: words.text,
        }),
    });
    Ok(Batch {
        items: items.collect(),
        cursor: it.cursor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_cut_and_cleaned() {
        let given = wit::Failure {
            kind: wit::FailureKind::Retryable,
            code: "Not A Code!".into(),
            message: "x".repeat(10_000),
            fix: None,
            retry_after_ms: Some(u64::MAX),
        };
        let failure = failure(&given, &SecretBook::default());
        assert_eq!(failure.code, "not-a-code");
        assert_eq!(failure.message.len(), 4096);
        assert_eq!(failure.retry_after, Some(RETRY_AFTER_MAX));
    }

    #[test]
    fn takes_nothing_of_a_batch_that_is_too_long() {
        let item = || receiver::Item::Event(vec![]);
        let given = receiver::Batch {
            items: vec![item(), item()],
            cursor: None,
        };
        assert_eq!(batch(given, 1).unwrap_err().code, "batch-too-long");
    }
}
