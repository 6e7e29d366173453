//! Other formats for an image whose manifest type the registry refuses: OCI, docker's schema 2, schema 1, as skopeo
//! tries them.
//!
//! By then the blobs are written, so only what a conversion makes is sent: a config, the manifests. The conversions
//! are those of [`crate::copy::convert`]; this file decides which are tried, and explains why when none is allowed.

use super::engine::Work;
use super::manifests::{Finalizer, Part, Written};
use crate::copy::convert::{Prepared, signed_as_another};
use crate::copy::options::{CopyOptions, Format, Layers, Sides, holding};
use crate::copy::plan::{node, order};
use crate::copy::types::{BlobDone, BlobStep, Content, CopyPlan, Node};
use crate::copy::writing;
use crate::image::{Manifest, MediaType};
use crate::legacy::signing_key;
use crate::transport::{Destination, Source, refuses_type};
use crate::{Error, Result};

/// Whether the destination refused the manifest of `plan` because of its type.
pub(super) fn is_refused(e: &Error, plan: &CopyPlan) -> bool {
    let top = plan.manifests.last();
    top.is_some_and(|step| refuses_type(e, step.manifest.media_type()))
}

impl Work {
    /// Writes the manifests.
    ///
    /// M18: where the registry refuses their type, the next format is tried, unless the image may not change. When
    /// none is taken, the first refusal is the error.
    pub(super) async fn manifests(
        &self,
        plan: &CopyPlan,
        done: &mut Vec<BlobDone>,
    ) -> Result<Written> {
        match self.written(Part::Image, plan, done).await {
            Err(e) if is_refused(&e, plan) => self.in_another_format(e, plan, done).await,
            other => other,
        }
        .map_err(writing)
    }

    /// Writes the image in another format after its own was refused with `refusal`.
    pub(super) async fn in_another_format(
        &self,
        refusal: Error,
        plan: &CopyPlan,
        done: &mut Vec<BlobDone>,
    ) -> Result<Written> {
        let (ends, want) = ((&*self.source, &*self.destination), &*self.options);
        let nodes = nodes(plan, done)?;
        let top = top(&nodes)?;
        if let Some(hint) = bound(ends.1, want, top) {
            return Err(refusal.hint(hint));
        }
        let mut refused = Vec::new();
        for format in others(top) {
            let written = async {
                let (nodes, before) = (nodes.clone(), &done[..]);
                let other = plan_in(&format, nodes, plan, before, ends, want).await?;
                let sent = self.blobs(&other.blobs).await?;
                done.extend(sent);
                let written = self.written(Part::Image, &other, done).await?;
                Ok::<_, Error>(Written {
                    notes: other.notes,
                    ..written
                })
            };
            match written.await {
                Ok(mut written) => {
                    written.notes.insert(0, note(ends.1, top, &format));
                    return Ok(written);
                }
                Err(e) => {
                    tracing::debug!("not as `{}`: {e:#}", format.as_str());
                    if refuses_type(&e, &MediaType::new(format.image_type())) {
                        refused.push(format!("`{}`", format.as_str()));
                    }
                }
            }
        }
        Err(match &refused[..] {
            [] => refusal,
            formats => refusal.hint(format!("it refused {} as well", formats.join(" and "))),
        })
    }
}

/// The formats to try for an image whose manifest `top` was refused, the one that keeps most of it first.
fn others(top: &Manifest) -> Vec<Format> {
    let (oci, schema2) = (Ok(Format::Oci), Ok(Format::Schema2));
    let schema1 = || signing_key(None).map(Format::Schema1);
    let formats = match top.media_type().as_str() {
        MediaType::OCI_MANIFEST => vec![schema2, schema1()],
        MediaType::DOCKER_MANIFEST => vec![oci, schema1()],
        MediaType::OCI_INDEX => vec![schema2],
        MediaType::DOCKER_LIST => vec![oci],
        MediaType::SCHEMA1 => vec![schema1(), schema2, oci],
        MediaType::SCHEMA1_SIGNED => vec![schema2, oci],
        _ => Vec::new(),
    };
    // A build without schema 1 has no key for it.
    formats.into_iter().flatten().collect()
}

/// A hint for the refusal of `top` where the options do not allow another format; `None` where they do.
fn bound(destination: &dyn Destination, want: &CopyOptions, top: &Manifest) -> Option<String> {
    let media_type = top.media_type();
    let by_digest = destination.reference().is_some_and(|r| r.digest.is_some());
    if want.preserve_digests {
        return Some(match signed_as_another(destination, top) {
            Some((signed, written)) => format!(
                "the manifest is signed as `{signed}`, and the registry may not take it as `{written}`: without `--preserve-digests` it is signed for that name"
            ),
            None => format!(
                "the registry may not take `{media_type}`: without `--preserve-digests` the image is converted"
            ),
        });
    }
    if let Some(format) = &want.format {
        let other = match format {
            Format::Schema2 => "oci` or `--format v2s1",
            Format::Oci => "v2s2",
            Format::Schema1(_) => "v2s2` or `--format oci",
        };
        let text = format!("the registry may not take `{media_type}`: try `--format {other}`");
        return Some(text);
    }
    by_digest.then(|| {
        format!(
            "the registry may not take `{media_type}`: without a digest in the destination's name the image is converted"
        )
    })
}

/// The manifests of `plan` as they were to be written after `done`, with what they point at.
fn nodes(plan: &CopyPlan, done: &[BlobDone]) -> Result<Vec<Node>> {
    let mut finalizer = Finalizer::new(done);
    let mut nodes = Vec::with_capacity(plan.manifests.len());
    for step in &plan.manifests {
        let manifest = finalizer.completed(step)?.manifest;
        finalizer.wrote(step, &manifest);
        let mut node = node(manifest)?;
        for blob in &mut node.blobs {
            // Schema 1 gives no sizes.
            let written = done.iter().find(|d| d.blob.digest == blob.digest);
            blob.size = written.map_or(blob.size, |d| d.blob.size);
        }
        nodes.push(node);
    }
    Ok(nodes)
}

/// The plan of the same image in `format`, where the blobs of `done` are already: what is new, with notes on what
/// changed. Fails when the image has no such form, or when what a conversion needs cannot be read.
async fn plan_in(
    format: &Format,
    nodes: Vec<Node>,
    plan: &CopyPlan,
    done: &[BlobDone],
    (source, destination): (&dyn Source, &dyn Destination),
    want: &CopyOptions,
) -> Result<CopyPlan> {
    let is_here = |child| nodes.iter().any(|n| n.manifest.digest() == child);
    if !nodes.iter().flat_map(|n| &n.children).all(is_here) {
        let message = "an index without all of its images cannot be converted";
        return Err(Error::refused(message));
    }
    let want = CopyOptions {
        format: Some(format.clone()),
        layers: Layers::Keep,
        ..want.clone()
    };
    let holds = holding(destination, &want)?;
    let sides = Sides {
        source,
        destination,
        options: &want,
    };
    let mut prepared = Prepared::new(sides, holds);
    prepared.reads_layers = true;
    for step in &plan.blobs {
        if let Content::Made(bytes) = &step.content {
            prepared
                .made
                .insert(step.blob.digest.clone(), bytes.clone());
        }
    }
    let (nodes, _) = prepared.convert(nodes).await?;
    let mut blobs: Vec<BlobStep> = Vec::new();
    for blob in nodes.iter().flat_map(|n| &n.blobs) {
        let known = done.iter().any(|d| d.blob.digest == blob.digest)
            || blobs.iter().any(|b| b.blob.digest == blob.digest);
        if let Some(bytes) = prepared.made.get(&blob.digest).filter(|_| !known) {
            blobs.push(BlobStep::new(blob.clone(), Content::Made(bytes.clone())));
        }
    }
    Ok(CopyPlan {
        blobs,
        manifests: order(nodes)?,
        notes: prepared.notes,
        ..CopyPlan::default()
    })
}

/// A note that `top` was refused and what was written in its place.
fn note(destination: &dyn Destination, top: &Manifest, format: &Format) -> String {
    let (name, media_type) = (destination.name(), top.media_type());
    let format = format.as_str();
    format!("`{name}` refused `{media_type}`, so the image was written as `{format}`")
}

/// The manifest that the copy's name stands for.
fn top(nodes: &[Node]) -> Result<&Manifest> {
    let last = nodes.last().map(|n| &n.manifest);
    last.ok_or_else(|| Error::other("the plan of the copy holds no manifest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_most_is_tried_first() {
        let tried = |text: &str, media_type: &str| {
            let manifest = Manifest::parse(text.to_owned().into(), Some(media_type)).unwrap();
            let others = others(&manifest);
            let names: Vec<_> = others.iter().map(Format::as_str).collect();
            names.join(" ")
        };
        let image = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
        let schema1 = if cfg!(feature = "legacy") {
            " v2s1"
        } else {
            ""
        };
        let with_schema1 = |format: &str| format!("{format}{schema1}");
        assert_eq!(tried(image, MediaType::OCI_MANIFEST), with_schema1("v2s2"));
        assert_eq!(
            tried(image, MediaType::DOCKER_MANIFEST),
            with_schema1("oci")
        );
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        assert_eq!(tried(index, MediaType::OCI_INDEX), "v2s2");
        assert_eq!(tried(index, MediaType::DOCKER_LIST), "oci");
    }
}
