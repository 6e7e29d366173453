//! `barque edit`: a new config and manifest over layers that do not move.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::odd_configs;
use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images::{self, LayerTar, TestImage, write_layout};
use crate::support::peers;
use crate::support::sandbox::names;

/// The config of the image `name`.
fn config(barque: &Barque, name: &str) -> Value {
    barque
        .args(["inspect", "--config", "--raw", name])
        .run()
        .ok()
        .json()
}

fn manifest(barque: &Barque, name: &str) -> Value {
    barque.args(["inspect", "--raw", name]).run().ok().json()
}

fn layout(barque: &Barque, dir: &str, image: &TestImage) -> String {
    write_layout(&barque.path(dir), &[("v1", image)]);
    format!("oci:{dir}:v1")
}

#[test]
fn within_a_repository_only_config_and_manifest_are_sent() {
    let image = images::two_layers();
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (from, to, barque) = (
        registry.docker("a:1"),
        registry.docker("a:2"),
        Barque::new(),
    );
    let out = barque
        .args(["edit", &from, &to, "--label", "region=eu"])
        .run()
        .ok();
    let written = registry.manifest("a", "2").unwrap();
    let digest = images::sha256(&written);
    assert_eq!(out.stdout(), format!("{to}@{digest}\n"));
    let config = image.config();
    let blobs = registry.requests("GET", "/blobs/");
    assert_eq!(blobs.len(), 1, "only the config is read");
    assert!(
        blobs[0].path.ends_with(&config.to_string()),
        "{}",
        blobs[0].path
    );
    // One for the config, and the question for each layer, which the registry answers with "there".
    assert_eq!(registry.requests("POST", "/blobs/uploads/").len(), 3);
    assert_eq!(registry.requests("PUT", "/blobs/uploads/").len(), 1);
    assert_eq!(registry.requests("PUT", "/manifests/").len(), 1);
    let new: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(new["layers"], image.json()["layers"]);
    assert_eq!(
        self::config(&barque, &to)["config"]["Labels"],
        json!({ "region": "eu" })
    );
    // An image may be edited in its place.
    barque
        .args(["edit", "-q", &to, &to, "--remove-label", "region"])
        .run()
        .ok();
    assert!(self::config(&barque, &to)["config"].get("Labels").is_none());
}

#[test]
fn within_a_registry_layers_are_mounted() {
    let image = images::two_layers();
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (from, to, barque) = (
        registry.docker("a:1"),
        registry.docker("b:1"),
        Barque::new(),
    );
    barque.args(["edit", &from, &to, "--env", "A=1"]).run().ok();
    for layer in image.layers() {
        let mounts = registry.requests("POST", &format!("mount={layer}"));
        assert_eq!(mounts.len(), 1, "{layer}");
    }
    assert_eq!(
        registry.requests("GET", "/blobs/").len(),
        1,
        "only the config is read"
    );
    for layer in image.layers() {
        assert!(registry.blob("b", &layer).is_some());
    }
}

#[test]
fn each_flag_changes_its_member_and_nothing_else() {
    let barque = Barque::new();
    let image = images::Maker::new(images::Dialect::Oci)
        .label("kept", "1")
        .label("gone", "2")
        .file_layer("a", b"a")
        .make();
    let from = layout(&barque, "from", &image);
    let before = config(&barque, &from);
    let edit = |flags: &[&str]| {
        barque
            .args(["edit", "-q", &from, "oci:to:v1"])
            .args(flags)
            .run()
            .ok();
        (config(&barque, "oci:to:v1"), manifest(&barque, "oci:to:v1"))
    };
    let same = edit(&[]);
    assert_eq!(same.0, before);
    let (after, top) = edit(&[
        "--label",
        "new=3",
        "--remove-label",
        "gone",
        "--env",
        "PATH=/bin",
        "--env",
        "X=a=b",
        "--entrypoint",
        r#"["/bin/app", "-v"]"#,
        "--user",
        "1000:1000",
        "--workdir",
        "/srv",
        "--set-platform",
        "linux/arm64/v8",
        "--created",
        "2026-01-02T03:04:05+00:00",
        "--annotation",
        "org.example.a=b",
    ]);
    let mut wanted = before.clone();
    wanted["config"] = json!({
        "Env": ["PATH=/bin", "X=a=b"],
        "Labels": { "kept": "1", "new": "3" },
        "Entrypoint": ["/bin/app", "-v"],
        "User": "1000:1000",
        "WorkingDir": "/srv",
    });
    wanted["architecture"] = "arm64".into();
    wanted["variant"] = "v8".into();
    wanted["created"] = "2026-01-02T03:04:05Z".into();
    assert_eq!(after, wanted);
    assert_eq!(top["annotations"], json!({ "org.example.a": "b" }));
    assert_eq!(top["layers"], image.json()["layers"]);
    let (after, _) = edit(&["--cmd", "run", "--entrypoint", "", "--remove-env", "PATH"]);
    assert_eq!(
        after["config"],
        json!({ "Cmd": ["run"], "Env": [], "Labels": { "kept": "1", "gone": "2" } })
    );
}

#[test]
fn an_appended_directory_is_the_same_layer_everywhere() {
    let barque = Barque::new();
    let from = layout(&barque, "from", &images::small());
    let make = |dir: &str| {
        let dir = barque.path(dir);
        fs::create_dir_all(dir.join("srv/empty")).unwrap();
        fs::write(dir.join("srv/b"), b"b\n").unwrap();
        fs::write(dir.join("srv/a"), b"a\n").unwrap();
        fs::set_permissions(dir.join("srv/a"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("a", dir.join("srv/link")).unwrap();
        fs::create_dir_all(dir.join("etc")).unwrap();
        fs::write(dir.join("etc/.wh.motd"), b"").unwrap();
        fs::write(dir.join("srv").join("n".repeat(180)), b"long name").unwrap();
    };
    let mut digests = Vec::new();
    for dir in ["one", "two"] {
        make(&format!("{dir}/rootfs"));
        let to = format!("oci:to-{dir}:v1");
        let append = ["--append", &format!("{dir}/rootfs")];
        let out = barque.args(["edit", &from, &to]).args(append).run().ok();
        digests.push(out.stdout().trim().rsplit('@').next().unwrap().to_owned());
    }
    assert_eq!(digests[0], digests[1]);
    let (config, top) = (
        config(&barque, "oci:to-one:v1"),
        manifest(&barque, "oci:to-one:v1"),
    );
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 3);
    assert_eq!(
        config["history"][2],
        json!({ "created_by": "barque edit --append rootfs" })
    );
    let layers = top["layers"].as_array().unwrap();
    assert_eq!(
        layers[2]["mediaType"],
        "application/vnd.oci.image.layer.v1.tar+gzip"
    );
    let out = barque.args(["ls", "-R", "-l", "oci:to-one:v1"]).run().ok();
    assert!(out.stdout().contains("-rwxr-xr-x 0 0"), "{}", out.stdout());
    assert!(
        out.stdout().contains(" /srv/link -> a\n"),
        "{}",
        out.stdout()
    );
    assert!(!out.stdout().contains("motd"), "{}", out.stdout());
    peers::needs!("umoci");
    let umoci = peers::umoci();
    let (image, bundle) = (barque.path("to-one"), barque.path("bundle"));
    let image = format!("{}:v1", image.display());
    umoci
        .args([
            "unpack",
            "--rootless",
            "--image",
            &image,
            bundle.to_str().unwrap(),
        ])
        .run()
        .ok();
    assert_eq!(names(&bundle.join("rootfs")), ["etc", "srv", "usr"]);
    assert_eq!(fs::read(bundle.join("rootfs/srv/a")).unwrap(), b"a\n");
}

#[test]
fn an_appended_tar_stays_as_it_is_compressed() {
    let barque = Barque::new();
    let tar = LayerTar::new().file("new", b"new\n").finish();
    fs::write(barque.path("plain.tar"), &tar).unwrap();
    fs::write(barque.path("packed.tar.gz"), images::gzip(&tar)).unwrap();
    fs::write(barque.path("packed.tar.zst"), images::zstd(&tar)).unwrap();
    for (image, family) in [
        (images::small(), "application/vnd.oci.image.layer.v1.tar+"),
        (
            images::two_layers_docker(),
            "application/vnd.docker.image.rootfs.diff.tar.",
        ),
    ] {
        write_layout(&barque.path("from"), &[("v1", &image)]);
        let registry = FakeRegistry::start().image("a", "1", &image);
        let (from, to) = (registry.docker("a:1"), registry.docker("b:1"));
        for (file, stored) in [
            ("plain.tar", None),
            ("packed.tar.gz", Some(images::gzip(&tar))),
        ] {
            barque
                .args(["edit", "-q", &from, &to, "--append", file])
                .run()
                .ok();
            let top: Value = serde_json::from_slice(&registry.manifest("b", "1").unwrap()).unwrap();
            let layer = &top["layers"][2];
            assert_eq!(layer["mediaType"], format!("{family}gzip"));
            if let Some(stored) = stored {
                assert_eq!(layer["digest"], images::sha256(&stored).to_string());
            }
            let ids = config(&barque, &to)["rootfs"]["diff_ids"].clone();
            assert_eq!(ids[2], images::sha256(&tar).to_string());
            assert_eq!(
                barque.args(["cat", &to, "new"]).run().ok().stdout(),
                "new\n"
            );
        }
        let zstd = barque
            .args(["edit", "-q", &from, &to, "--append", "packed.tar.zst"])
            .run();
        match image.media_type.contains("docker") {
            true => {
                let out = zstd.code(6);
                let text = out.stderr();
                for part in [
                    "docker's format has no zstd",
                    "`packed.tar.zst`",
                    "--format oci",
                ] {
                    assert!(text.contains(part), "{text}");
                }
            }
            false => drop(zstd.ok()),
        }
    }
    let (from, to) = (layout(&barque, "again", &images::small()), "oci:to:v1");
    fs::write(barque.path("text"), b"no tar").unwrap();
    let out = barque
        .args(["edit", &from, to, "--append", "text"])
        .run()
        .code(4);
    assert!(
        out.stderr().contains("`text` is not a tar archive"),
        "{}",
        out.stderr()
    );
    barque
        .args(["edit", &from, to, "--append", "none"])
        .run()
        .code(2);
    assert!(!barque.path("to").exists() || names(&barque.path("to/blobs/sha256")).is_empty());
}

#[test]
fn an_appended_tar_that_is_cut_off_is_refused() {
    let barque = Barque::new();
    let tar = LayerTar::new()
        .file("one", [b'x'; 600])
        .file("two", [b'y'; 1200])
        .finish();
    let from = layout(&barque, "from", &images::small());
    let edit = |bytes: &[u8], name: &str, to: &str| {
        fs::write(barque.path(name), bytes).unwrap();
        barque
            .args(["edit", "-q", &from, to, "--append", name])
            .run()
    };
    // A header, 600 bytes in two blocks, a header, 1200 bytes in three.
    for (len, what) in [
        (700, "`cut.tar` is cut off in the member `one`"),
        (1700, "`cut.tar` is cut off in a header"),
        (2600, "`cut.tar` is cut off in the member `two`"),
    ] {
        let out = edit(&tar[..len], "cut.tar", "oci:cut:v1").code(4);
        assert!(out.stderr().contains(what), "{}", out.stderr());
        let packed = images::gzip(&tar[..len]);
        edit(&packed, "cut.tar", "oci:cut:v1").code(4);
        let image = ["copy", "-q", "tarball:cut.tar", "oci:cut:v2"];
        barque.args(image).run().code(4);
    }
    assert!(!barque.path("cut/index.json").exists());
    // Some writers leave out the blocks at the end, or the padding of the last member.
    for len in [3584, 3248, 1536] {
        let to = format!("oci:whole:v{len}");
        edit(&tar[..len], "whole.tar", &to).ok();
        barque.args(["ls", &to]).run().ok();
    }
}

#[test]
fn a_layer_comes_from_a_pipe_or_an_empty_directory() {
    let barque = Barque::new();
    let tar = LayerTar::new().file("new", b"new\n").finish();
    let from = layout(&barque, "from", &images::small());
    let edit = ["edit", "-q", &from, "oci:to:v1", "--append", "/dev/stdin"];
    let retried = ["--retry-times", "2", "--retry-delay", "1ms"];
    barque.args(edit).args(retried).stdin(tar).run().ok();
    let out = barque.args(["cat", "oci:to:v1", "new"]).run().ok();
    assert_eq!(out.stdout(), "new\n");

    fs::create_dir(barque.path("hollow")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(barque.path("hollow/socket"));
    let edit = ["edit", "-q", &from, "oci:to:v2", "--append", "hollow"];
    let out = barque.args(edit).run().ok();
    assert!(out.stderr().contains("is left out"), "{}", out.stderr());
    drop(socket.unwrap());
    let ids = config(&barque, "oci:to:v2")["rootfs"]["diff_ids"].clone();
    let last = ids.as_array().unwrap().last().unwrap();
    assert_eq!(last, &images::sha256(&[0; 1024]).to_string());
    barque.args(["ls", "oci:to:v2"]).run().ok();
}

#[test]
fn every_time_is_a_creation_time() {
    let barque = Barque::new();
    let from = layout(&barque, "from", &images::small());
    fs::create_dir(barque.path("dir")).unwrap();
    fs::write(barque.path("dir/file"), "").unwrap();
    let edit = |time: &str, append: &[&str]| {
        let edit = ["edit", "-q", &from, "oci:to:v1", "--created", time];
        barque.args(edit).args(append).run()
    };
    for time in [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.5-01:00",
        "9999-12-31T23:59:59Z",
    ] {
        edit(time, &[]).ok();
        assert_eq!(config(&barque, "oci:to:v1")["created"], time);
    }
    let dir = ["--append", "dir"];
    let out = edit("0001-01-01T00:00:00Z", &dir).code(1);
    assert!(out.stderr().contains("is before 1970"), "{}", out.stderr());
    for (time, shown) in [
        ("9999-12-30T12:00:00Z", "9999-12-30T12:00:00Z"),
        ("1970-01-01T00:30:00+00:30", "1970-01-01T00:00:00Z"),
        ("1969-12-31T23:00:01-01:00", "1970-01-01T00:00:01Z"),
    ] {
        edit(time, &dir).ok();
        let list = barque.args(["ls", "--json", "oci:to:v1"]).run().ok();
        assert!(list.stdout().contains(shown), "{}", list.stdout());
    }
}

#[test]
fn a_member_of_the_wrong_type_is_not_passed_over() {
    let barque = Barque::new();
    for (member, flags, what) in [
        (r#""Env":"A=1""#, ["--env", "A=2"], "`Env` is no list"),
        (
            r#""Labels":"x""#,
            ["--label", "a=b"],
            "`Labels` is no object",
        ),
    ] {
        let members = format!(r#""config":{{{member}}}"#);
        let image = odd_configs::image(images::Dialect::Oci, members.as_bytes());
        let from = layout(&barque, "from", &image);
        let edit = ["edit", "-q", &from, "oci:to:v1"];
        let out = barque.args(edit).args(flags).run().code(4);
        assert!(out.stderr().contains(what), "{}", out.stderr());
    }
}

#[test]
fn numbers_that_no_machine_type_holds_stay_as_they_are() {
    let barque = Barque::new();
    let numbers = r#""x":[123456789012345678901234567890,1.50,1e400]"#;
    let members = format!(r#"{numbers},"config":{{"Labels":{{"a":"b"}},{numbers}}}"#);
    let image = odd_configs::image(images::Dialect::Oci, members.as_bytes());
    let from = layout(&barque, "from", &image);
    let edit = ["edit", "-q", &from, "oci:to:v1", "--label", "c=d"];
    barque.args(edit).run().ok();
    let config = barque.args(["inspect", "--config", "--raw", "oci:to:v1"]);
    let out = config.run().ok();
    let config = out.stdout();
    assert_eq!(config.matches(numbers).count(), 2, "{config}");
}

#[test]
fn one_platform_of_several_is_edited() {
    let barque = Barque::new();
    let index = images::five_platforms();
    let from = layout(&barque, "from", &index);
    let edit = [
        "edit",
        &from,
        "oci:to:v1",
        "--platform",
        "linux/arm64",
        "--user",
        "nobody",
    ];
    let out = barque.args(edit).run().ok();
    assert!(
        out.stderr().contains("one platform of several"),
        "{}",
        out.stderr()
    );
    let config = config(&barque, "oci:to:v1");
    assert_eq!(
        (&config["architecture"], &config["config"]["User"]),
        (&json!("arm64"), &json!("nobody"))
    );
}

#[test]
fn what_cannot_be_edited_is_refused() {
    let barque = Barque::new();
    let docker = FakeRegistry::start().image("a", "1", &images::two_layers_docker());
    let from = docker.docker("a:1");
    let out = barque
        .args(["edit", &from, "oci:to:v1", "--annotation", "a=b"])
        .run()
        .code(6);
    assert!(
        out.stderr()
            .contains("docker's manifests have no annotations"),
        "{}",
        out.stderr()
    );
    let artifact = layout(&barque, "artifact", &images::artifact());
    let out = barque
        .args(["edit", &artifact, "oci:to:v1", "--label", "a=b"])
        .run()
        .code(6);
    assert!(out.stderr().contains("artifact"), "{}", out.stderr());
    for flags in [
        ["--label", "a"],
        ["--entrypoint", "[1]"],
        ["--created", "yesterday"],
        ["--set-platform", "x"],
    ] {
        let out = barque
            .args(["edit", &from, "oci:to:v1"])
            .args(flags)
            .run()
            .code(1);
        assert!(
            out.stderr().contains(flags[0]) || out.stderr().contains(flags[1]),
            "{}",
            out.stderr()
        );
    }
}
