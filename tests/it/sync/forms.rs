//! What files of each form are taken for, and what they leave out.

use std::fs;

use super::*;

#[test]
fn a_file_is_known_by_its_keys_whatever_its_comments_and_quotes_are() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let target = FakeRegistry::start();
    let (from, to) = (source.address(), target.address());
    let barque = Barque::new();
    let own = [
        format!("\u{feff}barque-sync: 1\nsync: [{{from: '{from}/a:1', to: '{to}/r0'}}]\n"),
        format!("\"barque-sync\": 1\nsync: [{{from: '{from}/a:1', to: '{to}/r1'}}]\n"),
        format!(
            "{{\n  \"barque-sync\": 1, \"sync\": [{{\"from\": \"{from}/a:1\", \"to\": \"{to}/r2\"}}]}}\n"
        ),
    ];
    for (n, text) in own.iter().enumerate() {
        fs::write(barque.path("own"), text).unwrap();
        barque.args(["sync", "own"]).run().ok();
        assert_eq!(
            target.requests("PUT", &format!("/r{n}/manifests/1")).len(),
            1
        );
    }
    let lists = [
        format!("# images: all of them\n{from}/a:1 # a comment: with a colon\n"),
        format!("\u{feff}{from}/a:1\n"),
    ];
    for (n, text) in lists.iter().enumerate() {
        fs::write(barque.path("list"), text).unwrap();
        let to = format!("{to}/l{n}");
        barque.args(["sync", "list", &to]).run().ok();
        assert_eq!(
            target
                .requests("PUT", &format!("/l{n}/a/manifests/1"))
                .len(),
            1
        );
    }
}

#[test]
fn a_name_with_tag_and_digest_is_read_by_the_digest_and_keeps_the_tag() {
    let (old, new) = (images::small(), images::two_layers());
    let source = FakeRegistry::start()
        .image("a", "old", &old)
        .image("a", "1", &new);
    let target = FakeRegistry::start();
    let (from, to) = (source.address(), target.address());
    let barque = Barque::new();
    let digest = |name: &str| {
        let name = format!("docker://{name}");
        let out = barque.args(["inspect", "--format", "{{.Digest}}", &name]);
        out.run().ok().stdout().trim().to_owned()
    };
    let was = digest(&format!("{from}/a:old"));
    assert_ne!(was, digest(&format!("{from}/a:1")));
    let files = [
        format!("{from}/a:1@{was} => {to}/b\n"),
        format!("{from}/a:1@{was}: {to}/c\n"),
        format!("barque-sync: 1\nsync: [{{from: '{from}/a:1@{was}', to: '{to}/{{name}}'}}]\n"),
    ];
    for (text, name) in files.iter().zip(["b", "c", "a"]) {
        fs::write(barque.path("f"), text).unwrap();
        barque.args(["sync", "f"]).run().ok();
        assert_eq!(digest(&format!("{to}/{name}:1")), was, "{text}");
        let again = barque.args(["sync", "f"]).run().ok();
        assert!(again.stderr().contains("1 unchanged"), "{}", again.stderr());
    }
    // A plan keeps both.
    fs::write(
        barque.path("f"),
        format!("{from}/a:1@{was} => {to}/planned\n"),
    )
    .unwrap();
    let plan = ["sync", "plan", "f", "--output", "plan.json"];
    barque.args(plan).run().ok();
    barque.args(["sync", "apply", "plan.json"]).run().ok();
    assert_eq!(digest(&format!("{to}/planned:1")), was);
}

/// As skopeo does it, whose walk of a directory ends at `manifest.json`.
#[test]
fn directories_in_an_image_that_come_after_its_manifest_are_passed_over() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let target = FakeRegistry::start();
    let (from, to) = (source.address(), target.address());
    let barque = Barque::new();
    let image = format!("docker://{from}/a:1");
    for path in ["d/a:1", "d/a:1/before:1", "d/a:1/x:1", "d/z:1"] {
        barque
            .args(["copy", &image, &format!("dir:{path}")])
            .run()
            .ok();
    }
    let ours = ["sync", "--src", "dir", "--dest", "docker", "--dry-run", "d"];
    let out = barque.args(ours).args([format!("{to}/m")]).run().ok();
    let named = |said: &str| {
        ["/a:1", "/before:1", "/x:1", "/z:1"].map(|name| said.contains(&format!("m{name}")))
    };
    assert_eq!(
        named(out.stderr()),
        [true, true, false, true],
        "{}",
        out.stderr()
    );
    peers::needs!("skopeo");
    let place = barque.path("d");
    let theirs = ["sync", "--src", "dir", "--dest", "docker", "--dry-run"];
    let skopeo = peers::skopeo();
    let out = skopeo
        .args(theirs)
        .args([place.to_str().unwrap(), &format!("{to}/m")])
        .run();
    assert_eq!(named(out.ok().stderr()), [true, true, false, true]);
}

#[test]
fn null_in_the_yaml_of_skopeo_is_an_empty_value() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let source = source.image("b", "1", &images::small());
    let barque = Barque::new();
    let text = format!(
        "{}:\n  images:\n  images-by-tag-regex:\n    a:\n  images-by-semver:\n    b:\n  tls-verify:\n  credentials:\n  cert-dir:\n",
        source.address()
    );
    fs::write(barque.path("s.yaml"), text).unwrap();
    let args = ["sync", "--src", "yaml", "--dest", "dir", "s.yaml", "d"];
    let out = barque.args(args).run().ok();
    assert!(
        out.stderr().contains("Synced 1 images from 1 sources"),
        "{}",
        out.stderr()
    );
    assert!(barque.path("d/a:1/manifest.json").exists());
}

/// Compared with the answers of skopeo.
#[test]
fn patterns_of_the_yaml_are_those_of_go() {
    let mut source = FakeRegistry::start();
    for tag in ["v1.0", "v1x0", "1.0"] {
        source = source.image("a", tag, &images::small());
    }
    let barque = Barque::new();
    for (pattern, found, refused) in [
        (r"\Qv1.0\E", 1, false),
        (r"^\pL1", 2, false),
        (r"(?x)v1", 0, true),
        (r"\h", 0, true),
    ] {
        let text = format!(
            "{}:\n  tls-verify: false\n  images-by-tag-regex:\n    a: '{pattern}'\n",
            source.address()
        );
        fs::write(barque.path("s.yaml"), text).unwrap();
        let args = ["sync", "--src", "yaml", "--dest", "dir", "--dry-run"];
        let out = barque.args(args).args(["s.yaml", "d"]).run().ok();
        let count = format!("Would have synced {found} images");
        assert!(out.stderr().contains(&count), "{pattern}: {}", out.stderr());
        assert_eq!(out.stderr().contains("is skipped"), refused);
        peers::needs!("skopeo");
        let (file, to) = (barque.path("s.yaml"), barque.path("theirs"));
        let skopeo = peers::skopeo();
        let theirs = skopeo.args(args).args([&file, &to]).run().ok();
        let said = theirs.stderr();
        assert!(said.contains(&count), "{pattern}: {said}");
        assert_eq!(said.contains("error parsing regexp"), refused);
        let _ = fs::remove_dir_all(to);
    }
}
