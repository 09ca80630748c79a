//! Whether the transport would work, as far as that can be seen without sending a message.

use byway_adapter::http::{HttpError, Request, Response};
use byway_adapter::{Failure, Finding, Readiness, secrets, signer};

use crate::check;
use crate::config::Config;
use crate::request::authorize;

pub(crate) fn probe(config: &Config) -> Readiness {
    let mut findings: Vec<Finding> = match check::check(config) {
        Ok(needs) => needs
            .secrets
            .iter()
            .map(|need| secrets::finding(&need.name))
            .collect(),
        Err(problems) => problems.iter().map(Finding::from).collect(),
    };
    findings.extend(config.signing.as_deref().map(signer::finding));
    findings.push(far_side(config));
    Readiness::from_findings(findings)
}

fn far_side(config: &Config) -> Finding {
    let Some(url) = &config.probe_url else {
        return Finding::good("far side", "Not asked: the configuration has no `probe_url`.");
    };
    let line = format!("{} {url}", config.probe_method().as_str());
    let request = Request::new(config.probe_method(), url.clone());
    let answer =
        authorize(config, request).and_then(|request| request.send().map_err(HttpError::into_failure));
    match answer {
        Ok(response) => seen(line, &response),
        Err(failure) => Finding::bad(line, failure.message, failure.fix.unwrap_or_else(look)),
    }
}

/// What a probe's answer says. That the far side does not offer this method is no fault of it.
fn seen(line: String, response: &Response) -> Finding {
    if response.is_success() || matches!(response.status, 405 | 501) {
        return Finding::good(line, format!("It answered {}.", response.status));
    }
    match byway_adapter::status::failure(response, true) {
        Some(Failure { message, fix, .. }) => Finding::bad(line, message, fix.unwrap_or_else(look)),
        None => Finding::good(line, format!("It answered {}.", response.status)),
    }
}

fn look() -> String {
    "Look whether the far side is well.".to_owned()
}

#[cfg(test)]
mod tests {
    use byway_adapter::http::Ending;

    use super::*;

    fn seen_with(status: u16) -> Finding {
        let response = Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            ending: Ending::Whole,
        };
        seen("GET https://x/".to_owned(), &response)
    }

    #[test]
    fn a_far_side_that_is_there_is_good_and_a_wrong_token_is_not() {
        for status in [200, 204, 405, 501] {
            assert!(seen_with(status).ok, "{status}");
        }
        for status in [302, 401, 403, 404, 500, 503] {
            let finding = seen_with(status);
            assert!(!finding.ok && finding.fix.is_some(), "{status}");
        }
    }
}
