//! Trees merged of layers of a few entries.

use super::super::entry::tests::read;
use super::*;

/// All paths, directories with a slash at the end, after these layers.
fn merged(layers: &[&[&str]]) -> Vec<String> {
    let mut tree = Tree::new();
    for (at, layer) in (0..).zip(layers) {
        for text in *layer {
            tree.apply(at, &read(text)).unwrap();
        }
    }
    let (mut all, mut ahead) = (Vec::new(), vec![tree.root()]);
    while let Some(id) = ahead.pop() {
        ahead.extend(tree.children(id).into_iter().rev());
        if tree.node(id).kind == EntryKind::Directory && id != tree.root() {
            all.push(format!("{}/", tree.path(id)));
        } else if id != tree.root() {
            all.push(tree.path(id).to_string());
        }
    }
    all
}

#[test]
fn a_whiteout_takes_away_what_is_below_and_nothing_of_its_own_layer() {
    assert_eq!(merged(&[&["a", "b"], &[".wh.a"]]), ["/b"]);
    assert_eq!(merged(&[&["d/", "d/x"], &[".wh.d"]]), [""; 0]);
    for layer in [&["d/", "d/y", ".wh.d"], &[".wh.d", "d/", "d/y"]] {
        assert_eq!(
            merged(&[&["d/", "d/x"], layer]),
            ["/d/", "/d/y"],
            "{layer:?}"
        );
    }
    assert_eq!(merged(&[&["a"], &[".wh.a"], &["a"]]), ["/a"]);
    assert_eq!(merged(&[&["a"], &[".wh.b", "d/.wh.x"]]), ["/a"]);
    assert_eq!(merged(&[&["a"], &["a", ".wh.a"]]), ["/a"]);
}

#[test]
fn an_opaque_directory_hides_what_is_below_it_wherever_the_mark_stands() {
    for layer in [
        &["d/", "d/.wh..wh..opq", "d/new"],
        &["d/", "d/new", "d/.wh..wh..opq"],
    ] {
        let all = merged(&[&["d/", "d/old", "d/e/", "d/e/f"], layer]);
        assert_eq!(all, ["/d/", "/d/new"], "{layer:?}");
    }
    let deep = merged(&[&["d/e/f"], &["d/e/g", "d/.wh..wh..opq"]]);
    assert_eq!(deep, ["/d/", "/d/e/", "/d/e/g"]);
    assert_eq!(merged(&[&["a", "d/b"], &[".wh..wh..opq"]]), [""; 0]);
}

#[test]
fn files_and_directories_replace_one_another() {
    assert_eq!(merged(&[&["a/", "a/b"], &["a"]]), ["/a"]);
    assert_eq!(merged(&[&["a"], &["a/", "a/b"]]), ["/a/", "/a/b"]);
    assert_eq!(merged(&[&["a"], &["a/b"]]), ["/a/", "/a/b"]);
    assert_eq!(merged(&[&["a/", "a/b"], &["a/"]]), ["/a/", "/a/b"]);
    assert_eq!(merged(&[&["a", "a/b", "a"]]), ["/a"]);
    assert_eq!(merged(&[&["./", "a"], &["./"]]), ["/a"]);
}

#[test]
fn parents_that_are_links_are_followed_within_the_image() {
    let all = merged(&[&["usr/lib/", "lib -> usr/lib"], &["lib/x"]]);
    assert_eq!(all, ["/lib", "/usr/", "/usr/lib/", "/usr/lib/x"]);
    let all = merged(&[&["out -> ../../../etc"], &["out/x"]]);
    assert_eq!(all, ["/etc/", "/etc/x", "/out"]);
    // A circle is broken: no file may be lost without an error or a place.
    let all = merged(&[&["a -> b", "b -> a", "a/x"]]);
    assert!(all.iter().any(|path| path.ends_with("/x")), "{all:?}");
}

#[test]
fn paths_are_resolved_as_a_runtime_does() {
    let mut tree = Tree::new();
    for text in [
        "usr/lib/os-release",
        "etc/os-release -> ../usr/lib/os-release",
        "lib -> /usr/lib",
        "loop -> loop",
    ] {
        tree.apply(0, &read(text)).unwrap();
    }
    let find = |path: &str, last| {
        let path = ImagePath::parse(path.as_bytes()).unwrap();
        match tree.resolve(&path, last) {
            Found::There(id) => tree.path(id).to_string(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(find("etc/os-release", true), "/usr/lib/os-release");
    assert_eq!(find("etc/os-release", false), "/etc/os-release");
    assert_eq!(find("lib/os-release", false), "/usr/lib/os-release");
    assert_eq!(find("loop/x", true), "Circle");
    assert_eq!(find("etc/none", true), "Missing");
}

#[test]
fn many_files_take_little_time_and_memory() {
    let mut tree = Tree::new();
    for i in 0..20_000 {
        tree.apply(0, &read(&format!("d/{i}"))).unwrap();
    }
    for i in 0..20_000 {
        tree.apply(1, &read(&format!("d/.wh.{i}"))).unwrap();
    }
    assert!(tree.children(NodeId(1)).is_empty());
    assert!(size_of::<Node>() <= 72, "{}", size_of::<Node>());
}
