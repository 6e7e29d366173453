//! How a manifest with a `subject` is listed among the referrers of that subject (OCI distribution-spec "Listing
//! Referrers").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Manifest;
use crate::image::{Descriptor, Digest, MediaType};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    subject: Option<Descriptor>,
    artifact_type: Option<MediaType>,
    config: Option<Config>,
    annotations: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    media_type: Option<MediaType>,
}

impl Manifest {
    /// The digest of the subject and the descriptor by which this manifest is listed among its referrers, with artifact
    /// type and annotations. `None` for a manifest without `subject`, or of a type that has none.
    pub fn as_referrer(&self) -> Option<(Digest, Descriptor)> {
        let has_subject = matches!(
            self.media_type.as_str(),
            MediaType::OCI_MANIFEST | MediaType::OCI_INDEX | MediaType::OCI_ARTIFACT
        );
        if !has_subject {
            return None;
        }
        let document: Document = serde_json::from_slice(&self.payload).ok()?;
        let subject = document.subject?;
        let is_set = |media_type: &MediaType| !media_type.as_str().is_empty();
        // Only an image manifest has a config whose type stands in for the artifact type.
        let config = document.config.and_then(|config| config.media_type);
        let artifact_type = document.artifact_type.filter(is_set).or(config);
        let texts = document.annotations.map(|annotations| {
            let text = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
            annotations.into_iter().filter_map(text).collect()
        });
        let mut entry = self.descriptor();
        entry.artifact_type = artifact_type.filter(is_set);
        entry.annotations = texts.filter(|texts: &BTreeMap<_, _>| !texts.is_empty());
        Some((subject.digest, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn referrer(members: &str) -> Option<(Digest, Descriptor)> {
        let text = format!(r#"{{"schemaVersion":2,{members}}}"#);
        let manifest = Manifest::parse(Bytes::from(text), None).unwrap();
        manifest.as_referrer()
    }

    #[test]
    fn the_artifact_type_is_that_of_the_manifest_or_else_of_its_config() {
        let hex = "a".repeat(64);
        let subject = format!(
            r#""subject":{{"mediaType":"{}","digest":"sha256:{hex}","size":1}}"#,
            MediaType::OCI_MANIFEST
        );
        let config =
            format!(r#""config":{{"mediaType":"x/config","digest":"sha256:{hex}","size":2}}"#);
        let image = format!(
            r#""mediaType":"{}",{config},"layers":[]"#,
            MediaType::OCI_MANIFEST
        );
        let index = format!(r#""mediaType":"{}","manifests":[]"#, MediaType::OCI_INDEX);
        let of = |members: &str| {
            let (digest, entry) = referrer(members).unwrap();
            assert_eq!(digest.hex(), hex);
            (
                entry.artifact_type.map(|t| t.to_string()),
                entry.annotations,
            )
        };
        let noted = format!(
            r#"{image},{subject},"artifactType":"x/own","annotations":{{"a":"b","odd":1}}"#
        );
        let annotations = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        assert_eq!(of(&noted), (Some("x/own".to_owned()), Some(annotations)));
        let by_config = format!(r#"{image},{subject},"artifactType":"","annotations":{{}}"#);
        assert_eq!(of(&by_config), (Some("x/config".to_owned()), None));
        assert_eq!(of(&format!("{index},{subject}")), (None, None));
        assert!(referrer(&image).is_none());
        let docker = format!(
            r#""mediaType":"{}",{config},"layers":[],{subject}"#,
            MediaType::DOCKER_MANIFEST
        );
        assert!(referrer(&docker).is_none());
    }
}
