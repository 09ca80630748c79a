//! One argument of a command: fixed text, or a parameter at its end.
//!
//! A value comes from a message, so it must never be read as an option. It stands behind
//! `--opt=`, or by itself after a `--` argument.

use super::rights::ArgumentTemplate;

/// Why an argument is no template, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TemplateError {
    pub(super) message: String,
    pub(super) fix: String,
}

/// Reads one argument. `after_dashes`: a `--` argument stands before it.
pub(super) fn parse_argument(text: &str, after_dashes: bool) -> Result<ArgumentTemplate, TemplateError> {
    let Some((prefix, name, suffix)) = split_placeholder(text) else {
        return Ok(ArgumentTemplate::Fixed(text.to_owned()));
    };
    if !is_parameter(name) {
        return Err(TemplateError {
            message: format!("`{{{name}}}` is not a parameter"),
            fix: "name it with a-z 0-9 _ - only, beginning with a letter, such as `{session}`".to_owned(),
        });
    }
    if !suffix.is_empty() || !(prefix.is_empty() || is_option(prefix)) {
        return Err(TemplateError {
            message: format!("`{{{name}}}` does not fill its argument `{text}`"),
            fix: format!("write `--option={{{name}}}`, or `{{{name}}}` alone after `--`"),
        });
    }
    if prefix.is_empty() && !after_dashes {
        return Err(TemplateError {
            message: format!("the value of `{{{name}}}` could be read as an option"),
            fix: format!("write `--option={{{name}}}`, or put the argument `--` somewhere before it"),
        });
    }
    Ok(ArgumentTemplate::Parameter {
        prefix: prefix.to_owned(),
        name: name.to_owned(),
    })
}

/// The first `{word}` with what stands around it. `${word}` and `{}` are a shell's and `find`'s
/// own, and anything with other signs in it (`{"a":1}`, `{{.Name}}`) is meant as it stands.
fn split_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text.get(from..)?.find('{')?;
        let (before, after) = (text.get(..open)?, text.get(open + 1..)?);
        from = open + 1;
        let Some((word, suffix)) = after.split_once('}') else {
            continue;
        };
        let wordlike = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
        if !word.is_empty() && word.chars().all(wordlike) && !before.ends_with('$') {
            return Some((before, word, suffix));
        }
    }
}

fn is_parameter(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(allowed)
}

/// `--option=` or `-o=`
fn is_option(prefix: &str) -> bool {
    let bare = prefix.strip_suffix('=').and_then(|text| text.strip_prefix('-'));
    let bare = bare.map(|text| text.strip_prefix('-').unwrap_or(text));
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    bare.is_some_and(|text| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(allowed)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parameter(prefix: &str, name: &str) -> Result<ArgumentTemplate, TemplateError> {
        Ok(ArgumentTemplate::Parameter {
            prefix: prefix.to_owned(),
            name: name.to_owned(),
        })
    }

    #[test]
    fn accepts_a_parameter_behind_an_option_or_after_dashes() {
        assert_eq!(
            parse_argument("--session={key}", false),
            parameter("--session=", "key")
        );
        assert_eq!(parse_argument("-s={key}", false), parameter("-s=", "key"));
        assert_eq!(
            parse_argument("{text_base64}", true),
            parameter("", "text_base64")
        );
    }

    #[test]
    fn leaves_braces_of_other_programs_alone() {
        for text in [
            "{}",
            "{{.Names}}",
            "{\"a\":1}",
            "${HOME}",
            "{",
            "}{",
            "--format={{json .}}",
        ] {
            let wanted = Ok(ArgumentTemplate::Fixed(text.to_owned()));
            assert_eq!(parse_argument(text, false), wanted, "{text}");
        }
    }

    #[test]
    fn refuses_what_could_be_read_as_something_else() {
        for text in [
            "{x}",
            "a{x}",
            "a={x}",
            "--={x}",
            "--a {x}",
            "--a={x}b",
            "--a={x}{y}",
            "--a={X}",
            "{ x }",
            "{Session}",
            "--a={1x}",
            "-{x}",
            "---a={x}",
            "--a={é}",
        ] {
            assert!(parse_argument(text, false).is_err(), "{text}");
        }
        for text in ["{x}y", "y{x}", "{X}"] {
            assert!(parse_argument(text, true).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-$={}a-zA é]{0,12}", after_dashes: bool) {
            let _ = parse_argument(&text, after_dashes);
        }
    }
}
