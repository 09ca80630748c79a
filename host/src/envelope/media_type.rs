//! Media types (RFC 2045 section 5.1, RFC 9110 section 8.3.1): which texts are one, and what one says of data.

/// A media type that was checked, as it was written.
pub(super) struct MediaType<'a> {
    /// `type/subtype`, as it was written.
    pub(super) essence: &'a str,
    charset: Option<String>,
}

impl<'a> MediaType<'a> {
    /// Reads a media type with its parameters; `None` where the text is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (essence, mut rest) = text.split_at_checked(text.find([';', ' ', '\t']).unwrap_or(text.len()))?;
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let mut charset = None;
        while !rest.is_empty() {
            let (name, value, behind) = parameter(rest)?;
            if name.eq_ignore_ascii_case("charset") && charset.is_none() {
                charset = Some(value);
            }
            rest = behind;
        }
        Some(Self { essence, charset })
    }

    /// Whether data of this type is a JSON text: `*/json` or `*/*+json`, as CloudEvents says.
    pub(super) fn is_json(&self) -> bool {
        let subtype = self.essence.split_once('/').map_or("", |(_, subtype)| subtype);
        let subtype = subtype.to_ascii_lowercase();
        subtype == "json" || subtype.ends_with("+json")
    }

    /// Whether its text, if it is text, is UTF-8: nothing else is said of it.
    pub(super) fn is_utf8(&self) -> bool {
        self.charset.as_deref().is_none_or(|charset| {
            ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|name| charset.eq_ignore_ascii_case(name))
        })
    }
}

/// One `; name=value`: the name, the value without quotes, and what stands behind it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text
        .trim_start_matches(BLANK)
        .strip_prefix(';')?
        .trim_start_matches(BLANK);
    let (name, text) = text.split_once('=')?;
    if !is_token(name) {
        return None;
    }
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, rest) = quoted_string(quoted)?;
        return Some((name, value, rest));
    }
    let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
    let (value, rest) = text.split_at_checked(end)?;
    is_token(value).then(|| (name, value.to_owned(), rest))
}

const BLANK: [char; 2] = [' ', '\t'];

/// What stands before the closing quote, with its escapes undone, and what stands behind it.
pub(super) fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            c if c.is_control() && c != '\t' => return None,
            c => value.push(c),
        }
    }
    None
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_types_with_parameters() {
        for text in [
            "text/plain",
            "text/plain;charset=utf-8",
            "text/plain ; charset=\"UTF-8\" ; x=\"a;b\\\"c\"",
            "application/vnd.example.order+json; version=1",
        ] {
            assert!(MediaType::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "",
            "xyz",
            "text/",
            "/plain",
            " text/plain",
            "text/plain x",
            "text/plain;",
            "text/plain; charset",
            "text/plain; charset=\"utf-8",
            "text/plain; charset=a b",
            "te xt/plain",
            "text/plain\r\nX: y",
        ] {
            assert!(MediaType::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn json_is_told_by_the_subtype() {
        for (text, json) in [
            ("application/json", true),
            ("TEXT/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("application/json-seq", false),
            ("text/plain; x=json", false),
        ] {
            assert_eq!(MediaType::parse(text).unwrap().is_json(), json, "{text}");
        }
    }

    #[test]
    fn another_charset_is_not_utf8() {
        assert!(
            MediaType::parse("text/plain; charset=\"Utf-8\"")
                .unwrap()
                .is_utf8()
        );
        assert!(
            !MediaType::parse("text/plain; Charset=iso-8859-1")
                .unwrap()
                .is_utf8()
        );
    }
}
