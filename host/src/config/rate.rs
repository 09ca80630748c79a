//! `rate`: how fast a transport may be used, such as `"10/s"` or `"30/min"`.

use std::time::Duration;

use super::item::Item;
use super::keys;
use super::model::Rate;

const EXAMPLE: &str = "rate = \"10/s\"";
/// The largest number in a rate.
const COUNT_MAX: u32 = 1_000_000;
const UNITS: [(&str, u64); 5] = [("s", 1), ("min", 60), ("m", 60), ("h", 3_600), ("d", 86_400)];

/// `"10/s"` or `{ limit = "10/s", burst = 20 }`
pub(super) fn read_rate(item: &Item<'_>) -> Option<Rate> {
    if !item.value().is_table() {
        return read_limit(item);
    }
    let table = item.table(&keys::RATE, "rate = { limit = \"10/s\", burst = 20 }")?;
    let rate = table
        .need("limit", "limit = \"10/s\"")
        .and_then(|item| read_limit(&item));
    let burst = table
        .get("burst")
        .map(|item| item.number(1..=u64::from(COUNT_MAX)));
    let rate = rate?;
    match burst {
        None => Some(rate),
        Some(burst) => Some(Rate {
            burst: u32::try_from(burst?).ok()?,
            ..rate
        }),
    }
}

fn read_limit(item: &Item<'_>) -> Option<Rate> {
    let text = item.text(EXAMPLE)?;
    let rate = parse_rate(text);
    if rate.is_none() {
        item.wrong(
            format!("`{text}` is not a rate"),
            "write a number from 1 to 1000000 and one of `/s`, `/min`, `/h`, `/d`, such as `30/min`",
        );
    }
    rate
}

fn parse_rate(text: &str) -> Option<Rate> {
    let (count, unit) = text.split_once('/')?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = count
        .parse()
        .ok()
        .filter(|count| (1..=COUNT_MAX).contains(count))?;
    Some(Rate {
        count,
        per: Duration::from_secs(*seconds),
        burst: count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_a_number_and_a_unit() {
        for (text, count, seconds) in [
            ("10/s", 10, 1),
            ("30/min", 30, 60),
            ("1/m", 1, 60),
            ("5/h", 5, 3_600),
        ] {
            let per = Duration::from_secs(seconds);
            let rate = Rate {
                count,
                per,
                burst: count,
            };
            assert_eq!(parse_rate(text), Some(rate), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "10",
            "/s",
            "0/s",
            "+1/s",
            "1.5/s",
            "10/sec",
            "10 / s",
            "1000001/s",
            "10/s/s",
        ] {
            assert_eq!(parse_rate(text), None, "{text}");
        }
    }
}
