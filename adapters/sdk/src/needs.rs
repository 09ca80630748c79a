//! Findings, verdicts and needs, made in one line each.

use crate::{Finding, FolderNeed, Needs, Readiness, SecretNeed, State};

impl Needs {
    /// Nothing at all: neither idempotent nor heard as an owner.
    #[must_use]
    pub fn none() -> Self {
        Self {
            http: Vec::new(),
            commands: Vec::new(),
            folders: Vec::new(),
            secrets: Vec::new(),
            signers: Vec::new(),
            idempotent: false,
            owner: false,
        }
    }

    /// Adds a folder with an access: `append`, `drop`, `receive` or `read`.
    #[must_use]
    pub fn with_folder(mut self, path: &str, access: &str) -> Self {
        self.folders.push(FolderNeed {
            path: path.to_owned(),
            access: access.to_owned(),
        });
        self
    }

    /// Adds a secret in a position such as `header:authorization`. A secret that is there already
    /// gets the position too.
    pub fn add_secret(&mut self, name: &str, position: &str) {
        match self.secrets.iter_mut().find(|need| need.name == name) {
            Some(need) if need.positions.iter().any(|known| known == position) => {}
            Some(need) => need.positions.push(position.to_owned()),
            None => self.secrets.push(SecretNeed {
                name: name.to_owned(),
                positions: vec![position.to_owned()],
            }),
        }
    }
}

impl Finding {
    /// A line of the check-list that is as it should be.
    #[must_use]
    pub fn good(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok: true,
            message: message.into(),
            fix: None,
        }
    }

    /// A line that is not, with what to do about it.
    #[must_use]
    pub fn bad(name: impl Into<String>, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok: false,
            message: message.into(),
            fix: Some(fix.into()),
        }
    }
}

impl Readiness {
    /// The verdict that follows from a check-list: ready if every line is good, else not.
    #[must_use]
    pub fn from_findings(findings: Vec<Finding>) -> Self {
        let state = if findings.iter().all(|finding| finding.ok) {
            State::Ready
        } else {
            State::NotReady
        };
        Self { state, findings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_two_positions_is_one_need() {
        let mut needs = Needs::none();
        needs.add_secret("token", "header:authorization");
        needs.add_secret("token", "url-path");
        needs.add_secret("token", "url-path");
        assert_eq!(needs.secrets.len(), 1);
        assert_eq!(needs.secrets[0].positions, ["header:authorization", "url-path"]);
    }

    #[test]
    fn one_bad_line_makes_a_transport_not_ready() {
        let good = Finding::good("a", "b");
        assert_eq!(Readiness::from_findings(vec![good.clone()]).state, State::Ready);
        let bad = Finding::bad("a", "b", "c");
        assert_eq!(Readiness::from_findings(vec![good, bad]).state, State::NotReady);
    }
}
