//! What a manifest that is pushed has to be. Pure, except that it asks the repository what is there.
//!
//! The order and the codes are those of distribution's manifest handler.

use bytes::Bytes;
use http::StatusCode;

use super::refusal::{Code, Refusal};
use crate::image::{
    Descriptor, Digest, Manifest, ManifestError, MediaType, RepositoryName, Tag, View,
};

/// Bytes of a manifest at most (distribution-spec, "Pushing Manifests").
pub(super) const CAP: usize = 4 * 1024 * 1024;

/// Content types that say nothing of a manifest.
const VAGUE: [&str; 4] = [
    "",
    "application/json",
    "application/octet-stream",
    "text/plain",
];

/// A manifest and what it was pushed as.
pub(super) struct Pushed {
    pub(super) manifest: Manifest,
    /// The digest that it is to be stored under.
    pub(super) digest: Digest,
    /// Set for manifests of OCI only; others cannot have one.
    pub(super) subject: Option<Digest>,
    /// The blobs and manifests that have to be there, each once.
    pub(super) parts: Vec<Digest>,
    /// The tag that a schema 1 manifest is for, if it is pushed as another one.
    pub(super) for_tag: Option<String>,
}

/// The refusal of a manifest that is for the tag `stated` and no other.
pub(super) fn for_another_tag(stated: &str) -> Refusal {
    let text = format!("the manifest is for the tag `{stated}`");
    Refusal::bad(Code::TagInvalid, text)
}

/// The refusal of a manifest that is too large.
pub(super) fn too_large() -> Refusal {
    let text = format!("a manifest has at most {CAP} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::ManifestInvalid, text)
}

/// Reads the manifest `raw`, pushed to `name` as `tag` or `digest` with the `Content-Type` `content_type`, and checks all
/// that can be checked without the repository.
pub(super) fn read(
    name: &RepositoryName,
    tag: Option<&Tag>,
    digest: Option<&Digest>,
    content_type: &str,
    raw: Bytes,
) -> Result<Pushed, Refusal> {
    let stated = MediaType::new(&content_type.to_ascii_lowercase());
    if !stated.is_manifest() && !VAGUE.contains(&stated.as_str()) {
        let text = format!("`{stated}` is not the type of a manifest");
        return Err(Refusal::bad(Code::ManifestInvalid, text));
    }
    let stated = Some(stated.as_str()).filter(|_| stated.is_manifest());
    let manifest = Manifest::parse(raw, stated).map_err(invalid)?;
    if let Some(digest) = digest.filter(|digest| !manifest.is(digest)) {
        let text = "provided digest did not match uploaded content";
        return Err(Refusal::digest(text).detail(digest.to_string().into()));
    }
    let view = manifest.view().map_err(invalid)?;
    let mut for_tag = None;
    match &view {
        View::Schema1(image) => {
            check_signed(&manifest)?;
            check_name(name, &image.name)?;
            if tag.is_some_and(|tag| tag.as_str() != image.tag) {
                for_tag = Some(image.tag.clone());
            }
        }
        View::Artifact(_) if manifest.media_type().is_image_manifest() => {
            let text = "an image manifest has a `config` with a digest";
            return Err(Refusal::bad(Code::ManifestInvalid, text));
        }
        _ => {}
    }
    let subject = match manifest.media_type().is_docker_manifest() {
        true => None,
        false => view.subject().map(|subject| subject.digest.clone()),
    };
    let mut parts = parts(view);
    let mut seen = std::collections::HashSet::new();
    parts.retain(|part| seen.insert(part.clone()));
    Ok(Pushed {
        digest: digest.unwrap_or(manifest.digest()).clone(),
        subject,
        parts,
        manifest,
        for_tag,
    })
}

/// Everything that `view` needs, except foreign layers and subjects.
fn parts(view: View) -> Vec<Digest> {
    let foreign = |d: &Descriptor| {
        d.media_type.is_foreign() && d.urls.as_ref().is_some_and(|urls| !urls.is_empty())
    };
    let of = |list: Vec<Descriptor>| -> Vec<Digest> {
        list.into_iter()
            .filter(|d| !foreign(d))
            .map(|d| d.digest)
            .collect()
    };
    match view {
        View::Image(image) => of([vec![image.config], image.layers].concat()),
        View::Index(index) => of(index.manifests),
        View::Artifact(artifact) => of(artifact.blobs),
        View::Schema1(image) => image.fs_layers,
    }
}

/// Schema 1 has to be signed, and each signature has to be right.
fn check_signed(manifest: &Manifest) -> Result<(), Refusal> {
    let unverified = |text: String| Refusal::bad(Code::ManifestUnverified, text);
    let checks = manifest
        .check_signatures()
        .map_err(|e| unverified(e.to_string()))?;
    if checks.is_empty() {
        return Err(unverified("the manifest is not signed".into()));
    }
    match checks.into_iter().find_map(|check| check.fault) {
        Some(fault) => Err(unverified(format!(
            "manifest failed signature verification: {fault}"
        ))),
        None => Ok(()),
    }
}

/// Schema 1 says in itself which repository it is for.
fn check_name(name: &RepositoryName, stated: &str) -> Result<(), Refusal> {
    match stated == name.as_str() {
        true => Ok(()),
        false => {
            let text = format!("the manifest is for the repository `{stated}`");
            Err(Refusal::bad(Code::NameInvalid, text))
        }
    }
}

fn invalid(error: ManifestError) -> Refusal {
    Refusal::bad(Code::ManifestInvalid, error.to_string())
}
