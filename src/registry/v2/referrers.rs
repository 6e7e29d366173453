//! Referrers: the manifests whose `subject` is a given manifest, such as its signatures (OCI distribution-spec "Listing
//! Referrers", "Unavailable Referrers API").
//!
//! A registry with the referrers API lists them itself, and answers `OCI-Subject` to the PUT of one. For other registries
//! each client keeps the list: an OCI index at the tag `ALGORITHM-HEX` of the subject. This file reads both, and writes
//! the index. It must not fetch the referrers themselves.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, Method, header};
use serde_json::Value;
use tokio::time::Instant;

use super::RepositoryClient;
use super::link::next_link;
use super::manifests::{MANIFEST_CAP, TagOrDigest};
use super::tags::MAX_LINK;
use crate::image::{Descriptor, Digest, Manifest, MediaType, Tag, View, index};
use crate::registry::admit::{Admitted, Purpose, admit};
use crate::registry::error::{has_status, missing_blobs};
use crate::registry::gate::backoff;
use crate::registry::intent::Target;
use crate::registry::items::Items;
use crate::registry::retry;
use crate::{Error, Kind, Result};

/// Shortest and longest wait before an index that was written is read again.
const SETTLE: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(250)];
/// Referrers, bytes and pages of one list that are read at most.
const MAX_REFERRERS: usize = 50_000;
const MAX_BYTES: usize = 32 << 20;
const MAX_PAGES: usize = 1000;
/// Manifests that are asked for at once.
const ASKED_AT_ONCE: usize = 8;

/// When the referrers tag is read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadTag {
    /// Never: it is known that the repository has no such tag.
    Never,
    /// Only where the registry has no referrers API.
    WithoutApi,
    /// Also where it has: lists from before it had the API may not have been taken over.
    Always,
}

/// The tag at which the referrers of `subject` are listed.
fn referrers_tag(subject: &Digest) -> Result<Tag> {
    let tag = crate::image::referrers_tag(subject);
    tag.map_err(|e| Error::other(format!("`{subject}` has no referrers tag")).because(e))
}

impl RepositoryClient {
    /// The descriptors of all referrers of `subject`, each once; with `artifact_type` only those of that type, and those
    /// that do not say theirs ([`Descriptor::hides_artifact_type`]).
    ///
    /// Asks the referrers API, page by page, and reads the index at the referrers tag as `read_tag` says. Entries that
    /// are no descriptors are left out with a warning.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] for a list that is too long or does not end, and when the registry cannot be reached;
    /// [`Kind::NotAllowed`] when it refuses this user.
    pub async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&MediaType>,
        read_tag: ReadTag,
    ) -> Result<Vec<Descriptor>> {
        let mut found = Found::new(artifact_type);
        let has_api = !self.client.referrers_tags.has_no_api(&self.name)
            && self.by_api(subject, &mut found).await?;
        if !has_api {
            self.client.referrers_tags.note_no_api(&self.name);
        }
        let reads_tag = match read_tag {
            ReadTag::Never => false,
            ReadTag::WithoutApi => !has_api,
            ReadTag::Always => true,
        };
        if reads_tag {
            let tag = referrers_tag(subject)?;
            let read = self.read_index(&tag, subject);
            match read.await {
                Ok(Some(index)) => found.take(index.raw(), false, &tag)?,
                Ok(None) => {}
                // Something else is at the tag: nothing is listed there.
                Err(e) if e.kind() == Kind::Refused => tracing::debug!("{e:#}"),
                Err(e) => return Err(e),
            }
        }
        if found.left_out > 0 {
            tracing::warn!(
                "{} of the entries in the list of referrers of `{subject}` are no descriptors and were left out",
                found.left_out
            );
        }
        Ok(found.referrers)
    }

    /// Collects what the referrers API lists. `false` if the registry has no such API.
    async fn by_api(&self, subject: &Digest, found: &mut Found<'_>) -> Result<bool> {
        let mut endpoint = format!("referrers/{subject}");
        if let Some(wanted) = found.artifact_type {
            let value: String =
                url::form_urlencoded::byte_serialize(wanted.as_str().as_bytes()).collect();
            endpoint += &format!("?artifactType={value}");
        }
        let mut get = self
            .request(Method::GET, endpoint)
            .header(header::ACCEPT, MediaType::OCI_INDEX);
        let mut asked = HashSet::new();
        loop {
            let (answer, raw) = match self.client.document(&get, MANIFEST_CAP).await {
                // R1, R2; R3: Quay answers 400 to a digest that it does not have.
                Err(e) if asked.is_empty() && has_status(&e, &[400, 404, 405, 501]) => {
                    return Ok(false);
                }
                other => other?,
            };
            let content_type = answer.header(&header::CONTENT_TYPE);
            if !is_index(&raw, content_type) {
                // R4: a web page, which says 200 to everything.
                if asked.is_empty() {
                    return Ok(false);
                }
                let text = format!(
                    "GET {} answered with no list of referrers",
                    answer.url.redacted()
                );
                return Err(Error::unavailable(text));
            }
            found.take(&raw, is_filtered(&answer.headers), &answer.url.redacted())?;
            let Some(next) = next_page(&answer.headers, &answer.url)? else {
                return Ok(true);
            };
            // L10, as for tags.
            if asked.len() >= MAX_PAGES || !asked.insert(next.url().to_string()) {
                return Err(endless(&answer.url.redacted()));
            }
            get.target = Target::At(next);
        }
    }

    /// Enters `manifest`, which the registry has as `filed`, into the index at the referrers tag of its subject; nothing
    /// is done without a subject. A registry that does not permit that gets a warning: the manifest itself is there.
    pub(crate) async fn list_referrer(&self, manifest: &Manifest, filed: &Digest) -> Result<()> {
        let Some((subject, mut entry)) = manifest.as_referrer() else {
            return Ok(());
        };
        entry.digest = filed.clone();
        let add = |index: Option<&Manifest>| match index {
            Some(index) if lists(index, filed) => Ok(None),
            index => index::with_entry(index, &entry).map(Some),
        };
        let failed = match self.change_index(&subject, add).await {
            Ok(()) => return Ok(()),
            Err(e) => e,
        };
        let text = format!("`{filed}` cannot be listed as a referrer of `{subject}`");
        match failed.kind() {
            Kind::NotAllowed | Kind::Refused => {
                tracing::warn!("{text}, so that other tools do not find it: {failed}");
                Ok(())
            }
            _ => Err(failed.context(text).hint(
                "the manifest itself was written; run the command again with `--recheck` to list it",
            )),
        }
    }

    /// Takes `manifest`, which the registry has as `digest`, out of the index at the referrers tag of its subject. The index
    /// stays, even if empty. `false` if it is not listed there.
    pub(crate) async fn unlist_referrer(
        &self,
        manifest: &Manifest,
        digest: &Digest,
    ) -> Result<bool> {
        let Some((subject, _)) = manifest.as_referrer() else {
            return Ok(false);
        };
        let was_listed = AtomicBool::new(false);
        let remove = |index: Option<&Manifest>| match index {
            Some(index) if lists(index, digest) => {
                was_listed.store(true, Ordering::Relaxed);
                let others = |d: &Descriptor| (d.digest != *digest).then(|| d.clone());
                index::rewrite(index, others).map(Some)
            }
            _ => Ok(None),
        };
        self.change_index(&subject, remove).await?;
        Ok(was_listed.into_inner())
    }

    /// Changes the index of the referrers of `subject` until `change`, which gets the index as it is, has nothing to
    /// change any more. Registries know no conditional PUT, so that a writer can only look whether its change lasted (quirk R6).
    async fn change_index(
        &self,
        subject: &Digest,
        change: impl Fn(Option<&Manifest>) -> Result<Option<Manifest>, crate::image::ManifestError>,
    ) -> Result<()> {
        let tag = referrers_tag(subject)?;
        let at = TagOrDigest::Tag(tag.clone());
        let _turn = self.client.referrers_tags.turn(&tag).await;
        for tries in 1..=retry::REFERRERS_INDEX + 1 {
            let begun = Instant::now();
            let read = self.read_index(&tag, subject);
            let old = read.await?;
            let Some(new) = change(old.as_ref()).map_err(|e| odd_index(&tag).because(e))? else {
                return Ok(());
            };
            if tries > retry::REFERRERS_INDEX {
                break;
            }
            self.put_index(&at, new).await?;
            // Another writer that had read the index before this PUT replaces it within about the time that reading and
            // writing took here; random, so that two do not meet again.
            let [least, most] = SETTLE;
            let settle = (begun.elapsed() * 2).clamp(least, most);
            tokio::time::sleep(backoff(settle, tries)).await;
        }
        let text = format!("others keep replacing the index at the tag `{tag}`");
        Err(Error::unavailable(text))
    }

    /// Writes `index` as `at`. A registry that checks what an index names refuses it for one entry whose manifest was
    /// deleted, so such entries are dropped (quirk R13).
    async fn put_index(&self, at: &TagOrDigest, mut index: Manifest) -> Result<()> {
        loop {
            let refusal = match self.put_alone(at, &index).await {
                Ok(_) => return Ok(()),
                Err(e) => e,
            };
            let Some(named) = missing_blobs(&refusal) else {
                return Err(refusal);
            };
            let Ok(View::Index(view)) = index.view() else {
                return Err(refusal);
            };
            let listed = || view.manifests.iter().map(|entry| &entry.digest);
            let mut gone: HashSet<Digest> =
                listed().filter(|d| named.contains(d)).cloned().collect();
            if gone.is_empty() {
                gone = self.gone(listed()).await?;
            }
            if gone.is_empty() {
                return Err(refusal);
            }
            tracing::debug!("{at} lists manifests that are gone; dropping them: {gone:?}");
            let others = |d: &Descriptor| (!gone.contains(&d.digest)).then(|| d.clone());
            index = index::rewrite(&index, others).map_err(|_| refusal)?;
        }
    }

    /// Those of `digests` that the registry has no manifest of.
    async fn gone(&self, digests: impl Iterator<Item = &Digest>) -> Result<HashSet<Digest>> {
        let asked = digests.map(|digest| async move {
            let which = TagOrDigest::Digest(digest.clone());
            let there = self.manifest_digest(&which, false).await?;
            Ok::<_, Error>(there.is_none().then(|| digest.clone()))
        });
        let asked: Vec<_> = asked.collect();
        let gone = stream::iter(asked).buffer_unordered(ASKED_AT_ONCE);
        gone.try_filter_map(|gone| async { Ok(gone) })
            .try_collect()
            .await
    }

    /// Whether the registry is known to list referrers itself; known after [`RepositoryClient::referrers`].
    pub fn has_referrers_api(&self) -> bool {
        !self.client.referrers_tags.has_no_api(&self.name)
    }

    /// Those of `digests` that the registry has.
    pub(crate) async fn present(&self, digests: HashSet<Digest>) -> Result<HashSet<Digest>> {
        let gone = self.gone(digests.iter()).await?;
        Ok(digests.into_iter().filter(|d| !gone.contains(d)).collect())
    }

    /// The index of the referrers of `subject` at its tag; `None` if there is none. [`Kind::Refused`] if the tag is
    /// something else.
    async fn read_index(&self, tag: &Tag, subject: &Digest) -> Result<Option<Manifest>> {
        let at = TagOrDigest::Tag(tag.clone());
        let index = match self.get_manifest(&at).await {
            Ok(manifest) => manifest,
            Err(e) if e.kind() == Kind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        // R11: the subject may itself be an index.
        if index.is(subject) {
            let text = format!(
                "the registry has no referrers API, and answers the tag `{tag}` with the image itself"
            );
            return Err(Error::refused(text));
        }
        match *index.media_type() == MediaType::OCI_INDEX {
            true => Ok(Some(index)),
            false => Err(odd_index(tag)),
        }
    }
}

/// Whether `index` lists `digest`.
fn lists(index: &Manifest, digest: &Digest) -> bool {
    let document: Value = serde_json::from_slice(index.raw()).unwrap_or_default();
    let mut entries = document["manifests"].as_array().into_iter().flatten();
    entries.any(|entry| entry["digest"].as_str() == Some(&digest.to_string()))
}

fn odd_index(tag: &Tag) -> Error {
    let text = format!("what is at the tag `{tag}` is no index of referrers");
    Error::refused(text)
}

/// Whether a document is an OCI index.
fn is_index(raw: &Bytes, content_type: Option<&str>) -> bool {
    Manifest::parse(raw.clone(), content_type)
        .is_ok_and(|manifest| *manifest.media_type() == MediaType::OCI_INDEX)
}

/// Whether the registry has left out other artifact types itself (quirk R5).
fn is_filtered(headers: &HeaderMap) -> bool {
    let fields = headers.get_all("oci-filters-applied").iter();
    let mut filters = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','));
    filters.any(|filter| filter.trim() == "artifactType")
}

fn next_page(headers: &HeaderMap, url: &Admitted) -> Result<Option<Admitted>> {
    let links = headers.get_all(header::LINK).iter();
    let link = links
        .filter_map(|field| field.to_str().ok())
        .find_map(next_link);
    match link {
        Some(link) if link.len() > MAX_LINK => Err(endless(&url.redacted())),
        Some(link) => admit(url, &link, Purpose::Link).map(Some),
        None => Ok(None),
    }
}

fn endless(url: &str) -> Error {
    let text = format!("the list of referrers at {url} does not end");
    Error::unavailable(text)
}

/// Referrers that were found.
struct Found<'a> {
    artifact_type: Option<&'a MediaType>,
    referrers: Vec<Descriptor>,
    digests: HashSet<Digest>,
    bytes: usize,
    left_out: usize,
}

impl<'a> Found<'a> {
    fn new(artifact_type: Option<&'a MediaType>) -> Found<'a> {
        Found {
            artifact_type,
            referrers: Vec::new(),
            digests: HashSet::new(),
            bytes: 0,
            left_out: 0,
        }
    }

    /// Takes the entries of the index `raw`, which came from `place`; those of other types are left out unless the
    /// registry did that (`filtered`).
    fn take(&mut self, raw: &[u8], filtered: bool, place: &dyn std::fmt::Display) -> Result<()> {
        self.bytes += raw.len();
        let mut items = Items::of("manifests");
        let read = items.feed(raw, |entry| {
            let Ok(entry) = serde_json::from_slice::<Descriptor>(entry) else {
                self.left_out += 1;
                return;
            };
            let wanted = self.artifact_type.filter(|_| !filtered);
            let is_wanted = wanted.is_none_or(|t| {
                entry.artifact_type.as_ref() == Some(t) || entry.hides_artifact_type()
            });
            if is_wanted
                && self.referrers.len() <= MAX_REFERRERS
                && self.digests.insert(entry.digest.clone())
            {
                self.referrers.push(entry);
            }
        });
        read.and_then(|()| items.end()).map_err(|e| {
            let text = format!("{place} is no list of referrers");
            Error::unavailable(text).because(e)
        })?;
        if self.referrers.len() > MAX_REFERRERS || self.bytes > MAX_BYTES {
            let text = format!(
                "{place} lists more referrers than are read: more than {MAX_REFERRERS}, or than {} MiB of text",
                MAX_BYTES >> 20
            );
            return Err(Error::unavailable(text));
        }
        Ok(())
    }
}
