//! Shards on real engines, with the files of `examples/fleet/`: Slurm, GNU parallel, and the manifest of an Indexed Job.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::counted::declare;
use super::*;
use crate::support::fake::on;
use crate::support::slurm::Slurm;

const REPOSITORIES: usize = 12;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/fleet")
        .join(name)
}

/// The directory of the program.
fn bin() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_barque"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// A source of `REPOSITORIES` repositories of two tags, an empty target, and the declaration `mirror.yaml`.
fn fleet() -> (FakeRegistry, FakeRegistry, Barque) {
    let names: Vec<String> = (0..REPOSITORIES).map(|n| format!("r{n}")).collect();
    let mut source = FakeRegistry::start();
    for name in &names {
        source = source
            .image(name, "1", &images::two_layers())
            .image(name, "2", &images::small());
    }
    let target = FakeRegistry::start();
    let barque = Barque::new();
    let braces = format!("{{{}}}", names.join(","));
    declare(&barque, source.address(), target.address(), &braces, "");
    (source, target, barque)
}

fn assert_complete(target: &FakeRegistry) {
    for n in 0..REPOSITORIES {
        for (tag, image) in [("1", images::two_layers()), ("2", images::small())] {
            let there = target.manifest(&format!("mirror/r{n}"), tag);
            assert_eq!(there, Some(image.manifest), "r{n}:{tag}");
        }
    }
}

/// The receipts below `folder`, joined.
fn report(barque: &Barque, folder: &str) -> Value {
    let mut files = Vec::new();
    let mut folders = vec![barque.path(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.to_string_lossy().contains("receipt-") => files.push(path),
                false => {}
            }
        }
    }
    let files: Vec<String> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let out = barque
        .args(["sync", "report", "--json"])
        .args(&files)
        .run()
        .ok();
    serde_json::from_str(out.stdout()).unwrap()
}

#[test]
fn a_slurm_array_of_four_mirrors_everything_once() {
    let Some(slurm) = Slurm::start(4) else { return };
    let (source, target, barque) = fleet();
    let (work, shared) = (barque.path("."), barque.path("shared"));
    let args = ["mirror.yaml", shared.to_str().unwrap()];
    // Neither the first number nor the step is what a shard's number is.
    let job = slurm.submit("3-9:2", &example("slurm-array.sh"), &args, &work, &bin());
    let out = slurm.finish(&job);
    assert_complete(&target);
    let report = report(&barque, "shared");
    let images = REPOSITORIES * 2;
    assert_eq!(report["outcomes"]["copied"], images, "{out} {report}");
    let lists = source.requests("GET", "/tags/list").len();
    assert_eq!(lists, REPOSITORIES, "a shard lists its own");
}

#[test]
fn a_task_that_slurm_starts_again_completes_its_share() {
    let Some(slurm) = Slurm::start(2) else { return };
    let (source, target, barque) = fleet();
    source.add_rule(on("GET").path("/blobs/").delay(Duration::from_secs(2)));
    let (work, shared) = (barque.path("."), barque.path("shared"));
    let args = ["mirror.yaml", shared.to_str().unwrap()];
    let job = slurm.submit("0-1", &example("slurm-array.sh"), &args, &work, &bin());
    let (task, _) = slurm.running(&job);
    slurm.requeue(&job, task);
    slurm.finish(&job);
    assert_complete(&target);
    assert_eq!(report(&barque, "shared")["images"], REPOSITORIES * 2);
}

#[test]
fn a_shard_that_runs_twice_at_once_after_a_node_was_lost_does_no_harm() {
    let Some(mut slurm) = Slurm::start(3) else {
        return;
    };
    let (source, target, barque) = fleet();
    source.add_rule(on("GET").path("/blobs/").delay(Duration::from_secs(2)));
    let (work, shared) = (barque.path("."), barque.path("shared"));
    let args = ["mirror.yaml", shared.to_str().unwrap()];
    let job = slurm.submit("0-1", &example("slurm-array.sh"), &args, &work, &bin());
    let (_, node) = slurm.running(&job);
    slurm.lose(&node);
    slurm.finish(&job);
    assert_complete(&target);
    let report = report(&barque, "shared");
    assert_eq!(report["images"], REPOSITORIES * 2, "{report}");
    assert!(report["outcomes"].get("failed").is_none(), "{report}");
}

#[test]
fn gnu_parallel_runs_the_shards_and_only_the_failed_ones_again() {
    peers::needs!("parallel");
    let (source, target, barque) = fleet();
    target.add_rule(
        on("PUT")
            .path("/v2/mirror/r3/manifests/")
            .error(403, "DENIED", "no"),
    );
    let run = || {
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new(example("parallel.sh"))
            .args(["mirror.yaml", "4", "2", "shared"])
            .current_dir(barque.path("."))
            .env("HOME", barque.path("."))
            .env("PATH", format!("{}:{path}", bin().display()))
            .output()
            .unwrap()
    };
    let first = run();
    assert_eq!(
        first.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&first.stderr)
    );
    target.clear_rules();
    let before = source.requests("GET", "/tags/list").len();
    let second = run();
    assert!(
        second.status.success(),
        "{}",
        String::from_utf8_lossy(&second.stderr)
    );
    assert_complete(&target);
    // One shard lists its repositories again.
    assert!(source.requests("GET", "/tags/list").len() - before < REPOSITORIES);
}

#[test]
fn the_manifest_of_the_indexed_job_is_one_for_kubernetes() {
    peers::needs!("kubernetes-validate");
    for version in ["1.31", "1.37"] {
        let args = ["--strict", "-k", version];
        let mut validate = Command::new("kubernetes-validate");
        let out = validate
            .args(args)
            .arg(example("indexed-job.yaml"))
            .output();
        let out = out.unwrap();
        let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{version}: {said}");
    }
}

#[test]
fn shards_that_are_killed_and_started_again_read_little_twice() {
    const SHARDS: usize = 4;
    let (source, target, barque) = fleet();
    let run = |shard: usize| {
        let shard = format!("{shard}/{SHARDS}");
        barque.args([
            "sync",
            "--jobs",
            "1",
            "--state",
            "state",
            "--shard",
            &shard,
            "mirror.yaml",
        ])
    };
    // Killed when their target has been sent that many manifests more: at the first, and later.
    source.add_rule(on("GET").path("/blobs/").delay(Duration::from_millis(100)));
    let mut kills = 0;
    for _ in 0..2 {
        for shard in 0..SHARDS {
            let before = target.requests("PUT", "/manifests/").len();
            let mut running = run(shard).start();
            let reached = |n| target.requests("PUT", "/manifests/").len() - before > n;
            while running.is_running() && !reached(shard / 2) {
                std::thread::sleep(Duration::from_millis(2));
            }
            kills += usize::from(running.kill().exit_code().is_none());
        }
    }
    assert!(kills > SHARDS, "{kills} kills");
    source.clear_rules();
    for shard in 0..SHARDS {
        run(shard).run().ok();
    }
    assert_complete(&target);
    // What was on its way is read again, and what is too small to be remembered; one image at a time is on its way.
    let blobs: Vec<_> = [images::two_layers(), images::small()]
        .iter()
        .flat_map(|image| image.blobs.clone())
        .filter(|(_, blob)| blob.len() >= 32 << 10)
        .collect();
    let reads = |digest: &str| source.requests("GET", &format!("/blobs/{digest}")).len();
    for (digest, _) in &blobs {
        let reads = reads(&digest.to_string());
        assert!(reads <= SHARDS + kills, "{reads} reads of {digest}");
    }
}

#[test]
fn a_later_run_mounts_what_an_earlier_one_has_read() {
    let image = images::two_layers();
    let source = FakeRegistry::start()
        .image("one", "1", &image)
        .image("two", "1", &image);
    let target = FakeRegistry::start();
    let barque = Barque::new();
    let sync = |name: &str| {
        declare(&barque, source.address(), target.address(), name, "");
        let sync = ["sync", "--state", "state", "mirror.yaml"];
        barque.args(sync).run().ok();
    };
    sync("one");
    source.clear();
    target.clear();
    sync("two");
    let layer = image
        .blobs
        .iter()
        .find(|(_, blob)| blob.len() >= 100_000)
        .unwrap()
        .0;
    let path = format!("/blobs/{layer}");
    assert_eq!(
        source.requests("GET", &path).len(),
        0,
        "{:?}",
        source.lines()
    );
    assert_eq!(target.requests("POST", "from=mirror/one").len(), 2);
    // A repository that is gone is no harm: the blob is read again.
    let target = target.image("other", "1", &image);
    let file = barque.path("state/blobs.txt");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("/mirror/one@", "/mirror/gone@")).unwrap();
    let source = source.image("three", "1", &image);
    declare(&barque, source.address(), target.address(), "three", "");
    let again = ["sync", "--state", "state", "mirror.yaml"];
    barque.args(again).run().ok();
    assert_eq!(source.requests("GET", &path).len(), 1);
    assert_eq!(target.manifest("mirror/three", "1"), Some(image.manifest));
}

#[test]
fn the_pods_of_the_indexed_job_mirror_everything() {
    let text = fs::read_to_string(example("indexed-job.yaml")).unwrap();
    let job: Value = serde_saphyr::from_str(&text).unwrap();
    let spec = &job["spec"];
    assert_eq!(
        (&job["kind"], &job["apiVersion"]),
        (&"Job".into(), &"batch/v1".into())
    );
    assert_eq!(spec["completionMode"], "Indexed");
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never");
    let container = &spec["template"]["spec"]["containers"][0];
    let env = container["env"].as_array().unwrap();
    let shards = env
        .iter()
        .find(|var| var["name"] == "BARQUE_SHARDS")
        .unwrap();
    let completions = spec["completions"].as_u64().unwrap();
    assert_eq!(shards["value"], completions.to_string());
    let index = env
        .iter()
        .find(|var| var["name"] == "JOB_COMPLETION_INDEX")
        .unwrap();
    assert!(
        index["valueFrom"]["fieldRef"]["fieldPath"]
            .as_str()
            .unwrap()
            .contains("job-completion-index")
    );
    let (_source, target, barque) = fleet();
    let mirror = barque.path("mirror.yaml");
    let args: Vec<String> = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arg| {
            arg.as_str()
                .unwrap()
                .replace("/config/mirror.yaml", mirror.to_str().unwrap())
        })
        .collect();
    let mut lines = 0;
    for index in 0..completions {
        let out = Command::new(env!("CARGO_BIN_EXE_barque"))
            .args(&args)
            .env("HOME", barque.path("."))
            .env("BARQUE_SHARDS", completions.to_string())
            .env("JOB_COMPLETION_INDEX", index.to_string())
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        lines += String::from_utf8_lossy(&out.stdout).lines().count();
    }
    assert_eq!(lines, REPOSITORIES * 2);
    assert_complete(&target);
}

#[test]
fn the_forges_matrix_has_a_shard_for_each_of_the_plan() {
    let text = fs::read_to_string(example("matrix.yaml")).unwrap();
    let file: Value = serde_saphyr::from_str(&text).unwrap();
    let shards = file["jobs"]["copy"]["strategy"]["matrix"]["shard"]
        .as_array()
        .unwrap()
        .len();
    let runs = |job: &str| {
        let steps = file["jobs"][job]["steps"].as_array().unwrap();
        let run = steps.iter().find_map(|step| step["run"].as_str());
        run.unwrap().to_owned()
    };
    assert!(runs("plan").contains(&format!("--shards {shards} ")));
    assert!(runs("copy").contains(&format!("}}}}/{shards} ")));
}
