//! The nodes of a plan as the destination holds them: the conversions that it needs or that were asked for, and
//! what they change.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::Want;
use super::graph::Node;
use super::plan::{Awaits, reading};
use super::recode::{self, Layers, Recoded};
use super::schema1::{self, Rescue, Turn};
use super::settle::{marked, replaced};
use crate::image::{
    Descriptor, Digest, ImageView, LayerForm, Manifest, MediaType, View, convert, index,
};
use crate::transport::{CONFIG_CAP, Destination, DestinationCan, Source, read_all};
use crate::{Error, Kind, Result};

/// What comes up while the plan is made.
pub(super) struct Draft<'a> {
    source: &'a dyn Source,
    /// The destination's name.
    destination: String,
    can: DestinationCan,
    want: &'a Want,
    pub(super) notes: Vec<String>,
    /// Blobs that a conversion made, or that were read for one.
    pub(super) made: HashMap<Digest, Bytes>,
    /// By the digest at the source, for manifests that are others now.
    changed: HashMap<Digest, Descriptor>,
    /// Planned digests of manifests that wait for blobs.
    pending: HashSet<Digest>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        source: &'a dyn Source,
        destination: &dyn Destination,
        holds: fn(&MediaType) -> bool,
        want: &'a Want,
    ) -> Draft<'a> {
        Draft {
            source,
            destination: destination.name(),
            can: DestinationCan {
                holds,
                ..destination.can()
            },
            want,
            notes: Vec::new(),
            made: HashMap::new(),
            changed: HashMap::new(),
            pending: HashSet::new(),
        }
    }

    /// The nodes as they are written. With a [`Rescue`] the last one is what is read.
    pub(super) async fn turn(
        &mut self,
        destination: &dyn Destination,
        nodes: Vec<Node>,
    ) -> Result<(Vec<Node>, Option<Arc<Rescue>>)> {
        let old = nodes.last().map(|n| n.manifest.digest().clone());
        let old = old.ok_or_else(|| Error::other("there is nothing to copy"))?;
        let turn = schema1::turn(self.source, destination, nodes, self.can.holds, self.want);
        let nodes = match turn.await? {
            Turn::None(nodes) => {
                let last = nodes.last().map(|n| &n.manifest);
                let note = last.and_then(|m| schema1::other_name(destination, m));
                self.notes.extend(note);
                nodes
            }
            Turn::Made(node, made) => {
                self.made.extend(made);
                vec![Node { was: old, ..node }]
            }
            Turn::Rescue(node, rescue) => {
                if self.want.layers != Layers::Keep {
                    let message =
                        "layers of a schema 1 image are not compressed anew while it is converted";
                    let hint = "copy the image first, and compress the copy";
                    return Err(Error::new(Kind::Refused, message).hint(hint));
                }
                self.notes.push(format!(
                    "`{old}` is converted from docker schema 1 to `{}`: its digest changes",
                    rescue.target()
                ));
                return Ok((vec![node], Some(rescue)));
            }
        };
        let old = |n: &Node| n.manifest.media_type().is_schema1();
        if self.want.layers != Layers::Keep && nodes.iter().any(old) {
            let note = "layers of a schema 1 image stay as they are: nothing in it says how they are compressed";
            self.notes.push(note.to_owned());
        }
        Ok((self.convert(nodes).await?, None))
    }

    /// The nodes in types that the destination holds, with layers in the form that is wanted, children first.
    async fn convert(&mut self, nodes: Vec<Node>) -> Result<Vec<Node>> {
        let index = nodes.iter().any(|n| n.manifest.media_type().is_index());
        if index && !self.holds(MediaType::OCI_INDEX) && !self.holds(MediaType::DOCKER_LIST) {
            let message = format!("`{}` holds one image, not an index", self.destination);
            let hint = "leave out `--all`; `--platform` chooses one";
            return Err(Error::new(Kind::Refused, message).hint(hint));
        }
        let mut out = Vec::with_capacity(nodes.len());
        for node in nodes {
            let (old, turned) = (node.was.clone(), node.was != *node.manifest.digest());
            let media_type = node.manifest.media_type().clone();
            let mut node = self.node(node).await?;
            let new = marked(&node.manifest);
            if node.awaits != Awaits::Nothing {
                self.pending.insert(new.digest.clone());
                let converted = turned || new.media_type != media_type;
                node.change = self.change(&node, converted.then_some(&new.media_type));
            } else if new.digest != old {
                self.notes.push(format!(
                    "`{old}` was converted to `{}`: its digest is now `{}`",
                    new.media_type, new.digest
                ));
            }
            if new.digest != old {
                self.changed.insert(old, new);
            }
            out.push(node);
        }
        Ok(out)
    }

    fn holds(&self, media_type: &str) -> bool {
        (self.can.holds)(&MediaType::new(media_type))
    }

    async fn node(&mut self, node: Node) -> Result<Node> {
        match node.manifest.view()? {
            View::Image(image) => self.image(node, image).await,
            View::Index(_) => self.index(node),
            _ if (self.can.holds)(node.manifest.media_type()) => Ok(node),
            _ => Err(Error::new(
                Kind::Refused,
                format!(
                    "`{}` has no form in OCI's types",
                    node.manifest.media_type()
                ),
            )),
        }
    }

    /// The image in a type that is held, its layers in the form that is wanted.
    async fn image(&mut self, node: Node, image: ImageView) -> Result<Node> {
        let foreign = image.layers.iter().any(|l| l.media_type.is_foreign());
        let (node, image) = match foreign && !self.can.foreign_layers {
            true => self.with_foreign_layers(node, image).await?,
            false => (node, image),
        };
        let chosen = if image.is_image() {
            self.chosen(&node.manifest, &image).await?
        } else {
            image.layers.iter().map(|_| None).collect()
        };
        let recodes = chosen.iter().any(Option::is_some);
        let docker = *node.manifest.media_type() == MediaType::DOCKER_MANIFEST;
        // Docker's format has no zstd, so zstd makes it OCI's.
        let zstd = chosen.iter().flatten().any(|r| r.form() == LayerForm::Zstd);
        if zstd && !self.holds(MediaType::OCI_MANIFEST) {
            let message = "docker's format has no layers compressed with zstd";
            let hint = "leave out `--format`, or compress with gzip";
            return Err(Error::new(Kind::Refused, message).hint(hint));
        }
        let to_oci = docker && (zstd || !self.holds(MediaType::DOCKER_MANIFEST));
        let to_docker = !docker && !self.holds(MediaType::OCI_MANIFEST);
        if (to_oci || to_docker) && !zstd {
            self.may_convert(node.manifest.media_type())?;
        }
        let node = if to_oci {
            self.oci(node, image).await?
        } else {
            node
        };
        let node = if recodes {
            recode::over(node, chosen)?
        } else {
            node
        };
        let manifest = if to_docker {
            convert::oci_to_schema2(&node.manifest)?.manifest
        } else if let View::Image(image) = node.manifest.view()?
            && (recodes || foreign)
            && self.can.plain_layers
        {
            // Such a place keeps no manifest: its readers make one, and the digest that is told is to be theirs.
            convert::schema2_over(&image.config, &image.layers)?
        } else {
            return Ok(node);
        };
        node.with_image(manifest)
    }

    /// The image with its foreign layers as layers of its own, for a place that has to have the bytes of all.
    async fn with_foreign_layers(
        &self,
        node: Node,
        mut image: ImageView,
    ) -> Result<(Node, ImageView)> {
        for layer in &mut image.layers {
            if !layer.media_type.is_foreign() {
                continue;
            }
            self.may_convert(&layer.media_type)?;
            if let Some(url) = layer.urls.take().and_then(|urls| urls.into_iter().next()) {
                self.must_be_here(layer, &url).await?;
            }
            layer.media_type = layer.media_type.of_own();
        }
        let manifest = convert::with_layers(&node.manifest, &image.layers)?;
        Ok((node.with_image(manifest)?, image))
    }

    /// An error unless the source has the bytes of the foreign layer `layer`, which is at `url` otherwise.
    async fn must_be_here(&self, layer: &Descriptor, url: &str) -> Result<()> {
        match self.source.blob(layer, 0).await {
            Err(e) if e.kind() == Kind::NotFound => {
                let (digest, source, name) = (&layer.digest, self.source.name(), &self.destination);
                let message = format!(
                    "layer `{digest}` is foreign: it is not in `{source}` but at {url}, and `{name}` needs all layers"
                );
                let hint = "copy to `oci:`, `dir:` or a registry: there it stays at its URL";
                Err(Error::new(Kind::Refused, message).hint(hint).because(e))
            }
            other => other.map(drop).map_err(|e| reading(self.source, e)),
        }
    }

    /// The layers of an image that are written in another form.
    async fn chosen(
        &mut self,
        manifest: &Manifest,
        image: &ImageView,
    ) -> Result<Vec<Option<Recoded>>> {
        let all = self.can.plain_layers;
        let layers = if all { Layers::Plain } else { self.want.layers };
        if layers == Layers::Keep {
            return Ok(image.layers.iter().map(|_| None).collect());
        }
        let config = self.config(&image.config).await?;
        let chosen = recode::chosen(image, &config, layers, all)?;
        let Some(form) = chosen.iter().flatten().map(Recoded::form).next() else {
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

    /// In words, what happens to `node`, whose digest is known only afterwards: layers in another form, and another
    /// media type.
    fn change(&self, node: &Node, converted: Option<&MediaType>) -> Option<String> {
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

    /// The docker image `node` as OCI's.
    async fn oci(&mut self, node: Node, image: ImageView) -> Result<Node> {
        let config = self.config(&image.config).await?;
        let new = convert::schema2_to_oci(&node.manifest, &config)?;
        if let Some((descriptor, bytes)) = new.config {
            self.made.remove(&image.config.digest);
            self.made.insert(descriptor.digest, bytes);
        }
        node.with_image(new.manifest)
    }

    /// The index over what became of its children.
    fn index(&self, node: Node) -> Result<Node> {
        let held = (self.can.holds)(node.manifest.media_type());
        if held && !node.children.iter().any(|c| self.changed.contains_key(c)) {
            return Ok(node);
        }
        let View::Index(view) = node.manifest.view()? else {
            return Ok(node);
        };
        let new = |old: &Descriptor| replaced(old, &self.changed);
        let children: Vec<Descriptor> = view.manifests.iter().map(new).collect();
        let oci = |d: &Descriptor| d.media_type == MediaType::OCI_MANIFEST;
        let list = *node.manifest.media_type() == MediaType::DOCKER_LIST;
        if !held {
            self.may_convert(node.manifest.media_type())?;
        }
        let manifest = if list && (!held || children.iter().any(oci)) {
            convert::list_to_index(&node.manifest, &children)?
        } else if !held {
            convert::index_to_list(&node.manifest, &children)?
        } else {
            index::rewrite(&node.manifest, |old| Some(new(old)))?
        };
        let children: Vec<Digest> = children.into_iter().map(|d| d.digest).collect();
        let awaits = match children.iter().any(|c| self.pending.contains(c)) {
            true => Awaits::Children,
            false => Awaits::Nothing,
        };
        Ok(Node {
            manifest,
            children,
            awaits,
            ..node
        })
    }

    /// Whether a type that the destination does not hold may become another.
    fn may_convert(&self, media_type: &MediaType) -> Result<()> {
        if !self.want.preserve_digests {
            return Ok(());
        }
        let name = &self.destination;
        let message = match &self.want.format {
            Some(format) => {
                let format = format.as_str();
                format!("`--format {format}` would change the digest of the image")
            }
            None => format!(
                "`{name}` cannot hold `{media_type}`, and a conversion would change its digest"
            ),
        };
        Err(Error::new(Kind::Refused, message).hint(
            "leave out `--preserve-digests`, or copy to a destination that holds docker's types (`dir:`, a registry)",
        ))
    }

    /// The config `config`, read once.
    async fn config(&mut self, config: &Descriptor) -> Result<Bytes> {
        if let Some(bytes) = self.made.get(&config.digest) {
            return Ok(bytes.clone());
        }
        let bytes = read_config(self.source, config).await?;
        self.made.insert(config.digest.clone(), bytes.clone());
        Ok(bytes)
    }
}

/// The config `config` of an image, which is read to be converted.
pub(super) async fn read_config(source: &dyn Source, config: &Descriptor) -> Result<Bytes> {
    let read = async { read_all(source.blob(config, 0).await?, CONFIG_CAP).await };
    read.await.map_err(|e| reading(source, e))
}
