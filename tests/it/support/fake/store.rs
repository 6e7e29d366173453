//! What a well-behaved registry holds and answers; faults are the business of `script`.
//!
//! Strict where real registries are: an upload answers only under its newest `Location`, digests are checked,
//! and a manifest is refused while a blob it names is missing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use barque::image::Digest;
use serde_json::{Value, json};

use super::super::images::{TestImage, sha256};
use super::wire::{Head, Reply};

/// Repositories and open uploads.
#[derive(Default)]
pub struct Store {
    pub repositories: HashMap<String, Repository>,
    uploads: HashMap<u64, Upload>,
    next: u64,
    pub links: LinkForm,
    /// Pages hold this many tags at most, whatever `n` says.
    pub page_limit: Option<usize>,
    /// Upload states are spelt in a way that a re-encoded query would not keep (U2).
    pub odd_state: bool,
    /// Whether an index may list what is not here.
    pub takes_sparse: bool,
    /// Whether there is no referrers API.
    pub without_referrers: bool,
}

/// Content of one repository.
#[derive(Default)]
pub struct Repository {
    pub blobs: HashMap<Digest, Vec<u8>>,
    /// Media type and bytes.
    pub manifests: HashMap<Digest, (String, Vec<u8>)>,
    pub tags: BTreeMap<String, Digest>,
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[derive(Default)]
struct Upload {
    bytes: Vec<u8>,
    state: u64,
}

/// How the next page of tags is pointed to.
#[derive(Debug, Clone, Default)]
pub enum LinkForm {
    /// `</v2/...>` (distribution).
    #[default]
    Relative,
    /// `<http://ADDRESS/v2/...>`.
    Absolute,
    /// The same path below this base URL, such as another host's (L2).
    At(String),
    /// Not at all (L4).
    None,
}

/// Where the body of a PATCH begins, as it says.
fn start_of(head: &Head) -> Option<usize> {
    head.header("content-range")?
        .split('-')
        .next()?
        .parse()
        .ok()
}

/// An error answer of the distribution API.
pub fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({ "errors": [{ "code": code, "message": message, "detail": {} }] });
    Reply::new(status, body.to_string()).with("Content-Type", "application/json")
}

impl Store {
    /// Puts an image and all below it into a repository.
    pub fn add(&mut self, repository: &str, tag: &str, image: &TestImage) {
        let repo = self.repositories.entry(repository.into()).or_default();
        repo.tags.insert(tag.into(), image.digest.clone());
        repo.add(image);
    }

    /// Forgets all open uploads.
    pub fn forget_uploads(&mut self) {
        self.uploads.clear();
    }

    /// Keeps what came of an upload's body before it broke off.
    pub fn keep(&mut self, head: &Head, part: Vec<u8>) {
        let Some((_, id)) = head.path().split_once("/blobs/uploads/") else {
            return;
        };
        let Ok(id) = id.parse() else { return };
        let Some(upload) = self.uploads.get(&id) else {
            return;
        };
        let newest = self.state(upload);
        let starts = start_of(head);
        if head.target.contains(&newest) && starts.is_none_or(|s| s == upload.bytes.len()) {
            let upload = self.uploads.entry(id).or_default();
            upload.bytes.extend(part);
            upload.state += 1;
        }
    }

    /// Answers one request as the specification has it.
    pub fn answer(&mut self, head: &Head, body: Vec<u8>, declined: bool) -> Reply {
        let Some(rest) = head.path().strip_prefix("/v2/") else {
            return Reply::new(404, "not here");
        };
        if rest.is_empty() {
            return Reply::new(200, "{}").with("Content-Type", "application/json");
        }
        let method = head.method.as_str();
        if let Some((name, id)) = rest.split_once("/blobs/uploads/") {
            return match (method, id) {
                ("POST", "") => self.begin(name, head, declined),
                _ => self.upload(name, id, head, body),
            };
        }
        if let Some((name, digest)) = rest.split_once("/blobs/") {
            return self.blob(name, digest, head);
        }
        if let Some((name, which)) = rest.split_once("/manifests/") {
            return self.manifest(name, which, head, body);
        }
        if let Some((name, digest)) = rest.split_once("/referrers/")
            && !self.without_referrers
        {
            return self.referrers(name, digest, head);
        }
        if rest == "_catalog" {
            return self.catalog(head);
        }
        match rest.strip_suffix("/tags/list") {
            Some(name) => self.tags(name, head),
            None => error(404, "UNSUPPORTED", "no such endpoint"),
        }
    }

    fn begin(&mut self, name: &str, head: &Head, declined: bool) -> Reply {
        if let (Some(mount), Some(from), false) =
            (head.query("mount"), head.query("from"), declined)
        {
            let digest: Option<Digest> = mount.parse().ok();
            let source = self.repositories.get(&from);
            let bytes = digest.as_ref().and_then(|d| source?.blobs.get(d)).cloned();
            if let (Some(digest), Some(bytes)) = (digest, bytes) {
                return self.created(name, digest, bytes);
            }
        }
        self.next += 1;
        self.uploads.insert(self.next, Upload::default());
        self.accepted(name, self.next)
    }

    fn accepted(&self, name: &str, id: u64) -> Reply {
        let upload = &self.uploads[&id];
        let state = self.state(upload);
        let location = format!("/v2/{name}/blobs/uploads/{id}?{state}");
        Reply::new(202, "")
            .with("Location", location)
            .with(
                "Range",
                format!("0-{}", upload.bytes.len().saturating_sub(1)),
            )
            .with("Docker-Upload-UUID", id)
    }

    fn state(&self, upload: &Upload) -> String {
        match self.odd_state {
            true => format!("_state=s%3D{}~%2b==", upload.state),
            false => format!("_state=s%3D{}~%2B%3D%3D", upload.state),
        }
    }

    fn created(&mut self, name: &str, digest: Digest, bytes: Vec<u8>) -> Reply {
        let reply = Reply::new(201, "")
            .with("Location", format!("/v2/{name}/blobs/{digest}"))
            .with("Docker-Content-Digest", &digest);
        let repo = self.repositories.entry(name.into()).or_default();
        repo.blobs.insert(digest, bytes);
        reply
    }

    fn upload(&mut self, name: &str, id: &str, head: &Head, body: Vec<u8>) -> Reply {
        let unknown = || error(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown to registry");
        let Some(id) = id.parse().ok().filter(|id| self.uploads.contains_key(id)) else {
            return unknown();
        };
        let newest = self.state(&self.uploads[&id]);
        if head.method != "GET" && !head.target.contains(&newest) {
            return unknown();
        }
        match head.method.as_str() {
            "PATCH" => {
                let starts = start_of(head);
                let upload = self.uploads.get_mut(&id).unwrap();
                if starts.is_some_and(|start| start != upload.bytes.len()) {
                    return Reply {
                        status: 416,
                        ..self.accepted(name, id)
                    };
                }
                upload.bytes.extend(body);
                upload.state += 1;
                self.accepted(name, id)
            }
            "PUT" => {
                let mut bytes = self.uploads.remove(&id).unwrap_or_default().bytes;
                bytes.extend(body);
                let digest = head.query("digest").and_then(|d| d.parse::<Digest>().ok());
                match digest {
                    Some(d) if Digest::of(d.algorithm(), &bytes) == d => {
                        self.created(name, d, bytes)
                    }
                    _ => error(
                        400,
                        "DIGEST_INVALID",
                        "provided digest did not match uploaded content",
                    ),
                }
            }
            "GET" => Reply {
                status: 204,
                ..self.accepted(name, id)
            },
            "DELETE" => {
                self.uploads.remove(&id);
                Reply::new(204, "")
            }
            _ => error(405, "UNSUPPORTED", "method not allowed"),
        }
    }

    fn blob(&mut self, name: &str, digest: &str, head: &Head) -> Reply {
        let digest: Option<Digest> = digest.parse().ok();
        let repo = self.repositories.get(name);
        let Some((digest, bytes)) = digest.and_then(|d| Some((d.clone(), repo?.blobs.get(&d)?)))
        else {
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry");
        };
        let whole = Reply::new(200, bytes.clone());
        let reply = match head.header("range").and_then(|r| range(r, bytes.len())) {
            Some(Err(())) => {
                Reply::new(416, "").with("Content-Range", format!("bytes */{}", bytes.len()))
            }
            Some(Ok((from, to))) => Reply::new(206, &bytes[from..=to]).with(
                "Content-Range",
                format!("bytes {from}-{to}/{}", bytes.len()),
            ),
            None => whole,
        };
        reply
            .with("Content-Type", "application/octet-stream")
            .with("Accept-Ranges", "bytes")
            .with("Docker-Content-Digest", digest)
    }

    fn manifest(&mut self, name: &str, which: &str, head: &Head, body: Vec<u8>) -> Reply {
        if head.method == "PUT" {
            return self.put_manifest(name, which, head, body);
        }
        let Some(repo) = self.repositories.get_mut(name) else {
            return error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        let digest = repo.tags.get(which).cloned().or_else(|| which.parse().ok());
        let Some((digest, (media_type, bytes))) =
            digest.and_then(|d| Some((d.clone(), repo.manifests.get(&d)?)))
        else {
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
        };
        if head.method == "DELETE" && repo.tags.remove(which).is_some() {
            return Reply::new(202, "");
        }
        if head.method == "DELETE" {
            repo.tags.retain(|_, d| *d != digest);
            repo.manifests.remove(&digest);
            return Reply::new(202, "");
        }
        Reply::new(200, bytes.clone())
            .with("Content-Type", media_type)
            .with("Docker-Content-Digest", digest)
    }

    fn put_manifest(&mut self, name: &str, which: &str, head: &Head, body: Vec<u8>) -> Reply {
        let Ok(json) = serde_json::from_slice::<Value>(&body) else {
            return error(400, "MANIFEST_INVALID", "manifest invalid");
        };
        let repo = self.repositories.entry(name.into()).or_default();
        let by_digest = which.parse::<Digest>().ok();
        let algorithm = by_digest.as_ref().map(Digest::algorithm);
        let digest = algorithm.map_or_else(|| sha256(&body), |a| Digest::of(a, &body));
        if by_digest.as_ref().is_some_and(|d| *d != digest) {
            return error(
                400,
                "DIGEST_INVALID",
                "provided digest did not match uploaded content",
            );
        }
        let mut layers = json["layers"].as_array().into_iter().flatten();
        let foreign = layers.any(|l| l["urls"].is_array());
        let may_miss = self.takes_sparse && (json["manifests"].is_array() || foreign);
        if let Some(missing) = repo.missing(&json).filter(|_| !may_miss) {
            return error(
                400,
                "MANIFEST_BLOB_UNKNOWN",
                &format!("blob unknown to registry: {missing}"),
            );
        }
        let media_type = head.header("content-type").unwrap_or_default().to_owned();
        let subject = json["subject"]["digest"].as_str().map(str::to_owned);
        repo.manifests.insert(digest.clone(), (media_type, body));
        if by_digest.is_none() {
            repo.tags.insert(which.into(), digest.clone());
        }
        let reply = Reply::new(201, "")
            .with("Location", format!("/v2/{name}/manifests/{digest}"))
            .with("Docker-Content-Digest", digest);
        match subject.filter(|_| !self.without_referrers) {
            Some(subject) => reply.with("OCI-Subject", subject),
            None => reply,
        }
    }

    fn referrers(&self, name: &str, subject: &str, head: &Head) -> Reply {
        let manifests = self.repositories.get(name).map(|repo| &repo.manifests);
        let mut listed = BTreeMap::new();
        for (digest, (media_type, bytes)) in manifests.into_iter().flatten() {
            let json: Value = serde_json::from_slice(bytes).unwrap();
            let own = [&json["artifactType"], &json["config"]["mediaType"]];
            let artifact_type = own.into_iter().find_map(Value::as_str);
            let asked = head.query("artifactType");
            if json["subject"]["digest"] == subject
                && asked.is_none_or(|asked| Some(asked.as_str()) == artifact_type)
            {
                let entry = json!({
                    "mediaType": media_type, "digest": digest, "size": bytes.len(),
                    "annotations": json["annotations"], "artifactType": artifact_type,
                });
                listed.insert(digest.to_string(), entry);
            }
        }
        let body = |page: &[&String]| {
            let page: Vec<_> = page.iter().map(|digest| &listed[*digest]).collect();
            json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": page })
        };
        let path = format!("/v2/{name}/referrers/{subject}");
        let mut reply = self.page(head, &path, listed.keys(), body);
        reply.drop_header("content-type");
        if head.query("artifactType").is_some() {
            reply = reply.with("OCI-Filters-Applied", "artifactType");
        }
        reply.with("Content-Type", INDEX)
    }

    fn tags(&self, name: &str, head: &Head) -> Reply {
        let Some(repo) = self.repositories.get(name) else {
            return error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        let path = format!("/v2/{name}/tags/list");
        let body = |page: &[&String]| json!({ "name": name, "tags": page });
        self.page(head, &path, repo.tags.keys(), body)
    }

    fn catalog(&self, head: &Head) -> Reply {
        let names: BTreeSet<&String> = self.repositories.keys().collect();
        let body = |page: &[&String]| json!({ "repositories": page });
        self.page(head, "/v2/_catalog", names.into_iter(), body)
    }

    /// A page of `all`, which are in order, and the link to the next one.
    fn page<'a>(
        &self,
        head: &Head,
        path: &str,
        all: impl Iterator<Item = &'a String>,
        body: impl Fn(&[&String]) -> Value,
    ) -> Reply {
        let last = head.query("last").unwrap_or_default();
        let asked = head.query("n").and_then(|n| n.parse().ok());
        let size = asked
            .into_iter()
            .chain(self.page_limit)
            .min()
            .unwrap_or(usize::MAX);
        let mut rest = all.filter(|entry| **entry > last);
        let page: Vec<&String> = rest.by_ref().take(size).collect();
        let body = body(&page).to_string();
        let reply = Reply::new(200, body).with("Content-Type", "application/json");
        let (Some(end), true) = (page.last(), rest.next().is_some()) else {
            return reply;
        };
        let path = format!("{path}?last={end}&n={size}");
        let base = match &self.links {
            LinkForm::Relative => String::new(),
            LinkForm::Absolute => format!("http://{}", head.header("host").unwrap_or_default()),
            LinkForm::At(base) => base.clone(),
            LinkForm::None => return reply,
        };
        reply.with("Link", format!("<{base}{path}>; rel=\"next\""))
    }
}

impl Repository {
    fn add(&mut self, image: &TestImage) {
        self.blobs.extend(image.blobs.clone());
        let content = (image.media_type.clone(), image.manifest.clone());
        self.manifests.insert(image.digest.clone(), content);
        for child in &image.children {
            self.add(child);
        }
    }

    /// The first thing a manifest names that is not here.
    fn missing(&self, manifest: &Value) -> Option<String> {
        let list = |key: &str| manifest[key].as_array().cloned().unwrap_or_default();
        let digest = |d: &Value| d["digest"].as_str()?.parse::<Digest>().ok();
        let blobs = list("layers")
            .into_iter()
            .chain([manifest["config"].clone()]);
        let mut blobs = blobs.filter_map(|d| digest(&d));
        let mut children = list("manifests").into_iter().filter_map(|d| digest(&d));
        let blob = blobs.find(|d| !self.blobs.contains_key(d));
        let child = children.find(|d| !self.manifests.contains_key(d));
        blob.or(child).map(|d| d.to_string())
    }
}

/// The bytes `bytes=FROM-[TO]` asks for; none for other forms, an error past the end.
fn range(header: &str, length: usize) -> Option<Result<(usize, usize), ()>> {
    let (from, to) = header.strip_prefix("bytes=")?.split_once('-')?;
    let from: usize = from.parse().ok()?;
    let to = to
        .parse()
        .map_or(length.wrapping_sub(1), |to: usize| to.min(length - 1));
    Some(if from < length {
        Ok((from, to))
    } else {
        Err(())
    })
}
