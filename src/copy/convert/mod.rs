//! Converts the manifests of a plan into what the destination can hold or the user asked for. `layers` decides about
//! layers, `schema1` about docker's schema 1.

mod layers;
mod lists;
mod schema1;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::options::{Layers, Sides};
use super::reading;
use super::types::{Awaits, Node};
use crate::image::{Descriptor, Digest, ImageView, LayerForm, MediaType, View, convert, index};
use crate::open::read_config;
use crate::transport::{DestinationCan, Foreign, Upgrade};
use crate::{Error, Result};
use layers::Choice;
use lists::without_others;
use schema1::Schema1Decision;

pub(super) use schema1::{measure, signed_as_another};

/// The state of the conversion: options, and what it has found so far.
pub(in crate::copy) struct Prepared<'a> {
    sides: Sides<'a>,
    can: DestinationCan,
    /// Layers of a schema 1 image are read now for its conversion, because they do not move any more.
    pub(in crate::copy) reads_layers: bool,
    pub(in crate::copy) notes: Vec<String>,
    /// Blobs that a conversion made, or that were read for one.
    pub(in crate::copy) made: HashMap<Digest, Bytes>,
    /// The URLs of foreign layers that become layers of the image's own.
    pub(in crate::copy) urls: HashMap<Digest, Vec<String>>,
    /// By the digest at the source, for manifests that are others now.
    changed: HashMap<Digest, Descriptor>,
    /// Planned digests of manifests that wait for blobs.
    pending: HashSet<Digest>,
}

impl<'a> Prepared<'a> {
    pub(in crate::copy) fn new(sides: Sides<'a>, holds: fn(&MediaType) -> bool) -> Prepared<'a> {
        Prepared {
            sides,
            can: DestinationCan {
                holds,
                ..sides.destination.can()
            },
            reads_layers: false,
            notes: Vec::new(),
            made: HashMap::new(),
            urls: HashMap::new(),
            changed: HashMap::new(),
            pending: HashSet::new(),
        }
    }

    /// Converts `nodes` into those that are written. With an [`Upgrade`], the last one lists the layers that are read.
    pub(in crate::copy) async fn convert(
        &mut self,
        nodes: Vec<Node>,
    ) -> Result<(Vec<Node>, Option<Arc<dyn Upgrade>>)> {
        let old = nodes.last().map(|n| n.manifest.digest().clone());
        let old = old.ok_or_else(|| Error::other("there is nothing to copy"))?;
        let (holds, reads_layers) = (self.can.holds, self.reads_layers);
        let nodes = match schema1::decide(self.sides, nodes, holds, reads_layers).await? {
            Schema1Decision::None(nodes) => {
                let last = nodes.last().map(|n| &n.manifest);
                let note = last.and_then(|m| schema1::other_name(self.sides.destination, m));
                self.notes.extend(note);
                nodes
            }
            Schema1Decision::Made(node, made) => {
                self.made.extend(made);
                vec![Node { was: old, ..node }]
            }
            Schema1Decision::Signed(node, note) => {
                self.notes.push(note);
                self.changed.insert(old, node.manifest.descriptor());
                return Ok((vec![node], None));
            }
            Schema1Decision::Upgrade(node, upgrade) => {
                if self.sides.options.layers != Layers::Keep {
                    let message =
                        "layers of a schema 1 image are not compressed anew while it is converted";
                    let hint = "copy the image first, and compress the copy";
                    return Err(Error::refused(message).hint(hint));
                }
                self.notes.push(format!(
                    "`{old}` is converted from docker schema 1 to `{}`: its digest changes",
                    upgrade.target()
                ));
                return Ok((vec![node], Some(upgrade)));
            }
        };
        let old = |n: &Node| n.manifest.media_type().is_schema1();
        if self.sides.options.layers != Layers::Keep && nodes.iter().any(old) {
            let note = "layers of a schema 1 image stay as they are: nothing in it says how they are compressed";
            self.notes.push(note.to_owned());
        }
        Ok((self.nodes(nodes).await?, None))
    }

    /// The nodes in types that the destination holds, with layers in the form that is wanted, children first.
    async fn nodes(&mut self, nodes: Vec<Node>) -> Result<Vec<Node>> {
        let index = nodes.iter().any(|n| n.manifest.media_type().is_index());
        if index && !self.holds(MediaType::OCI_INDEX) && !self.holds(MediaType::DOCKER_LIST) {
            let message = format!(
                "`{}` holds one image, not an index",
                self.sides.destination.name()
            );
            let hint = "leave out `--all`; `--platform` chooses one";
            return Err(Error::refused(message).hint(hint));
        }
        let list = !self.holds(MediaType::OCI_INDEX) && !self.holds(MediaType::OCI_MANIFEST);
        let nodes = match index && list && !self.sides.options.preserve_digests {
            true => without_others(nodes, self.can.holds, &mut self.notes)?,
            false => nodes,
        };
        let mut out = Vec::with_capacity(nodes.len());
        for node in nodes {
            let (old, changed) = (node.was.clone(), node.was != *node.manifest.digest());
            let media_type = node.manifest.media_type().clone();
            let mut node = self.node(node).await?;
            let new = index::entry_of(&node.manifest);
            if node.awaits != Awaits::Nothing {
                self.pending.insert(new.digest.clone());
                let converted = changed || new.media_type != media_type;
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
            _ => {
                let media_type = node.manifest.media_type();
                let message = match (&self.sides.options.format, media_type.is_schema1()) {
                    (Some(format), false) => format!(
                        "`{}` is an artifact without a config, which `--format {}` has no form for",
                        node.was,
                        format.as_str()
                    ),
                    _ => format!("`{media_type}` has no form in OCI's types"),
                };
                Err(Error::refused(message))
            }
        }
    }

    /// The image in a type that is held, its layers in the form that is wanted.
    async fn image(&mut self, node: Node, image: ImageView) -> Result<Node> {
        let foreign = image.layers.iter().any(|l| l.media_type.is_foreign());
        let (node, image) = match foreign && self.can.foreign_layers == Foreign::Own {
            true => self.with_foreign_layers(node, image)?,
            false => (node, image),
        };
        let docker = *node.manifest.media_type() == MediaType::DOCKER_MANIFEST;
        let converts = match docker {
            true => !self.holds(MediaType::DOCKER_MANIFEST),
            false => !self.holds(MediaType::OCI_MANIFEST),
        };
        let chosen = if image.is_image() {
            self.chosen(&node.manifest, &image, converts).await?
        } else {
            image.layers.iter().map(|_| Choice::Stays).collect()
        };
        let recodes = chosen.iter().any(|c| c.recoded().is_some());
        let relabels = chosen.iter().any(|c| matches!(c, Choice::Named(_)));
        // Docker's format has no zstd, so zstd makes it OCI's.
        let zstd = chosen.iter().any(|c| c.form() == Some(LayerForm::Zstd));
        if zstd && !self.holds(MediaType::OCI_MANIFEST) {
            let message = "docker's format has no layers compressed with zstd";
            let hint = "leave out `--format`, or compress with gzip";
            return Err(Error::refused(message).hint(hint));
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
        let node = if recodes || relabels {
            layers::over(node, chosen)?
        } else {
            node
        };
        let manifest = if to_docker {
            convert::oci_to_schema2(&node.manifest)?.manifest
        } else if let View::Image(image) = node.manifest.view()?
            && (recodes || relabels || foreign)
            && self.can.plain_layers
        {
            // Such a place keeps no manifest: its readers make one, and the report has to show their digest.
            convert::schema2_over(&image.config, &image.layers)?
        } else {
            return Ok(node);
        };
        node.with_image(manifest)
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
        let new = |old: &Descriptor| index::replaced(old, &self.changed);
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
        if !self.sides.options.preserve_digests {
            return Ok(());
        }
        let name = self.sides.destination.name();
        let message = match &self.sides.options.format {
            Some(format) => {
                let format = format.as_str();
                format!("`--format {format}` would change the digest of the image")
            }
            None => format!(
                "`{name}` cannot hold `{media_type}`, and a conversion would change its digest"
            ),
        };
        Err(Error::refused(message).hint(
            "leave out `--preserve-digests`, or copy to a destination that holds docker's types (`dir:`, a registry)",
        ))
    }

    /// The config `config`, read once.
    async fn config(&mut self, config: &Descriptor) -> Result<Bytes> {
        if let Some(bytes) = self.made.get(&config.digest) {
            return Ok(bytes.clone());
        }
        let bytes = read_config(self.sides.source, config)
            .await
            .map_err(reading)?;
        self.made.insert(config.digest.clone(), bytes.clone());
        Ok(bytes)
    }
}
