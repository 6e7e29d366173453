//! `oci:` and `dir:`: the images and bodies that their tests are made of.

mod blobs;
mod dir;
mod names;
mod oci;
mod others;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use barque::image::{Algorithm, Descriptor, Digest, Manifest, MediaType, Selector, View};
use barque::transport::dir::{DirDestination, DirSource};
use barque::transport::oci_layout::{OciDestination, OciSource};
use barque::transport::{
    BlobBody, BlobOutcome, BlobStream, Destination, ManifestRef, Presence, Source, read_all,
    verified,
};
use barque::transport::{DestinationInventory, StreamedBlobs};
use barque::{Error, Kind, Result};
use bytes::Bytes;
use futures_util::stream;

use crate::support::{fixtures, peers};

const MANY: u64 = 1 << 20;

fn run(tool: &str, args: &[&str]) -> String {
    let out = Command::new(tool).args(args).output().unwrap();
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{tool} {args:?}: {err}");
    String::from_utf8(out.stdout).unwrap()
}

fn named(name: &str) -> Selector {
    Selector::Named(name.into())
}

fn blob(content: &[u8]) -> Descriptor {
    let digest = Digest::of(Algorithm::Sha256, content);
    Descriptor::new(
        "application/vnd.oci.image.layer.v1.tar",
        digest,
        content.len() as u64,
    )
}

fn pieces(items: Vec<Result<Bytes>>) -> BlobStream {
    Box::pin(stream::iter(items))
}

/// A body of `content` as a source gives it: in small pieces, verified from the start.
fn body(blob: &Descriptor, content: &[u8]) -> BlobBody {
    let (blob, content) = (blob.clone(), Bytes::copy_from_slice(content));
    BlobBody::new(move |from| {
        let rest = content.slice(from as usize..);
        let items = rest.chunks(10_000).map(|c| Ok(Bytes::copy_from_slice(c)));
        let stream = pieces(items.collect());
        let stream = if from == 0 {
            verified(stream, &blob)
        } else {
            stream
        };
        Box::pin(async move { Ok(stream) })
    })
}

/// A body that must not be opened.
fn unopened() -> BlobBody {
    BlobBody::new(|_| Box::pin(async { Err(Error::other("the body was opened")) }))
}

/// A body that fails after `content`.
fn broken(content: &[u8]) -> BlobBody {
    let content = Bytes::copy_from_slice(content);
    BlobBody::new(move |from| {
        let rest = content.slice(from as usize..);
        let cut = Error::new(Kind::Unavailable, "the connection was reset");
        Box::pin(async move { Ok(pieces(vec![Ok(rest), Err(cut)])) })
    })
}

struct Image {
    config: Vec<u8>,
    layer: Vec<u8>,
    manifest: Manifest,
}

/// A runnable image, as one layer of `text`.
fn image(text: &str) -> Image {
    let mut layer = vec![0; 512];
    layer[..text.len()].copy_from_slice(text.as_bytes());
    // An empty tar with something after its end, so that images differ.
    let layer: Vec<u8> = [vec![0; 1024], layer].concat();
    let config = serde_json::json!({
        "created": "2020-01-01T00:00:00Z", "architecture": "amd64", "os": "linux", "author": text, "config": {},
        "rootfs": {"type": "layers", "diff_ids": [blob(&layer).digest]},
        "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "a test"}],
    });
    let config = config.to_string().into_bytes();
    let mut config_blob = blob(&config);
    config_blob.media_type = MediaType::OCI_CONFIG.into();
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": config_blob, "layers": [blob(&layer)],
    });
    Image {
        manifest: Manifest::parse(manifest.to_string().into(), None).unwrap(),
        config,
        layer,
    }
}

async fn write(to: &dyn Destination, image: &Image) {
    for content in [&image.layer, &image.config] {
        let blob = blob(content);
        to.put_blob(&blob, body(&blob, content)).await.unwrap();
    }
    to.put_manifest(&image.manifest, &ManifestRef::Named)
        .await
        .unwrap();
    to.finish().await.unwrap();
}

/// Reads the named manifest and everything that it points at.
async fn read(from: &dyn Source) -> Result<Manifest> {
    let top = from.manifest(&ManifestRef::Named).await?;
    let mut manifests = vec![top.clone()];
    while let Some(manifest) = manifests.pop() {
        let blobs = match manifest.view().unwrap() {
            View::Image(view) => view.blobs().cloned().collect(),
            View::Artifact(view) => view.blobs,
            View::Index(view) => {
                for child in view.manifests {
                    if child.media_type.is_manifest() && child.digest != *manifest.digest() {
                        manifests.push(from.manifest(&ManifestRef::Digest(child.digest)).await?);
                    }
                }
                vec![]
            }
            _ => vec![],
        };
        for blob in blobs {
            let bytes = read_all(from.blob(&blob, 0).await?, MANY).await?;
            assert_eq!(bytes.len() as u64, blob.size);
            let tail = read_all(from.blob(&blob, blob.size / 2).await?, MANY).await?;
            assert_eq!(tail, bytes.slice(blob.size as usize / 2..));
        }
    }
    Ok(top)
}

async fn oci(path: &Path, selector: Selector) -> OciDestination {
    OciDestination::open(path, &selector).await.unwrap()
}

fn files(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn index(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path.join("index.json")).unwrap()).unwrap()
}

async fn open_error(path: &Path, selector: &Selector) -> Error {
    let opened = OciSource::open(path, selector).await;
    opened.err().expect("an error")
}
