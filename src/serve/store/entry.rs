//! `Entry`: one entry of an `index.json`, as it was read and as it is written.
//!
//! An entry that barque would write differently is kept as the text that it had, so that members which barque does not know
//! survive. Of all others only the parts are kept, which take less memory than the text.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::facts::interned;
use crate::image::{Digest, Tag};

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An entry of an `index.json`.
#[derive(Debug)]
pub(super) struct Entry {
    /// `None` for one that cannot be read.
    pub(super) digest: Option<Digest>,
    pub(super) media_type: Cow<'static, str>,
    size: u64,
    pub(super) tag: Option<Arc<str>>,
    /// The text, where barque would write another one.
    raw: Option<Box<RawValue>>,
}

/// What barque reads of an entry.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Parts<'a> {
    #[serde(borrow)]
    media_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    digest: Option<Cow<'a, str>>,
    size: Option<u64>,
    #[serde(borrow)]
    annotations: Option<Annotations<'a>>,
}

/// What barque writes of an entry.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    media_type: &'a str,
    digest: Option<&'a Digest>,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations<'a>>,
}

#[derive(Serialize, Deserialize, Default)]
struct Annotations<'a> {
    #[serde(borrow, rename = "org.opencontainers.image.ref.name")]
    ref_name: Option<Cow<'a, str>>,
}

impl Entry {
    pub(super) fn read(raw: Box<RawValue>) -> Entry {
        let parts: Parts = serde_json::from_str(raw.get()).unwrap_or_default();
        let name = parts.annotations.unwrap_or_default().ref_name;
        let tag = name.filter(|name| name.parse::<Tag>().is_ok());
        let entry = Entry {
            digest: parts.digest.and_then(|d| d.parse().ok()),
            media_type: interned(parts.media_type.unwrap_or_default()),
            size: parts.size.unwrap_or_default(),
            tag: tag.map(Arc::from),
            raw: None,
        };
        match entry.text() == raw.get().as_bytes() {
            true => entry,
            false => Entry {
                raw: Some(raw),
                ..entry
            },
        }
    }

    pub(super) fn new(digest: &Digest, media_type: &str, size: u64, tag: Option<&Tag>) -> Entry {
        Entry {
            digest: Some(digest.clone()),
            media_type: interned(media_type.into()),
            size,
            tag: tag.map(|tag| tag.as_str().into()),
            raw: None,
        }
    }

    /// Writes the entry, as it was written before.
    pub(super) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(raw) = &self.raw {
            return out.write_all(raw.get().as_bytes());
        }
        let tag = self.tag.as_deref();
        let written = Written {
            media_type: &self.media_type,
            digest: self.digest.as_ref(),
            size: self.size,
            annotations: tag.map(|tag| Annotations {
                ref_name: Some(tag.into()),
            }),
        };
        Ok(serde_json::to_writer(out, &written)?)
    }

    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Memory takes every byte, and each part can be written as JSON.
        let _ = self.write_to(&mut text);
        text
    }

    pub(super) fn has(&self, tag: &Tag) -> bool {
        self.tag.as_deref() == Some(tag.as_str())
    }

    /// Whether another program gave it a name, a tag or not.
    pub(super) fn is_named(&self) -> bool {
        let named = |raw: &RawValue| raw.get().contains(REF_NAME);
        self.tag.is_some() || self.raw.as_deref().is_some_and(named)
    }

    /// This entry with the name `tag`, or without one.
    pub(super) fn renamed(&self, tag: Option<&Tag>) -> Entry {
        let mut entry: Value = serde_json::from_slice(&self.text()).unwrap_or_default();
        if let Value::Object(members) = &mut entry {
            let annotations = members.entry("annotations").or_insert_with(|| json!({}));
            if !annotations.is_object() {
                *annotations = json!({});
            }
            if let Value::Object(names) = annotations {
                match tag {
                    Some(tag) => drop(names.insert(REF_NAME.into(), tag.as_str().into())),
                    None => drop(names.shift_remove(REF_NAME)),
                }
                if names.is_empty() {
                    members.shift_remove("annotations");
                }
            }
        }
        Entry::read(RawValue::from_string(entry.to_string()).unwrap_or_default())
    }
}
