//! `index.json` of a layout: which images it names, and how one more is entered.
//!
//! Kept as JSON in the order of the file, so that members and entries that barque does not know survive. It
//! knows no files; reading, locking and replacing them is the layout's.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::image::{Descriptor, Digest, MediaType, Selector};
use crate::{Error, Kind, Result};

/// The annotation that names an image of a layout (image-spec, annotations.md).
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Entries that are read; an honest one has 100 bytes and more.
const MOST_ENTRIES: usize = 100_000;

/// The entries of an `index.json`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::transport) struct Index(Map<String, Value>);

impl Index {
    /// An index without entries.
    pub(in crate::transport) fn empty() -> Index {
        let mut members = Map::new();
        members.insert("schemaVersion".into(), json!(2));
        members.insert("mediaType".into(), json!(MediaType::OCI_INDEX));
        members.insert("manifests".into(), json!([]));
        Index(members)
    }

    /// Reads the document; the error says what is wrong with it.
    pub(in crate::transport) fn parse(bytes: &[u8]) -> Result<Index, String> {
        let mut members: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let manifests = members.entry("manifests").or_insert(Value::Null);
        match manifests {
            Value::Array(entries) if entries.len() > MOST_ENTRIES => {
                return Err(format!("it lists more than {MOST_ENTRIES} images"));
            }
            Value::Array(_) => {}
            // How Go writes an empty list.
            Value::Null => *manifests = json!([]),
            _ => return Err("`manifests` is not a list".into()),
        }
        Ok(Index(members))
    }

    /// The document, compact.
    pub(in crate::transport) fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    fn entries(&self) -> &[Value] {
        self.0
            .get("manifests")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    fn entries_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.0.get_mut("manifests").and_then(Value::as_array_mut)
    }

    /// The names that are there, in order, each once.
    pub(in crate::transport) fn names(&self) -> Vec<&str> {
        let mut known = HashSet::new();
        let names = self.entries().iter().filter_map(ref_name);
        names.filter(|name| known.insert(*name)).collect()
    }

    /// What picks each image: its name, once, or `@N` by its place where it has none.
    pub(in crate::transport) fn names_or_places(&self) -> Vec<String> {
        let mut known = HashSet::new();
        let entries = self.entries().iter().enumerate();
        entries
            .filter_map(|(place, entry)| match ref_name(entry) {
                Some(name) => known.insert(name).then(|| name.to_owned()),
                None => Some(format!("@{place}")),
            })
            .collect()
    }

    /// The entry that `selector` picks; `layout` is how messages call the layout.
    ///
    /// skopeo takes the first of several entries with the same name. When they differ, that is a guess between
    /// two images, so it is refused here and `@N` tells which one is meant.
    pub(in crate::transport) fn select(
        &self,
        selector: &Selector,
        layout: &str,
    ) -> Result<Descriptor> {
        let at = self.position(selector, layout)?;
        descriptor(&self.entries()[at], layout)
    }

    /// Takes the entry that `selector` picks out of the index, with those that are its like in name and digest.
    pub(in crate::transport) fn remove(
        &mut self,
        selector: &Selector,
        layout: &str,
    ) -> Result<Descriptor> {
        let at = self.position(selector, layout)?;
        let gone = self.entries()[at].clone();
        let image = descriptor(&gone, layout)?;
        if let Some(entries) = self.entries_mut() {
            entries.remove(at);
            if ref_name(&gone).is_some() {
                let like = |e: &Value| {
                    ref_name(e) == ref_name(&gone) && e.get("digest") == gone.get("digest")
                };
                entries.retain(|e| !like(e));
            }
        }
        Ok(image)
    }

    /// What the entries point at; an error for one that cannot be read.
    pub(in crate::transport) fn images(&self) -> Vec<Result<Descriptor>> {
        let entries = self.entries().iter();
        entries.map(|e| descriptor(e, "the layout")).collect()
    }

    /// The place of the entry that `selector` picks.
    fn position(&self, selector: &Selector, layout: &str) -> Result<usize> {
        let entries = self.entries();
        match selector {
            Selector::At(n) => match entries.get(*n) {
                Some(_) => Ok(*n),
                None => Err(not_found(format!(
                    "`{layout}` has no entry `@{n}`, it holds {}",
                    count(entries.len())
                ))),
            },
            Selector::Only => match entries {
                [] => Err(not_found(format!("`{layout}` holds no image"))),
                [_] => Ok(0),
                more => Err(Error::other(format!(
                    "`{layout}` holds {} and none is named",
                    count(more.len())
                ))
                .hint(self.advice(layout))),
            },
            Selector::Named(name) => {
                let mut named: Vec<usize> = (0..entries.len())
                    .filter(|i| ref_name(&entries[*i]) == Some(name))
                    .collect();
                let other = named.first().map(|i| media_type(&entries[*i]));
                named.retain(|i| MediaType::new(media_type(&entries[*i])).is_manifest());
                let [first, others @ ..] = named.as_slice() else {
                    if let Some(other) = other {
                        return Err(Error::other(format!(
                            "`{name}` in `{layout}` is of type `{other}`, not a manifest"
                        )));
                    }
                    return Err(not_found(format!("`{layout}` has no image named `{name}`"))
                        .hint(self.advice(layout)));
                };
                let digest = |i: usize| entries[i].get("digest");
                if others.iter().any(|i| digest(*i) != digest(*first)) {
                    let places: Vec<String> = named.iter().map(|i| format!("`@{i}`")).collect();
                    return Err(Error::other(format!(
                        "`{layout}` has different images named `{name}`: {}",
                        places.join(", ")
                    ))
                    .hint(format!("pick one by its place: `{layout}:@{first}`")));
                }
                Ok(*first)
            }
        }
    }

    /// The media type that an entry gives for `digest`.
    pub(in crate::transport) fn media_type_of(&self, digest: &Digest) -> Option<&str> {
        let digest = digest.to_string();
        self.entries()
            .iter()
            .find(|e| e.get("digest").and_then(Value::as_str) == Some(&digest))?
            .get("mediaType")?
            .as_str()
    }

    /// The digest that `name` stands for, or that the only nameless entry has.
    pub(in crate::transport) fn current(&self, name: Option<&str>) -> Option<Digest> {
        let mut fitting = self.entries().iter().filter(|e| ref_name(e) == name);
        let entry = fitting.next()?;
        let digest = entry.get("digest")?;
        let same = fitting.all(|other| other.get("digest") == Some(digest));
        same.then(|| digest.as_str()?.parse().ok()).flatten()
    }

    /// Enters `image` as skopeo does: an entry that had the name keeps its place and loses the name; a nameless
    /// entry of the same digest is taken over; otherwise the entry comes last.
    pub(in crate::transport) fn enter(&mut self, image: &Descriptor, name: Option<&str>) {
        let Some(entries) = self.entries_mut() else {
            return;
        };
        if let Some(name) = name {
            for entry in entries.iter_mut().filter(|e| ref_name(e) == Some(name)) {
                take_name(entry);
            }
        }
        let digest = image.digest.to_string();
        let same = |e: &&mut Value| {
            e.get("digest").and_then(Value::as_str) == Some(&digest) && ref_name(e).is_none()
        };
        if let Some(Value::Object(entry)) = entries.iter_mut().find(same) {
            entry.insert("mediaType".into(), json!(image.media_type));
            entry.insert("size".into(), json!(image.size));
            if let Some(name) = name {
                match entry.get_mut("annotations") {
                    Some(Value::Object(annotations)) => {
                        annotations.insert(REF_NAME.into(), json!(name));
                    }
                    _ => {
                        entry.insert("annotations".into(), json!({ REF_NAME: name }));
                    }
                }
            }
            return;
        }
        let mut entry = json!({
            "mediaType": image.media_type,
            "digest": digest,
            "size": image.size,
        });
        if let Some(name) = name {
            entry["annotations"] = json!({ REF_NAME: name });
        }
        entries.push(entry);
    }

    fn advice(&self, layout: &str) -> String {
        const MOST: usize = 20;
        let names = self.names();
        let mut shown: Vec<String> = names.iter().take(MOST).map(|n| format!("`{n}`")).collect();
        match names.len() {
            0 => format!("its images have no names; `{layout}:@0` is the first"),
            n => {
                if n > MOST {
                    shown.push(format!("and {} more", n - MOST));
                }
                format!("it has {}", shown.join(", "))
            }
        }
    }
}

fn ref_name(entry: &Value) -> Option<&str> {
    let name = entry.get("annotations")?.get(REF_NAME)?.as_str()?;
    (!name.is_empty()).then_some(name)
}

fn media_type(entry: &Value) -> &str {
    entry
        .get("mediaType")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn take_name(entry: &mut Value) {
    let Some(Value::Object(annotations)) = entry.get_mut("annotations") else {
        return;
    };
    annotations.shift_remove(REF_NAME);
    if annotations.is_empty()
        && let Value::Object(members) = entry
    {
        members.shift_remove("annotations");
    }
}

fn descriptor(entry: &Value, layout: &str) -> Result<Descriptor> {
    serde_json::from_value(entry.clone()).map_err(|e| {
        Error::new(
            Kind::Corrupt,
            format!("an entry of `{layout}/index.json` is not a descriptor"),
        )
        .because(e)
    })
}

fn count(n: usize) -> String {
    match n {
        1 => "1 image".into(),
        n => format!("{n} images"),
    }
}

fn not_found(message: String) -> Error {
    Error::new(Kind::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;

    fn image(content: &str) -> Descriptor {
        let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
        Descriptor::new(MediaType::OCI_MANIFEST, digest, content.len() as u64)
    }

    fn named(name: &str) -> Selector {
        Selector::Named(name.into())
    }

    #[test]
    fn a_name_moves_and_the_old_image_stays() {
        let mut index = Index::empty();
        index.enter(&image("a"), Some("1"));
        index.enter(&image("b"), Some("1"));
        assert_eq!(index.entries().len(), 2);
        assert_eq!(index.select(&named("1"), "l").unwrap(), {
            let mut b = image("b");
            b.annotations = Some([(REF_NAME.to_owned(), "1".to_owned())].into());
            b
        });
        assert_eq!(index.current(None), Some(image("a").digest));
        // The nameless entry is taken over in its place.
        index.enter(&image("a"), Some("2"));
        assert_eq!(index.entries().len(), 2);
        assert_eq!(index.names(), ["2", "1"]);
    }

    #[test]
    fn entering_twice_changes_nothing() {
        for name in [Some("1"), None] {
            let mut once = Index::empty();
            once.enter(&image("a"), name);
            let mut twice = once.clone();
            twice.enter(&image("a"), name);
            assert_eq!(once, twice);
        }
    }

    #[test]
    fn what_is_not_known_survives() {
        let text = r#"{"schemaVersion":2,"x":{"b":1,"a":[2]},"manifests":[{"mediaType":"q","size":1,"digest":"md5:1","annotations":{"k":"v","org.opencontainers.image.ref.name":"1"},"y":null}],"annotations":{"z":"<&>"}}"#;
        let mut index = Index::parse(text.as_bytes()).unwrap();
        assert_eq!(index.to_json(), text);
        index.enter(&image("a"), Some("1"));
        let entry = format!(
            r#"{{"mediaType":"q","size":1,"digest":"md5:1","annotations":{{"k":"v"}},"y":null}},{{"mediaType":"{}","digest":"{}","size":1,"annotations":{{"org.opencontainers.image.ref.name":"1"}}}}"#,
            MediaType::OCI_MANIFEST,
            image("a").digest
        );
        assert!(index.to_json().contains(&entry), "{}", index.to_json());
        assert!(
            index
                .to_json()
                .starts_with(r#"{"schemaVersion":2,"x":{"b":1,"a":[2]},"#)
        );
    }

    #[test]
    fn a_name_for_two_images_is_no_name() {
        let entry = |c: &str| json!({"mediaType": MediaType::OCI_MANIFEST, "size": 1, "digest": image(c).digest, "annotations": {REF_NAME: "1"}});
        let read = |entries: Value| {
            Index::parse(json!({ "manifests": entries }).to_string().as_bytes()).unwrap()
        };
        let differing = read(json!([entry("a"), entry("b")]));
        let error = differing.select(&named("1"), "l").unwrap_err();
        assert!(error.to_string().contains("`@0`, `@1`"), "{error}");
        assert_eq!(differing.current(Some("1")), None);
        let equal = read(json!([entry("a"), entry("a")]));
        assert_eq!(
            equal.select(&named("1"), "l").unwrap().digest,
            image("a").digest
        );
    }

    #[test]
    fn a_wrong_choice_says_what_there_is() {
        let mut index = Index::parse(br#"{"manifests":null}"#).unwrap();
        let kind = |index: &Index, s: &Selector| index.select(s, "l").unwrap_err().kind();
        assert_eq!(kind(&index, &Selector::Only), Kind::NotFound);
        index.enter(&image("a"), Some("reg.io/a:1"));
        assert!(index.select(&Selector::Only, "l").is_ok());
        assert_eq!(kind(&index, &Selector::At(1)), Kind::NotFound);
        let error = index.select(&named("2"), "l").unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert_eq!(error.advice(), Some("it has `reg.io/a:1`"));
        index.enter(&image("b"), None);
        assert_eq!(kind(&index, &Selector::Only), Kind::Other);
        assert!(Index::parse(b"[]").is_err() && Index::parse(br#"{"manifests":{}}"#).is_err());
    }
}
