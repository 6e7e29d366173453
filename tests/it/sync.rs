//! `barque sync` against real registries and skopeo's own `sync`; version constraints against skopeo's answers.

mod clashes;
mod counted;
mod fleet;
mod forms;
mod local_targets;
mod mistakes;
mod prune;
mod prune_faults;
mod receipts;
mod schema;
mod stages;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use barque::sync::semver::{Constraint, Version};

use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::fixtures;
use crate::support::images;
use crate::support::peers::{self, DockerRegistry};

#[test]
fn constraints_select_the_tags_that_skopeo_selects() {
    let Some(root) = fixtures::dir() else { return };
    let file = root
        .with_file_name("fixtures-registries-conf")
        .join("semver-cases.json");
    let text = std::fs::read(&file).expect("read the cases");
    let cases: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let strings = |value: &serde_json::Value| {
        let values = value.as_array().into_iter().flatten();
        values
            .map(|v| v.as_str().expect("a string").to_owned())
            .collect::<Vec<_>>()
    };
    let tags = strings(&cases["tags"]);
    let mut seen = 0;
    for case in cases["cases"].as_array().expect("cases") {
        let text = case["constraint"].as_str().expect("a constraint");
        let constraint = text.parse::<Constraint>();
        seen += 1;
        if case.get("error").is_some() {
            assert!(constraint.is_err(), "`{text}` is accepted");
            continue;
        }
        let constraint = constraint.unwrap_or_else(|e| panic!("{e}"));
        let fits = |tag: &&String| Version::parse(tag).is_some_and(|v| constraint.matches(&v));
        let matches = tags.iter().filter(fits).cloned().collect::<Vec<_>>();
        assert_eq!(matches, strings(&case["matches"]), "`{text}`");
    }
    assert!(seen >= 75, "{seen} cases");
}

/// The files below `root` by path, each with its bytes.
fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("read the directory") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(root).unwrap().display().to_string();
                    files.insert(name, fs::read(&path).expect("read a file"));
                }
            }
        }
    }
    files
}

#[test]
fn repositories_go_to_directories_and_back_as_with_skopeo() {
    peers::needs!("docker-registry", "skopeo");
    let (source, target) = (DockerRegistry::open(), DockerRegistry::open());
    for tag in ["1.0", "1.1", "edge"] {
        source.feed(&format!("fleet/ship:{tag}"), &images::small());
    }
    let name = source.docker("fleet/ship");
    let name = name.strip_prefix("docker://").unwrap();
    let barque = Barque::new();
    for scoped in [&[][..], &["--scoped"]] {
        let (ours, theirs) = (
            format!("ours{}", scoped.len()),
            format!("theirs{}", scoped.len()),
        );
        let form = ["--src", "docker", "--dest", "dir"];
        let out = barque
            .args(["sync"])
            .args(form)
            .args(scoped)
            .args([name, &ours])
            .run()
            .ok();
        assert!(
            out.stderr().contains("Synced 3 images from 1 sources"),
            "{}",
            out.stderr()
        );
        let theirs = barque.path(&theirs);
        let skopeo = peers::skopeo();
        let args = skopeo.args(["sync", "--src-tls-verify=false"]).args(form);
        args.args(scoped)
            .args([name, theirs.to_str().unwrap()])
            .run()
            .ok();
        let (ours, theirs) = (tree(&barque.path(&ours)), tree(&theirs));
        assert_eq!(
            ours.keys().collect::<Vec<_>>(),
            theirs.keys().collect::<Vec<_>>()
        );
        assert_eq!(ours, theirs);
    }
    let to = target.docker("back");
    let to = to.strip_prefix("docker://").unwrap();
    barque
        .args(["sync", "--src", "dir", "--dest", "docker", "ours0", to])
        .run()
        .ok();
    let tags = barque
        .args(["tags", "--plain", &target.docker("back/ship")])
        .run()
        .ok();
    let mut tags = tags.stdout().lines().collect::<Vec<_>>();
    tags.sort_unstable();
    assert_eq!(tags, ["1.0", "1.1", "edge"]);
    let again = barque
        .args(["sync", "--src", "docker", "--dest", "dir", name, "ours0"])
        .run()
        .ok();
    assert!(again.stderr().contains("3 unchanged"), "{}", again.stderr());
}

#[test]
fn a_declaration_is_mirrored_and_an_unchanged_tag_costs_a_request_on_each_side() {
    let mut source = FakeRegistry::start();
    for tag in ["1.0", "1.1", "1.2-rc", "latest"] {
        source = source.image("fleet/ship", tag, &images::small());
    }
    let target = FakeRegistry::start();
    let (from, to) = (source.address(), target.address());
    let barque = Barque::new();
    let file = format!(
        "barque-sync: 1\nsync:\n  - from: {from}/fleet/ship\n    to: {to}/mirror/{{name}}\n    tags: {{ match: '^\\d', except: '-rc' }}\n"
    );
    fs::write(barque.path("mirror.yaml"), file).unwrap();
    let dry = barque.args(["sync", "--dry-run", "mirror.yaml"]).run().ok();
    assert!(
        dry.stderr().contains("Would have synced 2 images"),
        "{}",
        dry.stderr()
    );
    assert_eq!(target.requests("PUT", "").len(), 0);
    let first = barque
        .args(["sync", "--receipt", "receipt.jsonl", "mirror.yaml"])
        .run()
        .ok();
    assert!(
        first
            .stderr()
            .contains("Synced 2 images from 1 sources: 2 copied"),
        "{}",
        first.stderr()
    );
    let receipt = fs::read_to_string(barque.path("receipt.jsonl")).unwrap();
    let lines = receipt
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["source"].is_string());
    assert!(
        lines
            .clone()
            .all(|line| line["outcome"] == "copied" && line["digest"].is_string()),
        "{receipt}"
    );
    assert_eq!(lines.count(), 2);
    let before = (source.lines().len(), target.lines().len());
    let second = barque.args(["sync", "mirror.yaml"]).run().ok();
    assert!(
        second.stderr().contains("0 copied (0 B), 2 unchanged"),
        "{}",
        second.stderr()
    );
    // The list of the source's tags, and one HEAD on each side for each of two tags.
    assert_eq!(
        (
            source.lines().len() - before.0,
            target.lines().len() - before.1
        ),
        (3, 2)
    );
    let before = (source.lines().len(), target.lines().len());
    barque.args(["sync", "--fast", "mirror.yaml"]).run().ok();
    assert_eq!(
        (
            source.lines().len() - before.0,
            target.lines().len() - before.1
        ),
        (1, 1),
        "two lists, no HEAD"
    );
}

#[test]
fn one_broken_image_does_not_stop_the_others() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let source = source.image("b", "1", &images::small());
    let target = FakeRegistry::start();
    let (from, to) = (source.address(), target.address());
    let barque = Barque::new();
    fs::write(
        barque.path("images.txt"),
        format!("{from}/absent:1\n{from}/a:1 # one\n{from}/b:1 => {to}/other:2\n"),
    )
    .unwrap();
    let out = barque
        .args(["sync", "images.txt", &format!("{to}/mirror")])
        .run()
        .code(7);
    assert!(
        out.stderr().contains("2 copied") && out.stderr().contains("1 failed"),
        "{}",
        out.stderr()
    );
    for name in ["mirror/a:1", "other:2"] {
        barque
            .args(["inspect", "--raw", &format!("docker://{to}/{name}")])
            .run()
            .ok();
    }
    let stopped = barque
        .args([
            "sync",
            "--fail-fast",
            "--jobs",
            "1",
            "images.txt",
            &format!("{to}/again"),
        ])
        .run();
    stopped.code(2);
}

/// Images that cannot be mirrored have failed: their tags are there, so that they have not vanished.
#[test]
fn a_listed_image_without_the_platform_or_with_a_part_missing_fails() {
    let mut index = images::five_platforms();
    let source = FakeRegistry::start().image("whole", "1", &index);
    index.children.pop();
    let source = source.image("part", "1", &index);
    let target = FakeRegistry::start();
    let barque = Barque::new();
    for (entry, platforms) in [("whole", "[linux/mips]"), ("part", "all")] {
        let (from, to) = (source.address(), target.address());
        let text = format!(
            "barque-sync: 1\nsync:\n  - from: {from}/{entry}\n    to: {to}/{entry}\n    platforms: {platforms}\n"
        );
        fs::write(barque.path("sync.yml"), text).unwrap();
        let said = barque.args(["sync", "sync.yml"]).run().code(7);
        let said = said.stderr();
        assert!(
            said.contains("1 failed") && !said.contains("vanished"),
            "{said}"
        );
        let (plain, gone) = (format!("{from}/{entry}"), entry == "part");
        let args = [
            "sync",
            "--src",
            "docker",
            "--dest",
            "dir",
            "--src-tls-verify=false",
        ];
        let which: &[&str] = if gone {
            &["--all"]
        } else {
            &["--override-arch", "mips"]
        };
        let out = barque.args(args).args(which).args([&*plain, "out"]).run();
        // As skopeo ends: 2 for a manifest that is unknown.
        out.code(if gone { 2 } else { 1 });
    }
}

#[test]
fn a_file_of_another_form_is_told_from_a_broken_one() {
    let barque = Barque::new();
    std::fs::write(barque.path("s.yaml"), "r.io:\n  images:\n    a: ['1']\n").unwrap();
    let out = barque.args(["sync", "s.yaml"]).run().code(1);
    let told = out.stderr();
    assert!(
        told.contains("has the form of `skopeo sync --src yaml`"),
        "{told}"
    );
    assert!(
        told.contains("barque sync --src yaml --dest docker s.yaml"),
        "{told}"
    );
    std::fs::write(barque.path("b.yaml"), "r.io/a:\n  nope: 1\n").unwrap();
    let out = barque.args(["sync", "b.yaml"]).run().code(1);
    let told = out.stderr();
    assert!(
        told.contains("the name of a target or a list of such names is expected"),
        "{told}"
    );
    assert!(told.contains("line 2, column 3"), "{told}");
}
