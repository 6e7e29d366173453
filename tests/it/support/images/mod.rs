//! Small images made on the spot, deterministic to the last byte.
//!
//! A [`TestImage`] is what a registry holds of an image: raw manifests and blobs by digest. It is made by
//! [`Maker`] or by one of the ready-made functions, fed to peers by `peers`, served by `fake`, or written to
//! disk by [`store`]. Nothing here opens a socket.

mod layer;
mod maker;
mod pack;
#[cfg(feature = "legacy")]
pub mod schema1;
mod store;
mod table;

use std::collections::BTreeMap;

use barque::image::{Algorithm, Digest};
use serde_json::json;

pub use layer::LayerTar;
pub use maker::{Compression, Dialect, Maker};
pub use pack::{gzip, noise, tar, zstd};
pub use store::{write_dir, write_layout};
pub use table::{Tabled, chunked, estargz};

/// The media types the test images use.
pub mod media {
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
}

/// A manifest with all that hangs below it.
#[derive(Debug, Clone)]
pub struct TestImage {
    /// The top manifest or index, byte for byte.
    pub manifest: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// Its sha256 digest.
    pub digest: Digest,
    /// Configs and layers of this manifest (an index has none of its own).
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    /// The manifests an index names.
    pub children: Vec<TestImage>,
}

impl TestImage {
    /// An image from raw parts, for manifests that are wrong on purpose.
    pub fn raw(media_type: &str, manifest: impl Into<Vec<u8>>) -> TestImage {
        let manifest = manifest.into();
        TestImage {
            digest: sha256(&manifest),
            media_type: media_type.into(),
            manifest,
            blobs: BTreeMap::new(),
            children: Vec::new(),
        }
    }

    /// The parsed manifest.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.manifest).unwrap()
    }

    /// The layer descriptors' digests, in order, repeats included.
    pub fn layers(&self) -> Vec<Digest> {
        digests(&self.json()["layers"])
    }

    /// The bytes of layer `i`.
    pub fn layer(&self, i: usize) -> &[u8] {
        &self.blobs[&self.layers()[i]]
    }

    /// The config's digest.
    pub fn config(&self) -> Digest {
        self.json()["config"]["digest"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Blobs of this manifest and of all below it.
    pub fn all_blobs(&self) -> BTreeMap<Digest, Vec<u8>> {
        let mut all = self.blobs.clone();
        for child in &self.children {
            all.extend(child.all_blobs());
        }
        all
    }
}

fn digests(list: &serde_json::Value) -> Vec<Digest> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .map(|d| d["digest"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// The sha256 digest of some bytes.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// An OCI image for linux/amd64 with two gzip layers of about 100 KB.
pub fn two_layers() -> TestImage {
    Maker::new(Dialect::Oci)
        .file_layer("data/first", noise(1, 100_000))
        .file_layer("data/second", noise(2, 100_000))
        .make()
}

/// The same content as [`two_layers`] as docker schema 2.
pub fn two_layers_docker() -> TestImage {
    Maker::new(Dialect::Docker)
        .file_layer("data/first", noise(1, 100_000))
        .file_layer("data/second", noise(2, 100_000))
        .make()
}

/// An OCI image with two layers of a few hundred bytes: the `v1` of `tests/fixtures/layout`.
pub fn small() -> TestImage {
    Maker::new(Dialect::Oci)
        .label("org.opencontainers.image.title", "barque-fixture")
        .label("org.opencontainers.image.version", "1")
        .file_layer("etc/motd", b"Welcome aboard.\n")
        .file_layer("usr/share/voyage", b"From one harbour to the next.\n")
        .make()
}

/// An index of five platforms, each with a layer of its own and one shared layer.
pub fn five_platforms() -> TestImage {
    platforms(Dialect::Oci)
}

/// The same as a docker manifest list.
pub fn five_platforms_docker() -> TestImage {
    platforms(Dialect::Docker)
}

/// The platforms of [`five_platforms`], as os, architecture, variant.
pub const PLATFORMS: [(&str, &str, &str); 5] = [
    ("linux", "amd64", ""),
    ("linux", "arm64", "v8"),
    ("linux", "arm", "v7"),
    ("linux", "ppc64le", ""),
    ("linux", "s390x", ""),
];

fn platforms(dialect: Dialect) -> TestImage {
    let children = PLATFORMS.map(|(os, arch, variant)| {
        Maker::new(dialect)
            .platform(os, arch, variant)
            .file_layer("etc/motd", b"Welcome aboard.\n")
            .file_layer("etc/platform", format!("{os}/{arch}/{variant}\n"))
            .make()
    });
    index(dialect, children.into_iter().zip(PLATFORMS))
}

/// An index over these images.
pub fn index<'a>(
    dialect: Dialect,
    children: impl IntoIterator<Item = (TestImage, (&'a str, &'a str, &'a str))>,
) -> TestImage {
    let children: Vec<_> = children.into_iter().collect();
    let entries: Vec<_> = children
        .iter()
        .map(|(image, (os, architecture, variant))| {
            let mut platform = json!({ "architecture": architecture, "os": os });
            if !variant.is_empty() {
                platform["variant"] = json!(variant);
            }
            json!({
                "mediaType": image.media_type,
                "digest": image.digest,
                "size": image.manifest.len(),
                "platform": platform,
            })
        })
        .collect();
    let media_type = match dialect {
        Dialect::Oci => media::OCI_INDEX,
        Dialect::Docker => media::DOCKER_LIST,
    };
    let body = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries });
    TestImage {
        children: children.into_iter().map(|(image, _)| image).collect(),
        ..TestImage::raw(media_type, body.to_string())
    }
}

/// An OCI artifact: no image config, one blob of text.
pub fn artifact() -> TestImage {
    let text = b"an artifact and no image\n".to_vec();
    let empty = b"{}".to_vec();
    let body = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "artifactType": "application/vnd.example.text",
        "config": { "mediaType": media::EMPTY, "digest": sha256(&empty), "size": 2 },
        "layers": [{
            "mediaType": "text/plain",
            "digest": sha256(&text),
            "size": text.len(),
            "annotations": { "org.opencontainers.image.title": "note.txt" },
        }],
        "annotations": { "org.example.purpose": "test" },
    });
    TestImage {
        blobs: [empty, text].map(|b| (sha256(&b), b)).into(),
        ..TestImage::raw(media::OCI_MANIFEST, body.to_string())
    }
}

/// An OCI image whose only layer is a zstd frame.
pub fn zstd_layer() -> TestImage {
    Maker::new(Dialect::Oci)
        .compression(Compression::Zstd)
        .file_layer("data/zstd", noise(3, 50_000))
        .make()
}
