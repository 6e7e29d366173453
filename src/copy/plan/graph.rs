//! The graph of an image: which manifests and blobs belong to it, children before parents.

use std::collections::{HashMap, HashSet};

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::copy::options::Platforms;
use crate::copy::types::{ManifestStep, Node};
use crate::copy::with_sparse;
use crate::image::platform::{choose, listed};
use crate::image::{Descriptor, Digest, IndexView, Manifest, PlatformPattern, View, index};
use crate::open::{Level, MAX_DEPTH, Nested, check_patterns, choose_image, fetch, is_required};
use crate::transport::{ManifestRef, Source};
use crate::{Error, Kind, Result};

/// Manifests of an index that are fetched at once.
const MANIFESTS_IN_FLIGHT: usize = 16;

/// The digest of what the copy's name will stand for, if the first manifest alone can tell.
pub(in crate::copy) fn target_digest(
    top: &Manifest,
    platforms: &Platforms,
) -> Result<Option<Digest>> {
    match (top.view()?, platforms) {
        (View::Index(index), Platforms::One(wish)) => {
            let chosen = choose(&index, wish).ok();
            // One that names no platform has to be looked at.
            let chosen = chosen.filter(|d| d.platform.is_some() || !is_required(wish));
            Ok(chosen.map(|d| d.digest.clone()))
        }
        (
            View::Index(index),
            Platforms::Some {
                patterns,
                sparse: false,
            },
        ) => {
            let mut part = HashSet::new();
            for pattern in patterns {
                match matched(&index, pattern) {
                    found if found.is_empty() => return Ok(None),
                    found => part.extend(found),
                }
            }
            add_attestations(&index, &mut part);
            Ok(Some(cut(top, &part, &HashMap::new())?.digest().clone()))
        }
        // The config of an image without an index says what it is for.
        (View::Index(_), _) => Ok(Some(top.digest().clone())),
        (_, Platforms::One(wish)) if is_required(wish) => Ok(None),
        (_, Platforms::Some { .. }) => Ok(None),
        _ => Ok(Some(top.digest().clone())),
    }
}

/// The graph below an image's manifest, as far as it is wanted.
pub(in crate::copy) struct Graph {
    /// Children before parents; the last is what the copy's name will stand for.
    pub(in crate::copy) nodes: Vec<Node>,
    /// The index before entries were left out of it.
    pub(in crate::copy) cut: Option<Digest>,
    /// Indexes that the source does not have, because entries were left out of them.
    pub(in crate::copy) made: HashSet<Digest>,
    /// Entries of indexes that the source does not have, where they may be left out.
    pub(in crate::copy) missing: Vec<Descriptor>,
}

/// A walk on its way.
#[derive(Default)]
struct Walk {
    /// Children before parents.
    nodes: Vec<Node>,
    /// Digests by which `nodes` were asked for.
    placed: HashSet<Digest>,
    /// Fetched, and not in `nodes` yet: whoever needs one first places it.
    fetched: HashMap<Digest, Manifest>,
    cut: Option<Digest>,
    made: HashSet<Digest>,
    /// Entries of indexes that the source does not have are left out, and `missing` lists them.
    sparse: bool,
    missing: Vec<Descriptor>,
}

/// Walks the graph below `top`, as far as `platforms` want it.
pub(in crate::copy) async fn walk(
    source: &dyn Source,
    top: &Manifest,
    platforms: &Platforms,
) -> Result<Graph> {
    let mut walk = Walk {
        sparse: matches!(platforms, Platforms::All { sparse: true }),
        ..Walk::default()
    };
    match (platforms, top.view()?) {
        (Platforms::One(wish), _) => {
            let image = choose_image(source, top, wish).await?;
            walk.nodes.push(leaf(image.manifest)?);
        }
        (Platforms::Some { patterns, sparse }, View::Index(index)) => {
            let mut nested = Nested::new(source, top, index, |entry| entry.platform.is_none());
            let parts = parts(&mut nested, patterns).await?;
            walk_parts(source, &nested.read, &parts, *sparse, &mut walk).await?;
        }
        (Platforms::Some { patterns, .. }, _) => {
            check_patterns(source, top, patterns).await?;
            descend(source, top.clone(), &mut walk, 0).await?;
        }
        (Platforms::IndexOnly, View::Index(_)) => {
            let node = Node::new(top.clone(), Vec::new(), Vec::new());
            walk.nodes.push(node);
        }
        (Platforms::All { sparse: false }, View::Index(_)) => {
            descend(source, top.clone(), &mut walk, 0)
                .await
                .map_err(|e| with_sparse(source, e))?;
        }
        _ => descend(source, top.clone(), &mut walk, 0).await?,
    }
    let is_empty = |node: &Node| node.blobs.is_empty() && node.manifest.media_type().is_index();
    if let Some(first) = walk.missing.first()
        && walk.nodes.iter().all(is_empty)
    {
        let text = format!(
            "no image of the index is there, not even `{}`",
            first.digest
        );
        return Err(Error::not_found(text));
    }
    Ok(Graph {
        missing: walk.missing,
        nodes: walk.nodes,
        cut: walk.cut,
        made: walk.made,
    })
}

/// The entries of each index that fit a pattern, with the attestations that speak of them. A pattern is looked for
/// in an index within another only where the outer ones have nothing for it.
async fn parts<F: Fn(&Descriptor) -> bool>(
    nested: &mut Nested<'_, F>,
    patterns: &[PlatformPattern],
) -> Result<Vec<HashSet<Digest>>> {
    let mut parts = Vec::new();
    for pattern in patterns {
        let mut at = 0;
        let found = loop {
            if !nested.reach(at).await? {
                return Err(no_match(&nested.read, pattern));
            }
            let found = matched(&nested.read[at].view, pattern);
            if !found.is_empty() {
                break found;
            }
            at += 1;
        };
        parts.resize_with(nested.read.len(), HashSet::new);
        parts[at].extend(found);
    }
    for (level, part) in nested.read.iter().zip(&mut parts) {
        add_attestations(&level.view, part);
    }
    Ok(parts)
}

/// Adds what is wanted of the indexes `levels` to the graph, the innermost first.
async fn walk_parts(
    source: &dyn Source,
    levels: &[Level],
    parts: &[HashSet<Digest>],
    sparse: bool,
    walk: &mut Walk,
) -> Result<()> {
    // The indexes within others, as they are written.
    let mut became: HashMap<Digest, Descriptor> = HashMap::new();
    for (at, (level, part)) in levels.iter().zip(parts).enumerate().rev() {
        let entries = &level.view.manifests;
        let images = entries
            .iter()
            .filter(|d| part.contains(&d.digest))
            .collect();
        let mut children = below(source, images, walk, level.depth).await?;
        let new = entries.iter().filter_map(|d| became.get(&d.digest));
        children.extend(new.map(|d| d.digest.clone()));
        if children.is_empty() && at > 0 {
            continue;
        }
        let stays = |d: &Descriptor| {
            let same = became.get(&d.digest).is_some_and(|n| n.digest == d.digest);
            same || part.contains(&d.digest)
        };
        let old = level.manifest.digest();
        let manifest = if sparse || entries.iter().all(stays) {
            level.manifest.clone()
        } else {
            let cut = cut(&level.manifest, part, &became)?;
            walk.made.insert(cut.digest().clone());
            walk.cut = Some(old.clone());
            cut
        };
        became.insert(old.clone(), manifest.descriptor());
        walk.nodes.push(Node::new(manifest, Vec::new(), children));
    }
    Ok(())
}

/// The index `whole` with the entries of `part` only, and what became of the indexes within it.
fn cut(
    whole: &Manifest,
    part: &HashSet<Digest>,
    became: &HashMap<Digest, Descriptor>,
) -> Result<Manifest> {
    Ok(index::rewrite(whole, |d| {
        if part.contains(&d.digest) {
            return Some(d.clone());
        }
        became.get(&d.digest).map(|new| Descriptor {
            digest: new.digest.clone(),
            size: new.size,
            ..d.clone()
        })
    })?)
}

/// The entries of `index` that fit `pattern`.
fn matched(index: &IndexView, pattern: &PlatformPattern) -> Vec<Digest> {
    let fits = |d: &&Descriptor| d.platform.as_ref().is_some_and(|p| pattern.matches(p));
    let entries = index.manifests.iter().filter(fits);
    entries.map(|d| d.digest.clone()).collect()
}

fn no_match(levels: &[Level], pattern: &PlatformPattern) -> Error {
    let entries = levels.iter().flat_map(|level| &level.view.manifests);
    let mut there = Vec::new();
    for platform in entries.filter_map(|d| d.platform.as_ref()) {
        let platform = platform.to_string();
        if !there.contains(&platform) {
            there.push(platform);
        }
    }
    let text = format!("the index has no image for `{pattern}`; {}", listed(&there));
    Error::not_found(text)
}

/// Adds the attestations that speak of what is in `part`.
fn add_attestations(index: &IndexView, part: &mut HashSet<Digest>) {
    let speaks_of = |d: &&Descriptor| {
        let of = d.annotation(index::ATTESTS).and_then(|a| a.parse().ok());
        of.is_some_and(|of: Digest| part.contains(&of))
    };
    let attestations = index.manifests.iter().filter(speaks_of);
    let attestations: Vec<Digest> = attestations.map(|d| d.digest.clone()).collect();
    part.extend(attestations);
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
            return Err(Error::corrupt(format!(
                "indexes are nested more than {MAX_DEPTH} deep"
            )));
        }
        let (entries, mut blobs) = split(&index);
        if walk.sparse {
            blobs = there(source, blobs, &mut walk.missing).await?;
        }
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
    let mut children: Vec<Digest> = entries.iter().map(|d| d.digest.clone()).collect();
    let mut asked = HashSet::new();
    let new = entries.into_iter().filter(|d| {
        let known = walk.placed.contains(&d.digest) || walk.fetched.contains_key(&d.digest);
        !known && asked.insert(d.digest.clone())
    });
    let sparse = walk.sparse;
    let fetches: Vec<_> = new
        .map(|d| async move {
            let manifest = match sparse {
                true => fetch_whole(source, d).await?,
                false => Some(fetch(source, d).await?),
            };
            Ok::<_, Error>((d, manifest))
        })
        .collect();
    let fetched: Vec<(&Descriptor, Option<Manifest>)> = stream::iter(fetches)
        .buffered(MANIFESTS_IN_FLIGHT)
        .try_collect()
        .await?;
    for (entry, manifest) in fetched {
        match manifest {
            Some(manifest) => {
                walk.fetched.insert(entry.digest.clone(), manifest);
            }
            None => {
                children.retain(|child| *child != entry.digest);
                walk.missing.push(entry.clone());
            }
        }
    }
    for child in &children {
        place(source, child, walk, depth).await?;
    }
    Ok(children)
}

/// The manifest of `entry`; `None` where the source lacks it or a blob of it.
async fn fetch_whole(source: &dyn Source, entry: &Descriptor) -> Result<Option<Manifest>> {
    let manifest = match fetch(source, entry).await {
        Err(e) if e.kind() == Kind::NotFound => return Ok(None),
        fetched => fetched?,
    };
    let blobs = match manifest.view()? {
        View::Image(image) => image.blobs().cloned().collect(),
        View::Artifact(artifact) => artifact.blobs,
        View::Index(_) | View::Schema1(_) => Vec::new(),
    };
    let mut missing = Vec::new();
    there(source, blobs, &mut missing).await?;
    Ok(missing.is_empty().then_some(manifest))
}

/// Those of `blobs` that the source has, or that are at their own URLs; the others go to `missing`.
async fn there(
    source: &dyn Source,
    blobs: Vec<Descriptor>,
    missing: &mut Vec<Descriptor>,
) -> Result<Vec<Descriptor>> {
    let mut there = Vec::with_capacity(blobs.len());
    for blob in blobs {
        match !blob.media_type.is_foreign() && source.lacks(&blob).await? {
            true => missing.push(blob),
            false => there.push(blob),
        }
    }
    Ok(there)
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

/// `top` and all manifests below it, children before parents.
pub(in crate::copy) async fn whole(source: &dyn Source, top: Manifest) -> Result<Vec<Node>> {
    let mut walk = Walk::default();
    descend(source, top, &mut walk, 0).await?;
    Ok(walk.nodes)
}

/// `manifest` with what it points at directly.
pub(in crate::copy) fn node(manifest: Manifest) -> Result<Node> {
    let View::Index(index) = manifest.view()? else {
        return leaf(manifest);
    };
    let (entries, blobs) = split(&index);
    let children = entries.iter().map(|d| d.digest.clone()).collect();
    Ok(Node::new(manifest, blobs, children))
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
        View::Schema1(view) => view.blobs(),
    };
    Ok(Node::new(manifest, blobs, Vec::new()))
}

/// Levels: one more than the highest of what has to be there before: the manifests that an index lists, and the one
/// that a referrer speaks of (quirk M12).
pub(in crate::copy) fn order(nodes: Vec<Node>) -> Result<Vec<ManifestStep>> {
    let mut levels: HashMap<Digest, usize> = HashMap::new();
    let count = nodes.len();
    let mut steps: Vec<ManifestStep> = Vec::with_capacity(count);
    for (i, node) in nodes.into_iter().enumerate() {
        let view = node.manifest.view()?;
        let subject = view.subject().map(|s| &s.digest);
        let before = node.children.iter().chain(subject);
        let highest = before.filter_map(|d| levels.get(d)).max();
        let level = highest.map_or(0, |l| l + 1);
        levels.insert(node.manifest.digest().clone(), level);
        let at = if i + 1 == count {
            ManifestRef::Named
        } else {
            ManifestRef::Digest(node.manifest.digest().clone())
        };
        steps.push(ManifestStep {
            manifest: node.manifest,
            awaits: node.awaits,
            was: node.was,
            change: node.change,
            at,
            level,
        });
    }
    // The sort is stable, so the root stays last: nothing is above it.
    steps.sort_by_key(|s| s.level);
    Ok(steps)
}
