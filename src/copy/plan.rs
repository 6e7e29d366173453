//! The plan of a copy: which blobs are there and which have to move, and the manifests in the order in which they
//! are written. Where the destination cannot hold a type, the conversion is decided and made here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::format::{holding, stays};
use super::graph::{Node, target_digest, walk};
use super::plain::over_plain_layers;
use super::schema1::{self, Rescue, Turn};
use super::{Platforms, Want};
use crate::image::{Descriptor, Digest, Manifest, MediaType, View, convert, index};
use crate::transport::{Destination, Presence, Source, Which, read_all};
use crate::{Error, Kind, Result};

/// Bytes of a config that is read to be converted.
const CONFIG_CAP: u64 = 4 << 20;
/// Blobs that a destination is asked for at once.
const ASKED_AT_ONCE: usize = 16;

/// Where the bytes of a blob come from.
#[derive(Debug, Clone)]
pub enum Content {
    /// From the source, as they are.
    Source,
    /// From here: a conversion made them.
    Made(Bytes),
    /// From this blob of the source, inflated on the way. How many they are is known afterwards.
    Inflated(Box<Descriptor>),
}

/// One blob of the copy.
#[derive(Debug, Clone)]
pub struct BlobStep {
    pub blob: Descriptor,
    pub content: Content,
    /// What the destination says of it without being written to.
    pub presence: Presence,
}

impl BlobStep {
    /// What moves: the blob as the source has it.
    pub fn moving(&self) -> &Descriptor {
        match &self.content {
            Content::Inflated(stored) => stored,
            Content::Source | Content::Made(_) => &self.blob,
        }
    }
}

/// One manifest of the copy.
#[derive(Debug, Clone)]
pub struct ManifestStep {
    pub manifest: Manifest,
    pub at: Which,
    /// Steps of the same level do not need one another and may be written at once.
    pub level: usize,
}

/// What a copy will do.
#[derive(Debug, Clone, Default)]
pub struct CopyPlan {
    /// Each blob once.
    pub blobs: Vec<BlobStep>,
    /// Children before parents; the last is what the destination's name will stand for.
    pub manifests: Vec<ManifestStep>,
    /// What a reader should know of: conversions, things left out.
    pub notes: Vec<String>,
    /// Set when the destination has the image already: its digest.
    pub up_to_date: Option<Digest>,
    /// A schema 1 image becomes a modern one: its config and manifest are made when its layers have been read, and
    /// the one manifest of the plan stands for what is read.
    pub rescue: Option<Arc<Rescue>>,
}

/// Plans the copy of `source` to `destination`. Reads manifests, and asks the destination for its current digest
/// at the same time; where that is the wanted one, the plan ends there.
pub async fn plan(
    source: &dyn Source,
    destination: &dyn Destination,
    want: &Want,
) -> Result<CopyPlan> {
    // A tag moves within its repository: whatever it points at is there, nothing has to be asked.
    let retag = want.format.is_none()
        && source.repository().is_some()
        && source.repository() == destination.repository();
    let (top, current) = futures_util::try_join!(
        async {
            source
                .manifest(&Which::Named)
                .await
                .map_err(|e| reading(source, e))
        },
        async {
            if retag {
                return Ok(None);
            }
            destination
                .current()
                .await
                .map_err(|e| writing(destination, e))
        },
    )?;
    let can = destination.can();
    let holds = holding(destination, want)?;
    let wanted = target_digest(&top, &want.platforms)?;
    let stays = stays(&top, want);
    if can.manifest_vouches && stays && current.as_ref() == Some(&wanted) {
        return Ok(CopyPlan {
            up_to_date: Some(wanted),
            ..CopyPlan::default()
        });
    }
    let platforms = match &want.platforms {
        Platforms::All if retag => &Platforms::IndexOnly,
        other => other,
    };
    let mut graph = walk(source, &top, platforms)
        .await
        .map_err(|e| reading(source, e))?;
    if want.verify_signatures {
        for node in &graph.nodes {
            let named = node.manifest.digest() == top.digest();
            schema1::check_signatures(source, &node.manifest, named)?;
        }
    }
    if !retag {
        schema1::measure(source, &mut graph.nodes).await?;
    }
    let mut draft = Draft {
        notes: Vec::new(),
        made: HashMap::new(),
        stored: HashMap::new(),
    };
    if let Some(old) = graph.cut {
        if want.preserve_digests {
            return Err(Error::new(
                Kind::Refused,
                "a part of the index has another digest than the whole",
            )
            .hint("leave out `--preserve-digests`, or keep the index as it is with `--sparse`"));
        }
        draft.notes.push(format!(
            "the index `{old}` was cut to the wanted platforms: signatures of it no longer match"
        ));
    }
    let (nodes, rescue) = draft
        .turn(source, destination, graph.nodes, holds, want)
        .await?;

    let mut plan = CopyPlan {
        notes: draft.notes,
        rescue,
        ..CopyPlan::default()
    };
    let mut seen = HashSet::new();
    for blob in nodes.iter().flat_map(|n| &n.blobs) {
        if blob.media_type.is_foreign() && blob.urls.as_ref().is_some_and(|u| !u.is_empty()) {
            plan.notes.push(format!(
                "layer `{}` is foreign: it stays at its URLs and is not copied",
                blob.digest
            ));
        } else if seen.insert(blob.digest.clone()) {
            let made = draft.made.remove(&blob.digest).map(Content::Made);
            let stored = draft
                .stored
                .remove(&blob.digest)
                .map(|stored| Content::Inflated(Box::new(stored)));
            let content = made.or(stored).unwrap_or(Content::Source);
            plan.blobs.push(BlobStep {
                blob: blob.clone(),
                content,
                presence: Presence::AskedOnWrite,
            });
        }
    }
    if retag {
        plan.blobs
            .iter_mut()
            .for_each(|b| b.presence = Presence::Present);
        plan.manifests = order(nodes)
            .into_iter()
            .filter(|m| m.at == Which::Named)
            .collect();
        return Ok(plan);
    }
    let last = nodes.last().map(|n| n.manifest.digest());
    if can.manifest_vouches
        && plan.rescue.is_none()
        && current.is_some()
        && current.as_ref() == last
    {
        plan.up_to_date = current;
        return Ok(plan);
    }
    let asked: Vec<_> = plan
        .blobs
        .iter()
        .map(|step| ask(destination, &step.blob, want.look))
        .collect();
    let presences: Vec<Presence> = stream::iter(asked)
        .buffered(ASKED_AT_ONCE)
        .try_collect()
        .await?;
    for (step, presence) in plan.blobs.iter_mut().zip(presences) {
        step.presence = presence;
    }
    plan.manifests = order(nodes);
    if !can.manifest_vouches {
        let complete = plan.blobs.iter().all(|b| b.presence == Presence::Present);
        let last = plan.manifests.last().map(|m| m.manifest.digest());
        let known = complete && plan.rescue.is_none();
        if known && plan.manifests.len() == 1 && current.as_ref() == last {
            plan.up_to_date = current;
        }
    }
    Ok(plan)
}

async fn ask(destination: &dyn Destination, blob: &Descriptor, look: bool) -> Result<Presence> {
    let asked = if look {
        destination.look(blob).await
    } else {
        destination.has(blob).await
    };
    asked.map_err(|e| writing(destination, e))
}

/// Levels: a leaf is 0, a parent one more than its highest child.
fn order(nodes: Vec<Node>) -> Vec<ManifestStep> {
    let mut levels: HashMap<Digest, usize> = HashMap::new();
    let count = nodes.len();
    let mut steps: Vec<ManifestStep> = Vec::with_capacity(count);
    for (i, node) in nodes.into_iter().enumerate() {
        let level = node
            .children
            .iter()
            .filter_map(|c| levels.get(c))
            .max()
            .map_or(0, |l| l + 1);
        levels.insert(node.manifest.digest().clone(), level);
        let at = if i + 1 == count {
            Which::Named
        } else {
            Which::Digest(node.manifest.digest().clone())
        };
        steps.push(ManifestStep {
            manifest: node.manifest,
            at,
            level,
        });
    }
    // The sort is stable, so the root stays last: nothing is above it.
    steps.sort_by_key(|s| s.level);
    steps
}

/// What comes up while the plan is made.
struct Draft {
    notes: Vec<String>,
    /// Blobs that a conversion made, or that were read for one.
    made: HashMap<Digest, Bytes>,
    /// Layers that are written plain, by their plain digest, as the source has them.
    stored: HashMap<Digest, Descriptor>,
}

impl Draft {
    /// The nodes as they are written. With a [`Rescue`] the last one is what is read.
    async fn turn(
        &mut self,
        source: &dyn Source,
        destination: &dyn Destination,
        nodes: Vec<Node>,
        holds: fn(&MediaType) -> bool,
        want: &Want,
    ) -> Result<(Vec<Node>, Option<Arc<Rescue>>)> {
        let old = nodes.last().map(|n| n.manifest.digest().clone());
        let old = old.ok_or_else(|| Error::other("there is nothing to copy"))?;
        let nodes = match schema1::turn(source, destination, nodes, holds, want).await? {
            Turn::None(nodes) => {
                let last = nodes.last().map(|n| &n.manifest);
                let note = last.and_then(|m| schema1::other_name(destination, m));
                self.notes.extend(note);
                nodes
            }
            Turn::Made(node, made) => {
                self.notes.push(format!(
                    "`{old}` was converted to `{}`: its digest is now `{}`",
                    node.manifest.media_type(),
                    node.manifest.digest()
                ));
                self.made.extend(made);
                vec![node]
            }
            Turn::Rescue(node, rescue) => {
                self.notes.push(format!(
                    "`{old}` is converted from docker schema 1 to `{}`: its digest changes",
                    rescue.target()
                ));
                return Ok((vec![node], Some(rescue)));
            }
        };
        let nodes = self
            .convert(source, destination, nodes, holds, want)
            .await?;
        Ok((nodes, None))
    }

    /// The nodes in types that the destination holds, children first.
    async fn convert(
        &mut self,
        source: &dyn Source,
        destination: &dyn Destination,
        nodes: Vec<Node>,
        holds: fn(&MediaType) -> bool,
        want: &Want,
    ) -> Result<Vec<Node>> {
        let held = |media_type: &str| holds(&MediaType::new(media_type));
        let index = nodes.iter().any(|n| n.manifest.media_type().is_index());
        if index && !held(MediaType::OCI_INDEX) && !held(MediaType::DOCKER_LIST) {
            let message = format!("`{}` holds one image, not an index", destination.name());
            let hint = "leave out `--all`; `--platform` chooses one";
            return Err(Error::new(Kind::Refused, message).hint(hint));
        }
        let nodes = if destination.can().plain_layers {
            self.inflate(source, destination, nodes, want).await?
        } else {
            nodes
        };
        if nodes.iter().all(|n| holds(n.manifest.media_type())) {
            return Ok(nodes);
        }
        if want.preserve_digests {
            let odd = nodes
                .iter()
                .find(|n| !holds(n.manifest.media_type()))
                .map(|n| n.manifest.media_type().to_string());
            return Err(Error::new(
                Kind::Refused,
                match &want.format {
                    Some(format) => format!("`--format {}` would change the digest of the image", format.as_str()),
                    None => format!("`{}` cannot hold `{}`, and a conversion would change its digest", destination.name(), odd.unwrap_or_default()),
                },
            )
            .hint("leave out `--preserve-digests`, or copy to a destination that holds docker's types (`dir:`, a registry)"));
        }
        let mut converted: HashMap<Digest, Descriptor> = HashMap::new();
        let mut out = Vec::with_capacity(nodes.len());
        for node in nodes {
            let old = node.manifest.digest().clone();
            let touched = !holds(node.manifest.media_type())
                || node.children.iter().any(|c| converted.contains_key(c));
            let node = if touched {
                self.convert_one(source, node, &converted, holds).await?
            } else {
                node
            };
            if *node.manifest.digest() != old {
                self.notes.push(format!(
                    "`{old}` was converted to `{}`: its digest is now `{}`",
                    node.manifest.media_type(),
                    node.manifest.digest()
                ));
            }
            converted.insert(old, node.manifest.descriptor());
            out.push(node);
        }
        Ok(out)
    }

    /// The nodes over plain layers.
    async fn inflate(
        &mut self,
        source: &dyn Source,
        destination: &dyn Destination,
        nodes: Vec<Node>,
        want: &Want,
    ) -> Result<Vec<Node>> {
        let name = destination.name();
        let mut out = Vec::with_capacity(nodes.len());
        for node in nodes {
            let config = match node.manifest.view()? {
                View::Image(image) if image.is_image() => image.config,
                _ => {
                    out.push(node);
                    continue;
                }
            };
            let bytes = match self.made.get(&config.digest) {
                Some(made) => made.clone(),
                None => read_config(source, &config).await?,
            };
            let (node, stored) = over_plain_layers(node, &bytes)?;
            self.made.insert(config.digest, bytes);
            if want.preserve_digests && !stored.is_empty() {
                let message =
                    format!("`{name}` holds uncompressed layers, which have other digests");
                let hint = "leave out `--preserve-digests`, or add `--keep-compressed`";
                return Err(Error::new(Kind::Refused, message).hint(hint));
            }
            if !stored.is_empty() {
                let count = stored.len();
                self.notes.push(format!(
                    "layers are inflated, {count} of them: `{name}` holds them uncompressed"
                ));
            }
            self.stored.extend(stored);
            out.push(node);
        }
        Ok(out)
    }

    async fn convert_one(
        &mut self,
        source: &dyn Source,
        node: Node,
        converted: &HashMap<Digest, Descriptor>,
        holds: fn(&MediaType) -> bool,
    ) -> Result<Node> {
        match node.manifest.view()? {
            View::Image(_) if !holds(&MediaType::new(MediaType::OCI_MANIFEST)) => {
                let new = convert::oci_to_schema2(&node.manifest)?;
                let View::Image(view) = new.manifest.view()? else {
                    return Err(Error::other("a conversion made no image"));
                };
                Ok(Node {
                    blobs: view.blobs().cloned().collect(),
                    manifest: new.manifest,
                    children: Vec::new(),
                })
            }
            View::Image(image) => {
                let config = read_config(source, &image.config).await?;
                let new = convert::schema2_to_oci(&node.manifest, &config)?;
                let old_config = (image.config.digest.clone(), config);
                let made = new
                    .config
                    .map(|(d, bytes)| (d.digest, bytes))
                    .unwrap_or(old_config);
                self.made.insert(made.0, made.1);
                let View::Image(view) = new.manifest.view()? else {
                    return Err(Error::other("a conversion made no image"));
                };
                Ok(Node {
                    blobs: view.blobs().cloned().collect(),
                    manifest: new.manifest,
                    children: Vec::new(),
                })
            }
            View::Index(index) => {
                let children: Vec<Descriptor> = index
                    .manifests
                    .iter()
                    .map(|old| child(old, converted))
                    .collect();
                let old = node.manifest.media_type();
                let manifest = if holds(old) {
                    index::rewrite(&node.manifest, |old| Some(child(old, converted)))?
                } else if *old == *MediaType::DOCKER_LIST {
                    convert::list_to_index(&node.manifest, &children)?
                } else {
                    convert::index_to_list(&node.manifest, &children)?
                };
                let children = children.into_iter().map(|d| d.digest).collect();
                Ok(Node {
                    manifest,
                    blobs: node.blobs,
                    children,
                })
            }
            _ => Err(Error::new(
                Kind::Refused,
                format!(
                    "`{}` has no form in OCI's types",
                    node.manifest.media_type()
                ),
            )),
        }
    }
}

pub(super) async fn read_config(source: &dyn Source, config: &Descriptor) -> Result<Bytes> {
    let read = async { read_all(source.blob(config, 0).await?, CONFIG_CAP).await };
    read.await.map_err(|e| reading(source, e))
}

/// The entry for a child after its conversion; platform and annotations stay.
fn child(old: &Descriptor, converted: &HashMap<Digest, Descriptor>) -> Descriptor {
    match converted.get(&old.digest) {
        Some(new) => Descriptor {
            media_type: new.media_type.clone(),
            digest: new.digest.clone(),
            size: new.size,
            ..old.clone()
        },
        None => old.clone(),
    }
}

pub(super) fn reading(source: &dyn Source, e: Error) -> Error {
    e.context(format!("reading the source `{}`", source.name()))
}

pub(super) fn writing(destination: &dyn Destination, e: Error) -> Error {
    e.context(format!("writing the destination `{}`", destination.name()))
}
