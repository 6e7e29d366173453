//! skopeo's YAML: registries with their images, read as skopeo reads it.
//!
//! Unknown keys are ignored, and a mistake in one registry's part is a warning, after which the rest is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::{Declaration, Entry, How, Origin, Pick, SourceAccess, Tags, from_yaml};
use crate::Result;
use crate::image::{Digest, parse_reference};
use crate::settings::{Secret, redacted};
use crate::sync::re2;
use crate::sync::select::TagRules;
use crate::sync::target::Target;

/// Null stands for an empty value everywhere, as for skopeo.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Section {
    #[serde(deserialize_with = "or_empty")]
    images: BTreeMap<String, Option<Vec<Option<String>>>>,
    #[serde(rename = "images-by-tag-regex", deserialize_with = "or_empty")]
    by_regex: BTreeMap<String, Option<String>>,
    #[serde(rename = "images-by-semver", deserialize_with = "or_empty")]
    by_semver: BTreeMap<String, Option<String>>,
    credentials: Option<Credentials>,
    #[serde(rename = "tls-verify")]
    tls_verify: Option<bool>,
    #[serde(rename = "cert-dir")]
    cert_dir: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Credentials {
    #[serde(deserialize_with = "or_empty")]
    username: String,
    #[serde(deserialize_with = "or_empty")]
    password: String,
}

fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Reads a declaration in skopeo's form. Each image goes to `to` and is copied as `how` says.
///
/// # Errors
/// With line and column, when the text is not YAML or not of this shape.
pub fn parse(text: &str, to: &[Target], how: &How) -> Result<Declaration> {
    let file: Option<BTreeMap<String, Option<Section>>> = from_yaml(text)?;
    let mut declaration = Declaration::default();
    for (registry, section) in file.unwrap_or_default() {
        let section = section.unwrap_or_default();
        let shown = redacted(&registry);
        if section.images.is_empty() && section.by_regex.is_empty() && section.by_semver.is_empty()
        {
            let warning = format!("no images are specified for the registry `{shown}`");
            declaration.warnings.push(warning);
            continue;
        }
        let entry = |tags, from| Entry {
            from,
            tags,
            to: to.to_vec(),
            how: how.clone(),
            access: access(&section),
            expect: None,
            expect_at_target: None,
        };
        let mut read = |repository: &str, tags: Result<Tags, String>| {
            let name = format!("{registry}/{repository}");
            let origin = parse_reference(&name)
                .map_err(|e| e.to_string())
                .and_then(|reference| {
                    let is_bare = reference.tag.is_none() && reference.digest.is_none();
                    let origin = Origin::Repository(reference.repository);
                    is_bare
                        .then_some(origin)
                        .ok_or_else(|| format!("`{shown}/{repository}` has a tag or digest"))
                });
            match origin.and_then(|origin| Ok((tags?, origin))) {
                Ok((tags, origin)) => declaration.entries.push(entry(tags, origin)),
                Err(e) => declaration
                    .warnings
                    .push(format!("`{shown}/{repository}` is skipped: {e}")),
            }
        };
        let mut bad = Vec::new();
        for (repository, picks) in &section.images {
            let mut listed = Vec::new();
            let picks: Vec<&String> = picks.iter().flatten().flatten().collect();
            for pick in &picks {
                match pick_of(pick) {
                    Some(pick) => listed.push(pick),
                    None => bad.push(format!(
                        "`{shown}/{repository}:{pick}` is not a valid image name; it is skipped"
                    )),
                }
            }
            read(
                repository,
                Ok(match picks.is_empty() {
                    true => Tags::Rules(Box::default()),
                    false => Tags::Listed(listed),
                }),
            );
        }
        for (repository, pattern) in &section.by_regex {
            let pattern = pattern.as_deref().unwrap_or_default();
            let rules = re2::compile(pattern).map(|pattern| TagRules {
                matching: vec![pattern],
                ..TagRules::default()
            });
            let tags = rules.map(|rules| Tags::Rules(Box::new(rules)));
            read(repository, tags);
        }
        for (repository, constraint) in &section.by_semver {
            let constraint = constraint.as_deref().unwrap_or_default();
            let rules = constraint.parse().map(|semver| TagRules {
                semver: Some(semver),
                ..TagRules::default()
            });
            let tags = rules.map(|rules| Tags::Rules(Box::new(rules)));
            read(repository, tags.map_err(|e| e.to_string()));
        }
        declaration.warnings.append(&mut bad);
    }
    Ok(declaration)
}

fn pick_of(text: &str) -> Option<Pick> {
    match text.parse::<Digest>() {
        Ok(digest) => Some(Pick::Digest(digest)),
        Err(_) => text.parse().ok().map(Pick::Tag),
    }
}

fn access(section: &Section) -> SourceAccess {
    let credentials = section
        .credentials
        .as_ref()
        .filter(|c| !c.username.is_empty() || !c.password.is_empty());
    SourceAccess {
        credentials: credentials.map(|c| (c.username.clone(), Secret::new(&c.password))),
        tls_verify: section.tls_verify,
        cert_dir: section
            .cert_dir
            .clone()
            .filter(|dir| !dir.as_os_str().is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
registry.example.com:
  images:
    busybox: []
    redis:
      - 1.0
      - 2.10
      - sha256:0000000000000000000000000000000011111111111111111111111111111111
      - not a tag
    alpine:
  images-by-tag-regex:
    nginx: ^1\\.13\\.[12]-alpine-perl$
    broken: '('
  credentials:
    username: john
    password: this is a secret
  tls-verify: true
  cert-dir: /home/john/certs
  unknown: [1]
quay.io:
  tls-verify: false
  images-by-semver:
    coreos/etcd: '>=3.4, <4'
    other/one: 'x.y'
empty.example:
  tls-verify: false
";

    #[test]
    fn files_are_read_as_skopeo_reads_them() {
        let read = parse(FILE, &[], &How::default()).expect("a declaration");
        let describe = |entry: &Entry| {
            let Origin::Repository(repository) = &entry.from else {
                panic!("a repository")
            };
            match &entry.tags {
                Tags::Listed(picks) => picks
                    .iter()
                    .map(|pick| pick.of(repository).to_string())
                    .collect::<Vec<_>>()
                    .join(" "),
                Tags::Rules(rules) if !rules.matching.is_empty() => {
                    format!("{repository} by {}", rules.matching[0])
                }
                Tags::Rules(rules) if rules.semver.is_some() => format!("{repository} by version"),
                Tags::Rules(_) => format!("{repository} whole"),
            }
        };
        let entries = read.entries.iter().map(describe).collect::<Vec<_>>();
        assert_eq!(
            entries,
            [
                "quay.io/coreos/etcd by version",
                "registry.example.com/alpine whole",
                "registry.example.com/busybox whole",
                "registry.example.com/redis:1.0 registry.example.com/redis:2.10 \
             registry.example.com/redis@sha256:0000000000000000000000000000000011111111111111111111111111111111",
                "registry.example.com/nginx by ^1\\.13\\.[12]-alpine-perl$",
            ]
        );
        assert_eq!(read.warnings.len(), 4, "{:?}", read.warnings);
        let access = &read.entries[4].access;
        assert_eq!(
            access
                .credentials
                .as_ref()
                .map(|(user, secret)| (user.as_str(), secret.expose())),
            Some(("john", "this is a secret"))
        );
        assert_eq!(
            (access.tls_verify, read.entries[0].access.tls_verify),
            (Some(true), Some(false))
        );
    }

    #[test]
    fn null_is_an_empty_value() {
        let text = "a.example:\n  images:\n  images-by-tag-regex:\n    app:\n  images-by-semver:\n  tls-verify:\n  cert-dir: ~\n  credentials:\nb.example:\n\
                    c.example:\n  images:\n    whole: [null]\n    one: [~, v1]\n  images-by-tag-regex:\n  credentials: {username:, password: null}\n  images-by-semver: {none: null}\n";
        let read = parse(text, &[], &How::default()).expect("a declaration");
        let described = read.entries.iter().map(|entry| {
            let tags = match &entry.tags {
                Tags::Listed(picks) => format!("{} images", picks.len()),
                Tags::Rules(rules) => format!("{} patterns", rules.matching.len()),
            };
            assert!(entry.access.is_empty());
            format!("{} {tags}", entry.from)
        });
        assert_eq!(
            described.collect::<Vec<_>>(),
            [
                "a.example/app 1 patterns",
                "c.example/one 1 images",
                "c.example/whole 0 patterns",
            ]
        );
        // A registry without images, and a constraint that is empty.
        assert_eq!(read.warnings.len(), 2, "{:?}", read.warnings);
        for text in ["null", "", "# nothing"] {
            let read = parse(text, &[], &How::default()).expect("a declaration");
            assert!(read.entries.is_empty());
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let e = parse(
            "a.example:\n  images:\n    x: {y: 1}\n",
            &[],
            &How::default(),
        )
        .expect_err("wrong shape");
        assert!(e.to_string().starts_with("line 3, column "), "{e}");
        assert!(parse("a: [", &[], &How::default()).is_err());
        assert!(parse("a: {}\na: {}", &[], &How::default()).is_err());
    }
}
