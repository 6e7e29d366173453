//! Several images that would get one name at a target are refused before anything is written there.

use std::fs;

use super::*;

fn fleet() -> FakeRegistry {
    let mut source = FakeRegistry::start();
    for (name, tag) in [
        ("app", "1"),
        ("app", "2"),
        ("team/x", "1"),
        ("team/x", "2"),
        ("team/y", "2"),
        ("team/y", "3"),
        ("other", "1"),
    ] {
        source = source.image(name, tag, &images::small());
    }
    source
}

/// Runs `sync` with a declaration of these entries, in which A is `source` and D is `target`.
fn sync(
    barque: &Barque,
    source: &FakeRegistry,
    target: &FakeRegistry,
    entries: &str,
    code: i32,
) -> String {
    let entries = entries.replace("A/", &format!("{}/", source.address()));
    let entries = entries.replace("D/", &format!("{}/", target.address()));
    fs::write(
        barque.path("s.yaml"),
        format!("barque-sync: 1\nsync:\n{entries}"),
    )
    .unwrap();
    let out = barque.args(["sync", "s.yaml"]).run().code(code);
    out.stderr().to_owned()
}

#[test]
fn images_that_are_named_and_would_get_one_name_are_refused_without_a_request() {
    let (source, target, barque) = (fleet(), FakeRegistry::start(), Barque::new());
    for (entries, named) in [
        (
            "  - {from: 'A/team/{x,y}:2', to: D/same}\n",
            &["A/team/x:2", "A/team/y:2", "D/same:2"][..],
        ),
        (
            "  - {from: 'A/app:1', to: 'D/q:v9'}\n  - {from: 'A/app:2', to: [D/w, 'D/q:v9']}\n",
            &["A/app:1", "A/app:2", "D/q:v9"],
        ),
        (
            "  - {from: A/app, to: [D/q, D/q]}\n",
            &["A/app", "D/q", "given twice"],
        ),
        (
            "  - {from: 'A/app:1', to: [D/q, 'D/q:1']}\n",
            &["A/app:1", "D/q:1", "given twice"],
        ),
        (
            "  - {from: 'A/team/{x,y}:2', to: 'oci:all:mine'}\n",
            &["A/team/x:2", "A/team/y:2", "oci:all:mine"],
        ),
        (
            "  - {from: 'A/app:1', to: D/q}\n  - {from: 'A/app:1', to: D/q, platforms: [linux/arm64]}\n",
            &["A/app:1", "D/q:1", "different platforms"],
        ),
    ] {
        let said = sync(&barque, &source, &target, entries, 1);
        for name in named {
            let name = name.replace("A/", &format!("{}/", source.address()));
            let name = name.replace("D/", &format!("{}/", target.address()));
            assert!(said.contains(&name), "`{name}`: {said}");
        }
    }
    assert_eq!((source.lines().len(), target.lines().len()), (0, 0));
    // Under skopeo's arguments as well.
    let file = format!(
        "{}:\n  images:\n    team/x: ['2']\n    crew/x: ['2']\n",
        source.address()
    );
    fs::write(barque.path("skopeo.yaml"), file).unwrap();
    let args = ["sync", "--src", "yaml", "--dest", "dir", "skopeo.yaml", "d"];
    let out = barque.args(args).run().code(1);
    assert!(out.stderr().contains("dir:d/x:2"), "{}", out.stderr());
    assert_eq!(source.lines().len(), 0);
}

#[test]
fn tags_that_are_selected_and_would_get_one_name_are_refused_before_anything_is_written() {
    let (source, target, barque) = (fleet(), FakeRegistry::start(), Barque::new());
    for (entries, named) in [
        (
            "  - {from: A/app, to: 'D/q:v9'}\n",
            ["A/app:1", "A/app:2", "D/q:v9"],
        ),
        (
            "  - {from: 'A/team/{x,y}', to: D/same}\n",
            ["A/team/x:2", "A/team/y:2", "D/same:2"],
        ),
        (
            "  - {from: 'A/team/x:2', to: D/same}\n  - {from: A/team/y, to: D/same}\n",
            ["A/team/x:2", "A/team/y:2", "D/same:2"],
        ),
        (
            "  - {from: A/app, to: [D/q, 'D/q:1']}\n",
            ["A/app:1", "given twice", "D/q:1"],
        ),
    ] {
        let said = sync(&barque, &source, &target, entries, 7);
        for name in named {
            let name = name.replace("A/", &format!("{}/", source.address()));
            let name = name.replace("D/", &format!("{}/", target.address()));
            assert!(said.contains(&name), "`{name}`: {said}");
        }
    }
    assert_eq!(target.lines().len(), 0);
    // Other entries go on, and what names no clash is as before.
    let entries = "  - {from: 'A/team/{x,y}', to: D/same}\n  - {from: A/other, to: D/other}\n\
                   \x20 - {from: A/app, to: 'D/newest:v', tags: {newest: 1}}\n\
                   \x20 - {from: A/app, to: D/app, tags: {match: '1'}}\n  - {from: A/app, to: D/app, tags: {match: '2'}}\n";
    let said = sync(&barque, &source, &target, entries, 7);
    assert!(
        said.contains("4 copied") && said.contains("1 failed"),
        "{said}"
    );
}
