//! Which platform is chosen, what is said of the others, and what an image without an index is for.

use serde_json::{Value, json};

use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images::{self, Dialect, Maker, TestImage, media, sha256};

fn one(os: &str, arch: &str, motd: &str) -> TestImage {
    Maker::new(Dialect::Oci)
        .platform(os, arch, "")
        .file_layer("etc/motd", motd)
        .make()
}

/// An index with three builds of Windows and one image for linux.
fn windows() -> TestImage {
    let builds = ["10.0.17763.1", "10.0.20348.587", "10.0.20348.1000"];
    let children = builds.map(|build| (one("windows", "amd64", build), ("windows", "amd64", "")));
    let linux = (one("linux", "amd64", "linux"), ("linux", "amd64", ""));
    let index = images::index(Dialect::Oci, children.into_iter().chain([linux]));
    let mut document = index.json();
    for (at, build) in builds.iter().enumerate() {
        document["manifests"][at]["platform"]["os.version"] = json!(build);
    }
    TestImage {
        children: index.children,
        ..TestImage::raw(media::OCI_INDEX, document.to_string())
    }
}

#[test]
fn windows_is_chosen_by_its_version() {
    let barque = Barque::new();
    let index = windows();
    images::write_dir(&barque.path("win"), &index);
    let digest = |flags: &[&str]| {
        let shown = barque.args(["inspect", "dir:win"]).args(flags).run().ok();
        let shown = shown.json();
        assert_eq!(
            shown["Platforms"],
            json!([
                "windows/amd64:10.0.17763.1",
                "windows/amd64:10.0.20348.587",
                "windows/amd64:10.0.20348.1000",
                "linux/amd64"
            ])
        );
        let at = index
            .children
            .iter()
            .position(|c| json!(c.digest) == shown["ManifestDigest"]);
        (at.unwrap(), shown["Platform"].as_str().unwrap().to_owned())
    };
    for (flags, at, platform) in [
        (
            &["--platform=windows/amd64"][..],
            0,
            "windows/amd64:10.0.17763.1",
        ),
        (
            &["--platform=windows/amd64:10.0.20348"],
            1,
            "windows/amd64:10.0.20348.587",
        ),
        (
            &["--platform=windows/amd64:10.0.20348.1000"],
            2,
            "windows/amd64:10.0.20348.1000",
        ),
        // Another revision of the same build.
        (
            &["--platform=windows/amd64:10.0.20348.1"],
            1,
            "windows/amd64:10.0.20348.587",
        ),
        (
            &[
                "--override-os=windows",
                "--override-arch=amd64",
                "--override-os-version=10.0.20348",
            ],
            1,
            "windows/amd64:10.0.20348.587",
        ),
        (&["--platform=linux/amd64"], 3, "linux/amd64"),
    ] {
        assert_eq!(digest(flags), (at, platform.to_owned()), "{flags:?}");
    }
    let absent = [
        "copy",
        "--platform=windows/amd64:10.0.26100",
        "dir:win",
        "dir:none",
    ];
    let absent = barque.args(absent).run().code(2);
    let told = absent.stderr();
    assert!(told.contains("`windows/amd64:10.0.26100`"), "{told}");
    assert!(told.contains("windows/amd64:10.0.17763.1"), "{told}");
    // What is printed can be given.
    let part = "--platform=windows/amd64:10.0.20348.587,linux/amd64";
    barque
        .args(["copy", part, "dir:win", "dir:part"])
        .run()
        .ok();
    let shown = barque
        .args(["inspect", "--platform=linux/amd64", "dir:part"])
        .run()
        .ok()
        .json();
    // A version in a pattern means its build, too.
    assert_eq!(shown["Platforms"].as_array().unwrap().len(), 3, "{shown}");
}

#[cfg(feature = "legacy")]
#[test]
fn an_image_without_an_index_is_for_its_own_platform_only() {
    let barque = Barque::new();
    let image = one("linux", "arm64", "x");
    images::write_dir(&barque.path("one"), &image);
    let key = barque::legacy::jws::SigningKey::generate().unwrap();
    let old = images::schema1::image("fleet/old", "1", Some(&key), false);
    images::write_dir(&barque.path("old"), &old.image);
    for (source, there) in [("dir:one", "linux/arm64"), ("dir:old", "linux/amd64")] {
        for command in [
            &["copy", source, "dir:out"][..],
            &["copy", "--platform=linux/riscv64", source, "dir:out"],
            &[
                "copy",
                "--multi-arch=linux/riscv64,linux/amd64",
                source,
                "dir:out",
            ],
            &["inspect", source],
            &["inspect", "--raw", source],
            &["inspect", "--config", source],
            &["layers", "-o", "out", source],
            &["layers", "--list", source],
        ] {
            let asked = ["--platform=linux/s390x"];
            let asked = &asked[..usize::from(!command.iter().any(|a| a.contains("multi-arch")))];
            let refused = barque.args(command).args(asked).run().code(2);
            let told = refused.stderr();
            let words = format!("the image is for `{there}`, not for `linux/");
            assert!(told.contains(&words), "{command:?}: {told}");
            assert_eq!(refused.stdout(), "");
            assert!(!barque.path("out").exists());
        }
        // skopeo's flags choose among several; one is taken as it is.
        let other = ["inspect", "--override-arch=s390x", source];
        barque.args(other).run().ok();
        let right = format!("--platform={there}");
        barque.args(["inspect", &right, source]).run().ok();
        barque.args(["layers", "--list", &right, source]).run().ok();
        let to = format!("dir:to-{}", there.replace('/', "-"));
        barque.args(["copy", &right, source, &to]).run().ok();
    }
    // An artifact, and a config that says nothing, are for no platform.
    images::write_layout(&barque.path("artifact"), &[("1", &images::artifact())]);
    let artifact = [
        "copy",
        "--platform=linux/s390x",
        "oci:artifact:1",
        "oci:to:1",
    ];
    barque.args(artifact).run().ok();
}

#[test]
fn the_config_is_asked_only_where_it_has_to_be() {
    let barque = Barque::new();
    let image = one("linux", "arm64", "x");
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (source, to) = (registry.docker("a:1"), registry.docker("b:1"));
    let config = image.config().to_string();
    for (args, gets) in [
        (&["inspect", "-n", &source][..], 1),
        (&["inspect", "-n", "--platform=linux/arm64", &source], 1),
        (&["copy", &source, "oci:default:1"], 1),
        // Once for the platform, once for the copy.
        (
            &["copy", "--platform=linux/arm64", &source, "oci:asked:1"],
            2,
        ),
    ] {
        registry.clear();
        barque.args(args).run().ok();
        assert_eq!(registry.requests("GET", &config).len(), gets, "{args:?}");
    }
    // An image that is there already is not taken for one of another platform.
    barque.args(["copy", &source, &to]).run().ok();
    let wrong = ["copy", "--platform=linux/s390x", &source, &to];
    barque.args(wrong).run().code(2);
}

#[test]
fn an_entry_without_a_platform_is_looked_at() {
    let barque = Barque::new();
    let image = one("linux", "arm64", "x");
    let index = images::index(Dialect::Oci, [(image.clone(), ("linux", "arm64", ""))]);
    let mut document = index.json();
    document["manifests"][0]
        .as_object_mut()
        .unwrap()
        .remove("platform");
    let index = TestImage {
        children: index.children,
        ..TestImage::raw(media::OCI_INDEX, document.to_string())
    };
    images::write_dir(&barque.path("index"), &index);
    let refused = ["inspect", "--platform=linux/s390x", "dir:index"];
    barque.args(refused).run().code(2);
    let taken = ["inspect", "--platform=linux/arm64", "dir:index"];
    let shown = barque.args(taken).run().ok().json();
    assert_eq!(shown["Platform"], "linux/arm64");
    barque
        .args(["inspect", "--override-arch=s390x", "dir:index"])
        .run()
        .ok();
}

#[test]
fn raw_prints_the_manifest_of_the_platform() {
    let barque = Barque::new();
    let index = images::five_platforms();
    images::write_dir(&barque.path("all"), &index);
    let raw = |flag: &str| {
        let out = barque
            .args(["inspect", "--raw", flag, "dir:all"])
            .run()
            .ok();
        sha256(out.stdout_bytes())
    };
    assert_eq!(raw("--platform=linux/arm/v7"), index.children[2].digest);
    // As skopeo does.
    assert_eq!(raw("--override-arch=arm"), index.digest);
    assert_eq!(raw("--no-tags"), index.digest);
}

#[test]
fn several_platforms_are_a_list_or_repeated() {
    let barque = Barque::new();
    images::write_dir(&barque.path("all"), &images::five_platforms());
    let listed = [
        "copy",
        "--platform=linux/amd64,linux/s390x",
        "dir:all",
        "dir:listed",
    ];
    let repeated = [
        "copy",
        "--platform=linux/amd64",
        "--platform=linux/s390x",
        "dir:all",
        "dir:repeated",
    ];
    let digest = |out: &str| out.trim().rsplit_once('@').unwrap().1.to_owned();
    let listed = barque.args(listed).run().ok();
    let repeated = barque.args(repeated).run().ok();
    assert_eq!(digest(listed.stdout()), digest(repeated.stdout()));
    let platforms = ["inspect", "--platform=linux/s390x", "dir:listed"];
    let shown: Value = barque.args(platforms).run().ok().json();
    assert_eq!(shown["Platforms"], json!(["linux/amd64", "linux/s390x"]));
    for flags in [
        &["--platform=linux/amd64,linux/s390x"][..],
        &["--platform=linux/amd64", "--platform=linux/s390x"],
    ] {
        for command in [
            &["inspect", "dir:all"][..],
            &["layers", "--list", "dir:all"],
        ] {
            let refused = barque.args(command).args(flags).run().code(1);
            let told = refused.stderr();
            let words = "one platform can be chosen here, but `--platform` names 2: linux/amd64, linux/s390x";
            assert!(told.contains(words), "{told}");
        }
    }
    let twice = ["--platform=linux/s390x", "--platform=linux/s390x"];
    barque.args(["inspect", "dir:all"]).args(twice).run().ok();
    for flags in [
        &["--platform=linux/s390x,", "--quiet"][..],
        &["--platform=linux/s390x,linux/amd64", "--override-arch=arm"],
    ] {
        barque
            .args(["copy", "dir:all", "dir:x"])
            .args(flags)
            .run()
            .code(1);
    }
}

#[test]
fn platforms_that_stay_behind_are_named() {
    let barque = Barque::new();
    let index = images::five_platforms();
    images::write_dir(&barque.path("all"), &index);
    images::write_dir(&barque.path("one"), &index.children[0]);
    let registry = FakeRegistry::start().image("a", "1", &index);
    let tag = registry.docker("a:1");
    let words = " is copied, without ";
    for (from, to) in [
        ("dir:all", "dir:new".to_owned()),
        (&tag, registry.docker("b:1")),
        // A retag.
        (&tag, registry.docker("a:2")),
        // Up to date.
        (&tag, registry.docker("b:1")),
    ] {
        let told = barque.args(["copy", from, &to]).run().ok();
        let told = told.stderr();
        let line = told.lines().find(|line| line.contains(words)).expect(told);
        assert!(line.contains("use `--all`"), "{line}");
        // All but one are named, and that one is told apart.
        for (os, arch, _) in images::PLATFORMS {
            assert!(line.contains(&format!("{os}/{arch}")), "{line}");
        }
        let quiet = barque.args(["copy", "--quiet", from, &to]).run().ok();
        assert_eq!(quiet.stderr(), "");
    }
    let plan = ["copy", "--dry-run", "--json", "dir:all", "dir:plan"];
    let plan = barque.args(plan).run().ok().json();
    assert!(plan["Notes"][0].as_str().unwrap().contains(words));
    for (flags, from) in [
        (&["--all"][..], "dir:all"),
        (&["--platform=linux/s390x"], "dir:all"),
        (&["--platform=linux/s390x,linux/amd64"], "dir:all"),
        (&["--override-arch=s390x"], "dir:all"),
        (&["--multi-arch=system"], "dir:all"),
        (&["--multi-arch=index-only"], "dir:all"),
        (&[], "dir:one"),
    ] {
        let to = ["dir:chosen"];
        let out = barque.args(["copy", from]).args(to).args(flags).run().ok();
        assert!(!out.stderr().contains(words), "{flags:?}: {}", out.stderr());
    }
}

#[test]
fn images_of_no_stated_platform_are_told_apart_by_their_configs() {
    let barque = Barque::new();
    let images = ["amd64", "arm64"].map(|arch| (one("linux", arch, arch), ("linux", arch, "")));
    let wanted = images[1].0.digest.to_string();
    let index = images::index(Dialect::Oci, images);
    let mut document = index.json();
    for entry in document["manifests"].as_array_mut().unwrap() {
        entry.as_object_mut().unwrap().remove("platform");
    }
    let index = TestImage {
        children: index.children,
        ..TestImage::raw(media::OCI_INDEX, document.to_string())
    };
    images::write_dir(&barque.path("d"), &index);
    let args = ["copy", "--platform=linux/arm64", "dir:d", "dir:one"];
    let out = barque.args(args).run().ok();
    assert!(out.stdout().contains(&wanted), "{}", out.stdout());
    let args = ["copy", "--platform=linux/s390x", "dir:d", "dir:two"];
    let refused = barque.args(args).run().code(2);
    let says = "it has linux/amd64, linux/arm64";
    assert!(refused.stderr().contains(says), "{}", refused.stderr());
}
