//! What a run leaves behind of failures: lines of the receipt, metrics and events, a plan that is not complete, and reports of
//! all that.

use std::fs;

use super::counted::declare;
use super::stages::{json, lines};
use super::*;
use crate::support::fake::on;
use crate::support::sandbox::Sandbox;

/// A source with the repositories `a` and `b`, of which the first cannot be listed.
fn with_a_failure() -> (FakeRegistry, FakeRegistry, Barque) {
    let source = FakeRegistry::start()
        .image("a", "1", &images::small())
        .image("b", "1", &images::two_layers())
        .rule(
            on("GET")
                .path("/v2/a/tags/list")
                .error(403, "DENIED", "not you"),
        );
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "{a,b}", "");
    (source, target, barque)
}

#[test]
fn an_entry_that_failed_is_in_receipt_metrics_and_report() {
    let (source, target, barque) = with_a_failure();
    let sync = ["sync", "mirror.yaml", "--receipt"];
    let out = barque
        .args(sync)
        .args(["r1.jsonl", "--metrics", "m.prom"])
        .run()
        .code(7);
    let said = out.stderr();
    assert!(
        said.contains("barque: listing `") && !said.contains("warning: listing"),
        "{said}"
    );
    assert!(
        said.contains("not you") && said.contains("\nhint: "),
        "{said}"
    );
    let written = lines(&barque, "r1.jsonl");
    let failed: Vec<_> = written
        .iter()
        .filter(|line| line["outcome"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{written:?}");
    let from = source.docker("a");
    assert_eq!(
        (&failed[0]["source"], &failed[0]["entry"]),
        (&from.as_str().into(), &true.into())
    );
    assert_eq!(failed[0]["target"], target.docker("mirror/a"));
    assert_eq!(written.len(), 2, "{written:?}");
    let metrics = fs::read_to_string(barque.path("m.prom")).unwrap();
    assert!(metrics.contains("outcome=\"failed\"} 1\n"), "{metrics}");
    let report = ["sync", "report"];
    let out = barque
        .args(report)
        .args(["--json", "r1.jsonl"])
        .run()
        .code(7);
    assert_eq!(out.json()["left"][0]["source"], from);
    // Another start of the run, in which it does not fail.
    source.clear_rules();
    barque.args(sync).args(["r2.jsonl"]).run().ok();
    barque
        .args(report)
        .args(["r1.jsonl", "r2.jsonl"])
        .run()
        .ok();
}

#[test]
fn a_plan_that_is_not_complete_says_so_again_when_it_is_carried_out() {
    let (source, target, barque) = with_a_failure();
    let out = barque
        .args(["sync", "plan", "mirror.yaml", "-o", "plan.json"])
        .run()
        .code(7);
    assert!(
        out.stdout().contains("failed  docker://") && out.stdout().contains(", 1 failed\n"),
        "{}",
        out.stdout()
    );
    source.clear_rules();
    let apply = ["sync", "apply", "plan.json", "--receipt", "r.jsonl"];
    let out = barque.args(apply).run().code(7);
    assert!(
        out.stderr().contains("it could not be planned"),
        "{}",
        out.stderr()
    );
    assert!(target.manifest("mirror/b", "1").is_some());
    assert!(target.manifest("mirror/a", "1").is_none());
    barque.args(["sync", "report", "r.jsonl"]).run().code(7);
    // Only the first of several shards repeats it.
    barque.args(apply).args(["--shard", "0/2"]).run().code(7);
    barque.args(apply).args(["--shard", "1/2"]).run().ok();
}

#[test]
fn what_a_plan_leaves_for_later_is_counted_by_itself() {
    let source = FakeRegistry::start().tags("a", 3, &images::two_layers());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    let plan = [
        "sync",
        "plan",
        "mirror.yaml",
        "--max-pulls",
        "1",
        "-o",
        "plan.json",
    ];
    let out = barque.args(plan).run().code(7);
    assert!(
        out.stdout().contains("1 to copy") && out.stdout().contains(", 2 left for a later run\n"),
        "{}",
        out.stdout()
    );
    let plan = json(&barque, "plan.json");
    assert_eq!(plan["postponed"].as_array().unwrap().len(), 2);
    assert_eq!(plan["failed"].as_array().unwrap().len(), 0);
    let out = barque.args(["sync", "apply", "plan.json"]).run().code(7);
    assert!(
        out.stderr().contains("2 left for a later run"),
        "{}",
        out.stderr()
    );
}

#[test]
fn what_is_no_receipt_is_no_success() {
    let barque = Barque::new();
    for (name, text) in [
        ("cut.jsonl", "{\"outcome\":\"beg"),
        ("mirror.yaml", "barque-sync: 1\nsync: []\n"),
        ("numbers.jsonl", "{}\n"),
    ] {
        fs::write(barque.path(name), text).unwrap();
        let out = barque.args(["sync", "report", name]).run().code(7);
        assert!(
            out.stdout().contains(&format!("`{name}` is no receipt")),
            "{}",
            out.stdout()
        );
        assert!(out.stdout().contains("\n0 images; "), "{}", out.stdout());
    }
    // A shard may have nothing to do.
    fs::write(barque.path("empty.jsonl"), "").unwrap();
    barque.args(["sync", "report", "empty.jsonl"]).run().ok();
}

#[test]
fn a_target_that_changed_after_the_plan_is_left_alone() {
    let source = FakeRegistry::start()
        .image("a", "1", &images::small())
        .image("a", "2", &images::small());
    let target = FakeRegistry::start().image("mirror/a", "1", &images::artifact());
    let barque = Barque::new();
    for (more, code, outcome) in [
        ("", 8, "drifted"),
        ("defaults: { on-drift: fail }\n", 7, "failed"),
    ] {
        let target = FakeRegistry::start();
        declare(&barque, source.address(), target.address(), "a", more);
        barque
            .args(["sync", "plan", "mirror.yaml", "-o", "plan.json"])
            .run()
            .ok();
        // The one has another image by now, the other the one that is wanted.
        let target = target.image("mirror/a", "1", &images::two_layers()).image(
            "mirror/a",
            "2",
            &images::small(),
        );
        let apply = ["sync", "apply", "plan.json", "--receipt", "r.jsonl"];
        barque.args(apply).run().code(code);
        let there = target.manifest("mirror/a", "1").unwrap();
        assert_eq!(there, images::two_layers().manifest);
        let outcomes: Vec<_> = lines(&barque, "r.jsonl")
            .iter()
            .map(|line| line["outcome"].as_str().unwrap().to_owned())
            .collect();
        assert!(
            outcomes.contains(&outcome.to_owned()) && outcomes.contains(&"present".to_owned()),
            "{outcomes:?}"
        );
    }
    // An image that is as the plan saw it is written over.
    declare(&barque, source.address(), target.address(), "a", "");
    barque
        .args(["sync", "plan", "mirror.yaml", "-o", "plan.json"])
        .run()
        .ok();
    barque.args(["sync", "apply", "plan.json"]).run().ok();
    let there = target.manifest("mirror/a", "1").unwrap();
    assert_eq!(there, images::small().manifest);
}

#[test]
fn a_tag_that_went_after_the_plan_has_vanished() {
    let source = FakeRegistry::start()
        .image("a", "1", &images::small())
        .image("a", "2", &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    barque
        .args(["sync", "plan", "mirror.yaml", "-o", "plan.json"])
        .run()
        .ok();
    barque.args(["delete", &source.docker("a:1")]).run().ok();
    let apply = ["sync", "apply", "plan.json", "--receipt", "r.jsonl"];
    let out = barque.args(apply).run().ok();
    assert!(
        out.stderr().contains("is not there: it vanished"),
        "{}",
        out.stderr()
    );
    let lines = lines(&barque, "r.jsonl");
    let line = lines.iter().find(|line| line["outcome"] == "vanished");
    assert!(line.unwrap()["requests"].as_u64() >= Some(2), "{lines:?}");
}

#[test]
fn a_dry_run_moves_nothing_and_changes_no_file() {
    let source = FakeRegistry::start().tags("a", 3, &images::two_layers());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    fs::write(barque.path("digests"), "of before\n").unwrap();
    let files = ["--metrics", "m.prom", "--events", "e.jsonl"];
    let dry = ["sync", "mirror.yaml", "--dry-run", "--state", "state"];
    barque
        .args(dry)
        .args(files)
        .args(["--digestfile", "digests"])
        .run()
        .ok();
    barque
        .args(["sync", "plan", "mirror.yaml", "--state", "state"])
        .run()
        .ok();
    assert!(!barque.path("state").exists());
    let digests = fs::read_to_string(barque.path("digests")).unwrap();
    assert_eq!(digests, "of before\n");
    let metrics = fs::read_to_string(barque.path("m.prom")).unwrap();
    assert!(
        metrics.contains("barque_sync_copied_bytes 0\n"),
        "{metrics}"
    );
    assert!(
        !metrics.contains("barque_sync_planned_bytes 0\n"),
        "{metrics}"
    );
    let events = lines(&barque, "e.jsonl");
    let end = events.last().unwrap();
    assert_eq!(
        (
            &end["event"],
            &end["copied"],
            &end["bytes"],
            &end["planned"]
        ),
        (&"end".into(), &0.into(), &0.into(), &3.into())
    );
}

#[test]
fn a_run_that_is_ended_from_outside_ends_its_files() {
    let source = FakeRegistry::start()
        .image("a", "1", &images::small())
        .image("b", "1", &images::two_layers())
        .rule(on("GET").path("/v2/b/blobs/").hang());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "{a,b}", "");
    let files = ["--metrics", "m.prom", "--events", "e.jsonl"];
    let text = |file: &str| fs::read_to_string(barque.path(file)).unwrap_or_default();
    for (how, code) in [("INT", 130), ("TERM", 143), ("", 5)] {
        let limit: &[&str] = match how {
            "" => &["--command-timeout", "6s"],
            _ => &[],
        };
        let _ = fs::remove_file(barque.path("r.jsonl"));
        let before = source.requests("GET", "/v2/b/blobs/").len();
        let sync = ["sync", "mirror.yaml", "--receipt", "r.jsonl"];
        let running = barque.args(limit).args(sync).args(files).start();
        while source.requests("GET", "/v2/b/blobs/").len() == before || text("r.jsonl").is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(3));
        }
        if !how.is_empty() {
            running.signal(how);
        }
        running.wait().code(code);
        let receipt = lines(&barque, "r.jsonl");
        let outcomes: Vec<_> = receipt
            .iter()
            .map(|line| line["outcome"].as_str().unwrap())
            .collect();
        assert!(
            matches!(outcomes[..], ["copied" | "present", "interrupted"]),
            "{receipt:?}"
        );
        assert_eq!(receipt[1]["source"], source.docker("b:1"));
        let metrics = text("m.prom");
        for line in [
            format!("barque_sync_exit_code {code}\n"),
            "barque_sync_images{outcome=\"interrupted\"} 1\n".to_owned(),
        ] {
            assert!(metrics.contains(&line), "{metrics}");
        }
        let events = lines(&barque, "e.jsonl");
        assert_eq!(events.last().unwrap()["event"], "end");
        let out = barque.args(["sync", "report", "r.jsonl"]).run().code(7);
        assert!(
            out.stdout().contains("interrupted docker://"),
            "{}",
            out.stdout()
        );
    }
}

#[test]
fn files_of_a_run_go_to_standard_output_or_where_there_is_a_directory() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let target = FakeRegistry::start();
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "a", "");
    let sync = ["sync", "mirror.yaml"];
    let out = barque.args(sync).args(["--metrics", "-"]).run().ok();
    assert!(
        out.stdout().starts_with("# HELP barque_sync_images"),
        "{}",
        out.stdout()
    );
    assert!(!barque.path("-").exists());
    for flag in ["--metrics", "--receipt", "--events", "--digestfile"] {
        let out = barque.args(sync).args([flag, "absent/x"]).run().code(6);
        assert!(
            out.stderr().contains("hint: its directory has to be there"),
            "{}",
            out.stderr()
        );
        assert!(!barque.path("absent").exists());
    }
    let plan = ["plan", "mirror.yaml", "-o", "absent/x"];
    barque.args(["sync"]).args(plan).run().code(6);
    assert!(!barque.path("absent").exists());
    // A reader that goes away is no failure.
    let (program, file) = (env!("CARGO_BIN_EXE_barque"), barque.path("mirror.yaml"));
    let file = file.display();
    let bash = Sandbox::of("bash");
    for flag in ["--receipt", "--events", "--metrics"] {
        let line = format!("{program} sync {flag} - {file} | true; echo ${{PIPESTATUS[0]}}");
        let out = bash.args(["-c", &line]).run().ok();
        assert_eq!(out.stdout().trim(), "0", "{}", out.stderr());
    }
}
