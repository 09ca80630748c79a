//! What a command's ending and output say of the message.
//!
//! A command that started may have delivered, whatever it says afterwards. So a code that nobody gave a
//! meaning, a signal, and output that should have said more and cannot be read are all `unknown`.

use byway_adapter::answer::{Meaning, byway_receipt, is_like, shown, status_by, text_at};
use byway_adapter::command::{Ending, Output, before_start, last_words};
use byway_adapter::{Failure, Receipt, ReceiptStatus};
use serde_json::Value;

use crate::config::{Config, OutputForm};

pub(crate) fn judge(config: &Config, output: &Output) -> Result<Receipt, Failure> {
    let code = match output.ending {
        Ending::Exited(code) => code,
        Ending::Signalled(signal) => {
            return Err(Failure::unknown(
                format!("signal-{signal}"),
                how_it_ended(&config.command, output),
            ));
        }
    };
    if config.exit_codes.configured(code).is_none()
        && let Some(failure) = before_start(code, &output.stdout, &output.stderr)
    {
        return Err(failure);
    }
    let meant = config.exit_codes.meaning(code);
    match meant.status() {
        Ok(status) => said(config, output, status),
        Err(kind) => {
            if let Some((meant, words)) = said_error(config, output) {
                return of_error(config, code, meant, &words);
            }
            let failure = Failure::new(
                kind,
                format!("exit-{code}"),
                how_it_ended(&config.command, output),
            );
            Err(match fix(meant, code) {
                Some(fix) => failure.with_fix(fix),
                None => failure,
            })
        }
    }
}

/// One sentence about the ending, with the program's last words.
pub(crate) fn how_it_ended(name: &str, output: &Output) -> String {
    let ended = match output.ending {
        Ending::Exited(code) => format!("The command `{name}` exited with {code}"),
        Ending::Signalled(signal) => format!("The command `{name}` was ended by signal {signal}"),
    };
    match last_words(&output.stderr) {
        Some(words) => format!("{ended}: {words}"),
        None => format!("{ended}."),
    }
}

fn fix(meant: Meaning, code: i32) -> Option<String> {
    Some(match (meant, code) {
        (Meaning::Unknown, _) => {
            format!(
                "If {code} means that nothing was delivered, say so: exit_codes = {{ retryable = [{code}] }}."
            )
        }
        (_, 126 | 127) => "Look whether the program is there, and may be run.".to_owned(),
        (_, 77) => "Look whether the far side lets this instance in.".to_owned(),
        (_, 64 | 78) => "Look at the command's arguments, and at its own configuration.".to_owned(),
        _ => return None,
    })
}

fn of_error(config: &Config, code: i32, meant: Meaning, words: &str) -> Result<Receipt, Failure> {
    let words = last_words(words.as_bytes()).unwrap_or_default();
    match meant.status() {
        Ok(status) => Ok(Receipt::new(status).with_detail(Some(words))),
        Err(kind) => Err(Failure::new(
            kind,
            format!("exit-{code}"),
            format!("The command `{}` exited with {code}: {words}", config.command),
        )),
    }
}

/// What the operator says of the error that the output tells, and its words. Where several patterns are
/// like it and mean different things, nobody can say which of them was meant.
fn said_error(config: &Config, output: &Output) -> Option<(Meaning, String)> {
    let words = text_at(&json_of(output)?, config.error_pointer.as_deref()?)?;
    let mut meant = config
        .errors
        .iter()
        .filter(|(pattern, _)| is_like(&words, pattern))
        .map(|(_, meaning)| *meaning);
    let first = meant.next()?;
    let meant = match meant.all(|other| other == first) {
        true => first,
        false => Meaning::Unknown,
    };
    Some((meant, words))
}

/// What the output says, where the exit code says that it went well.
fn said(config: &Config, output: &Output, by_code: ReceiptStatus) -> Result<Receipt, Failure> {
    let answer = json_of(output);
    match config.output {
        OutputForm::Ignore => Ok(Receipt::new(by_code)),
        OutputForm::Receipt => Ok(match answer.as_ref().and_then(byway_receipt) {
            Some((status, id)) => Receipt::new(status).with_reference(Some(id)),
            None => Receipt::new(by_code),
        }),
        OutputForm::Json => read(config, answer.as_ref(), by_code),
    }
}

/// Standard output as JSON, where it is all there. Where a program prints other lines first, the last line is
/// tried by itself.
fn json_of(output: &Output) -> Option<Value> {
    if output.truncated {
        return None;
    }
    let text = std::str::from_utf8(&output.stdout).ok()?.trim();
    let last_line = || serde_json::from_str(text.lines().next_back()?).ok();
    serde_json::from_str(text).ok().or_else(last_line)
}

fn read(config: &Config, answer: Option<&Value>, by_code: ReceiptStatus) -> Result<Receipt, Failure> {
    let at = |pointer: &Option<String>| text_at(answer?, pointer.as_deref()?);
    let receipt = |status| {
        Receipt::new(status)
            .with_reference(at(&config.reference_pointer))
            .with_detail(at(&config.answer_pointer))
    };
    let Some(pointer) = &config.status_pointer else {
        return Ok(receipt(by_code));
    };
    let Some(word) = answer.and_then(|answer| text_at(answer, pointer)) else {
        return Err(Failure::unknown(
            "output-unreadable",
            format!(
                "The command `{}` exited well, but its output has no status at {pointer}.",
                config.command
            ),
        )
        .with_fix("Look what the command prints, and correct `status_pointer`."));
    };
    status_by(&config.statuses, &word).map(receipt).map_err(|kind| {
        let mut shown = shown(&word);
        if let Some(words) = at(&config.answer_pointer) {
            shown = format!("{shown} ({})", last_words(words.as_bytes()).unwrap_or_default());
        }
        let failure = Failure::new(
            kind,
            "output-status",
            format!("The command `{}` says: {shown}.", config.command),
        );
        match config.statuses.contains_key(&word) {
            true => failure,
            false => failure.with_fix("Say in `statuses` what this word means."),
        }
    })
}

#[cfg(test)]
mod tests {
    use byway_adapter::{FailureKind, configuration};

    use super::*;

    fn output(ending: Ending, stdout: &str, stderr: &str) -> Output {
        Output {
            ending,
            stdout: stdout.as_bytes().to_vec(),
            stderr: stderr.as_bytes().to_vec(),
            truncated: false,
        }
    }

    fn judged(config: &str, output: &Output) -> Result<Receipt, Failure> {
        let config = config.replacen('{', r#"{"command": "c""#, 1);
        judge(&configuration::read(&config).unwrap(), output)
    }

    fn exited(code: i32, stdout: &str) -> Output {
        output(Ending::Exited(code), stdout, "")
    }

    fn kind(config: &str, output: &Output) -> Result<ReceiptStatus, FailureKind> {
        judged(config, output)
            .map(|receipt| receipt.status)
            .map_err(|failure| failure.kind)
    }

    #[test]
    fn reads_the_receipt_that_byway_accept_prints() {
        let printed = "{\"id\":\"m1\",\"status\":\"accepted\",\"recipient\":\"a@b\"}\n";
        let receipt = judged("{}", &exited(0, printed)).unwrap();
        assert_eq!(
            (receipt.status, receipt.reference.as_deref()),
            (ReceiptStatus::Accepted, Some("m1"))
        );
        let banner = format!("Welcome to pi!\n\n{printed}");
        assert_eq!(kind("{}", &exited(0, &banner)), Ok(ReceiptStatus::Accepted));
    }

    #[test]
    fn other_output_is_no_receipt_and_the_exit_code_decides() {
        for stdout in [
            "",
            "ok",
            "{\"status\":\"failed\",\"id\":\"1\"}",
            "{\"status\":\"read\"}",
            "[1]",
        ] {
            assert_eq!(
                kind("{}", &exited(0, stdout)),
                Ok(ReceiptStatus::Delivered),
                "{stdout}"
            );
        }
        let ignoring = r#"{, "output": "ignore"}"#;
        let printed = r#"{"id":"m1","status":"read"}"#;
        assert_eq!(kind(ignoring, &exited(0, printed)), Ok(ReceiptStatus::Delivered));
    }

    #[test]
    fn a_code_that_nobody_gave_a_meaning_is_unknown() {
        for code in [1, 2, 70, 74, 137, 255] {
            let failure = judged("{}", &exited(code, "")).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Unknown, "{code}");
            assert_eq!(failure.code, format!("exit-{code}"));
        }
    }

    #[test]
    fn the_operators_codes_come_before_the_usual_ones() {
        let config = r#"{, "exit_codes": {"accepted": [3], "delivered": [4], "retryable": [1, 255], "unknown": [75]}}"#;
        assert_eq!(kind(config, &exited(3, "")), Ok(ReceiptStatus::Accepted));
        assert_eq!(kind(config, &exited(4, "")), Ok(ReceiptStatus::Delivered));
        assert_eq!(kind(config, &exited(1, "")), Err(FailureKind::Retryable));
        assert_eq!(kind(config, &exited(75, "")), Err(FailureKind::Unknown));
        assert_eq!(kind(config, &exited(65, "")), Err(FailureKind::Refused));
        let denied = output(Ending::Exited(255), "", "me@pi: Permission denied (publickey).");
        assert_eq!(kind(config, &denied), Err(FailureKind::Retryable));
    }

    #[test]
    fn ssh_that_never_got_there_delivered_nothing() {
        let refused = output(
            Ending::Exited(255),
            "",
            "ssh: connect to host pi port 22: Connection refused\r\n",
        );
        assert_eq!(kind("{}", &refused), Err(FailureKind::Retryable));
        let lost = output(
            Ending::Exited(255),
            "",
            "client_loop: send disconnect: Broken pipe",
        );
        assert_eq!(kind("{}", &lost), Err(FailureKind::Unknown));
    }

    #[test]
    fn a_signal_is_unknown() {
        assert_eq!(
            kind("{}", &output(Ending::Signalled(9), "", "")),
            Err(FailureKind::Unknown)
        );
    }

    #[test]
    fn the_last_words_are_kept_for_a_person() {
        let failure = judged("{}", &output(Ending::Exited(69), "", "gateway\nis off\n")).unwrap_err();
        assert_eq!(failure.message, "The command `c` exited with 69: gateway is off");
    }

    const JSON: &str = r#"{, "output": "json", "status_pointer": "/result/status", "reference_pointer": "/result/runId",
        "answer_pointer": "/result/reply", "statuses": {"ok": "processed", "busy": "retryable", "true": "accepted"}}"#;

    #[test]
    fn json_output_is_read_at_its_pointers() {
        let stdout = r#"{"result": {"status": "ok", "runId": 7, "reply": "done"}}"#;
        let receipt = judged(JSON, &exited(0, stdout)).unwrap();
        assert_eq!(receipt.status, ReceiptStatus::Processed);
        assert_eq!(receipt.reference.as_deref(), Some("7"));
        assert_eq!(receipt.detail.as_deref(), Some("done"));
    }

    #[test]
    fn a_status_can_say_that_it_failed_though_the_code_says_well() {
        let with = |status: &str| {
            kind(
                JSON,
                &exited(0, &format!(r#"{{"result": {{"status": {status}}}}}"#)),
            )
        };
        assert_eq!(with("\"busy\""), Err(FailureKind::Retryable));
        assert_eq!(with("\"delivered\""), Ok(ReceiptStatus::Delivered));
        assert_eq!(with("true"), Ok(ReceiptStatus::Accepted));
        assert_eq!(with("\"timeout\""), Err(FailureKind::Unknown));
    }

    #[test]
    fn output_that_should_have_a_status_and_has_none_is_unknown() {
        for stdout in ["", "ok", "{}", r#"{"result": {"status": null}}"#] {
            assert_eq!(
                kind(JSON, &exited(0, stdout)),
                Err(FailureKind::Unknown),
                "{stdout}"
            );
        }
        let mut cut = exited(0, r#"{"result": {"status": "ok"}}"#);
        cut.truncated = true;
        assert_eq!(kind(JSON, &cut), Err(FailureKind::Unknown));
    }

    #[test]
    fn an_error_in_the_output_says_more_than_the_code() {
        let config = r#"{, "output": "json", "error_pointer": "/error/message", "errors": {
            "Unknown agent *": "refused", "Not reachable at *(ECONNREFUSED)*": "retryable", "*(ECONNREFUSED)* *gone*": "refused",
            "The turn failed*": "delivered"}}"#;
        let with = |words: &str| {
            kind(
                config,
                &exited(1, &format!(r#"{{"error": {{"message": "{words}"}}}}"#)),
            )
        };
        assert_eq!(with("Unknown agent x"), Err(FailureKind::Refused));
        assert_eq!(
            with("Not reachable at a (ECONNREFUSED)"),
            Err(FailureKind::Retryable)
        );
        assert_eq!(
            with("Not reachable at a (ECONNREFUSED) and gone"),
            Err(FailureKind::Unknown)
        );
        assert_eq!(with("The turn failed."), Ok(ReceiptStatus::Delivered));
        assert_eq!(with("Something else"), Err(FailureKind::Unknown));
        let failure = judged(config, &exited(1, r#"{"error": {"message": "Unknown agent x"}}"#)).unwrap_err();
        assert_eq!(failure.message, "The command `c` exited with 1: Unknown agent x");
    }

    #[test]
    fn without_a_status_pointer_the_exit_code_decides() {
        let config = r#"{, "output": "json", "reference_pointer": "/id"}"#;
        let receipt = judged(config, &exited(0, r#"{"id": "x"}"#)).unwrap();
        assert_eq!(
            (receipt.status, receipt.reference.as_deref()),
            (ReceiptStatus::Delivered, Some("x"))
        );
    }
}
