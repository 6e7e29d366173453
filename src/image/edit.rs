//! Changes of an image's config and manifest, in place: what is not changed keeps its place and its spelling, unknown
//! members and numbers included.
//!
//! Each change means what Docker's and go-containerregistry's tools mean by it: a new entry point takes the command
//! away, a variable that is set twice keeps its place.

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::config::rfc3339;
use super::go_json;
use super::raw_json::{RawObject, Wrong, raw};
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
        let text = go_json::readable(manifest.raw());
        let malformed = |what: Wrong| Error::from(ManifestError::Malformed(what));
        let mut top: RawObject =
            serde_json::from_str(&text).map_err(|e| ManifestError::Json(e.to_string()))?;
        if top.get("config").is_none() {
            return Err(malformed("it has no `config`".to_owned()));
        }
        let digest = Digest::of(Algorithm::Sha256, &bytes);
        let media_type = top.change("config", |entry| {
            // The old bytes, where the descriptor had them in it.
            entry.remove("data");
            entry.set("digest", &digest)?;
            entry.set("size", &bytes.len())?;
            let text = entry.get("mediaType").unwrap_or_default();
            Ok(serde_json::from_str::<String>(text).unwrap_or_default())
        });
        let media_type = media_type.map_err(malformed)?;
        let config = Descriptor::new(media_type.as_str(), digest, bytes.len() as u64);
        self.append_to(&mut top).map_err(malformed)?;
        if !self.annotations.is_empty() {
            if *manifest.media_type() == MediaType::DOCKER_MANIFEST {
                let text = "docker's manifests have no annotations";
                let hint = "make an OCI image of it first, with `barque copy --format oci`";
                return Err(Error::refused(text).hint(hint));
            }
            set_all(&mut top, "annotations", &self.annotations).map_err(malformed)?;
        }
        let text = serde_json::to_string(&top).map_err(|e| ManifestError::Json(e.to_string()))?;
        let text = go_json::squeezed(&text);
        Ok(Edited {
            manifest: Manifest::parse(text.into(), Some(manifest.media_type().as_str()))?,
            config,
            config_bytes: bytes,
        })
    }

    /// Lists the new layers in a manifest.
    fn append_to(&self, top: &mut RawObject) -> Result<(), Wrong> {
        if self.append.is_empty() {
            return Ok(());
        }
        let mut layers = top.list("layers")?;
        for NewLayer { blob, .. } in &self.append {
            layers.push(raw(
                &json!({ "mediaType": blob.media_type, "size": blob.size, "digest": blob.digest }),
            )?);
        }
        top.set_list("layers", &layers)
    }

    /// The config `old` with these changes.
    fn config(&self, old: &[u8]) -> Result<String> {
        if let Some(created) = &self.created
            && rfc3339(created).is_none()
        {
            return Err(Error::other(format!("`{created}` is not a time"))
                .hint("write it like 2026-01-31T12:00:00Z"));
        }
        let wrong = |what: Wrong| Error::from(ConfigError::new(&what));
        let text = go_json::readable(old);
        let mut top: RawObject = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        self.change_config(&mut top).map_err(wrong)?;
        let text = serde_json::to_string(&top).map_err(|e| wrong(e.to_string()))?;
        Ok(go_json::squeezed(&text))
    }

    fn change_config(&self, top: &mut RawObject) -> Result<(), Wrong> {
        let created = self.created.as_deref().and_then(rfc3339);
        if let Some(time) = &created {
            top.set("created", time)?;
        }
        if let Some(platform) = &self.platform {
            top.set("architecture", &platform.architecture.as_str())?;
            top.set("os", &platform.os.as_str())?;
            set_or_remove(top, "variant", platform.variant.as_deref())?;
            set_or_remove(top, "os.version", platform.os_version.as_deref())?;
        }
        top.change("config", |run| self.change_run_config(run))?;
        if self.append.is_empty() {
            return Ok(());
        }
        top.change("rootfs", |rootfs| {
            let mut ids = rootfs.list("diff_ids")?;
            for layer in &self.append {
                ids.push(raw(&layer.diff_id)?);
            }
            rootfs.set_list("diff_ids", &ids)?;
            rootfs.set("type", &"layers")
        })?;
        // An image without a history says nothing of any layer.
        if top.get("history").is_none_or(|text| text == "null") {
            return Ok(());
        }
        let mut steps = top.list("history")?;
        for layer in &self.append {
            let mut step = Map::new();
            if let Some(time) = &created {
                step.insert("created".to_owned(), time.as_str().into());
            }
            step.insert("created_by".to_owned(), layer.created_by.as_str().into());
            steps.push(raw(&step)?);
        }
        top.set_list("history", &steps)
    }

    fn change_run_config(&self, run: &mut RawObject) -> Result<(), Wrong> {
        if !self.labels.is_empty() {
            set_all(run, "Labels", &self.labels)?;
        }
        self.change_env(run)?;
        if let Some(entrypoint) = &self.entrypoint {
            set_list(run, "Entrypoint", entrypoint)?;
            if self.cmd.is_none() {
                run.remove("Cmd");
            }
        }
        if let Some(cmd) = &self.cmd {
            set_list(run, "Cmd", cmd)?;
        }
        if let Some(user) = &self.user {
            set_or_remove(run, "User", Some(user.as_str()))?;
        }
        if let Some(workdir) = &self.workdir {
            set_or_remove(run, "WorkingDir", Some(workdir.as_str()))?;
        }
        Ok(())
    }

    fn change_env(&self, run: &mut RawObject) -> Result<(), Wrong> {
        if self.env.is_empty() {
            return Ok(());
        }
        let mut env = run.list("Env")?;
        for (name, value) in &self.env {
            let is_it = |item: &RawValue| {
                let pair: Value = serde_json::from_str(item.get()).unwrap_or_default();
                pair.as_str().and_then(|pair| pair.split('=').next()) == Some(name)
            };
            let Some(value) = value else {
                env.retain(|item| !is_it(item));
                continue;
            };
            let pair = raw(&format!("{name}={value}"))?;
            match env.iter().position(|item| is_it(item)) {
                Some(at) => env[at] = pair,
                None => env.push(pair),
            }
        }
        run.set_list("Env", &env)
    }
}

/// Sets a text; an empty one, or none, is taken away.
fn set_or_remove(object: &mut RawObject, known: &str, text: Option<&str>) -> Result<(), Wrong> {
    match text {
        Some(text) if !text.is_empty() => object.set(known, &text),
        _ => {
            object.remove(known);
            Ok(())
        }
    }
}

fn set_list(object: &mut RawObject, known: &str, list: &[String]) -> Result<(), Wrong> {
    if list.is_empty() {
        object.remove(known);
        return Ok(());
    }
    object.set(known, &list)
}

/// Sets and removes members of the map `known`, and removes it when nothing is left.
fn set_all(
    of: &mut RawObject,
    known: &str,
    changes: &[(String, Option<String>)],
) -> Result<(), Wrong> {
    let empty = of.change(known, |map| {
        for (name, value) in changes {
            match value {
                Some(value) => map.insert(name, value)?,
                None => map.remove_exactly(name),
            }
        }
        Ok(map.is_empty())
    })?;
    if empty {
        of.remove(known);
    }
    Ok(())
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
        assert_eq!(edited(config, |_| {}), config);
    }

    #[test]
    fn numbers_stay_as_they_are_written() {
        let config = r#"{"big":123456789012345678901234567890,"far":[1e400,-0,1.0E+2],"config":{"x":1e400,"Env":["A=1"],"Labels":{"n":18446744073709551616}},"rootfs":{"y":1.10},"history":[{"z":1e999}]}"#;
        let spaced = config.replace(',', " ,\n\t");
        let change = |e: &mut Edits| e.labels = vec![("b".into(), some("c"))];
        let after = config.replace("18446744073709551616", r#"18446744073709551616,"b":"c""#);
        assert_eq!(edited(&spaced, change), after);
    }

    #[test]
    fn members_of_the_wrong_type_are_errors() {
        let refused = |config: &str, change: &dyn Fn(&mut Edits)| {
            let mut edits = Edits::default();
            change(&mut edits);
            edits.config(config.as_bytes()).unwrap_err().to_string()
        };
        let label = |e: &mut Edits| e.labels = vec![("a".into(), some("b"))];
        let env = |e: &mut Edits| e.env = vec![("a".into(), some("b"))];
        let text = refused(r#"{"config":{"Labels":"x"}}"#, &label);
        assert!(text.contains("`Labels` is no object"), "{text}");
        let text = refused(r#"{"config":{"Env":"A=1"}}"#, &env);
        assert!(text.contains("`Env` is no list"), "{text}");
        let text = refused(r#"{"config":[]}"#, &env);
        assert!(text.contains("`config` is no object"), "{text}");
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
