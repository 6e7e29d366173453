//! Some entries of a layer by its index: which parts of the layer have to be read for them, and reading these.

use std::collections::HashMap;
use std::io::{self, BufReader, Read};
use std::ops::Range;

use super::GzipIndex;
use super::fields::Place;
use super::inflater::{Inflater, Restart, SPACING};
use crate::rootfs::tar_stream::TarStream;
use crate::rootfs::{Entry, EntryKind, ImagePath, Visit};
use crate::transport::inflate::{Compression, broken};
use crate::{Error, Result};

/// What is wanted of a layer.
#[derive(Default)]
pub(in crate::rootfs) struct Picked {
    /// Entries for which nothing has to be read.
    bare: Vec<Entry>,
    pub(in crate::rootfs) parts: Vec<PickedPart>,
}

/// Files that lie near each other, and the part of the layer that has to be read for them.
pub(in crate::rootfs) struct PickedPart {
    files: Vec<(Entry, Place)>,
    restart: Restart,
    end: u64,
}

impl GzipIndex {
    /// The entries for which `wanted` has a path in the image. Of several with one path it is the last. Blocks. Fails
    /// with [`crate::Kind::Corrupt`] for an index that cannot be read.
    pub(in crate::rootfs) fn pick(
        &self,
        wanted: impl Fn(&Entry) -> Option<ImagePath>,
    ) -> Result<Picked> {
        let mut entries = HashMap::new();
        self.0.entries(|entry, place| {
            if let Some(path) = wanted(&entry) {
                entries.insert(path, (entry, place));
            }
            Ok(())
        })?;
        let (mut picked, mut files) = (Picked::default(), Vec::new());
        for (entry, place) in entries.into_values() {
            match place {
                Some(place) if entry.size > 0 => files.push((entry, place)),
                _ => picked.bare.push(entry),
            }
        }
        files.sort_unstable_by_key(|(_, place)| place.header);
        for (entry, place) in files {
            match picked.parts.last_mut() {
                // A new part would begin no later.
                Some(part) if place.header < part.plain_end() + SPACING => {
                    part.end = place.end;
                    part.files.push((entry, place));
                }
                _ => picked.parts.push(PickedPart {
                    restart: self.0.restart(place.header)?,
                    end: place.end,
                    files: vec![(entry, place)],
                }),
            }
        }
        Ok(picked)
    }
}

impl Picked {
    /// Bytes of the layer that have to be read.
    pub(in crate::rootfs) fn bytes(&self) -> u64 {
        let lengths = self.parts.iter().map(PickedPart::range);
        lengths.map(|range| range.end - range.start).sum()
    }

    /// Hands the entries that nothing has to be read for to `visitor`. Blocks. Fails with the errors of `visitor`.
    pub(in crate::rootfs) fn visit_bare<V: Visit>(&mut self, mut visitor: V) -> Result<V> {
        let mut nothing = io::empty();
        let mut tar = TarStream::new(&mut nothing, None);
        for entry in std::mem::take(&mut self.bare) {
            visitor.entry(entry, &mut tar.no_content())?;
        }
        Ok(visitor)
    }
}

impl PickedPart {
    /// Bytes of the tar before the end of the last file, its padding not counted.
    fn plain_end(&self) -> u64 {
        self.files
            .last()
            .map_or(0, |(entry, place)| place.header.saturating_add(entry.size))
    }

    /// The part of the layer.
    pub(in crate::rootfs) fn range(&self) -> Range<u64> {
        self.restart.stored..self.end.max(self.restart.stored)
    }

    /// Hands the files to `visitor`; `input` is the part of the layer. Blocks. Fails with the errors of `visitor`;
    /// [`crate::Kind::Corrupt`] for what cannot be read or does not match its digest.
    pub(in crate::rootfs) fn visit<V: Visit>(self, input: impl Read, mut visitor: V) -> Result<V> {
        let gzip = Some(Compression::Gzip);
        let start = self.restart.plain;
        let first = self.files.first().map_or(start, |(_, place)| place.header);
        let input = BufReader::with_capacity(64 << 10, input);
        let mut plain = Inflater::resume(input, &self.restart);
        let progress = plain.progress();
        let before = first.saturating_sub(start);
        io::copy(&mut plain.by_ref().take(before), &mut io::sink()).map_err(|e| broken(gzip, e))?;
        let mut tar = TarStream::new(&mut plain, gzip);
        for (entry, place) in self.files {
            loop {
                let header = start + progress.plain.get() + tar.ahead();
                match tar.next()? {
                    Some(_) if header < place.header => {}
                    Some((read, mut content))
                        if header == place.header
                            && (read.kind, read.size) == (EntryKind::File, entry.size) =>
                    {
                        content.hash(Some(place.digest));
                        visitor.entry(entry, &mut content)?;
                        content.finish()?;
                        break;
                    }
                    _ => {
                        let text = "the layer does not have the file where its index says";
                        return Err(Error::corrupt(text));
                    }
                }
            }
        }
        Ok(visitor)
    }
}
