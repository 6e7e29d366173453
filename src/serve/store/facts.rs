//! What a stored manifest says that the server needs: its type, its children, and what it refers to.
//!
//! Read once for each digest and kept by the repository while the file stays as it was. Content under a digest never changes, but
//! another program may put something else into the file.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::image::{Digest, Manifest, MediaType};
use crate::serve::stamp::Stamp;
use crate::transport::blob_store;
use crate::{Kind, Result};

/// Children of children that are followed.
const DEPTH: usize = 8;

/// What one manifest says.
#[derive(Debug)]
pub(in crate::serve) struct Facts {
    pub(in crate::serve) media_type: Cow<'static, str>,
    pub(in crate::serve) size: u64,
    /// The file when it said so.
    pub(super) stamp: Stamp,
    /// The type by which it was listed, which is that of a manifest that names none itself.
    declared: Cow<'static, str>,
    /// `None` for most manifests, which say nothing of others.
    links: Option<Box<Links>>,
}

/// What a manifest says of others.
#[derive(Debug)]
struct Links {
    children: Vec<(Digest, String)>,
    subject: Option<Digest>,
    /// What the list of referrers shows of it.
    artifact_type: Option<String>,
    annotations: Option<Map<String, Value>>,
}

/// What the manifests of a repository say of each other.
#[derive(Debug, Default)]
pub(super) struct Relations {
    /// Manifests that are listed by an index only, and the type that it gives them.
    pub(super) children: HashMap<Digest, String>,
    /// The manifests that refer to a subject, in the order of the index.
    pub(super) referrers: HashMap<Digest, Vec<Digest>>,
    /// What could not be read, and its file then: missing, or not what its digest says. When that is another file, there may be more
    /// relations.
    pub(super) unread: Vec<(Digest, Option<Stamp>)>,
}

/// `text`, which takes no memory where it is the type of a manifest.
pub(super) fn interned(text: Cow<'_, str>) -> Cow<'static, str> {
    let known = MediaType::MANIFESTS
        .into_iter()
        .find(|known| *known == text);
    known.map_or_else(|| text.into_owned().into(), Cow::Borrowed)
}

impl Facts {
    /// Reads the manifest `digest` from `file`, which had the stamp `stamp` before. `declared` is the type by which it is listed. `None`
    /// when the file is missing or has other content. Blocks.
    pub(super) fn read(
        (file, stamp): (&Path, Stamp),
        digest: &Digest,
        declared: &str,
    ) -> Result<Option<Facts>> {
        let Some(bytes) = blob_store::read_document(file)? else {
            return Ok(None);
        };
        let size = bytes.len() as u64;
        // Layouts exist that call a manifest something else than it calls itself; its own word stands then.
        let stated = Some(declared).filter(|t| !t.is_empty());
        let manifest = Manifest::parse(bytes.clone(), stated)
            .or_else(|_| Manifest::parse(bytes.clone(), None));
        let is_it = match &manifest {
            Ok(manifest) => manifest.is(digest),
            Err(_) => Digest::of(digest.algorithm(), &bytes) == *digest,
        };
        if !is_it {
            tracing::error!("`{}` is corrupt and is not served", file.display());
            return Ok(None);
        }
        let declared = interned(declared.into());
        let (media_type, links) = match manifest {
            Ok(manifest) => Facts::of(&manifest),
            Err(_) => (declared.clone(), None),
        };
        Ok(Some(Facts {
            media_type,
            size,
            stamp,
            declared,
            links,
        }))
    }

    /// Whether a manifest that is listed as `declared` is what these facts say; as nothing, it is what any say.
    pub(super) fn are_for(&self, declared: &str) -> bool {
        declared.is_empty() || self.declared == declared || self.media_type == declared
    }

    /// The type of `manifest`, and what it says of others.
    fn of(manifest: &Manifest) -> (Cow<'static, str>, Option<Box<Links>>) {
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct View {
            config: Option<Part>,
            manifests: Option<Vec<Part>>,
            subject: Option<Part>,
            artifact_type: Option<String>,
            annotations: Option<Map<String, Value>>,
        }
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Part {
            media_type: Option<String>,
            digest: Option<Box<str>>,
        }
        let of_digest = |part: Part| {
            let digest = part.digest?.parse().ok()?;
            Some((digest, part.media_type.unwrap_or_default()))
        };
        let media_type = manifest.media_type();
        let view: View = serde_json::from_slice(manifest.payload()).unwrap_or_default();
        let children = view.manifests.unwrap_or_default().into_iter();
        // A `subject` means something in the manifests of OCI only.
        let subject = view.subject.filter(|_| !media_type.is_docker_manifest());
        let of_config = view.config.and_then(|c| c.media_type);
        let artifact_type = view.artifact_type.filter(|t| !t.is_empty());
        let links = Links {
            children: children.filter_map(of_digest).collect(),
            artifact_type: artifact_type.or(of_config),
            annotations: view.annotations.filter(|_| subject.is_some()),
            subject: subject.and_then(of_digest).map(|(digest, _)| digest),
        };
        let is_linked = links.subject.is_some() || !links.children.is_empty();
        let media_type = interned(media_type.as_str().into());
        (media_type, is_linked.then(|| Box::new(links)))
    }

    /// The descriptor of this manifest, which is `digest`, in a list of referrers (distribution-spec, "Listing
    /// Referrers").
    pub(super) fn referrer(&self, digest: &Digest) -> Value {
        let mut descriptor = json!({
            "mediaType": self.media_type,
            "digest": digest,
            "size": self.size,
        });
        let links = self.links.as_deref();
        if let Some(annotations) = links.and_then(|links| links.annotations.as_ref()) {
            descriptor["annotations"] = Value::Object(annotations.clone());
        }
        if let Some(artifact_type) = links.and_then(|links| links.artifact_type.as_ref()) {
            descriptor["artifactType"] = artifact_type.as_str().into();
        }
        descriptor
    }
}

impl Relations {
    /// Looks at the manifests `listed` in an index, each with its type, and what they list; `facts` reads one, and `stamp` looks at
    /// its file.
    pub(super) fn of(
        listed: Vec<(Digest, String)>,
        stamp: impl Fn(&Digest) -> Option<Stamp>,
        facts: impl Fn(&Digest, &str) -> Result<Option<Arc<Facts>>>,
    ) -> Result<Relations> {
        let mut relations = Relations::default();
        let mut seen = HashSet::new();
        let named: HashSet<Digest> = listed.iter().map(|(digest, _)| digest.clone()).collect();
        let mut left: Vec<(Digest, String, usize)> = Vec::with_capacity(listed.len());
        left.extend(listed.into_iter().rev().map(|(digest, t)| (digest, t, 0)));
        while let Some((digest, media_type, depth)) = left.pop() {
            if !seen.insert(digest.clone()) {
                continue;
            }
            if depth > 0 {
                let known = MediaType::new(&media_type);
                if !known.is_manifest() && !media_type.is_empty() {
                    continue;
                }
                if !named.contains(&digest) {
                    relations
                        .children
                        .insert(digest.clone(), media_type.clone());
                }
            }
            // Before the content, so that a change in between shows the next time.
            let stamp = stamp(&digest);
            let facts = facts(&digest, &media_type).or_else(|e| match e.kind() {
                // An index may list anything: what is no manifest is related to nothing.
                Kind::Corrupt => {
                    tracing::debug!("{e:#}");
                    Ok(None)
                }
                _ => Err(e),
            });
            let Some(facts) = facts? else {
                relations.unread.push((digest, stamp));
                continue;
            };
            let Some(links) = &facts.links else {
                continue;
            };
            if let Some(subject) = &links.subject {
                let referrers = relations.referrers.entry(subject.clone()).or_default();
                referrers.push(digest);
            }
            if depth < DEPTH {
                let children = links.children.iter();
                left.extend(children.map(|(d, t)| (d.clone(), t.clone(), depth + 1)));
            }
        }
        Ok(relations)
    }
}
