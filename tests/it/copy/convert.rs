//! Docker's types into `oci:`: the conversion is skopeo's to the last bit, or refused.

use super::*;

#[test]
fn docker_types_become_what_skopeo_makes_of_them() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    for (tag, image) in [
        ("docker", images::two_layers_docker()),
        ("list", images::five_platforms_docker()),
    ] {
        let name = format!("fleet/ship:{tag}");
        registry.feed(&name, &image);
        let (source, barque, skopeo) = (registry.docker(&name), Barque::new(), peers::skopeo());
        if tag == "list" && peers::skopeo_puts_variant_elsewhere() {
            continue;
        }
        skopeo
            .args(["copy", "-q", "--all", "--src-tls-verify=false", &source])
            .args(["oci:layout:v1"])
            .run()
            .ok();
        let out = barque
            .args(["copy", "--all", &source, "oci:layout:v1"])
            .run()
            .ok();
        let (ours, theirs) = (barque.path("layout"), skopeo.path("layout"));
        let digest = digest_of(&ours, "v1");
        assert_eq!(digest, digest_of(&theirs, "v1"), "{tag}");
        assert_ne!(digest, image.digest.to_string());
        assert_eq!(out.stdout(), format!("oci:layout:v1@{digest}\n"));
        let note = format!("`{}` was converted to", image.digest);
        assert!(out.stderr().contains(&note), "{}", out.stderr());
        assert!(out.stderr().contains(&digest), "{}", out.stderr());
        blobs_are_true(&ours);
        // All that skopeo wrote is there; it also leaves what it read on the way.
        for name in names(&ours.join("blobs/sha256")) {
            assert!(theirs.join("blobs/sha256").join(&name).exists(), "{name}");
        }
        // Converted again it is the same, and nothing is written.
        let before = std::fs::read(ours.join("index.json")).unwrap();
        let again = barque
            .args(["copy", "--all", &source, "oci:layout:v1"])
            .run()
            .ok();
        assert_eq!(again.stdout(), out.stdout());
        assert_eq!(std::fs::read(ours.join("index.json")).unwrap(), before);
    }
}

#[test]
fn docker_types_stay_as_they_are_where_the_digest_has_to() {
    for image in [images::two_layers_docker(), images::five_platforms_docker()] {
        for to in ["oci:layout:v1", "oci-archive:layout.tar:v1"] {
            let barque = Barque::new();
            images::write_dir(&barque.path("dir"), &image);
            let keep = ["copy", "--all", "--preserve-digests", "dir:dir", to];
            let out = barque.args(keep).run().ok();
            assert_eq!(out.stdout(), format!("{to}@{}\n", image.digest));
            let raw = barque.args(["inspect", "--raw", to]).run().ok();
            assert_eq!(sha256(raw.stdout_bytes()), image.digest, "{to}");
            let back = ["copy", "--all", to, "dir:back"];
            barque.args(back).run().ok();
            is_dir_of(&barque.path("back"), &image);
        }
    }
}

#[test]
fn a_digest_that_must_stay_forbids_the_conversion() {
    let barque = Barque::new();
    images::write_dir(&barque.path("dir"), &images::two_layers_docker());
    let args = [
        "copy",
        "--preserve-digests",
        "--format=oci",
        "dir:dir",
        "oci:layout:v1",
    ];
    let refused = barque.args(args).run().code(6);
    let told = refused.stderr();
    assert!(
        told.contains("`--format oci` would change the digest"),
        "{told}"
    );
    assert!(told.contains("`--preserve-digests`"), "{told}");
    assert!(!barque.path("layout").exists(), "nothing was written");
}

#[test]
fn a_platform_of_a_docker_list_is_converted_alone() {
    peers::needs!("skopeo");
    let (barque, skopeo) = (Barque::new(), peers::skopeo());
    let image = images::five_platforms_docker();
    images::write_dir(&skopeo.path("dir"), &image);
    let source = format!("dir:{}", skopeo.path("dir").display());
    skopeo
        .args([
            "--override-arch=s390x",
            "copy",
            "-q",
            &source,
            "oci:layout:v1",
        ])
        .run()
        .ok();
    barque
        .args(["copy", "--platform=linux/s390x", &source, "oci:layout:v1"])
        .run()
        .ok();
    assert_eq!(
        digest_of(&barque.path("layout"), "v1"),
        digest_of(&skopeo.path("layout"), "v1")
    );
}

#[test]
fn a_config_that_a_conversion_made_is_counted() {
    let barque = Barque::new();
    crate::support::images::write_dir(&barque.path("d"), &images::two_layers_docker());
    let args = ["copy", "--receipt", "receipt", "dir:d", "oci:l:1"];
    barque.args(args).run().ok();
    let receipt = std::fs::read(barque.path("receipt")).unwrap();
    let receipt: serde_json::Value = serde_json::from_slice(&receipt).unwrap();
    let blobs = receipt["Blobs"].as_array().unwrap();
    let sizes: u64 = blobs
        .iter()
        .map(|blob| blob["Size"].as_u64().unwrap())
        .sum();
    assert_eq!(receipt["BytesMoved"], sizes);
    // An index alone moves no blob, and so finds none.
    images::write_layout(&barque.path("list"), &[("1", &images::five_platforms())]);
    let args = ["copy", "--multi-arch=index-only", "oci:list:1", "dir:index"];
    let out = barque.args(args).run().ok();
    assert!(
        !out.stderr().contains("already present"),
        "{}",
        out.stderr()
    );
}
