//! Placeholders: `{{b.url}}` in a template becomes what it is in this run, and in what is noted it becomes
//! the placeholder again, so that an expectation holds for every run.

use std::collections::BTreeMap;

/// What stands for what.
pub struct Words(BTreeMap<String, String>);

impl Words {
    /// None yet.
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// `{{name}}` stands for `value`.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// A template with everything filled in. A name that stands for nothing is an error.
    pub fn fill_in(&self, template: &str) -> Result<String, String> {
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, behind) = after.split_once("}}").ok_or("a {{ is not closed")?;
            let value = self
                .0
                .get(name)
                .ok_or_else(|| format!("{{{{{name}}}}} stands for nothing"))?;
            text.push_str(before);
            text.push_str(value);
            rest = behind;
        }
        Ok(text + rest)
    }

    /// The same backwards, the longest values first: a folder inside another keeps its own name.
    pub fn take_out(&self, text: &str) -> String {
        let mut pairs: Vec<(&String, &String)> =
            self.0.iter().filter(|(_, value)| !value.is_empty()).collect();
        pairs.sort_by_key(|(name, value)| (std::cmp::Reverse(value.len()), name.as_str()));
        pairs.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(value.as_str(), &format!("{{{{{name}}}}}"))
        })
    }
}
