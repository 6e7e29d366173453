//! What registries spoke in late 2014, before Registry V2 was released: the same endpoints with paths in the singular,
//! blobs named by TarSum, and uploads of their own (protocols 2).
//!
//! Only pre-release servers ever spoke it, so nobody is asked for it before an answer that no registry of V2 gives. What an
//! upload consists of is in `uploads`, which of it a blob takes in `push`; tags are listed as in V2.

use http::{Method, header};

use crate::bytes::ByteStream;
use crate::image::{Manifest, MediaType, Tag};
use crate::legacy::tarsum::BlobSum;
use crate::registry::error::has_status;
use crate::registry::intent::{Body, Intent};
use crate::registry::may_have_gone;
use crate::registry::v2::MANIFEST_CAP;
use crate::registry::v2::RepositoryClient;
use crate::{Error, Result};

impl RepositoryClient {
    /// GET: the manifest that `tag` stands for; there is no other name for one.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is none, [`crate::Kind::Corrupt`] when it is not docker's schema 1.
    pub async fn draft_manifest(&self, tag: &Tag) -> Result<Manifest> {
        let get = self.draft_manifest_request(Method::GET, tag);
        let (answer, raw) = self.client.document(&get, MANIFEST_CAP).await?;
        let url = answer.url.redacted();
        let wrong = || {
            let text = format!("GET {url} answered with no schema 1 manifest");
            Error::corrupt(text)
        };
        // Its type was not told in those days.
        let manifest = Manifest::parse(raw, None).map_err(|e| wrong().because(e))?;
        match manifest.media_type().is_schema1() {
            true => Ok(manifest),
            false => Err(wrong()),
        }
    }

    /// PUT: writes `manifest`, a signed one of schema 1, as `tag`. What it points at must be there already.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the server does not take it. [`crate::Kind::NotAllowed`] when the server refuses this user,
    /// [`crate::Kind::Unavailable`] when it cannot be reached; else what it answered, with an
    /// [`ApiError`](crate::registry::ApiError) as cause.
    pub async fn draft_put_manifest(&self, tag: &Tag, manifest: &Manifest) -> Result<()> {
        let mut put = self
            .draft_manifest_request(Method::PUT, tag)
            .header(header::CONTENT_TYPE, MediaType::SCHEMA1);
        put.body = Body::Bytes(manifest.raw().clone());
        self.client.send(&put).await.map(drop)
    }

    /// DELETE: takes away `tag` with its manifest, on a server that is known to delete so.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such tag. [`crate::Kind::NotAllowed`] when the server refuses this user,
    /// [`crate::Kind::Unavailable`] when it cannot be reached; else what it answered, with an
    /// [`ApiError`](crate::registry::ApiError) as cause.
    pub async fn draft_delete_manifest(&self, tag: &Tag) -> Result<()> {
        let delete = self.draft_manifest_request(Method::DELETE, tag);
        match self.client.send(&delete).await {
            Err(e) if may_have_gone(&e) => Ok(()),
            sent => sent.map(drop),
        }
    }

    /// GET: the bytes of a blob from offset `from` on; `size` is that of the whole, which is known where `from` is
    /// not 0. Nothing is verified here.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when it is not there. [`crate::Kind::NotAllowed`] when the server refuses this user,
    /// [`crate::Kind::Unavailable`] when it cannot be reached; else what it answered, with an
    /// [`ApiError`](crate::registry::ApiError) as cause.
    pub async fn draft_blob(
        &self,
        blob: &BlobSum,
        size: Option<u64>,
        from: u64,
    ) -> Result<ByteStream> {
        let get = self.request(Method::GET, format_args!("blob/{blob}"));
        self.client.bytes_of(get, size, from, None).await
    }

    /// HEAD: whether the blob is there, and if it is, its size in bytes where the server says it.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when the server refuses this user, [`crate::Kind::Unavailable`] when it cannot be reached; else
    /// what it answered, with an [`ApiError`](crate::registry::ApiError) as cause.
    pub async fn draft_blob_size(&self, blob: &BlobSum) -> Result<Option<Option<u64>>> {
        let head = self.request(Method::HEAD, format_args!("blob/{blob}"));
        match self.client.send(&head).await {
            Ok(answer) => {
                let size = answer.header(&header::CONTENT_LENGTH);
                Ok(Some(size.and_then(|text| text.parse().ok())))
            }
            Err(e) if has_status(&e, &[404]) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn draft_manifest_request(&self, method: Method, tag: &Tag) -> Intent {
        self.request(method, format_args!("manifest/{tag}"))
    }
}
