//! `oci-archive:` written: extended, reproducible, read by others.

use super::*;

fn many_layers() -> TestImage {
    let layers = (0..12).map(|i| (format!("data/{i}"), noise(i, 30_000 * (1 + i as usize % 5))));
    layers
        .fold(Maker::new(Dialect::Oci), |maker, (name, content)| {
            maker.file_layer(&name, content)
        })
        .make()
}

#[test]
fn several_images_share_an_archive_that_others_read() {
    let Some(skopeo) = skopeo() else { return };
    let barque = Barque::new();
    let (first, second) = (many_layers(), images::five_platforms());
    let (one, two) = (
        layout(&barque, "one", &first),
        layout(&barque, "two", &second),
    );
    let archive = at(&barque, "oci-archive", "a.tar");
    let tagged = |tag: &str| format!("{archive}:{tag}");
    barque.args(["copy", &one, &tagged("one")]).run().ok();
    let before = members(&barque.path("a.tar"));
    barque
        .args(["copy", "--all", &two, &tagged("two")])
        .run()
        .ok();
    let after = members(&barque.path("a.tar"));
    // The old members come first, as they were, but for the index.
    assert_eq!(before[..before.len() - 1], after[..before.len() - 1]);
    assert_eq!(
        after
            .iter()
            .filter(|(name, _)| name == "index.json")
            .count(),
        1
    );
    for (tag, image) in [("one", &first), ("two", &second)] {
        for tool in [&*barque, &skopeo] {
            let raw = tool.args(["inspect", "--raw", &tagged(tag)]).run().ok();
            assert_eq!(raw.stdout_bytes(), image.manifest, "{tag}");
        }
        let to = at(&barque, "oci", &format!("back-{tag}"));
        skopeo
            .args(["copy", "--all", &tagged(tag), &format!("{to}:x")])
            .run()
            .ok();
        barque
            .args(["copy", "--all", &tagged(tag), &format!("{to}:y")])
            .run()
            .ok();
    }
    // What the archive holds is not moved again, and nothing is left beside it.
    let again = barque.args(["copy", &one, &tagged("three")]).run().ok();
    assert!(
        again.stderr().contains("13 present") || !again.stderr().contains("13 copied"),
        "{}",
        again.stderr()
    );
    assert_eq!(members(&barque.path("a.tar")).len(), after.len());
    let left = names(&barque.path(""));
    assert!(!left.iter().any(|n| n.starts_with(".partial")), "{left:?}");
}

#[test]
fn one_image_gives_one_archive_into_a_file_or_a_pipe() {
    let barque = Barque::new();
    let from = layout(&barque, "one", &many_layers());
    for file in ["a.tar", "b.tar"] {
        let to = at(&barque, "oci-archive", file);
        barque.args(["copy", &from, &format!("{to}:x")]).run().ok();
    }
    let file = std::fs::read(barque.path("a.tar")).unwrap();
    assert_eq!(
        sha256(&file),
        sha256(&std::fs::read(barque.path("b.tar")).unwrap())
    );
    let piped = barque.args(["copy", &from, "oci-archive:-:x"]).run().ok();
    assert_eq!(sha256(piped.stdout_bytes()), sha256(&file));
    assert_eq!(names(&barque.tmp()), Vec::<String>::new());
}

#[test]
fn a_broken_copy_and_foreign_files_leave_what_was_there() {
    let barque = Barque::new();
    let image = many_layers();
    let from = layout(&barque, "one", &image);
    let archive = at(&barque, "oci-archive", "a.tar");
    barque
        .args(["copy", &from, &format!("{archive}:x")])
        .run()
        .ok();
    let before = std::fs::read(barque.path("a.tar")).unwrap();

    let broken = images::two_layers();
    let bad = layout(&barque, "bad", &broken);
    let blob = barque
        .path("bad/blobs/sha256")
        .join(broken.layers()[1].hex());
    let mut content = std::fs::read(&blob).unwrap();
    content[70_000] ^= 1;
    std::fs::write(&blob, content).unwrap();
    barque
        .args(["copy", &bad, &format!("{archive}:y")])
        .run()
        .code(4);
    barque
        .args(["copy", &bad, &at(&barque, "oci-archive", "new.tar")])
        .run()
        .code(4);
    assert_eq!(std::fs::read(barque.path("a.tar")).unwrap(), before);
    let left = names(&barque.path(""));
    assert_eq!(left, ["a.tar", "bad", "one"]);

    std::fs::write(barque.path("thesis.txt"), "important").unwrap();
    let refused = barque
        .args(["copy", &from, &at(&barque, "oci-archive", "thesis.txt")])
        .run()
        .code(6);
    assert!(
        refused
            .stderr()
            .contains("don't want to overwrite important data"),
        "{}",
        refused.stderr()
    );
    assert_eq!(
        std::fs::read(barque.path("thesis.txt")).unwrap(),
        b"important"
    );
    let packed = images::gzip(&before);
    std::fs::write(barque.path("a.tar.gz"), packed).unwrap();
    let refused = barque
        .args(["copy", &from, &at(&barque, "oci-archive", "a.tar.gz")])
        .run()
        .code(6);
    assert!(
        refused.stderr().contains("is compressed"),
        "{}",
        refused.stderr()
    );
}
