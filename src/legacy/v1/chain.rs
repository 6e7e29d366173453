//! A modern image as a chain of V1 images (protocols 7.4, the rule of docker 1.10 to 1.12).
//!
//! Separate from `v1`, which goes the other way. The images below the top stand for layers and nothing else, so that
//! equal layers over equal layers are one image in a registry, whoever pushes them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};

use super::V1Error;
use crate::image::{Algorithm, Digest, V1Id, go_json};

/// A V1 image to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V1Made {
    pub id: V1Id,
    pub json: Bytes,
}

/// Members of a modern config that V1 images never had.
const NEWER: [&str; 4] = ["rootfs", "history", "os.version", "os.features"];

/// The V1 images of an image with `config` over layers of these plain digests, base first: one for each layer, and
/// one where there is none.
///
/// # Errors
/// [`V1Error::Json`] when the config is no object.
pub fn v1_chain(config: &[u8], diff_ids: &[Digest]) -> Result<Vec<V1Made>, V1Error> {
    made(config, diff_ids).map_err(|e| V1Error::Json(e.to_string()))
}

fn made(config: &[u8], diff_ids: &[Digest]) -> serde_json::Result<Vec<V1Made>> {
    let mut chain: Vec<V1Made> = Vec::with_capacity(diff_ids.len().max(1));
    let mut below: Option<Digest> = None;
    for diff_id in diff_ids.iter().take(diff_ids.len().saturating_sub(1)) {
        let chain_id = match &below {
            None => diff_id.clone(),
            Some(below) => Digest::of(Algorithm::Sha256, format!("{below} {diff_id}").as_bytes()),
        };
        let id = id(&chain_id);
        let mut members = BTreeMap::from([("id", to_raw_value(id.as_str())?)]);
        if let Some(parent) = chain.last() {
            members.insert("parent", to_raw_value(parent.id.as_str())?);
        }
        let json = go_json::compact(&members)?.into();
        chain.push(V1Made { id, json });
        below = Some(chain_id);
    }
    let top = id(&Digest::of(Algorithm::Sha256, config));
    let text = go_json::readable(config);
    let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text)?;
    members.retain(|name, _| !NEWER.contains(&name.as_str()));
    for value in members.values_mut() {
        *value = RawValue::from_string(go_json::squeezed(value.get()))?;
    }
    members.insert("id".to_owned(), to_raw_value(top.as_str())?);
    if let Some(parent) = chain.last() {
        members.insert("parent".to_owned(), to_raw_value(parent.id.as_str())?);
    }
    let json = go_json::compact(&members)?.into();
    chain.push(V1Made { id: top, json });
    Ok(chain)
}

/// A digest's digits as an id; a digest of another length is hashed once more.
fn id(digest: &Digest) -> V1Id {
    V1Id::parse(digest.hex()).unwrap_or_else(|| {
        id(&Digest::of(
            Algorithm::Sha256,
            digest.to_string().as_bytes(),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::legacy::v1::V1Image;

    #[test]
    fn a_chain_names_its_parents_and_keeps_the_config() {
        let diff_ids = [b"a", b"b", b"c"].map(|b| Digest::of(Algorithm::Sha256, b));
        let config = br#"{"os":"linux", "config":{"Cmd":["a<b"]},"rootfs":{},"history":[],"x": 1}"#;
        let chain = v1_chain(config, &diff_ids).unwrap();
        assert_eq!(chain.len(), 3);
        assert_eq!(chain[0].id.as_str(), diff_ids[0].hex());
        assert_eq!(
            chain[0].json,
            format!(r#"{{"id":"{}"}}"#, diff_ids[0].hex())
        );
        let joined = format!("{} {}", diff_ids[0], diff_ids[1]);
        let second = Digest::of(Algorithm::Sha256, joined.as_bytes());
        assert_eq!(chain[1].id.as_str(), second.hex());
        let top = Digest::of(Algorithm::Sha256, config);
        assert_eq!(
            chain[2].json,
            format!(
                r#"{{"config":{{"Cmd":["a\u003cb"]}},"id":"{}","os":"linux","parent":"{}","x":1}}"#,
                top.hex(),
                second.hex()
            )
        );
        for (made, below) in chain.iter().zip([None, Some(&chain[0]), Some(&chain[1])]) {
            let image = V1Image::parse(made.json.clone()).unwrap();
            assert_eq!(image.id(), made.id.as_str());
            assert_eq!(image.parent(), below.map(|b| b.id.as_str()));
        }
        assert_eq!(v1_chain(b"{}", &[]).unwrap().len(), 1);
        assert!(v1_chain(b"[]", &diff_ids).is_err());
    }
}
