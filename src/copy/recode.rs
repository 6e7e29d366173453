//! Layers in another form: which layers of an image are inflated or compressed, and the image over them.
//!
//! Nothing is moved here. The digest of a plain layer is known before it is inflated: the config lists it. That of
//! a compressed one is known afterwards, so the manifest is planned over the layers as the source has them, with
//! the types that they are going to have; [`super::settle`] completes it when they are written.

use std::collections::HashMap;

use super::codec::Codec;
use super::graph::Node;
use super::plan::Awaits;
use crate::image::{Descriptor, Digest, ImageConfig, ImageView, LayerForm, View, convert};
use crate::{Error, Kind, Result};

/// What becomes of an image's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layers {
    /// They stay as they are.
    #[default]
    Keep,
    /// All are inflated.
    Plain,
    /// They are compressed.
    Compressed {
        codec: Codec,
        /// The plain ones are.
        plain: bool,
        /// Those that are compressed otherwise are.
        others: bool,
    },
}

/// A layer that is written in another form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recoded {
    /// As the source has it.
    pub from: Descriptor,
    /// The digest of its plain form, as the image's config gives it.
    pub diff_id: Digest,
    /// What it is compressed with; `None` for plain.
    pub into: Option<Codec>,
}

impl Recoded {
    /// The form in which it is written.
    pub fn form(&self) -> LayerForm {
        self.into.map_or(LayerForm::Plain, |codec| codec.form())
    }
}

/// The layers of `image`, whose config is `config`, that `layers` wants in another form; `None` for those that
/// stay. With `all`, a layer that has no such form is an error; else it stays.
pub(super) fn chosen(
    image: &ImageView,
    config: &[u8],
    layers: Layers,
    all: bool,
) -> Result<Vec<Option<Recoded>>> {
    let diff_ids = ImageConfig::parse(config)?.rootfs.diff_ids;
    if diff_ids.len() != image.layers.len() {
        let (layers, ids) = (image.layers.len(), diff_ids.len());
        let message = format!("the image has {layers} layers, but its config lists {ids}");
        return Err(Error::new(Kind::Corrupt, message));
    }
    let pairs = image.layers.iter().zip(diff_ids);
    pairs
        .map(|(layer, diff_id)| {
            let into = match (LayerForm::of(&layer.media_type), layers) {
                (_, Layers::Keep) => return Ok(None),
                (None, _) if !all => return Ok(None),
                (None, _) => {
                    LayerForm::Plain.type_of(&layer.media_type)?;
                    return Ok(None);
                }
                // Whatever the type says: what hashes to its diff id is plain.
                (_, Layers::Plain) => (diff_id != layer.digest).then_some(None),
                (
                    Some(form),
                    Layers::Compressed {
                        codec,
                        plain,
                        others,
                    },
                ) => {
                    let wanted = if diff_id == layer.digest {
                        plain
                    } else {
                        others && form != codec.form()
                    };
                    wanted.then_some(Some(codec))
                }
            };
            Ok(into.map(|into| Recoded {
                from: layer.clone(),
                diff_id,
                into,
            }))
        })
        .collect()
}

/// `node` with its layers in the form of `chosen`, one for each of them.
pub(super) fn over(node: Node, chosen: Vec<Option<Recoded>>) -> Result<Node> {
    let View::Image(image) = node.manifest.view()? else {
        return Ok(node);
    };
    let mut recoded = HashMap::new();
    let mut layers = Vec::with_capacity(chosen.len());
    for (layer, chosen) in image.layers.iter().zip(chosen) {
        let Some(chosen) = chosen else {
            layers.push(layer.clone());
            continue;
        };
        let media_type = chosen.form().type_of(&layer.media_type)?;
        let digest = match chosen.into {
            None => chosen.diff_id.clone(),
            Some(_) => layer.digest.clone(),
        };
        layers.push(Descriptor::new(
            media_type.as_str(),
            digest.clone(),
            layer.size,
        ));
        recoded.insert(digest, chosen);
    }
    let manifest = convert::with_layers(&node.manifest, &layers)?;
    Ok(Node {
        recoded,
        awaits: Awaits::Layers,
        ..node.with_image(manifest)?
    })
}
