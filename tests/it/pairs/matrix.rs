//! One image through every pair of transports.

use serde_json::Value;

use super::*;
use crate::support::images::{noise, two_layers, two_layers_docker};

/// An image as skopeo finds it somewhere: copied into a directory, every digest checked.
struct Seen {
    manifest: Vec<u8>,
    config: Vec<u8>,
    layers: Vec<Value>,
}

fn digests_of(list: &Value) -> Vec<Value> {
    let list = list.as_array().unwrap().iter();
    list.map(|entry| entry["digest"].clone()).collect()
}

#[track_caller]
fn seen(harbour: &Harbour, name: &str) -> Seen {
    let out = harbour.skopeo.path("seen");
    let _ = std::fs::remove_dir_all(&out);
    harbour.skopeo_copies(name, &format!("dir:{}", out.display()), true);
    let read = |name: &str| std::fs::read(out.join(name)).unwrap();
    let manifest = read("manifest.json");
    let json: Value = serde_json::from_slice(&manifest).unwrap();
    let digest = json["config"]["digest"].as_str().unwrap();
    Seen {
        config: read(digest.strip_prefix("sha256:").unwrap()),
        layers: digests_of(&json["layers"]),
        manifest: truthful(name, &manifest),
    }
}

/// Copies between all pairs: first skopeo writes the image at each source, at last it reads each destination.
fn every_pair(image: &TestImage) {
    peers::needs!("docker-registry", "skopeo", "umoci");
    let harbour = Harbour::new(crate::daemon::podman());
    let mut transports = vec![Docker, Oci, OciArchive, Dir, DockerArchive];
    transports.extend(harbour.podman.is_some().then_some(DockerDaemon));
    for &from in &transports {
        let source = harbour.place(from, "from-skopeo");
        harbour.feed(image, &source);
        let at_source = seen(&harbour, &source);
        assert_eq!(harbour.manifest(&source), at_source.manifest);
        for &to in &transports {
            let destination = harbour.place(to, &format!("{from:?}-to").to_lowercase());
            let digest = harbour.copy(&source, &destination);
            let at_destination = seen(&harbour, &destination);
            assert_eq!(digest, sha256(&at_destination.manifest).to_string());
            assert_eq!(harbour.manifest(&destination), at_destination.manifest);
            compare(image, (from, &at_source), (to, &at_destination));
            if to == Oci {
                unpack(destination.strip_prefix("oci:").unwrap());
            }
        }
    }
}

fn compare(image: &TestImage, (from, source): (Transport, &Seen), (to, found): (Transport, &Seen)) {
    let pair = format!("{from:?} to {to:?}");
    let was: Value = serde_json::from_slice(&source.manifest).unwrap();
    let converted = to.is_layout() && was["mediaType"] == media::DOCKER_MANIFEST;
    if !converted && !to.is_docker_save() {
        assert_eq!(found.manifest, source.manifest, "{pair}");
    }
    // The test images have no field that only docker knows, so a converted config says the same.
    let config = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let made = &image.blobs[&image.config()];
    assert_eq!(config(&found.config), config(made), "{pair}");
    if !converted {
        assert_eq!(found.config, source.config, "{pair}");
    }
    let layers = if from.is_docker_save() || to.is_docker_save() {
        config(made)["rootfs"]["diff_ids"]
            .as_array()
            .unwrap()
            .clone()
    } else {
        digests_of(&image.json()["layers"])
    };
    assert_eq!(found.layers, layers, "{pair}");
}

/// umoci unpacks the image, and the files of its layers are there.
fn unpack(image: &str) {
    let umoci = peers::umoci();
    let args = ["unpack", "--rootless", "--image", image, "bundle"];
    umoci.args(args).run().ok();
    for (name, seed) in [("first", 1), ("second", 2)] {
        let file = umoci.path("bundle/rootfs/data").join(name);
        assert!(std::fs::read(file).unwrap() == noise(seed, 100_000));
    }
}

#[test]
fn an_oci_image_goes_between_all_transports() {
    every_pair(&two_layers());
}

#[test]
fn a_docker_image_goes_between_all_transports() {
    every_pair(&two_layers_docker());
}
