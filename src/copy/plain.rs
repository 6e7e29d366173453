//! Images over plain layers, for destinations that hold no others.
//!
//! The digest of a plain layer is known before it is inflated: the config lists it. Its size is known afterwards
//! only, so the manifest is planned with the stored size and settled when the layers are written.

use std::collections::HashMap;

use super::graph::Node;
use crate::image::{Descriptor, Digest, ImageConfig, Manifest, View, convert};
use crate::{Error, Kind, Result};

/// `node` over plain layers, and for each plain layer that is not stored so the stored one.
pub(super) fn over_plain_layers(
    node: Node,
    config: &[u8],
) -> Result<(Node, HashMap<Digest, Descriptor>)> {
    let View::Image(image) = node.manifest.view()? else {
        return Ok((node, HashMap::new()));
    };
    let diff_ids = ImageConfig::parse(config)?.rootfs.diff_ids;
    if diff_ids.len() != image.layers.len() {
        let (layers, ids) = (image.layers.len(), diff_ids.len());
        let message = format!("the image has {layers} layers, but its config lists {ids}");
        return Err(Error::new(Kind::Corrupt, message));
    }
    let mut stored = HashMap::new();
    let mut plain = Vec::with_capacity(diff_ids.len());
    for (layer, diff_id) in image.layers.iter().zip(diff_ids) {
        let media_type = convert::plain_layer_type(&layer.media_type)?;
        if diff_id != layer.digest {
            stored.insert(diff_id.clone(), layer.clone());
        }
        plain.push(Descriptor::new(media_type.as_str(), diff_id, layer.size));
    }
    let manifest = convert::with_layers(&node.manifest, &plain)?;
    let blobs = std::iter::once(image.config).chain(plain).collect();
    let node = Node {
        manifest,
        blobs,
        ..node
    };
    Ok((node, stored))
}

/// `manifest` with the sizes of layers that are known by now.
pub(super) fn settled(manifest: &Manifest, sizes: &HashMap<Digest, u64>) -> Result<Manifest> {
    let mut layers = match manifest.view()? {
        View::Image(image) if !sizes.is_empty() => image.layers,
        _ => return Ok(manifest.clone()),
    };
    for layer in &mut layers {
        layer.size = sizes.get(&layer.digest).copied().unwrap_or(layer.size);
    }
    Ok(convert::with_layers(manifest, &layers)?)
}
