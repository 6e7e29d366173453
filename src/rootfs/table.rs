//! Tables of contents inside layers: what is in a layer, and where, without reading the layer.
//!
//! eStargz puts one at the end of a gzip layer (stargz-snapshotter, docs/estargz.md), zstd:chunked one into a skippable frame of
//! a zstd layer (containers-storage-zstd-chunked(1)). Both are JSON with the same members. A table is used only where the
//! manifest has its digest, which is checked; so what it says is what the image's maker said. The contents of files have
//! digests of their own in it.

mod rows;

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::ops::Range;

use bytes::Bytes;
use rows::{Row, TableSeed};
use serde::de::DeserializeSeed;

use super::{Entry, ImagePath};
use crate::image::{Descriptor, Digest, Digester};
use crate::transport::blob_store::blocking;
use crate::transport::tar_index::header_of;
use crate::transport::{Source, read_all};
use crate::{Error, Result};

const ESTARGZ_DIGEST: &str = "containerd.io/snapshot/stargz/toc.digest";
const CHUNKED_POSITION: &str = "io.github.containers.zstd-chunked.manifest-position";
const CHUNKED_DIGEST: &str = "io.github.containers.zstd-chunked.manifest-checksum";
/// Bytes of the footer of an eStargz layer.
const FOOTER: u64 = 51;
/// Most bytes of a table as it is stored, and inflated.
const MOST_STORED: u64 = 64 << 20;
const MOST_INFLATED: u64 = 1 << 30;
/// Files that eStargz adds to a layer for its own use.
const LANDMARKS: [&str; 3] = [
    ".prefetch.landmark",
    ".no.prefetch.landmark",
    "stargz.index.json",
];

/// How a layer with a table is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Estargz,
    Chunked,
}

/// The table of a layer.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) form: Form,
    /// As it is stored.
    stored: Bytes,
    /// Where in the layer it begins: no file is behind it.
    begins: u64,
}

/// A part of a file's content.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    /// Where in the layer its compressed data begins.
    pub(super) offset: u64,
    /// Bytes of that data's plain form that come before it.
    pub(super) inner: u64,
    /// Its place in the file, and its bytes.
    pub(super) at: u64,
    pub(super) size: u64,
    pub(super) digest: Digest,
}

/// Where the content of a file is.
#[derive(Debug, Clone, Default)]
pub(super) struct Located {
    /// In their order.
    pub(super) chunks: Vec<Chunk>,
    /// The part of the layer that has to be read for them.
    pub(super) range: Range<u64>,
}

impl Table {
    /// Whether the manifest says that `layer` has a table.
    pub(super) fn is_said_of(layer: &Descriptor) -> bool {
        layer.annotation(ESTARGZ_DIGEST).is_some() || layer.annotation(CHUNKED_POSITION).is_some()
    }

    /// Reads the table of `layer`: one request for zstd:chunked, two for eStargz. `None` where there is none. Fails
    /// with the errors of the place; [`crate::Kind::Corrupt`] for a table that is not where it should be, or has
    /// another digest.
    pub(super) async fn read(source: &dyn Source, layer: &Descriptor) -> Result<Option<Table>> {
        if let (Some(position), Some(digest)) = (
            layer.annotation(CHUNKED_POSITION),
            layer.annotation(CHUNKED_DIGEST),
        ) {
            let digest = parsed(digest)?;
            let mut numbers = position.split(':').map(|n| n.parse::<u64>().ok());
            let (Some(Some(begins)), Some(Some(len)), _, Some(Some(1))) = (
                numbers.next(),
                numbers.next(),
                numbers.next(),
                numbers.next(),
            ) else {
                return Ok(None);
            };
            let stored = part(source, layer, begins, begins.saturating_add(len)).await?;
            if Digest::of(digest.algorithm(), &stored) != digest {
                return Err(malformed("has another digest than the manifest says"));
            }
            return Ok(Some(Table {
                form: Form::Chunked,
                stored,
                begins,
            }));
        }
        let Some(digest) = layer.annotation(ESTARGZ_DIGEST) else {
            return Ok(None);
        };
        let digest = parsed(digest)?;
        let end = layer
            .size
            .checked_sub(FOOTER)
            .ok_or_else(|| malformed("has no footer"))?;
        let footer = part(source, layer, end, layer.size).await?;
        let begins = offset_in(&footer).ok_or_else(|| malformed("has no footer"))?;
        let stored = part(source, layer, begins, end).await?;
        let table = Table {
            form: Form::Estargz,
            stored,
            begins,
        };
        blocking(move || table.checked(&digest)).await.map(Some)
    }

    /// The table, whose JSON has to have this digest. Blocks.
    fn checked(self, digest: &Digest) -> Result<Table> {
        let mut digester = Digester::new(digest.algorithm());
        let mut json = BufReader::with_capacity(64 << 10, self.json()?);
        loop {
            let piece = json
                .fill_buf()
                .map_err(|e| malformed("cannot be read").because(e))?;
            if piece.is_empty() {
                break;
            }
            digester.update(piece);
            let len = piece.len();
            json.consume(len);
        }
        drop(json);
        match digester.finish() == *digest {
            true => Ok(self),
            false => Err(malformed("has another digest than the manifest says")),
        }
    }

    /// Hands each entry to `each`. Blocks. Fails with the errors of `each`; [`crate::Kind::Corrupt`] for a table that
    /// cannot be read.
    pub(super) fn entries(&self, mut each: impl FnMut(&Entry) -> Result<()>) -> Result<()> {
        self.rows(|row| match row.entry()? {
            Some(entry) if !is_landmark(self.form, &entry.path) => each(&entry),
            _ => Ok(()),
        })
    }

    /// Where the content of the file `path` is; `None` when there is no such file. Blocks. Fails as [`Table::entries`]
    /// does.
    pub(super) fn locate(&self, path: &ImagePath) -> Result<Option<Located>> {
        let (mut found, mut size, mut whole) = (false, 0, String::new());
        let mut ends = vec![self.begins];
        let mut rows: Vec<Row> = Vec::new();
        let mut end_offset = 0;
        self.rows(|row| {
            let has_data = matches!(row.kind.as_str(), "reg" | "chunk") && row.offset > 0
                || row.chunk_size > 0;
            if has_data {
                ends.push(row.offset);
            }
            if !matches!(row.kind.as_str(), "reg" | "chunk")
                || ImagePath::parse(row.name.as_bytes())? != *path
            {
                return Ok(());
            }
            if row.kind == "reg" {
                // A file that is there twice is the last one.
                rows.clear();
                (found, size, whole, end_offset) =
                    (true, row.size, row.digest.clone(), row.end_offset);
            }
            rows.push(row);
            Ok(())
        })?;
        if !found {
            return Ok(None);
        }
        if size == 0 {
            return Ok(Some(Located::default()));
        }
        rows.sort_by_key(|row| row.chunk_offset);
        ends.sort_unstable();
        let mut chunks = Vec::new();
        let mut at = 0;
        let single = rows.len() == 1;
        for row in &rows {
            let left = size - at;
            // The last chunk may go on to the end without a size.
            let bytes = if row.chunk_size == 0 {
                left
            } else {
                row.chunk_size
            };
            let digest = if row.chunk_digest.is_empty() && single {
                &whole
            } else {
                &row.chunk_digest
            };
            if row.chunk_offset != at || bytes > left {
                return Err(malformed("lists a file with gaps"));
            }
            chunks.push(Chunk {
                offset: row.offset,
                inner: row.inner_offset,
                at,
                size: bytes,
                digest: parsed(digest)?,
            });
            at += bytes;
        }
        if at != size {
            return Err(malformed("lists a file with gaps"));
        }
        let first = chunks.iter().map(|c| c.offset).min().unwrap_or_default();
        let last = chunks.iter().map(|c| c.offset).max().unwrap_or_default();
        let next = ends.iter().find(|end| **end > last).copied();
        let end = match end_offset {
            0 => next.unwrap_or(self.begins),
            end => end,
        };
        if end <= last || end > self.begins {
            return Err(malformed("lists a file that is not in the layer"));
        }
        let range = first..end;
        Ok(Some(Located { chunks, range }))
    }

    fn rows(&self, mut each: impl FnMut(Row) -> Result<()>) -> Result<()> {
        let mut failed = None;
        let mut reader = serde_json::Deserializer::from_reader(BufReader::new(self.json()?));
        let read = TableSeed(&mut |row| {
            each(row).map_err(|e| {
                failed = Some(e);
                "an entry was refused"
            })
        })
        .deserialize(&mut reader);
        match failed {
            Some(e) => Err(e),
            None => read.map_err(|e| malformed("cannot be read").because(e)),
        }
    }

    /// The JSON of the table.
    fn json(&self) -> Result<Box<dyn Read + '_>> {
        let cannot = |e: io::Error| malformed("cannot be read").because(e);
        let stored = Cursor::new(&self.stored[..]);
        if self.form == Form::Chunked {
            let plain = zstd::stream::read::Decoder::with_buffer(stored).map_err(cannot)?;
            return Ok(Box::new(plain.take(MOST_INFLATED)));
        }
        // A tar with one member.
        let mut plain = flate2::bufread::GzDecoder::new(stored);
        let mut block = [0; 512];
        plain.read_exact(&mut block).map_err(cannot)?;
        let size = header_of(&block).entry_size().map_err(cannot)?;
        Ok(Box::new(plain.take(size.min(MOST_INFLATED))))
    }
}

fn is_landmark(form: Form, path: &ImagePath) -> bool {
    form == Form::Estargz
        && LANDMARKS
            .iter()
            .any(|name| path.as_bytes() == name.as_bytes())
}

/// The offset of the table in the footer of an eStargz layer: 16 hex digits before a mark, in a header of gzip.
fn offset_in(footer: &[u8]) -> Option<u64> {
    let mark = footer.windows(6).position(|w| w == b"STARGZ")?;
    let digits = footer.get(mark.checked_sub(16)?..mark)?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The bytes of `layer` from `begins` to `end`.
async fn part(source: &dyn Source, layer: &Descriptor, begins: u64, end: u64) -> Result<Bytes> {
    if begins >= end || end > layer.size || end - begins > MOST_STORED {
        return Err(malformed("is not where it should be"));
    }
    let bytes = read_all(source.part_of(layer, begins..end).await?, MOST_STORED).await?;
    match bytes.len() as u64 == end - begins {
        true => Ok(bytes),
        false => Err(malformed("is cut off")),
    }
}

fn parsed(digest: &str) -> Result<Digest> {
    let read = digest.parse::<Digest>();
    read.map_err(|e| malformed("has a digest that cannot be read").because(e))
}

fn malformed(what: &str) -> Error {
    let text = format!("the layer's table of contents {what}");
    Error::corrupt(text)
}
