//! Conversions to and from the types of the crate `oci-spec` (feature `oci-spec`).
//!
//! Separate because no other room uses that crate: a program that works with its types hands them over here. The members
//! are converted one by one and not by way of JSON, since the two crates do not write all of them alike. A manifest that is
//! made of such a type has other bytes than the one that the type was read from, and so another digest.

use std::collections::{BTreeMap, HashMap};

use oci_spec::image as spec;
use serde::{Deserialize, Serialize};

use super::config::{History, RootFs, RunConfig};
use super::{
    Descriptor, Digest, DigestError, ImageConfig, Manifest, ManifestError, MediaType, Platform,
    View, go_json,
};

impl From<&Digest> for spec::Digest {
    #[expect(
        clippy::expect_used,
        reason = "whatever our parser takes is a digest by the rules of oci-spec too"
    )]
    fn from(digest: &Digest) -> spec::Digest {
        let converted = spec::Digest::try_from(digest.to_string());
        converted.expect("a digest by the grammar of OCI")
    }
}

impl TryFrom<&spec::Digest> for Digest {
    type Error = DigestError;

    /// [`DigestError::UnsupportedAlgorithm`] for an algorithm that barque cannot verify.
    fn try_from(digest: &spec::Digest) -> Result<Digest, DigestError> {
        digest.as_ref().parse()
    }
}

impl From<&MediaType> for spec::MediaType {
    fn from(media_type: &MediaType) -> spec::MediaType {
        media_type.as_str().into()
    }
}

impl From<&spec::MediaType> for MediaType {
    fn from(media_type: &spec::MediaType) -> MediaType {
        MediaType::new(media_type.as_ref())
    }
}

impl From<&Platform> for spec::Platform {
    fn from(platform: &Platform) -> spec::Platform {
        let mut converted = spec::Platform::default();
        converted
            .set_architecture(platform.architecture.as_str().into())
            .set_os(platform.os.as_str().into())
            .set_os_version(platform.os_version.clone())
            .set_os_features(platform.os_features.clone())
            .set_variant(platform.variant.clone())
            .set_features(platform.features.clone());
        converted
    }
}

impl From<&spec::Platform> for Platform {
    fn from(platform: &spec::Platform) -> Platform {
        Platform {
            architecture: platform.architecture().to_string(),
            os: platform.os().to_string(),
            os_version: platform.os_version().clone(),
            os_features: platform.os_features().clone(),
            variant: platform.variant().clone(),
            features: platform.features().clone(),
        }
    }
}

impl From<&Descriptor> for spec::Descriptor {
    fn from(descriptor: &Descriptor) -> spec::Descriptor {
        let media_type = spec::MediaType::from(&descriptor.media_type);
        let mut converted = spec::Descriptor::new(media_type, descriptor.size, &descriptor.digest);
        converted
            .set_urls(descriptor.urls.clone())
            .set_annotations(descriptor.annotations.as_ref().map(unordered))
            .set_data(descriptor.data.clone())
            .set_platform(descriptor.platform.as_ref().map(Into::into))
            .set_artifact_type(descriptor.artifact_type.as_ref().map(Into::into));
        converted
    }
}

impl TryFrom<&spec::Descriptor> for Descriptor {
    type Error = DigestError;

    /// [`DigestError::UnsupportedAlgorithm`] for a digest that barque cannot verify.
    fn try_from(descriptor: &spec::Descriptor) -> Result<Descriptor, DigestError> {
        Ok(Descriptor {
            media_type: descriptor.media_type().into(),
            digest: descriptor.digest().try_into()?,
            size: descriptor.size(),
            urls: descriptor.urls().clone(),
            annotations: descriptor.annotations().as_ref().map(ordered),
            data: descriptor.data().clone(),
            platform: descriptor.platform().as_ref().map(Into::into),
            artifact_type: descriptor.artifact_type().as_ref().map(Into::into),
        })
    }
}

/// A manifest or index as OCI's Go types write it. Reading it gives the members that a [`View`] does not have.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<MediaType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<MediaType>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    config: Option<Descriptor>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    layers: Option<Vec<Descriptor>>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    manifests: Option<Vec<Descriptor>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
}

impl Document {
    fn read(manifest: &Manifest) -> Result<Document, ManifestError> {
        serde_json::from_slice(manifest.raw()).map_err(|e| ManifestError::Malformed(e.to_string()))
    }

    /// The manifest with these members; `media_type` is its type where it does not say one.
    fn written(&self, media_type: &str) -> Result<Manifest, ManifestError> {
        let text = go_json::compact(self).map_err(|e| ManifestError::Json(e.to_string()))?;
        let media_type = self
            .media_type
            .as_ref()
            .map_or(media_type, MediaType::as_str);
        Manifest::parse(text.into(), Some(media_type))
    }
}

impl TryFrom<&Manifest> for spec::ImageManifest {
    type Error = ManifestError;

    /// [`ManifestError::Unknown`] for a manifest of another kind, else what is wrong with it.
    fn try_from(manifest: &Manifest) -> Result<spec::ImageManifest, ManifestError> {
        let View::Image(image) = manifest.view()? else {
            let text = format!("`{}` is not an image manifest", manifest.media_type());
            return Err(ManifestError::Unknown(text));
        };
        let document = Document::read(manifest)?;
        let layers: Vec<_> = image.layers.iter().map(spec::Descriptor::from).collect();
        let built = spec::ImageManifestBuilder::default()
            .schema_version(document.schema_version)
            .config(&image.config)
            .layers(layers)
            .build();
        let mut converted = built.map_err(|e| ManifestError::Malformed(e.to_string()))?;
        converted
            .set_media_type(document.media_type.as_ref().map(Into::into))
            .set_artifact_type(image.artifact_type.as_ref().map(Into::into))
            .set_subject(image.subject.as_ref().map(Into::into))
            .set_annotations(document.annotations.as_ref().map(unordered));
        Ok(converted)
    }
}

impl TryFrom<&Manifest> for spec::ImageIndex {
    type Error = ManifestError;

    /// [`ManifestError::Unknown`] for a manifest of another kind, else what is wrong with it.
    fn try_from(manifest: &Manifest) -> Result<spec::ImageIndex, ManifestError> {
        let View::Index(index) = manifest.view()? else {
            let text = format!("`{}` is not an index", manifest.media_type());
            return Err(ManifestError::Unknown(text));
        };
        let document = Document::read(manifest)?;
        let mut converted = spec::ImageIndex::default();
        converted
            .set_schema_version(document.schema_version)
            .set_media_type(document.media_type.as_ref().map(Into::into))
            .set_artifact_type(index.artifact_type.as_ref().map(Into::into))
            .set_manifests(index.manifests.iter().map(Into::into).collect())
            .set_subject(index.subject.as_ref().map(Into::into))
            .set_annotations(document.annotations.as_ref().map(unordered));
        Ok(converted)
    }
}

impl TryFrom<&spec::ImageManifest> for Manifest {
    type Error = ManifestError;

    /// Fails as [`Manifest::parse`] does, and for descriptors that are not valid.
    fn try_from(manifest: &spec::ImageManifest) -> Result<Manifest, ManifestError> {
        let document = Document {
            schema_version: manifest.schema_version(),
            media_type: manifest.media_type().as_ref().map(Into::into),
            artifact_type: manifest.artifact_type().as_ref().map(Into::into),
            config: Some(read(manifest.config())?),
            layers: Some(read_all(manifest.layers())?),
            manifests: None,
            subject: manifest.subject().as_ref().map(read).transpose()?,
            annotations: manifest.annotations().as_ref().map(ordered),
        };
        document.written(MediaType::OCI_MANIFEST)
    }
}

impl TryFrom<&spec::ImageIndex> for Manifest {
    type Error = ManifestError;

    /// Fails as [`Manifest::parse`] does, and for descriptors that are not valid.
    fn try_from(index: &spec::ImageIndex) -> Result<Manifest, ManifestError> {
        let document = Document {
            schema_version: index.schema_version(),
            media_type: index.media_type().as_ref().map(Into::into),
            artifact_type: index.artifact_type().as_ref().map(Into::into),
            config: None,
            layers: None,
            manifests: Some(read_all(index.manifests())?),
            subject: index.subject().as_ref().map(read).transpose()?,
            annotations: index.annotations().as_ref().map(ordered),
        };
        document.written(MediaType::OCI_INDEX)
    }
}

impl From<&ImageConfig> for spec::ImageConfiguration {
    /// The members that barque reads. The config's blob has more, and `oci-spec` can read it.
    fn from(config: &ImageConfig) -> spec::ImageConfiguration {
        let mut run = spec::Config::default();
        run.set_env(config.config.env.clone())
            .set_labels(config.config.labels.as_ref().map(unordered));
        let mut rootfs = spec::RootFs::default();
        rootfs.set_diff_ids(
            config
                .rootfs
                .diff_ids
                .iter()
                .map(Digest::to_string)
                .collect(),
        );
        let history = config.history.iter().map(Into::into).collect();
        let mut converted = spec::ImageConfiguration::default();
        converted
            .set_created(config.created.clone())
            .set_author(text(&config.author))
            .set_architecture(config.architecture.as_str().into())
            .set_os(config.os.as_str().into())
            .set_os_version(config.os_version.clone())
            .set_variant(config.variant.clone())
            .set_config(Some(run))
            .set_rootfs(rootfs)
            .set_history(Some(history));
        converted
    }
}

impl TryFrom<&spec::ImageConfiguration> for ImageConfig {
    type Error = DigestError;

    /// That of a diff ID that is not a digest which barque can verify.
    fn try_from(config: &spec::ImageConfiguration) -> Result<ImageConfig, DigestError> {
        let run = config.config().as_ref();
        let diff_ids = config.rootfs().diff_ids().iter();
        let history = config.history().iter().flatten();
        Ok(ImageConfig {
            created: config.created().clone(),
            author: config.author().clone().unwrap_or_default(),
            architecture: config.architecture().to_string(),
            variant: config.variant().clone(),
            os: config.os().to_string(),
            os_version: config.os_version().clone(),
            docker_version: String::new(),
            config: RunConfig {
                env: run.and_then(|run| run.env().clone()),
                labels: run.and_then(|run| run.labels().as_ref().map(ordered)),
            },
            rootfs: RootFs {
                diff_ids: diff_ids.map(|id| id.parse()).collect::<Result<_, _>>()?,
            },
            history: history.map(Into::into).collect(),
        })
    }
}

impl From<&History> for spec::History {
    fn from(step: &History) -> spec::History {
        let mut converted = spec::History::default();
        converted
            .set_created(step.created.clone())
            .set_created_by(text(&step.created_by))
            .set_author(text(&step.author))
            .set_comment(text(&step.comment))
            .set_empty_layer(step.empty_layer.then_some(true));
        converted
    }
}

impl From<&spec::History> for History {
    fn from(step: &spec::History) -> History {
        History {
            created: step.created().clone(),
            created_by: step.created_by().clone().unwrap_or_default(),
            author: step.author().clone().unwrap_or_default(),
            comment: step.comment().clone().unwrap_or_default(),
            empty_layer: step.empty_layer().unwrap_or_default(),
        }
    }
}

fn read(descriptor: &spec::Descriptor) -> Result<Descriptor, ManifestError> {
    let digest = descriptor.digest();
    let malformed = |e| ManifestError::Malformed(format!("`{digest}`: {e}"));
    descriptor.try_into().map_err(malformed)
}

fn read_all(descriptors: &[spec::Descriptor]) -> Result<Vec<Descriptor>, ManifestError> {
    descriptors.iter().map(read).collect()
}

/// `text`, unless it is empty: our types have an empty text for what is missing.
fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn unordered(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.clone().into_iter().collect()
}

fn ordered(map: &HashMap<String, String>) -> BTreeMap<String, String> {
    map.clone().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;

    const HEX: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn manifest(text: &str) -> Manifest {
        let text = text.replace("HEX", HEX);
        Manifest::parse(text.into(), None).unwrap()
    }

    #[test]
    fn digests_of_all_algorithms_go_both_ways() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
            let digest = Digest::of(algorithm, b"x");
            let converted = spec::Digest::from(&digest);
            assert_eq!(converted.to_string(), digest.to_string());
            assert_eq!(Digest::try_from(&converted), Ok(digest));
        }
        let foreign: spec::Digest = "blake3:abc".parse().unwrap();
        let refused = Digest::try_from(&foreign);
        assert_eq!(refused, Err(DigestError::UnsupportedAlgorithm));
    }

    #[test]
    fn a_descriptor_keeps_all_members() {
        let mut descriptor = Descriptor::new(MediaType::OCI_MANIFEST, HEX.parse().unwrap(), 7);
        descriptor.urls = Some(vec!["https://a.example/x".into()]);
        descriptor.annotations = Some([("a".into(), "b".into())].into());
        descriptor.data = Some("e30=".into());
        descriptor.artifact_type = Some("x/y".into());
        descriptor.platform = Some(Platform {
            architecture: "riscv128".into(),
            os: "windows".into(),
            os_version: Some("10.0.1".into()),
            os_features: Some(vec!["win32k".into()]),
            variant: Some("v8".into()),
            features: Some(vec!["f".into()]),
        });
        let converted = spec::Descriptor::from(&descriptor);
        assert_eq!(converted.media_type(), &spec::MediaType::ImageManifest);
        assert_eq!(Descriptor::try_from(&converted), Ok(descriptor));
    }

    #[test]
    fn an_image_manifest_is_written_as_it_was_read() {
        let text = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"x/y","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"HEX","size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"HEX","size":3}],"subject":{"mediaType":"s/t","digest":"HEX","size":4},"annotations":{"a":"<b>","c":"d"}}"#;
        let manifest = manifest(&text.replace("<b>", "\\u003cb\\u003e"));
        let converted = spec::ImageManifest::try_from(&manifest).unwrap();
        assert_eq!(converted.config().size(), 2);
        assert_eq!(
            converted.layers()[0].media_type(),
            &spec::MediaType::ImageLayerGzip
        );
        assert_eq!(converted.annotations().as_ref().unwrap()["a"], "<b>");
        let back = Manifest::try_from(&converted).unwrap();
        assert_eq!(back.raw(), manifest.raw());
        assert!(spec::ImageIndex::try_from(&manifest).is_err());
    }

    #[test]
    fn an_index_keeps_the_platforms_of_its_entries() {
        let manifest = manifest(
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"HEX","size":5,"platform":{"architecture":"amd64","os":"windows","os.version":"10.0.1"}}]}"#,
        );
        let converted = spec::ImageIndex::try_from(&manifest).unwrap();
        let platform = converted.manifests()[0].platform().as_ref().unwrap();
        assert_eq!(platform.os_version().as_deref(), Some("10.0.1"));
        let back = Manifest::try_from(&converted).unwrap();
        assert_eq!(back.raw(), manifest.raw());
        assert!(spec::ImageManifest::try_from(&manifest).is_err());
    }

    #[test]
    fn a_manifest_with_an_unknown_digest_is_refused() {
        let text = r#"{"schemaVersion":2,"config":{"mediaType":"x/y","digest":"blake3:abc","size":1},"layers":[]}"#;
        let foreign: spec::ImageManifest = serde_json::from_str(text).unwrap();
        let error = Manifest::try_from(&foreign).unwrap_err().to_string();
        assert!(error.contains("`blake3:abc`"), "{error}");
    }

    #[test]
    fn a_config_keeps_what_barque_reads() {
        let text = r#"{"created":"2024-01-02T03:04:05Z","author":"a","architecture":"arm","variant":"v7","os":"linux","os.version":"1","config":{"Env":["A=b"],"Labels":{"l":"m"}},"rootfs":{"type":"layers","diff_ids":["HEX"]},"history":[{"created_by":"RUN x","empty_layer":true},{"comment":"c"}]}"#;
        let config = ImageConfig::parse(text.replace("HEX", HEX).as_bytes()).unwrap();
        let converted = spec::ImageConfiguration::from(&config);
        assert_eq!(converted.architecture(), &spec::Arch::ARM);
        assert_eq!(converted.rootfs().diff_ids(), &[HEX.to_owned()]);
        assert_eq!(ImageConfig::try_from(&converted), Ok(config));
    }
}
