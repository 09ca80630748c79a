//! Spans of time as people write them: `500ms`, `30s`, `5m`, `24h`, `30d`.
//!
//! A number without a unit is refused, because nobody remembers whether it meant seconds. One
//! number and one unit: `90m`, not `1h30m`.

use std::time::Duration;

/// A text is not a span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a span of time")]
pub struct DurationError(String);

/// The units, longest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a whole number and one of the units `ms`, `s`, `m`, `h`, `d`.
///
/// # Errors
/// Where the text is anything else, or more milliseconds than 64 bits hold.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(digits_end).ok_or_else(wrong)?;
    let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let ms = number.checked_mul(*unit_ms).ok_or_else(wrong)?;
    Ok(Duration::from_millis(ms))
}

/// Prints a span in the longest unit that divides it: the shortest form that
/// [`parse_duration`] reads back. What is below a millisecond is cut.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let fitting = UNITS.iter().find(|(_, unit_ms)| ms > 0 && ms % unit_ms == 0);
    let (unit, unit_ms) = fitting.copied().unwrap_or(("ms", 1));
    format!("{}{unit}", ms / unit_ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_a_number_and_a_unit() {
        for (text, ms) in [
            ("0ms", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_what_could_be_misread() {
        for text in [
            "", "30", "s", "30 s", "1h30m", "1.5s", "-1s", "+1s", "30S", "1w", "30sec", "٣s",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(parse_duration("18446744073709551615d").is_err());
    }

    proptest! {
        #[test]
        fn reads_what_it_prints(ms in any::<u64>()) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = parse_duration(&text);
        }
    }
}
