//! The document of `diff`: what differs between two images, as JSON or as lines with `+`, `-` and `~`.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::failure::clean;
use super::json;
use super::ls::{escaped, kind, permissions};
use crate::image::{Descriptor, Digest};
use crate::rootfs::{Difference, Facts, FileChange, ImagePath};

/// The differences between two images.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DiffReport {
    pub first: Digest,
    pub second: Digest,
    pub config: Vec<Member>,
    pub history: Sides<String>,
    pub layers: LayerDiff,
    /// `null` where files were not compared.
    pub files: Option<Vec<File>>,
}

/// A member of the config, or of its environment or labels.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Member {
    /// As in `config.Env.PATH`.
    pub name: String,
    /// `null` where it is not there.
    pub first: Option<Value>,
    pub second: Option<Value>,
}

/// The items that only one of the two has, in its order.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Sides<T> {
    pub first: Vec<T>,
    pub second: Vec<T>,
}

/// The layers that both have, and those of one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LayerDiff {
    pub shared: Vec<Digest>,
    pub first: Vec<Digest>,
    pub second: Vec<Digest>,
}

/// A file that differs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct File {
    #[serde(serialize_with = "as_text")]
    path: ImagePath,
    /// `added`, `removed` or `changed`.
    pub change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<FileFacts>,
}

/// The properties of a file that are compared.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FileFacts {
    #[serde(rename = "Type")]
    kind: &'static str,
    mode: String,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    /// Whether extended attributes differ: their names are in `ls --json`.
    #[serde(skip)]
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The target of a symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link(Vec<u8>);

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(&self.0))
    }
}

fn as_text<S: Serializer>(path: &ImagePath, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(path)
}

impl FileFacts {
    fn of(facts: &Facts) -> FileFacts {
        let word = kind(facts.kind);
        FileFacts {
            kind: word,
            mode: format!("{:04o}", facts.mode),
            uid: facts.uid,
            gid: facts.gid,
            size: (word == "file").then_some(facts.size),
            link: (word == "symlink").then(|| Link(facts.link.clone())),
            device: facts
                .device
                .map(|(major, minor)| format!("{major}:{minor}")),
            digest: facts.digest.clone(),
            xattrs: facts.xattrs.clone(),
        }
    }
}

impl File {
    pub(crate) fn of(change: &FileChange) -> File {
        File {
            path: change.path.clone(),
            change: match change.difference {
                Difference::Added => "added",
                Difference::Removed => "removed",
                Difference::Changed => "changed",
            },
            first: change.before.as_ref().map(FileFacts::of),
            second: change.after.as_ref().map(FileFacts::of),
        }
    }
}

impl LayerDiff {
    pub(crate) fn new(first: &[Descriptor], second: &[Descriptor]) -> LayerDiff {
        let has =
            |list: &[Descriptor], layer: &Descriptor| list.iter().any(|l| l.digest == layer.digest);
        let digests = |list: &[Descriptor], of: &dyn Fn(&Descriptor) -> bool| {
            list.iter()
                .filter(|l| of(l))
                .map(|l| l.digest.clone())
                .collect()
        };
        LayerDiff {
            shared: digests(first, &|layer| has(second, layer)),
            first: digests(first, &|layer| !has(second, layer)),
            second: digests(second, &|layer| !has(first, layer)),
        }
    }
}

impl DiffReport {
    /// Whether nothing differs.
    pub(crate) fn is_same(&self) -> bool {
        self.first == self.second
            || self.config.is_empty()
                && self.history == Sides::default()
                && self.layers.first.is_empty()
                && self.layers.second.is_empty()
                && self.files.as_ref().is_none_or(Vec::is_empty)
    }

    /// As JSON, or as lines.
    pub(crate) fn render(&self, as_json: bool) -> String {
        if as_json {
            return json::to_go_json(self) + "\n";
        }
        let mut text = String::new();
        let mut line = |sign: &str, part: &str, what: &str| {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{sign} {part} {what}");
        };
        for member in &self.config {
            let name = clean(&member.name);
            let shown = |value: &Value| clean(&json::to_compact_json(value)).into_owned();
            let (sign, what) = match (&member.first, &member.second) {
                (Some(a), Some(b)) => ("~", format!("{} -> {}", shown(a), shown(b))),
                (Some(a), None) => ("-", shown(a)),
                (None, Some(b)) => ("+", shown(b)),
                (None, None) => continue,
            };
            line(sign, "config", &format!("{name} {what}"));
        }
        for (sign, steps) in [("-", &self.history.first), ("+", &self.history.second)] {
            steps
                .iter()
                .for_each(|step| line(sign, "history", &clean(step)));
        }
        for (sign, layers) in [("-", &self.layers.first), ("+", &self.layers.second)] {
            layers
                .iter()
                .for_each(|layer| line(sign, "layer", &layer.to_string()));
        }
        for file in self.files.iter().flatten() {
            let path = escaped(file.path.as_bytes());
            let (sign, what) = match (&file.first, &file.second) {
                (Some(a), Some(b)) => ("~", changed(a, b)),
                (Some(a), None) => ("-", a.shown()),
                (None, Some(b)) => ("+", b.shown()),
                (None, None) => continue,
            };
            line(sign, "file", &format!("/{path} ({what})"));
        }
        text
    }
}

impl FileFacts {
    fn shown(&self) -> String {
        let mode = u16::from_str_radix(&self.mode, 8).map_or(String::new(), permissions);
        let size = self
            .size
            .map_or(String::new(), |size| format!(", {size} bytes"));
        let link = self
            .link
            .as_ref()
            .map_or(String::new(), |link| format!(", -> {}", escaped(&link.0)));
        format!("{} {mode}{size}{link}", self.kind)
    }
}

/// The differences between the properties of one file.
fn changed(a: &FileFacts, b: &FileFacts) -> String {
    let mut parts = Vec::new();
    let mut part = |name: &str, a: &str, b: &str| {
        if a != b {
            parts.push(format!("{name} {a} -> {b}"));
        }
    };
    let number = |n: Option<u64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    part("type", a.kind, b.kind);
    part("mode", &a.mode, &b.mode);
    part("uid", &a.uid.to_string(), &b.uid.to_string());
    part("gid", &a.gid.to_string(), &b.gid.to_string());
    part("size", &number(a.size), &number(b.size));
    let link = |facts: &FileFacts| facts.link.as_ref().map(|link| escaped(&link.0));
    part("link", &text(&link(a)), &text(&link(b)));
    part("device", &text(&a.device), &text(&b.device));
    if a.xattrs != b.xattrs {
        parts.push("extended attributes".to_owned());
    }
    if a.kind == "file" && b.kind == "file" && a.size == b.size && a.digest != b.digest {
        parts.push("content".to_owned());
    }
    parts.join(", ")
}

/// The differences between two configs. History and layers are compared separately.
pub(crate) fn members(first: &Value, second: &Value) -> Vec<Member> {
    let (first, second) = (flat(first), flat(second));
    let mut names: Vec<&String> = first.keys().chain(second.keys()).collect();
    names.sort();
    names.dedup();
    let member = |name: &String| Member {
        name: name.clone(),
        first: first.get(name).cloned(),
        second: second.get(name).cloned(),
    };
    let all = names.into_iter().map(member);
    all.filter(|member| member.first != member.second).collect()
}

/// The members of a config by name, those of `config` and its environment and labels each on their own.
fn flat(config: &Value) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    let of = |value: &Value| value.as_object().cloned().unwrap_or_default();
    for (name, value) in of(config) {
        match name.as_str() {
            "history" | "rootfs" => {}
            "config" => {
                for (inner, value) in of(&value) {
                    let name = format!("config.{inner}");
                    match (inner.as_str(), &value) {
                        ("Env", Value::Array(pairs)) => {
                            for pair in pairs.iter().filter_map(Value::as_str) {
                                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                                flat.insert(format!("{name}.{key}"), value.into());
                            }
                        }
                        ("Labels", Value::Object(labels)) => {
                            let labels = labels.iter();
                            flat.extend(labels.map(|(k, v)| (format!("{name}.{k}"), v.clone())));
                        }
                        _ => drop(flat.insert(name, value)),
                    }
                }
            }
            _ => drop(flat.insert(name, value)),
        }
    }
    flat
}

/// The steps of two histories after those that both begin with.
pub(crate) fn steps(first: &[String], second: &[String]) -> Sides<String> {
    let same = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    Sides {
        first: first[same..].to_vec(),
        second: second[same..].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_and_labels_are_compared_one_by_one() {
        let first = json!({ "os": "linux", "history": [1], "config": { "Env": ["A=1", "B=2"], "Labels": { "x": "1" }, "Cmd": ["a"] } });
        let second = json!({ "os": "linux", "history": [2], "config": { "Env": ["B=3", "A=1"], "Labels": { "y": "1" }, "Cmd": ["a"] } });
        let found: Vec<String> = members(&first, &second)
            .into_iter()
            .map(|m| m.name)
            .collect();
        assert_eq!(
            found,
            ["config.Env.B", "config.Labels.x", "config.Labels.y"]
        );
        assert!(members(&first, &first).is_empty());
    }
}
