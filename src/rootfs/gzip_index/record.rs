//! Writing the index of a gzip layer while it is read for something else.

use std::cell::RefCell;
use std::io::{self, BufRead};
use std::path::Path;

use super::fields::Place;
use super::file::Writer;
use super::inflater::Inflater;
use crate::image::Descriptor;
use crate::rootfs::tar_stream::TarStream;
use crate::rootfs::{EntryKind, Next, Visit};
use crate::transport::inflate::{Compression, broken};
use crate::{Error, Result};

/// The index of a layer that is being read. Without a writer, because it cannot be written, nothing is kept.
pub(in crate::rootfs) struct Recorder(Option<Writer>);

impl Recorder {
    /// Begins the index of `layer` in `directory`. That it cannot be written is a warning: the layer can be read.
    pub(in crate::rootfs) fn new(directory: &Path, layer: &Descriptor) -> Recorder {
        let writer = Writer::new(directory, layer);
        Recorder(writer.inspect_err(warn).ok())
    }

    /// Hands the entries of the gzip layer `stored` to `visitor`, and notes them. The layer is read to its end, whether the
    /// visitor wants all of it or not.
    pub(in crate::rootfs) fn walk<V: Visit>(
        &mut self,
        stored: impl BufRead,
        mut visitor: V,
    ) -> Result<V> {
        let gzip = Some(Compression::Gzip);
        let recorder = RefCell::new(self);
        let mut inflater = Inflater::new(stored, |place| {
            recorder.borrow_mut().write(|writer| writer.place(&place));
        });
        let progress = inflater.progress();
        let mut tar = TarStream::new(&mut inflater, gzip);
        let mut next = Next::Go;
        loop {
            let header = progress.plain.get() + tar.ahead();
            let Some((entry, mut content)) = tar.next()? else {
                break;
            };
            if entry.kind == EntryKind::File {
                content.hash(None);
            }
            if next == Next::Go {
                next = visitor.entry(entry.clone(), &mut content)?;
            }
            let place = content.finish()?.map(|digest| Place {
                header,
                end: progress.stored.get(),
                digest,
            });
            recorder
                .borrow_mut()
                .write(|writer| writer.entry(&entry, place.as_ref()));
        }
        io::copy(&mut inflater, &mut io::sink()).map_err(|e| broken(gzip, e))?;
        Ok(visitor)
    }

    /// Keeps the index: the layer was read, and has its digest.
    pub(in crate::rootfs) fn publish(self) {
        if let Some(writer) = self.0 {
            writer.publish().unwrap_or_else(|e| warn(&e));
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut Writer) -> io::Result<()>) {
        if let Some(writer) = &mut self.0
            && let Err(e) = write(writer)
        {
            warn(&Error::other("cannot write the index of the layer").because(e));
            self.0 = None;
        }
    }
}

fn warn(e: &Error) {
    tracing::warn!("{e:#}");
}
