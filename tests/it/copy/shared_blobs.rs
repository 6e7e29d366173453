//! `--shared-blob-dir`: layouts that keep their blobs in one directory, written and read by skopeo as well.

use super::*;

const SHARED: &str = "--shared-blob-dir=shared";

#[test]
fn layouts_share_their_blobs_as_skopeos_do() {
    peers::needs!("skopeo");
    let (barque, skopeo, image) = (Barque::new(), peers::skopeo(), images::two_layers());
    images::write_dir(&barque.path("dir"), &image);
    let at = |below: &str| barque.path(below).display().to_string();
    let shared = |prefix: &str| format!("--{prefix}shared-blob-dir={}", at("shared"));
    let out = barque.args([
        "copy",
        "--dest-shared-blob-dir=shared",
        "dir:dir",
        "oci:one:v1",
    ]);
    out.run().ok();
    assert_eq!(names(&barque.path("one")), ["index.json", "oci-layout"]);
    let there = names(&barque.path("shared/sha256"));
    assert_eq!(there.len(), 2 + 1 + 1);
    assert_eq!(names(&barque.path("shared")), ["sha256"]);

    // A second layout moves nothing, and skopeo finds everything where it looks for it.
    let second = barque.args([
        "copy",
        "--receipt=receipt.json",
        SHARED,
        "oci:one:v1",
        "oci:two:v2",
    ]);
    second.run().ok();
    let receipt: Value =
        serde_json::from_slice(&std::fs::read(barque.path("receipt.json")).unwrap()).unwrap();
    assert_eq!(receipt["BytesMoved"], 0);
    assert_eq!(names(&barque.path("shared/sha256")), there);
    let theirs = skopeo.args(["copy", "-q", &shared("src-")]);
    theirs
        .args([&format!("oci:{}:v2", at("two")), "dir:out"])
        .run()
        .ok();
    is_dir_of(&skopeo.path("out"), &image);

    // What skopeo shares, every command reads.
    let other = images::small();
    images::write_dir(&skopeo.path("small"), &other);
    let theirs = skopeo.args(["copy", "-q", &shared("dest-"), "dir:small"]);
    theirs.args([format!("oci:{}:v3", at("three"))]).run().ok();
    let back = [
        "copy",
        "--src-shared-blob-dir=shared",
        "oci:three:v3",
        "dir:back",
    ];
    barque.args(back).run().ok();
    is_dir_of(&barque.path("back"), &other);
    let inspected = barque.args(["inspect", SHARED, "oci:three:v3"]).run().ok();
    assert_eq!(inspected.json()["Digest"], other.digest.to_string());
    barque
        .args(["layers", SHARED, "-o", "layers", "oci:three:v3"])
        .run()
        .ok();
    for digest in other.layers() {
        let file = barque.path("layers").join(format!("{}.tar", digest.hex()));
        assert_eq!(std::fs::read(file).unwrap(), other.blobs[&digest]);
    }
}

#[test]
fn a_layout_of_its_own_is_read_where_the_shared_directory_lacks_a_blob() {
    let (barque, image) = (Barque::new(), images::two_layers());
    images::write_layout(&barque.path("layout"), &[("v1", &image)]);
    let copied = barque.args([
        "copy",
        "--src-shared-blob-dir=nowhere",
        "oci:layout:v1",
        "dir:out",
    ]);
    copied.run().ok();
    is_dir_of(&barque.path("out"), &image);
    let missing = barque.args(["copy", "oci:two:v1", "dir:x"]);
    barque
        .args(["copy", "--dest-shared-blob-dir=s", "dir:out", "oci:two:v1"])
        .run()
        .ok();
    missing.run().code(2);
}
