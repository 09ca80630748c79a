//! The way over HTTP: the gateway's tool `sessions_send`, called from outside. For gateways that are not on
//! this machine, or whose WebSocket is out of reach.
//!
//! The gateway recognises no repetition here, and answers every failure of the tool with 200 and `ok: true`.
//! A call from one session to another makes the two answer each other for several turns of the model. Only
//! where the caller is the target itself, and nobody waits, is a message one turn; so that is what is sent.

use byway_adapter::http::{HttpError, Request, Response, Url};
use byway_adapter::template::Values;
use byway_adapter::{Attempt, Envelope, Failure, FailureKind, Receipt, ReceiptStatus, secrets, status};
use serde_json::{Value, json};

use crate::config::Config;
use crate::session::Session;
use crate::turn::{self, Progress};
use crate::{refusal, words};

/// Carries a message.
pub(crate) fn send(
    config: &Config,
    url: &Url,
    envelope: &Envelope,
    attempt: &Attempt,
) -> Result<Receipt, Failure> {
    let values = Values::of_attempt(envelope, attempt);
    let session = Session::of(config, envelope, &values)?;
    let message = words::of(config, envelope, &values)?;
    let response = Request::post(url.clone())
        .header(
            "authorization",
            format!("Bearer {}", secrets::reference(&config.token)?),
        )
        .header("content-type", "application/json")
        .header(
            "user-agent",
            concat!("byway-sessions-send/", env!("CARGO_PKG_VERSION")),
        )
        .body(body(&session, &message).to_string())
        .send()
        .map_err(HttpError::into_failure)?;
    judge(&response)
}

/// The call, in the form that costs one turn.
fn body(session: &Session, message: &str) -> Value {
    json!({
        "tool": "sessions_send",
        "agentId": session.agent(),
        "sessionKey": session.key,
        "args": { "sessionKey": session.key, "message": message, "timeoutSeconds": 0 },
    })
}

/// What an answer says of the message.
fn judge(response: &Response) -> Result<Receipt, Failure> {
    let answer = response.json().unwrap_or_default();
    let said = text_at(&answer, "/error/message").unwrap_or_default();
    match (response.status, answer.get("ok")) {
        (200, Some(Value::Bool(true))) => {
            of_details(answer.pointer("/result/details").unwrap_or(&Value::Null))
        }
        (401, _) => Err(openclaw_gateway::refusal::wrong_token()),
        (404, _) if said.starts_with("Tool not available") => Err(Failure::unavailable(
            "tool-not-allowed",
            "The gateway does not let sessions_send be called over HTTP.",
        )
        .with_fix("Add it to the gateway's gateway.tools.allow: [\"sessions_send\"].")),
        (400, _) if refusal::is_about_an_unknown_agent(&said) => Err(refusal::unknown_agent(&said)),
        // The tool broke off; how far it had got, nobody says.
        (500, _) => Err(Failure::unknown(
            "tool-failed",
            format!("The gateway's tool failed: {said}."),
        )),
        (200, _) => Err(Failure::unknown(
            "bad-answer",
            "The gateway answered 200, and what it says of the message cannot be read.",
        )),
        _ => Err(status::failure(response, false).unwrap_or_else(|| {
            Failure::unknown("bad-answer", format!("The gateway answered {}.", response.status))
        })),
    }
}

/// The tool's own answer, which hides behind `ok: true`.
fn of_details(details: &Value) -> Result<Receipt, Failure> {
    let text = |name: &str| text_at(details, &format!("/{name}"));
    let run = text("runId").or_else(|| text("notificationId"));
    let why = text("error").unwrap_or_default();
    let receipt = |progress: Progress| Ok(progress.receipt(run.as_deref().unwrap_or_default()));
    match text("status").as_deref() {
        Some("accepted" | "queued" | "timeout") => receipt(Progress::Running),
        Some("ok") => receipt(Progress::Answered(text("reply"))),
        Some("no_reply") => receipt(Progress::Answered(None)),
        Some("forbidden") => Err(forbidden(&why)),
        Some("error") if details.get("sentBeforeError") == Some(&Value::Bool(true)) => {
            Ok(Receipt::new(ReceiptStatus::Delivered)
                .with_reference(run)
                .with_detail(Some(turn::failed(Some(&why)))))
        }
        Some("error") => Err(of_error(&why)),
        _ => Err(Failure::unknown(
            "bad-answer",
            "The gateway does not say what became of the message.",
        )),
    }
}

fn of_error(why: &str) -> Failure {
    if refusal::is_about_an_unknown_agent(why) {
        return refusal::unknown_agent(why);
    }
    if why.starts_with("No session found") {
        return Failure::refused("unknown-session", format!("The gateway says: {why}."))
            .with_fix("Over HTTP a session has to be there before, all but an agent's main one: begin it at the gateway, or use its WebSocket.");
    }
    Failure::new(
        FailureKind::Refused,
        "gateway-refused",
        format!("The gateway says: {why}."),
    )
}

/// Three switches of the gateway forbid it, each with a remedy of its own.
fn forbidden(why: &str) -> Failure {
    let (code, fix) = if why.contains("agentToAgent.enabled") {
        (
            "agent-to-agent-disabled",
            "Set the gateway's tools.agentToAgent.enabled to true.",
        )
    } else if why.contains("agentToAgent.allow") {
        (
            "agent-not-allowed",
            "Add both agents to the gateway's tools.agentToAgent.allow.",
        )
    } else if why.contains("visibility") {
        (
            "session-not-visible",
            "Set the gateway's tools.sessions.visibility to \"all\".",
        )
    } else {
        (
            "forbidden",
            "Look what the gateway's tools.agentToAgent and tools.sessions allow.",
        )
    };
    Failure::unavailable(code, format!("The gateway forbids it: {why}")).with_fix(fix)
}

fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use FailureKind::{Refused, Retryable, Unavailable, Unknown};
    use byway_adapter::http::Ending;

    use super::*;

    fn answer(status: u16, body: &Value) -> Result<Receipt, Failure> {
        judge(&Response {
            status,
            headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
            body: body.to_string().into_bytes(),
            ending: Ending::Whole,
        })
    }

    fn details(details: &Value) -> Result<Receipt, Failure> {
        answer(
            200,
            &json!({"ok": true, "result": {"content": [], "details": details}}),
        )
    }

    #[test]
    fn the_caller_is_the_target_and_nobody_waits() {
        let session = Session::from_key("agent:ops:telegram:group:-1").unwrap();
        assert_eq!(
            body(&session, "hi").to_string(),
            r#"{"tool":"sessions_send","agentId":"ops","sessionKey":"agent:ops:telegram:group:-1","args":{"sessionKey":"agent:ops:telegram:group:-1","message":"hi","timeoutSeconds":0}}"#
        );
    }

    #[test]
    fn taken_is_told_with_the_gateways_name_for_it() {
        let receipt =
            details(&json!({"runId": "8c3c", "status": "accepted", "sessionKey": "agent:beta:main"}))
                .unwrap();
        assert_eq!(
            (receipt.status, receipt.reference.as_deref()),
            (ReceiptStatus::Accepted, Some("8c3c"))
        );
        let replied = details(&json!({"runId": "8c3c", "status": "ok", "reply": "yes"})).unwrap();
        assert_eq!(
            (replied.status, replied.detail.as_deref()),
            (ReceiptStatus::Processed, Some("yes"))
        );
        let failed =
            details(&json!({"status": "error", "error": "LLM request failed", "sentBeforeError": true}))
                .unwrap();
        assert_eq!(failed.status, ReceiptStatus::Delivered);
    }

    #[test]
    fn failures_behind_ok_are_failures() {
        for (detail, kind, code) in [
            (
                json!({"status": "error", "error": "Unknown agent id \"ghost\""}),
                Refused,
                "unknown-agent",
            ),
            (
                json!({"status": "error", "error": "No session found: agent:beta:nope"}),
                Refused,
                "unknown-session",
            ),
            (
                json!({"status": "error", "error": "Either sessionKey or label is required"}),
                Refused,
                "gateway-refused",
            ),
            (
                json!({"status": "forbidden", "error": "Agent-to-agent messaging is disabled. Set tools.agentToAgent.enabled=true to allow cross-agent sends."}),
                Unavailable,
                "agent-to-agent-disabled",
            ),
            (
                json!({"status": "forbidden", "error": "Agent-to-agent messaging denied by tools.agentToAgent.allow."}),
                Unavailable,
                "agent-not-allowed",
            ),
            (
                json!({"status": "forbidden", "error": "Session send visibility is restricted. Set tools.sessions.visibility=all to allow cross-agent access; use tools.agentToAgent to restrict permitted agent pairs."}),
                Unavailable,
                "session-not-visible",
            ),
            (
                json!({"status": "forbidden", "error": "no"}),
                Unavailable,
                "forbidden",
            ),
            (json!({"status": "something-new"}), Unknown, "bad-answer"),
            (Value::Null, Unknown, "bad-answer"),
        ] {
            let failure = details(&detail).unwrap_err();
            assert_eq!((failure.kind, failure.code.as_str()), (kind, code), "{detail}");
        }
    }

    #[test]
    fn every_other_answer_has_the_outcome_that_the_page_says() {
        for (status, body, kind, code) in [
            (
                401,
                json!({"error": {"message": "Unauthorized", "type": "unauthorized"}}),
                Unavailable,
                "wrong-token",
            ),
            (
                404,
                json!({"ok": false, "error": {"type": "not_found", "message": "Tool not available: sessions_send"}}),
                Unavailable,
                "tool-not-allowed",
            ),
            (404, json!({}), Unavailable, "http-404"),
            (
                400,
                json!({"ok": false, "error": {"type": "invalid_request", "message": "Unknown agent id \"ghost\""}}),
                Refused,
                "unknown-agent",
            ),
            (
                400,
                json!({"ok": false, "error": {"type": "tool_error", "message": "message required"}}),
                Refused,
                "http-400",
            ),
            (
                500,
                json!({"ok": false, "error": {"type": "tool_error", "message": "tool execution failed"}}),
                Unknown,
                "tool-failed",
            ),
            (503, json!({}), Retryable, "http-503"),
            (200, json!({"ok": false}), Unknown, "bad-answer"),
            (200, json!("hello"), Unknown, "bad-answer"),
            (204, json!({}), Unknown, "bad-answer"),
        ] {
            let failure = answer(status, &body).unwrap_err();
            assert_eq!(
                (failure.kind, failure.code.as_str()),
                (kind, code),
                "{status} {body}"
            );
        }
    }
}
