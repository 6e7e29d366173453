//! Archives made to mislead: a clear error, and never a file outside.

use super::*;

/// A header and its content; `kind` is the type flag.
fn member(name: &str, kind: u8, link: &str, size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    old.linkname[..link.len()].copy_from_slice(link.as_bytes());
    old.linkflag = [kind];
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    member(name, b'0', "", content.len() as u64, content)
}

#[test]
fn archives_made_to_mislead_are_refused() {
    let barque = Barque::new();
    let index = br#"{"schemaVersion":2,"manifests":[]}"#;
    let config = br#"{"rootfs":{"type":"layers","diff_ids":["sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}}"#;
    let save = file(
        "manifest.json",
        br#"[{"Config":"c.json","RepoTags":null,"Layers":["l.tar"]}]"#,
    );
    let saved = |layer: Vec<u8>| [save.clone(), file("c.json", config), layer].concat();
    let pax = |record: &str| member("x", b'x', "", record.len() as u64, record.as_bytes());
    let long = vec![b'a'; 2 << 20];
    for (what, transport, tar, words) in [
        (
            "absolute name",
            "oci-archive",
            file("/etc/passwd", b"x"),
            "leads out of it",
        ),
        (
            "parent name",
            "oci-archive",
            file("a/../../x", b"x"),
            "leads out of it",
        ),
        (
            "two indexes",
            "oci-archive",
            [file("index.json", index), file("./index.json", b"{}")].concat(),
            "more than once",
        ),
        (
            "no tar",
            "oci-archive",
            vec![b'x'; 4096],
            "is not a tar archive",
        ),
        (
            "short",
            "oci-archive",
            vec![b'x'; 100],
            "is not a tar archive",
        ),
        ("empty", "oci-archive", Vec::new(), "is not a tar archive"),
        (
            "cut member",
            "oci-archive",
            member("index.json", b'0', "", 9 << 30, b"{}"),
            "is cut off in the member `index.json`",
        ),
        (
            "cut header",
            "oci-archive",
            [file("a", b"x"), vec![1; 300]].concat(),
            "is cut off in a header",
        ),
        (
            "broken header",
            "oci-archive",
            [file("a", b"x"), vec![1; 512]].concat(),
            "wrong checksum",
        ),
        (
            "PAX size beyond the end",
            "oci-archive",
            [pax("20 size=99999999999\n"), file("index.json", index)].concat(),
            "is cut off",
        ),
        (
            "negative PAX size",
            "oci-archive",
            [pax("11 size=-1\n"), file("index.json", index)].concat(),
            "malformed PAX size",
        ),
        (
            "PAX length that lies",
            "oci-archive",
            [pax("99 path=x\n"), file("index.json", index)].concat(),
            "malformed PAX record",
        ),
        (
            "huge PAX header",
            "oci-archive",
            [
                member("x", b'x', "", 2 << 20, &long),
                file("index.json", index),
            ]
            .concat(),
            "bytes of names and attributes",
        ),
        (
            "huge long name",
            "oci-archive",
            [
                member("x", b'L', "", 2 << 20, &long),
                file("index.json", index),
            ]
            .concat(),
            "bytes of names and attributes",
        ),
        (
            "huge document",
            "oci-archive",
            file("index.json", &vec![b' '; 33 << 20]),
            "at most 33554432 are read",
        ),
        (
            "absolute link",
            "docker-archive",
            saved(member("l.tar", b'2', "/etc/passwd", 0, b"")),
            "leads out of it",
        ),
        (
            "link out",
            "docker-archive",
            saved(member("l.tar", b'2', "../../etc/passwd", 0, b"")),
            "leads out of it",
        ),
        (
            "hard link out",
            "docker-archive",
            saved(member("l.tar", b'1', "../x", 0, b"")),
            "leads out of it",
        ),
        (
            "link to nothing",
            "docker-archive",
            saved(member("l.tar", b'2', "gone", 0, b"")),
            "which is not there",
        ),
        (
            "circle",
            "docker-archive",
            saved(
                [
                    member("l.tar", b'2', "m", 0, b""),
                    member("m", b'2', "l.tar", 0, b""),
                ]
                .concat(),
            ),
            "leads in a circle",
        ),
        (
            "device",
            "docker-archive",
            saved(member("l.tar", b'3', "", 0, b"")),
            "is no file",
        ),
        (
            "two configs",
            "docker-archive",
            [saved(file("l.tar", b"x")), file("c.json", b"{}")].concat(),
            "more than once",
        ),
        (
            "layer outside",
            "docker-archive",
            [
                file(
                    "manifest.json",
                    br#"[{"Config":"c.json","Layers":["../l.tar"]}]"#,
                ),
                file("c.json", config),
            ]
            .concat(),
            "has no layer",
        ),
        (
            "manifest.json of numbers",
            "docker-archive",
            file("manifest.json", b"[1]"),
            "lists no images",
        ),
    ] {
        std::fs::write(barque.path("a.tar"), [tar, vec![0; 1024]].concat()).unwrap();
        if ["cut header", "cut member", "short", "empty"].contains(&what) {
            let bytes = std::fs::read(barque.path("a.tar")).unwrap();
            std::fs::write(barque.path("a.tar"), &bytes[..bytes.len() - 1024]).unwrap();
        }
        let name = at(&barque, transport, "a.tar");
        let out = barque.args(["inspect", "--raw", &name]).run().code(4);
        assert!(out.stderr().contains(words), "{what}: {}", out.stderr());
    }
    // A layer that is not what its config says comes out when it is read.
    std::fs::write(barque.path("a.tar"), saved(file("l.tar", b"x"))).unwrap();
    let name = at(&barque, "docker-archive", "a.tar");
    barque.args(["copy", &name, "dir:d"]).run().code(4);
}

#[test]
fn long_names_attributes_and_missing_ends_are_read() {
    let barque = Barque::new();
    let index = br#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","size":2}]}"#;
    let size = index.len().to_string();
    let record = |text: String| {
        let mut len = text.len() + 2;
        while len != text.len() + 1 + len.to_string().len() {
            len += 1;
        }
        format!("{len} {text}")
    };
    let records = record("SCHILY.xattr.user.x=a\nb\n".into())
        + &record("path=./index.json\n".into())
        + &record(format!("size={size}\n"));
    // The header's own size and name are overruled by the PAX header.
    let mut tar = member("x", b'x', "", records.len() as u64, records.as_bytes());
    tar.extend(member("other", b'0', "", 0, index));
    tar.extend(member(
        "x",
        b'L',
        "",
        200,
        &[b"d/".repeat(99), b"e\0".to_vec()].concat(),
    ));
    tar.extend(file("cut", b"x"));
    std::fs::write(barque.path("a.tar"), &tar[..tar.len() - 500]).unwrap();
    let name = at(&barque, "oci-archive", "a.tar");
    let out = barque.args(["inspect", "--raw", &name]).run().code(2);
    assert!(
        out.stderr().contains("has no blob `sha256:aaaa"),
        "{}",
        out.stderr()
    );
}
