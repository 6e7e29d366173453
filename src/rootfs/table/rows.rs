//! The rows of a table of contents, read one at a time.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::Result;
use crate::rootfs::{Entry, EntryKind, ImagePath, Time};

/// An entry as the table has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default)]
    pub(super) mode: u32,
    #[serde(default)]
    pub(super) uid: u32,
    #[serde(default)]
    pub(super) gid: u32,
    #[serde(default, alias = "modTime")]
    pub(super) modtime: Option<String>,
    #[serde(default)]
    pub(super) link_name: String,
    #[serde(default)]
    pub(super) dev_major: u32,
    #[serde(default)]
    pub(super) dev_minor: u32,
    #[serde(default)]
    pub(super) xattrs: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) digest: String,
    #[serde(default)]
    pub(super) offset: u64,
    #[serde(default)]
    pub(super) end_offset: u64,
    #[serde(default)]
    pub(super) inner_offset: u64,
    #[serde(default)]
    pub(super) chunk_offset: u64,
    #[serde(default)]
    pub(super) chunk_size: u64,
    #[serde(default)]
    pub(super) chunk_digest: String,
}

impl Row {
    /// The entry of the layer that this row stands for; `None` for a further part of a file.
    pub(super) fn entry(self) -> Result<Option<Entry>> {
        let kind = match self.kind.as_str() {
            "reg" => EntryKind::File,
            "dir" => EntryKind::Directory,
            "symlink" => EntryKind::Symlink,
            "hardlink" => EntryKind::HardLink,
            "char" => EntryKind::CharDevice,
            "block" => EntryKind::BlockDevice,
            "fifo" => EntryKind::Fifo,
            _ => return Ok(None),
        };
        let time = self
            .modtime
            .as_deref()
            .and_then(|t| t.parse::<jiff::Timestamp>().ok());
        let value = |text: String| STANDARD.decode(&text).unwrap_or(text.into_bytes());
        let xattrs = self.xattrs.into_iter();
        Ok(Some(Entry {
            path: ImagePath::parse(self.name.as_bytes())?,
            kind,
            mode: self.mode & 0o7777,
            uid: self.uid,
            gid: self.gid,
            size: if kind == EntryKind::File {
                self.size
            } else {
                0
            },
            modified: Time {
                seconds: time.map_or(0, jiff::Timestamp::as_second),
                nanos: 0,
            },
            link: self.link_name.into_bytes(),
            device: (self.dev_major, self.dev_minor),
            xattrs: xattrs
                .map(|(name, text)| (name.into_bytes(), value(text)))
                .collect(),
        }))
    }
}

pub(super) type EachRow<'a> = &'a mut dyn FnMut(Row) -> Result<(), &'static str>;

/// Reads `{"entries": [...]}` one entry at a time: a table can be much larger than what is wanted of it.
pub(super) struct TableSeed<'a>(pub(super) EachRow<'a>);

impl<'de> DeserializeSeed<'de> for TableSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TableSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of contents")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "entries" => map.next_value_seed(RowsSeed(&mut *self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct RowsSeed<'a>(EachRow<'a>);

impl<'de> DeserializeSeed<'de> for RowsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(row) = seq.next_element::<Row>()? {
            (self.0)(row).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
