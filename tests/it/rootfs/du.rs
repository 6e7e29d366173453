//! `barque du`: bytes by layer and directory, shared and wasted.

use serde_json::json;

use super::{image, in_layout};
use crate::support::Barque;
use crate::support::images::{LayerTar, noise};

#[test]
fn bytes_are_counted_where_they_are() {
    let base = || {
        LayerTar::new()
            .file("usr/lib/a", noise(1, 10_000))
            .file("usr/b", noise(2, 2000))
            .hard_link("usr/c", "usr/b")
    };
    let top = LayerTar::new()
        .file("usr/lib/a", noise(3, 700))
        .file("usr/.wh.c", b"")
        .file("etc/d", noise(4, 30));
    let (first, second) = (image([base(), top]), image([base()]));
    let barque = Barque::new();
    let (a, b) = (
        in_layout(&barque.path("a"), &first),
        in_layout(&barque.path("b"), &second),
    );
    let out = barque
        .args(["du", "--json", "--depth", "2", &a, &b])
        .run()
        .ok();
    let sizes: Vec<usize> = (0..2).map(|i| first.layer(i).len()).collect();
    let digests = first.layers();
    assert_eq!(
        out.json()[0],
        json!({
            "Image": a, "Digest": first.digest, "Stored": sizes[0] + sizes[1], "Own": sizes[1],
            "Files": 2730, "Wasted": 10_000,
            "Layers": [
                { "Digest": digests[0], "Stored": sizes[0], "Entries": 3, "Files": 12_000, "Wasted": 10_000, "Shared": 1 },
                { "Digest": digests[1], "Stored": sizes[1], "Entries": 2, "Files": 730, "Wasted": 0, "Shared": 0 },
            ],
            "Directories": [
                { "Path": "/", "Files": 2730 },
                { "Path": "/etc", "Files": 30 },
                { "Path": "/usr", "Files": 2700 },
                { "Path": "/usr/lib", "Files": 700 },
            ],
        })
    );
    let other = &out.json()[1];
    assert_eq!(
        (&other["Own"], &other["Files"], &other["Wasted"]),
        (&json!(0), &json!(12_000), &json!(0))
    );
    let out = barque.args(["du", "-d", "0", &b]).run().ok();
    let lines = [
        format!("{b}\t{}\t{}\t12000\t0", sizes[0], sizes[0]),
        format!("\n{}\t{}\t12000\t0\t0", digests[0], sizes[0]),
        "\n12000\t/".to_owned(),
    ];
    assert_eq!(out.stdout(), lines.map(|line| line + "\n").concat());
}

#[test]
fn a_file_counts_though_its_first_name_is_gone() {
    let base = LayerTar::new()
        .file("a", noise(1, 1000))
        .hard_link("b", "a")
        .hard_link("c", "a")
        .file("d", noise(2, 100))
        .hard_link("e", "d");
    let top = LayerTar::new().file("a", noise(3, 7));
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &image([base, top]));
    let out = barque.args(["du", "--json", &name]).run().ok();
    assert_eq!(out.json()[0]["Files"], 1107);
    let out = barque.args(["ls", "-l", &name]).run().ok();
    let lines: Vec<&str> = out.stdout().lines().collect();
    assert!(
        lines.iter().any(|line| line.ends_with(" e link to /d")),
        "{lines:?}"
    );
    // What `b` was a further name of is not `/a` any more.
    assert!(lines.iter().any(|line| line.ends_with(" b")), "{lines:?}");
}
