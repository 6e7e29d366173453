//! Layers in another form: which layers of an image are inflated or compressed, and the image over them.
//!
//! Nothing is moved here. The digest of a plain layer is known before it is inflated: the config lists it. That of
//! a compressed one is known afterwards, so the manifest is planned over the layers as the source has them, with
//! the types that they are going to have; [`super::finalize`] completes it when they are written.

use std::collections::HashMap;

use super::options::Layers;
use super::types::{Awaits, Node, Recoded};
use crate::image::{Descriptor, Digest, ImageConfig, ImageView, LayerForm, View, convert};
use crate::transport::inflate::Compression;
use crate::{Error, Kind, Result};

/// How a layer is packed, as its bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packed {
    In(LayerForm),
    /// In a way that no media type says.
    Otherwise,
}

impl Packed {
    /// Decides by the first bytes of a layer.
    pub(super) fn of(begin: &[u8]) -> Packed {
        match Compression::of(begin) {
            None => Packed::In(LayerForm::Plain),
            Some(Compression::Gzip) => Packed::In(LayerForm::Gzip),
            Some(Compression::Zstd) => Packed::In(LayerForm::Zstd),
            Some(Compression::Xz | Compression::Bzip2) => Packed::Otherwise,
        }
    }
}

/// What becomes of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    Stays,
    /// Its bytes stay, and its type becomes the one of this form, which is what they are.
    Named(LayerForm),
    Recoded(Box<Recoded>),
}

impl Choice {
    /// The form that the layer gets or turned out to have.
    pub(super) fn form(&self) -> Option<LayerForm> {
        match self {
            Choice::Stays => None,
            Choice::Named(form) => Some(*form),
            Choice::Recoded(recoded) => Some(recoded.form()),
        }
    }

    pub(super) fn recoded(&self) -> Option<&Recoded> {
        match self {
            Choice::Recoded(recoded) => Some(recoded),
            Choice::Stays | Choice::Named(_) => None,
        }
    }
}

/// What becomes of `layer`, whose bytes stay and are `packed`.
///
/// # Errors
/// [`Kind::Refused`] for bytes that no media type says: a manifest that is made here must not call them something else.
pub(super) fn named(layer: &Descriptor, packed: Packed) -> Result<Choice> {
    match (LayerForm::of(&layer.media_type), packed) {
        (Some(said), Packed::In(form)) if said != form => Ok(Choice::Named(form)),
        (Some(_), Packed::Otherwise) => {
            let (digest, media_type) = (&layer.digest, &layer.media_type);
            let message = format!(
                "layer `{digest}` is compressed with xz or bzip2, though its type is `{media_type}`; no type says so"
            );
            let hint = "add `--dest-compress-format gzip` to recompress it";
            Err(Error::new(Kind::Refused, message).hint(hint))
        }
        _ => Ok(Choice::Stays),
    }
}

/// What becomes of the layers of `image`, whose config is `config`, where `layers` are wanted. `packed` has what the
/// bytes of each say, where that is known; else its type is believed. With `all`, a layer that has no such form is an
/// error; else it stays.
pub(super) fn chosen(
    image: &ImageView,
    config: &[u8],
    packed: &HashMap<Digest, Packed>,
    layers: Layers,
    all: bool,
) -> Result<Vec<Choice>> {
    let diff_ids = ImageConfig::parse(config)?.rootfs.diff_ids;
    if diff_ids.len() != image.layers.len() {
        let (layers, ids) = (image.layers.len(), diff_ids.len());
        let message = format!("the image has {layers} layers, but its config lists {ids}");
        return Err(Error::new(Kind::Corrupt, message));
    }
    let pairs = image.layers.iter().zip(diff_ids);
    pairs
        .map(|(layer, diff_id)| {
            let Some(said) = LayerForm::of(&layer.media_type) else {
                if all {
                    LayerForm::Plain.type_of(&layer.media_type)?;
                }
                return Ok(Choice::Stays);
            };
            // Whatever its type says: what hashes to its diff id is plain, and only that.
            let packed = match packed.get(&layer.digest) {
                _ if diff_id == layer.digest => Packed::In(LayerForm::Plain),
                Some(Packed::In(LayerForm::Plain)) => Packed::Otherwise,
                Some(packed) => *packed,
                None => Packed::In(said),
            };
            let into = match layers {
                Layers::Keep => None,
                Layers::Plain => (diff_id != layer.digest).then_some(None),
                Layers::Compressed {
                    codec,
                    plain,
                    others,
                } => {
                    let wanted = match packed {
                        _ if diff_id == layer.digest => plain,
                        Packed::In(form) => others && form != codec.form(),
                        Packed::Otherwise => true,
                    };
                    wanted.then_some(Some(codec))
                }
            };
            Ok(match into {
                None => named(layer, packed)?,
                Some(into) => Choice::Recoded(Box::new(Recoded {
                    from: layer.clone(),
                    diff_id,
                    into,
                })),
            })
        })
        .collect()
}

/// `node` with its layers in the form of `chosen`, one for each of them.
pub(super) fn over(node: Node, chosen: Vec<Choice>) -> Result<Node> {
    let View::Image(image) = node.manifest.view()? else {
        return Ok(node);
    };
    let mut recoded = HashMap::new();
    let mut layers = Vec::with_capacity(chosen.len());
    for (layer, chosen) in image.layers.iter().zip(chosen) {
        let chosen = match chosen {
            Choice::Recoded(recoded) => *recoded,
            Choice::Named(form) => {
                layers.push(Descriptor {
                    media_type: form.type_of(&layer.media_type)?,
                    ..layer.clone()
                });
                continue;
            }
            Choice::Stays => {
                layers.push(layer.clone());
                continue;
            }
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
    let awaits = match recoded.is_empty() {
        true => Awaits::Nothing,
        false => Awaits::Layers,
    };
    Ok(Node {
        recoded,
        awaits,
        ..node.with_image(manifest)?
    })
}
