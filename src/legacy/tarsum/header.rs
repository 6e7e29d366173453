//! The fields of a tar header, and those that PAX records put in their place.

use std::collections::BTreeMap;

use super::TarSumError;

pub(super) const BLOCK: usize = 512;

/// A member's fields as they are hashed.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) uname: Option<Vec<u8>>,
    pub(super) gname: Option<Vec<u8>>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) size: Option<u64>,
    pub(super) mtime: Option<i64>,
    /// By key, as they are hashed; of a key that comes twice the last value counts.
    pub(super) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Fields {
    /// Takes in a record of a PAX header.
    pub(super) fn pax(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarSumError> {
        let whole = |value: &[u8]| -> Result<u64, TarSumError> {
            let text = std::str::from_utf8(value).ok();
            text.and_then(|t| t.parse().ok())
                .ok_or(TarSumError::Malformed("a PAX number is broken"))
        };
        match key {
            b"path" => self.name = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"uname" => self.uname = Some(value.to_vec()),
            b"gname" => self.gname = Some(value.to_vec()),
            b"uid" => self.uid = Some(whole(value)?),
            b"gid" => self.gid = Some(whole(value)?),
            b"size" => self.size = Some(whole(value)?),
            b"mtime" => {
                let text = std::str::from_utf8(value).unwrap_or_default();
                let seconds = text.split_once('.').map_or(text, |(seconds, _)| seconds);
                self.mtime = Some(
                    seconds
                        .parse()
                        .map_err(|_| TarSumError::Malformed("a PAX time is broken"))?,
                );
            }
            key if key.starts_with(b"GNU.sparse.") => {
                return Err(TarSumError::Undefined("sparse files"));
            }
            key => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.insert(name.to_vec(), value.to_vec());
                }
            }
        }
        Ok(())
    }
}

/// Bytes from the end of a content of `size` bytes to the next block.
pub(super) fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

/// Up to the first zero byte.
pub(super) fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|b| *b == 0);
    &field[..end.unwrap_or(field.len())]
}

/// An octal field, or the binary form for large numbers; an empty one is 0.
pub(super) fn number(field: &[u8]) -> Result<u64, TarSumError> {
    let broken = TarSumError::Malformed("a number is broken");
    if field[0] & 0x80 != 0 {
        // Negative ones (0xff…) have no place in what is summed.
        let mut value = u64::from(field[0] & 0x7f);
        for byte in &field[1..] {
            if value >> 56 != 0 {
                return Err(broken);
            }
            value = value << 8 | u64::from(*byte);
        }
        return Ok(value);
    }
    let digits = std::str::from_utf8(field).map_err(|_| broken.clone())?;
    match digits.trim_matches([' ', '\0']) {
        "" => Ok(0),
        digits => u64::from_str_radix(digits, 8).map_err(|_| broken),
    }
}

/// Whether the sum of all bytes, its own eight taken for blanks, is what the header says; old tars summed signed
/// bytes.
pub(super) fn has_checksum(block: &[u8]) -> bool {
    let counted = || block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]);
    let unsigned: i64 = counted().map(|b| i64::from(*b)).sum();
    let signed: i64 = counted().map(|b| i64::from(*b as i8)).sum();
    number(&block[148..156])
        .ok()
        .and_then(|said| i64::try_from(said).ok())
        .is_some_and(|said| said == unsigned || said == signed)
}

/// Whether a tar may begin with `bytes`, its first 512 or all that it has: with a header, or with the zeros of one
/// without members.
pub(crate) fn begins_tar(bytes: &[u8]) -> bool {
    match bytes.get(..BLOCK) {
        Some(block) => block.iter().all(|b| *b == 0) || has_checksum(block),
        None => false,
    }
}
