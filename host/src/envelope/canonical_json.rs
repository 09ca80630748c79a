//! The one form in which JSON data is signed.
//!
//! Channels re-format JSON: they indent it, change the order of members, escape characters that need no
//! escape. None of that changes this form: no blanks, members sorted by the code points of their names,
//! strings with only the escapes that RFC 8259 demands (`\"`, `\\`, `\b`, `\f`, `\n`, `\r`, `\t`, else
//! `\u00xx` in lower case). Numbers keep the digits they were written with, because rounding one
//! would change the message; an exponent is a small `e` with its sign.

use serde_json::Value;

/// The value's canonical text.
pub(super) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

// Sorts by itself: that `serde_json`'s objects are sorted is a feature that any crate in the build can
// switch off.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                separate(at, out);
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                separate(at, out);
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn separate(at: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatting_does_not_show() {
        let forms = [
            "{\"b\":[1.50,true,null],\"a\":\"é/\\n\"}",
            " { \"a\" : \"\\u00e9\\/\\u000A\" ,\n \"\\u0062\" : [ 1.50 , true , null ] } ",
        ];
        for form in forms {
            let value: Value = serde_json::from_str(form).unwrap();
            assert_eq!(canonical(&value), "{\"a\":\"é/\\n\",\"b\":[1.50,true,null]}");
        }
    }

    #[test]
    fn members_are_sorted_by_code_points() {
        let value: Value = serde_json::from_str(r#"{"z":1,"😀":2,"A":3,"ﬀ":4,"":5}"#).unwrap();
        assert_eq!(canonical(&value), r#"{"":5,"A":3,"z":1,"ﬀ":4,"😀":2}"#);
    }

    #[test]
    fn only_the_escapes_that_must_be() {
        let value = Value::from("\u{0}\u{8}\u{c}\u{1f}\u{7f}\"\\/\u{2028}");
        assert_eq!(
            canonical(&value),
            "\"\\u0000\\b\\f\\u001f\u{7f}\\\"\\\\/\u{2028}\""
        );
    }
}
