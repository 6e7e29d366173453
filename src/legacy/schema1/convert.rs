//! Docker's schema 1 as a modern manifest, and modern images as schema 1 (protocols 7.1, 7.2).
//!
//! The way up needs the plain digests of the layers, which only reading them tells: the caller has them. The way down
//! gives the payload that docker's registry would give, to the byte; a key of the caller signs it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::image::convert::{ConvertError, LAYERS, docker_layer_type};
use crate::image::media_type::{DOCKER_LAYER, DOCKER_LAYER_GZIP};
use crate::image::schema1::EMPTY_LAYER;
use crate::image::{
    Algorithm, Digest, ImageConfig, ImageView, Manifest, MediaType, Schema1Signer, Schema1View,
    go_json,
};

/// The type that schema 2 has for a layer of a schema 1 image, which says none.
pub fn schema2_layer_type(is_gzip: bool) -> MediaType {
    MediaType::new(match is_gzip {
        true => DOCKER_LAYER_GZIP,
        false => DOCKER_LAYER,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u8,
    name: &'a str,
    tag: &'a str,
    architecture: &'a str,
    fs_layers: Vec<FsLayer<'a>>,
    history: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FsLayer<'a> {
    blob_sum: &'a Digest,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "v1Compatibility")]
    v1_compatibility: &'a str,
}

/// The payload of a schema 1 manifest, as docker's registry indents it; without signatures it is a manifest itself.
///
/// The entries of `view` are written as they are. `name` is the repository without its registry.
///
/// # Errors
/// [`ConvertError::Manifest`] when a text cannot be written as JSON.
pub fn payload(view: &Schema1View, name: &str, tag: &str) -> Result<String, ConvertError> {
    let document = Document {
        schema_version: 1,
        name,
        tag,
        architecture: &view.architecture,
        fs_layers: view
            .fs_layers
            .iter()
            .map(|blob_sum| FsLayer { blob_sum })
            .collect(),
        history: view
            .history
            .iter()
            .map(|v1_compatibility| Entry { v1_compatibility })
            .collect(),
    };
    go_json::indented(&document, "   ").map_err(malformed)
}

/// The manifest of `view`, signed by `key`. Fails with the errors of [`payload`] and of the key.
pub(crate) fn signed(view: &Schema1View, key: &dyn Schema1Signer) -> crate::Result<Manifest> {
    let payload = payload(view, &view.name, &view.tag)?;
    let bytes = key.sign(payload.as_bytes())?;
    Ok(Manifest::parse(bytes, None)?)
}

fn malformed(error: serde_json::Error) -> ConvertError {
    ConvertError::History(error.to_string())
}

/// A step of the history as docker's registry writes it: what the layers below the top one have in schema 1.
#[derive(Serialize)]
struct Step<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    parent: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    comment: &'a str,
    created: &'a str,
    container_config: Command<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    author: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    throwaway: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Command<'a> {
    cmd: [&'a str; 1],
}

/// What Go prints for a time that is not there.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// The image `view` with the config `config` as schema 1; its `name` and `tag` come with [`payload`].
///
/// Steps without a layer get `EMPTY_LAYER`, which has to be written with the image.
///
/// # Errors
/// [`ConvertError::History`] when the history does not tell of each layer, and one of the errors about types when a
/// layer is compressed or encrypted in a way that docker's format does not have.
pub fn of_image(view: &ImageView, config: &[u8]) -> Result<Schema1View, ConvertError> {
    for layer in &view.layers {
        let known = LAYERS.iter().any(|(docker, _)| layer.media_type == *docker);
        if !known {
            docker_layer_type(&layer.media_type)?;
        }
    }
    let known = ImageConfig::parse(config)?;
    let text = go_json::readable(config);
    let steps = known
        .history
        .iter()
        .filter(|step| !step.empty_layer)
        .count();
    if known.history.is_empty() || steps != view.layers.len() {
        return Err(ConvertError::History(match view.layers.len() {
            0 if steps == 0 => "it is empty, and so is the image".to_owned(),
            layers => format!("it tells of {steps} layers, but the image has {layers}"),
        }));
    }
    let empty = Digest::of(Algorithm::Sha256, &EMPTY_LAYER);
    let mut layers = view.layers.iter().map(|layer| &layer.digest);
    let mut parent = base_parent(&text);
    let mut schema1 = Schema1View {
        name: String::new(),
        tag: String::new(),
        architecture: known.architecture.clone(),
        fs_layers: Vec::with_capacity(known.history.len()),
        history: Vec::with_capacity(known.history.len()),
    };
    for (at, step) in known.history.iter().enumerate() {
        let blob = match step.empty_layer {
            true => &empty,
            // There are as many as there are steps with one.
            false => layers.next().unwrap_or(&empty),
        };
        let is_top = at + 1 == known.history.len();
        let mut seed = format!("{} {parent}", blob.hex()).into_bytes();
        if is_top {
            seed.push(b' ');
            seed.extend_from_slice(config);
        }
        let id = Digest::of(Algorithm::Sha256, &seed).hex().to_owned();
        let text = if is_top {
            top(&text, &id, &parent, step.empty_layer)
        } else {
            go_json::compact(&Step {
                id: &id,
                parent: &parent,
                comment: &step.comment,
                created: step.created.as_deref().unwrap_or(NO_TIME),
                container_config: Command {
                    cmd: [&step.created_by],
                },
                author: &step.author,
                throwaway: step.empty_layer,
            })
        };
        schema1.fs_layers.push(blob.clone());
        schema1.history.push(text.map_err(malformed)?);
        parent = id;
    }
    schema1.fs_layers.reverse();
    schema1.history.reverse();
    Ok(schema1)
}

/// The parent of the lowest layer: none, but for old Windows images, whose base is no layer of the image.
fn base_parent(config: &str) -> String {
    let config: Option<serde_json::Value> = serde_json::from_str(config).ok();
    let base = config
        .as_ref()
        .and_then(|c| c["rootfs"]["base_layer"].as_str());
    base.map_or_else(String::new, |base| {
        let hash = Digest::of(Algorithm::Sha384, base.as_bytes());
        hash.hex()[..64].to_owned()
    })
}

/// The text of the top layer: the config's members byte for byte, sorted, with its place in the chain.
fn top(config: &str, id: &str, parent: &str, throwaway: bool) -> serde_json::Result<String> {
    let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(config)?;
    for value in members.values_mut() {
        *value = RawValue::from_string(go_json::squeezed(value.get()))?;
    }
    members.remove("rootfs");
    members.remove("history");
    members.insert("id".to_owned(), to_raw_value(id)?);
    if !parent.is_empty() {
        members.insert("parent".to_owned(), to_raw_value(parent)?);
    }
    if throwaway {
        members.insert("throwaway".to_owned(), to_raw_value(&true)?);
    }
    go_json::compact(&members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Descriptor;

    fn image(types: &[&str]) -> ImageView {
        let blob = |name: &str| Digest::of(Algorithm::Sha256, name.as_bytes());
        ImageView {
            config: Descriptor::new(MediaType::OCI_CONFIG, blob("config"), 1),
            layers: types
                .iter()
                .map(|t| Descriptor::new(*t, blob(t), 1))
                .collect(),
            subject: None,
            artifact_type: None,
        }
    }

    const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

    #[test]
    fn the_history_has_to_tell_of_each_layer() {
        for config in [
            "{}",
            r#"{"history":[]}"#,
            r#"{"history":[{"empty_layer":true}]}"#,
            r#"{"history":[{},{}]}"#,
        ] {
            let refused = of_image(&image(&[GZIP]), config.as_bytes());
            assert!(matches!(refused, Err(ConvertError::History(_))), "{config}");
        }
        let zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
        let refused = of_image(&image(&[zstd]), br#"{"history":[{}]}"#);
        assert!(matches!(refused, Err(ConvertError::Zstd(_))));
    }

    #[test]
    fn a_chain_made_here_keeps_the_rules() {
        let config = br##"{"architecture":"arm","os":"linux","x":"<","history":[{"created_by":"a && b","author":"me"},
            {"empty_layer":true,"comment":"c","created":"2020-01-01T00:00:00.10Z"},{}],"rootfs":{"base_layer":"w"}}"##;
        let schema1 = of_image(&image(&[GZIP, DOCKER_LAYER]), config).unwrap();
        let chain = schema1.chain();
        // The base of a Windows image has a parent, which docker's rules do not know.
        assert!(chain.is_err());
        assert!(schema1.history[2].contains(r#","created":"0001-01-01T00:00:00Z","container_config":{"Cmd":["a \u0026\u0026 b"]},"author":"me"}"#));
        let text = String::from_utf8(config.to_vec())
            .unwrap()
            .replace("base_layer", "other");
        let schema1 = of_image(&image(&[GZIP, DOCKER_LAYER]), text.as_bytes()).unwrap();
        let chain = schema1.chain().unwrap();
        assert_eq!(chain.len(), 3);
        assert_eq!(chain[1].image.created(), Some("2020-01-01T00:00:00.1Z"));
        assert!(chain[1].image.throwaway() && !chain[2].image.throwaway());
        assert!(
            schema1.history[0].starts_with(r#"{"architecture":"arm","id":""#),
            "{}",
            schema1.history[0]
        );
        assert!(schema1.history[0].ends_with(r#","x":"\u003c"}"#));
    }
}
