//! `Index`: an `index.json` in memory, and the changes of it.
//!
//! A change is worked out first, so that the file can be written before anybody sees it, and is applied then. What it takes does
//! not grow with the index, but for the file itself: a repository with thousands of tags gets the next one as fast as the first.
//! Unlike the index of a transport it has no limit on entries: a server grows one for years.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use hashbrown::HashTable;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::json;
use serde_json::value::RawValue;

use super::entry::Entry;
use super::facts::Relations;
use crate::image::{Digest, MediaType, Tag};

/// The entries of an `index.json` and the ways to find them.
#[derive(Debug)]
pub(super) struct Index {
    /// The members before and after `manifests`, in order.
    members: Vec<(String, Box<RawValue>)>,
    entries: Vec<Entry>,
    /// The place of the first entry of each digest.
    by_digest: HashTable<usize>,
    /// The place of the first entry of each tag, which counts if there are several, as for skopeo.
    by_tag: HashTable<usize>,
    hasher: RandomState,
    /// The tags, sorted, once they were asked for.
    tags: OnceLock<Arc<[Arc<str>]>>,
    /// The children and referrers of the manifests, read when they are first asked for. Each change replaces the cell, so that what
    /// was read before cannot fill it.
    pub(super) relations: Arc<OnceLock<Arc<Relations>>>,
}

/// What makes another index of one.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// What comes in the place of entries, by their places; nothing for those that go.
    replaced: BTreeMap<usize, Option<Entry>>,
    /// What comes behind the others.
    added: Vec<Entry>,
}

impl Change {
    /// Nothing, if nothing changes.
    fn or_none(self) -> Option<Change> {
        (!self.replaced.is_empty() || !self.added.is_empty()).then_some(self)
    }
}

impl Index {
    /// An index without entries.
    pub(super) fn empty() -> Index {
        let document =
            json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": []});
        // This document can be read.
        Index::parse(document.to_string().as_bytes())
            .unwrap_or_else(|_| Index::of(Vec::new(), Vec::new()))
    }

    /// Reads an `index.json`; the error says what is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Index, String> {
        let Members(members) = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let manifests = members.iter().find(|(name, _)| name == "manifests");
        let entries: Option<Vec<Box<RawValue>>> = match manifests {
            Some((_, list)) => serde_json::from_str(list.get()).map_err(|e| e.to_string())?,
            None => None,
        };
        let entries = entries.unwrap_or_default().into_iter();
        let entries = entries.map(Entry::read).collect();
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
        Ok(Index::of(members, entries))
    }

    fn of(members: Vec<(String, Box<RawValue>)>, entries: Vec<Entry>) -> Index {
        let mut index = Index {
            members,
            by_digest: HashTable::with_capacity(entries.len()),
            by_tag: HashTable::with_capacity(entries.len()),
            entries,
            hasher: RandomState::new(),
            tags: OnceLock::new(),
            relations: Arc::default(),
        };
        for place in 0..index.entries.len() {
            index.enter(place);
        }
        index
    }

    /// Makes the entry at `place` one that is found, unless another one has its digest or its tag.
    fn enter(&mut self, place: usize) {
        let (entries, hasher) = (&self.entries, &self.hasher);
        let Entry { digest, tag, .. } = &entries[place];
        if digest.is_none() {
            return;
        }
        let hash = |place: &usize| hasher.hash_one(&entries[*place].digest);
        let same = |other: &usize| entries[*other].digest == *digest;
        let found = self.by_digest.entry(hash(&place), same, hash);
        found.or_insert(place);
        if tag.is_some() {
            let hash = |place: &usize| hasher.hash_one(&entries[*place].tag);
            let same = |other: &usize| entries[*other].tag == *tag;
            self.by_tag.entry(hash(&place), same, hash).or_insert(place);
        }
    }

    /// Makes the change. The file says the same already.
    pub(super) fn apply(&mut self, change: Change) {
        let Change { replaced, added } = change;
        self.tags = OnceLock::new();
        self.relations = Arc::default();
        if replaced.values().any(Option::is_none) {
            // Entries that go move all behind them: the tables are made again.
            let mut replaced = replaced;
            let old = std::mem::take(&mut self.entries).into_iter().enumerate();
            let new =
                old.filter_map(|(place, entry)| replaced.remove(&place).unwrap_or(Some(entry)));
            let entries = new.chain(added).collect();
            *self = Index::of(std::mem::take(&mut self.members), entries);
            return;
        }
        // All lose their names before one gets a name, which may be one of those.
        for place in replaced.keys() {
            let hash = self.hasher.hash_one(&self.entries[*place].tag);
            if let Ok(named) = self.by_tag.find_entry(hash, |other| other == place) {
                named.remove();
            }
        }
        let mut entered = Vec::new();
        for (place, entry) in replaced {
            if let Some(entry) = entry {
                self.entries[place] = entry;
            }
            entered.push(place);
        }
        entered.into_iter().for_each(|place| self.enter(place));
        for entry in added {
            self.entries.push(entry);
            self.enter(self.entries.len() - 1);
        }
    }

    /// Writes the document with `change` made, piece by piece: a server would hold as many of them as it has threads.
    pub(super) fn write_to(&self, change: &Change, out: &mut impl Write) -> io::Result<()> {
        for (at, (name, value)) in self.members.iter().enumerate() {
            out.write_all(if at == 0 { b"{" } else { b"," })?;
            serde_json::to_writer(&mut *out, name)?;
            out.write_all(b":")?;
            if name != "manifests" {
                out.write_all(value.get().as_bytes())?;
                continue;
            }
            out.write_all(b"[")?;
            let entries = (0..self.entries.len()).filter_map(|place| self.after(change, place));
            for (at, entry) in entries.chain(&change.added).enumerate() {
                if at > 0 {
                    out.write_all(b",")?;
                }
                entry.write_to(out)?;
            }
            out.write_all(b"]")?;
        }
        out.write_all(b"}")
    }

    /// The tags, sorted.
    pub(super) fn tags(&self) -> &Arc<[Arc<str>]> {
        self.tags.get_or_init(|| {
            let places = self.by_tag.iter();
            let tags = places.filter_map(|place| self.entries[*place].tag.clone());
            let mut tags: Vec<_> = tags.collect();
            tags.sort_unstable();
            tags.into()
        })
    }

    /// The entry of `tag`.
    pub(super) fn tagged(&self, tag: &Tag) -> Option<&Entry> {
        let is_it = |place: &usize| self.entries[*place].has(tag);
        let hash = self.hasher.hash_one(Some(tag.as_str()));
        self.entries.get(*self.by_tag.find(hash, is_it)?)
    }

    /// The first entry of `digest`.
    pub(super) fn entry(&self, digest: &Digest) -> Option<&Entry> {
        let is_it = |place: &usize| self.entries[*place].digest.as_ref() == Some(digest);
        let hash = self.hasher.hash_one(Some(digest));
        self.entries.get(*self.by_digest.find(hash, is_it)?)
    }

    /// The manifests that are listed, each with its type.
    pub(super) fn listed(&self) -> Vec<(Digest, String)> {
        let known = |e: &Entry| Some((e.digest.clone()?, e.media_type.to_string()));
        self.entries.iter().filter_map(known).collect()
    }

    /// The change that lists the image `digest` under each of `tags`, or without a name if there are no tags. An image that
    /// loses a tag stays listed. `None` when nothing changes.
    pub(super) fn with(
        &self,
        (digest, media_type, size): (&Digest, &str, u64),
        tags: &[&Tag],
    ) -> Option<Change> {
        let mut change = Change::default();
        let is_listed = self.entry(digest).is_some();
        let new = |tag| Entry::new(digest, media_type, size, tag);
        // Of a manifest that names no type itself, the same bytes may be pushed as two.
        let has_it = |e: &Entry| e.digest.as_ref() == Some(digest) && e.media_type == media_type;
        for (at, tag) in tags.iter().enumerate() {
            if self.tagged(tag).is_some_and(has_it) || tags[..at].contains(tag) {
                continue;
            }
            self.take_name(tag, &mut change);
            let nameless = |place: &usize| {
                let entry = self.after(&change, *place);
                entry.is_some_and(|e| has_it(e) && !e.is_named())
            };
            let nameless = (0..self.entries.len()).find(|place| is_listed && nameless(place));
            match nameless {
                Some(place) => {
                    let named = self.after(&change, place).map(|e| e.renamed(Some(tag)));
                    change.replaced.insert(place, named);
                }
                None => change.added.push(new(Some(tag))),
            }
        }
        if tags.is_empty() && !is_listed {
            change.added.push(new(None));
        }
        change.or_none()
    }

    /// The change that takes `tag` off its image, which stays listed. `None` when there is no such tag.
    pub(super) fn without_tag(&self, tag: &Tag) -> Option<Change> {
        self.tagged(tag)?;
        let mut change = Change::default();
        self.take_name(tag, &mut change);
        change.or_none()
    }

    /// The change that removes the image `digest` and its tags. `None` when it is not listed.
    pub(super) fn without_image(&self, digest: &Digest) -> Option<Change> {
        self.entry(digest)?;
        let places = 0..self.entries.len();
        let goes = places.filter(|place| self.entries[*place].digest.as_ref() == Some(digest));
        let replaced = goes.map(|place| (place, None)).collect();
        let added = Vec::new();
        Some(Change { replaced, added })
    }

    /// Takes `tag` from the entries that have it. One whose image is listed a second time goes.
    fn take_name(&self, tag: &Tag, change: &mut Change) {
        let places = 0..self.entries.len();
        for place in places.filter(|place| self.entries[*place].has(tag)) {
            let entry = &self.entries[place];
            let is_again = |other: usize| {
                let listed = self.after(change, other);
                other != place && listed.is_some_and(|e| e.digest == entry.digest && !e.has(tag))
            };
            let is_listed_again = (0..self.entries.len()).any(is_again);
            let nameless = (!is_listed_again).then(|| entry.renamed(None));
            change.replaced.insert(place, nameless);
        }
    }

    /// What is at `place` after `change`.
    fn after<'a>(&'a self, change: &'a Change, place: usize) -> Option<&'a Entry> {
        match change.replaced.get(&place) {
            Some(entry) => entry.as_ref(),
            None => self.entries.get(place),
        }
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
mod tests;
