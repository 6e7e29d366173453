//! `TarSummer`: makes a TarSum of a plain tar that comes piece by piece.
//!
//! It needs to see the members, so it walks over the headers as they pass; it keeps one hash a member and no content.

use std::collections::HashMap;

use super::header::{BLOCK, Fields, has_checksum, number, padding, text};
use super::{TarSum, TarSumError, TarSumVersion};
use crate::image::{Algorithm, Digest, Digester};
use crate::transport::tar_index::pax_record;

/// Most bytes of a PAX header or a GNU long name.
const MOST_EXTENSION: u64 = 1 << 20;
/// Most members: each keeps a sum in memory.
const MOST_MEMBERS: usize = 500_000;
/// Most bytes of all paths together.
const MOST_PATHS: usize = 64 << 20;

/// A header that speaks of the member after it.
#[derive(Clone, Copy)]
enum Extension {
    Pax,
    LongName,
    LongLink,
}

enum State {
    Header,
    /// The content of a member: bytes left, and of padding after it.
    Body {
        left: u64,
        padding: u64,
    },
    Extension {
        of: Extension,
        left: u64,
        padding: u64,
    },
    Padding(u64),
    End,
}

/// Makes a TarSum of a plain tar that comes piece by piece.
pub struct TarSummer {
    version: TarSumVersion,
    algorithm: Algorithm,
    owner_names: bool,
    state: State,
    /// A header or an extension that is not here whole.
    held: Vec<u8>,
    next: Fields,
    member: Option<Digester>,
    path: Vec<u8>,
    /// The sum of each member, and the number of its path.
    sums: Vec<(Digest, usize)>,
    paths: HashMap<Vec<u8>, usize>,
    path_bytes: usize,
}

impl TarSummer {
    /// A summer that has seen nothing yet.
    pub fn new(version: TarSumVersion, algorithm: Algorithm) -> TarSummer {
        TarSummer {
            version,
            algorithm,
            owner_names: true,
            state: State::Header,
            held: Vec::with_capacity(BLOCK),
            next: Fields::default(),
            member: None,
            path: Vec::new(),
            sums: Vec::new(),
            paths: HashMap::new(),
            path_bytes: 0,
        }
    }

    /// Takes the names of owner and group for empty, as docker does since 2018.
    pub fn without_owner_names(mut self) -> TarSummer {
        self.owner_names = false;
        self
    }

    /// Adds the next bytes of the tar.
    ///
    /// # Errors
    /// [`TarSumError::Malformed`] for a header that is not one of a tar.
    pub fn update(&mut self, mut bytes: &[u8]) -> Result<(), TarSumError> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::End => return Ok(()),
                State::Header => {
                    let taken = (BLOCK - self.held.len()).min(bytes.len());
                    self.held.extend_from_slice(&bytes[..taken]);
                    bytes = &bytes[taken..];
                    if self.held.len() == BLOCK {
                        let block = std::mem::take(&mut self.held);
                        self.header(&block)?;
                    }
                }
                State::Body { left, padding } => {
                    let taken = usize::try_from(*left).map_or(bytes.len(), |l| l.min(bytes.len()));
                    if let Some(member) = &mut self.member {
                        member.update(&bytes[..taken]);
                    }
                    bytes = &bytes[taken..];
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Padding(*padding);
                        self.end_member();
                    }
                }
                State::Extension { of, left, padding } => {
                    let taken = usize::try_from(*left).map_or(bytes.len(), |l| l.min(bytes.len()));
                    self.held.extend_from_slice(&bytes[..taken]);
                    bytes = &bytes[taken..];
                    *left -= taken as u64;
                    if *left == 0 {
                        let of = *of;
                        self.state = State::Padding(*padding);
                        let content = std::mem::take(&mut self.held);
                        self.extension(of, content)?;
                    }
                }
                State::Padding(left) => {
                    let taken = usize::try_from(*left).map_or(bytes.len(), |l| l.min(bytes.len()));
                    bytes = &bytes[taken..];
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Header;
                    }
                }
            }
            if let State::Padding(0) = self.state {
                self.state = State::Header;
            }
        }
        Ok(())
    }

    /// The sum of all members and of `extra`, the JSON of the image (empty where there is none).
    ///
    /// # Errors
    /// [`TarSumError::Malformed`] when the bytes end in the middle of a member.
    pub fn finish(mut self, extra: &[u8]) -> Result<TarSum, TarSumError> {
        let complete = match self.state {
            State::Header => self.held.is_empty(),
            // Some writers leave out the padding of the last member.
            State::End | State::Padding(_) => true,
            State::Body { .. } | State::Extension { .. } => false,
        };
        if !complete {
            return Err(TarSumError::Malformed("it ends in a member"));
        }
        self.sort();
        let mut digester = Digester::new(self.algorithm);
        digester.update(extra);
        for (sum, _) in &self.sums {
            digester.update(sum.hex().as_bytes());
        }
        Ok(TarSum {
            version: self.version,
            digest: digester.finish(),
        })
    }

    /// By their sums; members of one path keep the order of the archive among themselves. (docker's own comparison
    /// says the same two things at once and is no order at all; where they contradict, its sort decides.)
    fn sort(&mut self) {
        let in_archive = self.sums.clone();
        self.sums.sort();
        let mut of_path: HashMap<usize, std::vec::IntoIter<Digest>> = HashMap::new();
        if self.paths.len() < in_archive.len() {
            let mut lists: HashMap<usize, Vec<Digest>> = HashMap::new();
            for (sum, path) in in_archive {
                lists.entry(path).or_default().push(sum);
            }
            of_path.extend(lists.into_iter().map(|(p, list)| (p, list.into_iter())));
        }
        for (sum, path) in &mut self.sums {
            if let Some(next) = of_path.get_mut(path).and_then(Iterator::next) {
                *sum = next;
            }
        }
    }

    fn header(&mut self, block: &[u8]) -> Result<(), TarSumError> {
        if block.iter().all(|b| *b == 0) {
            self.state = State::End;
            return Ok(());
        }
        if !has_checksum(block) {
            return Err(TarSumError::Malformed("a header has a wrong checksum"));
        }
        let kind = block[156];
        let declared = number(&block[124..136])?;
        let extension = match kind {
            b'x' => Some(Extension::Pax),
            b'L' => Some(Extension::LongName),
            b'K' => Some(Extension::LongLink),
            b'S' => return Err(TarSumError::Undefined("sparse files")),
            _ => None,
        };
        if let Some(of) = extension {
            if declared > MOST_EXTENSION {
                return Err(TarSumError::Malformed("a name or attribute has no measure"));
            }
            self.state = match declared {
                0 => State::Header,
                left => State::Extension {
                    of,
                    left,
                    padding: padding(declared),
                },
            };
            return Ok(());
        }
        let fields = std::mem::take(&mut self.next);
        let size = fields.size.unwrap_or(declared);
        self.begin_member(block, kind, size, fields)?;
        // Links, devices and directories have no content, whatever their size says.
        let left = if (b'1'..=b'6').contains(&kind) {
            0
        } else {
            size
        };
        if left == 0 {
            self.state = State::Header;
            self.end_member();
        } else {
            self.state = State::Body {
                left,
                padding: padding(left),
            };
        }
        Ok(())
    }

    fn begin_member(
        &mut self,
        block: &[u8],
        kind: u8,
        size: u64,
        fields: Fields,
    ) -> Result<(), TarSumError> {
        if self.sums.len() == MOST_MEMBERS || self.path_bytes > MOST_PATHS {
            return Err(TarSumError::Malformed("it has members beyond all measure"));
        }
        let ustar = block[257..262] == *b"ustar";
        let gnu = block[257..265] == *b"ustar  \0";
        let name = fields.name.unwrap_or_else(|| {
            let (name, prefix) = (text(&block[..100]), text(&block[345..500]));
            match ustar && !gnu && !prefix.is_empty() {
                true => [prefix, b"/", name].concat(),
                false => name.to_vec(),
            }
        });
        let decimal = |n: u64| n.to_string().into_bytes();
        let owner = |set: Option<Vec<u8>>, field: &[u8]| match (self.owner_names, ustar) {
            (true, true) => set.unwrap_or_else(|| text(field).to_vec()),
            (true, false) => set.unwrap_or_default(),
            (false, _) => Vec::new(),
        };
        let device = |field: &[u8]| match ustar && matches!(kind, b'3' | b'4') {
            true => number(field),
            false => Ok(0),
        };
        let link = fields
            .link
            .unwrap_or_else(|| text(&block[157..257]).to_vec());
        let mut digester = Digester::new(self.algorithm);
        let mut add = |key: &[u8], value: &[u8]| {
            digester.update(key);
            digester.update(value);
        };
        add(b"name", &name);
        add(b"mode", &decimal(number(&block[100..108])?));
        let id = |set: Option<u64>, field| set.map_or_else(|| number(field), Ok);
        add(b"uid", &decimal(id(fields.uid, &block[108..116])?));
        add(b"gid", &decimal(id(fields.gid, &block[116..124])?));
        add(b"size", &decimal(size));
        if self.version == TarSumVersion::V0 {
            let mtime = match fields.mtime {
                Some(mtime) => mtime,
                None => i64::try_from(number(&block[136..148])?).unwrap_or(i64::MAX),
            };
            add(b"mtime", mtime.to_string().as_bytes());
        }
        add(b"typeflag", &[kind]);
        add(b"linkname", &link);
        add(b"uname", &owner(fields.uname, &block[265..297]));
        add(b"gname", &owner(fields.gname, &block[297..329]));
        add(b"devmajor", &decimal(device(&block[329..337])?));
        add(b"devminor", &decimal(device(&block[337..345])?));
        if self.version != TarSumVersion::V0 {
            let xattrs = &fields.xattrs;
            xattrs.iter().for_each(|(key, value)| add(key, value));
        }
        self.member = Some(digester);
        self.path_bytes += name.len();
        self.path = name;
        Ok(())
    }

    fn end_member(&mut self) {
        let Some(member) = self.member.take() else {
            return;
        };
        let mut path = std::mem::take(&mut self.path);
        while path.last() == Some(&b'/') {
            path.pop();
        }
        if let Some(rest) = path.strip_prefix(b"./") {
            path = rest.to_vec();
        }
        let next = self.paths.len();
        let path = *self.paths.entry(path).or_insert(next);
        self.sums.push((member.finish(), path));
    }

    fn extension(&mut self, of: Extension, content: Vec<u8>) -> Result<(), TarSumError> {
        match of {
            Extension::LongName => self.next.name = Some(text(&content).to_vec()),
            Extension::LongLink => self.next.link = Some(text(&content).to_vec()),
            Extension::Pax => {
                // A header takes the place of the one before it, as Go reads them; so they cannot pile up either.
                self.next.xattrs.clear();
                let mut rest = &content[..];
                while !rest.is_empty() {
                    let ((key, value), after) =
                        pax_record(rest).ok_or(TarSumError::Malformed("a PAX record is broken"))?;
                    rest = after;
                    self.next.pax(key, value)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(pieces: &[&[u8]]) -> Result<String, TarSumError> {
        let mut summer = TarSummer::new(TarSumVersion::V1, Algorithm::Sha256);
        for piece in pieces {
            summer.update(piece)?;
        }
        Ok(summer.finish(b"{}")?.to_string())
    }

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, name, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn order_does_not_count_except_within_one_path() {
        let (a, b) = (("a", &b"1"[..]), ("b", &b"2"[..]));
        assert_eq!(sum(&[&tar(&[a, b])]), sum(&[&tar(&[b, a])]));
        let again = ("a", &b"3"[..]);
        assert_ne!(sum(&[&tar(&[a, again])]), sum(&[&tar(&[again, a])]));
    }

    #[test]
    fn a_cut_tar_is_no_tar() {
        let whole = tar(&[("a", &[7; 700])]);
        assert!(sum(&[&whole[..600]]).is_err());
        assert!(sum(&[&whole[..100]]).is_err());
        assert_eq!(sum(&[&whole[..512 + 700]]), sum(&[&whole]));
        assert_eq!(sum(&[]), sum(&[&[0; 1024]]));
    }

    proptest! {
        #[test]
        fn how_the_bytes_come_does_not_matter(cuts in proptest::collection::vec(1_usize..700, 0..12), size in 0_usize..1500) {
            let long = "x".repeat(150);
            let whole = tar(&[("a", &vec![1; size]), (&long, b"2")]);
            let mut pieces = Vec::new();
            let mut rest = &whole[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(sum(&pieces), sum(&[&whole]));
        }

        #[test]
        fn hostile_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2000), at in 0_usize..512, byte: u8) {
            let _ = sum(&[&bytes]);
            let mut bent = tar(&[("a", b"1")]);
            bent[at] = byte;
            let _ = sum(&[&bent]);
        }
    }
}
