//! What the ending and the output of a command that ran on the node say of the message. Pure.
//!
//! A command that started may have delivered, whatever it says afterwards: out of time, a signal, and a code that
//! nobody gave a meaning are unknown.

use crate::far_shell;
use byway_adapter::answer::byway_receipt;
use byway_adapter::command::{before_start, last_words};
use byway_adapter::{Failure, Receipt};
use serde_json::Value;

use crate::config::{Config, OutputForm};
use crate::refusal;

/// What the answer to `node.invoke` means.
pub(crate) fn judge(config: &Config, answer: &Value) -> Result<Receipt, Failure> {
    let Some(ran) = answer.get("payload").filter(|ran| ran.get("success").is_some()) else {
        return Err(Failure::unknown(
            "bad-answer",
            "The gateway's answer does not say how the command ended.",
        ));
    };
    if ran.get("timedOut") == Some(&Value::Bool(true)) {
        return Err(Failure::unknown(
            "command-timeout",
            "The command on the node was not done in time, and was ended.",
        ));
    }
    let code = ran
        .get("exitCode")
        .and_then(Value::as_i64)
        .and_then(|code| i32::try_from(code).ok());
    match (code, text(ran, "error")) {
        (Some(code), _) => ended(config, code, ran),
        (None, "") => Err(Failure::unknown(
            "command-ended",
            "The command on the node was ended by a signal.",
        )),
        (None, error) => Err(refusal::not_started(error)),
    }
}

fn ended(config: &Config, code: i32, ran: &Value) -> Result<Receipt, Failure> {
    let (stdout, stderr) = (text(ran, "stdout"), text(ran, "stderr"));
    // Only ssh's own words say that nothing ran: a command that runs ssh at its end may have done its work.
    if config.exit_codes.configured(code).is_none()
        && far_shell::is_ssh(&config.argv)
        && let Some(failure) = before_start(code, stdout.as_bytes(), stderr.as_bytes())
    {
        return Err(failure);
    }
    let by_code = config.exit_codes.meaning(code).status().map_err(|kind| {
        let told = match last_words(stderr.as_bytes()) {
            Some(words) => format!("The command on the node exited with {code}: {words}"),
            None => format!("The command on the node exited with {code}."),
        };
        Failure::new(kind, format!("exit-{code}"), told)
    })?;
    let receipt = match config.output {
        OutputForm::Receipt => last_json(stdout).as_ref().and_then(byway_receipt),
        OutputForm::Ignore => None,
    };
    Ok(match receipt {
        Some((status, id)) => Receipt::new(status).with_reference(Some(id)),
        None => Receipt::new(by_code),
    })
}

/// The output as JSON. Where a program prints other lines first, its last line.
fn last_json(stdout: &str) -> Option<Value> {
    let stdout = stdout.trim();
    let last_line = || serde_json::from_str(stdout.lines().next_back()?).ok();
    serde_json::from_str(stdout).ok().or_else(last_line)
}

fn text<'a>(ran: &'a Value, name: &str) -> &'a str {
    ran.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use FailureKind::{Refused, Retryable, Unavailable, Unknown};
    use byway_adapter::{FailureKind, ReceiptStatus, configuration};
    use serde_json::json;

    use super::*;

    fn judged(more: &str, ran: Value) -> Result<(ReceiptStatus, Option<String>), (FailureKind, String)> {
        let config = format!(r#"{{"url": "ws://127.0.0.1/", "node": "n", "argv": ["a"]{more}}}"#);
        let answer = json!({"ok": true, "command": "system.run", "payload": ran});
        judge(&configuration::read(&config).unwrap(), &answer)
            .map(|receipt| (receipt.status, receipt.reference))
            .map_err(|failure| (failure.kind, failure.code))
    }

    fn exited(code: i32, stdout: &str, stderr: &str) -> Value {
        json!({"exitCode": code, "timedOut": false, "success": code == 0, "stdout": stdout, "stderr": stderr, "error": null})
    }

    #[test]
    fn a_receipt_of_byway_accept_is_the_answer() {
        let printed = "{\"id\":\"m1\",\"status\":\"accepted\",\"recipient\":\"a@b\"}\n";
        let taken = Ok((ReceiptStatus::Accepted, Some("m1".to_owned())));
        assert_eq!(judged("", exited(0, printed, "")), taken);
        assert_eq!(judged("", exited(0, &format!("hello\n{printed}"), "")), taken);
        let delivered = Ok((ReceiptStatus::Delivered, None));
        assert_eq!(judged("", exited(0, "noted", "")), delivered);
        assert_eq!(
            judged(r#", "output": "ignore""#, exited(0, printed, "")),
            delivered
        );
    }

    #[test]
    fn exit_codes_mean_what_they_mean_everywhere() {
        for (code, kind) in [
            (65, Refused),
            (75, Retryable),
            (77, Unavailable),
            (1, Unknown),
            (137, Unknown),
        ] {
            assert_eq!(
                judged("", exited(code, "", "")),
                Err((kind, format!("exit-{code}")))
            );
        }
        let mapped = judged(r#", "exit_codes": {"retryable": [1]}"#, exited(1, "", ""));
        assert_eq!(mapped, Err((Retryable, "exit-1".to_owned())));
    }

    #[test]
    fn what_did_not_end_by_itself_is_unknown() {
        let told = |ran: Value| judged("", ran).unwrap_err();
        let late = json!({"exitCode": 124, "timedOut": true, "success": false, "stdout": "", "stderr": "", "error": null});
        assert_eq!(told(late), (Unknown, "command-timeout".to_owned()));
        let killed = json!({"timedOut": false, "success": false, "stdout": "", "stderr": "", "error": null});
        assert_eq!(told(killed), (Unknown, "command-ended".to_owned()));
        for nothing in [json!(null), json!({}), json!({"payloadJSON": "{"})] {
            assert_eq!(told(nothing), (Unknown, "bad-answer".to_owned()));
        }
    }
}
