//! `Snapshot`: an `index.json` as it was read at one time, and how one with another image follows from it.
//!
//! Unlike the index of a transport it has no limit on entries: a server grows one for years.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};

use hashbrown::HashTable;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::entry::Entry;
use super::facts::Relations;
use crate::image::{Digest, MediaType, Tag};

/// The entries of an `index.json` and the ways to find them.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The members before and after `manifests`, in order.
    members: Arc<[(String, Box<RawValue>)]>,
    entries: Vec<Arc<Entry>>,
    /// The place of the first entry of each digest. The digests are not copied, because every change of the index builds
    /// this table again.
    by_digest: HashTable<usize>,
    hasher: RandomState,
    tags: Arc<[Arc<str>]>,
    /// The place of the entry of each tag.
    tagged: Vec<usize>,
    /// What the manifests say of each other; found out when it is first asked for.
    pub(super) relations: OnceLock<Relations>,
}

impl Snapshot {
    /// An index without entries.
    pub(super) fn empty() -> Snapshot {
        let document =
            json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": []});
        // This document can be read.
        Snapshot::parse(document.to_string().as_bytes())
            .unwrap_or_else(|_| Snapshot::of(Arc::new([]), Vec::new()))
    }

    /// Reads an `index.json`; the error says what is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Snapshot, String> {
        let Members(members) = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let manifests = members.iter().find(|(name, _)| name == "manifests");
        let entries: Option<Vec<Box<RawValue>>> = match manifests {
            Some((_, list)) => serde_json::from_str(list.get()).map_err(|e| e.to_string())?,
            None => None,
        };
        let entries = entries.unwrap_or_default().into_iter();
        let entries = entries.map(|raw| Arc::new(Entry::read(raw))).collect();
        let empty = || RawValue::from_string("[]".into()).unwrap_or_default();
        let mut members: Vec<_> = members
            .into_iter()
            .map(|(name, value)| match name == "manifests" {
                // Its place is kept, its value is written from the entries.
                true => (name, empty()),
                false => (name, value.to_owned()),
            })
            .collect();
        if !members.iter().any(|(name, _)| name == "manifests") {
            members.push(("manifests".into(), empty()));
        }
        Ok(Snapshot::of(members.into(), entries))
    }

    fn of(members: Arc<[(String, Box<RawValue>)]>, entries: Vec<Arc<Entry>>) -> Snapshot {
        let hasher = RandomState::new();
        let hash = |place: &usize| hasher.hash_one(&entries[*place].digest);
        let mut by_digest = HashTable::with_capacity(entries.len());
        let mut tagged = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            if entry.digest.is_some() {
                let same = |other: &usize| entries[*other].digest == entry.digest;
                by_digest.entry(hash(&place), same, hash).or_insert(place);
                if entry.tag.is_some() {
                    tagged.push(place);
                }
            }
        }
        // Stable: of several entries with one name the first counts, as for skopeo.
        tagged.sort_by(|a: &usize, b: &usize| entries[*a].tag.cmp(&entries[*b].tag));
        tagged.dedup_by(|a, b| entries[*a].tag == entries[*b].tag);
        let tags = tagged
            .iter()
            .filter_map(|place| entries[*place].tag.clone());
        Snapshot {
            tags: tags.collect(),
            members,
            entries,
            by_digest,
            hasher,
            tagged,
            relations: OnceLock::new(),
        }
    }

    /// The document.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.entries.len() * 256 + 256);
        for (at, (name, value)) in self.members.iter().enumerate() {
            text.push(if at == 0 { b'{' } else { b',' });
            text.extend_from_slice(Value::from(name.as_str()).to_string().as_bytes());
            text.push(b':');
            if name != "manifests" {
                text.extend_from_slice(value.get().as_bytes());
                continue;
            }
            text.push(b'[');
            for (at, entry) in self.entries.iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                entry.write_to(&mut text);
            }
            text.push(b']');
        }
        text.push(b'}');
        text
    }

    /// The tags, sorted.
    pub(super) fn tags(&self) -> &Arc<[Arc<str>]> {
        &self.tags
    }

    /// The entry of `tag`.
    pub(super) fn tagged(&self, tag: &Tag) -> Option<&Entry> {
        let place = self
            .tags
            .binary_search_by(|t| (**t).cmp(tag.as_str()))
            .ok()?;
        self.entries.get(*self.tagged.get(place)?).map(|e| &**e)
    }

    /// The first entry of `digest`.
    pub(super) fn entry(&self, digest: &Digest) -> Option<&Entry> {
        let is_it = |place: &usize| self.entries[*place].digest.as_ref() == Some(digest);
        let found = self
            .by_digest
            .find(self.hasher.hash_one(Some(digest)), is_it)?;
        self.entries.get(*found).map(|e| &**e)
    }

    /// All entries.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|e| &**e)
    }

    /// This index with the image `digest` in it under each of `tags`, or without a name where there are none. Another image
    /// that had a tag stays without it. `None` when nothing changes.
    pub(super) fn with(
        &self,
        (digest, media_type, size): (&Digest, &str, u64),
        tags: &[&Tag],
    ) -> Option<Snapshot> {
        let mut next = None;
        for tag in tags {
            let from: &Snapshot = next.as_ref().unwrap_or(self);
            if from
                .tagged(tag)
                .is_some_and(|e| e.digest.as_ref() == Some(digest))
            {
                continue;
            }
            let mut entries = from.without_name(tag);
            let nameless = |e: &Arc<Entry>| e.digest.as_ref() == Some(digest) && !e.is_named();
            match entries.iter_mut().find(|e| nameless(e)) {
                Some(entry) => *entry = Arc::new(entry.renamed(Some(tag))),
                None => entries.push(Arc::new(Entry::new(digest, media_type, size, Some(tag)))),
            }
            next = Some(Snapshot::of(self.members.clone(), entries));
        }
        if tags.is_empty() && self.entry(digest).is_none() {
            let mut entries = self.entries.clone();
            entries.push(Arc::new(Entry::new(digest, media_type, size, None)));
            next = Some(Snapshot::of(self.members.clone(), entries));
        }
        next
    }

    /// This index without `tag`; its image stays. `None` when there is no such tag.
    pub(super) fn without_tag(&self, tag: &Tag) -> Option<Snapshot> {
        self.tagged(tag)?;
        let entries = self.without_name(tag);
        Some(Snapshot::of(self.members.clone(), entries))
    }

    /// This index without the image `digest` and its tags. `None` when it is not listed.
    pub(super) fn without_image(&self, digest: &Digest) -> Option<Snapshot> {
        self.entry(digest)?;
        let stays = |e: &&Arc<Entry>| e.digest.as_ref() != Some(digest);
        let entries = self.entries.iter().filter(stays).cloned().collect();
        Some(Snapshot::of(self.members.clone(), entries))
    }

    /// The entries after `tag` was taken from those that have it. One that is listed a second time goes.
    fn without_name(&self, tag: &Tag) -> Vec<Arc<Entry>> {
        let has_it = |e: &Entry| e.tag.as_deref() == Some(tag.as_str());
        let mut entries = Vec::with_capacity(self.entries.len() + 1);
        for (place, entry) in self.entries.iter().enumerate() {
            if !has_it(entry) {
                entries.push(entry.clone());
                continue;
            }
            let listed_again = self.entries.iter().enumerate().any(|(other, e)| {
                other != place && e.digest == entry.digest && (!has_it(e) || other < place)
            });
            if !listed_again {
                entries.push(Arc::new(entry.renamed(None)));
            }
        }
        entries
    }
}

/// The members of an object in their order, as text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;

    fn digest(of: &str) -> Digest {
        Digest::of(Algorithm::Sha256, of.as_bytes())
    }

    fn with(snapshot: &Snapshot, of: &str, tags: &[&str]) -> Option<Snapshot> {
        let tags: Vec<Tag> = tags.iter().map(|t| t.parse().unwrap()).collect();
        let tags: Vec<&Tag> = tags.iter().collect();
        snapshot.with((&digest(of), MediaType::OCI_MANIFEST, 3), &tags)
    }

    fn tag_of(snapshot: &Snapshot, tag: &str) -> Option<Digest> {
        snapshot.tagged(&tag.parse().unwrap())?.digest.clone()
    }

    #[test]
    fn a_tag_moves_and_its_old_image_stays() {
        let one = with(&Snapshot::empty(), "a", &["x", "y"]).unwrap();
        assert_eq!(
            one.tags().iter().map(|t| &**t).collect::<Vec<_>>(),
            ["x", "y"]
        );
        let two = with(&one, "b", &["x"]).unwrap();
        assert_eq!(
            (tag_of(&two, "x"), tag_of(&two, "y")),
            (Some(digest("b")), Some(digest("a")))
        );
        // The image is still listed by its other tag, so no nameless entry is left.
        assert_eq!(two.entries().count(), 2);
        let three = with(&two, "c", &["y"]).unwrap();
        assert_eq!(three.entries().count(), 3);
        assert!(three.entry(&digest("a")).is_some());
        assert!(with(&three, "c", &["y"]).is_none() && with(&three, "a", &[]).is_none());
        // The nameless entry gets the name again.
        let four = with(&three, "a", &["z"]).unwrap();
        assert_eq!(four.entries().count(), 3);
    }

    #[test]
    fn untagging_keeps_the_image_and_deleting_takes_its_tags() {
        let index = with(&Snapshot::empty(), "a", &["x", "y"]).unwrap();
        let tag = "x".parse().unwrap();
        let untagged = index.without_tag(&tag).unwrap();
        assert!(untagged.without_tag(&tag).is_none());
        assert_eq!(tag_of(&untagged, "y"), Some(digest("a")));
        let untagged = untagged.without_tag(&"y".parse().unwrap()).unwrap();
        assert!(untagged.tags().is_empty() && untagged.entry(&digest("a")).is_some());
        let gone = index.without_image(&digest("a")).unwrap();
        assert_eq!((gone.entries().count(), gone.tags().len()), (0, 0));
        assert!(gone.without_image(&digest("a")).is_none());
    }

    #[test]
    fn digests_that_begin_alike_are_told_apart() {
        let text = |end: &str| format!("sha256:{}{end}", "0".repeat(56));
        let one: Digest = text("00000001").parse().unwrap();
        let two: Digest = text("00000002").parse().unwrap();
        let three: Digest = text("00000003").parse().unwrap();
        let mut index = Snapshot::empty();
        for (digest, tag) in [(&one, "a"), (&two, "b")] {
            let tag = tag.parse().unwrap();
            index = index.with((digest, "q", 1), &[&tag]).unwrap();
        }
        for digest in [&one, &two] {
            let found = index.entry(digest).unwrap();
            assert_eq!(found.digest.as_ref(), Some(digest));
        }
        assert!(index.entry(&three).is_none() && index.without_image(&three).is_none());
    }

    fn json(index: &Snapshot) -> String {
        String::from_utf8(index.to_json()).unwrap()
    }

    #[test]
    fn unknown_members_and_entries_survive() {
        let text = r#"{"schemaVersion":2,"x":{"b":1},"manifests":[{"mediaType":"q","size":1,"digest":"md5:1","y":null},{"mediaType":"q","digest":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":1,"annotations":{"k":"v","org.opencontainers.image.ref.name":"x"}}],"z":"<&>"}"#;
        let index = Snapshot::parse(text.as_bytes()).unwrap();
        assert_eq!(json(&index), text);
        let next = json(&with(&index, "a", &["x"]).unwrap());
        assert!(next.starts_with(r#"{"schemaVersion":2,"x":{"b":1},"manifests":[{"mediaType":"q","size":1,"digest":"md5:1","y":null},"#));
        assert!(
            next.contains(r#""annotations":{"k":"v"}}"#) && next.ends_with(r#"}}],"z":"<&>"}"#),
            "{next}"
        );
        assert!(Snapshot::parse(b"[]").is_err() && Snapshot::parse(b"{\"manifests\":{}}").is_err());
        let empty = Snapshot::parse(b"{}").unwrap();
        assert_eq!(json(&empty), r#"{"manifests":[]}"#);
    }
}
