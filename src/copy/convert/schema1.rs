//! Docker schema 1 in a copy: the sizes of its layers, and whether it is converted or signed again ([`decide`]).
//!
//! Schema 1 gives neither sizes nor plain digests of layers. The source is asked for each size. Plain digests are needed
//! to make a modern image, which an [`Upgrade`] does. `legacy` reads, checks and makes schema 1.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::copy::options::{Format, Sides};
use crate::copy::reading;
use crate::copy::types::Node;
use crate::image::schema1::{EMPTY_LAYER, empty_layer};
use crate::image::{
    Digest, Manifest, MediaType, Reference, Schema1Signer, Schema1View, Tag, View, convert,
};
use crate::legacy::{schema1, signing_key};
use crate::open::{read_config, sized_blobs};
use crate::transport::{Destination, Source, Upgrade};
use crate::{Error, Result};

/// Gives the layers of all schema 1 images among `nodes` their sizes.
pub(in crate::copy) async fn measure(source: &dyn Source, nodes: &mut [Node]) -> Result<()> {
    let old = nodes
        .iter_mut()
        .filter(|n| n.manifest.media_type().is_schema1());
    for node in old {
        let blobs = sized_blobs(source, std::mem::take(&mut node.blobs)).await;
        node.blobs = blobs.map_err(reading)?;
    }
    Ok(())
}

/// How a schema 1 image is copied.
pub(in crate::copy) enum Schema1Decision {
    /// Nothing to do with schema 1, or it stays as it is.
    None(Vec<Node>),
    /// A manifest that can be written as it is now, and blobs that came with it.
    Made(Node, HashMap<Digest, Bytes>),
    /// The same schema 1 image, signed for the destination's name; the text says so.
    Signed(Node, String),
    /// The layers have to be read first; the node has those that move.
    Upgrade(Node, Arc<dyn Upgrade>),
}

/// Decides what becomes of `nodes`: a schema 1 image that `holds` does not take becomes a modern one, one that is
/// written under another name than it is signed for is signed for that name, and any image is made one where that
/// format is wanted. `reads_layers` says that the layers do not move, and are to be read now where a conversion needs
/// them.
pub(in crate::copy) async fn decide(
    sides: Sides<'_>,
    mut nodes: Vec<Node>,
    holds: fn(&MediaType) -> bool,
    reads_layers: bool,
) -> Result<Schema1Decision> {
    let want = sides.options;
    let old = |n: &Node| n.manifest.media_type().is_schema1();
    let wanted = match &want.format {
        Some(Format::Schema1(key)) => Some(key.clone()),
        None if is_renamed(sides, &nodes, holds) => Some(signing_key(None)?),
        _ => None,
    };
    let stays = wanted.is_none()
        && nodes
            .iter()
            .all(|n| !old(n) || holds(n.manifest.media_type()));
    if stays {
        return Ok(Schema1Decision::None(nodes));
    }
    let Some(node) = nodes.pop().filter(|_| nodes.is_empty()) else {
        let message = match wanted {
            Some(_) => "schema 1 has no index",
            None => "an index with a schema 1 image in it cannot be converted",
        };
        let hint = "copy the image of one platform: leave out `--all`, or choose with `--platform`";
        return Err(Error::refused(message).hint(hint));
    };
    let view = node.manifest.view()?;
    let decision = match (wanted, view) {
        (Some(key), View::Schema1(view)) => {
            signed_for(sides, &node, view, &*key).map(|made| match made {
                Some((node, note)) => Schema1Decision::Signed(node, note),
                None => Schema1Decision::None(vec![node]),
            })?
        }
        (Some(key), View::Image(image)) => {
            if !image.is_image() {
                return Err(convert::ConvertError::Artifact(image.config.media_type).into());
            }
            let config = read_config(sides.source, &image.config)
                .await
                .map_err(reading)?;
            let mut view = schema1::of_image(&image, &config)?;
            (view.name, view.tag) = name_for(sides).unwrap_or_default();
            let manifest = schema1::signed(&view, &*key)?;
            let empty = empty_layer();
            let mut blobs = image.layers;
            let mut made = HashMap::new();
            if view.fs_layers.contains(&empty.digest)
                && blobs.iter().all(|b| b.digest != empty.digest)
            {
                blobs.push(empty.clone());
                made.insert(empty.digest, Bytes::from_static(&EMPTY_LAYER));
            }
            Schema1Decision::Made(Node::new(manifest, blobs, Vec::new()), made)
        }
        (None, View::Schema1(view)) => upgrade(sides, node, &view, holds, reads_layers).await?,
        (_, View::Artifact(_) | View::Index(_) | View::Image(_)) => {
            let message = format!("`{}` has no form in schema 1", node.manifest.media_type());
            return Err(Error::refused(message));
        }
    };
    let changes = !matches!(decision, Schema1Decision::None(_));
    if changes && want.preserve_digests {
        return Err(Error::refused("a conversion would change the image's digest",
        )
        .hint(
            "leave out `--preserve-digests`, or copy to a destination that holds the image's type",
        ));
    }
    Ok(decision)
}

/// Repository and tag that a schema 1 manifest is written for: those of the destination, else those of the source.
fn name_for(sides: Sides<'_>) -> Option<(String, String)> {
    let of = |r: &Reference| {
        let tag = match (&r.tag, &r.digest) {
            (Some(tag), _) => tag.to_string(),
            (None, Some(_)) => String::new(),
            (None, None) => Tag::latest().to_string(),
        };
        (r.repository.name.to_string(), tag)
    };
    let to = sides.destination.reference();
    to.or(sides.source.reference()).map(of)
}

/// Whether the one image of `nodes` is signed as another one than the destination names, and may be signed again: a
/// name with a digest stands for these very bytes.
fn is_renamed(sides: Sides<'_>, nodes: &[Node], holds: fn(&MediaType) -> bool) -> bool {
    let [node] = nodes else { return false };
    let destination = sides.destination;
    let by_digest = destination.reference().is_some_and(|r| r.digest.is_some());
    !sides.options.preserve_digests
        && !by_digest
        && holds(node.manifest.media_type())
        && signed_as_another(destination, &node.manifest).is_some()
}

/// The name in a signed manifest and the one that it is written under, when they differ.
pub(in crate::copy) fn signed_as_another(
    destination: &dyn Destination,
    manifest: &Manifest,
) -> Option<(String, String)> {
    if *manifest.media_type() != MediaType::SCHEMA1_SIGNED {
        return None;
    }
    let Ok(View::Schema1(view)) = manifest.view() else {
        return None;
    };
    let reference = destination.reference()?;
    let latest = Tag::latest();
    let tag = match (&reference.tag, &reference.digest) {
        (Some(tag), _) => tag.as_str(),
        (None, Some(_)) => view.tag.as_str(),
        (None, None) => latest.as_str(),
    };
    let signed = format!("{}:{}", view.name, view.tag);
    let written = format!("{}:{tag}", reference.repository.name);
    (signed != written).then_some((signed, written))
}

/// A note on a signed manifest that is written under another name than it is signed for.
pub(in crate::copy) fn other_name(
    destination: &dyn Destination,
    manifest: &Manifest,
) -> Option<String> {
    let (signed, written) = signed_as_another(destination, manifest)?;
    Some(format!(
        "the manifest stays signed as `{signed}`; some readers of `{written}` may refuse it"
    ))
}

/// The schema 1 manifest of `view` under the name of the destination, and a note on it; `None` where it is signed so
/// already.
fn signed_for(
    sides: Sides<'_>,
    node: &Node,
    mut view: Schema1View,
    key: &dyn Schema1Signer,
) -> Result<Option<(Node, String)>> {
    let own = (view.name.clone(), view.tag.clone());
    let name = match sides.destination.reference() {
        Some(_) => name_for(sides).unwrap_or_else(|| own.clone()),
        None => own.clone(),
    };
    if name == own && *node.manifest.media_type() == MediaType::SCHEMA1_SIGNED {
        return Ok(None);
    }
    (view.name, view.tag) = name;
    let manifest = schema1::signed(&view, key)?;
    let note = format!(
        "the schema 1 manifest was signed as `{}:{}` for this copy: digest changed from `{}` to `{}`",
        view.name,
        view.tag,
        node.was,
        manifest.digest()
    );
    let node = Node {
        manifest,
        ..node.clone()
    };
    Ok(Some((node, note)))
}

async fn upgrade(
    sides: Sides<'_>,
    node: Node,
    view: &Schema1View,
    holds: fn(&MediaType) -> bool,
    reads_layers: bool,
) -> Result<Schema1Decision> {
    let target = [MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST]
        .into_iter()
        .find(|target| holds(&MediaType::new(target)));
    let Some(target) = target else {
        let message = format!("`{}` holds no image", sides.destination.name());
        return Err(Error::refused(message));
    };
    let upgrade = schema1::upgrade(view, &node.blobs, target);
    let (blobs, upgrade) = upgrade.map_err(reading)?;
    // Plain layers are written under their plain digests, so these have to be known before.
    if !sides.destination.can().plain_layers && !reads_layers {
        return Ok(Schema1Decision::Upgrade(Node { blobs, ..node }, upgrade));
    }
    for blob in &blobs {
        let read = upgrade.complete(sides.source, blob).await;
        read.map_err(reading)?;
    }
    let (manifest, config, bytes) = upgrade.made()?;
    let View::Image(image) = manifest.view()? else {
        return Err(Error::other("a conversion made no image"));
    };
    let blobs = image.blobs().cloned().collect();
    let node = Node::new(manifest, blobs, Vec::new());
    Ok(Schema1Decision::Made(
        node,
        HashMap::from([(config.digest, bytes)]),
    ))
}
