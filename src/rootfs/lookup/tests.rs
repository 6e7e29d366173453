//! What a search answers after layers of a few entries, alone and beside the merged tree.

use proptest::prelude::*;

use super::super::entry::tests::read;
use super::super::{Found, Tree};
use super::*;

/// The answer about `path` after these layers, the top one first and the last one the base.
fn find(path: &str, layers: &[&[&str]]) -> String {
    let mut lookup = Lookup::new(ImagePath::parse(path.as_bytes()).unwrap());
    let base = layers.len().wrapping_sub(1);
    for (at, layer) in layers.iter().enumerate() {
        lookup.begin_layer(at == base);
        for text in *layer {
            lookup.note(&read(text)).unwrap();
        }
    }
    match lookup.answer() {
        Answer::File { layer, path } => format!("{layer}{path}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn the_topmost_layer_that_knows_the_path_decides() {
    assert_eq!(find("a/b", &[&["x"], &["a/", "a/b"], &["a/b"]]), "1/a/b");
    assert_eq!(find("a/b", &[&["x"]]), "Missing");
    assert_eq!(find("a", &[&["a/"]]), "Other(Directory)");
    assert_eq!(find("", &[]), "Other(Directory)");
}

#[test]
fn whiteouts_and_replaced_directories_hide() {
    for top in [
        &[".wh.a"][..],
        &["a/.wh.b"],
        &["a/.wh..wh..opq"],
        &["a/", "a/.wh..wh..opq", "a/c"],
        &[".wh..wh..opq"],
        &["a"],
        &[".wh.a", "a/", "a/c"],
    ] {
        assert_eq!(find("a/b", &[top, &["a/", "a/b"]]), "Missing", "{top:?}");
    }
    assert_eq!(find("a/b", &[&[".wh.a", "a/b"]]), "0/a/b");
    assert_eq!(find("a/b", &[&["a/b", "a/.wh.b"]]), "0/a/b");
    assert_eq!(find("a/b", &[&["a/.wh.c"], &["a/b"]]), "1/a/b");
    // A directory that replaced a link: what the link led to does not count.
    assert_eq!(find("a/b", &[&["a/"], &["a -> c", "c/b"]]), "Missing");
}

#[test]
fn links_are_followed_through_all_layers() {
    let base = &[
        "usr/lib/x",
        "lib -> usr/lib",
        "etc/x -> ../lib/x",
        "h = usr/lib/x",
    ];
    assert_eq!(find("etc/x", &[&[], base]), "1/usr/lib/x");
    assert_eq!(find("lib/x", &[&["usr/lib/x"], base]), "0/usr/lib/x");
    assert_eq!(find("lib/x", &[&["lib/x"], base]), "0/lib/x");
    assert_eq!(find("h", &[&["usr/lib/x"], base]), "1/usr/lib/x");
    assert_eq!(find("a", &[&["a -> a"]]), "Circle");
    assert_eq!(find("a/x", &[&["a -> ../../b"], &["b/x"]]), "1/b/x");
}

#[test]
fn a_hard_link_means_what_was_there_before_it() {
    let below = &["d/", "d/a", "s -> d"][..];
    for top in [
        &["z = d/a", "d/", "d/a"][..],
        &["z = d/a", "d/.wh.a"],
        &["d/", "z = d/a", "d/.wh..wh..opq"],
        &["z = d/a", ".wh.d"],
        &["y = d/a", "z = y", "d/", "d/a"],
    ] {
        assert_eq!(find("z", &[top, below]), "Unsure", "{top:?}");
    }
    // What the layer has before the link counts, and so does what it changes elsewhere.
    assert_eq!(find("z", &[&["d/", "d/a", "z = d/a"], below]), "0/d/a");
    assert_eq!(find("z", &[&["z = s/a", "b"], below]), "1/d/a");
    assert_eq!(find("z", &[&["s -> e"], &["z = s/a"], below]), "2/d/a");
    // No target, itself, a directory: all layers together tell what is wrong.
    for target in ["d/b", "z", "d"] {
        let link = format!("z = {target}");
        assert_eq!(find("z", &[&[&link], below]), "Unsure", "{target}");
    }
    // A symbolic link leads on from each of its names.
    let base = &["d/", "d/s -> f", "d/f", "h = d/s", "f"][..];
    assert_eq!(find("h", &[base]), "0/f");
    let links: Vec<String> = (0..100).map(|n| format!("{n} = {}", n - 1)).collect();
    let chain: Vec<&str> = ["-1"]
        .into_iter()
        .chain(links.iter().map(|l| &l[..]))
        .collect();
    assert_eq!(find("99", &[&chain]), "0/-1");
}

#[test]
fn an_entry_that_a_link_may_lead_elsewhere_makes_the_answer_unsure() {
    let base = &["usr/", "usr/lib/", "usr/lib/x", "lib -> usr/lib"][..];
    // Each replaces, hides or could hide the file by way of the link.
    for top in [
        &["lib/x"][..],
        &["lib/.wh.x"],
        &["lib/.wh..wh..opq"],
        &["o -> lib", "o/x"],
        &["y", "deep/er/x"],
    ] {
        assert_eq!(find("usr/lib/x", &[top, base]), "Unsure", "{top:?}");
    }
    // One layer alone: `b` is a link to `a`, so `b/x` replaces `a/x`.
    assert_eq!(find("a/x", &[&["a/x", "b -> a", "b/x"]]), "Unsure");
    // The file is in the upper layer, but the layer above it may have taken it away by its other name.
    let layers = [&["usr/", "usr/lib/", "usr/lib/.wh.x"][..], &["lib/x"], base];
    assert_eq!(find("lib/x", &layers), "Unsure");
}

#[test]
fn layers_that_describe_their_directories_leave_no_doubt() {
    let base = &["usr/", "usr/lib/", "usr/lib/x", "lib -> usr/lib"][..];
    for top in [
        &["lib/", "lib/x"][..],
        &["y", "deep/er/z"],
        &[".wh.a", "a/x"],
    ] {
        assert_eq!(find("usr/lib/x", &[top, base]), "1/usr/lib/x", "{top:?}");
    }
    // Nothing is above it: the name leads to this file, wherever the directory is.
    assert_eq!(find("a/x", &[&["a/x"], base]), "0/a/x");
    assert_eq!(find("lib/x", &[&["lib/.wh.x"], base]), "Missing");
}

/// A directory or a link to one.
fn dir() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
        .prop_map(|parts| parts.join("/"))
}

/// A file or a link to one. Nothing is below these: no runtime unpacks a layer that has a file for a directory.
fn file() -> impl Strategy<Value = String> {
    let dirs = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..3);
    (dirs, prop::sample::select(vec!["f", "g"]))
        .prop_map(|(dirs, name)| [&dirs[..], &[name]].concat().join("/"))
}

/// A link to a directory or file, never in a circle.
fn link() -> impl Strategy<Value = String> {
    let ends = prop::sample::select(vec![
        ("a", "b"),
        ("a", "c/b"),
        ("b", "c"),
        ("g", "f"),
        ("g", "a/f"),
    ]);
    let dirs = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..3);
    (dirs, ends, prop::bool::ANY).prop_map(|(dirs, (name, to), is_relative)| {
        let path = [&dirs[..], &[name]].concat().join("/");
        let root = if is_relative { "" } else { "/" };
        format!("{path} -> {root}{to}")
    })
}

/// A further name of a file, with the target before or after it, or nowhere.
fn hard_link() -> impl Strategy<Value = String> {
    (file(), file()).prop_map(|(path, target)| format!("{path} = {target}"))
}

fn some_entry() -> impl Strategy<Value = String> {
    let whiteout = |path: String| match path.rsplit_once('/') {
        Some((dir, name)) => format!("{dir}/.wh.{name}"),
        None => format!(".wh.{path}"),
    };
    prop_oneof![
        4 => file(),
        4 => dir().prop_map(|path| path + "/"),
        2 => link(),
        3 => hard_link(),
        1 => file().prop_map(whiteout),
        1 => dir().prop_map(whiteout),
        1 => dir().prop_map(|path| path + "/.wh..wh..opq"),
    ]
}

/// Takes the entries out of `layers` that no runtime unpacks, and merges the others. The base is the last layer.
fn tree(layers: &mut [Vec<String>]) -> Tree {
    let mut tree = Tree::new();
    for (at, layer) in (0..).zip(layers.iter_mut().rev()) {
        layer.retain(|text| {
            let mut next = tree.clone();
            let applied = next.apply(at, &read(text)).is_ok();
            if applied {
                tree = next;
            }
            applied
        });
    }
    tree
}

/// What all layers together say of `path`, in the words of [`find`].
fn merged(path: &str, tree: &Tree, layers: usize) -> String {
    match tree.resolve(&ImagePath::parse(path.as_bytes()).unwrap(), true) {
        Found::Missing => "Missing".to_owned(),
        Found::Circle => "Circle".to_owned(),
        Found::There(id) => match (tree.node(id).kind, tree.origin(id)) {
            (EntryKind::File | EntryKind::HardLink, Some((at, path))) => {
                format!("{}{path}", layers - 1 - at)
            }
            (EntryKind::Directory, None) => "Missing".to_owned(),
            (kind, _) => format!("Other({kind:?})"),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000,
        failure_persistence: None,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_search_that_is_sure_says_what_all_layers_say(
        path in file(),
        mut layers in prop::collection::vec(prop::collection::vec(some_entry(), 0..6), 1..4),
    ) {
        let tree = tree(&mut layers);
        let texts: Vec<Vec<&str>> = layers.iter().map(|l| l.iter().map(String::as_str).collect()).collect();
        let slices: Vec<&[&str]> = texts.iter().map(Vec::as_slice).collect();
        let found = find(&path, &slices);
        prop_assume!(found != "Unsure");
        prop_assert_eq!(found, merged(&path, &tree, layers.len()));
    }
}
