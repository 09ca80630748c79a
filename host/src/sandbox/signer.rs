//! `signer`: Standard Webhooks signatures with keys that no adapter sees.
//!
//! The host builds the signed text itself from id, time and body (Standard Webhooks, "Signature
//! scheme"), so that a guest cannot have anything else signed. During a rotation every
//! configured key signs.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::denial;
use super::state::GuestState;
use crate::contract::bindings::byway::transport::signer;
use crate::contract::bindings::byway::transport::types::{Denial, Header};

impl signer::Host for GuestState {
    async fn standard_webhook(
        &mut self,
        key: String,
        id: String,
        body: Vec<u8>,
    ) -> Result<Vec<Header>, Denial> {
        let secrets = &self.context.secrets;
        let Some(keys) = secrets.signing_keys(&key) else {
            let transport = &self.rights.transport;
            self.context.tell_denial(&transport.name, || {
                let fix = super::fix::signer(transport, &key);
                format!("the adapter asked for a signing key it was not given; to give it: {fix}")
            });
            return Err(denial::not_granted("no such signing key"));
        };
        for bytes in [id.as_bytes(), &body] {
            secrets
                .refuse_in(bytes)
                .map_err(|misplaced| denial::reference(&misplaced))?;
        }
        if id.is_empty() || id.contains('.') || id.contains(|it: char| it.is_control() || !it.is_ascii()) {
            return Err(denial::invalid(
                "a webhook's id is ASCII, not empty, and has no full stop",
            ));
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let signature = sign(keys, &id, now, &body).map_err(|why| {
            tracing::error!(
                transport = self.rights.transport.name,
                signer = key,
                "the signing key cannot be used: {why}"
            );
            denial::io("the signing key cannot be used")
        })?;
        Ok(vec![
            header("webhook-id", id),
            header("webhook-timestamp", now.to_string()),
            header("webhook-signature", signature),
        ])
    }
}

fn header(name: &str, value: String) -> Header {
    Header {
        name: name.into(),
        value,
    }
}

/// The value of `webhook-signature`.
fn sign(keys: &[Zeroizing<String>], id: &str, timestamp: u64, body: &[u8]) -> Result<String, &'static str> {
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(body);
    let signatures: Result<Vec<String>, _> = keys.iter().map(|key| sign_with(key, &signed)).collect();
    let signatures = signatures?;
    if signatures.is_empty() {
        Err("no key is configured")
    } else {
        Ok(signatures.join(" "))
    }
}

fn sign_with(key: &str, signed: &[u8]) -> Result<String, &'static str> {
    const FORM: &str = "it is neither whsec_ nor whsk_ with base64 after it";
    let (kind, encoded) = key.split_once('_').ok_or(FORM)?;
    let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| FORM)?);
    match kind {
        "whsec" => {
            let mut mac = Hmac::<Sha256>::new_from_slice(&bytes).map_err(|_| "its length is wrong")?;
            mac.update(signed);
            Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        }
        "whsk" => {
            // Either the seed alone, or the seed and the public key after it.
            let key = match (
                <&[u8; 32]>::try_from(bytes.as_slice()),
                <&[u8; 64]>::try_from(bytes.as_slice()),
            ) {
                (Ok(seed), _) => SigningKey::from_bytes(seed),
                (_, Ok(pair)) => {
                    SigningKey::from_keypair_bytes(pair).map_err(|_| "its halves do not belong together")?
                }
                _ => return Err("an Ed25519 key has 32 or 64 bytes"),
            };
            Ok(format!("v1a,{}", STANDARD.encode(key.sign(signed).to_bytes())))
        }
        _ => Err(FORM),
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier as _};

    use super::*;

    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const TIME: u64 = 1_649_367_553;

    fn keys(texts: &[&str]) -> Vec<Zeroizing<String>> {
        texts
            .iter()
            .map(|text| Zeroizing::new((*text).to_owned()))
            .collect()
    }

    #[test]
    fn gives_the_signature_of_the_standards_vector() {
        let signature = sign(&keys(&["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]), ID, TIME, BODY).unwrap();
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn signs_with_every_key_of_a_rotation_the_current_one_first() {
        let seed = format!("whsk_{}", STANDARD.encode([7_u8; 32]));
        let signature = sign(
            &keys(&[&seed, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]),
            ID,
            TIME,
            BODY,
        )
        .unwrap();
        let (first, second) = signature.split_once(' ').unwrap();
        assert!(first.starts_with("v1a,") && second.starts_with("v1,"));
        let bytes: [u8; 64] = STANDARD.decode(&first[4..]).unwrap().try_into().unwrap();
        let public = SigningKey::from_bytes(&[7; 32]).verifying_key();
        let mut signed = format!("{ID}.{TIME}.").into_bytes();
        signed.extend_from_slice(BODY);
        public.verify(&signed, &Signature::from_bytes(&bytes)).unwrap();
    }

    #[test]
    fn refuses_a_key_of_another_form_without_repeating_it() {
        for key in ["s3cret", "whsec_***", "whsk_AAAA", "other_AAAA"] {
            let why = sign(&keys(&[key]), ID, TIME, BODY).unwrap_err();
            assert!(!why.contains(key), "{why}");
        }
        assert!(sign(&[], ID, TIME, BODY).is_err());
    }
}
