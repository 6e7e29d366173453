//! `index.json` of a layout: which images it names, and how one more is entered.
//!
//! Kept as JSON in the order of the file, so that members and entries that barque does not know survive. It
//! knows no files; reading, locking and replacing them is the layout's. Which entries a name picks is in [`super::pick`].

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::image::{Descriptor, Digest, MediaType, Reference};
use crate::transport::blob_store::check_list;
use crate::{Error, Result};

/// The annotation that names an image of a layout (image-spec, annotations.md).
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation in which containerd, and `docker save` since Docker 25, keep the full name of an image.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// Entries that are read; an honest one has 100 bytes and more.
pub(super) const MOST_ENTRIES: usize = 100_000;

/// Reads a small blob of the layout; `None` where it is not there or cannot be read.
pub(in crate::transport) type ReadBlob<'a> = &'a dyn Fn(&Digest) -> Option<Bytes>;

/// The entries of an `index.json`.
#[derive(Debug, Clone)]
pub(in crate::transport) struct Index {
    members: Map<String, Value>,
    /// The document as it was read.
    raw: Bytes,
    /// Whether a name that several images have means the first of them, as for skopeo.
    pub(in crate::transport) first: bool,
}

impl PartialEq for Index {
    fn eq(&self, other: &Index) -> bool {
        self.members == other.members
    }
}

impl Index {
    /// An index without entries.
    pub(in crate::transport) fn empty() -> Index {
        let mut members = Map::new();
        members.insert("schemaVersion".into(), json!(2));
        members.insert("mediaType".into(), json!(MediaType::OCI_INDEX));
        members.insert("manifests".into(), json!([]));
        Index {
            members,
            raw: Bytes::new(),
            first: false,
        }
    }

    /// Reads the document; the error says what is wrong with it.
    pub(in crate::transport) fn parse(bytes: &[u8]) -> Result<Index, String> {
        check_list(bytes)?;
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
        Ok(Index {
            members,
            raw: Bytes::copy_from_slice(bytes),
            first: false,
        })
    }

    /// The document, compact.
    pub(in crate::transport) fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.members)
    }

    pub(in crate::transport) fn entries(&self) -> &[Value] {
        self.members
            .get("manifests")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn entries_mut(&mut self) -> Option<&mut Vec<Value>> {
        let manifests = self.members.get_mut("manifests");
        manifests.and_then(Value::as_array_mut)
    }

    /// The document as it was read; empty where it was made here.
    pub(super) fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The descriptors of the entries; an error for one that cannot be read, in which `layout` is called so.
    pub(in crate::transport) fn images(&self, layout: &str) -> Vec<Result<Descriptor>> {
        let entries = self.entries().iter();
        entries.map(|e| descriptor(e, layout)).collect()
    }

    /// The media type that an entry gives for `digest`.
    pub(in crate::transport) fn media_type_of(&self, digest: &Digest) -> Option<&str> {
        let digest = digest.to_string();
        let is_it = |e: &&Value| e.get("digest").and_then(Value::as_str) == Some(&digest);
        let entry = self.entries().iter().find(is_it)?;
        entry.get("mediaType")?.as_str()
    }

    /// Whether an entry points at `digest`.
    pub(super) fn lists(&self, digest: &Digest) -> bool {
        let digest = digest.to_string();
        let mut entries = self.entries().iter();
        entries.any(|e| e.get("digest").and_then(Value::as_str) == Some(&digest))
    }

    /// How an entry describes the image `digest`, `first` if that is it; annotations that name the image are left out.
    pub(in crate::transport) fn described(
        &self,
        digest: &Digest,
        first: &Descriptor,
    ) -> Option<Descriptor> {
        let mut found = match first.digest == *digest {
            true => first.clone(),
            false => {
                let text = digest.to_string();
                let is_it = |e: &&Value| e.get("digest").and_then(Value::as_str) == Some(&text);
                descriptor(self.entries().iter().find(is_it)?, "the layout").ok()?
            }
        };
        if let Some(annotations) = &mut found.annotations {
            annotations.retain(|key, _| key != REF_NAME && key != IMAGE_NAME);
        }
        Some(found)
    }

    /// The digest that `name` stands for, or that the only nameless entry has.
    pub(in crate::transport) fn current(&self, name: Option<&str>) -> Option<Digest> {
        // A nameless entry with an artifact type is most likely a referrer of an image.
        let is_attached = |e: &Value| name.is_none() && e.get("artifactType").is_some();
        let fitting = self.entries().iter().filter(|e| ref_name(e) == name);
        let mut fitting = fitting.filter(|e| !is_attached(e));
        let entry = fitting.next()?;
        let digest = entry.get("digest")?;
        let same = fitting.all(|other| other.get("digest") == Some(digest));
        same.then(|| digest.as_str()?.parse().ok()).flatten()
    }

    /// Leaves out the entries that had the name `name` in `before`, of which this index was made by entering an image, and
    /// have no name now.
    pub(in crate::transport) fn drop_former(&mut self, before: &Index, name: &str) {
        let mut before = before.entries().iter();
        let Some(entries) = self.entries_mut() else {
            return;
        };
        entries.retain(|entry| {
            let had = before.next().and_then(ref_name) == Some(name);
            !had || ref_name(entry).is_some() || image_name(entry).is_some()
        });
    }

    /// Enters `image` as skopeo does: an entry that had the name keeps its place and loses the name; a nameless
    /// entry of the same digest is taken over; otherwise the entry comes last. Annotations and platform of `image`
    /// go along, except that its name is `name`.
    pub(in crate::transport) fn enter(&mut self, image: &Descriptor, name: Option<&str>) {
        let Some(entries) = self.entries_mut() else {
            return;
        };
        let digest = image.digest.to_string();
        let is_image = |e: &Value| e.get("digest").and_then(Value::as_str) == Some(&digest);
        let mut annotations = image.annotations.clone().unwrap_or_default();
        annotations.retain(|key, _| key != REF_NAME && key != IMAGE_NAME);
        let mut taken_over = None;
        if let Some(name) = name {
            annotations.insert(REF_NAME.to_owned(), name.to_owned());
            taken_over = entries
                .iter()
                .position(|e| is_image(e) && ref_name(e) == Some(name));
            for entry in entries.iter_mut() {
                if ref_name(entry) == Some(name) {
                    take_annotation(entry, REF_NAME);
                }
                // Its full name would be wrong too, except where it goes on to be this image.
                if !is_image(entry) && image_name(entry).is_some_and(|full| means(full, name)) {
                    take_annotation(entry, IMAGE_NAME);
                }
            }
        }
        let nameless = |e: &Value| is_image(e) && ref_name(e).is_none();
        let Some(at) = taken_over.or_else(|| entries.iter().position(nameless)) else {
            let entry = Descriptor {
                annotations: (!annotations.is_empty()).then_some(annotations),
                data: None,
                urls: None,
                ..image.clone()
            };
            entries.push(json!(entry));
            return;
        };
        let Some(entry) = entries.get_mut(at) else {
            return;
        };
        if let Some(name) = name
            && taken_over.is_none()
            && image_name(entry).is_some_and(|full| !means(full, name))
        {
            take_annotation(entry, IMAGE_NAME);
        }
        describe(entry, image, annotations);
    }
}

/// Makes `entry` say of its image what `image` and `annotations` say; other members stay.
fn describe(entry: &mut Value, image: &Descriptor, annotations: BTreeMap<String, String>) {
    let Value::Object(members) = entry else {
        return;
    };
    members.insert("mediaType".into(), json!(image.media_type));
    members.insert("size".into(), json!(image.size));
    if let Some(platform) = &image.platform {
        members.insert("platform".into(), json!(platform));
    }
    if annotations.is_empty() {
        return;
    }
    match members.get_mut("annotations") {
        Some(Value::Object(old)) => {
            old.extend(annotations.into_iter().map(|(k, v)| (k, json!(v))));
        }
        _ => {
            members.insert("annotations".into(), json!(annotations));
        }
    }
}

/// Whether `name` is a form of the full name `full`, as `busybox` is of `docker.io/library/busybox:latest`.
pub(super) fn means(full: &str, name: &str) -> bool {
    let read = |text: &str| text.parse::<Reference>().ok().map(Reference::or_latest);
    full == name || read(name).is_some_and(|name| read(full) == Some(name))
}

pub(super) fn ref_name(entry: &Value) -> Option<&str> {
    annotation(entry, REF_NAME)
}

pub(super) fn image_name(entry: &Value) -> Option<&str> {
    annotation(entry, IMAGE_NAME)
}

fn annotation<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    let text = entry.get("annotations")?.get(key)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

/// Takes the annotations that name an image out of `entry`.
pub(super) fn take_names(entry: &mut Value) {
    take_annotation(entry, REF_NAME);
    take_annotation(entry, IMAGE_NAME);
}

fn take_annotation(entry: &mut Value, key: &str) {
    let Some(Value::Object(annotations)) = entry.get_mut("annotations") else {
        return;
    };
    if annotations.shift_remove(key).is_some()
        && annotations.is_empty()
        && let Value::Object(members) = entry
    {
        members.shift_remove("annotations");
    }
}

pub(super) fn descriptor(entry: &Value, layout: &str) -> Result<Descriptor> {
    serde_json::from_value(entry.clone()).map_err(|e| {
        Error::corrupt(format!(
            "an entry of `{layout}/index.json` is not a descriptor"
        ))
        .because(e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::image::Selector;
    use crate::image::{Algorithm, Platform};

    fn image(content: &str) -> Descriptor {
        let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
        Descriptor::new(MediaType::OCI_MANIFEST, digest, content.len() as u64)
    }

    fn select(index: &Index, selector: &Selector) -> Result<Descriptor> {
        let (image, _) = index.image(selector, "l", &|_| None)?;
        Ok(image)
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
        assert_eq!(select(&index, &named("1")).unwrap(), {
            let mut b = image("b");
            b.annotations = Some([(REF_NAME.to_owned(), "1".to_owned())].into());
            b
        });
        assert_eq!(index.current(None), Some(image("a").digest));
        // The nameless entry is taken over in its place.
        index.enter(&image("a"), Some("2"));
        assert_eq!(index.entries().len(), 2);
        assert_eq!(index.handles(&|_| None), ["2", "1"]);
    }

    #[test]
    fn what_describes_an_image_goes_along_and_its_names_do_not() {
        let mut described = image("a");
        let annotations = [
            (REF_NAME, "old"),
            (IMAGE_NAME, "docker.io/o/ld:1"),
            ("k", "v"),
        ];
        described.annotations = Some(
            annotations
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
        );
        described.platform = Some(Platform {
            os: "linux".into(),
            architecture: "arm64".into(),
            ..Platform::default()
        });
        let mut index = Index::empty();
        index.enter(&described, Some("new"));
        let entry = &index.entries()[0];
        assert_eq!(entry["annotations"], json!({"k": "v", REF_NAME: "new"}));
        assert_eq!(entry["platform"]["architecture"], "arm64");
        // An entry that is taken over learns it too.
        let mut index = Index::empty();
        index.enter(&image("a"), None);
        index.enter(&described, Some("new"));
        assert_eq!(index.entries().len(), 1);
        assert_eq!(index.entries()[0]["annotations"]["k"], "v");
        assert_eq!(index.entries()[0]["platform"]["os"], "linux");
    }

    #[test]
    fn a_full_name_does_not_outlive_its_image() {
        let entry = |content: &str, annotations: Value| json!({"mediaType": MediaType::OCI_MANIFEST, "size": 1, "digest": image(content).digest, "annotations": annotations});
        let saved = |annotations: Value| {
            let entries = json!({ "manifests": [entry("a", annotations)] });
            Index::parse(entries.to_string().as_bytes()).unwrap()
        };
        let full = || json!({REF_NAME: "1", IMAGE_NAME: "docker.io/library/a:1"});
        // Another image gets the full name: the old one has it no longer.
        let mut index = saved(full());
        index.enter(&image("b"), Some("docker.io/library/a:1"));
        assert_eq!(index.entries()[0]["annotations"], json!({REF_NAME: "1"}));
        // The same image under the name that it has keeps it.
        let mut index = saved(full());
        index.enter(&image("a"), Some("1"));
        assert_eq!(index.entries()[0]["annotations"], full());
        // A nameless entry that gets a name is no longer called as before.
        let mut index = saved(json!({IMAGE_NAME: "docker.io/library/a:1"}));
        index.enter(&image("a"), Some("2"));
        assert_eq!(index.entries()[0]["annotations"], json!({REF_NAME: "2"}));
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
        assert_eq!(index.to_json().unwrap(), text);
        index.enter(&image("a"), Some("1"));
        let entry = format!(
            r#"{{"mediaType":"q","size":1,"digest":"md5:1","annotations":{{"k":"v"}},"y":null}},{{"mediaType":"{}","digest":"{}","size":1,"annotations":{{"org.opencontainers.image.ref.name":"1"}}}}"#,
            MediaType::OCI_MANIFEST,
            image("a").digest
        );
        assert!(
            index.to_json().unwrap().contains(&entry),
            "{}",
            index.to_json().unwrap()
        );
        assert!(
            index
                .to_json()
                .unwrap()
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
        let error = select(&differing, &named("1")).unwrap_err();
        assert!(error.to_string().contains("`@0`, `@1`"), "{error}");
        assert_eq!(differing.current(Some("1")), None);
        let equal = read(json!([entry("a"), entry("a")]));
        assert_eq!(
            select(&equal, &named("1")).unwrap().digest,
            image("a").digest
        );
    }

    #[test]
    fn a_wrong_choice_says_what_there_is() {
        let mut index = Index::parse(br#"{"manifests":null}"#).unwrap();
        let kind = |index: &Index, s: &Selector| select(index, s).unwrap_err().kind();
        assert_eq!(kind(&index, &Selector::Only), Kind::NotFound);
        index.enter(&image("a"), Some("reg.io/a:1"));
        assert!(select(&index, &Selector::Only).is_ok());
        assert_eq!(kind(&index, &Selector::At(1)), Kind::NotFound);
        let error = select(&index, &named("2")).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert_eq!(error.advice(), Some("it has `reg.io/a:1`"));
        index.enter(&image("b"), None);
        assert_eq!(kind(&index, &Selector::Only), Kind::Other);
        assert!(Index::parse(b"[]").is_err() && Index::parse(br#"{"manifests":{}}"#).is_err());
    }
}
