//! What an adapter is and needs, before there is a transport of it.
//!
//! The same looks as for loading, and each as far as it goes: of a component of another contract there is still
//! to be said what it exports and imports.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::answers::{Description, Needs};
use super::component::{self, PACKAGE, VERSION};
use super::fix;
use super::load::Sandbox;
use super::preflight::PreflightProblem;
use crate::config::{AdapterRef, Breaker, Grants, Place, Transport, TransportLimits};
use crate::hexadecimal::hex;

/// The transport's name in what is to be pasted.
const NAME: &str = "NAME";

/// What can be said of a component.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Its SHA-256, as `sha256` of a transport takes it.
    pub sha256: String,
    /// Its size.
    pub bytes: usize,
    /// Whether the contract it was built against is this byway's.
    pub fits: bool,
    /// The contract that this byway serves, such as `byway:transport@0.1.0`.
    pub contract: String,
    /// Names of what it exports; empty where it is no component.
    pub exports: Vec<String>,
    /// Names of what it imports.
    pub imports: Vec<String>,
    /// What it says of itself.
    pub description: Option<Description>,
    /// What one configuration needs, where one was given and the adapter accepts it.
    pub configured: Option<Configured>,
    /// Everything that is wrong, with the component or with the configuration.
    pub problems: Vec<PreflightProblem>,
}

/// What a configuration needs.
#[derive(Clone, Debug)]
pub struct Configured {
    /// What the adapter says it needs.
    pub needs: Needs,
    /// The tables that would grant it, to be pasted and looked through.
    pub grants: String,
}

impl Sandbox {
    /// Looks at an adapter, and at a configuration of it where one is given.
    ///
    /// # Errors
    /// Where the component's bytes cannot be had. What is wrong with them is in the answer.
    pub fn inspect(
        &self,
        adapter: &AdapterRef,
        config: Option<&Map<String, Value>>,
    ) -> Result<Inspection, PreflightProblem> {
        let bytes = self.bytes(adapter)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let mut inspection = Inspection {
            sha256: hex(&digest),
            bytes: bytes.len(),
            fits: false,
            contract: format!("{PACKAGE}@{VERSION}"),
            exports: Vec::new(),
            imports: Vec::new(),
            description: None,
            configured: None,
            problems: Vec::new(),
        };
        if let Err(problems) = self.look(&mut inspection, adapter, digest, &bytes, config) {
            inspection.problems = problems;
        }
        Ok(inspection)
    }

    /// Adds what can be said, up to the first thing that is wrong.
    fn look(
        &self,
        inspection: &mut Inspection,
        adapter: &AdapterRef,
        digest: [u8; 32],
        bytes: &[u8],
        config: Option<&Map<String, Value>>,
    ) -> Result<(), Vec<PreflightProblem>> {
        let transport = without_rights(adapter, config);
        let one = |problem| vec![problem];
        let component = self.component(digest, bytes).map_err(one)?;
        inspection.imports = component::imported_names(self.engine(), &component);
        inspection.exports = component::exported_names(self.engine(), &component);
        let known = self.describe(digest, &component, &transport).map_err(one)?;
        inspection.fits = true;
        inspection.description = Some(known.description.clone());
        if config.is_some() {
            let config_json = Value::Object(transport.config.clone()).to_string();
            let needs = self.check(&known, &transport, &config_json)?;
            inspection.configured = Some(Configured {
                grants: fix::everything(NAME, &needs),
                needs,
            });
        }
        Ok(())
    }
}

/// A transport that has nothing but its adapter and its configuration.
fn without_rights(adapter: &AdapterRef, config: Option<&Map<String, Value>>) -> Transport {
    Transport {
        name: NAME.into(),
        adapter: adapter.clone(),
        sha256: None,
        config: config.cloned().unwrap_or_default(),
        grants: Grants::default(),
        secrets: BTreeMap::new(),
        signers: BTreeMap::new(),
        limits: TransportLimits::default(),
        authority: None,
        dedupe: None,
        receive: None,
        breaker: Breaker::default(),
        rate: None,
        proxy: None,
        place: Place {
            file: PathBuf::new(),
            line: 0,
            column: 0,
        },
    }
}
