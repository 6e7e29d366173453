//! Archives of others give their stated verdicts.

use super::*;
use crate::support::fixtures;

#[test]
fn archives_of_oci_layouts_give_what_skopeo_sees() {
    let (Some(dir), Some(skopeo)) = (fixtures::dir(), skopeo()) else {
        return;
    };
    let barque = Barque::new();
    for (file, _) in fixtures::notes(&dir, "archives/oci-") {
        let name = format!("oci-archive:{}", dir.join(&file).display());
        let ours = barque.args(["inspect", "--raw", &name]).run().ok();
        let theirs = skopeo.args(["inspect", "--raw", &name]).run().ok();
        assert_eq!(ours.stdout_bytes(), theirs.stdout_bytes(), "{file}");
        let copied = format!("oci:{}:x", barque.path(file.replace('/', "-")).display());
        // A preference: one of the images is for arm64 only.
        let platform = ["copy", "--override-arch", "amd64", &name, &copied];
        barque.args(platform).run().ok();
    }
    // Pipes and compressed archives are read by way of a file that leaves nothing behind.
    let bytes = fixtures::read(&dir, "archives/oci-registry-name.tar.gz");
    let piped = barque.args([
        "inspect",
        "--raw",
        "oci-archive:-:localhost:5000/namespace/image:tag",
    ]);
    let _ = piped.stdin(&bytes).run();
    let piped = barque
        .args(["inspect", "--raw", "oci-archive:-"])
        .stdin(bytes)
        .run()
        .ok();
    assert!(piped.stdout().contains("sha256:5c8aca8137ac"));
    assert_eq!(names(&barque.tmp()), Vec::<String>::new());
}

#[test]
fn archives_of_docker_save_are_read_and_copied() {
    let (Some(dir), Some(skopeo)) = (fixtures::dir(), skopeo()) else {
        return;
    };
    let barque = Barque::new();
    let shown = |file: &str| {
        format!(
            "docker-archive:{}",
            dir.join("archives").join(file).display()
        )
    };
    for (i, (file, selector)) in [
        ("docker-almostempty.tar", ""),
        ("docker-buildkit.tar", ""),
        ("docker-ggcr-bundle.tar", ":@1"),
        ("docker-ggcr-symlinked-layer.tar", ":@0"),
        (
            "docker-ggcr-symlinked-layer.tar",
            ":bazel/v1/tarball:test_image_3",
        ),
        ("docker-test-image.tar", ":dive-test"),
        (
            "docker-two-images.tar.xz",
            ":example.com/empty/but:different",
        ),
        ("docker-unnamed.tar.xz", ""),
        ("docker-v25-hello-world.tar", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let name = shown(file) + selector;
        let manifest = barque.args(["inspect", "--raw", &name]).run().ok().json();
        let theirs = skopeo.args(["inspect", "--raw", &name]).run().ok().json();
        assert_eq!(manifest["config"], theirs["config"], "{name}");
        // Sizes are not compared: skopeo 1.9.3 gives a layer that is a link none.
        let layers = |m: &serde_json::Value| -> Vec<_> {
            let layers = m["layers"].as_array().unwrap();
            layers.iter().map(|l| l["digest"].clone()).collect()
        };
        assert_eq!(layers(&manifest), layers(&theirs), "{name}");
        for layer in manifest["layers"].as_array().unwrap() {
            let plain = "application/vnd.docker.image.rootfs.diff.tar";
            assert_eq!(layer["mediaType"], plain, "they are stored plain: {name}");
        }
        let to = at(&barque, "dir", &format!("copy{i}"));
        barque.args(["copy", &name, &to]).run().ok();
        // skopeo verifies all digests of what it reads.
        let again = at(&barque, "dir", &format!("again{i}"));
        skopeo.args(["copy", &to, &again]).run().ok();
    }
}

#[test]
fn what_cannot_be_chosen_or_read_says_why() {
    let Some(dir) = fixtures::dir() else { return };
    let barque = Barque::new();
    for (file, selector, code, words) in [
        ("docker-null-manifest.tar", "", 2, "holds no image"),
        (
            "docker-no-manifest.tar",
            ":nobody:1",
            2,
            "it has `bazel/v1/tarball:test_image`",
        ),
        ("legacy-only-emptyLayer.tar", ":@1", 2, "has no image `@1`"),
        ("legacy-dependency-loop.docker", "", 4, "built upon itself"),
        ("legacy-path-traversal.docker", "", 4, "leads out of it"),
        (
            "docker-ggcr-bundle.tar",
            "",
            1,
            "`test_image_2`, `test_image_1`",
        ),
        ("docker-ggcr-bundle.tar", ":@2", 2, "has no image `@2`"),
        (
            "docker-two-images.tar.xz",
            ":nobody:1",
            2,
            "has no image named `docker.io/library/nobody:1`",
        ),
        ("oci-gzip.tar", "", 2, "did you mean `oci-archive:"),
    ] {
        let is_older = file.starts_with("legacy-") || file == "docker-no-manifest.tar";
        if is_older && !cfg!(feature = "legacy") {
            continue;
        }
        let name = format!(
            "docker-archive:{}{selector}",
            dir.join("archives").join(file).display()
        );
        let out = barque.args(["inspect", &name]).run().code(code);
        assert!(out.stderr().contains(words), "{file}: {}", out.stderr());
    }
    let none = format!(
        "oci-archive:{}:none",
        dir.join("archives/oci-gzip.tar").display()
    );
    barque.args(["inspect", &none]).run().code(2);
    barque
        .args(["inspect", "oci-archive:nowhere.tar"])
        .run()
        .code(2);
}
