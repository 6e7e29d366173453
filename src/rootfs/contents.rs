//! What is in a layer and where, as the layer's own table of contents or an index on this machine says.

use std::io::Read;
use std::ops::Range;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::gzip_index::{GzipIndex, Part};
use super::table::{Form, Located, Table};
use super::{Entry, ImagePath, chunks};
use crate::Result;

/// The contents of a layer.
#[derive(Clone)]
pub(super) enum Contents {
    Table(Table),
    Index(GzipIndex),
}

/// Where the content of a file is.
pub(super) enum Location {
    Chunks(Form, Located),
    Part(Part),
}

impl Contents {
    /// Hands each entry to `each`. Blocks. Fails with the errors of `each`; [`Kind::Corrupt`](crate::Kind::Corrupt) for
    /// a table or index that cannot be read.
    pub(super) fn entries(&self, each: impl FnMut(&Entry) -> Result<()>) -> Result<()> {
        match self {
            Contents::Table(table) => table.entries(each),
            Contents::Index(index) => index.entries(each),
        }
    }

    /// Where the content of the file `path` is; `None` when there is no such file. Blocks. Fails as
    /// [`Contents::entries`] does.
    pub(super) fn locate(&self, path: &ImagePath) -> Result<Option<Location>> {
        Ok(match self {
            Contents::Table(table) => table
                .locate(path)?
                .map(|located| Location::Chunks(table.form, located)),
            Contents::Index(index) => index.locate(path)?.map(Location::Part),
        })
    }
}

impl Location {
    /// The part of the layer that has to be read.
    pub(super) fn range(&self) -> Range<u64> {
        match self {
            Location::Chunks(_, located) => located.range.clone(),
            Location::Part(part) => part.range.clone(),
        }
    }

    /// Sends the content to `out`, or what the receiver takes of it. `input` is the part of the layer that it is in.
    /// Blocks. Fails with [`Kind::Corrupt`](crate::Kind::Corrupt) for what cannot be read or does not match its digest.
    pub(super) fn send(&self, input: impl Read, out: &mpsc::Sender<Bytes>) -> Result<()> {
        match self {
            Location::Chunks(form, located) => chunks::send(*form, located, input, out),
            Location::Part(part) => part.send(input, out),
        }
    }
}
