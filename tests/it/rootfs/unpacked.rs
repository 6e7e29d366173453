//! The files that `barque extract` writes, beside those of umoci, GNU tar and bsdtar.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tar::EntryType;

use super::{eventful, image, image_as, in_layout};
use crate::support::Barque;
use crate::support::images::{self, Compression, Dialect, LayerTar, Maker, TestImage, noise};
use crate::support::peers;
use crate::support::sandbox::Sandbox;

const HOUR: Duration = Duration::from_secs(3600);

/// All that is below `root`: mode, owner, time, link, content, attributes, and which names share a file. A time of the last
/// hour is "now", as a directory without an entry of its own has it: two programs may make it in different seconds.
pub(super) fn state(root: &Path) -> BTreeMap<String, String> {
    let (mut all, mut ahead) = (BTreeMap::new(), vec![root.to_owned()]);
    let mut first_names: BTreeMap<u64, String> = BTreeMap::new();
    while let Some(dir) = ahead.pop() {
        let entries = fs::read_dir(dir).unwrap();
        let mut paths: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let about = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let first = first_names.entry(about.ino()).or_insert(name.clone());
            let shared = first.clone();
            let link = fs::read_link(&path).unwrap_or_default();
            let content = match about.is_file() {
                true => images::sha256(&fs::read(&path).unwrap()).to_string(),
                false => String::new(),
            };
            let is_new = about
                .modified()
                .unwrap()
                .elapsed()
                .is_ok_and(|age| age < HOUR);
            let time = if is_new {
                "now"
            } else {
                &about.mtime().to_string()
            };
            let (mode, device) = (about.mode(), about.rdev());
            let text = format!(
                "{mode:o} {}:{} {time} {device} {link:?} {content} {shared} {:?}",
                about.uid(),
                about.gid(),
                attributes(&path),
            );
            all.insert(name, text);
            if about.is_dir() {
                ahead.push(path);
            }
        }
    }
    all
}

/// Extended attributes: name and value. Those that the system gives to every file are left out.
fn attributes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = vec![0; 1 << 16];
    let len = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..len].split(|b| *b == 0).filter(|n| !n.is_empty());
    let names = names.map(|name| String::from_utf8_lossy(name).into_owned());
    names
        .filter(|name| name != "security.selinux")
        .map(|name| {
            let mut value = vec![0; 1 << 16];
            let len = rustix::fs::lgetxattr(path, name.as_str(), &mut value[..]).unwrap();
            value.truncate(len);
            (name, value)
        })
        .collect()
}

pub(super) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// The image as umoci unpacks it.
fn by_umoci(barque: &Barque, image: &TestImage) -> BTreeMap<String, String> {
    let layout = barque.path("for-umoci");
    in_layout(&layout, image);
    let (from, bundle) = (format!("{}:v1", layout.display()), barque.path("bundle"));
    let _ = fs::remove_dir_all(&bundle);
    let umoci = peers::umoci();
    umoci
        .args(["unpack", "--image", &from, bundle.to_str().unwrap()])
        .run()
        .ok();
    state(&bundle.join("rootfs"))
}

/// The image as a tar program with these arguments unpacks its layers, which knows nothing of whiteouts: what a layer takes
/// away or replaces by another kind of file is removed before it is unpacked.
fn by_tar(barque: &Barque, image: &TestImage, program: &[&str]) -> BTreeMap<String, String> {
    let root = barque.path("by-tar");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).unwrap();
    for digest in image.layers() {
        let mut tar = Vec::new();
        let stored = &image.blobs[&digest][..];
        match stored.starts_with(&[0x1f, 0x8b]) {
            true => {
                std::io::copy(&mut flate2::read::MultiGzDecoder::new(stored), &mut tar).unwrap()
            }
            false => std::io::copy(&mut &stored[..], &mut tar).unwrap(),
        };
        for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
            let entry = entry.unwrap();
            let path = entry.path().unwrap().into_owned();
            let dir = root.join(path.parent().unwrap_or(Path::new("")));
            let name = path.file_name().unwrap_or_default().as_bytes();
            match name.strip_prefix(b".wh.") {
                Some(b".wh..opq") => {
                    for below in fs::read_dir(dir).into_iter().flatten() {
                        remove(&below.unwrap().path());
                    }
                }
                Some(hidden) => remove(&dir.join(std::ffi::OsStr::from_bytes(hidden))),
                None => {
                    let is_dir = entry.header().entry_type() == EntryType::Directory;
                    let there = fs::symlink_metadata(root.join(&path));
                    if there.is_ok_and(|there| there.is_dir() != is_dir) {
                        remove(&root.join(&path));
                    }
                }
            }
        }
        let file = barque.path("layer.tar");
        fs::write(&file, tar).unwrap();
        let unpacked = Command::new(program[0])
            .args(&program[1..])
            .args(["--exclude", ".wh.*", "-C", root.to_str().unwrap(), "-xf"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(unpacked.status.success(), "{program:?} {unpacked:?}");
    }
    state(&root)
}

fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

const GNU_TAR: [&str; 5] = [
    "tar",
    "-p",
    "--numeric-owner",
    "--xattrs",
    "--xattrs-include=*",
];
const BSDTAR: [&str; 5] = ["bsdtar", "-p", "--numeric-owner", "--xattrs", "-U"];

/// Images with every kind of entry and whiteout that plain tar programs can unpack.
fn images_for_all() -> Vec<(&'static str, TestImage)> {
    let odd_modes = LayerTar::new()
        .entry(EntryType::Directory, "locked/", 0o500, "", b"")
        .file("locked/inside", b"x")
        .entry(EntryType::Regular, "setuid", 0o4755, "", b"x")
        .entry(EntryType::Directory, "sticky/", 0o1777, "", b"")
        .entry(EntryType::Directory, "setgid/", 0o2755, "", b"")
        .device("null", 1, 3)
        .fifo("pipe");
    let links = LayerTar::new()
        .dir("usr/")
        .dir("usr/lib/")
        .symlink("lib", "usr/lib")
        .file("usr/lib/x", b"x")
        .hard_link("h1", "usr/lib/x")
        .hard_link("h2", "h1")
        .symlink("dangling", "no/where");
    let relinked = LayerTar::new()
        .file("usr/lib/x", b"replaced")
        .hard_link("h3", "h2")
        .file(".wh.h1", b"");
    let replaced = LayerTar::new()
        .file("a", b"file")
        .dir("b/")
        .file("b/c", b"c")
        .symlink("s", "b");
    let replacing = LayerTar::new()
        .dir("a/")
        .file("a/x", b"x")
        .file("b", b"file")
        .dir("s/")
        .file("s/own", b"own");
    let opaque = || {
        LayerTar::new()
            .dir("d/")
            .file("d/old", b"1")
            .dir("d/e/")
            .file("d/e/f", b"1")
    };
    let late_mark = LayerTar::new()
        .dir("d/")
        .file("d/new", b"2")
        .file("d/.wh..wh..opq", b"");
    let whiteouts = LayerTar::new().file(".wh.d", b"").file("kept", b"3");
    let again = LayerTar::new()
        .entry(EntryType::Directory, "d/", 0o700, "", b"")
        .file("d/again", b"again");
    let attributes = LayerTar::new()
        .pax(&[("SCHILY.xattr.user.note", b"\x00\xff\n=")])
        .file("noted", b"x")
        .pax(&[(
            "SCHILY.xattr.security.capability",
            &[1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        )])
        .file("capable", b"x")
        .pax(&[("SCHILY.xattr.user.of-a-directory", b"yes")])
        .dir("dir/");
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    let owners = LayerTar::new()
        .pax(&[
            ("uid", b"70000"),
            ("gid", b"3000000000"),
            ("mtime", b"1000000000.5"),
        ])
        .file("owned", b"x")
        .pax(&[("path", long.as_bytes())])
        .file("short", b"long")
        .pax(&[("path", "gr\u{fc}\u{df}e \u{2603}".as_bytes())])
        .file("greeting", b"unicode")
        .pax(&[("linkpath", long.as_bytes())])
        .symlink("to-long", "x");
    vec![
        ("all kinds of entries and whiteouts", eventful()),
        ("modes and devices", image([odd_modes])),
        ("hard links across layers", image([links, relinked])),
        (
            "files replaced by other kinds",
            image([replaced, replacing]),
        ),
        (
            "an opaque mark behind what it keeps",
            image([opaque(), late_mark]),
        ),
        (
            "a directory that is taken away",
            image([opaque(), whiteouts]),
        ),
        (
            "a directory that comes back",
            image([opaque(), LayerTar::new().file(".wh.d", b""), again]),
        ),
        ("extended attributes", image([attributes])),
        ("owners, times and names in PAX records", image([owners])),
        ("a sparse file", sparse()),
        ("two layers", images::two_layers()),
        ("one layer", images::small()),
        (
            "layers that are not compressed",
            image_as(
                Compression::None,
                [opaque(), LayerTar::new().file("d/.wh.old", b"")],
            ),
        ),
    ]
}

/// A layer that GNU tar made of a file with holes.
fn sparse() -> TestImage {
    let dir = tempfile::tempdir().unwrap();
    let file = fs::File::create(dir.path().join("sparse")).unwrap();
    file.write_all_at(&noise(2, 5000), 1 << 20).unwrap();
    file.set_len(3 << 20).unwrap();
    symlink("sparse", dir.path().join("link")).unwrap();
    let packed = Command::new("tar")
        .args([
            "--create",
            "--sparse",
            "--sort=name",
            "--format=pax",
            "--sparse-version=1.0",
            "-f",
            "-",
        ])
        .args(["-C", dir.path().to_str().unwrap(), "link", "sparse"])
        .output()
        .unwrap();
    assert!(packed.status.success(), "{packed:?}");
    let maker = Maker::new(Dialect::Oci).compression(Compression::Gzip);
    maker.tar_layer("sparse", packed.stdout).make()
}

/// Images whose entries go through symbolic links, which tar programs treat each in its own way.
fn images_for_runtimes() -> Vec<(&'static str, TestImage)> {
    let links = LayerTar::new()
        .dir("usr/")
        .dir("usr/lib/")
        .symlink("lib", "usr/lib")
        .file("lib/by-link", b"by link")
        .file("usr/lib/x", b"x")
        .symlink("up", "../../..");
    let over = LayerTar::new()
        .file("lib/more", b"more")
        .file("usr/lib/x", b"replaced")
        .file("up/in-root", b"in root");
    vec![("through links", image([links, over]))]
}

/// Without the times of directories: a tar program changes those that later layers write into.
fn without_directory_times(state: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let cut = |text: String| match text.starts_with('4') {
        true => {
            let words: Vec<&str> = text.splitn(4, ' ').collect();
            format!("{} {} {}", words[0], words[1], words[3])
        }
        false => text,
    };
    state
        .into_iter()
        .map(|(name, text)| (name, cut(text)))
        .collect()
}

#[test]
fn the_files_equal_those_of_umoci_and_of_two_tar_programs() {
    if peers::missing(&["umoci", "bsdtar"]) || !is_root() {
        return;
    }
    let for_all = images_for_all();
    assert!(for_all.len() >= 12);
    let tars = for_all
        .iter()
        .map(|(name, _)| *name)
        .collect::<BTreeSet<_>>();
    for (what, image) in for_all.iter().chain(&images_for_runtimes()) {
        let barque = Barque::new();
        let name = in_layout(&barque.path("layout"), image);
        barque
            .args(["extract", "-q", "-C", "out", &name])
            .run()
            .ok();
        let ours = state(&barque.path("out"));
        assert!(!ours.is_empty(), "{what}");
        assert_eq!(ours, by_umoci(&barque, image), "{what}, umoci");
        if !tars.contains(what) {
            continue;
        }
        let ours = without_directory_times(ours);
        for program in [GNU_TAR, BSDTAR] {
            let theirs = without_directory_times(by_tar(&barque, image, &program));
            assert_eq!(ours, theirs, "{what}, {}", program[0]);
        }
    }
}

#[test]
fn a_user_gets_the_files_that_umoci_gives_a_user() {
    if peers::missing(&["umoci", "bsdtar", "setpriv", "chmod"]) || !is_root() {
        return;
    }
    let as_user = |program: &str| {
        let user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let sandbox = user
            .iter()
            .fold(Sandbox::of("setpriv"), |s, arg| s.first_arg(arg));
        sandbox.first_arg(program)
    };
    for (what, image) in images_for_all() {
        let barque = as_user(env!("CARGO_BIN_EXE_barque"));
        let layout = barque.path("layout");
        let name = in_layout(&layout, &image);
        let opened = Command::new("chmod")
            .args(["-R", "a+rwX"])
            .arg(barque.path(".."))
            .status();
        assert!(opened.unwrap().success());
        barque.args(["extract", "-C", "out", &name]).run().ok();
        let ours = state(&barque.path("out"));
        assert!(
            ours.values().all(|text| text.contains(" 65534:65534 ")),
            "{what}: {ours:#?}"
        );
        // Devices need root, and so do attributes other than those of users.
        let umoci = as_user("umoci");
        let opened = Command::new("chmod")
            .args(["-R", "a+rwX"])
            .arg(umoci.path(".."))
            .status();
        assert!(opened.unwrap().success());
        let (from, bundle) = (format!("{}:v1", layout.display()), umoci.path("bundle"));
        umoci
            .args([
                "unpack",
                "--rootless",
                "--image",
                &from,
                bundle.to_str().unwrap(),
            ])
            .run()
            .ok();
        let theirs: BTreeMap<_, _> = state(&bundle.join("rootfs"))
            .into_iter()
            .filter(|(name, _)| name != "null")
            .map(|(name, text)| (name, without_umoci_notes(&text)))
            .collect();
        assert_eq!(ours, theirs, "{what}");
    }
}

/// Without the attribute in which umoci keeps the owner of a file that a user unpacked.
fn without_umoci_notes(text: &str) -> String {
    let (rest, attributes) = text.split_once(" {").unwrap();
    let kept = attributes.trim_end_matches('}');
    match kept.starts_with("\"user.rootlesscontainers\"") {
        true => format!("{rest} {{}}"),
        false => format!("{rest} {{{kept}}}"),
    }
}
