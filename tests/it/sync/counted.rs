//! What `barque sync` asks for, counted: unchanged tags by each check, shared blobs, rates and pulls.

use std::fs;

use super::*;
use crate::support::fake::on;

/// A declaration of all tags of `repositories` at `from`, mirrored to `to`.
pub(super) fn declare(barque: &Barque, from: &str, to: &str, repositories: &str, more: &str) {
    let file = format!(
        "barque-sync: 1\n{more}sync:\n  - from: {from}/{repositories}\n    to: {to}/mirror/{{repository}}\n"
    );
    fs::write(barque.path("mirror.yaml"), file).unwrap();
}

fn receipt(barque: &Barque, file: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(barque.path(file)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_blob_of_several_images_is_read_once_and_mounted_everywhere_else() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut source = FakeRegistry::start();
    let image = images::two_layers();
    for name in names {
        source = source.image(&format!("team/{name}"), "1", &image);
        source = source.image(&format!("team/{name}"), "2", &image);
    }
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(
        &barque,
        source.address(),
        target.address(),
        "team/{a,b,c,d,e,f}",
        "",
    );
    let out = barque
        .args(["sync", "--jobs", "8", "--receipt", "r.jsonl", "mirror.yaml"])
        .run()
        .ok();
    assert!(out.stderr().contains("12 copied"), "{}", out.stderr());
    let blobs = image.all_blobs().len();
    assert_eq!(
        source.requests("GET", "/blobs/").len(),
        blobs,
        "each blob is read once"
    );
    // The first repository has each blob written, the others mount it, and a second tag asks for nothing.
    let mounts = target.requests("POST", "mount=");
    assert_eq!(mounts.len(), blobs * names.len());
    assert_eq!(target.requests("PUT", "/blobs/uploads/").len(), blobs);
    let lines = receipt(&barque, "r.jsonl");
    let sum = |key: &str| {
        lines
            .iter()
            .filter_map(|line| line[key].as_u64())
            .sum::<u64>()
    };
    assert_eq!(sum("mounts"), (blobs * (names.len() - 1)) as u64);
    let bytes = image
        .all_blobs()
        .values()
        .map(|blob| blob.len() as u64)
        .sum::<u64>();
    assert_eq!(sum("bytes"), bytes);
    let sent = (source.lines().len() + target.lines().len()) as u64;
    // The lists of tags belong to no image.
    assert_eq!(sum("requests"), sent - names.len() as u64);
}

#[test]
fn a_known_state_needs_the_source_alone() {
    let source = FakeRegistry::start().tags("fleet/ship", 10, &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(
        &barque,
        source.address(),
        target.address(),
        "fleet/ship",
        "",
    );
    let sync = [
        "sync",
        "--state",
        "state",
        "--receipt",
        "r.jsonl",
        "mirror.yaml",
    ];
    barque.args(sync).run().ok();
    let count = || (source.requests("HEAD", "").len(), target.lines().len());
    let before = count();
    barque.args(sync).run().ok();
    assert_eq!((count().0 - before.0, count().1 - before.1), (10, 0));
    assert!(
        receipt(&barque, "r.jsonl")
            .iter()
            .all(|line| line["by"] == "state")
    );
    let before = count();
    let deep = barque.args(sync).args(["--deep"]).run().ok();
    assert_eq!(
        (count().0 - before.0, count().1 - before.1),
        (10, 10),
        "{}",
        deep.stderr()
    );
    // Without the state nothing is lost but requests.
    fs::remove_dir_all(barque.path("state")).unwrap();
    let before = count();
    let lost = barque.args(sync).run().ok();
    assert!(lost.stderr().contains("10 unchanged"), "{}", lost.stderr());
    assert_eq!((count().0 - before.0, count().1 - before.1), (10, 10));
    assert!(
        target.requests("GET", "").is_empty(),
        "the target is not read to compare"
    );
}

#[test]
fn a_cut_index_is_unchanged_by_its_state() {
    let source = FakeRegistry::start().image("fleet/ship", "1", &images::five_platforms());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    let defaults = "defaults: { platforms: [linux/amd64, linux/arm64] }\n";
    declare(
        &barque,
        source.address(),
        target.address(),
        "fleet/ship",
        defaults,
    );
    let sync = ["sync", "--state", "state", "mirror.yaml"];
    barque.args(sync).run().ok();
    let before = (source.lines().len(), target.lines().len());
    let again = barque.args(sync).run().ok();
    assert!(again.stderr().contains("1 unchanged"), "{}", again.stderr());
    let after = (source.lines().len(), target.lines().len());
    assert_eq!(
        (after.0 - before.0, after.1 - before.1),
        (2, 0),
        "a list and one HEAD"
    );
    // Other platforms are another image.
    let defaults = "defaults: { platforms: [linux/amd64] }\n";
    declare(
        &barque,
        source.address(),
        target.address(),
        "fleet/ship",
        defaults,
    );
    let other = barque.args(sync).run().ok();
    assert!(other.stderr().contains("1 copied"), "{}", other.stderr());
}

#[test]
fn ten_thousand_tags_cost_their_lists_when_the_list_is_trusted() {
    let source = FakeRegistry::start().tags("fleet/ship", 10_000, &images::small());
    let target = FakeRegistry::start().tags("mirror/fleet/ship", 10_000, &images::small());
    let barque = Barque::new();
    declare(
        &barque,
        source.address(),
        target.address(),
        "fleet/ship",
        "",
    );
    let out = barque.args(["sync", "--fast", "mirror.yaml"]).run().ok();
    assert!(out.stderr().contains("10000 unchanged"), "{}", out.stderr());
    assert!(source.lines().len() <= 11 && target.lines().len() <= 11);
}

#[test]
fn latest_is_looked_at_even_when_the_list_is_trusted() {
    let source = FakeRegistry::start().image("a", "latest", &images::small());
    let target = FakeRegistry::start().image("mirror/a", "latest", &images::two_layers());
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    let out = barque.args(["sync", "--fast", "mirror.yaml"]).run().ok();
    assert!(out.stderr().contains("1 copied"), "{}", out.stderr());
}

#[test]
fn pulls_end_with_what_is_left_for_a_later_run() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let source = source
        .image("b", "1", &images::small())
        .image("c", "1", &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "{a,b,c}", "");
    let sync = ["sync", "--max-pulls", "2", "mirror.yaml"];
    let out = barque.args(sync).run().code(7);
    let said = out.stderr();
    assert!(
        said.contains("2 copied") && said.contains("1 left for a later run"),
        "{said}"
    );
    assert_eq!(source.requests("GET", "/manifests/").len(), 2);
    let out = barque.args(sync).run().ok();
    assert!(
        out.stderr().contains("1 copied (") && out.stderr().contains("2 unchanged"),
        "{}",
        out.stderr()
    );
}

#[test]
fn e14_the_last_pull_that_the_registry_grants_ends_the_reading() {
    let left = |n: &str| format!("{n};w=21600");
    let source = FakeRegistry::start()
        .rule(
            on("GET")
                .path("/manifests/")
                .header("ratelimit-remaining", &left("0")),
        )
        .tags("a", 5, &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    let out = barque
        .args(["sync", "--jobs", "1", "--receipt", "r.jsonl", "mirror.yaml"])
        .run()
        .code(7);
    assert!(
        out.stderr().contains("4 left for a later run"),
        "{}",
        out.stderr()
    );
    assert_eq!(
        source.requests("GET", "/manifests/").len(),
        1,
        "none runs into 429"
    );
    let lines = receipt(&barque, "r.jsonl");
    let postponed = lines.iter().filter(|line| line["outcome"] == "postponed");
    assert_eq!(postponed.count(), 4);
}

#[test]
fn the_settings_of_a_registry_apply() {
    let source = FakeRegistry::start().tags("a", 3, &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    let registries = format!(
        "registries: {{ '{}': {{ max-pulls: 1/6h, rate: 500 }} }}\n",
        source.address()
    );
    declare(
        &barque,
        source.address(),
        target.address(),
        "a",
        &registries,
    );
    barque.args(["sync", "mirror.yaml"]).run().code(7);
    assert_eq!(source.requests("GET", "/manifests/").len(), 1);
}

#[test]
fn a_missing_repository_is_created_by_the_hook_once() {
    let source = FakeRegistry::start().tags("a", 3, &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    let made = barque.path("made");
    target.add_rule(
        on("POST")
            .path("/blobs/uploads/")
            .when(move |_| !made.exists())
            .error(404, "NAME_UNKNOWN", "no such repository"),
    );
    let hook = "[sh, -c, 'echo \"$0\" >> made', '{repository}']";
    let registries = format!(
        "registries: {{ '{}': {{ create-repository: {hook} }} }}\n",
        target.address()
    );
    declare(
        &barque,
        source.address(),
        target.address(),
        "a",
        &registries,
    );
    let out = barque
        .args(["sync", "--jobs", "1", "mirror.yaml"])
        .run()
        .ok();
    assert!(out.stderr().contains("3 copied"), "{}", out.stderr());
    assert_eq!(
        fs::read_to_string(barque.path("made")).unwrap(),
        "mirror/a\n"
    );
}

#[test]
fn an_image_for_several_targets_is_read_from_the_source_once() {
    let image = images::two_layers();
    let source = FakeRegistry::start().image("a", "1", &image);
    let source = source.image("b", "1", &images::five_platforms());
    let targets = [
        FakeRegistry::start(),
        FakeRegistry::start(),
        FakeRegistry::start(),
    ];
    let barque = Barque::new();
    let to: Vec<String> = targets
        .iter()
        .map(|t| format!("{}/m/{{name}}", t.address()))
        .collect();
    let file = format!(
        "barque-sync: 1\nsync:\n  - from: {0}/a\n    to: {1:?}\n  - from: {0}/b\n    to: {1:?}\n    platforms: [linux/amd64, linux/arm64]\n",
        source.address(),
        to
    );
    fs::write(barque.path("mirror.yaml"), file).unwrap();
    let out = barque.args(["sync", "mirror.yaml"]).run().ok();
    assert!(out.stderr().contains("6 copied"), "{}", out.stderr());
    let mut blobs: Vec<String> = source
        .requests("GET", "/blobs/")
        .iter()
        .map(|seen| seen.path.clone())
        .collect();
    let all = blobs.len();
    blobs.sort();
    blobs.dedup();
    assert_eq!(blobs.len(), all, "no blob is read twice");
    let there = |t: &FakeRegistry| t.manifest("m/b", "1").unwrap();
    assert_eq!(
        targets[0].manifest("m/a", "1"),
        Some(image.manifest.clone())
    );
    assert!(targets.iter().all(|t| there(t) == there(&targets[0])));
    // A target that fails leaves the others as they are.
    let source = source.image("a", "2", &images::small());
    targets[0].add_rule(on("PUT").path("/manifests/").error(403, "DENIED", "no"));
    let out = barque.args(["sync", "mirror.yaml"]).run().code(7);
    assert!(
        out.stderr().contains("2 copied") && out.stderr().contains("1 failed"),
        "{}",
        out.stderr()
    );
    drop(source);
}
