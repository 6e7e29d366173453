//! Leaves attestations and other artifacts out of an index that becomes one of docker's manifest lists, which list images
//! only. A note names them.
//!
//! An image for a platform is never left out: if its layers have no form in docker's types, its conversion fails.

use std::collections::{HashMap, HashSet};

use crate::copy::types::Node;
use crate::image::{Descriptor, Digest, Manifest, MediaType, View, index};
use crate::{Error, Result};

/// `nodes` without what an index lists in addition to its images; `holds` says which types stay as they are. Children
/// before parents, as they came.
pub(super) fn without_others(
    nodes: Vec<Node>,
    holds: fn(&MediaType) -> bool,
    notes: &mut Vec<String>,
) -> Result<Vec<Node>> {
    let manifests = nodes.iter().map(|n| (n.was.clone(), n.manifest.clone()));
    let manifests: HashMap<Digest, Manifest> = manifests.collect();
    let (mut gone, mut out) = (HashSet::new(), Vec::with_capacity(nodes.len()));
    for node in nodes {
        let View::Index(view) = node.manifest.view()? else {
            out.push(node);
            continue;
        };
        let mut others: Vec<(Digest, String)> = Vec::new();
        for entry in &view.manifests {
            let manifest = manifests.get(&entry.digest);
            check_no_index(&node, manifest, holds)?;
            if let Some(what) = other(entry, manifest, holds)? {
                others.push((entry.digest.clone(), what));
            }
        }
        if others.is_empty() {
            out.push(node);
            continue;
        }
        if others.len() == view.manifests.len() {
            let message = format!(
                "`{}` lists no image, and docker's format holds images only",
                node.was
            );
            return Err(Error::refused(message).hint("leave out `--format`"));
        }
        let list: Vec<&str> = others.iter().map(|(_, what)| what.as_str()).collect();
        notes.push(format!(
            "docker's manifest lists hold images only; left out of `{}`: {}",
            node.was,
            list.join(", ")
        ));
        let left: HashSet<Digest> = others.into_iter().map(|(digest, _)| digest).collect();
        let stays = |digest: &Digest| !left.contains(digest);
        let manifest = index::rewrite(&node.manifest, |entry| {
            stays(&entry.digest).then(|| entry.clone())
        })?;
        out.push(Node {
            manifest,
            children: node.children.into_iter().filter(stays).collect(),
            blobs: node
                .blobs
                .into_iter()
                .filter(|b| stays(&b.digest))
                .collect(),
            ..node
        });
        gone.extend(left);
    }
    // One that another index still lists stays.
    for node in &out {
        for child in &node.children {
            gone.remove(child);
        }
    }
    out.retain(|node| !gone.contains(&node.was));
    Ok(out)
}

/// Refuses an index in an index, unless both stay as they are.
fn check_no_index(
    parent: &Node,
    child: Option<&Manifest>,
    holds: fn(&MediaType) -> bool,
) -> Result<()> {
    let is_kept = |manifest: &Manifest| holds(manifest.media_type());
    let nested = child.filter(|child| child.media_type().is_index());
    match nested.filter(|child| !is_kept(child) || !is_kept(&parent.manifest)) {
        None => Ok(()),
        Some(child) => {
            let (was, digest) = (&parent.was, child.digest());
            let text = format!(
                "`{was}` lists the index `{digest}`, and docker's manifest lists hold images only"
            );
            Err(Error::refused(text)
                .hint("leave out `--format`, or choose platforms with `--platform`"))
        }
    }
}

/// In words, what the entry `entry` is, whose manifest is `manifest`; `None` for an image.
fn other(
    entry: &Descriptor,
    manifest: Option<&Manifest>,
    holds: fn(&MediaType) -> bool,
) -> Result<Option<String>> {
    let digest = &entry.digest;
    let Some(manifest) = manifest else {
        // With a part of the platforms, others may be listed that are not copied.
        let blob = !entry.media_type.is_manifest();
        return Ok(blob.then(|| format!("`{digest}` (of type `{}`)", entry.media_type)));
    };
    if holds(manifest.media_type()) {
        return Ok(None);
    }
    let platform = entry.platform.as_ref();
    let unknown = platform.is_some_and(|p| p.os == "unknown");
    let artifact = |of: &MediaType| Some(format!("`{digest}` (an artifact of type `{of}`)"));
    Ok(match manifest.view()? {
        View::Image(image) if image.is_image() => {
            match (
                entry.annotation(index::ABOUT),
                entry.annotation(index::ATTESTS),
            ) {
                (_, Some(of)) => Some(format!("`{digest}` (an attestation of `{of}`)")),
                (Some(_), None) => Some(format!("`{digest}` (an attestation)")),
                (None, None) if unknown => Some(format!("`{digest}` (of no platform)")),
                (None, None) => None,
            }
        }
        View::Image(image) => artifact(
            image
                .artifact_type
                .as_ref()
                .unwrap_or(&image.config.media_type),
        ),
        View::Artifact(view) => {
            artifact(view.artifact_type.as_ref().unwrap_or(manifest.media_type()))
        }
        View::Index(_) | View::Schema1(_) => None,
    })
}
