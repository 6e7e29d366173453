//! Decompression: which compression a content has, by its first bytes, and its plain form.
//!
//! Archives of any transport and layers in flight share this; whatever is opened here is bytes without a digest,
//! so the caller verifies what comes out. Decoders block, so a stream is inflated on a separate thread, with
//! bounded channels before and behind it: at most about 2 MiB a stream. gzip of several members and zstd of
//! several frames are read to their end.

use std::io::{self, BufReader, ErrorKind, Read};

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::BlobStream;
use crate::bytes::received;
use crate::{Error, Result};

/// Bytes of a piece of plain content.
const PIECE: usize = 256 * 1024;
/// Pieces on their way before and behind a decoder.
const IN_FLIGHT: usize = 4;
/// zstd frames may ask for a window of this many bits (128 MiB); others are refused before memory is taken.
const ZSTD_WINDOW_BITS: u32 = 27;
/// Memory that an xz stream may ask for.
const XZ_MEMORY: u64 = 256 << 20;

/// How a content is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Compression {
    /// Bytes that [`Compression::of`] wants to see.
    pub const MAGIC_LEN: usize = 6;

    /// Recognises it by the first bytes of a content; `None` for plain content (protocols 8).
    pub fn of(magic: &[u8]) -> Option<Compression> {
        let found = [
            (&[0x1f, 0x8b, 0x08][..], Compression::Gzip),
            (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd),
            (&[0xfd, b'7', b'z', b'X', b'Z', 0x00], Compression::Xz),
            (b"BZh", Compression::Bzip2),
        ]
        .into_iter()
        .find(|(begin, _)| magic.starts_with(begin));
        match found {
            Some((_, compression)) => Some(compression),
            // A zstd file may begin with a skippable frame (RFC 8878 §3.1.2).
            None if magic.len() >= 4 && magic[0] & 0xf0 == 0x50 && magic[1..4] == *b"*M\x18" => {
                Some(Compression::Zstd)
            }
            None => None,
        }
    }

    /// The word for messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Xz => "xz",
            Compression::Bzip2 => "bzip2",
        }
    }
}

/// The plain form of `content`, whatever it is compressed with; plain content passes through. Blocks.
pub(crate) fn plain_reader<'a>(
    mut content: impl Read + Send + 'a,
) -> io::Result<(Option<Compression>, Box<dyn Read + Send + 'a>)> {
    let mut magic = Vec::with_capacity(Compression::MAGIC_LEN);
    content
        .by_ref()
        .take(Compression::MAGIC_LEN as u64)
        .read_to_end(&mut magic)?;
    let compression = Compression::of(&magic);
    let content = io::Cursor::new(magic).chain(content);
    let buffered = |content| BufReader::with_capacity(64 * 1024, content);
    let reader: Box<dyn Read + Send + 'a> = match compression {
        None => Box::new(content),
        Some(Compression::Gzip) => {
            Box::new(flate2::bufread::MultiGzDecoder::new(buffered(content)))
        }
        Some(Compression::Zstd) => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(content))?;
            decoder.window_log_max(ZSTD_WINDOW_BITS)?;
            Box::new(decoder)
        }
        Some(Compression::Xz) => {
            let flags = liblzma::stream::CONCATENATED;
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(
                buffered(content),
                stream,
            ))
        }
        Some(Compression::Bzip2) => {
            Box::new(bzip2::bufread::MultiBzDecoder::new(buffered(content)))
        }
    };
    Ok((compression, reader))
}

/// The plain form of `content` (see `plain_reader`). It verifies nothing; errors of `content` are handed on as
/// they are, and `content` is read to its end, so that a stream that verifies itself has its say.
pub fn plain(content: BlobStream) -> BlobStream {
    let (to_reader, from_decoder) = mpsc::channel(IN_FLIGHT);
    // The task is dropped with the stream, and the source's stream with it.
    let (pieces, feeding) = reader(content);
    tokio::task::spawn_blocking(move || {
        if let Err(e) = decode(pieces, &to_reader) {
            // A reader that went away needs no error.
            let _ = to_reader.blocking_send(Err(e));
        }
    });
    received(from_decoder, feeding)
}

/// `content` as a reader for another thread, and the task that feeds it; without the task the reader ends.
pub(crate) fn reader(content: BlobStream) -> (Pieces, JoinSet<()>) {
    let (to, from) = mpsc::channel(IN_FLIGHT);
    let mut feeding = JoinSet::new();
    feeding.spawn(feed(content, to));
    let piece = Bytes::new();
    (Pieces { from, piece }, feeding)
}

async fn feed(mut content: BlobStream, to: mpsc::Sender<Result<Bytes>>) {
    while let Some(piece) = content.next().await {
        if to.send(piece).await.is_err() {
            return;
        }
    }
}

/// Whether what is left of a content is read after the work on it, so that a stream that verifies itself has its say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Read,
    Left,
}

/// Runs `work` on the plain form of `content` (see `plain_reader`), on a thread where it may block. Returns what it
/// returns. Fails with the errors of `work`, whose reader fails with the errors of `content` as they are ([`broken`]
/// gets them back).
pub(crate) async fn with_plain<T: Send + 'static>(
    content: BlobStream,
    work: impl FnOnce(Option<Compression>, &mut dyn Read) -> Result<(T, Rest)> + Send + 'static,
) -> Result<T> {
    let plain = move |stored: &mut (dyn Read + Send)| {
        let mut stored = stored;
        let (compression, mut reader) = plain_reader(&mut stored).map_err(|e| broken(None, e))?;
        let (done, rest) = work(compression, &mut reader)?;
        drop(reader);
        if rest == Rest::Read {
            io::copy(&mut stored, &mut io::sink()).map_err(|e| broken(compression, e))?;
        }
        Ok(done)
    };
    with_reader(content, plain).await
}

/// Runs `work` on `content` as it is, on a thread where it may block. Returns what it returns. Fails as [`with_plain`]
/// does.
pub(crate) async fn with_reader<T: Send + 'static>(
    content: BlobStream,
    work: impl FnOnce(&mut (dyn Read + Send)) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (mut pieces, feeding) = reader(content);
    let working = tokio::task::spawn_blocking(move || work(&mut pieces)).await;
    drop(feeding);
    working.map_err(|e| Error::other("the thread that reads a layer died").because(e))?
}

fn decode(mut pieces: Pieces, to: &mpsc::Sender<Result<Bytes>>) -> Result<()> {
    let (compression, mut reader) = plain_reader(&mut pieces).map_err(|e| broken(None, e))?;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        reader
            .by_ref()
            .take(PIECE as u64)
            .read_to_end(&mut piece)
            .map_err(|e| broken(compression, e))?;
        if piece.is_empty() {
            break;
        }
        if to.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
    drop(reader);
    io::copy(&mut pieces, &mut io::sink()).map_err(|e| broken(compression, e))?;
    Ok(())
}

/// The error of a decoder: that of the content below it, or what is wrong with the compressed bytes.
pub(crate) fn broken(compression: Option<Compression>, e: io::Error) -> Error {
    match e.downcast::<Error>() {
        Ok(error) => error,
        Err(e) => {
            let what = compression.map_or("compressed", Compression::as_str);
            let how = match e.kind() {
                ErrorKind::UnexpectedEof => "ends too early",
                _ => "is broken",
            };
            Error::corrupt(format!("the {what} data {how}")).because(e)
        }
    }
}

/// A stream's pieces as a blocking reader.
pub(crate) struct Pieces {
    from: mpsc::Receiver<Result<Bytes>>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.from.blocking_recv() {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(e)) => return Err(io::Error::other(e)),
                None => return Ok(0),
            }
        }
        let n = buffer.len().min(self.piece.len());
        buffer[..n].copy_from_slice(&self.piece.split_to(n));
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::Kind;
    use crate::transport::read_all;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    async fn inflate(items: Vec<Result<Bytes>>) -> Result<Bytes> {
        read_all(plain(Box::pin(futures_util::stream::iter(items))), 1 << 24).await
    }

    fn cut(content: &[u8], len: usize) -> Vec<Result<Bytes>> {
        let pieces = content.chunks(len);
        pieces.map(|p| Ok(Bytes::copy_from_slice(p))).collect()
    }

    #[tokio::test]
    async fn every_kind_is_told_by_its_first_bytes_and_read_to_the_end() {
        let content: Vec<u8> = (0..40_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
        xz.write_all(&content).unwrap();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(&content).unwrap();
        let half = content.len() / 2;
        let zstd = |c: &[u8]| zstd::stream::encode_all(c, 1).unwrap();
        for (name, packed) in [
            ("plain", content.clone()),
            ("gzip", gzip(&content)),
            (
                "gzip of two members",
                [gzip(&content[..half]), gzip(&content[half..])].concat(),
            ),
            (
                "zstd of two frames",
                [zstd(&content[..half]), zstd(&content[half..])].concat(),
            ),
            (
                "zstd after a skippable frame",
                [b"\x50*M\x18\x01\0\0\0x".to_vec(), zstd(&content)].concat(),
            ),
            ("xz", xz.finish().unwrap()),
            ("bzip2", bzip2.finish().unwrap()),
        ] {
            assert_eq!(inflate(cut(&packed, 797)).await.unwrap(), content, "{name}");
        }
        assert_eq!(inflate(cut(b"BZ", 1)).await.unwrap(), &b"BZ"[..]);
        assert!(inflate(Vec::new()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_error_keeps_its_class() {
        let packed = gzip(&vec![7; 1 << 17]);
        let short = inflate(cut(&packed[..packed.len() - 9], 100)).await;
        assert_eq!(short.unwrap_err().kind(), Kind::Corrupt);
        let mut items = cut(&packed[..100], 50);
        items.push(Err(Error::unavailable("the connection was reset")));
        assert_eq!(inflate(items).await.unwrap_err().kind(), Kind::Unavailable);
        // The rest of the source is read too: its last item may be an error.
        let mut items = cut(&packed, 100);
        items.push(Err(Error::corrupt("another digest")));
        assert_eq!(
            inflate(items).await.unwrap_err().to_string(),
            "another digest"
        );
    }
}
