//! Hard links: what they lead to when their target is changed or is no plain file, and those that lead nowhere.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::{Value, json};

use super::unpacked::state;
use super::{image, in_layout};
use crate::support::Barque;
use crate::support::images::LayerTar;

/// What `ls -R --json` says of each path.
fn listed(barque: &Barque, name: &str) -> Vec<Value> {
    let out = barque.args(["ls", "-R", "--json", name]).run().ok();
    let lines = out
        .stdout()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap());
    lines.collect()
}

#[test]
fn a_hard_link_means_the_file_that_was_there_before_it() {
    let below = || LayerTar::new().dir("d/").file("d/a", b"one\n");
    for top in [
        LayerTar::new()
            .hard_link("z", "d/a")
            .file("d/a", b"second\n"),
        LayerTar::new().hard_link("z", "d/a").file("d/.wh.a", b""),
        LayerTar::new()
            .hard_link("y", "d/a")
            .hard_link("z", "y")
            .file(".wh.d", b""),
        LayerTar::new()
            .hard_link("z", "d/a")
            .dir("d/")
            .file("d/.wh..wh..opq", b""),
        LayerTar::new()
            .hard_link("z", "d/a")
            .file(".wh.d", b"")
            .dir("d/")
            .file("d/a", b"2\n"),
    ] {
        let barque = Barque::new();
        let name = in_layout(&barque.path("layout"), &image([below(), top]));
        for flags in [
            &[][..],
            &["--verify"],
            &["--index", "idx"],
            &["--index", "idx"],
        ] {
            let out = barque.args(["cat", &name, "z"]).args(flags).run().ok();
            assert_eq!(out.stdout(), "one\n", "{flags:?}");
        }
        barque.args(["extract", "-C", "all", &name]).run().ok();
        barque
            .args(["extract", "-C", "part", &name, "z"])
            .run()
            .ok();
        for at in ["all/z", "part/z"] {
            assert_eq!(fs::read(barque.path(at)).unwrap(), b"one\n", "{at}");
        }
        let z = listed(&barque, &name).pop().unwrap();
        assert_eq!((&z["Path"], &z["Size"]), (&json!("/z"), &json!(4)));
        assert_eq!(z["HardLink"], json!(null), "the first name is gone");
    }
}

#[test]
fn a_further_name_of_a_link_or_device_is_one_too() {
    let base = || {
        LayerTar::new()
            .dir("d/")
            .symlink("d/s", "f")
            .file("d/f", b"in d\n")
            .file("f", b"in root\n")
            .fifo("p")
            .pax(&[("SCHILY.xattr.user.note", b"x")])
            .file("noted", b"")
    };
    let linked = base()
        .hard_link("h", "d/s")
        .hard_link("q", "p")
        .hard_link("too", "noted");
    let barque = Barque::new();
    let name = in_layout(&barque.path("linked"), &image([linked]));
    let all = listed(&barque, &name);
    let of = |path: &str| all.iter().find(|file| file["Path"] == path).unwrap();
    assert_eq!(
        (&of("/h")["Type"], &of("/h")["Link"]),
        (&json!("symlink"), &json!("f"))
    );
    assert_eq!(
        (&of("/h")["Mode"], &of("/q")["Type"]),
        (&json!("0777"), &json!("fifo"))
    );
    assert_eq!(of("/too")["Xattrs"], of("/noted")["Xattrs"]);
    // It leads on from where it is.
    assert_eq!(
        barque.args(["cat", &name, "h"]).run().ok().stdout(),
        "in root\n"
    );
    assert_eq!(
        barque.args(["cat", &name, "d/s"]).run().ok().stdout(),
        "in d\n"
    );
    let copied = base()
        .symlink("h", "f")
        .fifo("q")
        .pax(&[("SCHILY.xattr.user.note", b"x")])
        .file("too", b"");
    let other = in_layout(&barque.path("copied"), &image([copied]));
    let out = barque.args(["diff", "--json", &name, &other]).run().ok();
    assert_eq!(out.json()["Files"], json!([]));
    barque.args(["extract", "-C", "all", &name]).run().ok();
    let part = [
        "extract", "-C", "part", &name, "h", "q", "too", "f", "p", "d", "noted",
    ];
    barque.args(part).run().ok();
    assert_eq!(state(&barque.path("all")), state(&barque.path("part")));
    let alone = ["extract", "-C", "alone", &name, "h"];
    barque.args(alone).run().ok();
    assert_eq!(
        fs::read_link(barque.path("alone/h")).unwrap().to_str(),
        Some("f")
    );
}

#[test]
fn a_hard_link_that_leads_nowhere_is_an_error_everywhere() {
    let file = || LayerTar::new().file("a", b"one\n");
    for (layers, target, is) in [
        (
            vec![LayerTar::new().hard_link("h", "no/where")],
            "/no/where",
            "is not there",
        ),
        (
            vec![LayerTar::new().hard_link("h", "a").file("a", b"")],
            "/a",
            "is not there",
        ),
        (
            vec![
                file(),
                LayerTar::new().file(".wh.a", b"").hard_link("h", "a"),
            ],
            "/a",
            "is not there",
        ),
        (
            vec![LayerTar::new().hard_link("h", "h")],
            "/h",
            "is not there",
        ),
        (
            vec![
                LayerTar::new().file("h", b"x"),
                LayerTar::new().hard_link("h", "h"),
            ],
            "/h",
            "is not there",
        ),
        (
            vec![
                LayerTar::new()
                    .symlink("e", "/etc")
                    .hard_link("h", "e/passwd"),
            ],
            "/e/passwd",
            "is not there",
        ),
        (
            vec![LayerTar::new().dir("d/").hard_link("h", "d")],
            "/d",
            "is a directory",
        ),
    ] {
        let barque = Barque::new();
        let name = in_layout(&barque.path("layout"), &image(layers));
        let said = format!("the hard link `/h` names `{target}`, which {is}");
        for command in [
            &["ls"][..],
            &["du"],
            &["extract", "-C", "out"],
            &["cat", "h"],
        ] {
            let (word, rest) = command.split_first().unwrap();
            let out = match *word {
                "cat" => barque.args([word, &name[..]]).args(rest).run().code(4),
                _ => barque.args([word]).args(rest).args([&name]).run().code(4),
            };
            assert!(out.stderr().contains(&said), "{word}: {}", out.stderr());
        }
        assert!(!barque.path("out").exists());
    }
}

#[test]
fn a_root_that_is_no_directory_is_an_error_everywhere() {
    let barque = Barque::new();
    for (at, layer) in [
        LayerTar::new().dir("./").symlink("./", "/etc"),
        LayerTar::new().file("", b"1"),
        LayerTar::new().file("a", b"").hard_link(".", "a"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = in_layout(&barque.path(format!("layout{at}")), &image([layer]));
        for word in ["ls", "du", "extract"] {
            let out = barque.args([word, &name]).run().code(4);
            let said = "the root of the image is not a directory";
            assert!(out.stderr().contains(said), "{word}: {}", out.stderr());
        }
    }
}

#[test]
fn a_file_whose_name_ends_in_a_slash_is_a_file() {
    let layer = LayerTar::new().file("g/", b"data").file("z", b"behind\n");
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &image([layer]));
    assert_eq!(barque.args(["ls", &name]).run().ok().stdout(), "g\nz\n");
    assert_eq!(
        barque.args(["cat", &name, "/g"]).run().ok().stdout(),
        "data"
    );
    barque.args(["extract", "-C", "out", &name]).run().ok();
    assert_eq!(fs::metadata(barque.path("out/g")).unwrap().size(), 4);
}
