//! The headers of members, byte for byte as Go's `archive/tar` writes them for skopeo: owner 0, time 0, no names.

/// Bytes of a block.
pub(super) const BLOCK: u64 = 512;

/// The kind of member of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type<'a> {
    File,
    Symlink(&'a str),
}

/// The blocks before the content of a member. How many there are depends on `name` alone.
///
/// A name that does not fit into a USTAR header gets a PAX header; a size of 8 GiB or more is written in base 256,
/// as GNU tar does, because a PAX record of it could not be filled in afterwards.
pub(super) fn blocks(name: &str, of: Type<'_>, mode: u32, size: u64) -> Vec<u8> {
    let (typeflag, link) = match of {
        Type::File => (b'0', ""),
        Type::Symlink(target) => (b'2', target),
    };
    let mut out = Vec::new();
    let (prefix, rest) = match split(name) {
        Some(parts) => parts,
        None => {
            let record = pax_record("path", name);
            let (parent, base) = name.rsplit_once('/').unwrap_or(("", name));
            let of_header = cut(&format!("{parent}/PaxHeaders.0/{base}"), 100).to_owned();
            out.extend(block("", &of_header, b'x', "", 0, record.len() as u64));
            out.extend(record.as_bytes());
            out.resize(out.len().next_multiple_of(BLOCK as usize), 0);
            ("", cut(name, 100))
        }
    };
    out.extend(block(prefix, rest, typeflag, link, mode, size));
    out
}

/// Bytes that follow `size` bytes of content up to the next header.
pub(super) fn padding(size: u64) -> usize {
    (size.next_multiple_of(BLOCK) - size) as usize
}

fn block(prefix: &str, name: &str, typeflag: u8, link: &str, mode: u32, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    if size < 1 << 33 {
        put(124, format!("{size:011o}").as_bytes());
    } else {
        put(124, &[0x80]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000");
    put(148, b"        ");
    put(156, &[typeflag]);
    put(157, cut(link, 100).as_bytes());
    put(257, b"ustar\x0000");
    put(329, b"0000000");
    put(337, b"0000000");
    put(345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// `name` as prefix and name of a USTAR header; `None` when it does not fit or is not ASCII.
fn split(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= 100 {
        return Some(("", name));
    }
    let (prefix, rest) = name.rsplit_once('/')?;
    (prefix.len() <= 155 && rest.len() <= 100).then_some((prefix, rest))
}

fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut len = rest;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    format!("{len} {key}={value}\n")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn read(bytes: &[u8]) -> (String, u64, Vec<u8>) {
        let mut archive = tar::Archive::new(bytes);
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        (path, entry.size(), content)
    }

    #[test]
    fn others_read_names_of_any_length() {
        for name in [
            "index.json".to_owned(),
            format!("blobs/sha256/{}", "a".repeat(64)),
            format!("{}/{}", "d".repeat(60), "a".repeat(64)),
            format!("blobs/sha512/{}", "a".repeat(128)),
            "é/ü".to_owned(),
        ] {
            let mut tar = blocks(&name, Type::File, 0o644, 3);
            tar.extend(b"abc");
            tar.resize(tar.len() + padding(3) + 1024, 0);
            assert_eq!(read(&tar), (name, 3, b"abc".to_vec()));
        }
        assert_eq!(pax_record("path", &"a".repeat(90)).len(), 99);
        assert_eq!(
            pax_record("path", &"a".repeat(92))
                .split_once(' ')
                .unwrap()
                .0,
            "102"
        );
    }

    #[test]
    fn a_large_size_stays_in_its_place() {
        let header = blocks("a", Type::File, 0o444, 9 << 30);
        let header = tar::Header::from_byte_slice(&header);
        assert_eq!(header.entry_size().unwrap(), 9 << 30);
    }
}
