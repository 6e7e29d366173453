//! The documents that readers older than `manifest.json` want: a directory a layer and `repositories`.
//!
//! They are skopeo's to the byte (`docker/internal/tarfile/writer.go` of containers/image), because they are what
//! keeps a written archive reproducible across both tools.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};

use super::super::tar_writer::{Content, Entry};
use super::file;
use super::former::Repositories;
use crate::image::{Algorithm, Digest, go_json};

/// Members of the config that the top layer's document takes over, null where they are missing.
const COPIED: [&str; 7] = [
    "architecture",
    "config",
    "container",
    "container_config",
    "created",
    "docker_version",
    "os",
];

/// The directories of `layers`, base first, and the id of the top one; each layer comes with the member that holds it.
pub(super) fn directories(
    config: &[u8],
    layers: &[(Digest, String)],
) -> serde_json::Result<(Vec<Entry>, Option<String>)> {
    let text = go_json::readable(config);
    let config: BTreeMap<String, &RawValue> = serde_json::from_str(&text)?;
    let mut entries = Vec::new();
    let mut chain: Option<Digest> = None;
    let mut parent: Option<String> = None;
    for (i, (layer, member)) in layers.iter().enumerate() {
        let mut document: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
        if let Some(parent) = &parent {
            document.insert("parent", to_raw_value(parent)?);
        }
        if i + 1 == layers.len() {
            for name in COPIED {
                let text = config.get(name).map_or("null", |raw| raw.get());
                document.insert(name, RawValue::from_string(go_json::squeezed(text))?);
            }
        }
        let chained = match &chain {
            None => layer.clone(),
            Some(chain) => Digest::of(Algorithm::Sha256, format!("{chain} {layer}").as_bytes()),
        };
        document.insert("layer_id", to_raw_value(&chained)?);
        chain = Some(chained);
        let id = Digest::of(Algorithm::Sha256, go_json::compact(&document)?.as_bytes());
        let id = id.hex().to_owned();
        document.remove("layer_id");
        document.insert("id", to_raw_value(&id)?);
        entries.push(Entry {
            name: format!("{id}/layer.tar"),
            mode: 0,
            content: Content::Symlink(format!("../{member}")),
        });
        entries.push(file(format!("{id}/VERSION"), Bytes::from_static(b"1.0")));
        let json = go_json::compact(&document)?;
        entries.push(file(format!("{id}/json"), json.into()));
        parent = Some(id);
    }
    Ok((entries, parent))
}

/// The content of `repositories`: what it had before, and the image `id` under each of `tags`, names in full.
pub(super) fn repositories(
    mut before: Repositories,
    tags: &[String],
    id: Option<&str>,
) -> serde_json::Result<String> {
    if let Some(id) = id {
        for (name, tag) in tags.iter().filter_map(|full| full.rsplit_once(':')) {
            let tags = before.entry(name.to_owned()).or_default();
            tags.insert(tag.to_owned(), id.to_owned());
        }
    }
    go_json::compact(&before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_layer_takes_over_what_the_config_says() {
        let layer = Digest::of(Algorithm::Sha256, b"x");
        let config = br#"{"os": "linux", "config": {"Cmd": ["a && b"]}, "history": []}"#;
        let (entries, top) = directories(
            config,
            &[(layer.clone(), "a.tar".into()), (layer, "a.tar".into())],
        )
        .unwrap();
        assert_eq!(entries.len(), 6);
        let Content::File(json) = &entries[5].content else {
            panic!("no file")
        };
        let json = std::str::from_utf8(json).unwrap();
        assert!(json.starts_with(
            r#"{"architecture":null,"config":{"Cmd":["a \u0026\u0026 b"]},"container":null"#
        ));
        assert!(json.contains(&format!(r#""id":"{}""#, top.unwrap())));
    }
}
