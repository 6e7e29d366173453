//! An index as a file.
//!
//! It begins with a line that names the format, then the digest and size of its layer, then places where a decoder can begin,
//! each with the bytes before it (zstd), then the entries of the tar (zstd). The last 32 bytes are the SHA-256 of all
//! before them. It gets its name when it is whole, so a file under that name is whole or was damaged later.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempPath;

use super::fields::{self, Place, number, number_or_end, put_number, put_text, text, wrong};
use super::inflater::{Inside, Restart};
use crate::image::{Algorithm, Descriptor, Digester};
use crate::rootfs::Entry;
use crate::transport::blob_store::{PREFIX, create_directory, empty_file, sweep};
use crate::{Error, Result};

/// The format and its version.
const MAGIC: &[u8] = b"barque gzip index 1\n";
/// Bytes of the digest at the end.
const SUM: u64 = 32;
/// Most bytes of an index; that of a layer of 100 GB takes some 1 GB.
const MOST: u64 = 4 << 30;
/// What follows: a place, or the entries.
const PLACE: u64 = 1;
const ENTRIES: u64 = 2;
/// How hard zstd tries.
const LEVEL: i32 = 6;

/// The file of the index of `layer` in `directory`.
pub(super) fn path_of(directory: &Path, layer: &Descriptor) -> PathBuf {
    let (algorithm, hex) = (layer.digest.algorithm().as_str(), layer.digest.hex());
    directory.join(format!("{algorithm}-{hex}.index"))
}

/// A place as it stands in the file.
struct Stored {
    stored: u64,
    plain: u64,
    /// Bits that are left, and where in the file the packed window is.
    inside: Option<(u8, u8, Range<u64>)>,
}

/// An index that was opened and checked.
pub(super) struct Opened {
    file: File,
    /// In the order of the layer.
    places: Vec<Stored>,
    entries: Range<u64>,
}

impl Opened {
    /// Opens the index `path` of `layer`. An error says what is wrong with it.
    pub(super) fn open(path: &Path, layer: &Descriptor) -> io::Result<Opened> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        let end = about.len().saturating_sub(SUM);
        if !about.is_file() || about.len() > MOST {
            return Err(wrong("it is no index"));
        }
        let mut begin = [0; MAGIC.len()];
        let mut input = BufReader::with_capacity(64 << 10, &file);
        if input.read_exact(&mut begin).is_err() || begin != MAGIC {
            return Err(wrong("it is no index, or one of another version"));
        }
        check_sum(&mut input, end)?;
        input.seek(SeekFrom::Start(MAGIC.len() as u64))?;
        let of = (text(&mut input)?, number(&mut input)?);
        if of != (layer.digest.to_string().into_bytes(), layer.size) {
            return Err(wrong("it is of another layer"));
        }
        let mut places: Vec<Stored> = Vec::new();
        loop {
            match number_or_end(&mut input)? {
                Some(PLACE) => places.push(place(&mut input)?),
                Some(ENTRIES) => break,
                _ => return Err(wrong("it has no entries")),
            }
        }
        let begin = input.stream_position()?;
        let entries = begin..end;
        drop(input);
        Ok(Opened {
            file,
            places,
            entries,
        })
    }

    /// Hands each entry to `each`.
    pub(super) fn entries(
        &self,
        mut each: impl FnMut(Entry, Option<Place>) -> Result<()>,
    ) -> Result<()> {
        let part = self.part(&self.entries).map_err(unreadable)?;
        let packed = zstd::stream::read::Decoder::new(part).map_err(unreadable)?;
        let mut input = BufReader::with_capacity(64 << 10, packed);
        while let Some((entry, place)) = fields::entry(&mut input).map_err(unreadable)? {
            each(entry, place)?;
        }
        Ok(())
    }

    /// The last place before the byte `plain` of the tar.
    pub(super) fn restart(&self, plain: u64) -> Result<Restart> {
        let next = self.places.partition_point(|place| place.plain <= plain);
        let place = next.checked_sub(1).and_then(|at| self.places.get(at));
        let place = place.ok_or_else(|| unreadable(wrong("it has no place to begin")))?;
        let inside = match &place.inside {
            None => None,
            Some((bits, value, window)) => Some(Inside {
                bits: *bits,
                value: *value,
                window: self.window(window).map_err(unreadable)?,
            }),
        };
        Ok(Restart {
            stored: place.stored,
            plain: place.plain,
            inside,
        })
    }

    fn window(&self, at: &Range<u64>) -> io::Result<Vec<u8>> {
        let mut window = Vec::new();
        let packed = zstd::stream::read::Decoder::new(self.part(at)?)?;
        packed.take(1 << 20).read_to_end(&mut window)?;
        Ok(window)
    }

    /// A part of the file. Readers of it do not overlap in time.
    fn part(&self, at: &Range<u64>) -> io::Result<impl Read + '_> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at.start))?;
        Ok(file.take(at.end - at.start))
    }
}

/// Reads `input`, which is behind the first line of a file, to `end`, and compares the digest there.
fn check_sum(input: &mut impl BufRead, end: u64) -> io::Result<()> {
    let mut digester = Digester::new(Algorithm::Sha256);
    digester.update(MAGIC);
    let mut content = input.by_ref().take(end.saturating_sub(MAGIC.len() as u64));
    loop {
        let piece = content.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        digester.update(piece);
        let len = piece.len();
        content.consume(len);
    }
    let mut sum = [0; SUM as usize];
    input.read_exact(&mut sum)?;
    match digester.finish().hex() == hex::encode(sum) {
        true => Ok(()),
        false => Err(wrong("it was damaged")),
    }
}

fn place(input: &mut (impl BufRead + Seek)) -> io::Result<Stored> {
    let (stored, plain) = (number(input)?, number(input)?);
    let inside = match number(input)? {
        0 => None,
        bits => {
            let value = number(input)? as u8;
            let len = number(input)?;
            let begin = input.stream_position()?;
            input.seek_relative(i64::try_from(len).map_err(io::Error::other)?)?;
            Some((bits as u8 - 1, value, begin..begin + len))
        }
    };
    Ok(Stored {
        stored,
        plain,
        inside,
    })
}

fn unreadable(e: io::Error) -> Error {
    Error::corrupt("the index of the layer cannot be read").because(e)
}

/// An index that is being written, under a temporary name.
pub(super) struct Writer {
    out: Hashed,
    temporary: TempPath,
    to: PathBuf,
    entries: zstd::stream::write::Encoder<'static, Vec<u8>>,
}

impl Writer {
    /// Begins the index of `layer` in `directory`, which is made if it is not there.
    pub(super) fn new(directory: &Path, layer: &Descriptor) -> Result<Writer> {
        create_directory(directory)?;
        // A run that was interrupted leaves its file, and perhaps never comes to that layer again.
        sweep(directory, Duration::ZERO, |name| {
            name.starts_with(PREFIX) && name.contains(".index")
        });
        let to = path_of(directory, layer);
        let cannot = |e| cannot_write(&to, e);
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let (file, temporary) = empty_file(directory, &name).map_err(cannot)?;
        let mut out = Hashed {
            file: BufWriter::new(file),
            digester: Digester::new(Algorithm::Sha256),
        };
        let mut begin = || -> io::Result<_> {
            out.write_all(MAGIC)?;
            put_text(&mut out, layer.digest.to_string().as_bytes())?;
            put_number(&mut out, layer.size)?;
            zstd::stream::write::Encoder::new(Vec::new(), LEVEL)
        };
        let entries = begin().map_err(cannot)?;
        Ok(Writer {
            out,
            temporary,
            to,
            entries,
        })
    }

    pub(super) fn place(&mut self, place: &Restart) -> io::Result<()> {
        let out = &mut self.out;
        put_number(out, PLACE)?;
        put_number(out, place.stored)?;
        put_number(out, place.plain)?;
        match &place.inside {
            None => put_number(out, 0),
            Some(inside) => {
                put_number(out, u64::from(inside.bits) + 1)?;
                put_number(out, u64::from(inside.value))?;
                put_text(out, &zstd::stream::encode_all(&inside.window[..], LEVEL)?)
            }
        }
    }

    pub(super) fn entry(&mut self, entry: &Entry, place: Option<&Place>) -> io::Result<()> {
        fields::put_entry(&mut self.entries, entry, place)
    }

    /// Ends the file and gives it its name.
    pub(super) fn publish(mut self) -> Result<()> {
        let to = self.to;
        let end = || -> io::Result<()> {
            put_number(&mut self.out, ENTRIES)?;
            self.out.write_all(&self.entries.finish()?)?;
            let Hashed { mut file, digester } = self.out;
            let sum = hex::decode(digester.finish().hex()).map_err(io::Error::other)?;
            file.write_all(&sum)?;
            file.into_inner()?.sync_data()?;
            Ok(self.temporary.persist(&to)?)
        };
        end().map_err(|e| cannot_write(&to, e))
    }
}

fn cannot_write(path: &Path, e: io::Error) -> Error {
    let text = format!("cannot write the index `{}`", path.display());
    Error::refused(text).because(e)
}

/// A file, and the digest of what was written to it.
struct Hashed {
    file: BufWriter<File>,
    digester: Digester,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.digester.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
