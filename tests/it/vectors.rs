//! The tables and documents of the shared fixtures, row by row.

use std::path::Path;

use barque::image::platform::{self, matches, normalize, preference};
use barque::image::reference::{is_identifier, parse_raw};
use barque::image::{
    Digest, DigestError, Manifest, MediaType, Platform, PlatformRequest, Reference, ReferenceError,
    View, convert,
};
use serde::Deserialize;
use serde_json::Value;

use crate::support::fixtures;

#[derive(Deserialize)]
struct ReferenceRow {
    suite: String,
    input: String,
    expect: Value,
}

impl ReferenceRow {
    /// The text `key` of what is expected; `None` where it is empty or not there.
    fn text(&self, key: &str) -> Option<String> {
        let text = self.expect.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Compares `found`, in the members that this row has.
    fn check(&self, found: Result<Vec<(&str, Option<String>)>, ReferenceError>) {
        let at = format!("{}: {:?}", self.suite, self.input);
        match (found, self.text("error")) {
            (Ok(members), None) => {
                for (key, value) in members {
                    assert_eq!(value, self.text(key), "{at}: {key}");
                }
            }
            (Err(error), Some(expected)) => {
                assert!(fits(&error, &expected), "{at}: {error:?} for {expected}");
            }
            (found, expected) => panic!("{at}: {found:?}, error expected: {expected:?}"),
        }
    }
}

fn fits(error: &ReferenceError, expected: &str) -> bool {
    use ReferenceError as E;
    match expected {
        "name-empty" => *error == E::Empty,
        "invalid-format" => matches!(error, E::Format | E::TagFormat),
        "name-contains-uppercase" => *error == E::Uppercase,
        "name-too-long" => *error == E::TooLong,
        "bare-64-hex-identifier" => *error == E::BareId,
        "digest-invalid-length" => *error == E::Digest(DigestError::Length),
        "digest-unsupported-algorithm" => *error == E::Digest(DigestError::UnsupportedAlgorithm),
        "no-match" => true,
        other => panic!("unknown error {other}"),
    }
}

fn rows(dir: &Path, suite: &str) -> Vec<ReferenceRow> {
    let rows: Vec<ReferenceRow> = fixtures::json(dir, "vectors/references.json");
    rows.into_iter().filter(|row| row.suite == suite).collect()
}

#[test]
fn references_as_written() {
    let Some(dir) = fixtures::dir() else { return };
    let rows = rows(&dir, "parse");
    assert_eq!(rows.len(), 48);
    for row in rows {
        row.check(parse_raw(&row.input).map(|raw| {
            vec![
                ("registry", raw.registry.map(|r| r.to_string())),
                ("repository", Some(raw.name.to_string())),
                ("tag", raw.tag.map(|t| t.as_str().to_owned())),
                ("digest", raw.digest.map(|d| d.to_string())),
            ]
        }));
    }
}

#[test]
fn references_as_users_type_them() {
    let Some(dir) = fixtures::dir() else { return };
    let rows = rows(&dir, "normalize");
    assert_eq!(rows.len(), 109);
    for row in rows {
        let first = row.input.split('/').next().unwrap_or_default();
        let is_upper = first.bytes().any(|b| b.is_ascii_uppercase());
        if is_upper && first != row.input && !first.contains(['.', ':']) {
            // Docker takes such a part for a host. Skopeo and podman do not, nor does barque.
            let read = row.input.parse::<Reference>();
            assert_eq!(read, Err(ReferenceError::Uppercase), "{}", row.input);
            continue;
        }
        row.check(row.input.parse::<Reference>().map(|reference| {
            vec![
                ("canonical", Some(reference.to_string())),
                ("familiar", Some(reference.familiar())),
                ("registry", Some(reference.repository.registry.to_string())),
                ("repository", Some(reference.repository.name.to_string())),
                ("tag", reference.tag.map(|t| t.as_str().to_owned())),
                ("digest", reference.digest.map(|d| d.to_string())),
            ]
        }));
    }
}

#[test]
fn names_and_references_of_the_grammar() {
    let Some(dir) = fixtures::dir() else { return };
    let names = rows(&dir, "name-regex");
    assert_eq!(names.len(), 63);
    for row in names {
        let raw = parse_raw(&row.input).and_then(|raw| match (&raw.tag, &raw.digest) {
            (None, None) => Ok(raw),
            _ => Err(ReferenceError::Format),
        });
        row.check(raw.map(|raw| {
            vec![
                ("registry", raw.registry.map(|r| r.to_string())),
                ("repository", Some(raw.name.to_string())),
            ]
        }));
    }
    let references = rows(&dir, "reference-regex");
    assert_eq!(references.len(), 12);
    for row in references {
        row.check(parse_raw(&row.input).map(|raw| {
            let name = match raw.registry {
                Some(registry) => format!("{registry}/{}", raw.name),
                None => raw.name.to_string(),
            };
            vec![
                ("name", Some(name)),
                ("tag", raw.tag.map(|t| t.as_str().to_owned())),
                ("digest", raw.digest.map(|d| d.to_string())),
            ]
        }));
    }
}

#[test]
fn bare_ids_are_told_from_names() {
    let Some(dir) = fixtures::dir() else { return };
    let identifiers = rows(&dir, "identifier-regex");
    assert_eq!(identifiers.len(), 5);
    for row in identifiers {
        assert_eq!(
            is_identifier(&row.input),
            row.expect["match"],
            "{}",
            row.input
        );
    }
    let any = rows(&dir, "any");
    assert_eq!(any.len(), 2);
    for row in any {
        let digest = match is_identifier(&row.input) {
            true => format!("sha256:{}", row.input),
            false => row.input.clone(),
        };
        let digest: Digest = digest.parse().unwrap();
        assert_eq!(Some(digest.to_string()), row.text("digest"));
    }
}

#[test]
fn digests() {
    #[derive(Deserialize)]
    struct Row {
        input: String,
        valid: bool,
    }
    let Some(dir) = fixtures::dir() else { return };
    let rows: Vec<Row> = fixtures::json(&dir, "vectors/digests.json");
    assert_eq!(rows.len(), 18);
    for row in rows {
        let digest = row.input.parse::<Digest>();
        assert_eq!(digest.is_ok(), row.valid, "{}", row.input);
        if let Ok(digest) = digest {
            assert_eq!(digest.to_string(), row.input);
        }
    }
}

/// `os[(version)]/architecture[/variant]`, with nothing normalised.
fn platform(text: &str) -> Platform {
    let mut parts = text.split('/').map(str::to_owned);
    let os = parts.next().unwrap();
    let (os, os_version) = match os.trim_end_matches(')').split_once('(') {
        Some((os, version)) => (os.to_owned(), Some(version.to_owned())),
        None => (os, None),
    };
    Platform {
        os,
        os_version,
        architecture: parts.next().unwrap(),
        variant: parts.next(),
        ..Platform::default()
    }
}

#[test]
fn platforms() {
    #[derive(Deserialize)]
    struct Table {
        normalize: Vec<Normalize>,
        select: Vec<Select>,
    }
    #[derive(Deserialize)]
    struct Normalize {
        input: String,
        normalized: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Select {
        wanted: String,
        matches: Vec<String>,
        rejects: Vec<String>,
        preference_order: Vec<String>,
    }
    let Some(dir) = fixtures::dir() else { return };
    let table: Table = fixtures::json(&dir, "vectors/platforms.json");
    assert_eq!((table.normalize.len(), table.select.len()), (25, 13));
    for row in table.normalize {
        let normal = normalize(&platform(&format!("Linux/{}", row.input)));
        assert_eq!(normal.to_string(), format!("linux/{}", row.normalized));
    }
    for row in table.select {
        let wanted = platform(&row.wanted);
        let preferred = preference(&wanted);
        let order: Vec<Platform> = row
            .preference_order
            .iter()
            .map(|p| normalize(&platform(p)))
            .collect();
        let preferred: Vec<Platform> = preferred.iter().map(normalize).collect();
        assert_eq!(preferred, order, "{}", row.wanted);
        for (candidates, fit) in [(row.matches, true), (row.rejects, false)] {
            for candidate in candidates {
                let found = matches(&wanted, &platform(&candidate));
                assert_eq!(found, fit, "{candidate} for {}", row.wanted);
            }
        }
    }
}

#[test]
fn an_entry_of_real_indexes_is_chosen() {
    let Some(dir) = fixtures::dir() else { return };
    let rows = [
        ("oci1.index.zstd-selection.json", "linux/amd64", "bbbb"),
        ("oci1.index.zstd-selection.json", "linux/arm64", "cccc"),
        ("oci1.index.zstd-selection.json", "linux/s390x", "eeee"),
        ("schema2list.json", "linux/amd64", "030f"),
        ("schema2list.json", "linux/arm/v6", "b5db"),
        ("schema2list-variants.json", "linux/amd64", "59ee"),
        ("schema2list-variants.json", "linux/arm/v6", "f365"),
        (
            "schema2list-variants.json",
            "linux/arm/unrecognized-present",
            "bcf9",
        ),
        (
            "ocilist-variants.json",
            "linux/arm/unrecognized-present",
            "bcf9",
        ),
    ];
    for (file, wish, expected) in rows {
        let raw = fixtures::read(&dir, &format!("manifests/{file}"));
        let View::Index(index) = Manifest::parse(raw.into(), None).unwrap().view().unwrap() else {
            panic!("{file} is no index")
        };
        let wish: PlatformRequest = wish.parse().unwrap();
        let entry = platform::choose(&index, &wish).unwrap();
        assert_eq!(&entry.digest.hex()[..4], expected, "{file}: {wish}");
    }
}

/// `sha256:...` after the word `digest` in what the fixtures' README says.
fn stated_digest(note: &str) -> Option<Digest> {
    let (_, rest) = note.split_once("digest sha256:")?;
    format!("sha256:{}", rest.get(..64)?).parse().ok()
}

#[test]
fn manifests_of_every_kind() {
    let Some(dir) = fixtures::dir() else { return };
    let notes = fixtures::notes(&dir, "manifests/");
    assert_eq!(notes.len(), 29);
    for (path, note) in &notes {
        let manifest = Manifest::parse(fixtures::read(&dir, path).into(), None);
        let name = path.trim_start_matches("manifests/");
        if matches!(
            name,
            "non-json.manifest.json"
                | "unknown-version.manifest.json"
                | "regclient-rawAmbiguousOCI.json"
        ) {
            assert!(manifest.is_err(), "{name} has to be refused");
            continue;
        }
        let manifest = manifest.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(
            Some(manifest.digest()),
            stated_digest(note).as_ref(),
            "{name}"
        );
        let media_type = match name {
            "regclient-rawOCI1Artifact.json" => MediaType::OCI_ARTIFACT,
            "schema2list.json" | "schema2list-variants.json" => MediaType::DOCKER_LIST,
            "oci1index.json" | "ocilist-variants.json" | "regclient-rawOCIIndexDuck.json" => {
                MediaType::OCI_INDEX
            }
            name if name.starts_with("v2list") => MediaType::DOCKER_LIST,
            name if name.contains(".index.") => MediaType::OCI_INDEX,
            name if name.contains("v2s2") || name.contains("v2_s2") => MediaType::DOCKER_MANIFEST,
            _ => MediaType::OCI_MANIFEST,
        };
        assert_eq!(*manifest.media_type(), media_type, "{name}");
        // Served under its own type it is the same; under another it is refused.
        let served = |of: &str| Manifest::parse(manifest.raw().clone(), Some(of));
        assert!(served(media_type).is_ok(), "{name}");
        assert!(served(MediaType::SCHEMA1_SIGNED).is_err(), "{name}");
        match (name, manifest.view()) {
            // Its config has an empty digest, so it counts as absent.
            ("ociv1.artifact.json", Ok(View::Artifact(view))) => assert!(view.blobs.is_empty()),
            (_, Ok(View::Image(view))) => assert_eq!(view.blobs().count(), view.layers.len() + 1),
            (_, Ok(View::Index(view))) => assert!(!view.manifests.is_empty(), "{name}"),
            (_, Ok(View::Artifact(view))) => assert_eq!(view.blobs.len(), 2, "{name}"),
            (_, view) => panic!("{name}: {view:?}"),
        }
    }
}

#[cfg(feature = "legacy")]
#[test]
fn schema1_digests_and_layers() {
    let Some(dir) = fixtures::dir() else { return };
    let notes = fixtures::notes(&dir, "schema1/");
    let mut rows = (0, 0, 0);
    for (path, note) in &notes {
        if path.ends_with("signature.json") {
            continue;
        }
        let manifest = Manifest::parse(fixtures::read(&dir, path).into(), None);
        let malformed = [
            "not a list",
            "not json",
            "formatLength",
            "conflicting format",
        ];
        if malformed
            .iter()
            .any(|m| note.rsplit("check here:").next().unwrap().contains(m))
            || path.ends_with("gen-empty-signatures.json")
            || path.ends_with("moby-bad_manifest.json")
        {
            assert!(manifest.is_err(), "{path} has to be refused");
            rows.0 += 1;
            continue;
        }
        let manifest = manifest.unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(
            Some(manifest.digest()),
            stated_digest(note).as_ref(),
            "{path}"
        );
        let signed = !note.contains("no signatures");
        assert_eq!(
            *manifest.media_type() == MediaType::SCHEMA1_SIGNED,
            signed,
            "{path}"
        );
        match manifest.view() {
            Ok(View::Schema1(view)) => {
                assert_eq!(view.fs_layers.len(), view.history.len(), "{path}");
                rows.1 += 1;
            }
            // A history that is too short, and two payloads that are cut off within their JSON.
            Err(_)
                if ["ShortHistory", "quay-simple", "quay-ubuntu"]
                    .iter()
                    .any(|n| path.contains(n)) =>
            {
                rows.2 += 1;
            }
            view => panic!("{path}: {view:?}"),
        }
    }
    assert_eq!(rows, (6, 22, 3), "refused, read, digest only");
}

#[cfg(feature = "legacy")]
#[test]
fn what_follows_the_signed_part_is_not_read() {
    let Some(dir) = fixtures::dir() else { return };
    let view = |file: &str| {
        let raw = fixtures::read(&dir, &format!("schema1/moby-{file}_manifest.json"));
        match Manifest::parse(raw.into(), None).unwrap().view().unwrap() {
            View::Schema1(view) => view,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(view("extra_data").fs_layers, view("good").fs_layers);
}

fn convertible(dir: &Path, name: &str) -> Manifest {
    Manifest::parse(fixtures::read(dir, &format!("convert/{name}")).into(), None).unwrap()
}

/// The expected documents were indented by hand, so they are compared as JSON; the digest of the config says
/// that its bytes are right to the last one.
fn assert_same_json(found: &[u8], dir: &Path, expected: &str) {
    let found: Value = serde_json::from_slice(found).unwrap();
    let wanted: Value = fixtures::json(dir, &format!("convert/{expected}"));
    assert_eq!(found, wanted, "{expected}");
}

#[test]
fn schema2_becomes_oci() {
    let Some(dir) = fixtures::dir() else { return };
    let config = fixtures::read(&dir, "convert/schema2-config.json");
    for (from, to) in [
        ("schema2.json", "schema2-to-oci1.json"),
        (
            "schema2-all-media-types.json",
            "schema2-all-media-types-to-oci1.json",
        ),
    ] {
        let converted = convert::schema2_to_oci(&convertible(&dir, from), &config).unwrap();
        assert_same_json(converted.manifest.raw(), &dir, to);
        let (descriptor, bytes) = converted.config.unwrap();
        assert_eq!(
            descriptor.digest,
            Digest::of(descriptor.digest.algorithm(), &bytes)
        );
        assert_same_json(&bytes, &dir, "schema2-to-oci1-config.json");
    }
    let invalid = convertible(&dir, "schema2-invalid-media-type.json");
    assert_eq!(
        convert::schema2_to_oci(&invalid, &config)
            .unwrap_err()
            .to_string(),
        "a layer of type `application/vnd.docker.image.rootfs.diff.tar.zstd` cannot be converted: its type is not known"
    );
}

#[test]
fn oci_becomes_schema2() {
    let Some(dir) = fixtures::dir() else { return };
    let converted = convert::oci_to_schema2(&convertible(&dir, "oci1.json")).unwrap();
    assert!(converted.config.is_none());
    assert_same_json(converted.manifest.raw(), &dir, "oci1-to-schema2.json");
    let rows = [
        (
            "convert/oci1-invalid-media-type.json",
            "its type is not known",
        ),
        ("convert/oci1.encrypted.json", "has no encryption"),
        (
            "convert/oci1-artifact.json",
            "an artifact with a config of type",
        ),
        ("manifests/ociv1.zstd.manifest.json", "has no zstd"),
        ("convert/schema2.json", "cannot be converted to"),
    ];
    for (path, words) in rows {
        let manifest = Manifest::parse(fixtures::read(&dir, path).into(), None).unwrap();
        let error = convert::oci_to_schema2(&manifest).unwrap_err().to_string();
        assert!(error.contains(words), "{path}: {error}");
    }
}
