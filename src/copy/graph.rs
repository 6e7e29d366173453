//! The graph of an image: which manifests and blobs belong to it, children before parents.

use std::collections::{HashMap, HashSet};

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::plan::Awaits;
use super::recode::Recoded;
use super::{Platforms, schema1};
use crate::image::platform::choose;
use crate::image::{
    Descriptor, Digest, IndexView, Manifest, PlatformPattern, PlatformWish, View, index,
};
use crate::transport::{Source, Which};
use crate::{Error, Kind, Result};

/// Nested indexes deeper than this are taken for an attack.
const MAX_DEPTH: usize = 8;
/// Manifests of an index that are fetched at once.
const MANIFESTS_IN_FLIGHT: usize = 16;

/// A manifest of the graph and what it points at directly.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) manifest: Manifest,
    /// Config, layers and other blobs.
    pub(super) blobs: Vec<Descriptor>,
    /// Digests of the manifests below.
    pub(super) children: Vec<Digest>,
    /// Layers that are written in another form, by the digest that `manifest` gives them.
    pub(super) recoded: HashMap<Digest, Recoded>,
    /// What only the written blobs will tell.
    pub(super) awaits: Awaits,
    /// The manifest's digest at the source.
    pub(super) was: Digest,
}

impl Node {
    /// A manifest as the source has it, over `blobs` and `children`.
    pub(super) fn new(manifest: Manifest, blobs: Vec<Descriptor>, children: Vec<Digest>) -> Node {
        Node {
            was: manifest.digest().clone(),
            manifest,
            blobs,
            children,
            recoded: HashMap::new(),
            awaits: Awaits::Nothing,
        }
    }

    /// This image with the manifest `manifest` that was made of its own: the same layers in the same order.
    pub(super) fn with_image(self, manifest: Manifest) -> Result<Node> {
        let View::Image(view) = manifest.view()? else {
            return Err(Error::other("a conversion made no image"));
        };
        Ok(Node {
            blobs: view.blobs().cloned().collect(),
            manifest,
            ..self
        })
    }
}

/// The digest of what the copy's name will stand for, as far as the first manifest alone can tell.
pub(super) fn target_digest(top: &Manifest, platforms: &Platforms) -> Result<Digest> {
    match (top.view()?, platforms) {
        (View::Index(index), Platforms::One(wish)) => Ok(choose(&index, wish)?.digest.clone()),
        (
            View::Index(index),
            Platforms::Some {
                patterns,
                sparse: false,
            },
        ) => Ok(cut(top, &part_of(&index, patterns)?)?.digest().clone()),
        _ => Ok(top.digest().clone()),
    }
}

/// The image that `top` means on the platform `wish`: itself, or the entry of an index.
pub async fn choose_image(
    source: &dyn Source,
    top: &Manifest,
    wish: &PlatformWish,
) -> Result<Manifest> {
    match top.view()? {
        View::Index(index) => fetch(source, choose(&index, wish)?).await,
        _ => Ok(top.clone()),
    }
}

/// The graph below an image's manifest, as far as it is wanted.
pub(super) struct Graph {
    /// Children before parents; the last is what the copy's name will stand for.
    pub(super) nodes: Vec<Node>,
    /// The index before entries were left out of it.
    pub(super) cut: Option<Digest>,
}

/// What a walk has met so far.
#[derive(Default)]
struct Walk {
    /// Children before parents.
    nodes: Vec<Node>,
    /// Digests by which `nodes` were asked for.
    placed: HashSet<Digest>,
    /// Fetched, and not in `nodes` yet: whoever needs one first places it.
    fetched: HashMap<Digest, Manifest>,
}

/// Walks the graph below `top`, as far as `platforms` want it.
pub(super) async fn walk(
    source: &dyn Source,
    top: &Manifest,
    platforms: &Platforms,
) -> Result<Graph> {
    let mut walk = Walk::default();
    let mut before_cut = None;
    match (platforms, top.view()?) {
        (Platforms::One(wish), _) => walk
            .nodes
            .push(leaf(choose_image(source, top, wish).await?)?),
        (Platforms::Some { patterns, sparse }, View::Index(index)) => {
            let part = part_of(&index, patterns)?;
            let whole = index.manifests.iter().all(|d| part.contains(&d.digest));
            let entries = index
                .manifests
                .iter()
                .filter(|d| part.contains(&d.digest))
                .collect();
            let children = below(source, entries, &mut walk, 0).await?;
            let manifest = if *sparse || whole {
                top.clone()
            } else {
                cut(top, &part)?
            };
            walk.nodes.push(Node::new(manifest, Vec::new(), children));
            before_cut = (!sparse && !whole).then(|| top.digest().clone());
        }
        (Platforms::IndexOnly, View::Index(_)) => {
            walk.nodes
                .push(Node::new(top.clone(), Vec::new(), Vec::new()));
        }
        _ => descend(source, top.clone(), &mut walk, 0).await?,
    }
    Ok(Graph {
        nodes: walk.nodes,
        cut: before_cut,
    })
}

/// The index `top` with the entries of `part` only.
fn cut(top: &Manifest, part: &HashSet<Digest>) -> Result<Manifest> {
    Ok(index::rewrite(top, |d| {
        part.contains(&d.digest).then(|| d.clone())
    })?)
}

/// The entries that fit a pattern, with the attestations that speak of them.
fn part_of(index: &IndexView, patterns: &[PlatformPattern]) -> Result<HashSet<Digest>> {
    let mut part = HashSet::new();
    for pattern in patterns {
        let fits = |d: &&Descriptor| d.platform.as_ref().is_some_and(|p| pattern.matches(p));
        let matched: Vec<&Descriptor> = index.manifests.iter().filter(fits).collect();
        if matched.is_empty() {
            let there = index.manifests.iter().filter_map(|d| d.platform.as_ref());
            let there: Vec<String> = there.map(ToString::to_string).collect();
            let text = format!(
                "the index has no image for `{pattern}`; it has {}",
                there.join(", ")
            );
            return Err(Error::new(Kind::NotFound, text));
        }
        part.extend(matched.into_iter().map(|d| d.digest.clone()));
    }
    let speaks_of = |d: &&Descriptor| {
        let of = d.annotation(index::ATTESTS).and_then(|a| a.parse().ok());
        of.is_some_and(|of: Digest| part.contains(&of))
    };
    let attestations: Vec<Digest> = index
        .manifests
        .iter()
        .filter(speaks_of)
        .map(|d| d.digest.clone())
        .collect();
    part.extend(attestations);
    Ok(part)
}

fn descend<'a>(
    source: &'a dyn Source,
    manifest: Manifest,
    walk: &'a mut Walk,
    depth: usize,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let view = manifest.view()?;
        // M12: of two siblings, the one that the other speaks of comes first. A chain of them is not followed for ever.
        let subject = view.subject().filter(|_| depth < MAX_DEPTH);
        if let Some(subject) = subject {
            place(source, &subject.digest, walk, depth).await?;
        }
        let View::Index(index) = view else {
            walk.nodes.push(leaf(manifest)?);
            return Ok(());
        };
        if depth > MAX_DEPTH {
            return Err(Error::new(
                Kind::Corrupt,
                format!("indexes are nested more than {MAX_DEPTH} deep"),
            ));
        }
        let (entries, blobs) = split(&index);
        let children = below(source, entries, walk, depth).await?;
        walk.nodes.push(Node::new(manifest, blobs, children));
        Ok(())
    })
}

/// Fetches `entries`, each once, and walks the graph below them; returns their digests.
async fn below(
    source: &dyn Source,
    entries: Vec<&Descriptor>,
    walk: &mut Walk,
    depth: usize,
) -> Result<Vec<Digest>> {
    let children: Vec<Digest> = entries.iter().map(|d| d.digest.clone()).collect();
    let mut asked = HashSet::new();
    let new = entries.into_iter().filter(|d| {
        let known = walk.placed.contains(&d.digest) || walk.fetched.contains_key(&d.digest);
        !known && asked.insert(d.digest.clone())
    });
    let fetches: Vec<_> = new
        .map(|d| async { Ok::<_, Error>((d.digest.clone(), fetch(source, d).await?)) })
        .collect();
    let fetched: Vec<(Digest, Manifest)> = stream::iter(fetches)
        .buffered(MANIFESTS_IN_FLIGHT)
        .try_collect()
        .await?;
    walk.fetched.extend(fetched);
    for child in &children {
        place(source, child, walk, depth).await?;
    }
    Ok(children)
}

/// Walks the graph below the manifest `digest`, unless it was placed on the way to another one.
async fn place(source: &dyn Source, digest: &Digest, walk: &mut Walk, depth: usize) -> Result<()> {
    let Some(manifest) = walk.fetched.remove(digest) else {
        return Ok(());
    };
    walk.placed.insert(digest.clone());
    descend(source, manifest, walk, depth + 1).await
}

/// Entries that are manifests, and the rest, which is carried as blobs.
fn split(index: &IndexView) -> (Vec<&Descriptor>, Vec<Descriptor>) {
    let (manifests, others): (Vec<_>, Vec<_>) = index
        .manifests
        .iter()
        .partition(|d| d.media_type.is_manifest());
    (manifests, others.into_iter().cloned().collect())
}

async fn fetch(source: &dyn Source, entry: &Descriptor) -> Result<Manifest> {
    let manifest = source
        .manifest(&Which::Digest(entry.digest.clone()))
        .await?;
    let size = manifest.raw().len() as u64;
    if size != entry.size {
        let text = format!(
            "the index gives `{}` {} bytes, but it has {size}",
            entry.digest, entry.size
        );
        return Err(Error::new(Kind::Corrupt, text));
    }
    Ok(manifest)
}

fn leaf(manifest: Manifest) -> Result<Node> {
    let blobs = match manifest.view()? {
        View::Image(image) => image.blobs().cloned().collect(),
        View::Artifact(artifact) => artifact.blobs,
        View::Index(_) => {
            return Err(
                Error::other("the chosen entry of the index is an index itself")
                    .hint("copy all of it with `--all`"),
            );
        }
        View::Schema1(view) => schema1::schema1_blobs(&view),
    };
    Ok(Node::new(manifest, blobs, Vec::new()))
}
