//! Who calls: the principals of the API, and the tokens they are known by.
//!
//! The admin token is random and lies in the data folder, readable by its owner only. An agent's
//! token is made from it and the agent's name by HMAC-SHA256, so nothing more has to be stored, a
//! token says whose it is, and a new admin token (delete the file, start again) ends all of them.
//! Tokens are compared in constant time.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::envelope::check_name;
use crate::private_file::{self, PrivateFileError};

const ADMIN_PREFIX: &str = "byway_admin_";
const AGENT_PREFIX: &str = "byway_agent_";
const FILE: &str = "token";

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The operator: everything.
    Admin,
    /// One local agent: sends as itself, sees its own inbox and messages.
    Agent(String),
    /// A sender from outside that does not sign, by the name of its `[inbound]` table.
    Inbound(String),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => f.write_str("admin"),
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Inbound(name) => write!(f, "inbound:{name}"),
        }
    }
}

/// The tokens of one instance.
pub struct Tokens {
    admin: Zeroizing<String>,
}

impl Tokens {
    /// The tokens of the instance with this data folder; the admin token is made where there is
    /// none yet.
    ///
    /// # Errors
    /// Where the file cannot be read or made, or is readable by others.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, PrivateFileError> {
        let path = data_dir.join(FILE);
        let mut random = Zeroizing::new([0_u8; 32]);
        getrandom::fill(random.as_mut_slice())
            .map_err(|error| private_file::failed(&path, "made", error.into()))?;
        let fresh = Zeroizing::new(format!("{ADMIN_PREFIX}{}\n", URL_SAFE_NO_PAD.encode(*random)));
        let bytes = private_file::read_or_create(&path, fresh.as_bytes())?;
        let text = Zeroizing::new(String::from_utf8_lossy(&bytes).trim().to_owned());
        let random = text
            .strip_prefix(ADMIN_PREFIX)
            .map(|random| URL_SAFE_NO_PAD.decode(random));
        // Every agent's token is made from this one, so half of one is worse than none.
        if !matches!(random, Some(Ok(bytes)) if bytes.len() == 32) {
            let why = std::io::Error::other("it holds no token; delete it to get a new one");
            return Err(private_file::failed(&path, "used", why));
        }
        Ok(Self { admin: text })
    }

    /// The admin token.
    #[must_use]
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The token of an agent.
    #[must_use]
    pub fn agent(&self, name: &str) -> String {
        format!("{AGENT_PREFIX}{name}_{}", URL_SAFE_NO_PAD.encode(self.mac(name)))
    }

    /// Whose token this is; `None` where it is nobody's.
    #[must_use]
    pub fn recognise(&self, token: &str) -> Option<Principal> {
        if bool::from(token.as_bytes().ct_eq(self.admin.as_bytes())) {
            return Some(Principal::Admin);
        }
        // The MAC is 43 characters; names may have an underscore, so count from the end.
        let rest = token.strip_prefix(AGENT_PREFIX)?;
        let name = rest.get(..rest.len().checked_sub(44)?)?;
        check_name(name).ok()?;
        bool::from(token.as_bytes().ct_eq(self.agent(name).as_bytes()))
            .then(|| Principal::Agent(name.to_owned()))
    }

    fn mac(&self, name: &str) -> [u8; 32] {
        // A key of one block, so that making the MAC cannot fail.
        let mut block = [0_u8; 64];
        let (key, _) = block.split_at_mut(32);
        key.copy_from_slice(&Sha256::digest(self.admin.as_bytes()));
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(b"byway agent token 1\n");
        mac.update(name.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(admin: &str) -> Tokens {
        Tokens {
            admin: Zeroizing::new(admin.to_owned()),
        }
    }

    #[test]
    fn recognises_its_own_tokens() {
        let tokens = tokens("byway_admin_x");
        assert_eq!(tokens.recognise("byway_admin_x"), Some(Principal::Admin));
        for name in ["planner", "a_b", "x.y-z"] {
            assert_eq!(
                tokens.recognise(&tokens.agent(name)),
                Some(Principal::Agent(name.into()))
            );
        }
    }

    #[test]
    fn a_file_without_a_whole_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let made = Tokens::load_or_create(folder.path()).unwrap();
        assert_eq!(
            Tokens::load_or_create(folder.path()).unwrap().admin(),
            made.admin()
        );
        for damaged in ["", "byway_admin_", "byway_admin_AAAA", "other"] {
            std::fs::write(folder.path().join(FILE), damaged).unwrap();
            assert!(Tokens::load_or_create(folder.path()).is_err(), "{damaged:?}");
        }
    }

    #[test]
    fn refuses_every_other() {
        let mine = tokens("byway_admin_x");
        let theirs = tokens("byway_admin_y").agent("planner");
        let forged = mine.agent("planner").replace("planner", "executor");
        for token in [
            "",
            "byway_agent_",
            "byway_agent_planner_",
            "byway_admin_",
            &theirs,
            &forged,
        ] {
            assert_eq!(mine.recognise(token), None, "{token}");
        }
    }
}
