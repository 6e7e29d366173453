//! `barque sync --prune`: what it deletes, and all that must keep it from deleting.

use std::fs;

use super::counted::declare;
use super::*;
use crate::support::fake::{Rule, on};

const TAGS: usize = 20;

/// A source and a target that a run with a state has mirrored, of `TAGS` tags `t00000` and so on, and `extra`.
struct Mirrored {
    source: FakeRegistry,
    target: FakeRegistry,
    barque: Barque,
}

fn mirrored() -> Mirrored {
    let source = FakeRegistry::start()
        .tags("a", TAGS, &images::small())
        .image("b", "1", &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "{a,b}", "");
    barque
        .args(["sync", "--state", "state", "mirror.yaml"])
        .run()
        .ok();
    Mirrored {
        source,
        target,
        barque,
    }
}

impl Mirrored {
    /// Deletes a tag at the source, without barque.
    fn lose(&self, tag: &str) {
        let name = format!("docker://{}/a:{tag}", self.source.address());
        self.barque.args(["delete", &name]).run().ok();
        self.source.clear();
    }

    fn prune(&self, more: &[&str]) -> String {
        let base = [
            "sync",
            "--state",
            "state",
            "--prune",
            "--receipt",
            "r.jsonl",
        ];
        let out = self
            .barque
            .args(base)
            .args(more)
            .args(["mirror.yaml"])
            .run();
        out.stderr().to_owned()
    }

    fn deletions(&self) -> usize {
        self.target.requests("DELETE", "/manifests/").len()
    }

    fn has(&self, tag: &str) -> bool {
        self.target.manifest("mirror/a", tag).is_some()
    }
}

#[test]
fn a_tag_that_barque_wrote_and_the_source_lost_is_deleted_and_can_be_taken_back() {
    let m = mirrored();
    m.lose("t00007");
    let manifest = m.target.manifest("mirror/a", "t00007").unwrap();
    let dry = m.prune(&["--dry-run"]);
    assert!(dry.contains("1 to delete") && m.has("t00007"), "{dry}");
    let said = m.prune(&[]);
    assert!(said.contains("1 deleted") && !m.has("t00007"), "{said}");
    assert_eq!(m.deletions(), 1);
    let receipt = fs::read_to_string(m.barque.path("r.jsonl")).unwrap();
    let line = receipt
        .lines()
        .find(|line| line.contains("\"deleted\""))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        line["undo"]["manifest"].as_str().unwrap().as_bytes(),
        manifest
    );
    // Nothing is left to delete.
    assert!(!m.prune(&[]).contains("deleted"));
    assert_eq!(m.deletions(), 1);
}

#[test]
fn a_tag_that_the_rules_leave_out_now_is_deleted() {
    let m = mirrored();
    let file = fs::read_to_string(m.barque.path("mirror.yaml")).unwrap();
    fs::write(
        m.barque.path("mirror.yaml"),
        format!("{file}    tags: {{ except: 't0000[34]' }}\n"),
    )
    .unwrap();
    let said = m.prune(&[]);
    assert!(said.contains("2 deleted"), "{said}");
    assert!(!m.has("t00003") && !m.has("t00004") && m.has("t00005"));
}

#[test]
fn tags_of_others_stay() {
    let m = mirrored();
    // One that barque never wrote, and one that somebody has overwritten since.
    let from = FakeRegistry::start().image("x", "1", &images::two_layers());
    for tag in ["theirs", "t00002"] {
        let to = format!("docker://{}/mirror/a:{tag}", m.target.address());
        m.barque.args(["copy", &from.docker("x:1"), &to]).run().ok();
    }
    m.lose("t00002");
    let said = m.prune(&[]);
    assert!(said.contains("another image than was written"), "{said}");
    assert_eq!(m.deletions(), 0);
    assert!(m.has("theirs") && m.has("t00002"));
}

#[test]
fn more_than_max_delete_are_not_deleted_at_all() {
    let m = mirrored();
    for n in 0..3 {
        m.lose(&format!("t0000{n}"));
    }
    let said = m.prune(&[]);
    assert!(said.contains("3 of 20 tags would be deleted"), "{said}");
    assert_eq!(m.deletions(), 0);
    let said = m.prune(&["--max-delete", "3"]);
    assert!(said.contains("3 deleted"), "{said}");
}

#[test]
fn the_last_tag_stays() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    let sync = [
        "sync",
        "--state",
        "state",
        "--prune",
        "--max-delete",
        "100%",
    ];
    barque.args(sync).args(["mirror.yaml"]).run().ok();
    barque.args(["delete", &source.docker("a:1")]).run().ok();
    // An empty list is an error, and deletes nothing.
    barque.args(sync).args(["mirror.yaml"]).run().code(7);
    assert!(target.requests("DELETE", "/manifests/").is_empty());
    // A tag that replaces it, whose copy fails.
    let source = source.image("a", "2", &images::two_layers());
    source.add_rule(on("GET").path("/blobs/").error(404, "BLOB_UNKNOWN", "gone"));
    barque.args(sync).args(["mirror.yaml"]).run().code(7);
    assert!(target.requests("DELETE", "/manifests/").is_empty());
}

/// The name of a fault, whether it is the source's or the target's, and the rule that makes it.
type Fault = (&'static str, bool, Box<dyn Fn() -> Rule>);

#[test]
fn no_fault_deletes_a_tag_that_the_source_has() {
    let list = || on("GET").path("/v2/a/tags/list");
    let head = || on("HEAD").path("/v2/a/manifests/");
    let cut = "{\"name\":\"a\",\"tags\":[\"t00000\",\"t00001\"]}";
    let faults: Vec<Fault> = vec![
        (
            "a list cut in the middle",
            true,
            Box::new(move || list().fin_after(60)),
        ),
        (
            "a list reset in the middle",
            true,
            Box::new(move || list().rst_after(60)),
        ),
        (
            "a list of half the tags",
            true,
            Box::new(move || list().json(cut)),
        ),
        (
            "an empty list",
            true,
            Box::new(move || list().json("{\"name\":\"a\",\"tags\":[]}")),
        ),
        (
            "a list that is null",
            true,
            Box::new(move || list().json("{\"name\":\"a\",\"tags\":null}")),
        ),
        (
            "a list without tags",
            true,
            Box::new(move || list().json("{\"name\":\"a\"}")),
        ),
        ("no JSON", true, Box::new(move || list().json("nothing"))),
        ("a web page", true, Box::new(move || list().html(200))),
        (
            "401 on the list",
            true,
            Box::new(move || list().error(401, "UNAUTHORIZED", "log in")),
        ),
        (
            "403 on the list",
            true,
            Box::new(move || list().error(403, "DENIED", "no")),
        ),
        (
            "404 on the list",
            true,
            Box::new(move || list().error(404, "NAME_UNKNOWN", "no")),
        ),
        (
            "429 on the list",
            true,
            Box::new(move || {
                list()
                    .error(429, "TOOMANYREQUESTS", "later")
                    .header("retry-after", "9999")
            }),
        ),
        (
            "500 on the list",
            true,
            Box::new(move || list().status(500)),
        ),
        (
            "401 on each HEAD",
            true,
            Box::new(move || head().status(401)),
        ),
        (
            "403 on each HEAD",
            true,
            Box::new(move || head().status(403)),
        ),
        (
            "404 on each HEAD",
            true,
            Box::new(move || head().status(404)),
        ),
        (
            "500 on each HEAD",
            true,
            Box::new(move || head().status(500)),
        ),
        (
            "a list of strangers",
            true,
            Box::new(move || list().json("{\"name\":\"a\",\"tags\":[\"x\",\"y\"]}")),
        ),
        (
            "a list of what are no tags",
            true,
            Box::new(move || list().json("{\"name\":\"a\",\"tags\":[\"-\",\"/\"]}")),
        ),
        (
            "the target's list is cut",
            false,
            Box::new(|| on("GET").path("/tags/list").fin_after(60)),
        ),
        (
            "the target's list is empty",
            false,
            Box::new(|| on("GET").path("/tags/list").json("{\"tags\":[]}")),
        ),
        (
            "the target's list is refused",
            false,
            Box::new(|| on("GET").path("/tags/list").status(403)),
        ),
        (
            "the target's HEAD is refused",
            false,
            Box::new(|| on("HEAD").status(403)),
        ),
        (
            "the target's HEAD fails",
            false,
            Box::new(|| on("HEAD").status(500)),
        ),
    ];
    let m = mirrored();
    let saved = m.barque.path("saved");
    fs::create_dir(&saved).unwrap();
    let state = m.barque.path("state").join("state.jsonl");
    fs::copy(&state, saved.join("state.jsonl")).unwrap();
    for check in [&[][..], &["--fast"]] {
        for (name, at_source, fault) in &faults {
            if !check.is_empty() && !name.contains("list") {
                continue;
            }
            let place = if *at_source { &m.source } else { &m.target };
            place.add_rule(fault());
            let most = ["--max-delete", "100%"];
            let said = m.prune(&[check, &most].concat());
            place.clear_rules();
            assert_eq!(m.deletions(), 0, "{name} {check:?}: {said}");
            for n in 0..TAGS {
                assert!(m.has(&format!("t{n:05}")), "{name}: t{n:05} is gone");
            }
            fs::copy(saved.join("state.jsonl"), &state).unwrap();
        }
    }
}
