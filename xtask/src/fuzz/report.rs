//! What libFuzzer prints, read for what a person wants to know.

/// A run, as its program told it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// How many inputs were tried.
    pub(super) executions: u64,
    /// How many places of the code some input reached.
    pub(super) places: u64,
    /// The file with the input that broke something.
    pub(super) input: Option<String>,
    /// What the target said when it broke.
    pub(super) last_words: String,
}

impl Report {
    /// Reads a program's standard error.
    pub(super) fn read(text: &str) -> Self {
        let mut report = Self::default();
        let mut words: Vec<&str> = Vec::new();
        for line in text.lines() {
            if let Some(number) = line.strip_prefix("stat::number_of_executed_units:") {
                report.executions = number.trim().parse().unwrap_or_default();
            } else if let Some(places) = number_after(line, " cov: ") {
                report.places = places;
            } else if let Some((_, file)) = line.split_once("Test unit written to ") {
                report.input = Some(file.trim().to_owned());
            } else if is_of_the_target(line) || words.last().is_some_and(|last| last.contains("panicked at"))
            {
                words.push(line);
            }
        }
        report.last_words = words.join("\n");
        report
    }
}

/// Not one of libFuzzer's own pages of numbers.
fn is_of_the_target(line: &str) -> bool {
    line.contains("panicked at") || line.contains("ERROR: ") || line.contains("SUMMARY: ")
}

fn number_after(line: &str, mark: &str) -> Option<u64> {
    let (_, rest) = line.split_once(mark)?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_run_in_which_nothing_broke() {
        let text = "INFO: seed corpus: files: 3\n#4\tINITED cov: 17 ft: 20 corp: 2/3b\n\
                    #900\tDONE   cov: 431 ft: 700 corp: 9/12b\nstat::number_of_executed_units: 900\n";
        let report = Report::read(text);
        assert_eq!((report.executions, report.places), (900, 431));
        assert_eq!(report.input, None);
    }

    #[test]
    fn reads_what_broke_and_on_which_input() {
        let text = "#4\tINITED cov: 17 ft: 20\nthread '<unnamed>' panicked at fuzz/src/config.rs:30:9:\n\
                    a problem without words\n==7== ERROR: libFuzzer: deadly signal\n  #0 0x55 in main\n\
                    artifact_prefix='/t/'; Test unit written to /t/config-crash-0a\n";
        let report = Report::read(text);
        assert_eq!(report.input.as_deref(), Some("/t/config-crash-0a"));
        assert!(
            report.last_words.contains("a problem without words"),
            "{}",
            report.last_words
        );
        assert!(!report.last_words.contains("0x55"), "{}", report.last_words);
    }
}
