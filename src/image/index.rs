//! Rewriting an index: some entries left out, others replaced, all else kept as it was.
//!
//! The edit is made on the JSON itself, so that members barque does not know survive (law 1).

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::platform::ZSTD;
use super::{Descriptor, Digest, LayerForm, Manifest, ManifestError, MediaType, View, go_json};

/// The annotation of an attestation that names the image it speaks of (BuildKit, "Image attestation storage").
pub const ATTESTS: &str = "vnd.docker.reference.digest";

/// The annotation of an index's entry that is no image but about one, by which BuildKit marks attestations.
pub const ABOUT: &str = "vnd.docker.reference.type";

/// The index `index` with what `entry` says of each of its descriptors: `None` leaves it out, another descriptor
/// replaces type, digest, size and annotations.
///
/// # Errors
/// [`ManifestError`] when `index` or one of its descriptors cannot be read.
pub fn rewrite(
    index: &Manifest,
    mut entry: impl FnMut(&Descriptor) -> Option<Descriptor>,
) -> Result<Manifest, ManifestError> {
    let odd = |e: serde_json::Error| ManifestError::Json(e.to_string());
    let mut document: Map<String, Value> = serde_json::from_slice(index.raw()).map_err(odd)?;
    if let Some(Value::Array(entries)) = document.get_mut("manifests") {
        let mut kept = Vec::with_capacity(entries.len());
        for mut value in std::mem::take(entries) {
            let old = serde_json::from_value::<Descriptor>(value.clone()).map_err(odd)?;
            let Some(new) = entry(&old) else { continue };
            if new.digest != old.digest {
                value["mediaType"] = new.media_type.as_str().into();
                value["digest"] = new.digest.to_string().into();
                value["size"] = new.size.into();
                if let Some(members) = value.as_object_mut() {
                    members.shift_remove("data");
                }
            }
            for (name, text) in new.annotations.iter().flatten() {
                if old.annotation(name) != Some(text) {
                    value["annotations"][name] = text.as_str().into();
                }
            }
            if let Some(Value::Object(annotations)) = value.get_mut("annotations") {
                annotations.retain(|name, _| new.annotation(name).is_some());
                let emptied = annotations.is_empty() && old.annotations != new.annotations;
                if let Some(members) = value.as_object_mut().filter(|_| emptied) {
                    members.shift_remove("annotations");
                }
            }
            kept.push(value);
        }
        *entries = kept;
    }
    let text = go_json::compact(&document).map_err(odd)?;
    Manifest::parse(text.into(), Some(index.media_type().as_str()))
}

/// The OCI index `index`, or an empty one, with `entry` at its end.
///
/// # Errors
/// [`ManifestError::Json`] when `index` is not JSON.
pub fn with_entry(index: Option<&Manifest>, entry: &Descriptor) -> Result<Manifest, ManifestError> {
    let odd = |e: serde_json::Error| ManifestError::Json(e.to_string());
    let empty = || json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX });
    let mut document = match index {
        Some(index) => serde_json::from_slice(index.raw()).map_err(odd)?,
        None => empty(),
    };
    let entry = serde_json::to_value(entry).map_err(odd)?;
    match document.get_mut("manifests").and_then(Value::as_array_mut) {
        Some(entries) => entries.push(entry),
        // Go writes an empty list as null.
        None => document["manifests"] = json!([entry]),
    }
    let text = go_json::compact(&document).map_err(odd)?;
    Manifest::parse(text.into(), Some(MediaType::OCI_INDEX))
}

/// The descriptor of a manifest, which says where layers of the image are compressed with zstd (see [`ZSTD`]).
pub(crate) fn entry_of(manifest: &Manifest) -> Descriptor {
    let is_zstd = |layer: &Descriptor| LayerForm::of(&layer.media_type) == Some(LayerForm::Zstd);
    let mut descriptor = manifest.descriptor();
    if matches!(manifest.view(), Ok(View::Image(image)) if image.layers.iter().any(is_zstd)) {
        descriptor.annotations = Some([(ZSTD.to_owned(), "true".to_owned())].into());
    }
    descriptor
}

/// The entry `old` of an index, pointing at what `changed` calls its manifest now. Platform and annotations stay,
/// except that an attestation speaks of the image under its new digest, and the mark of zstd follows its layers.
pub(crate) fn replaced(old: &Descriptor, changed: &HashMap<Digest, Descriptor>) -> Descriptor {
    let mut entry = old.clone();
    if let Some(new) = changed.get(&old.digest) {
        entry.media_type = new.media_type.clone();
        entry.digest = new.digest.clone();
        entry.size = new.size;
        let mut annotations = entry.annotations.take().unwrap_or_default();
        annotations.remove(ZSTD);
        annotations.extend(new.annotations.clone().unwrap_or_default());
        entry.annotations = (!annotations.is_empty()).then_some(annotations);
    }
    if let Some(of) = entry.annotations.as_mut().and_then(|a| a.get_mut(ATTESTS))
        && let Some(new) = of.parse().ok().and_then(|of: Digest| changed.get(&of))
    {
        *of = new.digest.to_string();
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn unknown_members_survive_and_entries_go() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","x":1,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{a}","size":1,"y":2}},{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{b}","size":1}}]}}"#
        );
        let index = Manifest::parse(Bytes::from(text.clone()), None).unwrap();
        let same = rewrite(&index, |d| Some(d.clone())).unwrap();
        assert_eq!(same.raw(), &text);
        let less = rewrite(&index, |d| (d.digest.hex() == a).then(|| d.clone())).unwrap();
        let value: Value = serde_json::from_slice(less.raw()).unwrap();
        assert_eq!(
            (value["x"].as_u64(), value["manifests"][0]["y"].as_u64()),
            (Some(1), Some(2))
        );
        assert_eq!(value["manifests"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn an_entry_is_put_behind_the_others() {
        let entry = |hex: &str| {
            let digest = format!("sha256:{}", hex.repeat(64)).parse().unwrap();
            Descriptor::new(MediaType::OCI_MANIFEST, digest, 1)
        };
        let one = with_entry(None, &entry("a")).unwrap();
        assert_eq!(*one.media_type(), MediaType::OCI_INDEX);
        let two = with_entry(Some(&one), &entry("b")).unwrap();
        let value: Value = serde_json::from_slice(two.raw()).unwrap();
        let digests = value["manifests"].as_array().unwrap().iter();
        let digests: Vec<_> = digests
            .map(|d| &d["digest"].as_str().unwrap()[7..8])
            .collect();
        assert_eq!(digests, ["a", "b"]);
        let null = br#"{"schemaVersion":2,"x":1,"manifests":null}"#;
        let null = Manifest::parse(Bytes::from_static(null), Some(MediaType::OCI_INDEX)).unwrap();
        let filled = with_entry(Some(&null), &entry("a")).unwrap();
        let value: Value = serde_json::from_slice(filled.raw()).unwrap();
        assert_eq!(value["x"], 1);
        assert_eq!(value["manifests"].as_array().unwrap().len(), 1);
    }
}
