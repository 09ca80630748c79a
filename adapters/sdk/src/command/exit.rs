//! What exit codes mean.
//!
//! The numbers from 64 to 78 are those of BSD's `sysexits.h`, which mail systems have used for
//! this very question for forty years; 126 and 127 are the shell's. Every other non-zero code is `unknown`:
//! the command started, and a program that fails after it delivered exits like one that failed
//! before. Only the code's own documentation can say more, and then the operator maps it.

use crate::answer::Meaning;

/// The meaning of an exit code where nothing else was configured.
#[must_use]
pub fn meaning(code: i32) -> Meaning {
    match code {
        0 => Meaning::Delivered,
        // EX_CANTCREAT and EX_TEMPFAIL: the program says that it did not take it, and why not yet.
        73 | 75 => Meaning::Retryable,
        // EX_DATAERR, EX_NOUSER: this message, or its addressee.
        65 | 67 => Meaning::Refused,
        // EX_USAGE, EX_NOINPUT, EX_NOHOST, EX_UNAVAILABLE, EX_NOPERM, EX_CONFIG, and the shell's "not
        // executable" and "not found": every message would meet them.
        64 | 66 | 68 | 69 | 77 | 78 | 126 | 127 => Meaning::Unavailable,
        // EX_SOFTWARE, EX_OSERR, EX_OSFILE, EX_IOERR, EX_PROTOCOL can come after the delivery.
        _ => Meaning::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sysexits_say_what_they_say() {
        for (meant, codes) in [
            (Meaning::Delivered, &[0][..]),
            (Meaning::Retryable, &[73, 75]),
            (Meaning::Refused, &[65, 67]),
            (Meaning::Unavailable, &[64, 66, 68, 69, 77, 78, 126, 127]),
            (
                Meaning::Unknown,
                &[1, 2, 70, 71, 72, 74, 76, 124, 137, 143, 255, -1],
            ),
        ] {
            for code in codes {
                assert_eq!(meaning(*code), meant, "{code}");
            }
        }
    }
}
