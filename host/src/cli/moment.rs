//! Times and spans of time on a command line: RFC 3339, or a span as the configuration has them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::parse_duration;

/// A moment: a time, or so long from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    At(Timestamp),
    In(Duration),
}

impl Moment {
    /// The time it means at `now`. One that lies beyond the calendar is the last there is.
    pub(super) fn after(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::In(span) => SignedDuration::try_from(span)
                .ok()
                .and_then(|span| now.checked_add(span).ok())
                .unwrap_or(Timestamp::MAX),
        }
    }
}

/// Reads a moment.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let time = text.parse().map(Moment::At);
    time.or_else(|_| parse_duration(text).map(Moment::In))
        .map_err(|_| {
            "a time looks like 2026-12-24T18:00:00Z, so long from now like 90s, 10m, 2h or 1d".to_owned()
        })
}

/// Reads a span of time.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| format!("{error}; it looks like 500ms, 90s, 10m, 2h or 1d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_a_time_and_a_span() {
        let christmas = "2026-12-24T18:00:00Z".parse().unwrap();
        assert_eq!(moment("2026-12-24T18:00:00Z"), Ok(Moment::At(christmas)));
        let later = moment("10m").unwrap().after(christmas);
        assert_eq!(later, "2026-12-24T18:10:00Z".parse().unwrap());
    }

    #[test]
    fn a_span_beyond_the_calendar_is_its_end() {
        assert_eq!(
            Moment::In(Duration::MAX).after(Timestamp::UNIX_EPOCH),
            Timestamp::MAX
        );
    }

    #[test]
    fn refuses_what_could_mean_anything() {
        for text in ["", "90", "soon", "-5s", "2026-12-24", "2026-12-24T18:00:00"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
