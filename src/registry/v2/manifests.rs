//! Manifests: GET, HEAD, PUT, DELETE (OCI distribution-spec "Pulling manifests", "Pushing manifests").

use bytes::Bytes;
use http::{Method, StatusCode, header};

use super::RepositoryClient;
use crate::image::{Algorithm, Digest, Manifest, MediaType, Tag};
use crate::registry::intent::{Body, Intent};
use crate::registry::{ApiError, Client, may_have_gone};
use crate::{Error, Kind, Result};

/// Bytes of a manifest that are read; registries refuse larger ones on push (quirk M16).
pub const MANIFEST_CAP: usize = 4 << 20;

/// How a manifest is named inside its repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TagOrDigest {
    Tag(Tag),
    Digest(Digest),
}

impl std::fmt::Display for TagOrDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TagOrDigest::Tag(tag) => tag.fmt(f),
            TagOrDigest::Digest(digest) => digest.fmt(f),
        }
    }
}

impl RepositoryClient {
    fn manifest_request(&self, method: Method, which: &TagOrDigest) -> Intent {
        self.request(method, format_args!("manifests/{which}"))
            .header(header::ACCEPT, MediaType::MANIFESTS.join(", "))
    }

    /// The manifest `which`, its bytes checked against the digest when asked for by one (quirk M3).
    ///
    /// # Errors
    /// [`Kind::NotFound`] when it is not there, [`Kind::NotAllowed`] when the registry refuses this user,
    /// [`Kind::Unavailable`] when it cannot be reached or fails after the retries; with an [`ApiError`] as cause when
    /// it answered. [`Kind::Corrupt`] when the bytes are not a manifest or have another digest.
    pub async fn get_manifest(&self, which: &TagOrDigest) -> Result<Manifest> {
        let get = self.manifest_request(Method::GET, which);
        let (answer, raw) = self.client.document(&get, MANIFEST_CAP).await?;
        let url = answer.url.redacted();
        let content_type = answer.header(&header::CONTENT_TYPE).map(str::to_owned);
        let claimed = answer
            .headers
            .get("docker-content-digest")
            .and_then(|v| v.to_str().ok())
            .map(str::to_owned);
        let manifest = Manifest::parse(raw.clone(), content_type.as_deref())
            .map_err(|e| not_a_manifest(&url, &raw, e))?;
        match which {
            TagOrDigest::Digest(wanted) => {
                let manifest = manifest.by(wanted.algorithm());
                if manifest.digest() != wanted {
                    let text = format!(
                        "GET {url} answered with another manifest: it hashes to `{}`",
                        manifest.digest()
                    );
                    return Err(Error::corrupt(text));
                }
                Ok(manifest)
            }
            TagOrDigest::Tag(_) => {
                if let Some(claimed) =
                    claimed.filter(|c| !c.is_empty() && *c != manifest.digest().to_string())
                {
                    tracing::debug!(
                        "{url} claims the digest `{claimed}`; its bytes hash to `{}`",
                        manifest.digest()
                    );
                }
                Ok(manifest)
            }
        }
    }

    /// The digest of the manifest `which`, without its bytes where the server can; `None` when it is not there.
    ///
    /// If the server fails (5xx) and `optional` says that the answer only saves work, it is asked twice at most.
    ///
    /// # Errors
    /// As [`RepositoryClient::get_manifest`], except that a manifest that is not there is `None`.
    pub async fn manifest_digest(
        &self,
        which: &TagOrDigest,
        optional: bool,
    ) -> Result<Option<Digest>> {
        let mut head = self.manifest_request(Method::HEAD, which);
        head.optional = optional;
        let answer = match self.client.send(&head).await {
            Ok(answer) => answer,
            Err(e) if e.kind() == Kind::NotFound => return Ok(None),
            // M1: servers that know no HEAD here. E10: the words of a refusal come with GET only.
            Err(e)
                if ApiError::of(&e)
                    .is_some_and(|a| matches!(a.status.as_u16(), 400 | 403 | 405)) =>
            {
                return self.digest_by_get(which).await;
            }
            Err(e) => return Err(e),
        };
        let digest = answer
            .headers
            .get("docker-content-digest")
            .and_then(|v| v.to_str().ok());
        match digest.and_then(|d| d.parse().ok()) {
            Some(digest) => Ok(Some(digest)),
            // M2, M4: no digest, or an empty one.
            None => self.digest_by_get(which).await,
        }
    }

    async fn digest_by_get(&self, which: &TagOrDigest) -> Result<Option<Digest>> {
        match self.get_manifest(which).await {
            Ok(manifest) => Ok(Some(manifest.digest().clone())),
            Err(e) if e.kind() == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes `manifest` as `which`, byte for byte. What it points at must be there already. If it has a `subject` and
    /// the registry has no referrers API, it is also listed at the referrers tag (`v2::referrers`).
    ///
    /// Returns the digest under which the registry has it now: registries file what is pushed by tag under SHA-256,
    /// whatever the manifest's own digest is.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the registry does not take it, [`Kind::NotAllowed`] when this user may not write,
    /// [`Kind::Unavailable`] when it cannot be reached or fails after the retries. [`Kind::Corrupt`] when the answer
    /// names a digest that other bytes have.
    pub async fn put_manifest(&self, which: &TagOrDigest, manifest: &Manifest) -> Result<Digest> {
        let (filed, is_listed) = self.put_alone(which, manifest).await?;
        if !is_listed {
            self.list_referrer(manifest, &filed).await?;
        }
        Ok(filed)
    }

    /// As [`RepositoryClient::put_manifest`], but lists nothing. The answer also says whether the registry itself lists the manifest
    /// among the referrers of its subject.
    pub(super) async fn put_alone(
        &self,
        which: &TagOrDigest,
        manifest: &Manifest,
    ) -> Result<(Digest, bool)> {
        if manifest.raw().len() > MANIFEST_CAP {
            let text = format!(
                "the manifest has {} bytes; registries take {MANIFEST_CAP} at most",
                manifest.raw().len()
            );
            return Err(Error::refused(text));
        }
        let mut put = self
            .manifest_request(Method::PUT, which)
            .header(header::CONTENT_TYPE, manifest.media_type().as_str());
        put.headers.retain(|(name, _)| name != header::ACCEPT);
        put.body = Body::Bytes(manifest.raw().clone());
        let answer = match self.client.send(&put).await {
            // E7: a tag that may not change is no trouble where it stands for this very manifest.
            Err(e) if is_immutable(&e) => {
                let there = self.manifest_digest(which, false);
                return match there.await {
                    // Whoever wrote it has listed it.
                    Ok(Some(there)) if manifest.is(&there) => Ok((there, true)),
                    _ => Err(e),
                };
            }
            other => other?,
        };
        let url = answer.url.redacted();
        let is_listed = answer.headers.contains_key("oci-subject");
        if answer.status == StatusCode::CREATED {
            let claimed = answer.headers.get("docker-content-digest");
            let claimed = claimed.and_then(|v| v.to_str().ok()?.parse().ok());
            let filed = self.filed(which, manifest, claimed, &url);
            return Ok((filed.await?, is_listed));
        }
        // M14: something that is no registry may answer 200 to everything.
        match self.manifest_digest(which, false).await? {
            Some(there) if manifest.is(&there) => Ok((there, is_listed)),
            _ => Err(Error::unavailable(format!(
                "PUT {url} answered {}, but the manifest is not there afterwards",
                answer.status.as_u16()
            ))),
        }
    }

    /// The digest under which the registry has `manifest`, which it took as `which` and says to have as `claimed`.
    async fn filed(
        &self,
        which: &TagOrDigest,
        manifest: &Manifest,
        claimed: Option<Digest>,
        url: &str,
    ) -> Result<Digest> {
        let own = manifest.digest();
        let agrees = |claimed: &Digest| {
            // The digest of all bytes, signatures included, does no harm: schema 1 is asked for by the signed part.
            manifest.is(claimed) || Digest::of(claimed.algorithm(), manifest.raw()) == *claimed
        };
        match (which, claimed) {
            (_, Some(claimed)) if !agrees(&claimed) => Err(Error::corrupt(format!(
                "PUT {url}: the registry says that it stored `{claimed}`, but `{own}` was sent"
            ))),
            (TagOrDigest::Digest(digest), _) => Ok(digest.clone()),
            (TagOrDigest::Tag(_), Some(claimed)) if claimed.algorithm() != own.algorithm() => {
                Ok(claimed)
            }
            (TagOrDigest::Tag(_), None) if own.algorithm() != Algorithm::Sha256 => {
                let there = self.manifest_digest(which, false);
                let there = there.await?.filter(|there| manifest.is(there));
                Ok(there.unwrap_or_else(|| own.clone()))
            }
            (TagOrDigest::Tag(_), _) => Ok(own.clone()),
        }
    }

    /// Deletes the manifest `which`, and with it all of its tags; by tag, only that tag, where the registry can.
    ///
    /// An answer of any success is believed (quirk R10). What is not there by its digest after a try whose answer was
    /// lost went with it; of a tag that says nothing, since some registries know no deletion by tag (quirk R8).
    ///
    /// # Errors
    /// [`Kind::NotFound`] when it is not there, [`Kind::NotAllowed`] when this user may not delete it,
    /// [`Kind::Unavailable`] when the registry cannot be reached; else an [`ApiError`] with what the registry says
    /// about deletion.
    pub async fn delete_manifest(&self, which: &TagOrDigest) -> Result<()> {
        let mut delete = self.manifest_request(Method::DELETE, which);
        delete.headers.retain(|(name, _)| name != header::ACCEPT);
        match self.client.send(&delete).await {
            Err(e) if matches!(which, TagOrDigest::Digest(_)) && may_have_gone(&e) => Ok(()),
            sent => sent.map(drop),
        }
    }
}

impl Client {
    /// Whether the server knows `/v2/` at all: anything but 404 says so.
    pub(crate) async fn speaks_v2(&self) -> Result<bool> {
        match self
            .send(&Intent::new(Method::GET, "/v2/".to_owned(), None))
            .await
        {
            Err(e) if ApiError::of(&e).is_some_and(|a| a.status == 404) => Ok(false),
            Err(e) if ApiError::of(&e).is_none() => Err(e),
            _ => Ok(true),
        }
    }

    /// Checks that the registry takes the credential given for it: GET `/v2/`, its challenge answered. Returns the host of
    /// the token endpoint that it was sent to, if that belongs to another owner.
    ///
    /// # Errors
    /// [`Kind::NotAllowed`] when the registry refuses the credential, [`Kind::Unavailable`] when it cannot be reached
    /// or is not a registry. Also when the credential was withheld from a token endpoint on the host of another owner.
    pub async fn check_login(&self) -> Result<Option<String>> {
        let answer = self
            .send(&Intent::new(Method::GET, "/v2/".to_owned(), None))
            .await?;
        let url = answer.url.redacted();
        let html = answer
            .header(&header::CONTENT_TYPE)
            .is_some_and(|t| t.starts_with("text/html"));
        if html {
            // A26: a proxy that answers 200 to everything takes any password.
            return Err(Error::unavailable(format!(
                "GET {url} answered with a web page; this is no registry"
            )));
        }
        // An anonymous token says nothing about a login.
        self.withheld()
            .map_or_else(|| Ok(self.foreign_token_host()), Err)
    }
}

/// Quay says 409, ECR 400 with a code of its own.
fn is_immutable(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|a| a.status == 409 || a.has_code("TAG_INVALID"))
}

fn not_a_manifest(url: &str, raw: &Bytes, e: crate::image::ManifestError) -> Error {
    if raw.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'<') {
        return Error::unavailable(format!(
            "GET {url} answered with a web page in place of a manifest"
        ))
        .hint("is this host a registry, or does a proxy or login page stand in between?");
    }
    Error::corrupt(format!("GET {url} answered with no valid manifest")).because(e)
}
