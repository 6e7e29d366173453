//! The file system of an image: its layers read one after the other, and what they come to.
//!
//! A layer is a tar of changes: files to add, and whiteouts that take files of the layers below away (OCI image-spec,
//! layer.md). [`Layers`] reads layers as streams and hands each [`Entry`] to a [`Visit`]; a [`Tree`] merges the entries of
//! all layers in memory, and a [`Lookup`] finds one file from the top layer down. Names, sizes and maps in a tar are
//! hostile until they were checked, and everything that is held of them is bounded. This room writes nothing to a
//! registry or layout, and prints nothing.

mod cat;
mod chunks;
mod compare;
mod contents;
mod disk;
mod entry;
mod extract;
mod gzip_index;
mod hashed;
mod layers;
mod lookup;
mod path;
mod table;
mod tar_stream;
mod tree;
mod visit;

pub use cat::{CatOptions, cat};
pub use compare::{Difference, Facts, FileChange, compare};
pub use disk::Skipped;
pub use entry::{Change, Entry, EntryKind, Time};
pub use extract::{ExtractOptions, Extracted, extract};
pub use layers::Layers;
#[cfg(all(feature = "serve", feature = "legacy"))]
pub(crate) use layers::walk_stream;
pub use lookup::Lookup;
pub use path::ImagePath;
pub use tar_stream::Content;
pub use tree::{Found, LayerUse, Node, NodeId, Tree};
pub use visit::{Next, Visit};

use crate::Result;
use crate::transport::blob_store::blocking;

/// The merged tree of all `layers`.
///
/// # Errors
/// Those of reading the layers; [`Kind::Corrupt`](crate::Kind::Corrupt) for what is no layer, or has too many entries.
pub async fn merged(layers: &Layers) -> Result<Tree> {
    let mut tree = Tree::new();
    for at in 0..layers.list().len() {
        tree = merge_into(tree, layers, at).await?;
    }
    Ok(tree)
}

/// `tree` with the layer `at` of `layers` on top.
async fn merge_into(tree: Tree, layers: &Layers, at: usize) -> Result<Tree> {
    let mut merge = tree::Merge::new(tree);
    merge.begin_layer(at)?;
    let merged = match layers.contents(at).await? {
        Some(contents) => blocking(move || merge.contents(&contents)).await?,
        None => layers.walk(at, merge).await?,
    };
    Ok(merged.into_tree())
}
