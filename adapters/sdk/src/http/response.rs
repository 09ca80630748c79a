//! An answer, as far as it was read.

pub use crate::bindings::byway::transport::http::{Ending, Response};

impl Response {
    /// The first header of this name (in lower case), where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// Whether the status is 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON, where it is all there and is JSON.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        match self.ending {
            Ending::Whole => serde_json::from_str(std::str::from_utf8(&self.body).ok()?).ok(),
            Ending::Capped | Ending::CutOff => None,
        }
    }

    /// Whether it says of itself that it is JSON.
    #[must_use]
    pub fn claims_json(&self) -> bool {
        let media_type = self.header("content-type").unwrap_or_default();
        crate::template::Escape::for_media_type(media_type) == crate::template::Escape::JsonString
    }

    /// What an error's body says, in one line of at most 300 characters: the `detail`, `title`, `message`,
    /// `error` or `description` of a JSON object, else a plain text itself. `None` where it says
    /// nothing a person could read.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let said = match self.json() {
            Some(serde_json::Value::Object(members)) => {
                ["detail", "message", "description", "title", "error"]
                    .into_iter()
                    .find_map(|key| members.get(key)?.as_str().map(str::to_owned))
            }
            Some(_) => None,
            None if self
                .header("content-type")
                .is_none_or(|kind| kind.starts_with("text/plain")) =>
            {
                Some(std::str::from_utf8(&self.body).ok()?.to_owned())
            }
            None => None,
        }?;
        let clean: String = said
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(300)
            .collect();
        let clean = clean.trim();
        (!clean.is_empty()).then(|| clean.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(content_type: &str, body: &str) -> Response {
        Response {
            status: 500,
            headers: vec![("content-type".to_owned(), content_type.as_bytes().to_vec())],
            body: body.as_bytes().to_vec(),
            ending: Ending::Whole,
        }
    }

    #[test]
    fn reads_what_an_error_says() {
        let problem = r#"{"type":"about:blank","title":"No","detail":"the queue\nis full"}"#;
        let remark = |kind, body| response(kind, body).remark();
        assert_eq!(
            remark("application/problem+json", problem).as_deref(),
            Some("the queue is full")
        );
        assert_eq!(
            remark("application/json", r#"{"error":"bad"}"#).as_deref(),
            Some("bad")
        );
        assert_eq!(remark("text/plain", " busy \n").as_deref(), Some("busy"));
        assert_eq!(remark("text/html", "<html>"), None);
        assert_eq!(remark("text/plain", ""), None);
    }

    #[test]
    fn json_that_was_cut_is_not_read() {
        let mut cut = response("application/json", "1");
        assert!(cut.json().is_some() && cut.claims_json());
        cut.ending = Ending::CutOff;
        assert_eq!(cut.json(), None);
    }
}
