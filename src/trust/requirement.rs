//! One requirement of a policy against the signatures of an image.
//!
//! A requirement is satisfied by one signature of its kind that fulfils all of it alone; the others do no harm.

use std::time::SystemTime;

use bytes::Bytes;

use super::payload::{COSIGN_TYPE, Payload, SIMPLE_TYPE};
use super::stored::{Attachment, StoredSignature};
use super::subject::{Found, Subject};
use super::verdict::{Attempt, Judged, VerifiedSignature, rfc3339};
use super::{Leniency, bundle, openpgp, sigstore};
use crate::settings::policy::{BundleRule, Identity, Requirement, SignedBy, SigstoreSigned};

/// The key type of `signedBy` that means something.
const GPG_KEYS: &str = "GPGKeys";

pub(super) fn judge(
    rule: &Requirement,
    subject: &Subject,
    found: &Found,
    leniency: Leniency,
    now: SystemTime,
) -> Judged {
    let kind = rule.name();
    let signatures = &found.signatures[..];
    let judged = match rule {
        Requirement::AcceptAnything => return Judged::outright(kind, None),
        Requirement::Reject => Err("all images are refused".to_owned()),
        Requirement::SignedBaseLayer => {
            Err("this type of requirement cannot be checked".to_owned())
        }
        Requirement::SignedBy(rule) => signed_by(rule, subject, signatures, leniency, now),
        Requirement::SigstoreSigned(rule) => sigstore_signed(rule, subject, signatures, now),
        Requirement::SigstoreBundleSigned(rule) => bundle_signed(rule, subject, &found.bundles),
    };
    let mut unread = None;
    let none = match rule {
        Requirement::SigstoreBundleSigned(_) => {
            let count = found.bundles_unread;
            unread = (count > 0).then(|| {
                format!("{count} sigstore bundles of the image were not read: they are too many, too large or damaged")
            });
            "the image has no sigstore bundle".to_owned()
        }
        Requirement::SigstoreSigned(_) => {
            let none = none_of_its_kind(signatures);
            match &found.attachments_unread {
                Some(why) => format!("{none}; sigstore attachments were not looked for: {why}"),
                None => none,
            }
        }
        _ => none_of_its_kind(signatures),
    };
    match judged {
        Err(reason) => Judged::outright(kind, Some(reason)),
        Ok(tried) => {
            let satisfied = tried.iter().any(|attempt| attempt.outcome.is_ok());
            Judged {
                kind,
                satisfied,
                reason: match satisfied {
                    true => None,
                    false => unread.or(tried.is_empty().then_some(none)),
                },
                signatures: tried,
            }
        }
    }
}

fn none_of_its_kind(signatures: &[Bytes]) -> String {
    match signatures.len() {
        0 => "the image has no signature".to_owned(),
        n => format!("the image has no signature of this kind (it has {n} of others)"),
    }
}

/// The signatures that `wanted` takes, verified by `verify`, with those in an unknown form, which count for every kind:
/// they may be what is looked for.
fn each<T>(
    signatures: &[Bytes],
    wanted: impl Fn(StoredSignature) -> Option<T>,
    verify: impl Fn(T) -> Result<VerifiedSignature, String>,
) -> Vec<Attempt> {
    let mut tried = Vec::new();
    for (n, stored) in signatures.iter().enumerate() {
        let outcome = match StoredSignature::parse(stored) {
            Ok(signature) => match wanted(signature) {
                Some(signature) => verify(signature),
                None => continue,
            },
            Err(e) => Err(match std::error::Error::source(&e) {
                Some(cause) => format!("{e}: {cause}"),
                None => e.to_string(),
            }),
        };
        tried.push(Attempt {
            signature: format!("signature {}", n + 1),
            outcome,
        });
    }
    tried
}

fn signed_by(
    rule: &SignedBy,
    subject: &Subject,
    signatures: &[Bytes],
    leniency: Leniency,
    now: SystemTime,
) -> Result<Vec<Attempt>, String> {
    if rule.key_type != GPG_KEYS {
        return Err(format!(
            "keys of the type `{}` cannot be checked",
            rule.key_type
        ));
    }
    let keys = openpgp::Trusted::load(&rule.keys)?;
    let simple = |signature| match signature {
        StoredSignature::Simple(message) => Some(message),
        StoredSignature::Sigstore(_) => None,
    };
    let verify = |message: Bytes| {
        let (json, verified) = keys.verify(&message, leniency, now)?;
        let payload = Payload::parse(&json, SIMPLE_TYPE)?;
        claims(&payload, &rule.identity, subject)?;
        Ok(with_payload(verified, payload))
    };
    Ok(each(signatures, simple, verify))
}

fn sigstore_signed(
    rule: &SigstoreSigned,
    subject: &Subject,
    signatures: &[Bytes],
    now: SystemTime,
) -> Result<Vec<Attempt>, String> {
    let trusted = sigstore::Trusted::load(rule)?;
    let attachment = |signature| match signature {
        StoredSignature::Sigstore(attachment) => {
            (attachment.mime_type == Attachment::SIGNATURE).then_some(attachment)
        }
        StoredSignature::Simple(_) => None,
    };
    let verify = |attachment: Attachment| {
        let verified = trusted.verify(&attachment, now)?;
        let payload = Payload::parse(&attachment.payload, COSIGN_TYPE)?;
        claims(&payload, &rule.identity, subject)?;
        Ok(with_payload(verified, payload))
    };
    Ok(each(signatures, attachment, verify))
}

fn bundle_signed(
    rule: &BundleRule,
    subject: &Subject,
    bundles: &[Bytes],
) -> Result<Vec<Attempt>, String> {
    let trusted = bundle::TrustedBundles::load(rule)?;
    let verified = bundles.iter().enumerate().map(|(n, json)| Attempt {
        signature: format!("bundle {}", n + 1),
        outcome: trusted.verify(json, subject),
    });
    Ok(verified.collect())
}

/// Whether the payload speaks of the image: its digest, and a name that the rule accepts for it.
fn claims(payload: &Payload, identity: &Identity, subject: &Subject) -> Result<(), String> {
    if !subject.is(&payload.digest) {
        return Err(format!("it is of another manifest, `{}`", payload.digest));
    }
    identity.accepts(subject.image, &payload.reference)
}

fn with_payload(verified: VerifiedSignature, payload: Payload) -> VerifiedSignature {
    let created = payload.timestamp.and_then(rfc3339);
    VerifiedSignature {
        reference: Some(payload.reference),
        creator: payload.creator,
        created: created.or_else(|| verified.created.clone()),
        ..verified
    }
}
