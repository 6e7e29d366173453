//! Archives with sparse members, as GNU tar writes them with `--sparse`.

use std::path::Path;
use std::process::Command;

use super::*;

/// GNU tar's forms of sparse members.
const FORMS: [&[&str]; 4] = [
    &["--format=gnu"],
    &["--format=pax", "--sparse-version=0.0"],
    &["--format=pax", "--sparse-version=0.1"],
    &["--format=pax", "--sparse-version=1.0"],
];

/// Plain layers that are mostly zeros: one with few pieces, and one with more than a header has room for.
fn hollow() -> TestImage {
    let mut few = vec![0; 300_000];
    few.extend(noise(1, 5000));
    few.extend(vec![0; 200_000]);
    let mut many = Vec::new();
    for at in 0..60 {
        many.extend(noise(at, 1500));
        many.extend(vec![0; 20_000]);
    }
    Maker::new(Dialect::Oci)
        .compression(images::Compression::None)
        .file_layer("few", few)
        .file_layer("many", many)
        .make()
}

/// Packs all files of `folder` with holes where there are zeros; the first ones are of no matter to the image.
fn pack(folder: &Path, archive: &Path, form: &[&str]) {
    // tar looks for holes where a file has them on its disk.
    let holes = folder.with_extension("holes");
    let copied = Command::new("cp")
        .args(["-r", "--sparse=always", "--no-target-directory"])
        .args([folder, &holes])
        .status();
    assert!(copied.unwrap().success());
    let (folder, junk) = (&holes, holes.join("a-junk"));
    let file = std::fs::File::create(&junk).unwrap();
    // Larger than anything that is read: it is passed over.
    file.set_len(1 << 40).unwrap();
    let packed = Command::new("tar")
        .args(["--create", "--sparse", "--sort=name"])
        .args(form)
        .arg("-f")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .arg("a-junk")
        .output()
        .unwrap();
    assert!(packed.status.success(), "{packed:?}");
    std::fs::remove_file(junk).unwrap();
    let packed = Command::new("tar")
        .args([
            "--append",
            "--sparse",
            "--hole-detection=raw",
            "--sort=name",
        ])
        .args(form)
        .arg("-f")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .arg(".")
        .output()
        .unwrap();
    assert!(packed.status.success(), "{packed:?}");
    std::fs::remove_dir_all(holes).unwrap();
}

#[test]
fn each_form_of_sparse_members_is_read() {
    let barque = Barque::new();
    let image = hollow();
    images::write_layout(&barque.path("layout"), &[("1", &image)]);
    barque
        .args(["copy", "oci:layout:1", "docker-archive:plain.tar:app:1"])
        .run()
        .ok();
    std::fs::create_dir(barque.path("docker")).unwrap();
    let unpacked = Command::new("tar")
        .arg("-xf")
        .arg(barque.path("plain.tar"))
        .arg("-C")
        .arg(barque.path("docker"))
        .status();
    assert!(unpacked.unwrap().success());
    let bytes: u64 = image.all_blobs().values().map(|b| b.len() as u64).sum();
    for form in FORMS {
        let archive = barque.path("sparse.tar");
        pack(&barque.path("layout"), &archive, form);
        let size = archive.metadata().unwrap().len();
        assert!(size < bytes / 4, "{form:?} has holes: {size} of {bytes}");
        let _ = std::fs::remove_dir_all(barque.path("back"));
        barque
            .args(["copy", "oci-archive:sparse.tar:1", "dir:back"])
            .run()
            .ok();
        for (digest, bytes) in image.all_blobs() {
            let back = std::fs::read(barque.path("back").join(digest.hex())).unwrap();
            assert!(back == bytes, "{form:?} {digest}");
        }
        // What is added to the archive leaves the sparse members as they are.
        barque
            .args(["copy", "oci:layout:1", "oci-archive:sparse.tar:2"])
            .run()
            .ok();
        for tag in ["1", "2"] {
            let name = format!("oci-archive:sparse.tar:{tag}");
            let shown = barque.args(["inspect", &name]).run().ok().json();
            assert_eq!(shown["Digest"], serde_json::json!(image.digest));
            barque.args(["copy", &name, "dir:again"]).run().ok();
        }

        pack(&barque.path("docker"), &archive, form);
        let _ = std::fs::remove_dir_all(barque.path("back"));
        barque
            .args(["copy", "docker-archive:sparse.tar:app:1", "dir:back"])
            .run()
            .ok();
        for digest in image.layers() {
            let back = std::fs::read(barque.path("back").join(digest.hex())).unwrap();
            assert!(back == image.blobs[&digest], "{form:?} {digest}");
        }
    }
}

#[test]
fn a_sparse_member_with_a_wrong_map_is_named() {
    let barque = Barque::new();
    let image = hollow();
    images::write_layout(&barque.path("layout"), &[("1", &image)]);
    let archive = barque.path("sparse.tar");
    pack(&barque.path("layout"), &archive, FORMS[0]);
    let mut bytes = std::fs::read(&archive).unwrap();
    let headers = (0..bytes.len()).step_by(512);
    let is_layer = |at: &usize| bytes[*at..].starts_with(b"./blobs/") && bytes[at + 156] == b'S';
    let at = headers.clone().find(is_layer).unwrap();
    // The size of the whole file is less than the map has.
    bytes[at + 483..at + 495].copy_from_slice(b"00000000001\0");
    bytes[at + 148..at + 156].copy_from_slice(b"        ");
    let sum: u32 = bytes[at..at + 512].iter().map(|b| u32::from(*b)).sum();
    bytes[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    std::fs::write(&archive, bytes).unwrap();
    let refused = ["copy", "oci-archive:sparse.tar:1", "dir:back"];
    let refused = barque.args(refused).run().code(4);
    let told = refused.stderr();
    assert!(
        told.contains("holds the sparse member `blobs/sha256/"),
        "{told}"
    );
    assert!(told.contains("pack it again without `--sparse`"), "{told}");
    // The rest of the archive can be read.
    let listed = barque.args(["tags", "oci-archive:sparse.tar"]).run().ok();
    assert_eq!(listed.json()["Tags"], serde_json::json!(["1"]));
}
