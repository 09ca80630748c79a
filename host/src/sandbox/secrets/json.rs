//! References to secrets in a JSON text: the position `ws-json:<pointer>`.
//!
//! A reference is swapped only where it stands plainly in a string at a bound pointer. The text around
//! it stays as it was written, to the byte. Refused, before anything leaves, is a reference at another
//! pointer, in a member's name, in a text that is not JSON, or written with escapes; and any reference
//! in an object that has a member twice, because the far side may read the other one.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::{Misplaced, PREFIX, SecretBook};
use crate::config::Position;
use crate::sandbox::limits::REFERENCES_MAX;

impl SecretBook {
    /// The text with each reference swapped for its value, escaped for JSON; `None` where there is no
    /// reference in it.
    ///
    /// # Errors
    /// A reference in a place to which its secret is not bound.
    pub(in crate::sandbox) fn swap_in_json(
        &self,
        text: &str,
    ) -> Result<Option<Zeroizing<String>>, Misplaced> {
        let issued = self.lock();
        // A reference may also hide behind escapes: `\u0062wsec_…`.
        if issued.is_empty() || !(text.contains(PREFIX) || text.contains("\\u")) {
            return Ok(None);
        }
        let Ok(found) = find(text) else {
            drop(issued);
            return self.refuse_in(text.as_bytes()).map(|()| None);
        };
        let mut swapped: Option<Zeroizing<String>> = None;
        for known in issued.iter() {
            let Some(entry) = self.secrets.get(known.entry) else {
                continue;
            };
            let count = |text: &str| text.matches(known.reference.as_str()).count();
            let mut read = 0;
            let mut bound = true;
            for (pointer, string) in &found.strings {
                let here = count(string);
                read += here;
                bound &= here == 0
                    || entry
                        .positions
                        .iter()
                        .any(|position| matches!(position, Position::WsJson(at) if at == pointer));
            }
            let written = count(text);
            let in_a_name = found.names.iter().any(|name| count(name) > 0);
            if !bound || in_a_name || written != read || read > REFERENCES_MAX || (read > 0 && found.repeated)
            {
                return Err(self.misplaced(known.entry));
            }
            if read > 0 {
                let current = swapped.as_ref().map_or(text, |text| text.as_str());
                let value = escaped(&entry.value);
                swapped = Some(Zeroizing::new(current.replace(&known.reference, &value)));
            }
        }
        Ok(swapped)
    }
}

/// A value as it stands between the quotation marks of a JSON string.
fn escaped(value: &str) -> Zeroizing<String> {
    let quoted = Zeroizing::new(serde_json::Value::from(value).to_string());
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Zeroizing::new(inner.unwrap_or_default().to_owned())
}

/// What in a JSON text may have to do with references.
#[derive(Debug, Default)]
struct Found {
    /// Strings with what looks like a reference in them, each with its pointer.
    strings: Vec<(String, String)>,
    /// Names of members with what looks like one.
    names: Vec<String>,
    /// Whether some object has a member twice.
    repeated: bool,
}

fn find(text: &str) -> Result<Found, serde_json::Error> {
    let mut found = Found::default();
    let mut pointer = String::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Walk {
        found: &mut found,
        pointer: &mut pointer,
    }
    .deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(found)
}

/// Goes through one value. Nesting is bounded by `serde_json`.
struct Walk<'a> {
    found: &'a mut Found,
    pointer: &'a mut String,
}

impl Walk<'_> {
    /// The same walk, one level further in.
    fn beneath(&mut self) -> Walk<'_> {
        Walk {
            found: self.found,
            pointer: self.pointer,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _value: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _value: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _value: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _value: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        if value.contains(PREFIX) {
            self.found.strings.push((self.pointer.clone(), value.to_owned()));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let length = self.pointer.len();
        for index in 0_usize.. {
            self.pointer.push_str(&format!("/{index}"));
            let more = items.next_element_seed(self.beneath())?.is_some();
            self.pointer.truncate(length);
            if !more {
                break;
            }
        }
        Ok(())
    }

    // A number comes as a map, too, under a name of serde_json's own; it holds digits.
    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let length = self.pointer.len();
        let mut seen = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            self.pointer.push('/');
            self.pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            members.next_value_seed(self.beneath())?;
            self.pointer.truncate(length);
            if name.contains(PREFIX) {
                self.found.names.push(name.clone());
            }
            self.found.repeated |= !seen.insert(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sandbox::secrets::tests::book;

    const POINTER: &str = "/params/auth/token";

    fn bound(value: &str) -> (SecretBook, String) {
        let book = book(&[("token", value, Position::WsJson(POINTER.into()))]);
        let reference = book.reference("token").unwrap();
        (book, reference)
    }

    #[test]
    fn swaps_at_the_bound_pointer_and_leaves_every_other_byte() {
        let (book, reference) = bound("s3cret");
        let text = |token: &str| {
            format!(
                "{{ \"id\":1.50e3,\"params\" : {{\"auth\":{{\"token\":\"Bearer {token}\"}}, \"u\": \"\\u00e9\"}}}}"
            )
        };
        let swapped = book.swap_in_json(&text(&reference)).unwrap().unwrap();
        assert_eq!(*swapped, text("s3cret"));
    }

    #[test]
    fn a_reference_stands_a_few_times_in_a_text_and_not_as_often_as_one_likes() {
        let (book, reference) = bound("s3cret");
        let text = |times: usize| {
            let references = reference.repeat(times);
            format!(r#"{{"params":{{"auth":{{"token":"{references}"}}}}}}"#)
        };
        assert!(book.swap_in_json(&text(REFERENCES_MAX)).unwrap().is_some());
        assert!(book.swap_in_json(&text(REFERENCES_MAX + 1)).is_err());
    }

    #[test]
    fn a_value_is_escaped_for_json() {
        let value = "a\"b\\c\nd\u{1}é";
        let (book, reference) = bound(value);
        let text = format!(r#"{{"params":{{"auth":{{"token":"{reference}"}}}}}}"#);
        let swapped = book.swap_in_json(&text).unwrap().unwrap();
        let read: serde_json::Value = serde_json::from_str(&swapped).unwrap();
        assert_eq!(read.pointer(POINTER).unwrap(), value);
    }

    #[test]
    fn refuses_a_reference_anywhere_else() {
        let (book, reference) = bound("s3cret");
        let escaped = format!("\\u0062{}", &reference[1..]);
        for text in [
            reference.clone(),
            format!("not json {reference}"),
            format!(r#""{reference}""#),
            format!(r#"{{"params":"{reference}"}}"#),
            format!(r#"{{"params":{{"auth":{{"Token":"{reference}"}}}}}}"#),
            format!(r#"{{"params":{{"auth":["{reference}"]}}}}"#),
            format!(r#"{{"params":{{"auth":{{"token":{{"{reference}":1}}}}}}}}"#),
            format!(r#"{{"params":{{"auth":{{"token":"{reference}"}}}},"b":"{reference}"}}"#),
            format!(r#"{{"params":{{"auth":{{"token":"{reference}"}}}},}}"#),
            format!(r#"{{"params":{{"auth":{{"token":"{reference}"}}}}}} {{}}"#),
            format!(r#"{{"params":{{"auth":{{"token":"{escaped}"}}}}}}"#),
            format!(r#"{{"params":{{"auth":{{"token":"\{reference}"}}}}}}"#),
            format!(r#"{{"params":{{"auth":{{"token":"{reference}{escaped}"}}}}}}"#),
            format!(r#"{{"{escaped}":1}}"#),
            // The far side may read the first or the second.
            format!(r#"{{"params":{{"auth":{{"token":"{reference}","token":"x"}}}}}}"#),
            format!(r#"{{"a":{{"b":1,"\u0062":2}},"params":{{"auth":{{"token":"{reference}"}}}}}}"#),
            format!(
                "{}{{\"params\":{{\"auth\":{{\"token\":\"{reference}\"}}}}}}{}",
                "[".repeat(200),
                "]".repeat(200)
            ),
        ] {
            let refused = Err(Misplaced { name: "token".into() });
            assert_eq!(book.swap_in_json(&text), refused, "{text}");
        }
    }

    #[test]
    fn a_secret_of_another_position_is_refused_at_that_pointer() {
        let book = book(&[("token", "s3cret", Position::Header("authorization".into()))]);
        let reference = book.reference("token").unwrap();
        let text = format!(r#"{{"params":{{"auth":{{"token":"{reference}"}}}}}}"#);
        assert!(book.swap_in_json(&text).is_err());
    }

    #[test]
    fn pointers_have_escapes_and_indices() {
        let at = |pointer: &str| {
            let book = book(&[("token", "s3cret", Position::WsJson(pointer.into()))]);
            let reference = book.reference("token").unwrap();
            (book, reference)
        };
        let (book, reference) = at("/a~1b/~0/1");
        let text = format!(r#"{{"a/b":{{"~":["x","{reference}"]}}}}"#);
        assert!(book.swap_in_json(&text).unwrap().is_some());
        let (book, reference) = at("/a/b");
        assert!(book.swap_in_json(&format!(r#"{{"a/b":"{reference}"}}"#)).is_err());
    }

    #[test]
    fn texts_without_references_pass_as_they_are() {
        let (book, _) = bound("s3cret");
        for text in ["", "hello \\u00e9", "{\"a\":1,\"a\":2}", "bwsec_", "\"\\ud800\""] {
            assert_eq!(book.swap_in_json(text), Ok(None), "{text}");
        }
    }

    proptest! {
        /// Whatever stands around it: either the value stands at the pointer and nowhere else, or the
        /// text is refused.
        #[test]
        fn a_value_gets_to_the_bound_pointer_or_nowhere(before in "\\PC{0,12}", after in "[ \",:{}a-c\\\\]{0,12}") {
            let (book, reference) = bound("s3cret");
            let text = format!(r#"{{"x":{before:?},"params":{{"auth":{{"token":"{reference}{after}"}}}}}}"#);
            if let Ok(Some(swapped)) = book.swap_in_json(&text) {
                let mut read: serde_json::Value = serde_json::from_str(&swapped).unwrap();
                let token = read.pointer_mut(POINTER).unwrap().take();
                prop_assert!(token.as_str().unwrap().starts_with("s3cret"));
                prop_assert!(!read.to_string().contains("s3cret"));
            }
        }
    }
}
