//! What must be done to a value so that it stays a value where it goes.

/// Where the text of a template goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Nowhere that has a syntax: as it is.
    Plain,
    /// Inside the quotes of a JSON string.
    JsonString,
    /// Into the value of an HTTP header: control characters, line ends among them, become spaces.
    Header,
    /// Into one segment of a URL's path, or a URL's query or a form: percent-encoded but for
    /// the unreserved characters of RFC 3986, section 2.3.
    UrlSegment,
    /// Into the text or an attribute of XML or HTML.
    Xml,
    /// Into one line of text: control characters become spaces.
    Line,
    /// Into the name of a file: what could lead elsewhere, or would be hidden, becomes `_`.
    FileName,
}

impl Escape {
    /// The escape that fits a body of this media type.
    #[must_use]
    pub fn for_media_type(media_type: &str) -> Self {
        let essence = media_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Self::UrlSegment,
            "text/html" => Self::Xml,
            json if json.ends_with("/json") || json.ends_with("+json") => Self::JsonString,
            xml if xml.ends_with("/xml") || xml.ends_with("+xml") => Self::Xml,
            _ => Self::Plain,
        }
    }

    /// Puts a value onto the end of a text.
    pub fn push(self, text: &mut String, value: &str) {
        match self {
            Self::Plain => text.push_str(value),
            Self::JsonString => push_json(text, value),
            Self::Header | Self::Line => {
                text.extend(value.chars().map(|c| if is_break(c) { ' ' } else { c }))
            }
            Self::UrlSegment => push_percent_encoded(text, value),
            Self::Xml => push_xml(text, value),
            Self::FileName => push_file_name(text, value),
        }
    }
}

/// Control characters, and the two separators of Unicode that break lines.
fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn push_json(text: &mut String, value: &str) {
    let quoted = serde_json::Value::from(value).to_string();
    text.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
}

fn push_percent_encoded(text: &mut String, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
}

fn push_xml(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            '\t' | '\n' | '\r' => text.push(c),
            // XML has no way to write the other control characters.
            c if c.is_control() => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
}

fn push_file_name(text: &mut String, value: &str) {
    for c in value.chars() {
        let harmless =
            c.is_alphanumeric() || matches!(c, '-' | '_' | '@' | '+') || (c == '.' && !text.is_empty());
        text.push(if harmless { c } else { '_' });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escape: Escape, value: &str) -> String {
        let mut text = String::new();
        escape.push(&mut text, value);
        text
    }

    #[test]
    fn json_stays_one_string() {
        for value in ["a\"b", "\\", "\u{0}\u{1f}\n", "</script>", "漢字 😀"] {
            let json = format!("\"{}\"", escaped(Escape::JsonString, value));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
        }
    }

    #[test]
    fn a_header_stays_one_line() {
        assert_eq!(escaped(Escape::Header, "a\r\nx-admin: 1\0"), "a  x-admin: 1 ");
        assert_eq!(escaped(Escape::Line, "a\u{2028}b\u{85}c"), "a b c");
    }

    #[test]
    fn a_segment_stays_one_segment() {
        assert_eq!(
            escaped(Escape::UrlSegment, "../a?b#c d%2F"),
            "..%2Fa%3Fb%23c%20d%252F"
        );
        assert_eq!(escaped(Escape::UrlSegment, "é"), "%C3%A9");
    }

    #[test]
    fn markup_stays_text() {
        assert_eq!(
            escaped(Escape::Xml, "<a href=\"x\">&'\u{7}"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\u{fffd}"
        );
    }

    #[test]
    fn a_file_name_leads_nowhere_else() {
        assert_eq!(escaped(Escape::FileName, "../etc/passwd"), "_._etc_passwd");
        assert_eq!(escaped(Escape::FileName, ".hidden\n"), "_hidden_");
        assert_eq!(escaped(Escape::FileName, "planner@a"), "planner@a");
    }

    #[test]
    fn the_media_type_decides() {
        for (media_type, escape) in [
            ("application/json; charset=utf-8", Escape::JsonString),
            ("application/cloudevents+json", Escape::JsonString),
            ("application/x-www-form-urlencoded", Escape::UrlSegment),
            ("text/html", Escape::Xml),
            ("application/soap+xml", Escape::Xml),
            ("text/plain", Escape::Plain),
        ] {
            assert_eq!(Escape::for_media_type(media_type), escape, "{media_type}");
        }
    }
}
