//! The layers of an image as the destination holds them: foreign ones that become the image's own, and other forms.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, stream};

use super::Prepared;
use crate::copy::options::Layers;
use crate::copy::recode::{self, Choice, Packed};
use crate::copy::types::{Node, Recoded};
use crate::image::{Descriptor, Digest, ImageView, LayerForm, Manifest, MediaType, convert};
use crate::transport::inflate::Compression;
use crate::{Error, Kind, Result};

/// Layers whose first bytes are asked for at once.
const LOOKS_AT_ONCE: usize = 16;

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
                if self.want.foreign_layers == Some(false) {
                    let (digest, name) = (&layer.digest, &self.destination);
                    let message =
                        format!("layer `{digest}` is foreign, and `{name}` needs all layers");
                    let hint = "leave out `--allow-nondistributable=false`, or copy to `oci:` or a registry";
                    return Err(Error::new(Kind::Refused, message).hint(hint));
                }
                self.urls.insert(layer.digest.clone(), urls);
            }
            layer.media_type = layer.media_type.of_own();
        }
        let manifest = convert::with_layers(&node.manifest, &image.layers)?;
        Ok((node.with_image(manifest)?, image))
    }

    /// What becomes of the layers of an image; `converts` when it becomes one of another type.
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
                Some(packed) => recode::named(l, packed),
                None => Ok(Choice::Stays),
            };
            image.layers.iter().map(choose).collect::<Result<_>>()?
        } else {
            let config = self.config(&image.config).await?;
            recode::chosen(image, &config, &packed, layers, all)?
        };
        if self.want.preserve_digests {
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
        let (name, old) = (&self.destination, manifest.digest());
        if self.want.preserve_digests {
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
            return Err(Error::new(Kind::Refused, message).hint(hint));
        }
        Ok(chosen)
    }

    /// The form in which the layers of `image` are wanted.
    fn wanted(&self, image: &ImageView) -> Layers {
        let is_plain = |l: &Descriptor| LayerForm::of(&l.media_type) == Some(LayerForm::Plain);
        match (self.want.layers, self.want.compress_plain) {
            (Layers::Keep, Some(codec))
                if !self.want.preserve_digests
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
        let free = self.source.requests_per_blob() == 0;
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
                let begin = self.source.begin_of(layer, Compression::MAGIC_LEN).await;
                let begin = begin.inspect_err(|e| tracing::debug!("{e}")).ok()?;
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
                let transport = self.destination.split(':').next().unwrap_or_default();
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
