//! Times as CloudEvents writes them: RFC 3339, and nothing else.
//!
//! General date parsers read more than that (no seconds, `+05`, zones in brackets), and an event that
//! only some byways can read must be refused by all. So the form is checked here first.

use jiff::{Timestamp, civil};

/// What stands before a fraction or an offset.
const DATE_TIME: &str = "dddd-dd-ddTdd:dd:dd";

/// A text split at the places that RFC 3339 gives it.
struct Parts<'a> {
    /// `2018-04-05T17:31:00`
    date_time: &'a str,
    /// The digits behind the point; may be empty.
    fraction: &'a str,
    /// `Z` or `+01:00`
    offset: &'a str,
}

/// Whether the text is a time of RFC 3339, section 5.6. A leap second is one.
pub(super) fn is_time(text: &str) -> bool {
    split(text).is_some()
}

/// The instant that the text names, from the year 0 to the last days of 9999; fractions beyond the
/// nanosecond are cut off, and a leap second counts as the second before it.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let parts = split(text)?;
    let fraction = parts.fraction.get(..9).unwrap_or(parts.fraction);
    let point = if fraction.is_empty() { "" } else { "." };
    let exact = format!("{}{point}{fraction}{}", parts.date_time, parts.offset).to_ascii_uppercase();
    let instant: Timestamp = exact.parse().ok()?;
    (!instant.to_string().starts_with('-')).then_some(instant)
}

fn split(text: &str) -> Option<Parts<'_>> {
    if !text.is_ascii() {
        return None;
    }
    let (date_time, rest) = text.split_at_checked(DATE_TIME.len())?;
    if shape(date_time) != DATE_TIME {
        return None;
    }
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest
            .split_at_checked(digits(rest))
            .filter(|(fraction, _)| !fraction.is_empty())?,
        None => ("", rest),
    };
    (is_date_time(date_time)? && is_offset(offset)?).then_some(Parts {
        date_time,
        fraction,
        offset,
    })
}

/// The text with every digit as `d`, and letters in upper case.
fn shape(text: &str) -> String {
    let sort = |c: char| {
        if c.is_ascii_digit() {
            'd'
        } else {
            c.to_ascii_uppercase()
        }
    };
    text.chars().map(sort).collect()
}

fn number(text: &str, from: usize, to: usize) -> Option<i16> {
    text.get(from..to)?.parse().ok()
}

fn is_date_time(text: &str) -> Option<bool> {
    let month = i8::try_from(number(text, 5, 7)?).ok()?;
    let day = i8::try_from(number(text, 8, 10)?).ok()?;
    civil::Date::new(number(text, 0, 4)?, month, day).ok()?;
    Some(number(text, 11, 13)? <= 23 && number(text, 14, 16)? <= 59 && number(text, 17, 19)? <= 60)
}

fn is_offset(text: &str) -> Option<bool> {
    match shape(text).as_str() {
        "Z" => Some(true),
        "+dd:dd" | "-dd:dd" => Some(number(text, 1, 3)? <= 23 && number(text, 4, 6)? <= 59),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_every_form_of_the_rfc() {
        for text in [
            "2018-04-05T17:31:00Z",
            "2018-04-05t17:31:00z",
            "2018-04-05T17:31:00.5Z",
            "2018-04-05T18:31:00.000000000001+01:00",
            "2018-04-05T17:31:00-23:59",
            "2016-12-31T23:59:60Z",
            "2020-02-29T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert!(is_time(text), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "lunchtime",
            "2018-04-05",
            "2018-04-05T18:31Z",
            "2018-04-05T17:31:00",
            "2018-04-05 17:31:00Z",
            "2018-04-05T17:31:00.Z",
            "2018-04-05T17:31:00,5Z",
            "2018-04-05T17:31:00X",
            "2018-04-05T17:31:00+25:00",
            "2018-04-05T17:31:00+xx:00",
            "2018-04-05T17:31:00+05",
            "2018-04-05T17:31:00+01:00[Europe/Paris]",
            "2018-02-30T17:31:00Z",
            "2018-13-05T17:31:00Z",
            "2018-04-05T24:00:00Z",
            "2018-04-05T17:31:61Z",
            "+02018-04-05T17:31:00Z",
            "2018-04-05T17:31:0éZ",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }

    #[test]
    fn offsets_of_one_instant_are_one_instant() {
        for text in [
            "2018-04-05T17:31:00Z",
            "2018-04-05T17:31:00.000000000Z",
            "2018-04-05T18:31:00+01:00",
            "2018-04-05T16:31:00-01:00",
        ] {
            assert_eq!(instant(text).unwrap().to_string(), "2018-04-05T17:31:00Z");
        }
    }

    #[test]
    fn a_leap_second_and_finer_fractions_are_understood() {
        let leap = instant("2016-12-31T23:59:60Z").unwrap();
        assert_eq!(leap.to_string(), "2016-12-31T23:59:59Z");
        let fine = instant("2018-04-05T17:31:00.1234567891Z").unwrap();
        assert_eq!(fine.to_string(), "2018-04-05T17:31:00.123456789Z");
    }

    #[test]
    fn an_instant_outside_of_four_digit_years_is_none() {
        assert_eq!(instant("0000-01-01T00:00:00+01:00"), None);
        assert_eq!(instant("9999-12-31T23:59:59-23:59"), None);
    }
}
