//! URLs as a configuration has them: an origin that is fixed, and a path and query that may have places.
//!
//! The scheme, the host and the port never have places: which machine a transport talks to is
//! the operator's decision, and no message changes it.

use serde::{Deserialize, Deserializer};

use crate::Failure;
use crate::template::{Escape, Template, TemplateError, Values};

/// A URL without places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whether it is `https`.
    pub(crate) is_https: bool,
    /// The host, with the port where one is written.
    pub(crate) authority: String,
    /// The path, and the query with its question mark.
    pub(crate) path_and_query: String,
}

/// A URL whose path and query may have places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlTemplate {
    is_https: bool,
    authority: String,
    segments: Vec<Template>,
    query: Option<Template>,
}

impl Url {
    /// Reads an absolute `http` or `https` URL.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (is_https, authority, path_and_query) = split(text)?;
        Ok(Self {
            is_https,
            authority: authority.to_owned(),
            path_and_query: match path_and_query {
                "" => "/".to_owned(),
                query if query.starts_with('?') => format!("/{query}"),
                path => path.to_owned(),
            },
        })
    }

    /// The request as a grant names it: `GET https://example.org/health`. A query is never part of a grant.
    #[must_use]
    pub fn grant(&self, method: &str) -> String {
        let path = self.path_and_query.split('?').next().unwrap_or_default();
        format!("{method} {}://{}{path}", scheme(self.is_https), self.authority)
    }
}

impl UrlTemplate {
    /// Reads an absolute URL; its path and query may have places.
    ///
    /// # Errors
    /// Where it is none, a place stands before the path, or a secret in the query.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (is_https, authority, path_and_query) = split(text)?;
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(Template::parse(query)?)),
            None => (path_and_query, None),
        };
        if query
            .as_ref()
            .is_some_and(|query| query.secrets().next().is_some())
        {
            return Err(TemplateError {
                message: "A secret cannot stand in the query of a URL.".to_owned(),
                fix: "Put it into a header, or into the path.".to_owned(),
            });
        }
        let segments = path
            .strip_prefix('/')
            .unwrap_or_default()
            .split('/')
            .map(Template::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            is_https,
            authority: authority.to_owned(),
            segments,
            query,
        })
    }

    /// The URL for one message.
    ///
    /// # Errors
    /// Where a place cannot be filled, or would make a segment empty, `.` or `..`, which lead to another
    /// path.
    pub fn render(&self, values: &Values<'_>) -> Result<Url, Failure> {
        let mut path_and_query = String::new();
        for template in &self.segments {
            let segment = template.render(values, Escape::UrlSegment)?;
            let has_places = template.places().next().is_some();
            if has_places && matches!(segment.as_str(), "" | "." | "..") {
                return Err(Failure::refused(
                    "url-segment",
                    format!(
                        "`{}` gives `{segment}`, which would lead to another path.",
                        template.source()
                    ),
                )
                .with_fix("Send a message that has this attribute, or change the transport's `url`."));
            }
            path_and_query.push('/');
            path_and_query.push_str(&segment);
        }
        if let Some(query) = &self.query {
            path_and_query.push('?');
            path_and_query.push_str(&query.render(values, Escape::UrlSegment)?);
        }
        Ok(Url {
            is_https: self.is_https,
            authority: self.authority.clone(),
            path_and_query,
        })
    }

    /// The requests as a grant names them. From the first segment with a place on it is a `*`:
    /// `POST https://example.org/hooks/*`.
    #[must_use]
    pub fn grant(&self, method: &str) -> String {
        let mut path = String::new();
        for template in &self.segments {
            path.push('/');
            if template.places().next().is_some() {
                path.push('*');
                break;
            }
            path.push_str(&fixed(template));
        }
        format!("{method} {}://{}{path}", scheme(self.is_https), self.authority)
    }

    /// The names of the secrets in its path.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().flat_map(Template::secrets)
    }
}

/// A template without places is its own text, but for doubled braces.
fn fixed(template: &Template) -> String {
    template.source().replace("{{", "{").replace("}}", "}")
}

fn scheme(is_https: bool) -> &'static str {
    if is_https { "https" } else { "http" }
}

/// Whether it is `https`, the authority, and the rest.
fn split(text: &str) -> Result<(bool, &str, &str), TemplateError> {
    let wrong = |message: &str, fix: &str| TemplateError {
        message: message.to_owned(),
        fix: fix.to_owned(),
    };
    if text.contains(|c: char| c.is_control() || c == ' ' || !c.is_ascii()) {
        return Err(wrong(
            "A URL has no spaces and only ASCII.",
            "Percent-encode other characters.",
        ));
    }
    let (is_https, rest) = match text.split_once("://") {
        Some(("https", rest)) => (true, rest),
        Some(("http", rest)) => (false, rest),
        _ => {
            return Err(wrong(
                "This is not an http or https URL.",
                "Write it whole: https://example.org/path.",
            ));
        }
    };
    if rest.contains('#') {
        return Err(wrong("A fragment (#…) is never sent.", "Leave it out."));
    }
    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(wrong(
            "The URL has a user or a password in it.",
            "Take it out, and give the header's value as a secret.",
        ));
    }
    if authority.contains(['{', '}']) {
        return Err(wrong(
            "The host of a URL cannot have places.",
            "Write it out, and make one transport for each host.",
        ));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() {
        return Err(wrong(
            "The URL names no host.",
            "Write it whole: https://example.org/path.",
        ));
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(wrong(
            "The port of the URL is not a number up to 65535.",
            "Correct the port.",
        ));
    }
    Ok((is_https, authority, rest))
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for UrlTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}://{}{}",
            scheme(self.is_https),
            self.authority,
            self.path_and_query
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::message as sample;

    fn render(url: &str, subject: Option<&str>) -> Result<String, Failure> {
        let mut envelope = sample(None);
        envelope.subject = subject.map(str::to_owned);
        let secret = |name: &str| Ok(format!("<{name}>"));
        let values = Values::new(&envelope, "k", 0, &secret);
        UrlTemplate::parse(url)
            .unwrap()
            .render(&values)
            .map(|url| url.to_string())
    }

    #[test]
    fn places_stay_in_their_segment() {
        assert_eq!(
            render("https://x/a/{subject}/b?s={subject}", Some("../c?d")).unwrap(),
            "https://x/a/..%2Fc%3Fd/b?s=..%2Fc%3Fd"
        );
        assert_eq!(
            render("https://x:8443/bot{secret.token}/send", None).unwrap(),
            "https://x:8443/bot<token>/send"
        );
        assert_eq!(render("http://[::1]:80", None).unwrap(), "http://[::1]:80/");
    }

    #[test]
    fn a_segment_that_would_lead_elsewhere_is_refused() {
        for subject in [None, Some("."), Some("..")] {
            assert_eq!(
                render("https://x/a/{subject}/b", subject).unwrap_err().code,
                "url-segment"
            );
        }
    }

    #[test]
    fn grants_name_the_path_up_to_the_first_place() {
        let grant = |url| UrlTemplate::parse(url).unwrap().grant("POST");
        assert_eq!(
            grant("https://x/hooks/agent?wake={agent}"),
            "POST https://x/hooks/agent"
        );
        assert_eq!(grant("https://x/hooks/{agent}/wake"), "POST https://x/hooks/*");
        assert_eq!(grant("https://x/bot{secret.t}/send"), "POST https://x/*");
        assert_eq!(grant("https://x"), "POST https://x/");
        assert_eq!(
            Url::parse("http://x:1?q").unwrap().grant("GET"),
            "GET http://x:1/"
        );
    }

    #[test]
    fn refuses_what_a_message_must_not_choose_and_what_is_no_url() {
        for (url, part) in [
            ("https://{agent}.example.org/", "host"),
            ("https://user:pass@x/", "password"),
            ("https://x/?token={secret.t}", "query"),
            ("https://x/#top", "fragment"),
            ("ftp://x/", "http or https"),
            ("x/y", "http or https"),
            ("https://", "no host"),
            ("https://x:99999/", "port"),
            ("https://x/a b", "spaces"),
            ("https://x/{nme}", "no place"),
        ] {
            let error = UrlTemplate::parse(url).unwrap_err();
            assert!(error.message.contains(part), "{url}: {}", error.message);
        }
    }
}
