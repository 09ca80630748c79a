//! An explanation as a person reads it.

use std::fmt;

use super::explain::{Explanation, RouteReport, UntrustedVerdict, Verdict, mode_word};

/// For a person: the answer first, then every route with its reason.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_answer(f)?;
        if self.unknown_agent {
            return Ok(());
        }
        if self.routes.is_empty() {
            return writeln!(f, "\nthere are no routes");
        }
        writeln!(f, "\nroutes, in order:")?;
        let titles: Vec<String> = self.routes.iter().map(RouteReport::title).collect();
        let width = titles.iter().map(String::len).max().unwrap_or_default();
        for (route, title) in self.routes.iter().zip(titles) {
            let why = route.verdict.why();
            writeln!(f, "  {title:width$}  {why} ({})", route.place)?;
        }
        Ok(())
    }
}

impl Explanation {
    /// What becomes of the message, without the routes that it does not take.
    pub(super) fn write_answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => writeln!(f, "{source} -> {}", self.recipient)?,
            None => writeln!(f, "a sender without an address -> {}", self.recipient)?,
        }
        if self.unknown_agent {
            return writeln!(
                f,
                "would be refused: [agents] does not list `{}`",
                self.recipient.agent()
            );
        }
        let report = self.taken.and_then(|taken| self.routes.get(taken.0));
        match (report, self.local) {
            (Some(_), true) => writeln!(f, "goes into the inbox here; then a route wakes the agent:")?,
            (None, true) => writeln!(f, "goes into the inbox here; no route wakes the agent")?,
            (Some(_), false) => writeln!(f, "takes this route:")?,
            (None, false) => writeln!(f, "would be refused: no route matches")?,
        }
        if let Some(report) = report {
            writeln!(f, "\n  {}\n  {}", report.title(), report.manner)?;
            self.write_chain(f)?;
        }
        Ok(())
    }

    fn write_chain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.chain.iter().map(|step| step.transport.len());
        let width = names.max().unwrap_or_default();
        for (number, step) in (1..).zip(&self.chain) {
            let (mode, untrusted) = (mode_word(step.mode), step.untrusted.words());
            write!(
                f,
                "  {number:>3}. {:width$}  {mode:7}  {untrusted}",
                step.transport
            )?;
            if let Some(after) = &step.after {
                write!(f, "; only after {after}")?;
            }
            match &step.dedupe {
                Some(dedupe) => writeln!(f, "; leads to {dedupe}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl RouteReport {
    fn title(&self) -> String {
        match &self.from {
            Some(from) => format!("{from} -> {}", self.to),
            None => format!("any -> {}", self.to),
        }
    }
}

impl Verdict {
    /// The reason, in words.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::Taken => "taken: the first that matches",
            Self::Later => "matches, but an earlier one was taken",
            Self::OtherRecipient => "is for other recipients",
            Self::OtherSender => "is for other senders",
            Self::NoSender => "is for certain senders, and this one has no address",
        }
    }
}

impl UntrustedVerdict {
    /// What becomes of a message that is not from a local sender, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Passes => "untrusted messages pass",
            Self::PassesAsOwner => "untrusted messages pass, heard as the owner (allow_owner)",
            Self::Skipped => "skipped for untrusted messages: heard as the owner",
            Self::AdapterDecides => "untrusted messages: as the adapter says",
        }
    }
}
