//! Decides which kind of manifest some bytes are, from `Content-Type` and body together.
//!
//! Separate because it is the one place where a manifest can lie: bytes that one tool reads as an image and
//! another as an index let different content pass under one digest (CVE-2021-41190, GHSA-5j5w-g665-5m35,
//! quirk M9). So only what all readers see alike gets through: a member counts whatever its case (Go's reader
//! ignores case), null counts as absent, and a known member may be there once only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::ManifestError;
use crate::image::MediaType;
use crate::image::go_json::same_name;

/// A manifest, or a part of one, in the form `T`.
pub(super) fn read<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, ManifestError> {
    serde_json::from_slice(payload).map_err(|e| ManifestError::Malformed(e.to_string()))
}

/// The top-level members that barque or another tool reads.
const KNOWN: [&str; 11] = [
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "fsLayers",
    "history",
    "signatures",
    "blobs",
    "subject",
    "artifactType",
];

/// The members by which readers tell kinds apart.
const TELLING: [&str; 5] = ["config", "layers", "manifests", "fsLayers", "history"];

/// The type of the manifest `raw` that was served as `content_type`.
pub(super) fn of(raw: &[u8], content_type: Option<&str>) -> Result<MediaType, ManifestError> {
    let outline = Outline::read(raw).map_err(|e| not_json(raw, content_type, e))?;
    let served = content_type
        .map(MediaType::new)
        .filter(MediaType::is_manifest);
    let media_type = decide(&outline, served)?;
    if media_type == MediaType::SCHEMA1_SIGNED {
        // What follows the signed part is not read: duplicates there do no harm, and the signed part is
        // checked by itself when it is viewed.
        outline.refuse_unclear(|name| matches!(name, "signatures" | "schemaVersion"))?;
    } else {
        outline.refuse_unclear(|_| true)?;
    }
    outline.refuse_other_kinds(&media_type)?;
    Ok(media_type)
}

/// Checks that the signed part of a schema 1 manifest is a schema 1 manifest by itself.
pub(super) fn check_payload(payload: &[u8]) -> Result<(), ManifestError> {
    let outline = Outline::read(payload).map_err(|e| ManifestError::Json(e.to_string()))?;
    outline.refuse_unclear(|_| true)?;
    check_version(&outline, 1)?;
    outline.refuse_other_kinds(&MediaType::new(MediaType::SCHEMA1))
}

fn decide(outline: &Outline<'_>, served: Option<MediaType>) -> Result<MediaType, ManifestError> {
    let body = outline
        .text("mediaType")?
        .map(|t| MediaType::new(&t))
        .filter(|t| !t.as_str().is_empty());
    if let (Some(served), Some(body)) = (&served, &body)
        && served != body
        && !(served.is_schema1() && body.is_schema1())
    {
        return Err(ManifestError::TypeMismatch {
            served: served.to_string(),
            body: body.to_string(),
        });
    }
    let media_type = match served.or(body.filter(MediaType::is_manifest)) {
        Some(known) => known,
        None => guess(outline)?,
    };
    check_version(outline, if media_type.is_schema1() { 1 } else { 2 })?;
    Ok(match media_type.is_schema1() {
        true if outline.has("signatures") => MediaType::new(MediaType::SCHEMA1_SIGNED),
        true => MediaType::new(MediaType::SCHEMA1),
        false => media_type,
    })
}

/// The type of a manifest that neither `Content-Type` nor `mediaType` tells.
fn guess(outline: &Outline<'_>) -> Result<MediaType, ManifestError> {
    let unknown = |why: &str| Err(ManifestError::Unknown(why.to_owned()));
    Ok(MediaType::new(match outline.version()? {
        None if outline.has("errors") => return unknown("it is a registry's error message"),
        None => return unknown("it has no `schemaVersion`"),
        Some(1) => MediaType::SCHEMA1,
        Some(2) if outline.has("config") => match outline.config_type() {
            Some(t) if t == MediaType::DOCKER_CONFIG => MediaType::DOCKER_MANIFEST,
            _ => MediaType::OCI_MANIFEST,
        },
        Some(2) if outline.has("manifests") => MediaType::OCI_INDEX,
        // An artifact of a tool that wrote no config.
        Some(2) if outline.has("layers") => MediaType::OCI_MANIFEST,
        Some(2) => return unknown("it has neither `config`, `layers` nor `manifests`"),
        Some(other) => return Err(ManifestError::Version(other.to_string())),
    }))
}

/// The version may be missing if something else gives the type; old layouts leave it out.
fn check_version(outline: &Outline<'_>, wanted: u64) -> Result<(), ManifestError> {
    match outline.version()? {
        Some(version) if version != wanted => Err(ManifestError::Version(version.to_string())),
        _ => Ok(()),
    }
}

fn not_json(raw: &[u8], content_type: Option<&str>, error: serde_json::Error) -> ManifestError {
    let text = raw.trim_ascii_start();
    let said = content_type
        .map(MediaType::new)
        .filter(|t| !t.as_str().is_empty());
    if text.is_empty() {
        ManifestError::NotJson("nothing".to_owned())
    } else if text.starts_with(b"<") {
        ManifestError::NotJson("an HTML page".to_owned())
    } else if matches!(text[0], b'{' | b'[') {
        ManifestError::Json(error.to_string())
    } else {
        ManifestError::NotJson(match said {
            Some(said) if !said.is_manifest() => format!("something that is not JSON (`{said}`)"),
            _ => "something that is not JSON".to_owned(),
        })
    }
}

/// The top-level members of a document, their values unread.
struct Outline<'a> {
    members: BTreeMap<&'static str, &'a RawValue>,
    /// Whether the document is an error envelope is asked for the message only.
    errors: bool,
    duplicates: Vec<&'static str>,
    misspelt: Option<ManifestError>,
}

impl<'a> Outline<'a> {
    fn read(raw: &'a [u8]) -> serde_json::Result<Outline<'a>> {
        serde_json::from_slice(raw)
    }

    fn has(&self, name: &str) -> bool {
        (name == "errors" && self.errors) || self.members.contains_key(name)
    }

    fn get<T: Deserialize<'a>>(&self, name: &'static str) -> Result<Option<T>, ManifestError> {
        self.members
            .get(name)
            .map(|value| serde_json::from_str(value.get()))
            .transpose()
            .map_err(|e| ManifestError::Malformed(format!("`{name}`: {e}")))
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, ManifestError> {
        self.get(name)
    }

    fn version(&self) -> Result<Option<u64>, ManifestError> {
        self.get("schemaVersion")
    }

    fn config_type(&self) -> Option<MediaType> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Config {
            media_type: MediaType,
        }
        self.get::<Config>("config")
            .ok()
            .flatten()
            .map(|c| c.media_type)
    }

    /// Refuses what readers see differently: a member twice, where it `counts`, or in another spelling.
    fn refuse_unclear(&self, counts: impl Fn(&str) -> bool) -> Result<(), ManifestError> {
        if let Some(error) = &self.misspelt {
            return Err(error.clone());
        }
        match self.duplicates.iter().find(|name| counts(name)) {
            Some(name) => Err(ManifestError::Duplicate((*name).to_owned())),
            None => Ok(()),
        }
    }

    fn refuse_other_kinds(&self, media_type: &MediaType) -> Result<(), ManifestError> {
        let allowed: &[&str] = if media_type.is_schema1() {
            &["fsLayers", "history"]
        } else if media_type.is_image_manifest() {
            &["config", "layers"]
        } else if media_type.is_index() {
            &["manifests"]
        } else {
            &[]
        };
        let other = |name: &&&'static str| self.has(name) && !allowed.contains(*name);
        match TELLING.iter().find(other) {
            Some(member) => Err(ManifestError::Ambiguous {
                media_type: media_type.to_string(),
                member,
            }),
            None => Ok(()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Outline<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Outline<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline<'de>, A::Error> {
                let mut outline = Outline {
                    members: BTreeMap::new(),
                    errors: false,
                    duplicates: Vec::new(),
                    misspelt: None,
                };
                let mut seen = BTreeSet::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    outline.errors |= name == "errors";
                    let Some(known) = KNOWN.into_iter().find(|k| same_name(k, &name)) else {
                        continue;
                    };
                    if name != known {
                        outline.misspelt = Some(ManifestError::Spelling {
                            found: name,
                            proper: known,
                        });
                    }
                    // A null after a value counts as well: some readers take it for an empty one.
                    if !seen.insert(known) {
                        outline.duplicates.push(known);
                    }
                    if value.get() != "null" {
                        outline.members.insert(known, value);
                    }
                }
                Ok(outline)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(body: &str) -> Result<MediaType, ManifestError> {
        of(body.as_bytes(), None)
    }

    fn served(body: &str, content_type: &str) -> Result<MediaType, ManifestError> {
        of(body.as_bytes(), Some(content_type))
    }

    #[test]
    fn the_header_tells_the_type_where_the_body_does_not() {
        let body = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
        let docker = format!("{}; charset=utf-8", MediaType::DOCKER_MANIFEST);
        assert_eq!(served(body, &docker).unwrap(), MediaType::DOCKER_MANIFEST);
        for vague in [
            "application/json",
            "text/plain",
            "application/octet-stream",
            "",
            "x",
        ] {
            assert_eq!(
                served(body, vague).unwrap(),
                MediaType::OCI_MANIFEST,
                "{vague}"
            );
        }
    }

    #[test]
    fn header_and_body_must_agree() {
        let body = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{}},"layers":[]}}"#,
            MediaType::OCI_MANIFEST
        );
        assert_eq!(kind(&body).unwrap(), MediaType::OCI_MANIFEST);
        assert!(matches!(
            served(&body, MediaType::DOCKER_MANIFEST),
            Err(ManifestError::TypeMismatch { .. })
        ));
    }

    #[test]
    fn an_empty_media_type_says_nothing() {
        let body = r#"{"schemaVersion":2,"mediaType":"","manifests":[]}"#;
        assert_eq!(
            served(body, MediaType::DOCKER_LIST).unwrap(),
            MediaType::DOCKER_LIST
        );
        assert_eq!(kind(body).unwrap(), MediaType::OCI_INDEX);
    }

    #[test]
    fn members_of_two_kinds_are_refused() {
        let both = |extra: &str| {
            kind(&format!(
                r#"{{"schemaVersion":2,"config":{{}},"layers":[]{extra}}}"#
            ))
        };
        assert!(both("").is_ok());
        assert!(both(r#","manifests":null,"fsLayers":null"#).is_ok());
        for (extra, why) in [
            (r#","manifests":[]"#, "could be read as two"),
            (r#","fsLayers":[]"#, "could be read as two"),
            (r#","history":[]"#, "could be read as two"),
            (r#","Manifests":[]"#, "has to be written"),
            (r#","LAYERS":[]"#, "has to be written"),
            (r#","layer\u017f":[]"#, "has to be written"),
            (r#","layers":[]"#, "twice"),
            (r#","layers":null"#, "twice"),
            (r#","config":{}"#, "twice"),
        ] {
            let error = both(extra).unwrap_err().to_string();
            assert!(error.contains(why), "{extra}: {error}");
        }
    }

    #[test]
    fn what_is_no_manifest_is_told_apart() {
        let message = |body: &str, of: &str| served(body, of).unwrap_err().to_string();
        assert_eq!(
            message("<!DOCTYPE html><p>Sign in", "text/html"),
            "an HTML page came in place of a manifest"
        );
        assert_eq!(
            message(" ", "text/html"),
            "nothing came in place of a manifest"
        );
        assert_eq!(
            message("gateway down", "text/plain"),
            "something that is not JSON (`text/plain`) came in place of a manifest"
        );
        assert!(message(r#"{"errors":[]}"#, "application/json").contains("error message"));
        assert!(
            message("{\"schemaVersion\":2,", MediaType::OCI_MANIFEST).contains("not valid JSON")
        );
        assert!(message("[]", "application/json").contains("expected an object"));
    }

    #[test]
    fn the_schema_version_must_fit() {
        assert_eq!(
            kind(r#"{"schemaVersion":99999}"#),
            Err(ManifestError::Version("99999".into()))
        );
        assert_eq!(
            served(
                r#"{"schemaVersion":2,"fsLayers":[]}"#,
                MediaType::SCHEMA1_SIGNED
            ),
            Err(ManifestError::Version("2".into()))
        );
        assert!(kind(r#"{"schemaVersion":"2","config":{}}"#).is_err());
    }
}
