//! Layers in another form: which layers of an image are inflated or compressed, and the image over them.
//!
//! No bytes of layers move here. The digest of a plain layer is known before it is inflated, from the config. The digest of
//! a compressed layer is known only afterwards, so the planned manifest lists the layers as the source has them, with
//! the types that they are going to have; `run/manifests.rs` completes it when they are written.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, stream};

use super::Prepared;
use crate::copy::options::Layers;
use crate::copy::types::{Awaits, Node, Recoded};
use crate::image::{
    Descriptor, Digest, ImageConfig, ImageView, LayerForm, Manifest, MediaType, View, convert,
};
use crate::transport::inflate::Compression;
use crate::{Error, Result};

/// Layers whose first bytes are asked for at once.
const LOOKS_AT_ONCE: usize = 16;

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

/// How a layer is written.
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

impl Prepared<'_> {
    /// The image with its foreign layers as ordinary ones, for a place that needs the bytes of all layers.
    pub(super) fn with_foreign_layers(
        &mut self,
        node: Node,
        mut image: ImageView,
    ) -> Result<(Node, ImageView)> {
        for layer in &mut image.layers {
            if !layer.media_type.is_foreign() {
                continue;
            }
            self.may_convert(&layer.media_type)?;
            if let Some(urls) = layer.urls.take() {
                if self.sides.options.foreign_layers == Some(false) {
                    let (digest, name) = (&layer.digest, self.sides.destination.name());
                    let message =
                        format!("layer `{digest}` is foreign, and `{name}` needs all layers");
                    let hint = "leave out `--allow-nondistributable=false`, or copy to `oci:` or a registry";
                    return Err(Error::refused(message).hint(hint));
                }
                self.urls.insert(layer.digest.clone(), urls);
            }
            layer.media_type = layer.media_type.of_own();
        }
        let manifest = convert::with_layers(&node.manifest, &image.layers)?;
        Ok((node.with_image(manifest)?, image))
    }

    /// Chooses how the layers of an image are written; `converts` says that its manifest gets another type.
    pub(super) async fn chosen(
        &mut self,
        manifest: &Manifest,
        image: &ImageView,
        converts: bool,
    ) -> Result<Vec<Choice>> {
        let all = self.can.plain_layers;
        let layers = if all {
            Layers::Plain
        } else {
            self.wanted(image)
        };
        let packed = self.packed(&image.layers, layers, converts).await;
        let mut chosen = if layers == Layers::Keep {
            let known = |l: &Descriptor| packed.get(&l.digest).copied();
            let choose = |l: &Descriptor| match known(l) {
                Some(packed) => named(l, packed),
                None => Ok(Choice::Stays),
            };
            image.layers.iter().map(choose).collect::<Result<_>>()?
        } else {
            let config = self.config(&image.config).await?;
            chosen(image, &config, &packed, layers, all)?
        };
        if self.sides.options.preserve_digests {
            // A type that is wrong is a part of what is to stay.
            let wrong = chosen.iter_mut().filter(|c| c.recoded().is_none());
            wrong.for_each(|choice| *choice = Choice::Stays);
        }
        for (layer, choice) in image.layers.iter().zip(&chosen) {
            if let Choice::Named(form) = choice {
                self.notes.push(format!(
                    "layer `{}` is {}, though its type is `{}`: its type is put right",
                    layer.digest,
                    form.as_str(),
                    layer.media_type
                ));
            }
        }
        let Some(form) = chosen.iter().find_map(Choice::recoded).map(Recoded::form) else {
            return Ok(chosen);
        };
        let (name, old) = (self.sides.destination.name(), manifest.digest());
        if self.sides.options.preserve_digests {
            let (message, hint) = match (all, form) {
                (true, _) => (
                    format!("`{name}` holds uncompressed layers, which have other digests"),
                    "leave out `--preserve-digests`, or add `--keep-compressed`",
                ),
                (false, LayerForm::Plain) => (
                    format!("`{old}` has compressed layers; inflated they have other digests"),
                    "leave out `--preserve-digests` or `--dest-decompress`",
                ),
                (false, form) => (
                    format!(
                        "`{old}` has layers that are not {}; compressed so they have other digests",
                        form.as_str()
                    ),
                    "leave out `--preserve-digests` or what asks for a compression",
                ),
            };
            return Err(Error::refused(message).hint(hint));
        }
        Ok(chosen)
    }

    /// The form in which the layers of `image` are wanted.
    fn wanted(&self, image: &ImageView) -> Layers {
        let is_plain = |l: &Descriptor| LayerForm::of(&l.media_type) == Some(LayerForm::Plain);
        match (self.sides.options.layers, self.sides.options.compress_plain) {
            (Layers::Keep, Some(codec))
                if !self.sides.options.preserve_digests
                    && self.can.accepts_unknown_digest
                    && image.layers.iter().any(is_plain) =>
            {
                Layers::Compressed {
                    codec,
                    plain: true,
                    others: false,
                }
            }
            (layers, _) => layers,
        }
    }

    /// What the first bytes of `all` say where that may change what becomes of them, when `layers` are wanted and the
    /// image is converted or not. A layer that cannot be read is an error when it moves.
    async fn packed(
        &self,
        all: &[Descriptor],
        layers: Layers,
        converts: bool,
    ) -> HashMap<Digest, Packed> {
        let free = self.sides.source.requests_per_blob() == 0;
        let is_looked_at = |said: LayerForm| match layers {
            Layers::Plain => false,
            // A look costs a registry a request: where nothing is asked of the layers, it is not worth one.
            Layers::Keep => converts && free,
            // Nor where the layer is going to be compressed whatever it is.
            Layers::Compressed { codec, others, .. } => free || !others || said == codec.form(),
        };
        let mut seen = HashSet::new();
        let with_form = all.iter().filter(|layer| {
            LayerForm::of(&layer.media_type).is_some_and(is_looked_at) && seen.insert(&layer.digest)
        });
        let looks: Vec<_> = with_form
            .map(|layer| async {
                let begin = self
                    .sides
                    .source
                    .begin_of(layer, Compression::MAGIC_LEN)
                    .await;
                let begin = begin.inspect_err(|e| tracing::debug!("{e:#}")).ok()?;
                Some((layer.digest.clone(), Packed::of(&begin)))
            })
            .collect();
        let looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        looks.filter_map(std::future::ready).collect().await
    }

    /// In words, what happens to `node`, whose digest is known only afterwards: layers in another form, and another
    /// media type.
    pub(super) fn change(&self, node: &Node, converted: Option<&MediaType>) -> Option<String> {
        let form = node.recoded.values().map(Recoded::form).next();
        let layers = form.map(|form| {
            let layers = match node.recoded.len() {
                1 => "1 layer was".to_owned(),
                n => format!("{n} layers were"),
            };
            match form {
                LayerForm::Plain => format!("{layers} decompressed"),
                form => format!("{layers} compressed with {}", form.as_str()),
            }
        });
        let manifest = converted.map(|media_type| match self.can.plain_layers {
            true => {
                let name = self.sides.destination.name();
                let transport = name.split(':').next().unwrap_or_default();
                format!("the manifest converted for {transport}")
            }
            false => format!("the manifest converted to `{media_type}`"),
        });
        match (layers, manifest) {
            (Some(layers), Some(manifest)) => Some(format!("{layers} and {manifest}")),
            (None, Some(manifest)) => Some(manifest.replacen("manifest", "manifest was", 1)),
            (layers, None) => layers,
        }
    }
}

/// What becomes of `layer`, whose bytes stay and are `packed`. Fails with [`crate::Kind::Refused`] for bytes that no
/// media type says: a manifest that is made here must not call them something else.
pub(super) fn named(layer: &Descriptor, packed: Packed) -> Result<Choice> {
    match (LayerForm::of(&layer.media_type), packed) {
        (Some(said), Packed::In(form)) if said != form => Ok(Choice::Named(form)),
        (Some(_), Packed::Otherwise) => {
            let (digest, media_type) = (&layer.digest, &layer.media_type);
            let message = format!(
                "layer `{digest}` is compressed with xz or bzip2, though its type is `{media_type}`; no type says so"
            );
            let hint = "add `--dest-compress-format gzip` to recompress it";
            Err(Error::refused(message).hint(hint))
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
        return Err(Error::corrupt(message));
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
