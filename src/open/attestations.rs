//! The attestations of an image: entries of its index, referrers, and cosign's tag for them.
//!
//! They are found and read here; what they say is shown by others, and nothing is verified.

use bytes::Bytes;

use super::attached::{Attachments, Referrers, attached_to};
use super::nested::fetch;
use crate::image::attestation::{StatementForm, annotated_predicate, is_predicate, predicate_type};
use crate::image::{Descriptor, Digest, Manifest, View, cosign_tag, index};
use crate::transport::{Attachment, Source, read_all};
use crate::{Error, Kind, Result};

/// Bytes of an attestation that are read at most; SBOMs of large images have some tens of millions.
const CAP: u64 = 256 << 20;

/// One statement about an image, not read yet.
#[derive(Debug, Clone)]
pub struct Attestation {
    /// The layer that holds it.
    pub layer: Descriptor,
    pub form: StatementForm,
    /// The manifest of that layer.
    pub manifest: Digest,
    /// Its predicate type, from annotations.
    pub predicate_type: Option<String>,
    /// How its manifest is attached; `None` for an entry of the image's index.
    pub how: Option<Attachment>,
}

/// The attestations of `image`, which is `top` or an entry of it, in its index.
///
/// # Errors
/// Those of the source; [`Kind::Corrupt`] for an attestation that cannot be read.
pub async fn attestations_in_index(
    source: &dyn Source,
    top: &Manifest,
    image: &Manifest,
) -> Result<Vec<Attestation>> {
    let View::Index(index) = top.view()? else {
        return Ok(Vec::new());
    };
    let digest = image.digest().to_string();
    let mut found = Vec::new();
    for entry in &index.manifests {
        if entry.annotation(index::ATTESTS) == Some(&digest) && entry.media_type.is_manifest() {
            found.extend(statements(&fetch(source, entry).await?, None)?);
        }
    }
    Ok(found)
}

/// The attestations of `image`, which is `top` or an entry of it: those in its index, those that refer to one of the two, and those
/// at cosign's tag.
///
/// # Errors
/// Those of the source; [`Kind::Corrupt`] for an attestation that cannot be read.
pub async fn attestations(
    source: &dyn Source,
    top: &Manifest,
    image: &Manifest,
) -> Result<Vec<Attestation>> {
    let mut found = attestations_in_index(source, top, image).await?;
    let mut subjects = vec![image.digest().clone()];
    if top.digest() != image.digest() {
        subjects.push(top.digest().clone());
    }
    let want = Attachments {
        referrers: Referrers::All,
        ..Attachments::default()
    };
    let referrers = attached_to(source, &subjects, &want).await?;
    for referrer in referrers.into_iter().filter(|referrer| referrer.depth == 0) {
        let manifest = match fetch(source, &referrer.entry).await {
            Err(e) if e.kind() == Kind::NotFound => continue,
            fetched => fetched?,
        };
        found.extend(statements(&manifest, Some(referrer.how))?);
    }
    let Some(from) = source.offers().attachments else {
        return Ok(found);
    };
    for subject in &subjects {
        let Ok(tag) = cosign_tag(subject, "att") else {
            continue;
        };
        match from.tagged(&tag).await {
            Err(e) if e.kind() == Kind::NotFound => {}
            read => found.extend(statements(&read?, Some(Attachment::Tag(tag)))?),
        }
    }
    Ok(found)
}

/// The layers of `manifest` that hold statements.
fn statements(manifest: &Manifest, how: Option<Attachment>) -> Result<Vec<Attestation>> {
    let layers = match manifest.view()? {
        View::Image(image) => image.layers,
        View::Artifact(artifact) => artifact.blobs,
        View::Index(_) | View::Schema1(_) => Vec::new(),
    };
    let listed = manifest.as_referrer().map(|(_, entry)| entry);
    let of_manifest = listed.as_ref().and_then(annotated_predicate);
    let of_layer = |layer: Descriptor| {
        let form = StatementForm::of(&layer)?;
        let predicate = annotated_predicate(&layer).or(of_manifest);
        Some(Attestation {
            predicate_type: predicate.map(str::to_owned),
            layer,
            form,
            manifest: manifest.digest().clone(),
            how: how.clone(),
        })
    };
    Ok(layers.into_iter().filter_map(of_layer).collect())
}

/// The statements of `found` whose predicate type is `wanted` ([`is_predicate`]), or all. What annotations call something else is
/// not read.
///
/// # Errors
/// Those of the source; [`Kind::Corrupt`] for an attestation that is not of its form.
pub async fn read_statements(
    source: &dyn Source,
    found: &[Attestation],
    wanted: Option<&str>,
) -> Result<Vec<Bytes>> {
    let fits = |uri: Option<&str>| match (wanted, uri) {
        (Some(wanted), Some(uri)) => is_predicate(uri, wanted),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let mut statements = Vec::new();
    for attestation in found {
        if attestation.predicate_type.is_some() && !fits(attestation.predicate_type.as_deref()) {
            continue;
        }
        let raw = read_all(source.blob(&attestation.layer, 0).await?, CAP).await?;
        let statement = attestation.form.statement(&raw).map_err(|e| {
            let text = format!("`{}` is not an attestation", attestation.layer.digest);
            Error::corrupt(text).because(e)
        })?;
        let Some(statement) = statement else { continue };
        if fits(predicate_type(&statement).as_deref()) && !statements.contains(&statement) {
            statements.push(statement);
        }
    }
    Ok(statements)
}
