//! Which entries of an `index.json` a name picks, and by which names they can be picked.
//!
//! An entry goes by its `ref.name`, by its full name (`io.containerd.image.name`) in any form that users know, or by its
//! place. Entries that share their names and differ by platform are one image, see [`super::flat`].

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::attached;
use super::flat;
use super::index::{Index, ReadBlob, descriptor, image_name, means, ref_name};
use crate::image::{Descriptor, Manifest, MediaType, Selector, is_digest_tag, is_ref_name};
use crate::{Error, Result};

/// Names that a hint lists at most.
const MOST: usize = 20;

/// The entries that a selector picks, by their places in the index.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Picked {
    Entry(usize),
    /// The platforms of one image.
    Platforms(Vec<usize>),
}

impl Index {
    /// Takes what `selector` picks out of the index, with entries that are its like in name and digest. Returns what
    /// went.
    pub(in crate::transport) fn remove(
        &mut self,
        selector: &Selector,
        layout: &str,
        read: ReadBlob,
    ) -> Result<Vec<Descriptor>> {
        let picked = match self.pick(selector, layout, read)? {
            Picked::Entry(at) => vec![at],
            Picked::Platforms(entries) => entries,
        };
        let gone: Vec<Value> = picked.iter().map(|i| self.entries()[*i].clone()).collect();
        let images = gone.iter().map(|e| descriptor(e, layout));
        let images = images.collect::<Result<_>>()?;
        if let Some(entries) = self.entries_mut() {
            let mut place = 0;
            entries.retain(|e| {
                let is_picked = picked.contains(&place);
                place += 1;
                let like = |gone: &Value| {
                    ref_name(gone).is_some()
                        && ref_name(e) == ref_name(gone)
                        && e.get("digest") == gone.get("digest")
                };
                !is_picked && !gone.iter().any(like)
            });
        }
        Ok(images)
    }

    /// The descriptors of the entries that `name` does not name, as [`Index::images`], and of those that it names.
    pub(in crate::transport) fn images_but(
        &self,
        name: &str,
        layout: &str,
    ) -> (Vec<Result<Descriptor>>, Vec<Descriptor>) {
        let entries = self.entries().iter();
        let (named, others): (Vec<_>, Vec<_>) = entries.partition(|e| ref_name(e) == Some(name));
        let read = |e: &Value| descriptor(e, layout);
        let named = named.into_iter().flat_map(read).collect();
        (others.into_iter().map(read).collect(), named)
    }

    /// The image that `selector` picks; `layout` is how messages call the layout. Where its platforms are entries of
    /// their own, an index of them is made and returned too.
    ///
    /// skopeo takes the first of several entries with the same name. When they are different images, that is a guess,
    /// so it is refused here and the error names what picks each, unless [`Index::first`] is set.
    pub(in crate::transport) fn image(
        &self,
        selector: &Selector,
        layout: &str,
        read: ReadBlob,
    ) -> Result<(Descriptor, Option<Manifest>)> {
        match self.pick(selector, layout, read)? {
            Picked::Entry(at) => Ok((descriptor(&self.entries()[at], layout)?, None)),
            Picked::Platforms(entries) => {
                let made = flat::index_of(self, &entries, read)?;
                Ok((made.descriptor(), Some(made)))
            }
        }
    }

    /// What picks each image, in order: its full name, else its name, each once; `@N` by its place where neither
    /// does.
    pub(in crate::transport) fn handles(&self, read: ReadBlob) -> Vec<String> {
        once(self.handle_of_each(read).into_iter().flatten())
    }

    /// The handle of each entry, `None` for one that is no manifest.
    fn handle_of_each(&self, read: ReadBlob) -> Vec<Option<String>> {
        let entries = self.entries();
        let names = Names::of(entries);
        let mut known: HashMap<&str, Option<Picked>> = HashMap::new();
        let mut picks = |name, place: usize| {
            let picked = known.entry(name).or_insert_with(|| {
                let named = is_ref_name(name).then(|| names.find(name))?;
                self.one_of(&manifests(entries, &named), read)
            });
            match picked {
                Some(Picked::Entry(at)) => digest(&entries[*at]) == digest(&entries[place]),
                Some(Picked::Platforms(places)) => places.contains(&place),
                None => false,
            }
        };
        let handle = |(place, entry): (usize, &'_ Value)| {
            if !media_type(entry).is_empty() && !is_manifest(entry) {
                return None;
            }
            let mut candidates = [image_name(&entries[place]), ref_name(&entries[place])]
                .into_iter()
                .flatten();
            let name = candidates.find(|name| picks(name, place));
            Some(name.map_or_else(|| format!("@{place}"), str::to_owned))
        };
        entries.iter().enumerate().map(handle).collect()
    }

    /// The places of the entries that `selector` picks.
    pub(super) fn pick(&self, selector: &Selector, layout: &str, read: ReadBlob) -> Result<Picked> {
        let entries = self.entries();
        match selector {
            Selector::At(n) => match entries.get(*n) {
                Some(_) => Ok(Picked::Entry(*n)),
                None => Err(not_found(format!(
                    "`{layout}` has no entry `@{n}`, it holds {}",
                    count(entries.len())
                ))),
            },
            Selector::Only => match &self.unattached(read)[..] {
                [] => Err(not_found(format!("`{layout}` holds no image"))),
                [one] => Ok(Picked::Entry(*one)),
                more => {
                    let image = flat::is_image(self, more, read);
                    let image = image.then(|| Picked::Platforms(more.to_vec()));
                    image.ok_or_else(|| {
                        let holds = count(entries.len());
                        Error::other(format!("`{layout}` holds {holds} and none is named"))
                            .hint(self.advice(layout, read))
                    })
                }
            },
            Selector::Named(name) => {
                let named = Names::of(entries).find(name);
                let images = manifests(entries, &named);
                match (named.first(), images.first()) {
                    (Some(other), None) => Err(Error::other(format!(
                        "`{name}` in `{layout}` is of type `{}`, not a manifest",
                        media_type(&entries[*other])
                    ))),
                    (None, _) => Err(not_found(format!("`{layout}` has no image named `{name}`"))
                        .hint(self.advice(layout, read))),
                    (_, Some(first)) if self.first => Ok(Picked::Entry(*first)),
                    _ => self
                        .one_of(&images, read)
                        .ok_or_else(|| self.ambiguous(name, &images, layout, read)),
                }
            }
        }
    }

    /// The places of the entries that do not belong to another one, as referrers and cosign's signatures do; all if all do.
    fn unattached(&self, read: ReadBlob) -> Vec<usize> {
        let entries = self.entries();
        let all = 0..entries.len();
        if entries.len() < 2 {
            return all.collect();
        }
        let referrers = attached::referrers_of(self, read);
        let referrers: HashSet<String> = referrers
            .values()
            .flatten()
            .map(|referrer| referrer.digest.to_string())
            .collect();
        let is_attached = |entry: &Value| {
            ref_name(entry).is_some_and(is_digest_tag)
                || digest(entry).is_some_and(|digest| referrers.contains(digest))
        };
        let images: Vec<usize> = all.clone().filter(|i| !is_attached(&entries[*i])).collect();
        match images.is_empty() {
            true => all.collect(),
            false => images,
        }
    }

    /// The one image that the entries `places` are: all the same, or platforms of one; `None` where they differ.
    fn one_of(&self, places: &[usize], read: ReadBlob) -> Option<Picked> {
        let entries = self.entries();
        let first = *places.first()?;
        if places
            .iter()
            .all(|i| digest(&entries[*i]) == digest(&entries[first]))
        {
            return Some(Picked::Entry(first));
        }
        flat::is_image(self, places, read).then(|| Picked::Platforms(places.to_vec()))
    }

    fn ambiguous(&self, name: &str, places: &[usize], layout: &str, read: ReadBlob) -> Error {
        let mut handles = self.handle_of_each(read);
        let better = places.iter().filter_map(|i| handles.get_mut(*i)?.take());
        let better = once(better);
        let error = Error::other(format!(
            "`{layout}` has different images named `{name}`: {}",
            listed(&better)
        ));
        match better.first() {
            Some(first) => error.hint(format!("pick one of them, as in `{layout}:{first}`")),
            None => error,
        }
    }

    fn advice(&self, layout: &str, read: ReadBlob) -> String {
        let named = |entry: &Value| ref_name(entry).map(str::to_owned);
        let handles = self.handle_of_each(read).into_iter().zip(self.entries());
        // A name of something else is listed too: the error for it says what it is.
        let handles = once(handles.filter_map(|(handle, entry)| handle.or_else(|| named(entry))));
        match handles.iter().all(|handle| handle.starts_with('@')) {
            true => format!("its images have no names; `{layout}:@0` is the first"),
            false => format!("it has {}", listed(&handles)),
        }
    }
}

/// The places of entries by their names.
struct Names<'a> {
    entries: &'a [Value],
    by_ref: HashMap<&'a str, Vec<usize>>,
    by_image: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Names<'a> {
    fn of(entries: &'a [Value]) -> Names<'a> {
        let by = |name: fn(&Value) -> Option<&str>| {
            let mut by: HashMap<&str, Vec<usize>> = HashMap::new();
            for (place, entry) in entries.iter().enumerate() {
                if let Some(name) = name(entry) {
                    by.entry(name).or_default().push(place);
                }
            }
            by
        };
        Names {
            entries,
            by_ref: by(ref_name),
            by_image: by(image_name),
        }
    }

    /// The places of the entries that `name` means: by their `ref.name`, else by their full name as it stands there, else
    /// by the short forms of that.
    fn find(&self, name: &str) -> Vec<usize> {
        if let Some(exact) = self.by_ref.get(name).or_else(|| self.by_image.get(name)) {
            return exact.clone();
        }
        let means_it = |entry: &Value| {
            // A bare `ref.name` is a tag and not the name of a repository.
            let full = ref_name(entry).filter(|name| name.contains('/'));
            [full, image_name(entry)]
                .into_iter()
                .flatten()
                .any(|full| means(full, name))
        };
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(_, e)| means_it(e))
            .map(|(i, _)| i)
            .collect()
    }
}

fn manifests(entries: &[Value], places: &[usize]) -> Vec<usize> {
    let places = places.iter().copied();
    places.filter(|i| is_manifest(&entries[*i])).collect()
}

fn is_manifest(entry: &Value) -> bool {
    MediaType::new(media_type(entry)).is_manifest()
}

fn media_type(entry: &Value) -> &str {
    let media_type = entry.get("mediaType").and_then(Value::as_str);
    media_type.unwrap_or_default()
}

fn digest(entry: &Value) -> Option<&str> {
    entry.get("digest")?.as_str()
}

/// `names` without repetitions.
fn once(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut known = HashSet::new();
    names.filter(|name| known.insert(name.clone())).collect()
}

fn listed(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(MOST).map(|n| format!("`{n}`")).collect();
    if names.len() > MOST {
        shown.push(format!("and {} more", names.len() - MOST));
    }
    shown.join(", ")
}

fn count(n: usize) -> String {
    match n {
        1 => "1 image".into(),
        n => format!("{n} images"),
    }
}

fn not_found(message: String) -> Error {
    Error::not_found(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::image::{Algorithm, Digest};
    use serde_json::json;

    /// An index of entries with `ref.name` and full name, `-` for none; the content of each is its place.
    fn index(names: &[(&str, &str)]) -> Index {
        let entry = |(place, (tag, full)): (usize, &(&str, &str))| {
            let mut annotations = json!({});
            if *tag != "-" {
                annotations["org.opencontainers.image.ref.name"] = json!(tag);
            }
            if *full != "-" {
                annotations["io.containerd.image.name"] = json!(full);
            }
            let digest = Digest::of(Algorithm::Sha256, &[u8::try_from(place).unwrap()]);
            json!({"mediaType": MediaType::OCI_MANIFEST, "size": place, "digest": digest, "annotations": annotations})
        };
        let entries: Vec<Value> = names.iter().enumerate().map(entry).collect();
        Index::parse(json!({ "manifests": entries }).to_string().as_bytes()).unwrap()
    }

    fn at(index: &Index, name: &str) -> Result<u64> {
        let selector = Selector::Named(name.to_owned());
        Ok(index.image(&selector, "l", &|_| None)?.0.size)
    }

    #[test]
    fn every_listed_name_picks_one_image() {
        let save = index(&[
            ("latest", "docker.io/library/alpine:latest"),
            ("latest", "docker.io/library/busybox:latest"),
            ("1", "quay.io/x/y:1"),
            ("v2", "-"),
            ("same", "-"),
            ("same", "-"),
            ("-", "-"),
            ("-", "not a REF"),
        ]);
        let handles = save.handles(&|_| None);
        let expected = [
            "docker.io/library/alpine:latest",
            "docker.io/library/busybox:latest",
            "quay.io/x/y:1",
            "v2",
            "@4",
            "@5",
            "@6",
            "@7",
        ];
        assert_eq!(handles, expected);
        for (place, handle) in handles.iter().enumerate().take(4) {
            assert_eq!(at(&save, handle).unwrap(), place as u64, "{handle}");
        }
    }

    #[test]
    fn a_full_name_is_known_in_its_short_forms() {
        let save = index(&[
            ("latest", "docker.io/library/busybox:latest"),
            ("3", "docker.io/library/busybox:3"),
            ("ghcr.io/a/b:1", "-"),
        ]);
        for name in [
            "busybox",
            "busybox:latest",
            "library/busybox",
            "docker.io/library/busybox:latest",
            "index.docker.io/library/busybox",
            "latest",
        ] {
            assert_eq!(at(&save, name).unwrap(), 0, "{name}");
        }
        assert_eq!(at(&save, "busybox:3").unwrap(), 1);
        assert_eq!(at(&save, "ghcr.io/a/b:1").unwrap(), 2);
        assert_eq!(at(&save, "busybox:4").unwrap_err().kind(), Kind::NotFound);
        // A tag is no repository.
        let tags = index(&[("busybox", "-"), ("x", "-")]);
        assert_eq!(
            at(&tags, "busybox:latest").unwrap_err().kind(),
            Kind::NotFound
        );
    }

    #[test]
    fn an_ambiguous_name_says_what_to_use() {
        let save = index(&[
            ("v1", "-"),
            ("latest", "docker.io/library/alpine:latest"),
            ("latest", "docker.io/library/busybox:latest"),
            ("latest", "-"),
        ]);
        let error = at(&save, "latest").unwrap_err();
        let list = "`docker.io/library/alpine:latest`, `docker.io/library/busybox:latest`, `@3`";
        assert!(error.to_string().ends_with(list), "{error}");
        let hint = "pick one of them, as in `l:docker.io/library/alpine:latest`";
        assert_eq!(error.advice(), Some(hint));
    }
}
