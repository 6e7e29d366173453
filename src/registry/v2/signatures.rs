//! Signatures that a registry keeps itself (the extension of OpenShift's, with which it answers
//! `X-Registry-Supports-Signatures: 1`), and those at URLs of a lookaside server. Both are bytes here.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, header};
use serde::{Deserialize, Serialize};
use url::Url;

use super::RepositoryClient;
use super::manifests::MANIFEST_CAP;
use crate::image::Digest;
use crate::registry::Client;
use crate::registry::admit::Admitted;
use crate::registry::error::has_status;
use crate::registry::intent::{Body, Intent, Target, Who};
use crate::{Error, Kind, Result};

/// The only version and type of signatures that are known.
const VERSION: u64 = 2;
const TYPE: &str = "atomic";

#[derive(Deserialize)]
struct List {
    signatures: Option<Vec<Listed>>,
}

#[derive(Serialize, Deserialize)]
struct Listed {
    #[serde(rename = "schemaVersion")]
    version: u64,
    #[serde(default)]
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    content: String,
}

impl RepositoryClient {
    /// Whether an answer of the registry has shown that it keeps signatures itself.
    pub(crate) fn keeps_signatures(&self) -> bool {
        self.client.keeps_signatures()
    }

    /// The signatures that the registry keeps of the manifest `of`; those of other types are left out.
    pub(crate) async fn kept_signatures(&self, of: &Digest) -> Result<Vec<Bytes>> {
        let get = self.signatures_request(Method::GET, of);
        let (answer, raw) = match self.client.document(&get, MANIFEST_CAP).await {
            Err(e) if e.kind() == Kind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let url = answer.url.redacted();
        let wrong = || format!("GET {url} answered with no valid list of signatures");
        let list: List =
            serde_json::from_slice(&raw).map_err(|e| Error::corrupt(wrong()).because(e))?;
        let listed = list.signatures.unwrap_or_default().into_iter();
        let known = listed.filter(|s| s.version == VERSION && s.kind == TYPE);
        let content = known.map(|s| {
            let bytes = STANDARD.decode(s.content);
            bytes
                .map(Bytes::from)
                .map_err(|e| Error::corrupt(wrong()).because(e))
        });
        content.collect()
    }

    /// Adds a signature to those that the registry keeps of the manifest `of`.
    pub(crate) async fn keep_signature(&self, of: &Digest, signature: &Bytes) -> Result<()> {
        let mut number = [0; 16];
        rand::fill(&mut number).map_err(|e| Error::other("no random numbers").because(e))?;
        let listed = Listed {
            version: VERSION,
            name: format!("{of}@{}", hex::encode(number)),
            kind: TYPE.to_owned(),
            content: STANDARD.encode(signature),
        };
        let body = serde_json::to_vec(&listed)
            .map_err(|e| Error::other("a signature cannot be sent").because(e))?;
        let put = self.signatures_request(Method::PUT, of);
        let mut put = put.header(header::CONTENT_TYPE, "application/json");
        put.body = Body::Bytes(body.into());
        self.client.send(&put).await.map(drop)
    }

    fn signatures_request(&self, method: Method, of: &Digest) -> Intent {
        let path = format!("/extensions/v2/{}/signatures/{of}", self.name);
        Intent::new(method, path, Some(self.scope()))
    }
}

impl Client {
    /// The bytes at `url`, which the configuration of this machine names; `None` when nothing is there. No credentials
    /// are sent.
    pub(crate) async fn signature_at(&self, url: &Url) -> Result<Option<Bytes>> {
        let mut get = Intent::new(Method::GET, String::new(), None);
        get.target = Target::At(Admitted::named_by_user(url.clone()));
        get.who = Who::Preset(None);
        match self.document(&get, MANIFEST_CAP).await {
            Ok((_, bytes)) => Ok(Some(bytes)),
            Err(e) if has_status(&e, &[404]) => Ok(None),
            Err(e) => Err(e),
        }
    }
}
