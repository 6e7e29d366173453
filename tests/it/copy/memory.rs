//! Copies between two places that are written here: that is how little a new transport has to bring.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use barque::copy::{self, CopyOptions, Platforms, Quiet};
use barque::image::{Algorithm, Descriptor, Digest, Manifest, MediaType};
use barque::transport::{
    BlobBody, BlobOutcome, BlobStream, Destination, ManifestRef, ManifestWritten, Source, read_all,
    sized_from, verified,
};
use barque::{Error, Kind, Result};
use bytes::Bytes;
use futures_util::stream;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A place in memory: the bytes of all blobs and manifests by digest, and the digest that its name stands for.
#[derive(Default)]
struct Memory {
    named: Mutex<Option<Digest>>,
    manifests: Mutex<HashMap<Digest, Manifest>>,
    blobs: Mutex<HashMap<Digest, Bytes>>,
}

impl Memory {
    fn add(&self, media_type: &str, bytes: &'static [u8]) -> Descriptor {
        let digest = Digest::of(Algorithm::Sha256, bytes);
        let blob = Descriptor::new(media_type, digest, bytes.len() as u64);
        let kept = Bytes::from_static(bytes);
        self.blobs.lock().unwrap().insert(blob.digest.clone(), kept);
        blob
    }
}

#[async_trait]
impl Source for Memory {
    fn name(&self) -> String {
        "mem:source".to_owned()
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        let named = self.named.lock().unwrap().clone();
        let digest = match which {
            ManifestRef::Named => named,
            ManifestRef::Digest(digest) => Some(digest.clone()),
        };
        let manifests = self.manifests.lock().unwrap();
        let found = digest.and_then(|digest| manifests.get(&digest).cloned());
        found.ok_or_else(|| Error::new(Kind::NotFound, "no such manifest"))
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        let blobs = self.blobs.lock().unwrap();
        let all = blobs.get(&blob.digest).cloned();
        let all = all.ok_or_else(|| Error::new(Kind::NotFound, "no such blob"))?;
        let rest = Box::pin(stream::iter([Ok(all.slice(from as usize..))]));
        Ok(match from {
            0 => verified(rest, blob),
            _ => sized_from(rest, blob, from),
        })
    }
}

#[async_trait]
impl Destination for Memory {
    fn name(&self) -> String {
        "mem:destination".to_owned()
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        if self.blobs.lock().unwrap().contains_key(&blob.digest) {
            return Ok(BlobOutcome::Present);
        }
        let bytes = read_all(body.open(0).await?, blob.size).await?;
        self.blobs
            .lock()
            .unwrap()
            .insert(blob.digest.clone(), bytes);
        Ok(BlobOutcome::Written)
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten> {
        let digest = manifest.digest().clone();
        self.manifests
            .lock()
            .unwrap()
            .insert(digest.clone(), manifest.clone());
        if *at == ManifestRef::Named {
            *self.named.lock().unwrap() = Some(digest);
        }
        Ok(ManifestWritten::default())
    }

    async fn finish(&self) -> Result<()> {
        Ok(())
    }
}

/// An image of two layers, as the source has it.
fn image() -> Arc<Memory> {
    let memory = Memory::default();
    let config = memory.add(
        MediaType::OCI_CONFIG,
        br#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}"#,
    );
    let layers = [
        memory.add(LAYER, b"one layer"),
        memory.add(LAYER, b"and another"),
    ];
    let text = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": config, "layers": layers,
    });
    let manifest = Manifest::parse(text.to_string().into(), None).unwrap();
    *memory.named.lock().unwrap() = Some(manifest.digest().clone());
    memory
        .manifests
        .lock()
        .unwrap()
        .insert(manifest.digest().clone(), manifest);
    Arc::new(memory)
}

fn any_platform() -> CopyOptions {
    CopyOptions::default().with_platforms(Platforms::All { sparse: false })
}

#[tokio::test]
async fn a_place_of_a_few_lines_is_copied_from_and_to() {
    let (from, to) = (image(), Arc::new(Memory::default()));
    let planned = copy::plan(from.clone(), to.clone(), any_platform())
        .await
        .unwrap();
    assert_eq!(planned.plan().blobs.len(), 3);
    assert!(to.blobs.lock().unwrap().is_empty(), "a plan writes nothing");
    let report = planned.run(Arc::new(Quiet)).await.unwrap();
    assert_eq!(report.count(BlobOutcome::Written), 3);
    assert_eq!(Some(&report.digest), from.named.lock().unwrap().as_ref());
    assert_eq!(*to.blobs.lock().unwrap(), *from.blobs.lock().unwrap());
    assert_eq!(*to.named.lock().unwrap(), *from.named.lock().unwrap());

    let planned = copy::plan(from, to.clone(), any_platform()).await.unwrap();
    let report = planned.run(Arc::new(Quiet)).await.unwrap();
    assert_eq!((report.count(BlobOutcome::Present), report.bytes), (3, 0));
}

#[tokio::test]
async fn a_blob_that_is_not_what_its_digest_says_is_not_kept() {
    let (from, to) = (image(), Arc::new(Memory::default()));
    let wrong = Digest::of(Algorithm::Sha256, b"one layer");
    from.blobs
        .lock()
        .unwrap()
        .insert(wrong.clone(), Bytes::from_static(b"ONE LAYER"));
    let planned = copy::plan(from, to.clone(), any_platform()).await.unwrap();
    let e = planned.run(Arc::new(Quiet)).await.unwrap_err();
    assert_eq!(e.kind(), Kind::Corrupt);
    assert!(format!("{e:#}").starts_with("reading the source"), "{e:#}");
    assert!(!to.blobs.lock().unwrap().contains_key(&wrong));
    assert_eq!(*to.named.lock().unwrap(), None);
}

#[tokio::test]
async fn a_blob_that_the_source_lacks_fails_the_copy() {
    let (from, to) = (image(), Arc::new(Memory::default()));
    from.blobs
        .lock()
        .unwrap()
        .remove(&Digest::of(Algorithm::Sha256, b"and another"));
    let planned = copy::plan(from, to.clone(), any_platform()).await.unwrap();
    let e = planned.run(Arc::new(Quiet)).await.unwrap_err();
    assert_eq!(e.kind(), Kind::NotFound);
    assert_eq!(*to.named.lock().unwrap(), None);
}
