//! Days and times of day: what a file's name, a heading and a `Retry-After` header need of a calendar.
//!
//! Proleptic Gregorian, no leap seconds, whole seconds: a library of time zones would be larger than
//! most adapters.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

/// Now, in seconds since 1970 by the host's clock.
#[must_use]
pub fn now_unix() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A moment as a calendar has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// Seconds since midnight.
    pub second_of_day: u32,
}

impl Civil {
    /// The moment that is so many seconds after 1970 began, in UTC.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        // Years are counted from March, so that the leap day is a year's last, in eras of 400 years.
        let day_number = seconds.div_euclid(DAY) + 719_468;
        let era = day_number.div_euclid(146_097);
        let day_of_era = day_number.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: u32::try_from(month).unwrap_or(1),
            day: u32::try_from(day).unwrap_or(1),
            second_of_day: u32::try_from(seconds.rem_euclid(DAY)).unwrap_or(0),
        }
    }

    /// Seconds since 1970, reading the moment as UTC.
    #[must_use]
    pub fn to_unix(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let march_month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * march_month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        (era * 146_097 + day_of_era - 719_468) * DAY + i64::from(self.second_of_day)
    }

    /// A moment from its parts, where there is such a day and time. A leap second is the second after it.
    #[must_use]
    pub fn new(year: i64, month: u32, day: u32, time: (u32, u32, u32)) -> Option<Self> {
        let (hour, minute, second) = time;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let there_is = (1..=days).contains(&day) && hour < 24 && minute < 60 && second <= 60;
        there_is.then_some(Self {
            year,
            month,
            day,
            second_of_day: hour * 3_600 + minute * 60 + second,
        })
    }

    /// `2026-11-21`
    #[must_use]
    pub fn date(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `2026-11-21T07:03:00Z`; or with an offset, `2026-11-21T09:03:00+02:00`.
    #[must_use]
    pub fn rfc3339(self, offset: Offset) -> String {
        let (hour, rest) = (self.second_of_day / 3_600, self.second_of_day % 3_600);
        format!(
            "{}T{hour:02}:{:02}:{:02}{offset}",
            self.date(),
            rest / 60,
            rest % 60
        )
    }
}

/// A fixed distance from UTC, in minutes, such as `+02:00`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(i32);

impl Offset {
    /// Reads `Z`, `+hh:mm` or `-hh:mm`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("z") {
            return Some(Self(0));
        }
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
        let minutes_in_all = i32::try_from(hours * 60 + minutes).ok()?;
        (hours < 24 && minutes < 60).then_some(Self(sign * minutes_in_all))
    }

    /// The moment as a clock at this offset shows it.
    #[must_use]
    pub fn civil(self, unix: i64) -> Civil {
        Civil::from_unix(unix + i64::from(self.0) * 60)
    }
}

impl std::fmt::Display for Offset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("Z"),
            minutes => {
                let sign = if minutes < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
            }
        }
    }
}

/// Milliseconds since 1970 of an RFC 3339 timestamp; `None` where it is none.
#[must_use]
pub fn unix_ms_of_rfc3339(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (
        digits(parts.next()?, 4)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    );
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?,
        None => ("0", rest),
    };
    let milliseconds: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let civil = Civil::new(i64::from(year), month, day, time_of_day(time)?)?;
    Some((civil.to_unix() - i64::from(Offset::parse(zone)?.0) * 60) * 1_000 + milliseconds)
}

/// Seconds since 1970 of an HTTP date in any of the three forms that RFC 9110, section 5.6.7, has a
/// recipient accept.
#[must_use]
pub fn unix_of_http_date(text: &str) -> Option<i64> {
    let tokens: Vec<&str> = text
        .split([' ', ',', '-'])
        .filter(|token| !token.is_empty())
        .collect();
    let (day, month, year, time) = match *tokens.as_slice() {
        [_, day, month, year, time, "GMT"] => (day, month, year, time),
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = (1..).zip(MONTHS).find(|(_, name)| *name == month)?.0;
    let year = match year.len() {
        // Two digits are of this century here: the form was obsolete before the last one ended.
        2 => 2_000 + i64::from(digits(year, 2)?),
        _ => i64::from(digits(year, 4)?),
    };
    let day = day.parse().ok()?;
    Some(Civil::new(year, month, day, time_of_day(time)?)?.to_unix())
}

fn time_of_day(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.splitn(3, ':');
    Some((
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    ))
}

fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|c| c.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_go_both_ways_over_leap_years_and_centuries() {
        for (unix, date) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_164_800, "2024-02-29"),
            (4_107_542_400, "2100-03-01"),
            (-1, "1969-12-31"),
        ] {
            let civil = Civil::from_unix(unix);
            assert_eq!(civil.date(), date);
            assert_eq!(civil.to_unix(), unix);
        }
        for day in (-800_000..800_000).step_by(37) {
            assert_eq!(Civil::from_unix(day * DAY).to_unix(), day * DAY);
        }
    }

    #[test]
    fn refuses_days_that_are_none() {
        assert_eq!(Civil::new(2026, 2, 29, (0, 0, 0)), None);
        assert_eq!(Civil::new(2026, 13, 1, (0, 0, 0)), None);
        assert_eq!(Civil::new(2026, 1, 1, (24, 0, 0)), None);
    }

    #[test]
    fn an_offset_moves_the_date() {
        let just_before_midnight = 1_795_305_300; // 2026-11-21T23:55:00Z
        let offset = Offset::parse("+02:00").unwrap();
        assert_eq!(
            offset.civil(just_before_midnight).rfc3339(offset),
            "2026-11-22T01:55:00+02:00"
        );
        assert_eq!(Offset::default().civil(just_before_midnight).date(), "2026-11-21");
        assert_eq!(Offset::parse("-05:30").unwrap().to_string(), "-05:30");
    }

    #[test]
    fn refuses_offsets_that_are_none() {
        for text in ["", "2", "+2:00", "+25:00", "+02:60", "+xx:00", "02:00", "ü"] {
            assert_eq!(Offset::parse(text), None, "{text}");
        }
    }

    #[test]
    fn reads_timestamps_with_fractions_and_offsets() {
        assert_eq!(unix_ms_of_rfc3339("1970-01-01T00:00:01Z"), Some(1_000));
        assert_eq!(unix_ms_of_rfc3339("1970-01-01T00:00:01.5Z"), Some(1_500));
        assert_eq!(
            unix_ms_of_rfc3339("1970-01-01T01:00:01.123456+01:00"),
            Some(1_123)
        );
        assert_eq!(unix_ms_of_rfc3339("2018-04-05T18:31Z"), None);
        assert_eq!(unix_ms_of_rfc3339("lunchtime"), None);
        assert_eq!(unix_ms_of_rfc3339("2018-04-05T18:31:00+05"), None);
    }

    #[test]
    fn reads_the_three_forms_of_an_http_date() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(unix_of_http_date(text), Some(784_111_777), "{text}");
        }
        assert_eq!(
            unix_of_http_date("Saturday, 21-Nov-26 07:00:00 GMT"),
            Some(1_795_244_400)
        );
        assert_eq!(unix_of_http_date("soon"), None);
        assert_eq!(unix_of_http_date("Sun, 31 Feb 2027 08:49:37 GMT"), None);
    }
}
