//! The graph of an image: which manifests and blobs belong to it, children before parents.

use std::collections::HashSet;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Platforms;
use crate::image::platform::choose;
use crate::image::{Descriptor, Digest, IndexView, Manifest, PlatformWish, View};
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
}

/// The digest of the image that will be copied, as far as the first manifest alone can tell.
pub(super) fn target_digest(top: &Manifest, platforms: &Platforms) -> Result<Digest> {
    match (top.view()?, platforms) {
        (View::Index(index), Platforms::One(wish)) => Ok(choose(&index, wish)?.digest.clone()),
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

/// Walks the graph below `top`. The last node is the one that the copy's name will stand for.
pub(super) async fn walk(
    source: &dyn Source,
    top: &Manifest,
    platforms: &Platforms,
) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    match platforms {
        Platforms::One(wish) => nodes.push(leaf(choose_image(source, top, wish).await?)?),
        Platforms::All => {
            let mut seen = HashSet::new();
            descend(source, top.clone(), &mut seen, &mut nodes, 0).await?;
        }
    }
    Ok(nodes)
}

fn descend<'a>(
    source: &'a dyn Source,
    manifest: Manifest,
    seen: &'a mut HashSet<Digest>,
    nodes: &'a mut Vec<Node>,
    depth: usize,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let View::Index(index) = manifest.view()? else {
            nodes.push(leaf(manifest)?);
            return Ok(());
        };
        if depth > MAX_DEPTH {
            return Err(Error::new(
                Kind::Corrupt,
                format!("indexes are nested more than {MAX_DEPTH} deep"),
            ));
        }
        let (entries, blobs) = split(&index);
        let children: Vec<Digest> = entries.iter().map(|d| d.digest.clone()).collect();
        // What was met before is there already; an index that leads back to itself ends here too.
        let new = entries
            .into_iter()
            .filter(|d| seen.insert(d.digest.clone()));
        let fetches: Vec<_> = new.map(|d| fetch(source, d)).collect();
        let fetched: Vec<Manifest> = stream::iter(fetches)
            .buffered(MANIFESTS_IN_FLIGHT)
            .try_collect()
            .await?;
        for child in fetched {
            descend(source, child, seen, nodes, depth + 1).await?;
        }
        nodes.push(Node {
            manifest,
            blobs,
            children,
        });
        Ok(())
    })
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
        View::Schema1(_) => {
            return Err(Error::other(
                "this is a docker schema 1 image; copying those is not supported yet",
            ));
        }
    };
    Ok(Node {
        manifest,
        blobs,
        children: Vec::new(),
    })
}
