//! Sigstore bundles: what cosign 3 stores among the referrers of an image.
//!
//! A bundle holds a signature with all that is needed to verify it offline: the certificate, entries of transparency
//! logs with their proofs, timestamps. It signs an image by its digest and names no reference. The verification is that
//! of the crate `sigstore-verify`; what signed statements have to say is checked here.

mod bare;

use regex_lite::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sigstore_trust_root::TrustedRoot;
use sigstore_types::bundle::{MessageSignature, VerificationMaterialContent};
use sigstore_types::{Bundle, DerPublicKey, KindVersion, SignatureContent};
use sigstore_verify::{
    Policy, PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult, Verifier,
};

use super::keys::key_der;
use super::subject::Subject;
use super::verdict::{Signer, VerifiedSignature, rfc3339};
use crate::image::Algorithm;
use crate::settings::policy::{BundleRule, BundleSigner, Identity, Pattern};

/// The payload type of an in-toto statement.
const IN_TOTO: &str = "application/vnd.in-toto+json";
/// The types of statements whose subjects and predicate types mean what is read of them.
const STATEMENTS: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];
/// The types of trusted roots.
const ROOTS: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];
/// Bytes of a bundle.
const CAP: usize = 16 << 20;

/// Verifies that the sigstore bundle `json` signs `artifact` as `rule` wants it. Reads the rule's key files.
///
/// # Errors
/// Why the bundle, or the rule, is refused.
pub fn verify_bundle(
    json: &[u8],
    artifact: &[u8],
    rule: &BundleRule,
) -> Result<VerifiedSignature, String> {
    TrustedBundles::load(rule)?.verify_over(json, artifact)
}

/// Whom a requirement trusts.
pub(super) struct TrustedBundles {
    identity: Identity,
    predicate_type: String,
    signer: TrustedSigner,
    verifier: Verifier,
    /// What has to have seen a signature.
    witness: Witness,
}

/// What has to have seen a signature besides its signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Witness {
    /// Nothing: there is no trusted root. Only a key can do without.
    None,
    /// A transparency log.
    Log,
    /// A timestamp authority, where the trusted root lists no logs: that of GitHub for private repositories, or one of a
    /// company. `ct_logs`: whether certificates have to be in a log all the same.
    Timestamp { ct_logs: bool },
}

impl Witness {
    fn of(root: &TrustedRoot) -> Result<Witness, String> {
        let authorities = &root.timestamp_authorities;
        match (root.tlogs.is_empty(), authorities.is_empty()) {
            (false, _) => Ok(Witness::Log),
            (true, false) => Ok(Witness::Timestamp {
                ct_logs: !root.ctlogs.is_empty(),
            }),
            (true, true) => Err(
                "the trusted root lists neither a transparency log nor a timestamp authority"
                    .to_owned(),
            ),
        }
    }

    /// Whether `bundle` has what is to be verified; without any, nothing would be.
    fn is_in(self, bundle: &Bundle) -> Result<(), String> {
        let material = &bundle.verification_material;
        let timestamps = &material.timestamp_verification_data.rfc3161_timestamps;
        match self {
            Witness::Log if material.tlog_entries.is_empty() => {
                Err("it has no entry of a transparency log".to_owned())
            }
            Witness::Timestamp { .. } if timestamps.is_empty() => {
                Err("it has no timestamp".to_owned())
            }
            _ => Ok(()),
        }
    }
}

enum TrustedSigner {
    Keys(Vec<(String, DerPublicKey)>),
    Certificate { identity: Matcher, issuer: Matcher },
}

/// A [`Pattern`] that can be used.
enum Matcher {
    Exact(String),
    Regexp(Regex),
}

impl Matcher {
    fn new(pattern: &Pattern) -> Result<Matcher, String> {
        Ok(match pattern {
            Pattern::Exact(text) => Matcher::Exact(text.clone()),
            Pattern::Regexp(text) => Matcher::Regexp(
                Regex::new(text).map_err(|e| format!("`{text}` is no regular expression: {e}"))?,
            ),
        })
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Matcher::Exact(wanted) => wanted == text,
            Matcher::Regexp(regexp) => regexp.is_match(text),
        }
    }
}

impl TrustedBundles {
    /// Reads keys and trusted root of `rule`. Blocks.
    pub(super) fn load(rule: &BundleRule) -> Result<TrustedBundles, String> {
        let (root, witness) = match &rule.trusted_root {
            Some(source) => {
                let loaded = source.load().map_err(|e| e.to_string())?;
                let [(name, json)] = &loaded[..] else {
                    return Err("the rule lists more than one trusted root".to_owned());
                };
                let json = String::from_utf8_lossy(json);
                let root = TrustedRoot::from_json(&json)
                    .map_err(|e| format!("the trusted root in {name} is not valid: {e}"))?;
                if !ROOTS.contains(&&*root.media_type) {
                    return Err(format!(
                        "{name} is no trusted root: its type is `{}`",
                        root.media_type
                    ));
                }
                let witness = Witness::of(&root)?;
                (root, witness)
            }
            None => {
                let root = TrustedRoot::from_json(EMPTY_ROOT).map_err(|e| e.to_string())?;
                (root, Witness::None)
            }
        };
        let signer = match &rule.signer {
            BundleSigner::Keys(source) => {
                let loaded = source.load().map_err(|e| e.to_string())?;
                let keys = loaded.into_iter().map(|(name, pem)| {
                    let der = key_der(&name, &pem)?;
                    Ok((name, DerPublicKey::new(der)))
                });
                TrustedSigner::Keys(keys.collect::<Result<_, String>>()?)
            }
            BundleSigner::Certificate { identity, issuer } => {
                if rule.trusted_root.is_none() {
                    return Err("certificates need a trusted root".to_owned());
                }
                TrustedSigner::Certificate {
                    identity: Matcher::new(identity)?,
                    issuer: Matcher::new(issuer)?,
                }
            }
        };
        let verifier =
            Verifier::new(&root).map_err(|e| format!("the trusted root cannot be used: {e}"))?;
        Ok(TrustedBundles {
            identity: rule.identity.clone(),
            predicate_type: rule.predicate_type.clone(),
            signer,
            verifier,
            witness,
        })
    }

    /// Whether signers have keys, and not certificates.
    pub(super) fn accepts_keys(&self) -> bool {
        matches!(self.signer, TrustedSigner::Keys(_))
    }

    /// What has to have seen a signature.
    pub(super) fn witness(&self) -> Witness {
        self.witness
    }

    /// Verifies that `json` is a bundle that signs the manifest of `subject`.
    pub(super) fn verify(
        &self,
        json: &[u8],
        subject: &Subject,
    ) -> Result<VerifiedSignature, String> {
        if self.identity != Identity::Digest {
            return Err(
                "a bundle names no image; a rule whose `signedIdentity` is of the type `matchDigest` accepts it"
                    .to_owned(),
            );
        }
        // The bytes are what is signed, so they have to be those of the digest.
        let manifest = subject.manifest.filter(|m| m.digest() == subject.digest);
        match manifest.filter(|m| m.digest().algorithm() == Algorithm::Sha256) {
            Some(manifest) => self.verify_over(json, manifest.payload()),
            None => Err("it is of a manifest without a SHA-256 digest".to_owned()),
        }
    }

    /// Verifies that `json` is a bundle that signs `artifact`.
    pub(super) fn verify_over(
        &self,
        json: &[u8],
        artifact: &[u8],
    ) -> Result<VerifiedSignature, String> {
        if json.len() > CAP {
            return Err("it is too large".to_owned());
        }
        let text = std::str::from_utf8(json).map_err(|_| "it is no JSON".to_owned())?;
        let bundle = Bundle::from_json(text).map_err(|e| format!("it is no valid bundle: {e}"))?;
        check_unambiguous(text)?;
        let (signer, result) = match &self.signer {
            TrustedSigner::Keys(keys) if self.witness == Witness::None => {
                (bare::verify(&bundle, artifact, keys)?, None)
            }
            TrustedSigner::Keys(keys) => {
                let (signer, result) = self.by_key(&bundle, artifact, keys)?;
                (signer, Some(result))
            }
            TrustedSigner::Certificate { identity, issuer } => {
                let (signer, result) = self.by_certificate(&bundle, artifact, identity, issuer)?;
                (signer, Some(result))
            }
        };
        self.check_statement(&bundle)?;
        let time = result.and_then(|result| {
            let times = result.verified_timestamps().iter().copied();
            times.chain(result.integrated_time()).min()
        });
        Ok(VerifiedSignature {
            format: "sigstore-bundle",
            signer,
            reference: None,
            creator: None,
            created: None,
            witnessed: time.and_then(|time| rfc3339(time.as_second())),
        })
    }

    fn by_key(
        &self,
        bundle: &Bundle,
        artifact: &[u8],
        keys: &[(String, DerPublicKey)],
    ) -> Result<(Signer, VerificationResult), String> {
        self.witness.is_in(bundle)?;
        let mut why = "the rule lists no keys".to_owned();
        for (name, key) in keys {
            let policy = PublicKeyVerificationPolicy::new(key.clone());
            let policy = match self.witness {
                Witness::Log => policy,
                // The timestamps that are there are verified all the same.
                _ => policy.skip_tlog_unsafe(),
            };
            match self.run(artifact, bundle, &policy) {
                Ok(result) => {
                    let key = name.trim_matches('`').to_owned();
                    return Ok((Signer::Key { key }, result));
                }
                Err(e) => why = format!("it is not by the key in {name}: {e}"),
            }
        }
        Err(why)
    }

    fn by_certificate(
        &self,
        bundle: &Bundle,
        artifact: &[u8],
        identity: &Matcher,
        issuer: &Matcher,
    ) -> Result<(Signer, VerificationResult), String> {
        if matches!(
            bundle.verification_material.content,
            VerificationMaterialContent::PublicKey(_)
        ) {
            return Err("it is signed by a key and not by a certificate".to_owned());
        }
        self.witness.is_in(bundle)?;
        // Who is accepted is decided below, since patterns may be given.
        let policy = VerificationPolicy::any_identity();
        let policy = match self.witness {
            Witness::Timestamp { ct_logs: true } => policy.skip_tlog_unsafe(),
            Witness::Timestamp { ct_logs: false } => policy.skip_tlog_unsafe().skip_sct(),
            _ => policy,
        };
        let result = self.run(artifact, bundle, &policy)?;
        let found = result.identity().map(|name| name.as_str().to_owned());
        let found = found.ok_or("its certificate names nobody")?;
        if !identity.fits(&found) {
            return Err(format!(
                "its certificate is for `{found}`, which the rule does not accept"
            ));
        }
        let by = result.issuer().map(str::to_owned);
        match &by {
            Some(by) if issuer.fits(by) => {}
            Some(by) => {
                return Err(format!(
                    "its certificate is for a login at `{by}`, which the rule does not accept"
                ));
            }
            None => return Err("its certificate names no login provider".to_owned()),
        }
        let signer = Signer::Certificate {
            identity: found,
            issuer: by,
        };
        Ok((signer, result))
    }

    /// Verifies `bundle` over `artifact`.
    fn run(
        &self,
        artifact: &[u8],
        bundle: &Bundle,
        policy: &impl Policy,
    ) -> Result<VerificationResult, String> {
        let verify = |signed: &[u8], bundle| {
            let verified = self.verifier.verify(signed, bundle, policy);
            verified.map_err(|e| e.to_string())
        };
        let Some((message, signed)) = logged_as_message(bundle) else {
            return verify(artifact, bundle);
        };
        let result = verify(&signed, &message)?;
        bare::is_about(bundle, artifact)?;
        Ok(result)
    }

    /// Of statements, only those of the kind that the rule wants are signatures: that somebody scanned an image does
    /// not mean that it may be used.
    fn check_statement(&self, bundle: &Bundle) -> Result<(), String> {
        let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
            return Ok(());
        };
        if envelope.payload_type != IN_TOTO {
            return Err(format!(
                "its payload is of the type `{}`",
                envelope.payload_type
            ));
        }
        let statement: Statement = serde_json::from_slice(envelope.payload.as_bytes())
            .map_err(|e| format!("its statement is not valid: {e}"))?;
        if !STATEMENTS.contains(&&*statement.kind) {
            return Err(format!(
                "its statement is of the type `{}`, which is not known",
                statement.kind
            ));
        }
        match statement.predicate_type == self.predicate_type {
            true => Ok(()),
            false => Err(format!(
                "it is a statement of the type `{}`, and `{}` is wanted",
                statement.predicate_type, self.predicate_type
            )),
        }
    }
}

/// Refuses the bundle `json` if it has two signers or two signatures: others may look at the one that was not verified.
fn check_unambiguous(json: &str) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Parts {
        verification_material: Material,
        message_signature: Option<IgnoredAny>,
        dsse_envelope: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Material {
        public_key: Option<IgnoredAny>,
        certificate: Option<IgnoredAny>,
        #[serde(rename = "x509CertificateChain")]
        chain: Option<IgnoredAny>,
    }
    let parts: Parts =
        serde_json::from_str(json).map_err(|e| format!("it is no valid bundle: {e}"))?;
    let material = parts.verification_material;
    let signers = [material.public_key, material.certificate, material.chain];
    if signers.iter().flatten().count() > 1 {
        return Err("it has more than one signer".to_owned());
    }
    match (parts.message_signature, parts.dsse_envelope) {
        (Some(_), Some(_)) => Err("it has more than one signature".to_owned()),
        _ => Ok(()),
    }
}

/// A log may record an envelope as a signature over the bytes that it signs (`hashedrekord`). `sigstore-verify` knows that of
/// version 2 of the logs only: the same bundle with that signature, and these bytes.
fn logged_as_message(bundle: &Bundle) -> Option<(Bundle, Vec<u8>)> {
    let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
        return None;
    };
    let mut entries = bundle.verification_material.tlog_entries.iter();
    if !entries.any(|entry| entry.kind_version == KindVersion::HashedRekordV001) {
        return None;
    }
    let mut message = bundle.clone();
    let signature = MessageSignature::new(envelope.signature.sig.clone());
    message.content = SignatureContent::MessageSignature(signature);
    Some((message, envelope.pae()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    predicate_type: String,
}

/// Trusts nobody: a key alone is trusted then.
const EMPTY_ROOT: &str = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[],"certificateAuthorities":[],"ctlogs":[],"timestampAuthorities":[]}"#;
