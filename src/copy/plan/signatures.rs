//! Signatures stored with manifests. They are copied with a manifest that does not change. Where it changes, or where the
//! destination cannot store them, they are left behind with a warning. No signature is verified here.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::copy::options::{CopyOptions, Sides};
use crate::copy::types::{Awaits, CopyPlan, Signatures};
use crate::copy::{reading, writing};
use crate::image::{Algorithm, Digest};
use crate::transport::blob_store::blocking;
use crate::transport::{Destination, ManifestRef};
use crate::trust::signing::{SignFormat, Signer, Signing};
use crate::{Error, Result};

/// Bytes of signatures that one copy takes along.
const CAP: usize = 4 << 20;

/// Manifests whose signatures are read at once.
const AT_ONCE: usize = 8;

const CHANGES: &str = "they do not hold for its new digest";

/// A manifest whose signatures are looked for.
struct Signed<'a> {
    /// Its digest at the source.
    was: &'a Digest,
    at: ManifestRef,
    /// Whether it has the same digest at the destination.
    stays: bool,
}

/// Adds to `plan`, by which no manifest is written because the destination has those of the image `top` already, the
/// signatures that the source has of `present`. The first of these is what the destination's name stands for. Where `stays`
/// is not set, it has another digest there.
pub(super) async fn add_to_present(
    plan: &mut CopyPlan,
    top: &Digest,
    (present, stays): (&[Digest], bool),
    sides: Sides<'_>,
) -> Result<()> {
    let signed = present.iter().enumerate().map(|(i, was)| Signed {
        was,
        at: match i {
            0 => ManifestRef::Named,
            _ => ManifestRef::Digest(was.clone()),
        },
        stays,
    });
    let (signed, known) = (signed.collect(), HashMap::new());
    add_all(plan, top, (signed, &known), sides).await
}

/// Adds to `plan`, whose manifests are those of the image `top`, the signatures that the source has of them. Those in
/// `known`, by the digest of their manifest, were read before.
pub(super) async fn add(
    plan: &mut CopyPlan,
    top: &Digest,
    known: &HashMap<Digest, Vec<Bytes>>,
    sides: Sides<'_>,
) -> Result<()> {
    let steps = plan.manifests.clone();
    let upgraded = plan.upgrades;
    let signed = steps.iter().map(|step| Signed {
        was: &step.was,
        at: step.at.clone(),
        stays: !upgraded && step.awaits == Awaits::Nothing && *step.manifest.digest() == step.was,
    });
    add_all(plan, top, (signed.collect(), known), sides).await
}

async fn add_all(
    plan: &mut CopyPlan,
    top: &Digest,
    (signed, known): (Vec<Signed<'_>>, &HashMap<Digest, Vec<Bytes>>),
    sides: Sides<'_>,
) -> Result<()> {
    let reads = signed.iter().map(|Signed { was, .. }| async move {
        match known.get(*was) {
            Some(found) => Ok(found.clone()),
            None => {
                sides
                    .source
                    .signatures(&ManifestRef::of(was, top), was)
                    .await
            }
        }
    });
    let reads = stream::iter(reads.collect::<Vec<_>>()).buffered(AT_ONCE);
    let read: Vec<Vec<Bytes>> = reads.try_collect().await.map_err(reading)?;
    let mut size = 0;
    for (Signed { was, at, stays }, found) in signed.into_iter().zip(read) {
        let mut bytes = Vec::new();
        // Reasons to leave some behind, each with how many it concerns.
        let mut left: Vec<(String, usize)> = Vec::new();
        for signature in found {
            let refused = sides.destination.refuses_signature(&signature).await;
            let why = refused.map_err(writing)?;
            match why.or_else(|| (!stays).then(|| CHANGES.to_owned())) {
                None => bytes.push(signature),
                Some(why) => match left.iter_mut().find(|(known, _)| *known == why) {
                    Some((_, count)) => *count += 1,
                    None => left.push((why, 1)),
                },
            }
        }
        let losses = left.into_iter().map(|(why, count)| {
            format!("signatures of `{was}` are left behind, {count} of them: {why}")
        });
        plan.losses.extend(losses);
        size += bytes.iter().map(Bytes::len).sum::<usize>();
        if size > CAP {
            let error = Error::refused("the image has too many signatures");
            return Err(reading(error));
        }
        if !bytes.is_empty() {
            let digest = was.clone();
            plan.signatures.push(Signatures { at, digest, bytes });
        }
    }
    Ok(())
}

/// Checks that the signatures that `want` makes can be kept at the destination, before anything is written there.
pub(super) async fn check_signing(destination: &dyn Destination, want: &CopyOptions) -> Result<()> {
    let Some(signing) = &want.signing else {
        return Ok(());
    };
    let shown = destination.name();
    if signing.format == SignFormat::Bundle {
        if !destination.keeps_bundles() {
            let message = format!("`{shown}` has no place for a signature in the form of a bundle");
            return Err(
                Error::refused(message).hint("sign in the form of an attachment, or at a registry")
            );
        }
        let openpgp = signing
            .signers
            .iter()
            .find(|signer| !matches!(signer, Signer::Sigstore(_)));
        return match openpgp {
            None => Ok(()),
            // The error of the key, before anything is written.
            Some(signer) => signer.bundle(&Digest::of(Algorithm::Sha256, b"")).map(drop),
        };
    }
    signing
        .reference(destination.reference(), &shown)
        .map_err(writing)?;
    for signer in &signing.signers {
        let sample = signer.sample().to_bytes();
        let refused = destination.refuses_signature(&sample).await;
        if let Some(why) = refused.map_err(writing)? {
            let message = format!("the image cannot be signed at `{shown}`: {why}");
            return Err(Error::refused(message));
        }
    }
    Ok(())
}

/// Those of `signatures` whose manifests were `written`; others lost them when they were converted at last.
pub(in crate::copy) fn of_written(
    mut signatures: Vec<Signatures>,
    written: &[Digest],
) -> Vec<Signatures> {
    signatures.retain(|one| {
        let stays = written.contains(&one.digest);
        if !stays {
            let (was, count) = (&one.digest, one.bytes.len());
            tracing::warn!("signatures of `{was}` are left behind, {count} of them: {CHANGES}");
        }
        stays
    });
    signatures
}

/// Signs the manifests `written`, of which the last is what the destination's name stands for, and adds the signatures to
/// `signatures`.
pub(in crate::copy) async fn sign(
    signatures: &mut Vec<Signatures>,
    signing: &Arc<Signing>,
    written: &[Digest],
    destination: &dyn Destination,
) -> Result<()> {
    if signing.format == SignFormat::Bundle {
        return put_bundles(signing, written, destination).await;
    }
    let reference = signing.reference(destination.reference(), &destination.name())?;
    for (i, digest) in written.iter().enumerate() {
        let (signing, reference, of) = (signing.clone(), reference.clone(), digest.clone());
        let made: Vec<Bytes> = blocking(move || {
            let signers = signing.signers.iter();
            let made = signers.map(|signer| signer.sign(&of, &reference));
            made.map(|made| made.map(|made| made.to_bytes())).collect()
        })
        .await?;
        match signatures.iter_mut().find(|one| one.digest == *digest) {
            Some(one) => one.bytes.extend(made),
            None => signatures.push(Signatures {
                at: match i + 1 == written.len() {
                    true => ManifestRef::Named,
                    false => ManifestRef::Digest(digest.clone()),
                },
                digest: digest.clone(),
                bytes: made,
            }),
        }
    }
    Ok(())
}

/// Signs the manifests `written` with bundles that refer to them.
async fn put_bundles(
    signing: &Arc<Signing>,
    written: &[Digest],
    destination: &dyn Destination,
) -> Result<()> {
    for digest in written {
        for signer in &signing.signers {
            destination
                .put_bundle(digest, &signer.bundle(digest)?)
                .await?;
        }
    }
    Ok(())
}
