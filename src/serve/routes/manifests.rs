//! Manifests: pull, push and delete, by tag and by digest.

use std::sync::Arc;

use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, WARNING};
use serde_json::json;

use super::super::App;
use super::super::answer::{self, Answer, Body, DOCKER_CONTENT_DIGEST, OCI_SUBJECT, OCI_TAG};
use super::super::content::{Found, Named};
use super::super::refusal::{Code, Refusal};
use super::super::request::Asked;
use super::super::route::{ManifestName, parameters};
use super::super::store::Root;
use super::super::verify;
use crate::image::{RepositoryName, Tag};

/// Tags in one request, with `tag` in the query.
const TAGS_MOST: usize = 100;

pub(super) async fn get(
    app: &App,
    asked: &Asked,
    name: &RepositoryName,
    which: &ManifestName,
) -> Result<Answer, Refusal> {
    let unknown = || unknown(asked.called(name));
    let named = match which {
        ManifestName::Tag(tag) => Named::Tag(tag),
        ManifestName::Digest(digest) => Named::Digest(digest),
        ManifestName::Invalid => return Err(unknown()),
    };
    let found = async || {
        let found = app.content.manifest(name, named).await?;
        found.ok_or_else(unknown)
    };
    match send(asked, found().await?)? {
        Some(answer) => Ok(answer),
        // Its file was replaced or removed meanwhile.
        None => send(asked, found().await?)?.ok_or_else(unknown),
    }
}

/// `found` as a client wants it; `None` when it is no more what was found.
fn send(asked: &Asked, found: Found) -> Result<Option<Answer>, Refusal> {
    if !answer::accepts(&asked.parts.headers, &found.media_type) {
        let text = format!(
            "the manifest is there as `{}`, which `Accept` does not name",
            found.media_type
        );
        return Err(Refusal::missing(Code::ManifestUnknown, text));
    }
    let etag = found.digest.to_string();
    if answer::is_unwanted(&asked.parts.headers, &etag) {
        return Err(Refusal::unwanted());
    }
    let is_known = answer::is_known(&asked.parts.headers, &etag);
    let mut answer = answer::empty(match is_known {
        true => StatusCode::NOT_MODIFIED,
        false => StatusCode::OK,
    });
    answer::set_digest(&mut answer, &found.digest);
    if let Some(warning) = found.warning {
        answer::set(&mut answer, WARNING, warning);
    }
    if is_known {
        return Ok(Some(answer));
    }
    answer::set(&mut answer, CONTENT_TYPE, &found.media_type);
    answer::set(&mut answer, CONTENT_LENGTH, found.size);
    if !asked.is_head() {
        let Some(bytes) = found.bytes.read()? else {
            return Ok(None);
        };
        answer::set(&mut answer, CONTENT_LENGTH, bytes.len());
        *answer.body_mut() = Body::whole(bytes);
    }
    Ok(Some(answer))
}

pub(super) async fn put(
    root: &Arc<Root>,
    asked: &mut Asked,
    name: &RepositoryName,
    which: &ManifestName,
) -> Result<Answer, Refusal> {
    let (tag, digest) = match which {
        ManifestName::Tag(tag) => (Some(tag), None),
        ManifestName::Digest(digest) => (None, Some(digest)),
        ManifestName::Invalid => {
            let text = "the tag is not valid: up to 128 letters, digits, `_`, `.` and `-`";
            return Err(Refusal::bad(Code::TagInvalid, text));
        }
    };
    // More tags for a manifest that is pushed by digest (distribution-spec 1.2, "Pushing Manifests").
    let more = match digest {
        Some(_) => tags_in_query(asked)?,
        None => Vec::new(),
    };
    let tags: Vec<Tag> = tag
        .into_iter()
        .cloned()
        .chain(more.iter().cloned())
        .collect();
    if asked
        .length()
        .is_some_and(|length| length > verify::CAP as u64)
    {
        return Err(verify::too_large());
    }
    let raw = asked.body.whole(verify::CAP).await?;
    let raw = raw.ok_or_else(verify::too_large)?;
    let content_type = asked.header(&CONTENT_TYPE).unwrap_or_default();
    let pushed = verify::read(name, tag, digest, content_type, raw)?;

    let (digest, subject) = (pushed.digest.clone(), pushed.subject.clone());
    let repository = root.repository(name);
    let kept = repository.clone();
    let store = move || {
        let check = || {
            // One that is here already was pushed for its own tag or by digest; this only tags it again.
            if let Some(stated) = &pushed.for_tag
                && !repository.lists(&pushed.digest)?
            {
                return Err(verify::for_another_tag(stated));
            }
            let missing = pushed.parts.iter().filter(|part| !repository.has(part));
            let missing: Vec<_> = missing.cloned().collect();
            match missing.is_empty() {
                true => Ok(()),
                false => Err(Refusal::blobs_unknown(&missing)),
            }
        };
        let media_type = pushed.manifest.media_type().as_str();
        let tags: Vec<&Tag> = tags.iter().collect();
        let manifest = (&pushed.digest, media_type, pushed.manifest.raw());
        repository.put_manifest(manifest, &tags, check)
    };
    kept.writers().run(store).await?;

    let mut answer = answer::empty(StatusCode::CREATED);
    let url = asked.url(&format!("/v2/{name}/manifests/{digest}"));
    answer::set(&mut answer, LOCATION, url);
    answer::set(&mut answer, DOCKER_CONTENT_DIGEST, &digest);
    if let Some(subject) = subject {
        answer::set(&mut answer, OCI_SUBJECT, subject);
    }
    for tag in more {
        if let Ok(value) = tag.as_str().parse() {
            answer.headers_mut().append(OCI_TAG, value);
        }
    }
    Ok(answer)
}

fn tags_in_query(asked: &Asked) -> Result<Vec<Tag>, Refusal> {
    let tags = parameters(&asked.parts.uri, "tag");
    if tags.len() > TAGS_MOST {
        let (status, code) = (StatusCode::URI_TOO_LONG, Code::TagInvalid);
        let text = format!("one request sets at most {TAGS_MOST} tags");
        return Err(Refusal::new(status, code, text));
    }
    let read = |text: String| {
        text.parse::<Tag>()
            .map_err(|e| Refusal::bad(Code::TagInvalid, e.to_string()))
    };
    tags.into_iter().map(read).collect()
}

pub(super) async fn delete(
    root: &Arc<Root>,
    name: &RepositoryName,
    which: &ManifestName,
) -> Result<Answer, Refusal> {
    let (repository, which) = (root.repository(name), which.clone());
    let kept = repository.clone();
    let deleted = kept.writers().run(move || match which {
        ManifestName::Tag(tag) => repository.delete_tag(&tag),
        ManifestName::Digest(digest) => repository.delete_manifest(&digest),
        ManifestName::Invalid => Ok(false),
    });
    match deleted.await? {
        true => Ok(answer::empty(StatusCode::ACCEPTED)),
        false => Err(unknown(name)),
    }
}

fn unknown(name: &RepositoryName) -> Refusal {
    let refusal = Refusal::missing(Code::ManifestUnknown, "manifest unknown");
    refusal.detail(json!({"name": name.as_str()}))
}
