//! `barque layers`: the directory it leaves, and the list.

use std::path::Path;

use serde_json::json;

use super::support::Barque;
use super::support::fake::{FakeRegistry, on};
use super::support::images::{self, TestImage, sha256};
use super::support::peers::{self, DockerRegistry};
use super::support::sandbox::names;

/// The directory holds the manifest and exactly these layers of the image, each with its own content.
#[track_caller]
fn holds(dir: &Path, image: &TestImage, layers: &[usize]) {
    let digests = image.layers();
    let mut wanted: Vec<String> = layers
        .iter()
        .map(|i| format!("{}.tar", digests[*i].hex()))
        .collect();
    wanted.push("manifest.json".into());
    wanted.sort();
    wanted.dedup();
    assert_eq!(names(dir), wanted);
    let manifest = std::fs::read(dir.join("manifest.json")).unwrap();
    assert_eq!(manifest, image.manifest);
    for i in layers {
        let file = dir.join(format!("{}.tar", digests[*i].hex()));
        assert_eq!(sha256(&std::fs::read(file).unwrap()), digests[*i]);
    }
}

#[test]
fn a_fresh_directory_holds_manifest_and_layers() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    for (tag, image) in [
        ("oci", images::two_layers()),
        ("docker", images::two_layers_docker()),
        ("zstd", images::zstd_layer()),
    ] {
        registry.feed(&format!("fleet/ship:{tag}"), &image);
        let barque = Barque::new();
        let name = registry.docker(&format!("fleet/ship:{tag}"));
        let mut printed = Vec::new();
        for _ in 0..2 {
            let out = barque.args(["layers", &name]).run().ok();
            let dir = out.stdout().strip_suffix('\n').unwrap().to_owned();
            let random = dir.strip_prefix(&format!("layers-fleet-ship-{tag}-"));
            let random = random.unwrap_or_else(|| panic!("{dir}"));
            assert!(random.len() >= 6 && random.chars().all(|c| c.is_ascii_alphanumeric()));
            let all: Vec<usize> = (0..image.layers().len()).collect();
            holds(&barque.path(&dir), &image, &all);
            printed.push(dir);
        }
        printed.sort();
        assert_eq!(names(&barque.path("")), printed, "and nothing else");
        assert_ne!(printed[0], printed[1]);
    }
}

#[test]
fn layers_are_chosen_by_digest() {
    let image = images::two_layers();
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (name, barque) = (registry.docker("a:1"), Barque::new());
    let [first, second] = image.layers().try_into().unwrap();
    for (out, digests, layers) in [
        ("x", vec![second.to_string()], vec![1]),
        ("y", vec![second.hex().to_owned()], vec![1]),
        (
            "z",
            vec![
                first.hex().to_owned(),
                second.to_string(),
                first.to_string(),
            ],
            vec![0, 1],
        ),
    ] {
        registry.clear();
        let ran = barque
            .args(["layers", "-o", out, &name])
            .args(digests)
            .run();
        assert_eq!(ran.ok().stdout(), format!("{out}\n"));
        holds(&barque.path(out), &image, &layers);
        assert_eq!(registry.requests("GET", "/blobs/").len(), layers.len());
    }
    let before = names(&barque.path(""));
    registry.clear();
    let other = "0".repeat(64);
    let unknown = barque.args(["layers", &name, &other]).run().code(2);
    assert!(unknown.stderr().contains(&format!("`sha256:{other}`")));
    let malformed = barque.args(["layers", &name, "xyz"]).run().code(1);
    assert!(
        malformed.stderr().contains("`xyz`"),
        "{}",
        malformed.stderr()
    );
    assert_eq!(names(&barque.path("")), before, "no directory was left");
    assert!(registry.requests("GET", "/blobs/").is_empty());
}

#[test]
fn an_output_directory_is_new_or_empty() {
    let image = images::small();
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (name, barque) = (registry.docker("a:1"), Barque::new());
    std::fs::create_dir(barque.path("empty")).unwrap();
    for dir in ["empty", "new/below"] {
        barque.args(["layers", &name, "--output", dir]).run().ok();
        holds(&barque.path(dir), &image, &[0, 1]);
    }
    std::fs::create_dir(barque.path("full")).unwrap();
    std::fs::write(barque.path("full/precious"), "data").unwrap();
    registry.clear();
    let refused = barque.args(["layers", &name, "-o", "full"]).run().code(6);
    assert!(refused.stderr().contains("`full` is not empty"));
    assert_eq!(names(&barque.path("full")), ["precious"]);
    assert!(registry.requests("GET", "/blobs/").is_empty());
}

#[test]
fn a_failure_leaves_no_directory() {
    let image = images::two_layers();
    let layer = image.layers()[1].to_string();
    for (fault, code) in [
        (on("GET").path(&layer).flip_byte(7), 4),
        (on("GET").path(&layer).error(404, "BLOB_UNKNOWN", "gone"), 2),
        (on("GET").path(&layer).html(403), 3),
    ] {
        let registry = FakeRegistry::start().image("a", "1", &image).rule(fault);
        let barque = Barque::new();
        let name = registry.docker("a:1");
        let failed = barque.args(["layers", &name]).run().code(code);
        assert_eq!(failed.stdout(), "");
        assert!(failed.stderr().contains(&name), "{}", failed.stderr());
        assert!(names(&barque.path("")).is_empty());
        // In a directory of the user's choice nothing wrong has a layer's name, and no manifest vouches for it.
        barque.args(["layers", &name, "-o", "out"]).run().code(code);
        let left = if barque.path("out").exists() {
            names(&barque.path("out"))
        } else {
            Vec::new()
        };
        let hex = image.layers()[1].hex().to_owned();
        assert!(!left.contains(&format!("{hex}.tar")), "{left:?}");
        assert!(!left.contains(&"manifest.json".to_owned()), "{left:?}");
    }
}

#[test]
fn the_list_names_each_layer_and_downloads_none() {
    let image = images::small();
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (name, barque) = (registry.docker("a:1"), Barque::new());
    let wanted: Vec<_> = image.json()["layers"].as_array().unwrap().clone();
    let made = [
        "COPY etc/motd /etc/motd",
        "COPY usr/share/voyage /usr/share/voyage",
    ];
    let list = barque
        .args(["layers", "--list", "--json", &name])
        .run()
        .ok();
    let json: Vec<_> = (0..2)
        .map(|i| {
            json!({
                "Index": i, "Digest": wanted[i]["digest"], "Size": wanted[i]["size"],
                "MediaType": wanted[i]["mediaType"], "CreatedBy": made[i],
            })
        })
        .collect();
    assert_eq!(list.json(), json!(json));
    let plain = barque.args(["layers", "--list", &name]).run().ok();
    let rows: Vec<Vec<&str>> = plain
        .stdout()
        .lines()
        .map(|l| l.split('\t').collect())
        .collect();
    let row = &rows[rows.len() - 2..][1];
    assert_eq!(row[0], "1");
    assert_eq!(row[1], wanted[1]["digest"]);
    assert_eq!(row[2], wanted[1]["size"].to_string());
    assert_eq!(row[4], made[1]);
    let one = image.layers()[1].to_string();
    let chosen = barque
        .args(["layers", "--list", "--json", &name, &one])
        .run()
        .ok();
    assert_eq!(chosen.json(), json!([json[1]]));
    for layer in image.layers() {
        assert!(registry.requests("GET", &layer.to_string()).is_empty());
    }
    assert!(names(&barque.path("")).is_empty());
    barque.args(["layers", "--json", &name]).run().code(1);
}

#[test]
fn the_layers_of_one_platform() {
    let image = images::five_platforms();
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (name, barque) = (registry.docker("a:1"), Barque::new());
    let run = ["layers", "--platform", "linux/s390x", "-o", "out", &name];
    barque.args(run).run().ok();
    holds(&barque.path("out"), &image.children[4], &[0, 1]);
    barque
        .args(["layers", "--platform=plan9/386", &name])
        .run()
        .code(2);
}

#[test]
fn layers_come_from_layouts_and_directories_too() {
    let (image, barque) = (images::small(), Barque::new());
    images::write_layout(&barque.path("ship.d"), &[("v1", &image)]);
    images::write_dir(&barque.path("dir"), &image);
    for (name, prefix) in [
        ("oci:ship.d:v1", "layers-ship.d-v1-"),
        ("dir:dir", "layers-dir-latest-"),
    ] {
        let out = barque.args(["layers", name]).run().ok();
        let dir = out.stdout().trim_end();
        assert!(dir.starts_with(prefix), "{dir}");
        holds(&barque.path(dir), &image, &[0, 1]);
    }
}

/// Waits until a partial file below `dir` has `bytes` bytes; its directory.
fn wait_for_partial(dir: &Path, bytes: u64) -> std::path::PathBuf {
    for _ in 0..10_000 {
        let below = std::fs::read_dir(dir).unwrap().flatten();
        let files = below.flat_map(|d| std::fs::read_dir(d.path()).into_iter().flatten().flatten());
        for file in files {
            let is_partial = file.file_name().to_string_lossy().starts_with(".partial-");
            if is_partial && file.metadata().is_ok_and(|m| m.len() >= bytes) {
                return file.path().parent().unwrap().to_owned();
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    panic!("nothing of {bytes} bytes below {}", dir.display());
}

#[test]
fn an_interrupted_download_goes_on_at_its_offset() {
    let image = crate::faults::heavy(2, 3 << 20);
    let [first, second] = image.layers().try_into().unwrap();
    for (signal, output) in [("INT", None), ("KILL", None), ("TERM", Some("out"))] {
        let stall = on("GET")
            .path(&first.to_string())
            .first(1)
            .stall_after(2 << 20);
        let registry = FakeRegistry::start().image("a", "1", &image).rule(stall);
        let barque = Barque::new();
        let mut args = vec!["layers".to_owned(), registry.docker("a:1")];
        args.extend(output.iter().flat_map(|out| ["-o".into(), (*out).into()]));
        let running = barque.args(&args).start();
        let dir = wait_for_partial(&barque.path(""), 1 << 20);
        while !dir.join(format!("{}.tar", second.hex())).exists() {
            std::thread::sleep(std::time::Duration::from_millis(3));
        }
        running.signal(signal);
        let ended = running.wait();
        assert_eq!(ended.stdout(), "");
        if signal != "KILL" {
            let told = ended.stderr();
            assert!(told.contains("run the same command again to continue"));
        }

        registry.clear();
        let done = barque.args(&args).run().ok();
        assert_eq!(barque.path(done.stdout().trim_end()), dir);
        assert_eq!(names(&barque.path("")).len(), 1, "one directory in all");
        holds(&dir, &image, &[0, 1]);
        assert!(registry.requests("GET", &second.to_string()).is_empty());
        assert_eq!(registry.requests("GET", &first.to_string()).len(), 1);
        let ranged = registry.with_header("range");
        assert_eq!(ranged.len(), 1, "{:?}", registry.lines());
        assert!(
            done.stderr().contains("1 already present"),
            "{}",
            done.stderr()
        );

        // Complete, it is continued no more: without `-o` the next call begins a new one.
        registry.clear();
        let again = barque.args(&args).run().ok();
        let blobs = registry.requests("GET", "/blobs/").len();
        match output {
            Some(_) => assert_eq!(blobs, 0, "{:?}", registry.lines()),
            None => assert_ne!(again.stdout(), done.stdout()),
        }
    }
}

#[test]
fn a_directory_of_another_image_or_user_is_not_continued() {
    let image = images::two_layers();
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (name, barque) = (registry.docker("a:1"), Barque::new());
    let layer = format!("{}.tar", image.layers()[0].hex());
    // Somebody else may have put a file there that has the size of the layer, and not its content.
    let open = barque.path("layers-a-1-AAAAAAAAA");
    std::fs::create_dir(&open).unwrap();
    std::fs::write(open.join(&layer), vec![0; image.layer(0).len()]).unwrap();
    let wide = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&open, wide).unwrap();
    let foreign = barque.path("layers-a-1-BBBBBBBBB");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("notes"), "data").unwrap();
    let out = barque.args(["layers", &name]).run().ok();
    let dir = out.stdout().trim_end();
    assert!(!dir.ends_with("AAAAAAAAA") && !dir.ends_with("BBBBBBBBB"));
    holds(&barque.path(dir), &image, &[0, 1]);
    assert_eq!(names(&open), [layer]);
    assert_eq!(names(&foreign), ["notes"]);
}
