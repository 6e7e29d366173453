//! The content of one file of an image, from the fewest layers that tell.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::contents::Contents;
use super::lookup::{Answer, Lookup};
use super::{Content, Entry, EntryKind, ImagePath, Layers, Next, Visit};
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
        lookup.begin_layer();
        let table = match options.verify {
            true => None,
            false => layers.contents(at).await?,
        };
        lookup = match &table {
            Some(table) => noted(lookup, table.clone()).await?,
            None => {
                let search = Search {
                    lookup,
                    layer: count - 1 - at,
                    out: out.clone(),
                    verify: options.verify,
                    sent: false,
                };
                let search = layers.walk(at, search).await?;
                if search.sent {
                    return Ok(());
                }
                search.lookup
            }
        };
        tables.push(table);
        match lookup.answer() {
            Answer::More => {}
            Answer::File { layer, path: found } => {
                let fetch = Fetch {
                    path: found,
                    out,
                    verify: options.verify,
                    sent: false,
                };
                let table = tables.get_mut(layer).and_then(Option::take);
                return match fetch.run(layers, count - 1 - layer, table).await? {
                    true => Ok(()),
                    false => Err(missing(path)),
                };
            }
            Answer::Other(kind) => return Err(not_a_file(path, kind)),
            Answer::Missing => return Err(missing(path)),
            Answer::Circle => {
                let text = format!("the symbolic links of `{path}` lead in a circle");
                return Err(Error::corrupt(text));
            }
        }
    }
    match path.is_root() || lookup.is_above() {
        true => Err(not_a_file(path, EntryKind::Directory)),
        false => Err(missing(path)),
    }
}

fn missing(path: &ImagePath) -> Error {
    Error::not_found(format!("the image has no file `{path}`"))
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

/// Notes the entries of a layer, and sends the content of the file that is looked for as soon as it comes.
struct Search {
    lookup: Lookup,
    /// The number of this layer in `lookup`.
    layer: usize,
    out: mpsc::Sender<Bytes>,
    verify: bool,
    sent: bool,
}

impl Visit for Search {
    fn entry(&mut self, entry: Entry, content: &mut Content<'_, '_>) -> Result<Next> {
        if self.sent || !self.lookup.note(&entry)? {
            return Ok(Next::Go);
        }
        match self.lookup.answer() {
            Answer::File { layer, path } if layer == self.layer && path == entry.path => {
                self.sent = true;
                content.send(&self.out)?;
                Ok(if self.verify { Next::Go } else { Next::Stop })
            }
            // It was passed already, in this layer or above it.
            Answer::File { .. } | Answer::Circle => Ok(Next::Stop),
            _ => Ok(Next::Go),
        }
    }
}

/// Sends the content of the last file `path` of a layer.
struct Fetch {
    path: ImagePath,
    out: mpsc::Sender<Bytes>,
    verify: bool,
    sent: bool,
}

impl Fetch {
    /// Sends the content from layer `at`, by its table of contents if there is one; `false` when it is not there.
    async fn run(self, layers: &Layers, at: usize, table: Option<Contents>) -> Result<bool> {
        let Some(table) = table else {
            return Ok(layers.walk(at, self).await?.sent);
        };
        let path = self.path;
        match blocking(move || table.locate(&path)).await? {
            None => Ok(false),
            Some(location) => {
                layers.send_part(at, location, self.out).await?;
                Ok(true)
            }
        }
    }
}

impl Visit for Fetch {
    fn entry(&mut self, entry: Entry, content: &mut Content<'_, '_>) -> Result<Next> {
        if self.sent || entry.path != self.path || entry.kind != EntryKind::File {
            return Ok(Next::Go);
        }
        self.sent = true;
        content.send(&self.out)?;
        Ok(if self.verify { Next::Go } else { Next::Stop })
    }
}
