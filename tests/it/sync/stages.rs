//! `barque sync plan`, `apply`, `report` and `convert`; events and metrics.

use std::fs;

use serde_json::Value;

use super::counted::declare;
use super::*;

pub(super) fn json(barque: &Barque, file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(barque.path(file)).unwrap()).unwrap()
}

pub(super) fn lines(barque: &Barque, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(barque.path(file)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_is_no_file_is_written_to_and_not_replaced() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    let (link, to) = (barque.path("link"), barque.path("to"));
    symlink("to", &link).unwrap();
    let plan = ["sync", "plan", "mirror.yaml", "-o"];
    barque.args(plan).args(["link"]).run().ok();
    assert!(link.is_symlink() && to.is_file());
    fs::set_permissions(&to, PermissionsExt::from_mode(0o600)).unwrap();
    let sync = ["sync", "mirror.yaml", "--metrics"];
    barque.args(sync).args(["link"]).run().ok();
    assert!(link.is_symlink());
    barque.args(plan).args(["to"]).run().ok();
    let mode = to.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "the mode stays");
    let pipe = barque.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let read = pipe.clone();
    let reader = std::thread::spawn(move || fs::read_to_string(read).unwrap());
    barque.args(sync).args(["pipe"]).run().ok();
    assert!(pipe.symlink_metadata().unwrap().file_type().is_fifo());
    assert!(reader.join().unwrap().contains("barque_sync_"));
}

#[test]
fn a_plan_says_what_would_be_done_and_apply_does_that_alone() {
    let source = FakeRegistry::start();
    let source = source
        .image("a", "1", &images::small())
        .image("a", "2-rc", &images::small());
    let source = source
        .image("b", "1", &images::two_layers())
        .image("b", "2", &images::small());
    let target = FakeRegistry::start().image("mirror/b", "1", &images::small());
    let target = target.image("mirror/b", "2", &images::small());
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "{a,b}", "");
    let file = fs::read_to_string(barque.path("mirror.yaml")).unwrap();
    fs::write(
        barque.path("mirror.yaml"),
        format!("{file}    tags: {{ except: '-rc' }}\n"),
    )
    .unwrap();
    let out = barque
        .args(["sync", "plan", "mirror.yaml", "--output", "plan.json"])
        .run()
        .ok();
    assert!(
        out.stdout().contains("1 to copy, 1 to update"),
        "{}",
        out.stdout()
    );
    assert!(
        out.stdout().contains("left out by `except`"),
        "{}",
        out.stdout()
    );
    assert_eq!(
        target.requests("PUT", "").len() + target.requests("POST", "").len(),
        0
    );
    let plan = json(&barque, "plan.json");
    let actions = |plan: &Value| -> Vec<String> {
        let items = plan["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["action"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(actions(&plan), ["copy", "update"]);
    assert_eq!(plan["unchanged"], 1);
    let from = source.address();
    assert_eq!(plan["left-out"][format!("{from}/a")]["except"][0], "2-rc");
    assert_eq!(plan["hosts"][from]["pulls"], 2);
    assert!(plan["hosts"][from]["bytes"].as_u64().unwrap() > 0);
    // What came after the plan is not copied, and what moved is refused.
    let source = source
        .image("a", "3", &images::small())
        .image("b", "1", &images::artifact());
    let out = barque
        .args(["sync", "apply", "plan.json", "--receipt", "r.jsonl"])
        .run()
        .code(8);
    assert!(
        out.stderr().contains("another image than the plan says"),
        "{}",
        out.stderr()
    );
    assert!(
        target.manifest("mirror/a", "1").is_some() && target.manifest("mirror/a", "3").is_none()
    );
    assert_eq!(
        target.manifest("mirror/b", "1").unwrap(),
        images::small().manifest
    );
    // Once for the plan, and once by `apply` to find the tags of cosign.
    assert_eq!(source.requests("GET", "/v2/a/tags/list").len(), 2);
    let outcomes: Vec<_> = lines(&barque, "r.jsonl")
        .iter()
        .map(|line| line["outcome"].clone())
        .collect();
    assert!(
        outcomes.contains(&"copied".into()) && outcomes.contains(&"moved".into()),
        "{outcomes:?}"
    );
}

#[test]
fn a_plan_of_deletions_is_carried_out() {
    let source = FakeRegistry::start().tags("a", 10, &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    let state = ["--state", "state", "mirror.yaml"];
    barque.args(["sync"]).args(state).run().ok();
    for tag in ["t00001", "t00002"] {
        barque
            .args(["delete", &source.docker(&format!("a:{tag}"))])
            .run()
            .ok();
    }
    let plan = [
        "sync",
        "plan",
        "--prune",
        "--max-delete",
        "2",
        "-o",
        "plan.json",
    ];
    let out = barque.args(plan).args(state).run().ok();
    assert!(out.stdout().contains("2 to delete"), "{}", out.stdout());
    assert!(target.requests("DELETE", "").is_empty());
    // One of them is back before the plan is carried out.
    let source = source.image("a", "t00001", &images::small());
    let out = barque
        .args(["sync", "apply", "plan.json", "--state", "state"])
        .run()
        .code(8);
    assert!(out.stderr().contains("1 deleted"), "{}", out.stderr());
    assert!(target.manifest("mirror/a", "t00001").is_some());
    assert!(target.manifest("mirror/a", "t00002").is_none());
    drop(source);
}

#[test]
fn the_shards_of_a_plan_do_together_what_one_run_does() {
    let names: Vec<String> = (0..24).map(|n| format!("r{n}")).collect();
    let mut source = FakeRegistry::start();
    for name in &names {
        source = source
            .image(name, "1", &images::small())
            .image(name, "2", &images::two_layers());
    }
    let target = FakeRegistry::start();
    let barque = Barque::new();
    let braces = format!("{{{}}}", names.join(","));
    declare(&barque, source.address(), target.address(), &braces, "");
    barque
        .args([
            "sync",
            "plan",
            "mirror.yaml",
            "--shards",
            "4",
            "-o",
            "plan.json",
        ])
        .run()
        .ok();
    for shard in 0..4 {
        let (shard, receipt) = (format!("{shard}/4"), format!("r{shard}.jsonl"));
        let run = [
            "sync",
            "apply",
            "plan.json",
            "--shard",
            &shard,
            "--receipt",
            &receipt,
        ];
        barque.args(run).run().ok();
        assert_eq!(lines(&barque, &receipt).len(), 12, "shards are balanced");
    }
    let receipts = ["r0.jsonl", "r1.jsonl", "r2.jsonl", "r3.jsonl"];
    let out = barque
        .args(["sync", "report", "--json"])
        .args(receipts)
        .run()
        .ok();
    let report: Value = serde_json::from_str(out.stdout()).unwrap();
    assert_eq!(
        (&report["images"], &report["outcomes"]["copied"]),
        (&48.into(), &48.into())
    );
    let out = barque.args(["sync", "report"]).args(receipts).run().ok();
    assert!(
        out.stdout().contains("48 images: 48 copied"),
        "{}",
        out.stdout()
    );
    let again = barque.args(["sync", "mirror.yaml"]).run().ok();
    assert!(
        again.stderr().contains("48 unchanged"),
        "{}",
        again.stderr()
    );
    let wrong = barque
        .args(["sync", "apply", "plan.json", "--shard", "0/3"])
        .run()
        .code(1);
    assert!(
        wrong.stderr().contains("4 shards, not 3"),
        "{}",
        wrong.stderr()
    );
}

#[test]
fn a_report_ends_as_the_runs_did() {
    let barque = Barque::new();
    let failed = r#"{"source":"docker://a/b:1","target":"docker://c/d:1","outcome":"failed","error":"no","class":5}"#;
    fs::write(barque.path("one.jsonl"), format!("{failed}\n{{\"cut")).unwrap();
    let out = barque.args(["sync", "report", "one.jsonl"]).run().code(7);
    assert!(
        out.stdout().contains("docker://c/d:1 no") && out.stdout().contains("1 broken"),
        "{}",
        out.stdout()
    );
    barque
        .args(["sync", "report", "absent.jsonl"])
        .run()
        .code(2);
}

#[test]
fn another_tools_file_is_converted_and_mirrored() {
    let source = FakeRegistry::start().tags("lib/app", 4, &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    let regsync = format!(
        "version: 1\ndefaults: {{parallel: 2}}\nsync:\n  - source: {}/lib/app\n    target: {}/app\n    type: repository\n    tags: {{allow: ['t0000[0-2]']}}\n",
        source.address(),
        target.address()
    );
    fs::write(barque.path("regsync.yml"), regsync).unwrap();
    let out = barque.args(["sync", "convert", "regsync.yml"]).run().ok();
    fs::write(barque.path("mirror.yaml"), out.stdout()).unwrap();
    let out = barque.args(["sync", "mirror.yaml"]).run().ok();
    assert!(out.stderr().contains("3 copied"), "{}", out.stderr());
    fs::write(
        barque.path("hooks.yml"),
        "version: 1\nsync: [{source: a, target: b, type: image, hooks: {}}]\n",
    )
    .unwrap();
    let out = barque.args(["sync", "convert", "hooks.yml"]).run().code(1);
    assert!(out.stderr().contains("sync[0].hooks"), "{}", out.stderr());
}

#[test]
fn events_and_metrics_tell_what_happened() {
    let source = FakeRegistry::start().tags("a", 3, &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    let out = [
        "--events",
        "events.jsonl",
        "--metrics",
        "metrics.prom",
        "mirror.yaml",
    ];
    barque.args(["sync"]).args(out).run().ok();
    let events = lines(&barque, "events.jsonl");
    let count = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!(
        (
            count("listed"),
            count("started"),
            count("done"),
            count("end")
        ),
        (1, 3, 3, 1)
    );
    let metrics = fs::read_to_string(barque.path("metrics.prom")).unwrap();
    assert!(
        metrics.contains("barque_sync_images{outcome=\"copied\"} 3\n"),
        "{metrics}"
    );
    assert!(metrics.contains("barque_sync_exit_code 0\n"), "{metrics}");
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    for sample in samples {
        let (name, value) = sample.rsplit_once(' ').unwrap();
        assert!(
            name.starts_with("barque_sync_") && value.parse::<f64>().is_ok(),
            "{sample}"
        );
    }
    // Standard output takes them too.
    let out = barque
        .args(["sync", "--events", "-", "mirror.yaml"])
        .run()
        .ok();
    assert!(
        out.stdout()
            .lines()
            .all(|line| line.starts_with("{\"event\":")),
        "{}",
        out.stdout()
    );
}
