//! Tars made by hand, honest and hostile.

use super::*;

/// Path, kind, size, link and content of each entry of `tar`, or the message of the error that ends it.
fn read(tar: &[u8]) -> Vec<String> {
    let mut input = tar;
    let mut stream = TarStream::new(&mut input, None);
    let mut seen = Vec::new();
    loop {
        match stream.next() {
            Ok(None) => return seen,
            Ok(Some((entry, mut content))) => {
                let mut text = String::new();
                let read = content.read_to_string(&mut text);
                let text = read.map_or_else(|e| e.to_string(), |_| text.replace('\0', "0"));
                let link = String::from_utf8_lossy(&entry.link).into_owned();
                seen.push(format!("{} {:?} {link}{text}", entry.path, entry.kind));
            }
            Err(e) => {
                seen.push(e.to_string());
                return seen;
            }
        }
    }
}

fn header(kind: EntryType, path: &str, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_path(path).unwrap();
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header
}

fn with(parts: &[(&Header, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (header, content) in parts {
        tar.extend_from_slice(header.as_bytes());
        tar.extend_from_slice(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar
}

#[test]
fn contents_may_be_passed_over_and_the_end_may_be_missing() {
    let tar = with(&[
        (&header(EntryType::Regular, "a", 600), &[b'x'; 600]),
        (&header(EntryType::Directory, "d/", 0), b""),
        (&header(EntryType::Regular, "b", 2), b"yz"),
    ]);
    let mut input = &tar[..tar.len() - 510];
    let mut stream = TarStream::new(&mut input, None);
    let mut paths = Vec::new();
    while let Some((entry, _)) = stream.next().unwrap() {
        paths.push(entry.path.to_string());
    }
    assert_eq!(paths, ["/a", "/d", "/b"]);
    assert_eq!(read(&tar)[2], "/b File yz");
}

#[test]
fn the_size_of_a_link_is_no_content() {
    let mut link = header(EntryType::Link, "l", 2);
    link.set_link_name("./a").unwrap();
    link.set_cksum();
    let tar = with(&[(&link, b""), (&header(EntryType::Regular, "b", 1), b"z")]);
    assert_eq!(read(&tar), ["/l HardLink ./a", "/b File z"]);
}

#[test]
fn a_slash_at_the_end_makes_a_directory_only_where_there_is_no_type() {
    let typed = header(EntryType::Regular, "g/", 2);
    let mut untyped = header(EntryType::Regular, "d/", 2);
    untyped.as_old_mut().linkflag = [0];
    untyped.set_cksum();
    // Such a directory has no content whatever its size says, as in Go's reader.
    let tar = with(&[(&typed, b"yz"), (&untyped, b"")]);
    assert_eq!(read(&tar), ["/g File yz", "/d Directory "]);
}

#[test]
fn hostile_headers_are_errors() {
    let only = |kind, size, content| read(&with(&[(&header(kind, "x", size), content)]));
    let huge = only(EntryType::XHeader, 9 << 20, b"");
    assert_eq!(
        huge,
        ["the layer announces 9437184 bytes of names and attributes"]
    );
    let endless = only(EntryType::Regular, u64::MAX - 5, b"");
    assert_eq!(endless, ["the layer has an entry of an impossible size"]);
    let pax = only(EntryType::XHeader, 9, b"99 path=x");
    assert_eq!(pax, ["the layer has a malformed PAX record"]);
    let cut = only(EntryType::Regular, 5000, b"abc");
    assert!(cut[0].contains("is cut off in an entry"), "{cut:?}");
    let mut wrong = with(&[(&header(EntryType::Regular, "x", 0), b"")]);
    wrong[0] = b'y';
    assert_eq!(read(&wrong), ["the layer is not a tar archive"]);
    assert_eq!(read(b"<html>"), ["the layer is not a tar archive"]);
    assert!(read(&[]).is_empty() && read(&[0; 1024]).is_empty());
}

#[test]
fn pax_records_change_the_next_entry_only() {
    let records = b"10 path=p\n19 mtime=-1.500000\n22 SCHILY.xattr.u.k=v\n";
    let pax = header(EntryType::XHeader, "x", records.len() as u64);
    let tar = with(&[
        (&pax, records),
        (&header(EntryType::Regular, "a", 0), b""),
        (&header(EntryType::Regular, "b", 0), b""),
    ]);
    let mut input = &tar[..];
    let mut stream = TarStream::new(&mut input, None);
    let (first, _) = stream.next().unwrap().unwrap();
    assert_eq!(first.path.to_string(), "/p");
    assert_eq!(
        first.modified,
        Time {
            seconds: -2,
            nanos: 500_000_000
        }
    );
    assert_eq!(first.xattrs, [(b"u.k".to_vec(), b"v".to_vec())]);
    let (second, _) = stream.next().unwrap().unwrap();
    assert_eq!(
        (second.path.to_string(), second.xattrs.len()),
        ("/b".into(), 0)
    );
}
