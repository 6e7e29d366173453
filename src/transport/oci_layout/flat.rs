//! Layouts whose `index.json` lists the platforms of one image itself, without an index between (ko, apko, paketo,
//! `crane pull` of several platforms): which entries are one image, and the index that they make.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::{Value, json};

use super::index::{Index, ReadBlob, descriptor, image_name, ref_name, take_names};
use crate::image::platform::is_attestation;
use crate::image::{Descriptor, Digest, ImageConfig, Manifest, MediaType, Platform, View};
use crate::{Error, Result};

/// Images whose config is read for their platform at most.
const MOST_READ: usize = 64;

/// Whether the entries `places` are the platforms of one image: image manifests with the same names, each for
/// another platform. An entry that has a name and no platform is asked for it in its config; nameless ones without
/// a platform may be anything.
pub(super) fn is_image(index: &Index, places: &[usize], read: ReadBlob) -> bool {
    let entries = index.entries();
    let names = |place: &usize| (ref_name(&entries[*place]), image_name(&entries[*place]));
    let Some(first) = places.first().map(names) else {
        return false;
    };
    if places.iter().any(|place| names(place) != first) {
        return false;
    }
    let Some(described) = described(index, places, read) else {
        return false;
    };
    let (mut digests, mut platforms) = (HashSet::new(), HashSet::new());
    let mut images = described.iter().filter(|d| digests.insert(&d.digest));
    images.all(|d| match &d.platform {
        Some(_) if is_attestation(d) => true,
        Some(platform) => platforms.insert(platform.clone()),
        None => false,
    }) && platforms.len() > 1
}

/// The image index that the entries `places` make: `index.json` itself where that lists nothing else, so that the
/// digest is the one that other tools get; else an index of these entries without their names.
pub(super) fn index_of(index: &Index, places: &[usize], read: ReadBlob) -> Result<Manifest> {
    let entries = index.entries();
    let has_platform = |e: &Value| e.get("platform").is_some_and(|p| !p.is_null());
    if places.len() == entries.len() && entries.iter().all(has_platform) {
        let whole = Manifest::parse(index.raw().clone(), Some(MediaType::OCI_INDEX));
        if let Ok(whole) = whole {
            return Ok(whole);
        }
    }
    let mut listed = Vec::new();
    let mut known = HashSet::new();
    let described = described(index, places, read).unwrap_or_default();
    for (place, image) in places.iter().zip(described) {
        let mut entry = entries[*place].clone();
        take_names(&mut entry);
        if !has_platform(&entry) {
            entry["platform"] = json!(image.platform);
        }
        if known.insert(image.digest) {
            listed.push(entry);
        }
    }
    let made = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": listed,
    });
    Manifest::parse(made.to_string().into(), None)
        .map_err(|e| Error::corrupt("the entries of `index.json` make no image index").because(e))
}

/// The images at `places`, with their platforms; `None` where one is no image.
fn described(index: &Index, places: &[usize], read: ReadBlob) -> Option<Vec<Descriptor>> {
    let mut reads = 0;
    let mut described = Vec::new();
    for place in places {
        let entry = &index.entries()[*place];
        let mut image = descriptor(entry, "").ok()?;
        if !image.media_type.is_image_manifest() {
            return None;
        }
        let is_named = ref_name(entry).or(image_name(entry)).is_some();
        if image.platform.is_none() && is_named && reads < MOST_READ {
            reads += 1;
            image.platform = platform_of(&image.digest, read);
        }
        described.push(image);
    }
    Some(described)
}

/// The platform in the config of the image `digest`.
fn platform_of(digest: &Digest, read: ReadBlob) -> Option<Platform> {
    let whole = |digest: &Digest| -> Option<Bytes> {
        read(digest).filter(|bytes| Digest::of(digest.algorithm(), bytes) == *digest)
    };
    let View::Image(image) = Manifest::parse(whole(digest)?, None).ok()?.view().ok()? else {
        return None;
    };
    let config = ImageConfig::parse(&whole(&image.config.digest)?).ok()?;
    let named = !config.os.is_empty() && !config.architecture.is_empty();
    named.then_some(Platform {
        architecture: config.architecture,
        os: config.os,
        os_version: config.os_version,
        variant: config.variant,
        ..Platform::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Algorithm, Selector};

    fn entry(content: &str, platform: &str, name: Option<&str>) -> Value {
        let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
        let mut entry =
            json!({"mediaType": MediaType::OCI_MANIFEST, "digest": digest, "size": 1, "x": 1});
        if let Some((os, architecture)) = platform.split_once('/') {
            entry["platform"] = json!({"architecture": architecture, "os": os});
        }
        if let Some(name) = name {
            entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        }
        entry
    }

    fn index(entries: &[Value]) -> Index {
        let text = json!({"schemaVersion": 2, "manifests": entries}).to_string();
        Index::parse(text.as_bytes()).unwrap()
    }

    fn image(index: &Index, selector: &Selector) -> Result<Manifest> {
        let (descriptor, made) = index.image(selector, "l", &|_| None)?;
        let made = made.expect("an index is made");
        assert_eq!(descriptor.digest, *made.digest());
        Ok(made)
    }

    #[test]
    fn platforms_without_names_are_the_index_that_lists_them() {
        let flat = index(&[
            entry("a", "linux/amd64", None),
            entry("b", "linux/arm64", None),
        ]);
        assert_eq!(image(&flat, &Selector::Only).unwrap().raw(), flat.raw());
        for other in [
            vec![
                entry("a", "linux/amd64", None),
                entry("b", "linux/amd64", None),
            ],
            vec![entry("a", "linux/amd64", None), entry("b", "", None)],
            vec![
                entry("a", "linux/amd64", None),
                entry("b", "linux/arm64", Some("b")),
            ],
            vec![
                entry("a", "linux/amd64", None),
                entry("a", "linux/amd64", None),
            ],
        ] {
            assert!(
                index(&other)
                    .image(&Selector::Only, "l", &|_| None)
                    .is_err()
            );
        }
    }

    #[test]
    fn platforms_of_one_name_make_an_index_without_it() {
        let named = Selector::Named("app".into());
        let (amd64, arm64) = (
            entry("a", "linux/amd64", Some("app")),
            entry("b", "linux/arm64", Some("app")),
        );
        let other = entry("c", "", Some("c"));
        let flat = index(&[amd64.clone(), arm64.clone(), other]);
        let made = image(&flat, &named).unwrap();
        let expected = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_INDEX,
            "manifests": [entry("a", "linux/amd64", None), entry("b", "linux/arm64", None)],
        });
        assert_eq!(made.raw(), &expected.to_string());
        assert_eq!(flat.handles(&|_| None), ["app", "c"]);
        // Listed twice, a platform is in it once.
        let twice = index(&[amd64.clone(), arm64, amd64, entry("c", "", Some("c"))]);
        assert_eq!(image(&twice, &named).unwrap().digest(), made.digest());
    }
}
