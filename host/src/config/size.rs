//! Amounts of bytes as people write them: `4096`, `64KiB`, `4MiB`, `1GiB`.
//!
//! Only the units whose meaning nobody argues about; `MB` is refused.

/// A text is not an amount of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of bytes")]
pub struct SizeError(String);

const UNITS: [(&str, u64); 5] = [
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Reads a whole number and one of the units `B`, `KiB`, `MiB`, `GiB`; none means bytes.
///
/// # Errors
/// Where the text is anything else, or more bytes than 64 bits hold.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let wrong = || SizeError(text.to_owned());
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits_end).ok_or_else(wrong)?;
    let (_, unit_bytes) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(*unit_bytes).ok_or_else(wrong)
}

/// Prints an amount in the largest unit that divides it.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    let mut units = UNITS.iter().skip(2).rev();
    match units.find(|(_, unit_bytes)| bytes > 0 && bytes.is_multiple_of(*unit_bytes)) {
        Some((unit, unit_bytes)) => format!("{}{unit}", bytes / unit_bytes),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_bytes_and_binary_units() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("1KiB", 1024),
            ("1MiB", 1_048_576),
            ("4GiB", 4_294_967_296),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_units_that_mean_two_things() {
        for text in [
            "",
            "MiB",
            "1MB",
            "1kB",
            "1K",
            "1 MiB",
            "1.5MiB",
            "-1",
            "+1",
            "17179869184GiB",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_prints(bytes in any::<u64>()) {
            prop_assert_eq!(parse_size(&show_size(bytes)), Ok(bytes));
        }
    }
}
