//! `barque ls`: the files of an image as other tools see them when they unpack it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use serde_json::Value;
use tar::EntryType;

use super::{eventful, image, image_as, in_layout};
use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images::{self, Compression, LayerTar, noise, sha256};
use crate::support::peers;

/// Path, kind, mode, size and link of each file below `root` on disk.
fn on_disk(root: &Path) -> BTreeMap<String, (String, u32, u64, String)> {
    let (mut all, mut ahead) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(dir) = ahead.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let about = fs::symlink_metadata(&path).unwrap();
            let name = format!("/{}", path.strip_prefix(root).unwrap().display());
            let link = fs::read_link(&path).map_or(String::new(), |l| l.display().to_string());
            let kind = match about.file_type() {
                t if t.is_dir() => "directory",
                t if t.is_symlink() => "symlink",
                t if t.is_fifo() => "fifo",
                t if t.is_char_device() => "char",
                _ => "file",
            };
            let size = if kind == "file" { about.size() } else { 0 };
            all.insert(name, (kind.to_owned(), about.mode() & 0o7777, size, link));
            if about.is_dir() {
                ahead.push(path);
            }
        }
    }
    all
}

/// The same of what `ls -R --json` printed.
fn listed(lines: &str) -> BTreeMap<String, (String, u32, u64, String)> {
    let files = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let file = |f: Value| {
        let text = |key: &str| f[key].as_str().unwrap_or_default().to_owned();
        let mode = u32::from_str_radix(&text("Mode"), 8).unwrap();
        let size = f["Size"].as_u64().unwrap_or_default();
        (text("Path"), (text("Type"), mode, size, text("Link")))
    };
    files.map(file).collect()
}

#[test]
fn umoci_unpacks_the_files_that_are_listed() {
    peers::needs!("umoci");
    let closed = LayerTar::new().entry(EntryType::Directory, "d/", 0o700, "", b"");
    let late = LayerTar::new()
        .file("d/new", b"x")
        .file(".wh..wh..opq", b"");
    // The directory is from below the mark, and has a file that is not.
    let marked = image([closed, late]);
    for image in [eventful(), images::small(), images::two_layers(), marked] {
        let barque = Barque::new();
        let name = in_layout(&barque.path("layout"), &image);
        let umoci = peers::umoci();
        let bundle = barque.path("bundle");
        let from = format!("{}:v1", barque.path("layout").display());
        let unpack = [
            "unpack",
            "--rootless",
            "--image",
            &from,
            bundle.to_str().unwrap(),
        ];
        umoci.args(unpack).run().ok();
        let out = barque.args(["ls", "-R", "--json", &name]).run().ok();
        assert_eq!(listed(out.stdout()), on_disk(&bundle.join("rootfs")));
    }
}

#[test]
fn a_directory_is_listed_by_name() {
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &eventful());
    let ls = |args: &[&str]| {
        let out = barque.args(["ls", &name]).args(args).run().ok();
        out.stdout().to_owned()
    };
    assert_eq!(
        ls(&[]),
        "a directory with blanks\nbin\netc\nlib\nopt\nsrv\nusr\nvar\n"
    );
    assert_eq!(ls(&["/etc"]), "changed\nkeep\nos-release\n");
    assert_eq!(
        ls(&["lib/"]),
        "added\nos-release\n",
        "a link to a directory is followed"
    );
    assert_eq!(ls(&["etc/os-release"]), "/usr/lib/os-release\n");
    assert_eq!(ls(&["/a directory with blanks"]), "and\\nlines\n");
    assert_eq!(ls(&["-R", "/opt"]), "/opt/app\n/opt/app/two\n");
    insta::assert_snapshot!(ls(&["-l", "/srv"]), @r"
    drwxr-xr-x 0 0  0 2023-11-14 22:13 becomes-dir
    -rw-r--r-- 0 0 11 2023-11-14 22:13 becomes-file
    prw------- 0 0  0 2023-11-14 22:13 pipe
    ");
    assert!(ls(&["-l", "/bin"]).contains("2023-11-14 22:13 alias link to /bin/tool\n"));
    assert!(ls(&["-l"]).contains(" lib -> usr/lib\n"));
    insta::assert_snapshot!(ls(&["--tree", "var"]), @r"
    /var
    └── cache
        └── new
    ");
    insta::assert_snapshot!(ls(&["--tree", "usr"]), @r"
    /usr
    └── lib
        ├── added
        └── os-release
    ");
}

#[test]
fn json_says_all_that_is_known_of_a_file() {
    let layer = LayerTar::new()
        .pax(&[("SCHILY.xattr.user.note", b"v\0w"), ("uid", b"70000")])
        .file("a", b"12345")
        .hard_link("b", "a")
        .symlink("c", "a")
        .device("null", 1, 3);
    let image = image([layer]);
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &image);
    let out = barque.args(["ls", "--json", &name]).run().ok();
    let digest = &image.layers()[0];
    let common = r#""Modified":"2023-11-14T22:13:20Z""#;
    assert_eq!(
        out.stdout(),
        format!(
            "{{\"Path\":\"/a\",\"Type\":\"file\",\"Mode\":\"0644\",\"Uid\":70000,\"Gid\":0,\"Size\":5,{common},\"Xattrs\":{{\"user.note\":\"dgB3\"}},\"Layer\":\"{digest}\"}}\n\
             {{\"Path\":\"/b\",\"Type\":\"file\",\"Mode\":\"0644\",\"Uid\":70000,\"Gid\":0,\"Size\":5,{common},\"HardLink\":\"/a\",\"Xattrs\":{{\"user.note\":\"dgB3\"}},\"Layer\":\"{digest}\"}}\n\
             {{\"Path\":\"/c\",\"Type\":\"symlink\",\"Mode\":\"0777\",\"Uid\":0,\"Gid\":0,{common},\"Link\":\"a\",\"Layer\":\"{digest}\"}}\n\
             {{\"Path\":\"/null\",\"Type\":\"char\",\"Mode\":\"0666\",\"Uid\":0,\"Gid\":0,{common},\"Device\":\"1:3\",\"Layer\":\"{digest}\"}}\n"
        )
    );
}

#[test]
fn every_place_and_compression_lists_the_same() {
    let barque = Barque::new();
    let first = in_layout(&barque.path("layout"), &eventful());
    let list = |name: &str| {
        let out = barque.args(["ls", "-R", "-l", name]).run().ok();
        out.stdout().to_owned()
    };
    let wanted = list(&first);
    assert_eq!(wanted.lines().count(), 25, "{wanted}");
    for place in [
        "oci-archive:a.tar:v1",
        "docker-archive:d.tar:x:1",
        "dir:dir",
    ] {
        barque.args(["copy", "-q", &first, place]).run().ok();
        assert_eq!(list(place), wanted, "{place}");
    }
    let registry = FakeRegistry::start().image("a", "1", &eventful());
    assert_eq!(list(&registry.docker("a:1")), wanted);
    for compression in [Compression::None, Compression::Zstd] {
        let layers = || {
            [
                LayerTar::new().file("x", noise(1, 70_000)),
                LayerTar::new().file("y", b"y"),
            ]
        };
        let name = in_layout(&barque.path("other"), &image_as(compression, layers()));
        assert_eq!(list(&name).lines().count(), 2, "{compression:?}");
    }
}

#[test]
fn mistakes_are_named() {
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &eventful());
    let out = barque.args(["ls", &name, "/etc/gone"]).run().code(2);
    assert!(
        out.stderr().contains("the image has no file `/etc/gone`"),
        "{}",
        out.stderr()
    );
    let out = barque.args(["ls", &name, "../.."]).run().code(1);
    assert!(
        out.stderr().contains("leads out of the image"),
        "{}",
        out.stderr()
    );
    let artifact = in_layout(&barque.path("artifact"), &images::artifact());
    let out = barque.args(["ls", &artifact]).run().code(1);
    assert!(
        out.stderr().contains("this is an artifact"),
        "{}",
        out.stderr()
    );
    assert!(out.stderr().contains("barque layers"), "{}", out.stderr());
}

#[test]
fn hostile_layers_are_refused() {
    let deep = format!("{}x", "d/".repeat(45));
    let file = tar::EntryType::Regular;
    for (layer, said) in [
        (
            LayerTar::new().entry(file, "../../etc/passwd", 0o644, "", b""),
            "leads out of the image",
        ),
        (LayerTar::new().file("a/.wh...", b""), "names no file"),
        (
            LayerTar::new().entry(tar::EntryType::Link, "x", 0o644, "../y", b""),
            "leads out of the image",
        ),
        (
            LayerTar::new()
                .pax(&[("path", "p/".repeat(3000).as_bytes())])
                .file("x", b""),
            "longer than 4096 bytes",
        ),
        (
            LayerTar::new().pax(&[("size", b"-1")]).file("x", b""),
            "malformed size",
        ),
    ] {
        let barque = Barque::new();
        let name = in_layout(&barque.path("layout"), &image([layer]));
        let out = barque.args(["ls", &name]).run().code(4);
        assert!(out.stderr().contains(said), "{}", out.stderr());
    }
    let barque = Barque::new();
    let name = in_layout(
        &barque.path("layout"),
        &image([LayerTar::new().file(&deep, b"x")]),
    );
    let out = barque.args(["ls", "-R", &name]).run().ok();
    assert_eq!(
        out.stdout().lines().last(),
        Some(format!("/{deep}").as_str())
    );
}

#[test]
fn a_layer_that_is_no_tar_or_was_changed_is_an_error() {
    let barque = Barque::new();
    let mut image = images::small();
    let name = in_layout(&barque.path("layout"), &image);
    let blob = barque
        .path("layout/blobs/sha256")
        .join(image.layers()[0].hex());
    let mut bytes = fs::read(&blob).unwrap();
    let at = bytes.len() - 1030;
    bytes[at] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let out = barque.args(["ls", &name]).run().code(4);
    assert!(
        out.stderr().contains(&image.layers()[0].to_string()),
        "{}",
        out.stderr()
    );
    // The right digest of something else.
    let text = b"<html>".to_vec();
    let json = String::from_utf8(image.manifest.clone()).unwrap();
    let old = image.layer(0).len();
    let json = json
        .replace(&image.layers()[0].to_string(), &sha256(&text).to_string())
        .replace(&format!("\"size\":{old}"), "\"size\":6");
    image.blobs.insert(sha256(&text), text);
    let image = images::TestImage {
        blobs: image.blobs,
        ..images::TestImage::raw(&image.media_type, json)
    };
    let name = in_layout(&barque.path("html"), &image);
    let out = barque.args(["ls", &name]).run().code(4);
    assert!(
        out.stderr().contains("is not a tar archive"),
        "{}",
        out.stderr()
    );
}
