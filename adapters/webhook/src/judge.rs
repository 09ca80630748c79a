//! What an answer says of the message.
//!
//! The status line decides, after the operator's own lists. A JSON body can only say more exactly how far the
//! message got, as another byway's does. A body that was cut off therefore makes no attempt unknown:
//! the far side had said 2xx. But where it would have been JSON, no more than `accepted` is claimed,
//! which is true of everything it could have said.
//!
//! Some far sides say 200 and put the failure into the body. Where `status_pointer` says so, the word there
//! decides, and an answer without one leaves it unknown.

use byway_adapter::answer::{Meaning, byway_receipt, shown, status_by, text_at};
use byway_adapter::http::{Ending, Response};
use byway_adapter::{Failure, Receipt, ReceiptStatus, status};

use crate::config::Config;

pub(crate) fn judge(config: &Config, response: &Response) -> Result<Receipt, Failure> {
    let failure = match overridden(config, response.status) {
        Some(meant) => status::failure_meaning(response, meant),
        None => status::failure(response, config.is_idempotent()),
    };
    match failure {
        Some(failure) => Err(failure),
        None if config.status_pointer.0.is_empty() => Ok(receipt(config, response)),
        None => said(config, response),
    }
}

/// What a success says in its body, where the operator says that it may be none.
fn said(config: &Config, response: &Response) -> Result<Receipt, Failure> {
    let answer = response.json();
    let mut places = config.status_pointer.0.iter();
    let Some(word) = answer
        .as_ref()
        .and_then(|answer| places.find_map(|pointer| text_at(answer, pointer)))
    else {
        return Err(Failure::unknown(
            "answer-unreadable",
            format!(
                "The far side answered {}, but said no status at {}.",
                response.status,
                config.status_pointer.0.join(" or ")
            ),
        )
        .with_fix("Look what the far side answers, and correct `status_pointer`."));
    };
    match status_by(&config.statuses, &word) {
        Ok(status) => Ok(Receipt {
            status,
            ..receipt(config, response)
        }),
        Err(kind) => {
            let failure = Failure::new(
                kind,
                "answer-status",
                match words_at(config, response) {
                    Some(words) => format!("The far side says: {} ({}).", shown(&word), shown(&words)),
                    None => format!("The far side says: {}.", shown(&word)),
                },
            );
            Err(match config.statuses.contains_key(&word) {
                true => failure,
                false => failure.with_fix("Say in `statuses` what this word means."),
            })
        }
    }
}

fn words_at(config: &Config, response: &Response) -> Option<String> {
    text_at(&response.json()?, config.answer_pointer.as_deref()?)
}

/// What the operator's lists say of a status.
fn overridden(config: &Config, code: u16) -> Option<Meaning> {
    let lists = [
        (&config.success, Meaning::Delivered),
        (&config.retry_on, Meaning::Retryable),
        (&config.refuse_on, Meaning::Refused),
        (&config.unavailable_on, Meaning::Unavailable),
    ];
    let (_, meant) = lists.into_iter().find(|(codes, _)| codes.contains(&code))?;
    // 202 keeps its meaning where it is merely listed as a success.
    Some(match (meant, code) {
        (Meaning::Delivered, 202) => Meaning::Accepted,
        (meant, _) => meant,
    })
}

fn receipt(config: &Config, response: &Response) -> Receipt {
    let by_code = match response.status {
        202 => ReceiptStatus::Accepted,
        _ => ReceiptStatus::Delivered,
    };
    let Some(answer) = response.json() else {
        let is_cut = response.ending != Ending::Whole && response.claims_json();
        let status = if is_cut { ReceiptStatus::Accepted } else { by_code };
        let remark = is_cut.then(|| format!("{} with an answer that was cut off", response.status));
        return Receipt::new(status).with_detail(remark);
    };
    let (status, id) = match byway_receipt(&answer) {
        Some((status, id)) => (status, Some(id)),
        None => (by_code, None),
    };
    let at = |pointer: &Option<String>| pointer.as_deref().and_then(|pointer| text_at(&answer, pointer));
    Receipt::new(status)
        .with_reference(at(&config.reference_pointer).or(id))
        .with_detail(at(&config.answer_pointer))
}

#[cfg(test)]
mod tests {
    use byway_adapter::{FailureKind, configuration};

    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
            body: body.as_bytes().to_vec(),
            ending: Ending::Whole,
        }
    }

    fn judged(config: &str, response: &Response) -> Result<Receipt, Failure> {
        let config = config.replacen('{', r#"{"url": "https://x/""#, 1);
        judge(&configuration::read(&config).unwrap(), response)
    }

    #[test]
    fn accepted_is_not_delivered() {
        assert_eq!(
            judged("{}", &answer(202, "")).unwrap().status,
            ReceiptStatus::Accepted
        );
        for code in [200, 201, 204] {
            assert_eq!(
                judged("{}", &answer(code, "")).unwrap().status,
                ReceiptStatus::Delivered
            );
        }
    }

    #[test]
    fn a_byways_own_word_is_taken() {
        let said = answer(202, r#"{"id": "m1", "status": "delivered", "recipient": "a@b"}"#);
        let receipt = judged("{}", &said).unwrap();
        assert_eq!(
            (receipt.status, receipt.reference.as_deref()),
            (ReceiptStatus::Delivered, Some("m1"))
        );
    }

    #[test]
    fn words_of_a_stranger_change_nothing() {
        for body in [
            r#"{"status": "error"}"#,
            r#"{"id": 7, "status": "read"}"#,
            "\"delivered\"",
            "{",
        ] {
            assert_eq!(
                judged("{}", &answer(200, body)).unwrap().status,
                ReceiptStatus::Delivered,
                "{body}"
            );
        }
    }

    #[test]
    fn an_answer_that_was_cut_off_claims_no_more_than_accepted() {
        let mut cut = answer(200, r#"{"id": "m1", "status": "acc"#);
        cut.ending = Ending::CutOff;
        let receipt = judged("{}", &cut).unwrap();
        assert_eq!(receipt.status, ReceiptStatus::Accepted);
        assert!(receipt.detail.is_some());
        cut.headers.clear();
        assert_eq!(judged("{}", &cut).unwrap().status, ReceiptStatus::Delivered);
    }

    #[test]
    fn pointers_name_the_reference_and_the_answer() {
        let config = r#"{, "reference_pointer": "/result/id", "answer_pointer": "/result/text"}"#;
        let receipt = judged(config, &answer(200, r#"{"result": {"id": 7, "text": "done"}}"#)).unwrap();
        assert_eq!(receipt.reference.as_deref(), Some("7"));
        assert_eq!(receipt.detail.as_deref(), Some("done"));
    }

    #[test]
    fn the_operators_lists_come_first() {
        let config =
            r#"{, "success": [409, 202], "retry_on": [404], "refuse_on": [500], "unavailable_on": [204]}"#;
        let kind = |code| {
            judged(config, &answer(code, ""))
                .map(|receipt| receipt.status)
                .map_err(|f| f.kind)
        };
        assert_eq!(kind(409), Ok(ReceiptStatus::Delivered));
        assert_eq!(kind(202), Ok(ReceiptStatus::Accepted));
        assert_eq!(kind(404), Err(FailureKind::Retryable));
        assert_eq!(kind(500), Err(FailureKind::Refused));
        assert_eq!(kind(204), Err(FailureKind::Unavailable));
        assert_eq!(kind(401), Err(FailureKind::Unavailable));
    }

    #[test]
    fn a_failure_behind_200_is_one_where_the_operator_says_where() {
        let config = r#"{, "status_pointer": ["/error/code", "/result/state"], "answer_pointer": "/error/message",
            "statuses": {"WORKING": "accepted", "FAILED": "refused", "-32602": "refused", "-32603": "retryable"}}"#;
        let said = |status, body: &str| {
            judged(config, &answer(status, body))
                .map(|receipt| receipt.status)
                .map_err(|failure| (failure.kind, failure.message))
        };
        assert_eq!(
            said(200, r#"{"result": {"state": "WORKING"}}"#),
            Ok(ReceiptStatus::Accepted)
        );
        assert_eq!(
            said(200, r#"{"result": {"state": "FAILED"}}"#).unwrap_err().0,
            FailureKind::Refused
        );
        assert_eq!(
            said(
                200,
                r#"{"error": {"code": -32602, "message": "no text"}, "result": {"state": "WORKING"}}"#
            ),
            Err((
                FailureKind::Refused,
                "The far side says: -32602 (no text).".to_owned()
            ))
        );
        for body in [r#"{"result": {"state": "NEW"}}"#, "{}", "", "{\"result\""] {
            assert_eq!(said(200, body).unwrap_err().0, FailureKind::Unknown, "{body}");
        }
        // The status line still comes first.
        let unauthorized = said(401, r#"{"result": {"state": "WORKING"}}"#).unwrap_err();
        assert_eq!(unauthorized.0, FailureKind::Unavailable);
    }

    #[test]
    fn a_gateway_that_gave_up_leaves_it_unknown_unless_repetitions_are_recognised() {
        assert_eq!(
            judged("{}", &answer(504, "")).unwrap_err().kind,
            FailureKind::Unknown
        );
        let peer = r#"{, "format": "cloudevents"}"#;
        assert_eq!(
            judged(peer, &answer(504, "")).unwrap_err().kind,
            FailureKind::Retryable
        );
    }
}
