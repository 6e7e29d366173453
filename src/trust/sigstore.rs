//! Signatures that cosign 1 and 2 attach to an image: by a key, or by a certificate of Fulcio or another authority.
//!
//! The payload lies beside its signature, so what is verified are plain bytes. Certificates of Fulcio live for minutes:
//! the entry of a transparency log (`rekor`) says that they were used in time.

mod as_bundle;
mod certificate;
mod chain;
mod limits;
mod rekor;

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::bundle::{TrustedBundles, Witness};
use super::keys::{self, PublicKey};
use super::stored::Attachment;
use super::verdict::{Signer, VerifiedSignature, rfc3339};
use crate::settings::policy::{self, SigstoreSigned};
use as_bundle::Seen;
use certificate::{Authority, Leaf, Subject};

const FORMAT: &str = "sigstore-attachment";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// Whom a requirement trusts.
pub(super) struct Trusted {
    signer: TrustedSigner,
    /// Keys of logs, one of which has to have seen the signature; empty if none has to.
    logs: Vec<PublicKey>,
}

enum TrustedSigner {
    Keys(Vec<PublicKey>),
    Certificate(Authority, Subject),
    Root(Box<TrustedBundles>),
}

impl Trusted {
    /// Reads the keys and certificates of `rule`. Blocks.
    pub(super) fn load(rule: &SigstoreSigned) -> Result<Trusted, String> {
        let logs = match &rule.rekor {
            Some(source) => keys::load(source)?,
            None => Vec::new(),
        };
        if let Some(key) = logs.iter().find(|key| !key.is_ecdsa()) {
            return Err(format!("the log's key in {} is no ECDSA key", key.name));
        }
        let signer = match &rule.signer {
            policy::Signer::TrustedRoot(rule) => {
                TrustedSigner::Root(Box::new(TrustedBundles::load(rule)?))
            }
            policy::Signer::Keys(source) => TrustedSigner::Keys(keys::load(source)?),
            policy::Signer::Fulcio {
                ca,
                oidc_issuer,
                subject_email,
            } => TrustedSigner::Certificate(
                Authority::fulcio(ca)?,
                Subject::Fulcio {
                    issuer: oidc_issuer.clone(),
                    email: subject_email.clone(),
                },
            ),
            policy::Signer::Pki {
                roots,
                intermediates,
                subject_email,
                subject_hostname,
            } => TrustedSigner::Certificate(
                Authority::pki(roots, intermediates.as_ref())?,
                Subject::Pki {
                    email: subject_email.clone(),
                    host: subject_hostname.clone(),
                },
            ),
        };
        Ok(Trusted { signer, logs })
    }

    /// Verifies the signature over the payload. What the payload says is for the caller to look at.
    pub(super) fn verify(
        &self,
        attachment: &Attachment,
        now: SystemTime,
    ) -> Result<VerifiedSignature, String> {
        let text = annotation(attachment, SIGNATURE)?;
        let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        let signature = STANDARD
            .decode(text)
            .map_err(|e| format!("its signature is not base64: {e}"))?;
        if let TrustedSigner::Root(root) = &self.signer {
            let leaf = match root.accepts_keys() {
                true => None,
                false => Some(leaf(attachment)?),
            };
            let seen = match root.witness() {
                Witness::Timestamp { .. } => Seen::Timestamp(annotation(attachment, TIMESTAMP)?),
                Witness::Log | Witness::None => Seen::LogEntry(annotation(attachment, LOG_ENTRY)?),
            };
            let bundle = as_bundle::bundle(leaf.as_ref(), &seen, &signature, &attachment.payload)?;
            let verified = root.verify_over(&bundle, &attachment.payload)?;
            return Ok(VerifiedSignature {
                format: FORMAT,
                ..verified
            });
        }
        let logged = |key: &PublicKey| {
            let entry = annotation(attachment, LOG_ENTRY)?;
            rekor::verify(entry, &self.logs, key, &signature, &attachment.payload)
        };
        let (signer, time) = match &self.signer {
            TrustedSigner::Keys(keys) => {
                let (key, time) = match self.logs.is_empty() {
                    true => (signed_by_one(keys, &attachment.payload, &signature)?, None),
                    false => logged_for_one(keys, logged)?,
                };
                key.verify(&attachment.payload, &signature)?;
                let key = key.name.trim_matches('`').to_owned();
                (Signer::Key { key }, time)
            }
            TrustedSigner::Certificate(authority, subject) => {
                let leaf = leaf(attachment)?;
                let key = leaf.key()?;
                let time = match subject {
                    Subject::Fulcio { .. } => Some(logged(&key)?),
                    Subject::Pki { .. } => None,
                };
                let signer = authority.verify(&leaf, subject, time, now)?;
                key.verify(&attachment.payload, &signature)?;
                (signer, time)
            }
            TrustedSigner::Root(_) => return Err("it was not verified".to_owned()),
        };
        Ok(VerifiedSignature {
            format: FORMAT,
            signer,
            reference: None,
            creator: None,
            created: None,
            witnessed: time.and_then(rfc3339),
        })
    }
}

/// The first of `keys` that made `signature`.
fn signed_by_one<'a>(
    keys: &'a [PublicKey],
    payload: &[u8],
    signature: &[u8],
) -> Result<&'a PublicKey, String> {
    let mut why = "the rule lists no keys".to_owned();
    for key in keys {
        match key.verify(payload, signature) {
            Ok(()) => return Ok(key),
            Err(e) => why = e,
        }
    }
    Err(match keys {
        [] | [_] => why,
        _ => "it is signed by none of the rule's keys".to_owned(),
    })
}

/// The first of `keys` whose signature a log has recorded, and when.
fn logged_for_one(
    keys: &[PublicKey],
    logged: impl Fn(&PublicKey) -> Result<i64, String>,
) -> Result<(&PublicKey, Option<i64>), String> {
    let mut why = "the rule lists no keys".to_owned();
    for key in keys {
        match logged(key) {
            Ok(time) => return Ok((key, Some(time))),
            Err(e) => why = e,
        }
    }
    Err(why)
}

/// The certificate of the signer.
fn leaf(attachment: &Attachment) -> Result<Leaf, String> {
    let leaf = annotation(attachment, CERTIFICATE)?;
    let chain = attachment.annotations.get(CHAIN).map(String::as_str);
    Leaf::parse(leaf, chain)
}

fn annotation<'a>(attachment: &'a Attachment, key: &str) -> Result<&'a str, String> {
    match attachment.annotations.get(key) {
        Some(value) => Ok(value),
        None => Err(format!("it has no annotation `{key}`")),
    }
}
