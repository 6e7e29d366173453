//! Builds one image: layers, config and manifest in either dialect.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Tabled, TestImage, media, pack, sha256};

/// Whose media types an image carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OCI image-spec 1.1.
    Oci,
    /// Docker image manifest version 2, schema 2.
    Docker,
}

/// How layers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// A bare tar.
    None,
    /// `.tar.gzip`, stored blocks.
    Gzip,
    /// `.tar+zstd`, raw blocks; OCI only.
    Zstd,
}

/// An image being put together; fields have sensible values from the start.
pub struct Maker {
    dialect: Dialect,
    compression: Compression,
    platform: (String, String, String),
    labels: Vec<(String, String)>,
    env: Vec<String>,
    created: String,
    /// Stored bytes, media type, digest of the uncompressed tar, file name for the history.
    layers: Vec<(Vec<u8>, String, String, String)>,
    /// By the digest of the stored bytes.
    annotations: BTreeMap<String, Value>,
}

impl Maker {
    /// An image for linux/amd64 with gzip layers, one variable and a fixed date.
    pub fn new(dialect: Dialect) -> Maker {
        Maker {
            dialect,
            compression: Compression::Gzip,
            platform: ("linux".into(), "amd64".into(), String::new()),
            labels: Vec::new(),
            env: vec!["PATH=/usr/bin:/bin".into()],
            created: "2024-02-29T12:34:56.789Z".into(),
            layers: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// How the layers added after this call are stored.
    pub fn compression(mut self, compression: Compression) -> Maker {
        self.compression = compression;
        self
    }

    /// The config's os, architecture and variant (empty: none).
    pub fn platform(mut self, os: &str, architecture: &str, variant: &str) -> Maker {
        self.platform = (os.into(), architecture.into(), variant.into());
        self
    }

    /// Adds a label to the config.
    pub fn label(mut self, key: &str, value: &str) -> Maker {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// Adds a `NAME=value` to the config's environment.
    pub fn env(mut self, pair: &str) -> Maker {
        self.env.push(pair.into());
        self
    }

    /// Sets the config's creation time (RFC 3339).
    pub fn created(mut self, at: &str) -> Maker {
        self.created = at.into();
        self
    }

    /// Adds a layer that holds one file.
    pub fn file_layer(self, name: &str, content: impl AsRef<[u8]>) -> Maker {
        let tar = pack::tar(&[(name, content.as_ref())]);
        self.tar_layer(name, tar)
    }

    /// Adds the layer `tar`; the history calls it `name`.
    pub fn tar_layer(mut self, name: &str, tar: Vec<u8>) -> Maker {
        let plain = match self.dialect {
            Dialect::Oci => media::OCI_LAYER,
            Dialect::Docker => media::DOCKER_LAYER,
        };
        let diff_id = sha256(&tar).to_string();
        let (stored, suffix) = match (self.compression, self.dialect) {
            (Compression::None, _) => (tar, ""),
            (Compression::Gzip, Dialect::Oci) => (pack::gzip(&tar), "+gzip"),
            (Compression::Gzip, Dialect::Docker) => (pack::gzip(&tar), ".gzip"),
            (Compression::Zstd, _) => (pack::zstd(&tar), "+zstd"),
        };
        let media_type = format!("{plain}{suffix}");
        self.layers.push((stored, media_type, diff_id, name.into()));
        self
    }

    /// Adds an OCI layer with a table of contents.
    pub fn tabled_layer(mut self, name: &str, layer: Tabled) -> Maker {
        let digest = sha256(&layer.stored).to_string();
        self.annotations.insert(digest, layer.annotations);
        let media_type = format!("{}{}", media::OCI_LAYER, layer.suffix);
        self.layers
            .push((layer.stored, media_type, layer.diff_id, name.into()));
        self
    }

    /// The finished image.
    pub fn make(self) -> TestImage {
        let config = self.config().to_string().into_bytes();
        let (manifest_type, config_type) = match self.dialect {
            Dialect::Oci => (media::OCI_MANIFEST, media::OCI_CONFIG),
            Dialect::Docker => (media::DOCKER_MANIFEST, media::DOCKER_CONFIG),
        };
        let descriptor = |media_type: &str, bytes: &[u8]| json!({ "mediaType": media_type, "digest": sha256(bytes), "size": bytes.len() });
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|(bytes, media_type, _, _)| {
                let mut layer = descriptor(media_type, bytes);
                if let Some(annotations) = self.annotations.get(&sha256(bytes).to_string()) {
                    layer["annotations"] = annotations.clone();
                }
                layer
            })
            .collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": descriptor(config_type, &config),
            "layers": layers,
        });
        let blobs = self.layers.into_iter().map(|(bytes, ..)| bytes);
        TestImage {
            blobs: blobs.chain([config]).map(|b| (sha256(&b), b)).collect(),
            ..TestImage::raw(manifest_type, manifest.to_string())
        }
    }

    fn config(&self) -> Value {
        let (os, architecture, variant) = &self.platform;
        let history: Vec<Value> = self
            .layers
            .iter()
            .map(|(_, _, _, name)| json!({ "created": self.created, "created_by": format!("COPY {name} /{name}") }))
            .collect();
        let diff_ids: Vec<&str> = self
            .layers
            .iter()
            .map(|(_, _, id, _)| id.as_str())
            .collect();
        let mut config = json!({
            "created": self.created,
            "architecture": architecture,
            "os": os,
            "config": { "Env": self.env, "Cmd": ["/bin/true"] },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": history,
        });
        if !variant.is_empty() {
            config["variant"] = json!(variant);
        }
        if !self.labels.is_empty() {
            config["config"]["Labels"] = self
                .labels
                .iter()
                .map(|(k, v)| (k.clone(), Value::from(v.as_str())))
                .collect::<serde_json::Map<_, _>>()
                .into();
        }
        config
    }
}
