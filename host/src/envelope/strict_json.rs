//! JSON, read so that no two readers can take different things from one text.
//!
//! RFC 8259 leaves open what a repeated member means, so one reader takes the first and another the
//! last: a check on one side and a use on the other would see different messages. Here a repeated member
//! is refused at any depth, as are nesting beyond [`DEPTH_MAX`] and anything behind the value. Numbers
//! keep the digits they were written with; only an exponent is always written `e+5` or `e-5`.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::shown::shown;

/// How deep arrays and objects may nest in a message's data. Less than what `serde_json` reads, so
/// that data that came as a body can also be read inside of an event.
pub(super) const DEPTH_MAX: usize = 100;

/// The name under which `serde_json` passes a number that is no ordinary integer to a visitor, as the
/// only member of a map. It is not exported; a test here fails should it change.
const NUMBER: &str = "$serde_json::private::Number";

/// Reads one JSON value of at most `depth` levels and nothing behind it; the error is a phrase.
pub(super) fn read(bytes: &[u8], depth: usize) -> Result<Value, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth }.deserialize(&mut deserializer);
    let value = value.map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// One value, with how many levels may still open beneath it.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn beneath<E: Error>(self) -> Result<Self, E> {
        let depth = self
            .depth
            .checked_sub(1)
            .ok_or_else(|| E::custom("it nests too deep"))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let beneath = self.beneath()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(beneath)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut beneath = None;
        while let Some(name) = members.next_key::<String>()? {
            if name == NUMBER {
                return members.next_value_seed(NumberText).map(Value::Number);
            }
            let seed = match beneath {
                Some(seed) => seed,
                None => *beneath.insert(self.beneath()?),
            };
            let value = members.next_value_seed(seed)?;
            match object.entry(name) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(twice) => {
                    let name = shown(twice.key());
                    return Err(A::Error::custom(format_args!("the member `{name}` stands twice")));
                }
            };
        }
        if object.is_empty() {
            self.beneath::<A::Error>()?;
        }
        Ok(Value::Object(object))
    }
}

/// The text of a number. `serde_json` hands it over as an owned string, whereas the value of a
/// real member of that name is borrowed or of another type: a forged number is refused.
struct NumberText;

impl<'de> DeserializeSeed<'de> for NumberText {
    type Value = Number;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Number, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for NumberText {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no member named `{NUMBER}`")
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Number, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Number, E> {
        Err(E::custom(format_args!("a member must not be named `{NUMBER}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let text = "[0,-7,1.0,-0,12345678901234567890123456789,0.1000,1.50e+10,1e-2]";
        let value = read(text.as_bytes(), DEPTH_MAX).unwrap();
        assert_eq!(value.to_string(), text);
        for text in ["1E5", "1e5", "1e+5", "1E+5"] {
            assert_eq!(read(text.as_bytes(), DEPTH_MAX).unwrap().to_string(), "1e+5");
        }
    }

    #[test]
    fn refuses_a_member_that_stands_twice_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#] {
            let error = read(text.as_bytes(), DEPTH_MAX).unwrap_err();
            assert!(error.starts_with("the member `a` stands twice"), "{error}");
        }
    }

    #[test]
    fn refuses_a_forged_number() {
        for value in [r#""7""#, r#""\u0037""#, "7", "{}", "null", "true"] {
            for key in [NUMBER, "\\u0024serde_json::private::Number"] {
                let text = format!("{{\"{key}\":{value}}}");
                assert!(read(text.as_bytes(), DEPTH_MAX).is_err(), "{text}");
                let text = format!("{{\"a\":1,\"{key}\":{value}}}");
                assert!(read(text.as_bytes(), DEPTH_MAX).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn a_member_named_like_a_raw_value_is_only_a_member() {
        let text = r#"{"$serde_json::private::RawValue":"[1]"}"#;
        assert_eq!(read(text.as_bytes(), DEPTH_MAX).unwrap().to_string(), text);
    }

    #[test]
    fn refuses_what_nests_too_deep_and_nothing_less() {
        let nested = |open: &str, close: &str, depth| [open.repeat(depth), close.repeat(depth)].concat();
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let close_inner = |depth: usize| nested(open, close, depth).replacen(":}", ":1}", 1);
            assert!(read(close_inner(3).as_bytes(), 3).is_ok(), "{open}");
            assert!(read(close_inner(4).as_bytes(), 3).is_err(), "{open}");
            assert!(
                read(close_inner(100_000).as_bytes(), DEPTH_MAX).is_err(),
                "{open}"
            );
        }
        assert!(read(b"[[{}]]", 2).is_err());
        assert!(read(b"[[[]]]", 2).is_err());
    }

    #[test]
    fn refuses_leftovers_and_half_texts() {
        for text in [
            "",
            "{}x",
            "{} {}",
            "{\"a\":",
            "\u{feff}{}",
            "nul",
            "\"\\ud800\"",
            "01",
            "NaN",
        ] {
            assert!(read(text.as_bytes(), DEPTH_MAX).is_err(), "{text}");
        }
    }
}
