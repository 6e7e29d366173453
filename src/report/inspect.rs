//! The documents of `inspect` and `tags`: skopeo's keys in skopeo's order, then barque's own.
//!
//! Scripts parse these documents, so their shape is kept here, apart from the commands (compatibility: 2.1, 2.3).
//! They are built from plain data that a command has fetched; nothing is read or printed here.

use std::collections::BTreeMap;

use serde::Serialize;

use super::go_time::GoTime;
use super::json::to_go_json;
use super::referrers::{AttestationLine, Referrer};
use crate::image::{
    Descriptor, Digest, ImageConfig, ImageView, IndexView, Manifest, MediaType, Schema1View,
    SignatureCheck, View,
};
use crate::trust::Verdict;
use crate::{Error, Result};

/// The document of `inspect` for an image or artifact.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InspectReport {
    /// The repository; absent where the place has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tag that a schema 1 manifest carries in itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Of what the name stands for: of the index, when there is one.
    pub digest: Digest,
    /// Empty when they were not asked for, or the place has none.
    pub repo_tags: Vec<String>,
    /// `null` when an OCI config does not say; the year 1 when a docker config does not.
    pub created: Option<GoTime>,
    pub docker_version: String,
    pub labels: Option<BTreeMap<String, String>>,
    pub architecture: String,
    pub os: String,
    /// Base first.
    pub layers: Vec<Digest>,
    pub layers_data: Vec<LayerData>,
    pub env: Option<Vec<String>>,

    /// Of what the name stands for.
    pub media_type: MediaType,
    /// The manifest that the document describes: differs from `digest` when an index led to it.
    pub manifest_digest: Digest,
    /// `null` for schema 1, which has no config.
    pub config_digest: Option<Digest>,
    /// Bytes of config and layers as they are stored (compressed), each digest counted once: what a pull moves.
    /// `null` for schema 1, which does not say.
    pub size: Option<u64>,
    /// Only for an index: its platforms as `os/architecture[/variant][:os.version]`, in its order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platforms: Option<Vec<String>>,
    /// Only for an index: the platform that the document describes, as in `platforms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Only for an artifact: what it says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
    /// Only where signatures were to be checked: `verified`, `invalid`, or `unverified` when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_verdict: Option<&'static str>,
    /// Only where signatures were to be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signatures: Option<Vec<SignatureLine>>,
    /// Only where they were asked for: those in the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestations: Option<Vec<AttestationLine>>,
    /// Only where they were asked for: what refers to the image, and to the index that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrers: Option<Vec<Referrer>>,
    /// Only where the signature policy was to be asked: what it says of the manifest that the document describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<Verdict>,
}

/// A signature of a docker schema 1 manifest in [`InspectReport::signatures`].
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SignatureLine {
    /// libtrust's id of the key; `null` when there is no key to be read.
    pub key_id: Option<String>,
    pub algorithm: String,
    /// When it was signed, as the signer says.
    pub time: Option<String>,
    /// `verified` or `invalid`.
    pub verdict: &'static str,
    /// The defect of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// One layer in [`InspectReport::layers_data`].
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LayerData {
    /// Empty for schema 1 and V1 images: only the bytes say how they are compressed.
    #[serde(rename = "MIMEType")]
    pub mime_type: String,
    /// For a V1 image the recorded checksum over JSON and layer; empty where there is none.
    pub digest: String,
    /// Stored (compressed) bytes; -1 for schema 1 and registries of V1 that do not say.
    pub size: i64,
    pub annotations: Option<BTreeMap<String, String>>,
}

/// The document of `tags`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListReport {
    /// The repository; absent where the place has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// In the order of the registry.
    pub tags: Vec<String>,
}

impl ListReport {
    /// The document as JSON in pieces of some thousand lines, final newline included: a long one is not put together
    /// in memory.
    pub(crate) fn into_json(self) -> impl Iterator<Item = String> {
        const PIECE: usize = 4096;
        const EMPTY: &str = "[]\n}";
        let ListReport { repository, tags } = self;
        let rest = tags.len().div_ceil(PIECE);
        let shell = to_go_json(&ListReport {
            repository,
            tags: Vec::new(),
        });
        let head = match shell.strip_suffix(EMPTY) {
            Some(head) if rest > 0 => head.to_owned() + "[\n",
            _ => shell + "\n",
        };
        let pieces = (0..rest).map(move |i| {
            let tags = tags.iter().skip(i * PIECE).take(PIECE);
            let lines: Vec<String> = tags.map(|t| format!("        {}", to_go_json(t))).collect();
            let end = match i + 1 < rest {
                true => ",\n",
                false => "\n    ]\n}\n",
            };
            lines.join(",\n") + end
        });
        std::iter::once(head).chain(pieces)
    }
}

/// The data that a command has fetched for an [`InspectReport`].
#[derive(Debug, Clone)]
pub(crate) struct Inspected<'a> {
    /// The repository with its registry (`docker.io/library/alpine`), where the place has one.
    pub name: Option<String>,
    /// The manifest that the name stands for.
    pub top: &'a Manifest,
    /// The manifest that is described: the entry chosen from an index, or `top` again.
    pub image: &'a Manifest,
    /// The config's bytes; `None` for schema 1 and artifacts.
    pub config: Option<&'a [u8]>,
    pub tags: Vec<String>,
}

impl InspectReport {
    /// Describes what was fetched. Fails with [`crate::Kind::Corrupt`] when a manifest or the config cannot be read.
    pub(crate) fn new(from: Inspected<'_>) -> Result<InspectReport> {
        let mut report = InspectReport {
            name: from.name,
            tag: None,
            digest: from.top.digest().clone(),
            repo_tags: from.tags,
            created: None,
            docker_version: String::new(),
            labels: None,
            architecture: String::new(),
            os: String::new(),
            layers: Vec::new(),
            layers_data: Vec::new(),
            env: None,
            media_type: from.top.media_type().clone(),
            manifest_digest: from.image.digest().clone(),
            config_digest: None,
            size: None,
            platforms: None,
            platform: None,
            artifact_type: None,
            signature_verdict: None,
            signatures: None,
            attestations: None,
            referrers: None,
            trust: None,
        };
        if let View::Index(index) = view(from.top)? {
            report.platforms = Some(platforms(&index));
            report.platform = described(&index, from.image, from.config)?;
        }
        match view(from.image)? {
            View::Image(image) => {
                report.add_blobs(Some(&image.config), &image.layers);
                if image.is_image() {
                    let config = read_config(from.config.unwrap_or_default())?;
                    report.add_config(config, *from.image.media_type() != *MediaType::OCI_MANIFEST);
                } else {
                    report.artifact_type = Some(artifact_type(&image));
                }
            }
            View::Schema1(schema1) => report.add_schema1(schema1)?,
            View::Artifact(artifact) => {
                report.add_blobs(None, &artifact.blobs);
                report.artifact_type = Some(artifact.artifact_type.unwrap_or_else(|| "".into()));
            }
            // Only for an index that holds no image: its own members are in the document already.
            View::Index(index) => report.artifact_type = index.artifact_type,
        }
        Ok(report)
    }

    /// Adds the verdicts on the signatures; `all_good` is the one on the manifest as a whole, its name included.
    pub(crate) fn add_signatures(&mut self, checks: &[SignatureCheck], all_good: bool) {
        let verdict = |good| if good { "verified" } else { "invalid" };
        self.signature_verdict = Some(match checks {
            [] => "unverified",
            _ => verdict(all_good),
        });
        let line = |check: &SignatureCheck| SignatureLine {
            key_id: check.key_id.clone(),
            algorithm: check.algorithm.clone(),
            time: check.time.clone(),
            verdict: verdict(check.fault.is_none()),
            fault: check.fault.as_ref().map(ToString::to_string),
        };
        self.signatures = Some(checks.iter().map(line).collect());
    }

    fn add_blobs(&mut self, config: Option<&Descriptor>, layers: &[Descriptor]) {
        let sizes: BTreeMap<_, _> = config
            .into_iter()
            .chain(layers)
            .map(|blob| (&blob.digest, blob.size))
            .collect();
        self.size = Some(
            sizes
                .values()
                .fold(0, |sum, size| sum.saturating_add(*size)),
        );
        self.config_digest = config.map(|c| c.digest.clone());
        self.layers = layers.iter().map(|layer| layer.digest.clone()).collect();
        self.layers_data = layers
            .iter()
            .map(|layer| LayerData {
                mime_type: layer.media_type.to_string(),
                digest: layer.digest.to_string(),
                size: i64::try_from(layer.size).unwrap_or(i64::MAX),
                annotations: layer.annotations.clone(),
            })
            .collect();
    }

    fn add_config(&mut self, config: ImageConfig, is_docker: bool) {
        let created = config.created.as_deref().and_then(GoTime::parse);
        self.created = created.or_else(|| is_docker.then(GoTime::zero));
        self.docker_version = config.docker_version;
        self.architecture = config.architecture;
        self.os = config.os;
        self.labels = config.config.labels;
        self.env = config.config.env;
    }

    fn add_schema1(&mut self, schema1: Schema1View) -> Result<()> {
        let schema1 = schema1.fixed()?;
        // The newest entry of the history is what later became the config.
        let newest = schema1.history.first().map_or("{}", String::as_str);
        self.add_config(read_config(newest.as_bytes())?, true);
        self.tag = Some(schema1.tag).filter(|tag| !tag.is_empty());
        self.layers = schema1.fs_layers;
        self.layers.reverse();
        self.layers_data = self
            .layers
            .iter()
            .map(|digest| LayerData {
                mime_type: String::new(),
                digest: digest.to_string(),
                size: -1,
                annotations: None,
            })
            .collect();
        Ok(())
    }
}

fn view(manifest: &Manifest) -> Result<View> {
    manifest.view().map_err(|e| {
        let message = format!("the manifest `{}` cannot be read", manifest.digest());
        Error::corrupt(message).because(e)
    })
}

/// The artifact type that the manifest states; without one, the type of its config (OCI image-spec, manifest.md).
fn artifact_type(image: &ImageView) -> MediaType {
    let own = image.artifact_type.as_ref();
    own.unwrap_or(&image.config.media_type).clone()
}

/// The platform of the image that an index led to: as the index gives it, else as the config does.
fn described(index: &IndexView, image: &Manifest, config: Option<&[u8]>) -> Result<Option<String>> {
    let digest = image.digest();
    let entry = index.manifests.iter().find(|d| d.digest == *digest);
    if let Some(platform) = entry.and_then(|d| d.platform.as_ref()) {
        return Ok(Some(platform.to_string()));
    }
    let config = config.map(read_config).transpose()?;
    let platform = config.map(|config| config.platform());
    Ok(platform.filter(|p| !p.os.is_empty()).map(|p| p.to_string()))
}

/// Each platform once; attestations, which hide behind `unknown/unknown`, are no platform.
fn platforms(index: &IndexView) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for platform in index.manifests.iter().filter_map(|m| m.platform.as_ref()) {
        let name = platform.to_string();
        if platform.os != "unknown" && !platform.os.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

pub(super) fn read_config(bytes: &[u8]) -> Result<ImageConfig> {
    ImageConfig::parse(bytes).map_err(|e| {
        let message = "the config of the image cannot be read";
        Error::corrupt(message).because(e)
    })
}

#[cfg(test)]
mod tests;
