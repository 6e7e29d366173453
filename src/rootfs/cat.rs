//! The content of one file of an image, from the fewest layers that tell.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::contents::Contents;
use super::lookup::{Answer, Lookup};
use super::{Content, Entry, EntryKind, Found, ImagePath, Layers, Next, Visit, merged};
use crate::transport::blob_store::blocking;
use crate::{Error, Result};

/// How a file is read.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct CatOptions {
    /// Read the layer of the file to its end, so that its digest is checked.
    pub verify: bool,
}

/// Sends the content of the file `path` to `out`. Symbolic links are followed within the image.
///
/// Layers are read from the top down, and nothing is read once the content is there. Dropping the receiver ends it.
///
/// # Errors
/// [`crate::Kind::NotFound`] when there is no such file; [`crate::Kind::Other`] for what is not a file; those of reading the layers.
pub async fn cat(
    layers: &Layers,
    path: &ImagePath,
    options: CatOptions,
    out: mpsc::Sender<Bytes>,
) -> Result<()> {
    let mut lookup = Lookup::new(path.clone());
    let count = layers.list().len();
    // By the number of the layer in `lookup`.
    let mut tables: Vec<Option<Contents>> = Vec::new();
    for at in (0..count).rev() {
        lookup.begin_layer(at == 0);
        let table = contents_of(layers, at, options).await?;
        lookup = match &table {
            Some(table) => noted(lookup, table.clone()).await?,
            None => {
                let search = Search {
                    lookup,
                    layer: count - 1 - at,
                    out: out.clone(),
                    verify: options.verify,
                    sent: Sent::Nothing,
                };
                let mut search = layers.walk(at, search).await?;
                match search.sent {
                    Sent::Nothing => search.lookup,
                    Sent::Once => {
                        // With `verify` the layer was read to its end, and an entry after the file may lead to it by a link.
                        let sent = (at, search.lookup.wanted().clone());
                        let is_sure = search.lookup.answer() != Answer::Unsure;
                        return match is_sure || find_in_all(layers, path).await? == sent {
                            true => Ok(()),
                            false => Err(replaced(path)),
                        };
                    }
                    Sent::Early => return Err(replaced(path)),
                }
            }
        };
        tables.push(table);
        match lookup.answer() {
            Answer::More => {}
            Answer::File { layer, path: found } => {
                let table = tables.get_mut(layer).and_then(Option::take);
                return fetch(layers, count - 1 - layer, table, found, options, out).await;
            }
            Answer::Other(kind) => return Err(not_a_file(path, kind)),
            Answer::Missing if lookup.is_above() => break,
            Answer::Missing => return Err(missing(path)),
            Answer::Circle => return Err(circle(path)),
            Answer::Unsure => {
                let (at, found) = find_in_all(layers, path).await?;
                let table = contents_of(layers, at, options).await?;
                return fetch(layers, at, table, found, options, out).await;
            }
        }
    }
    match path.is_root() || lookup.is_above() {
        true => Err(not_a_file(path, EntryKind::Directory)),
        false => Err(missing(path)),
    }
}

/// The layer that the file `path` is from and the path by which that layer names it, where only all layers together tell.
/// Fails as [`cat`] does.
async fn find_in_all(layers: &Layers, path: &ImagePath) -> Result<(usize, ImagePath)> {
    tracing::debug!("entries may stand behind a symbolic link; reading all layers");
    let tree = merged(layers).await?;
    let id = match tree.resolve(path, true) {
        Found::There(id) => id,
        Found::Missing => return Err(missing(path)),
        Found::Circle => return Err(circle(path)),
    };
    let kind = tree.node(id).kind;
    if !matches!(kind, EntryKind::File | EntryKind::HardLink) {
        return Err(not_a_file(path, kind));
    }
    tree.origin(id).ok_or_else(|| missing(path))
}

/// The contents of layer `at` where they are known, unless the layer itself is to be read and verified.
async fn contents_of(layers: &Layers, at: usize, options: CatOptions) -> Result<Option<Contents>> {
    match options.verify {
        true => Ok(None),
        false => layers.contents(at).await,
    }
}

fn missing(path: &ImagePath) -> Error {
    Error::not_found(format!("the image has no file `{path}`"))
}

fn circle(path: &ImagePath) -> Error {
    let text = format!("the symbolic links of `{path}` lead in a circle");
    Error::corrupt(text)
}

/// The layer has the file a second time after the one that was sent.
fn replaced(path: &ImagePath) -> Error {
    let text =
        format!("the layer has `{path}` more than once, and what was printed is not the last");
    Error::corrupt(text).hint("`barque extract` takes the last, as a container would")
}

fn not_a_file(path: &ImagePath, kind: EntryKind) -> Error {
    let what = match kind {
        EntryKind::Directory => "a directory",
        EntryKind::CharDevice | EntryKind::BlockDevice => "a device",
        EntryKind::Fifo => "a named pipe",
        _ => "a link",
    };
    let error = Error::other(format!("`{path}` is {what}, not a file"));
    match kind {
        EntryKind::Directory => error.hint("`barque ls` lists what is in a directory"),
        _ => error,
    }
}

/// `lookup` with the entries of a layer whose contents are known.
async fn noted(mut lookup: Lookup, table: Contents) -> Result<Lookup> {
    blocking(move || {
        table.entries(|entry| lookup.note(entry).map(drop))?;
        Ok(lookup)
    })
    .await
}

/// What became of a file that is looked for in a layer.
#[derive(PartialEq, Eq)]
enum Sent {
    Nothing,
    Once,
    /// It was, and came again after that.
    Early,
}

/// Notes the entries of a layer, and sends the content of the file that is looked for as soon as it comes.
struct Search {
    lookup: Lookup,
    /// The number of this layer in `lookup`.
    layer: usize,
    out: mpsc::Sender<Bytes>,
    verify: bool,
    sent: Sent,
}

impl Visit for Search {
    fn entry(&mut self, entry: Entry, content: &mut Content<'_, '_>) -> Result<Next> {
        if !self.lookup.note(&entry)? {
            return Ok(Next::Go);
        }
        if self.sent != Sent::Nothing {
            self.sent = Sent::Early;
            return Ok(Next::Go);
        }
        match self.lookup.answer() {
            Answer::File { layer, path } if layer == self.layer && path == entry.path => {
                self.sent = Sent::Once;
                content.send(&self.out)?;
                Ok(if self.verify { Next::Go } else { Next::Stop })
            }
            // It was passed already, in this layer or above it, or this layer alone does not tell.
            Answer::File { .. } | Answer::Circle | Answer::Unsure => Ok(Next::Stop),
            _ => Ok(Next::Go),
        }
    }
}

/// Sends the file that layer `at` has by the path `found`, by the layer's table of contents if there is one.
async fn fetch(
    layers: &Layers,
    at: usize,
    table: Option<Contents>,
    found: ImagePath,
    options: CatOptions,
    out: mpsc::Sender<Bytes>,
) -> Result<()> {
    let Some(table) = table else {
        let fetch = Fetch {
            path: found,
            out,
            verify: options.verify,
            sent: Sent::Nothing,
        };
        let fetch = layers.walk(at, fetch).await?;
        return match fetch.sent {
            Sent::Nothing => Err(missing(&fetch.path)),
            Sent::Once => Ok(()),
            Sent::Early => Err(replaced(&fetch.path)),
        };
    };
    let of_file = found.clone();
    match blocking(move || table.locate(&of_file)).await? {
        None => Err(missing(&found)),
        Some(location) => layers.send_part(at, location, out).await,
    }
}

/// Sends the content of the file `path` of a layer.
struct Fetch {
    path: ImagePath,
    out: mpsc::Sender<Bytes>,
    verify: bool,
    sent: Sent,
}

impl Visit for Fetch {
    fn entry(&mut self, entry: Entry, content: &mut Content<'_, '_>) -> Result<Next> {
        if entry.path != self.path {
            return Ok(Next::Go);
        }
        if self.sent != Sent::Nothing {
            self.sent = Sent::Early;
        } else if entry.kind == EntryKind::File {
            self.sent = Sent::Once;
            content.send(&self.out)?;
            return Ok(if self.verify { Next::Go } else { Next::Stop });
        }
        Ok(Next::Go)
    }
}
