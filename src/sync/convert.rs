//! Declarations of other tools, written in barque's own form: regsync, dregsy, hauler's `Images` and oc-mirror's
//! `additionalImages`.
//!
//! What has no counterpart is refused by name, so that a converted file never does less than it seems to. What belongs
//! elsewhere in barque (credentials, times at which to run) becomes a comment.

mod dregsy;

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::declaration::from_yaml;
use super::declaration::names::is_elsewhere;
use crate::{Error, Result};

/// The text of `FILE` in barque's own form. `destination` is where images go whose form names no target.
///
/// # Errors
/// When the form is not known, or has something that cannot be carried over: each is named.
pub fn convert(text: &str, destination: Option<&str>) -> Result<String> {
    let file: Value = from_yaml(text)?;
    let mut out = Converted::default();
    match Form::of(&file) {
        Some(Form::Regsync) => regsync(&file, &mut out),
        Some(Form::Dregsy) => dregsy::dregsy(&file, &mut out),
        Some(Form::Hauler) => hauler(&file, below(destination)?, &mut out),
        Some(Form::OcMirror) => oc_mirror(&file, below(destination)?, &mut out),
        None => {
            return Err(Error::other(
                "it is none of the forms that are converted: regsync, dregsy, hauler's `Images`, oc-mirror's `ImageSetConfiguration`",
            ));
        }
    }
    out.finish()
}

/// Whether `text` has a form that [`convert`] reads.
pub fn is_converted(text: &str) -> bool {
    from_yaml::<Value>(text).is_ok_and(|file| Form::of(&file).is_some())
}

/// The forms that are converted.
enum Form {
    Regsync,
    Dregsy,
    Hauler,
    OcMirror,
}

impl Form {
    fn of(file: &Value) -> Option<Form> {
        match file["kind"].as_str().unwrap_or_default() {
            _ if file["sync"].is_array() && file["version"].is_number() => Some(Form::Regsync),
            _ if file["tasks"].is_array() => Some(Form::Dregsy),
            "Images" => Some(Form::Hauler),
            "ImageSetConfiguration" => Some(Form::OcMirror),
            _ => None,
        }
    }
}

fn below(destination: Option<&str>) -> Result<&str> {
    match destination {
        Some(text) if is_elsewhere(text) => {
            let text = format!("`{text}` is not a registry with the beginning of a path");
            Err(Error::other(text).hint("convert for a registry, and change `to` in the result"))
        }
        Some(text) => Ok(text.trim_end_matches('/')),
        None => {
            Err(Error::other("this form names no targets")
                .hint("give a destination after the file"))
        }
    }
}

/// An entry of barque's form.
#[derive(Default)]
struct Entry {
    from: String,
    to: String,
    tags: Map<String, Value>,
    platforms: Vec<String>,
}

#[derive(Default)]
struct Converted {
    entries: Vec<Entry>,
    comments: Vec<String>,
    refused: Vec<String>,
}

impl Converted {
    fn finish(self) -> Result<String> {
        if !self.refused.is_empty() {
            let message = format!("these cannot be carried over: {}", self.refused.join(", "));
            return Err(
                Error::other(message).hint("take them out of the file, or do them another way")
            );
        }
        let mut text = String::new();
        for comment in &self.comments {
            let _ = writeln!(text, "# {comment}");
        }
        text += "barque-sync: 1\nsync:\n";
        for entry in &self.entries {
            let _ = writeln!(text, "  - from: {}", quoted(&entry.from));
            let _ = writeln!(text, "    to: {}", quoted(&entry.to));
            if !entry.tags.is_empty() {
                let _ = writeln!(text, "    tags: {}", Value::Object(entry.tags.clone()));
            }
            if !entry.platforms.is_empty() {
                let _ = writeln!(
                    text,
                    "    platforms: {}",
                    Value::from(entry.platforms.clone())
                );
            }
        }
        Ok(text)
    }

    /// Refuses all keys of `value` that are neither `known` nor commented on.
    fn keys(&mut self, place: &str, value: &Value, known: &[&str], comments: &[(&str, &str)]) {
        for (key, value) in value.as_object().into_iter().flatten() {
            if known.contains(&key.as_str()) || value.is_null() {
                continue;
            }
            match comments.iter().find(|(name, _)| name == key) {
                Some((_, instead)) => {
                    let comment = format!("`{place}{key}` is not carried over: {instead}");
                    if !self.comments.contains(&comment) {
                        self.comments.push(comment);
                    }
                }
                None => self.refused.push(format!("`{place}{key}`")),
            }
        }
    }
}

/// A YAML scalar; JSON's strings are YAML.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The elements of a list, with their places in it.
fn items(list: &Value) -> impl Iterator<Item = (usize, &Value)> {
    list.as_array().into_iter().flatten().enumerate()
}

fn strings(value: &Value) -> Vec<String> {
    let list = items(value).filter_map(|(_, item)| item.as_str());
    list.map(str::to_owned).collect()
}

const LOG_IN: (&str, &str) = ("creds", "log in with `barque login`");
const TIMER: &str = "run `barque sync` from a timer";

fn regsync(file: &Value, out: &mut Converted) {
    let limit = "use `--rate` and `--max-pulls`";
    let settings = [
        LOG_IN,
        ("interval", TIMER),
        ("schedule", TIMER),
        ("ratelimit", limit),
        ("parallel", "use `--jobs`"),
        ("skipDockerConfig", "use `--authfile`"),
        ("userAgent", "barque sends its own"),
        ("cacheCount", "nothing is cached in barque's runs"),
        ("cacheTime", "nothing is cached in barque's runs"),
    ];
    out.keys("", file, &["version", "sync", "defaults"], &settings);
    // Referrers and cosign's tags are copied by default.
    let copied = [
        "digestTags",
        "referrers",
        "fastCopy",
        "forceRecursive",
        "includeExternal",
    ];
    out.keys("defaults.", &file["defaults"], &copied, &settings);
    for (n, item) in items(&file["sync"]) {
        let place = format!("sync[{n}].");
        let known = [
            &["source", "target", "type", "tags", "platform", "platforms"][..],
            &copied,
        ]
        .concat();
        out.keys(&place, item, &known, &settings);
        let kind = item["type"].as_str().unwrap_or_default();
        if !["image", "repository"].contains(&kind) {
            out.refused.push(format!("`{place}type: {kind}`"));
        }
        let tags = &item["tags"];
        out.keys(
            &format!("{place}tags."),
            tags,
            &["allow", "deny", "semverRange"],
            &[],
        );
        let mut rules = Map::new();
        let whole = |list: Vec<String>| -> Vec<String> {
            list.iter().map(|regex| format!("^(?:{regex})$")).collect()
        };
        let (allow, deny) = (strings(&tags["allow"]), strings(&tags["deny"]));
        let ranges = strings(&tags["semverRange"]);
        if !allow.is_empty() && !ranges.is_empty() {
            out.refused
                .push(format!("`{place}tags.allow` together with `semverRange`"));
        }
        if !allow.is_empty() {
            rules.insert("match".to_owned(), whole(allow).into());
        }
        if !ranges.is_empty() {
            rules.insert("semver".to_owned(), ranges.join(" || ").into());
        }
        if !deny.is_empty() {
            rules.insert("except".to_owned(), whole(deny).into());
        }
        let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
        let platforms = match item["platform"].as_str() {
            Some(one) => vec![one.to_owned()],
            None => strings(&item["platforms"]),
        };
        let tagged = |name: String| match kind == "image" && !has_tag(&name) {
            true => name + ":latest",
            false => name,
        };
        out.entries.push(Entry {
            from: tagged(text("source")),
            to: tagged(text("target")),
            tags: rules,
            platforms,
        });
    }
}

fn has_tag(name: &str) -> bool {
    name.contains('@')
        || name
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'))
}

fn hauler(file: &Value, to: &str, out: &mut Converted) {
    out.keys("", file, &["apiVersion", "kind", "metadata", "spec"], &[]);
    out.keys("spec.", &file["spec"], &["images"], &[]);
    for (n, image) in items(&file["spec"]["images"]) {
        let place = format!("spec.images[{n}].");
        out.keys(&place, image, &["name", "platform"], &[]);
        let platforms = image["platform"].as_str().map(str::to_owned);
        out.listed(
            image["name"].as_str().unwrap_or_default(),
            to,
            platforms.into_iter().collect(),
        );
    }
}

fn oc_mirror(file: &Value, to: &str, out: &mut Converted) {
    let own = [
        ("storageConfig", "`--state` keeps what was written"),
        ("archiveSize", "barque writes no archives here"),
    ];
    out.keys("", file, &["apiVersion", "kind", "mirror"], &own);
    out.keys("mirror.", &file["mirror"], &["additionalImages"], &[]);
    for (n, image) in items(&file["mirror"]["additionalImages"]) {
        let place = format!("mirror.additionalImages[{n}].");
        out.keys(&place, image, &["name"], &[]);
        out.listed(image["name"].as_str().unwrap_or_default(), to, Vec::new());
    }
}

impl Converted {
    /// An image that keeps its path below `to`.
    fn listed(&mut self, name: &str, to: &str, platforms: Vec<String>) {
        let from = match has_tag(name) {
            true => name.to_owned(),
            false => format!("{name}:latest"),
        };
        self.entries.push(Entry {
            from,
            to: format!("{to}/{{repository}}"),
            tags: Map::new(),
            platforms,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::declaration::parse_own;

    fn converted(text: &str, destination: Option<&str>) -> Result<String> {
        let text = convert(text, destination)?;
        let read = parse_own(&text, &|_| Err(Error::other("no list")));
        assert!(read.is_ok(), "{text}\n{read:?}");
        Ok(text)
    }

    #[test]
    fn regsync_becomes_entries_with_rules() {
        let file = "version: 1\ncreds: [{registry: a, user: u, pass: p}]\ndefaults: {parallel: 2, interval: 60m}\nsync:\n  - {source: busybox, target: 'r.example:5000/lib/busybox', type: image}\n  - source: ghcr.io/o/app\n    target: r.example/app\n    type: repository\n    tags: {allow: ['v\\d+', 'latest'], deny: ['.*-rc']}\n    platforms: [linux/amd64, linux/arm64]\n";
        let text = converted(file, None).expect("a declaration");
        for part in [
            "`creds` is not carried over: log in",
            "from: \"busybox:latest\"",
            "to: \"r.example:5000/lib/busybox:latest\"",
            "\"match\":[\"^(?:v\\\\d+)$\",\"^(?:latest)$\"]",
            "\"except\":[\"^(?:.*-rc)$\"]",
            "platforms: [\"linux/amd64\",\"linux/arm64\"]",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn dregsy_adds_its_kinds_of_tags_to_each_other() {
        let file = "relay: skopeo\ntasks:\n  - name: t\n    interval: 60\n    source: {registry: registry.hub.docker.com, auth: x}\n    target: {registry: 'r.example'}\n    mappings:\n      - {from: library/busybox, to: other/busybox, tags: ['1.29.3', 'regex: ^1\\.3', 'semver: >=1.31.0 <1.31.9'], platform: linux/arm64}\n      - {from: library/alpine}\n";
        let text = converted(file, None).expect("a declaration");
        assert_eq!(text.matches("from:").count(), 3, "{text}");
        for part in [
            "other/busybox",
            "\"semver\":\">=1.31.0 <1.31.9\"",
            "^1\\\\.29\\\\.3$",
            "r.example/library/alpine",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn lists_of_hauler_and_oc_mirror_go_below_a_destination() {
        let hauler = "apiVersion: content.hauler.cattle.io/v1\nkind: Images\nmetadata: {name: x}\nspec:\n  images:\n    - {name: 'busybox:1', platform: linux/amd64}\n    - name: ghcr.io/o/app@sha256:0000000000000000000000000000000011111111111111111111111111111111\n";
        let text = converted(hauler, Some("r.example/m/")).expect("a declaration");
        assert!(
            text.contains("to: \"r.example/m/{repository}\"") && text.contains("\"busybox:1\""),
            "{text}"
        );
        assert!(convert(hauler, None).is_err());
        let oc = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v1alpha2\nmirror:\n  additionalImages:\n    - name: registry.redhat.io/ubi8/ubi:latest\n";
        assert!(
            converted(oc, Some("r.example")).is_ok_and(|text| text.contains("ubi8/ubi:latest"))
        );
    }

    #[test]
    fn what_cannot_be_carried_over_is_named() {
        let cases = [
            (
                "version: 1\nsync: [{source: a, target: b, type: registry, hooks: {pre: {}}}]\n",
                &["type: registry", "sync[0].hooks"][..],
            ),
            (
                "tasks: [{name: t, mappings: [{from: a, tags: ['keep: latest 5']}]}]\n",
                &["keep: latest 5"],
            ),
            (
                "kind: Images\nspec: {images: [{name: a, key: k.pub}]}\n",
                &["spec.images[0].key"],
            ),
            (
                "kind: ImageSetConfiguration\nmirror: {operators: [{catalog: c}], platform: {channels: []}}\n",
                &["mirror.operators", "mirror.platform"],
            ),
            ("something: else\n", &["none of the forms"]),
        ];
        for (text, parts) in cases {
            let e = convert(text, Some("r.example"))
                .expect_err(text)
                .to_string();
            for part in parts {
                assert!(e.contains(part), "{part}: {e}");
            }
        }
    }
}
