//! Declarations that say something twice, in vain, or in another tool's form; and sources and registries at fault.

use std::fs;

use super::counted::declare;
use super::stages::lines;
use super::*;
use crate::support::fake::on;

#[test]
fn a_tag_that_is_named_and_not_there_is_told() {
    let source = FakeRegistry::start().tags("a", 2, &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    let entry = format!(
        "barque-sync: 1\nsync:\n  - from: {}/a\n    to: {}/m\n    tags: {{ newest: 1, also: [nosuch] }}\n",
        source.address(),
        target.address()
    );
    fs::write(barque.path("m.yaml"), &entry).unwrap();
    let out = barque
        .args(["sync", "m.yaml", "--receipt", "r.jsonl"])
        .run()
        .ok();
    assert!(
        out.stderr().contains("/a:nosuch` is not there"),
        "{}",
        out.stderr()
    );
    let lines = lines(&barque, "r.jsonl");
    let count = |word: &str| lines.iter().filter(|line| line["outcome"] == word).count();
    assert_eq!((count("copied"), count("vanished")), (1, 1), "{lines:?}");
    fs::write(
        barque.path("m.yaml"),
        entry.replace("[nosuch]", "[no such]"),
    )
    .unwrap();
    let out = barque.args(["sync", "m.yaml"]).run().code(1);
    assert!(
        out.stderr().contains("`no such`: the tag"),
        "{}",
        out.stderr()
    );
}

#[test]
fn rules_for_tags_that_have_no_effect_are_refused() {
    let barque = Barque::new();
    fs::write(barque.path("l.txt"), "h.example/a:*\n").unwrap();
    for origin in ["from: h.example/a:1", "list: l.txt"] {
        let text = format!(
            "barque-sync: 1\nsync:\n  - {origin}\n    to: t.example/m\n    tags: {{ newest: 1 }}\n"
        );
        fs::write(barque.path("m.yaml"), text).unwrap();
        let out = barque.args(["sync", "m.yaml"]).run().code(1);
        assert!(
            out.stderr().contains("`tags` has no effect"),
            "{}",
            out.stderr()
        );
    }
}

#[test]
fn an_image_that_is_named_twice_is_copied_once() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let (from, barque) = (source.address(), Barque::new());
    for (n, list) in [
        format!("{from}/a:1\n{from}/a:1\n"),
        format!("{from}/a:*\n{from}/a:*\n{from}/a:1\n"),
    ]
    .iter()
    .enumerate()
    {
        let target = FakeRegistry::start();
        fs::write(barque.path("l.txt"), list).unwrap();
        let receipt = format!("r{n}.jsonl");
        barque
            .args(["sync", "l.txt", target.address(), "--receipt", &receipt])
            .run()
            .ok();
        assert_eq!(target.requests("PUT", "/manifests/1").len(), 1);
        assert_eq!(lines(&barque, &receipt).len(), 1);
    }
}

#[test]
fn mistakes_are_explained_for_users() {
    let barque = Barque::new();
    for (text, says) in [
        (
            "barque-sync: 1\nsync:\n  - from: a\n    from: b\n    to: c\n",
            "line 4, column 5: duplicate mapping key: from\n",
        ),
        (
            "version: 1\nsync:\n  - source: a.example/x\n    target: b.example/x\n    type: repository\n",
            "hint: `barque sync convert f` writes it in barque's own form",
        ),
        (
            "tasks:\n  - name: t\n    source: {registry: a.example}\n",
            "hint: `barque sync convert f` writes it in barque's own form",
        ),
    ] {
        fs::write(barque.path("f"), text).unwrap();
        let out = barque.args(["sync", "f"]).run().code(1);
        assert!(out.stderr().contains(says), "{}", out.stderr());
    }
}

#[test]
fn a_source_that_stalls_is_not_blamed_on_the_destination() {
    let image = images::two_layers();
    let source = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path("/blobs/").stall_after(0));
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    let quick = ["--stall-timeout=300ms", "--retry-backoff=1ms"];
    let sync = ["sync", "mirror.yaml"];
    let out = barque.args(quick).args(sync).run().code(7);
    let said = out.stderr();
    assert!(
        said.contains("sent nothing") && !said.contains(": no answer for"),
        "{said}"
    );
}

#[test]
fn a_registry_without_room_refuses_and_is_not_asked_for_long() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let full = |method| {
        let upload = on(method).path("/blobs/uploads/");
        upload.error(507, "UNKNOWN", "no space left")
    };
    let target = FakeRegistry::start().rule(full("PATCH")).rule(full("PUT"));
    let to = target.docker("b:1");
    let barque = Barque::new();
    let out = barque
        .args(["copy", &source.docker("a:1"), &to])
        .run()
        .code(6);
    assert!(
        out.stderr().contains("hint: the registry has no room"),
        "{}",
        out.stderr()
    );
    // One upload of each blob: its bytes in one request, or a part of them first.
    let most = images::small().all_blobs().len();
    let sent = target.requests("PATCH", "").len() + target.requests("PUT", "").len();
    assert!(sent <= most, "{:?}", target.lines());
}
