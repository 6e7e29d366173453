//! The fields of an index: numbers and texts, and the entries made of them.
//!
//! A number takes seven bits a byte, the lowest first, and the highest bit of a byte says that more follow. A text is its length
//! and its bytes.

use std::io::{self, ErrorKind, Read, Write};

use crate::Result;
use crate::image::Digest;
use crate::rootfs::{Entry, EntryKind, ImagePath, Time};

/// Most bytes of a text: a path, a link, an attribute, a window.
const MOST_TEXT: u64 = 1 << 20;
/// Most attributes of an entry.
const MOST_XATTRS: u64 = 1 << 20;

/// Kinds of entries, by their numbers in an index.
const KINDS: [EntryKind; 7] = [
    EntryKind::File,
    EntryKind::Directory,
    EntryKind::Symlink,
    EntryKind::HardLink,
    EntryKind::CharDevice,
    EntryKind::BlockDevice,
    EntryKind::Fifo,
];

/// Where the content of a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes of the tar before the headers of its entry.
    pub(super) header: u64,
    /// Bytes of the layer that have to be known for the end of its content.
    pub(super) end: u64,
    /// Of its content.
    pub(super) digest: Digest,
}

pub(super) fn put_number(out: &mut impl Write, mut n: u64) -> io::Result<()> {
    while n >= 0x80 {
        out.write_all(&[n as u8 | 0x80])?;
        n >>= 7;
    }
    out.write_all(&[n as u8])
}

pub(super) fn put_text(out: &mut impl Write, text: &[u8]) -> io::Result<()> {
    put_number(out, text.len() as u64)?;
    out.write_all(text)
}

/// The next number; `None` at the end.
pub(super) fn number_or_end(input: &mut impl Read) -> io::Result<Option<u64>> {
    let (mut n, mut shift) = (0, 0);
    let mut byte = [0];
    loop {
        match input.read_exact(&mut byte) {
            Err(e) if e.kind() == ErrorKind::UnexpectedEof && shift == 0 => return Ok(None),
            read => read?,
        }
        n |= u64::from(byte[0] & 0x7f) << shift;
        match byte[0] & 0x80 {
            0 => return Ok(Some(n)),
            _ if shift >= 63 => return Err(wrong("a number is too large")),
            _ => shift += 7,
        }
    }
}

pub(super) fn number(input: &mut impl Read) -> io::Result<u64> {
    number_or_end(input)?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
}

fn small(input: &mut impl Read) -> io::Result<u32> {
    u32::try_from(number(input)?).map_err(|_| wrong("a number is too large"))
}

pub(super) fn text(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let len = number(input)?;
    if len > MOST_TEXT {
        return Err(wrong("a text is too long"));
    }
    let mut text = vec![0; len as usize];
    input.read_exact(&mut text)?;
    Ok(text)
}

/// What is wrong with an index.
pub(super) fn wrong(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Writes `entry`, and where its content is if it is a file.
pub(super) fn put_entry(
    out: &mut impl Write,
    entry: &Entry,
    place: Option<&Place>,
) -> io::Result<()> {
    let kind = KINDS.iter().position(|kind| *kind == entry.kind);
    put_number(out, kind.unwrap_or_default() as u64)?;
    put_text(out, entry.path.as_bytes())?;
    let seconds = entry.modified.seconds;
    for n in [
        u64::from(entry.mode),
        u64::from(entry.uid),
        u64::from(entry.gid),
        entry.size,
        // Times before 1970 are odd numbers.
        (seconds << 1 ^ seconds >> 63) as u64,
        u64::from(entry.modified.nanos),
        u64::from(entry.device.0),
        u64::from(entry.device.1),
    ] {
        put_number(out, n)?;
    }
    put_text(out, &entry.link)?;
    put_number(out, entry.xattrs.len() as u64)?;
    for (name, value) in &entry.xattrs {
        put_text(out, name)?;
        put_text(out, value)?;
    }
    if let Some(place) = place {
        put_number(out, place.header)?;
        put_number(out, place.end)?;
        let digest = hex::decode(place.digest.hex()).map_err(io::Error::other)?;
        put_text(out, &digest)?;
    }
    Ok(())
}

/// The next entry of an index; `None` at the end.
pub(super) fn entry(input: &mut impl Read) -> io::Result<Option<(Entry, Option<Place>)>> {
    let Some(kind) = number_or_end(input)? else {
        return Ok(None);
    };
    let kind = usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind));
    let kind = *kind.ok_or_else(|| wrong("an entry is of an unknown kind"))?;
    let path = parsed(ImagePath::parse(&text(input)?))?;
    let (mode, uid, gid) = (small(input)?, small(input)?, small(input)?);
    let size = number(input)?;
    let time = number(input)?;
    let modified = Time {
        seconds: (time >> 1) as i64 ^ -((time & 1) as i64),
        nanos: small(input)?,
    };
    let device = (small(input)?, small(input)?);
    let link = text(input)?;
    let count = number(input)?;
    if count > MOST_XATTRS {
        return Err(wrong("an entry has too many attributes"));
    }
    let mut xattrs = Vec::new();
    for _ in 0..count {
        xattrs.push((text(input)?, text(input)?));
    }
    let place = match kind {
        EntryKind::File => Some(Place {
            header: number(input)?,
            end: number(input)?,
            digest: parsed(format!("sha256:{}", hex::encode(text(input)?)).parse())?,
        }),
        _ => None,
    };
    let entry = Entry {
        path,
        kind,
        mode,
        uid,
        gid,
        size,
        modified,
        link,
        device,
        xattrs,
    };
    Ok(Some((entry, place)))
}

fn parsed<T, E: std::error::Error + Send + Sync + 'static>(read: Result<T, E>) -> io::Result<T> {
    read.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let mut entry = Entry {
            path: ImagePath::parse(b"a/\xff/c").unwrap(),
            kind: EntryKind::Symlink,
            mode: 0o4755,
            uid: u32::MAX,
            gid: 7,
            size: 0,
            modified: Time {
                seconds: -5,
                nanos: 999_999_999,
            },
            link: b"../x".to_vec(),
            device: (8, 1),
            xattrs: vec![(b"user.a".to_vec(), vec![0, 255]), (b"b".to_vec(), vec![])],
        };
        let mut file = entry.clone();
        (file.kind, file.size) = (EntryKind::File, 1 << 40);
        file.modified.seconds = 1 << 33;
        let place = Place {
            header: 1 << 41,
            end: 300,
            digest: Digest::of(Algorithm::Sha256, b"x"),
        };
        let mut bytes = Vec::new();
        put_entry(&mut bytes, &entry, None).unwrap();
        put_entry(&mut bytes, &file, Some(&place)).unwrap();
        let mut input = &bytes[..];
        assert_eq!(
            super::entry(&mut input).unwrap(),
            Some((entry.clone(), None))
        );
        assert_eq!(super::entry(&mut input).unwrap(), Some((file, Some(place))));
        assert_eq!(super::entry(&mut input).unwrap(), None);
        // Cut anywhere, it is an error.
        entry.xattrs.clear();
        let mut bytes = Vec::new();
        put_entry(&mut bytes, &entry, None).unwrap();
        for end in 1..bytes.len() {
            assert!(super::entry(&mut &bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn numbers_and_texts_are_bounded() {
        for n in [0, 127, 128, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, n).unwrap();
            assert_eq!(number(&mut &bytes[..]).unwrap(), n);
        }
        assert!(number(&mut &[0xff; 12][..]).is_err());
        let mut long = Vec::new();
        put_number(&mut long, 1 << 30).unwrap();
        assert_eq!(
            text(&mut &long[..]).unwrap_err().kind(),
            ErrorKind::InvalidData
        );
    }
}
