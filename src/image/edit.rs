//! Changes of an image's config and manifest, in place: what is not changed keeps its value, its place and its unknown members.
//!
//! Each change means what Docker's and go-containerregistry's tools mean by it: a new entry point takes the command
//! away, a variable that is set twice keeps its place.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::config::rfc3339;
use super::go_json::{self, same_name};
use super::{
    Algorithm, ConfigError, Descriptor, Digest, Manifest, ManifestError, MediaType, Platform,
};
use crate::{Error, Result};

/// Changes to an image; the default changes nothing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Edits {
    /// Labels by name; `None` removes one.
    pub labels: Vec<(String, Option<String>)>,
    /// Annotations of the manifest by name; `None` removes one.
    pub annotations: Vec<(String, Option<String>)>,
    /// Variables of the environment by name; `None` removes one.
    pub env: Vec<(String, Option<String>)>,
    /// Empty takes it away. Without [`Edits::cmd`], the command goes with the old entry point.
    pub entrypoint: Option<Vec<String>>,
    /// Empty takes it away.
    pub cmd: Option<Vec<String>>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    pub platform: Option<Platform>,
    /// RFC 3339.
    pub created: Option<String>,
    /// Layers that are put on top, in their order.
    pub append: Vec<NewLayer>,
}

/// A layer that is put on top of an image.
#[derive(Debug, Clone)]
pub struct NewLayer {
    pub blob: Descriptor,
    /// The digest of its plain tar.
    pub diff_id: Digest,
    /// Its entry in the history.
    pub created_by: String,
}

/// A config and the manifest over it.
#[derive(Debug, Clone)]
pub struct Edited {
    pub manifest: Manifest,
    pub config: Descriptor,
    pub config_bytes: Bytes,
}

impl Edits {
    /// The image of `manifest` and `config` with these changes.
    ///
    /// # Errors
    /// [`crate::Kind::Corrupt`] for a config that cannot be read; [`crate::Kind::Refused`] for annotations on a docker manifest, which has
    /// none.
    pub fn apply(&self, manifest: &Manifest, config: &[u8]) -> Result<Edited> {
        let bytes = Bytes::from(self.config(config)?);
        let mut document: Value = serde_json::from_slice(manifest.raw())
            .map_err(|e| ManifestError::Json(e.to_string()))?;
        let malformed = |what: &str| Error::from(ManifestError::Malformed(what.to_owned()));
        let top = document
            .as_object_mut()
            .ok_or_else(|| malformed("it is not an object"))?;
        let entry = top.get_mut("config").and_then(Value::as_object_mut);
        let entry = entry.ok_or_else(|| malformed("it has no `config`"))?;
        // The old bytes, where the descriptor had them in it.
        entry.shift_remove("data");
        let digest = Digest::of(Algorithm::Sha256, &bytes);
        entry.insert("digest".to_owned(), digest.to_string().into());
        entry.insert("size".to_owned(), bytes.len().into());
        let media_type = entry
            .get("mediaType")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let config = Descriptor::new(media_type, digest, bytes.len() as u64);
        if !self.append.is_empty() {
            let layers = top.entry("layers").or_insert_with(|| json!([]));
            if layers.is_null() {
                *layers = json!([]);
            }
            let layers = layers
                .as_array_mut()
                .ok_or_else(|| malformed("`layers` is no list"))?;
            for NewLayer { blob, .. } in &self.append {
                layers.push(json!({ "mediaType": blob.media_type, "size": blob.size, "digest": blob.digest }));
            }
        }
        if !self.annotations.is_empty() {
            if *manifest.media_type() == MediaType::DOCKER_MANIFEST {
                let text = "docker's manifests have no annotations";
                let hint = "make an OCI image of it first, with `barque copy --format oci`";
                return Err(Error::refused(text).hint(hint));
            }
            set_all(top, "annotations", &self.annotations);
        }
        let text = go_json::compact(&document).map_err(|e| ManifestError::Json(e.to_string()))?;
        Ok(Edited {
            manifest: Manifest::parse(text.into(), Some(manifest.media_type().as_str()))?,
            config,
            config_bytes: bytes,
        })
    }

    /// The config `raw` with these changes.
    fn config(&self, raw: &[u8]) -> Result<String> {
        let wrong = |what: &str| Error::from(ConfigError::new(what));
        let text = go_json::readable(raw);
        let mut document: Value = serde_json::from_str(&text).map_err(|e| wrong(&e.to_string()))?;
        let top = document
            .as_object_mut()
            .ok_or_else(|| wrong("it is not an object"))?;
        if let Some(created) = &self.created {
            let time = rfc3339(created).ok_or_else(|| {
                Error::other(format!("`{created}` is not a time"))
                    .hint("write it like 2026-01-31T12:00:00Z")
            })?;
            set(top, "created", time.into());
        }
        if let Some(platform) = &self.platform {
            set(top, "architecture", platform.architecture.as_str().into());
            set(top, "os", platform.os.as_str().into());
            set_or_remove(top, "variant", platform.variant.as_deref());
            set_or_remove(top, "os.version", platform.os_version.as_deref());
        }
        self.run_config(object(top, "config").ok_or_else(|| wrong("`config` is no object"))?);
        if !self.append.is_empty() {
            let rootfs = object(top, "rootfs").ok_or_else(|| wrong("`rootfs` is no object"))?;
            let ids = list(rootfs, "diff_ids").ok_or_else(|| wrong("`diff_ids` is no list"))?;
            ids.extend(
                self.append
                    .iter()
                    .map(|layer| Value::from(layer.diff_id.to_string())),
            );
            set(rootfs, "type", "layers".into());
            // An image without a history says nothing of any layer.
            if key(top, "history").is_some_and(|name| top[&name].is_array()) {
                let steps = list(top, "history").ok_or_else(|| wrong("`history` is no list"))?;
                for layer in &self.append {
                    let mut step = Map::new();
                    if let Some(time) = self.created.as_deref().and_then(rfc3339) {
                        step.insert("created".to_owned(), time.into());
                    }
                    step.insert("created_by".to_owned(), layer.created_by.as_str().into());
                    steps.push(step.into());
                }
            }
        }
        go_json::compact(&document).map_err(|e| wrong(&e.to_string()))
    }

    fn run_config(&self, run: &mut Map<String, Value>) {
        if !self.labels.is_empty() {
            set_all(run, "Labels", &self.labels);
        }
        if !self.env.is_empty()
            && let Some(env) = list(run, "Env")
        {
            for (name, value) in &self.env {
                let is_it = |v: &Value| {
                    let pair = v.as_str().unwrap_or_default();
                    pair.split('=').next() == Some(name)
                };
                match (value, env.iter().position(is_it)) {
                    (Some(value), Some(at)) => env[at] = format!("{name}={value}").into(),
                    (Some(value), None) => env.push(format!("{name}={value}").into()),
                    (None, _) => env.retain(|v| !is_it(v)),
                }
            }
        }
        if let Some(entrypoint) = &self.entrypoint {
            set_list(run, "Entrypoint", entrypoint);
            if self.cmd.is_none() {
                remove(run, "Cmd");
            }
        }
        if let Some(cmd) = &self.cmd {
            set_list(run, "Cmd", cmd);
        }
        if let Some(user) = &self.user {
            set_or_remove(run, "User", Some(user.as_str()));
        }
        if let Some(workdir) = &self.workdir {
            set_or_remove(run, "WorkingDir", Some(workdir.as_str()));
        }
    }
}

/// The name that the member `known` has in `object`: Go's decoder takes it in any case.
fn key(object: &Map<String, Value>, known: &str) -> Option<String> {
    match object.contains_key(known) {
        true => Some(known.to_owned()),
        false => object.keys().find(|name| same_name(known, name)).cloned(),
    }
}

fn set(object: &mut Map<String, Value>, known: &str, value: Value) {
    let name = key(object, known).unwrap_or_else(|| known.to_owned());
    object.insert(name, value);
}

fn remove(object: &mut Map<String, Value>, known: &str) {
    if let Some(name) = key(object, known) {
        object.shift_remove(&name);
    }
}

/// Sets a text; an empty one, or none, is taken away.
fn set_or_remove(object: &mut Map<String, Value>, known: &str, text: Option<&str>) {
    match text {
        Some(text) if !text.is_empty() => set(object, known, text.into()),
        _ => remove(object, known),
    }
}

fn set_list(object: &mut Map<String, Value>, known: &str, list: &[String]) {
    match list.is_empty() {
        true => remove(object, known),
        false => set(object, known, list.into()),
    }
}

/// The object `known`, made where it is missing or null; `None` if it is something else.
fn object<'a>(of: &'a mut Map<String, Value>, known: &str) -> Option<&'a mut Map<String, Value>> {
    let name = key(of, known).unwrap_or_else(|| known.to_owned());
    let value = of.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut()
}

/// The list `known`, made where it is missing or null; `None` if it is something else.
fn list<'a>(of: &'a mut Map<String, Value>, known: &str) -> Option<&'a mut Vec<Value>> {
    let name = key(of, known).unwrap_or_else(|| known.to_owned());
    let value = of.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = json!([]);
    }
    value.as_array_mut()
}

/// Sets and removes members of the map `known`, and removes it when nothing is left.
fn set_all(of: &mut Map<String, Value>, known: &str, changes: &[(String, Option<String>)]) {
    let Some(map) = object(of, known) else { return };
    for (name, value) in changes {
        match value {
            Some(value) => drop(map.insert(name.clone(), value.as_str().into())),
            None => drop(map.shift_remove(name)),
        }
    }
    if map.is_empty() {
        remove(of, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(config: &str, change: impl Fn(&mut Edits)) -> String {
        let mut edits = Edits::default();
        change(&mut edits);
        edits.config(config.as_bytes()).unwrap()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_is_not_changed_stays_as_it_is() {
        let config = r#"{"unknown":[1.50,"x"],"architecture":"amd64","os":"linux","config":{"Zed":null,"Env":["A=1"]},"rootfs":{"type":"layers","diff_ids":[]}}"#;
        assert_eq!(edited(config, |_| {}), config.replace("1.50", "1.5"));
    }

    #[test]
    fn environment_and_labels_keep_their_places() {
        let config = r#"{"config":{"Env":["A=1","B=2=3","C"],"labels":{"x":"1"}}}"#;
        let after = edited(config, |e| {
            e.env = vec![
                ("B".into(), some("new")),
                ("D".into(), some("4")),
                ("C".into(), None),
            ];
            e.labels = vec![("y".into(), some("<2>"))];
        });
        assert_eq!(
            after,
            r#"{"config":{"Env":["A=1","B=new","D=4"],"labels":{"x":"1","y":"\u003c2\u003e"}}}"#
        );
        let after = edited(config, |e| e.labels = vec![("x".into(), None)]);
        assert_eq!(after, r#"{"config":{"Env":["A=1","B=2=3","C"]}}"#);
    }

    #[test]
    fn a_new_entry_point_takes_the_command_away() {
        let config = r#"{"config":{"Cmd":["a"],"Entrypoint":["b"],"User":"u"}}"#;
        let after = edited(config, |e| e.entrypoint = Some(vec!["c".into()]));
        assert_eq!(after, r#"{"config":{"Entrypoint":["c"],"User":"u"}}"#);
        let after = edited(config, |e| {
            e.entrypoint = Some(Vec::new());
            e.cmd = Some(vec!["d".into()]);
            e.user = some("");
        });
        assert_eq!(after, r#"{"config":{"Cmd":["d"]}}"#);
    }

    #[test]
    fn a_layer_gets_a_step_where_there_is_a_history() {
        let layer = NewLayer {
            blob: Descriptor::new("x", Digest::of(Algorithm::Sha256, b"x"), 1),
            diff_id: Digest::of(Algorithm::Sha256, b"y"),
            created_by: "edit".into(),
        };
        let id = &layer.diff_id;
        let append = |config: &str| edited(config, |e| e.append = vec![layer.clone()]);
        assert_eq!(
            append(r#"{"rootfs":{"type":"layers","diff_ids":null},"history":[]}"#),
            format!(
                r#"{{"rootfs":{{"type":"layers","diff_ids":["{id}"]}},"history":[{{"created_by":"edit"}}],"config":{{}}}}"#
            )
        );
        assert!(!append("{}").contains("history"));
    }
}
