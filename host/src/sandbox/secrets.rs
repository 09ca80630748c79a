//! Secrets of one attempt: references that a guest gets, and values that it never does.
//!
//! A reference is a random text, new for each attempt. On the way out the host looks for references in
//! everything that is about to leave. In a position that the operator bound it to, a reference is
//! swapped for the value; anywhere else the whole request, command or record is refused, because a
//! reference there is a mistake at best.

mod json;

use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::limits::REFERENCES_MAX;
use super::scrub::Scrubber;
use super::secret_source;
use crate::config::{Position, Transport};

const PREFIX: &str = "bwsec_";

/// The secrets of one attempt.
#[derive(Debug, Default)]
pub(super) struct SecretBook {
    secrets: Vec<Entry>,
    signing_keys: Vec<(String, Vec<Zeroizing<String>>)>,
    issued: Mutex<Vec<Issued>>,
    scrubber: Scrubber,
}

struct Entry {
    name: String,
    value: Zeroizing<String>,
    positions: Vec<Position>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Issued {
    reference: String,
    entry: usize,
}

/// A secret whose value cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unavailable {
    /// Where in the transport's table it is.
    pub pointer: String,
    /// What is wrong, for the operator.
    pub message: String,
}

/// A reference in a place where it may not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misplaced {
    /// The secret's name.
    pub name: String,
}

/// Where a text is about to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlet<'a> {
    /// The value of this header, lower case.
    Header(&'a str),
    /// The path of a URL.
    UrlPath,
}

impl SecretBook {
    /// Whether there is anything to read for a transport.
    pub(super) fn is_needed(transport: &Transport) -> bool {
        let has_proxy_auth = transport.proxy.as_ref().is_some_and(|proxy| proxy.auth.is_some());
        has_proxy_auth || !transport.secrets.is_empty() || !transport.signers.is_empty()
    }

    /// Reads every secret and key of a transport, and the credentials of its proxy.
    ///
    /// # Errors
    /// Everything that cannot be had.
    pub(super) fn open(transport: &Transport) -> Result<Self, Vec<Unavailable>> {
        let mut problems = Vec::new();
        let mut secrets = Vec::new();
        for (name, secret) in &transport.secrets {
            match secret_source::read(&secret.source) {
                Ok(value) => secrets.push(Entry {
                    name: name.clone(),
                    value,
                    positions: secret.positions.clone(),
                }),
                Err(why) => problems.push(Unavailable {
                    pointer: format!("/secrets/{name}"),
                    message: format!("the secret {name} is not available: {why}"),
                }),
            }
        }
        let mut signing_keys = Vec::new();
        for (name, keys) in &transport.signers {
            let mut values = Vec::new();
            for source in &keys.sources {
                match secret_source::read(source) {
                    Ok(value) => values.push(value),
                    Err(why) => problems.push(Unavailable {
                        pointer: format!("/signers/{name}"),
                        message: format!("the signing key {name} is not available: {why}"),
                    }),
                }
            }
            signing_keys.push((name.clone(), values));
        }
        // The proxy's credentials go nowhere from here; they are looked for in what comes back.
        let mut proxy_auth = None;
        if let Some(source) = transport.proxy.as_ref().and_then(|proxy| proxy.auth.as_ref()) {
            match secret_source::read(source) {
                Ok(value) => proxy_auth = Some(value),
                Err(why) => problems.push(Unavailable {
                    pointer: "/proxy_auth".into(),
                    message: format!("the proxy's credentials are not available: {why}"),
                }),
            }
        }
        let password = proxy_auth.as_ref().and_then(|it| Some(it.split_once(':')?.1));
        if !problems.is_empty() {
            return Err(problems);
        }
        let values = secrets.iter().map(|entry| entry.value.as_str()).chain(
            signing_keys
                .iter()
                .flat_map(|(_, keys)| keys.iter().map(|key| key.as_str())),
        );
        let values = values
            .chain(proxy_auth.as_ref().map(|it| it.as_str()))
            .chain(password);
        let scrubber = Scrubber::new(values);
        Ok(Self {
            secrets,
            signing_keys,
            issued: Mutex::default(),
            scrubber,
        })
    }

    /// The reference to a secret; `None` where there is none of that name.
    pub(super) fn reference(&self, name: &str) -> Option<String> {
        let entry = self.secrets.iter().position(|entry| entry.name == name)?;
        let mut issued = self.lock();
        if let Some(known) = issued.iter().find(|issued| issued.entry == entry) {
            return Some(known.reference.clone());
        }
        let mut random = [0_u8; 16];
        // Without randomness there is no reference that a far side could not guess.
        getrandom::fill(&mut random).ok()?;
        let reference = format!("{PREFIX}{:032x}", u128::from_be_bytes(random));
        issued.push(Issued {
            reference: reference.clone(),
            entry,
        });
        Some(reference)
    }

    /// The signing keys of that name, the current one first.
    pub(super) fn signing_keys(&self, name: &str) -> Option<&[Zeroizing<String>]> {
        self.signing_keys
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, keys)| keys.as_slice())
    }

    /// Refuses bytes that have a reference in them.
    ///
    /// # Errors
    /// The first secret that is referred to.
    pub(super) fn refuse_in(&self, bytes: &[u8]) -> Result<(), Misplaced> {
        let issued = self.lock();
        for known in issued.iter() {
            if contains(bytes, known.reference.as_bytes()) {
                return Err(self.misplaced(known.entry));
            }
        }
        Ok(())
    }

    /// The text with each reference swapped for its value, escaped for the place; `None` where there
    /// is no reference in it.
    ///
    /// # Errors
    /// A reference to a secret that is not bound to this place.
    pub(super) fn swap(&self, text: &str, place: Outlet<'_>) -> Result<Option<Zeroizing<String>>, Misplaced> {
        let issued = self.lock();
        let mut swapped: Option<Zeroizing<String>> = None;
        for known in issued.iter() {
            let current = swapped.as_ref().map_or(text, |text| text.as_str());
            if !current.contains(&known.reference) {
                continue;
            }
            let Some(entry) = self.secrets.get(known.entry) else {
                continue;
            };
            let bound = entry.positions.iter().any(|position| match (position, place) {
                (Position::Header(name), Outlet::Header(header)) => name.eq_ignore_ascii_case(header),
                (Position::UrlPath, Outlet::UrlPath) => true,
                _ => false,
            });
            let often = current.matches(known.reference.as_str()).count() > REFERENCES_MAX;
            if !bound || often {
                return Err(self.misplaced(known.entry));
            }
            let value = match place {
                Outlet::Header(_) => Zeroizing::new(entry.value.to_string()),
                Outlet::UrlPath => path_segment(&entry.value),
            };
            swapped = Some(Zeroizing::new(current.replace(&known.reference, &value)));
        }
        Ok(swapped)
    }

    /// The variables that a command gets.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.secrets.iter().flat_map(|entry| {
            entry.positions.iter().filter_map(|position| match position {
                Position::Env(name) => Some((name.as_str(), entry.value.as_str())),
                _ => None,
            })
        })
    }

    /// A text for people: without values, and with names in the place of references.
    pub(super) fn for_people(&self, text: &str) -> String {
        let mut text = self.scrubber.text(text);
        for known in self.lock().iter() {
            if let Some(entry) = self.secrets.get(known.entry)
                && text.contains(&known.reference)
            {
                text = text.replace(&known.reference, &format!("{{{}}}", entry.name));
            }
        }
        text
    }

    pub(super) fn scrubber(&self) -> &Scrubber {
        &self.scrubber
    }

    fn misplaced(&self, entry: usize) -> Misplaced {
        Misplaced {
            name: self
                .secrets
                .get(entry)
                .map(|entry| entry.name.clone())
                .unwrap_or_default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Issued>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// A value as a part of a path: what RFC 3986 calls `pchar` stands as it is, all else is escaped.
fn path_segment(value: &str) -> Zeroizing<String> {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'!')
        .remove(b'$')
        .remove(b'&')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')')
        .remove(b'*')
        .remove(b'+')
        .remove(b',')
        .remove(b';')
        .remove(b'=')
        .remove(b':')
        .remove(b'@');
    Zeroizing::new(utf8_percent_encode(value, ESCAPED).to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::sandbox) fn book(secrets: &[(&str, &str, Position)]) -> SecretBook {
        let secrets: Vec<Entry> = secrets
            .iter()
            .map(|(name, value, position)| Entry {
                name: (*name).into(),
                value: Zeroizing::new((*value).into()),
                positions: vec![position.clone()],
            })
            .collect();
        SecretBook {
            scrubber: Scrubber::new(secrets.iter().map(|entry| entry.value.as_str())),
            secrets,
            ..SecretBook::default()
        }
    }

    fn authorization() -> Position {
        Position::Header("authorization".into())
    }

    #[test]
    fn swaps_a_reference_in_its_position() {
        let book = book(&[("token", "s3cret", authorization())]);
        let reference = book.reference("token").unwrap();
        let swapped = book
            .swap(&format!("Bearer {reference}"), Outlet::Header("authorization"))
            .unwrap();
        assert_eq!(swapped.unwrap().as_str(), "Bearer s3cret");
    }

    #[test]
    fn refuses_a_reference_in_another_position() {
        let book = book(&[("token", "s3cret", authorization())]);
        let reference = book.reference("token").unwrap();
        let misplaced = Err(Misplaced { name: "token".into() });
        assert_eq!(book.swap(&reference, Outlet::Header("x-token")), misplaced);
        assert_eq!(book.swap(&reference, Outlet::UrlPath), misplaced);
        assert!(book.refuse_in(format!("a{reference}b").as_bytes()).is_err());
    }

    #[test]
    fn a_reference_is_the_same_within_an_attempt_and_new_in_the_next() {
        let one = book(&[("token", "s3cret", authorization())]);
        let two = book(&[("token", "s3cret", authorization())]);
        assert_eq!(one.reference("token"), one.reference("token"));
        assert_ne!(one.reference("token"), two.reference("token"));
        assert_eq!(one.reference("other"), None);
    }

    #[test]
    fn escapes_a_value_for_a_path() {
        let book = book(&[("token", "12:ab/c d?", Position::UrlPath)]);
        let reference = book.reference("token").unwrap();
        let path = book
            .swap(&format!("/bot{reference}/send"), Outlet::UrlPath)
            .unwrap()
            .unwrap();
        assert_eq!(path.as_str(), "/bot12:ab%2Fc%20d%3F/send");
    }

    #[test]
    fn a_text_for_people_has_names_for_references_and_no_values() {
        let book = book(&[("token", "s3cret", authorization())]);
        let reference = book.reference("token").unwrap();
        let text = book.for_people(&format!("sent {reference} got s3cret"));
        assert_eq!(text, "sent {token} got [secret]");
    }
}
