//! The requests of an upload one by one, as a program that uses the library sends them.

// Helpers are test code, but clippy's allowance for tests covers only functions marked `#[test]`.
#![allow(clippy::unwrap_used)]

use barque::image::{Descriptor, RepositoryName};
use barque::registry::v2::{Session, Started};
use barque::registry::{Actions, ApiError, Client, UploadBody};
use barque::settings::Context;

use crate::support::fake::FakeRegistry;
use crate::support::images::{noise, sha256};
use crate::support::peers::{self, DockerRegistry};

/// A client of this registry, a repository, a blob that is not there, and its body.
fn scene(address: &str) -> (Client, RepositoryName, Descriptor, UploadBody) {
    let reference = barque::image::parse_reference(&format!("{address}/a")).unwrap();
    let repository = reference.repository;
    let client = Client::new(&repository.registry, &Context::default()).unwrap();
    let bytes = bytes::Bytes::from(noise(5, 10_000));
    let blob = Descriptor::new("x", sha256(&bytes), bytes.len() as u64);
    let body = UploadBody::new(blob.size, move |from| {
        let rest = bytes.slice(from as usize..);
        Box::pin(async move {
            Ok(Box::pin(futures_util::stream::iter([Ok(rest)])) as barque::registry::ByteStream)
        })
    });
    (client, repository.name, blob, body)
}

async fn start(client: &Client, name: &RepositoryName) -> Session {
    match client.start_upload(name, None).await.unwrap() {
        Started::Session(session) => session,
        Started::Present => panic!("nothing was sent yet"),
    }
}

/// Uploads in two parts, with a look in between.
async fn in_parts(address: &str) -> (Client, RepositoryName, Descriptor) {
    let (client, name, blob, body) = scene(address);
    let session = start(&client, &name).await;
    assert_eq!(session.min_chunk(), None);
    let session = client
        .patch_upload(&name, &session, &body, Some(0..4_000))
        .await
        .unwrap();
    let status = client.upload_status(&name, &session).await.unwrap();
    assert_eq!(status.bytes, Some(4_000));
    let session = status.session;
    let session = client
        .patch_upload(&name, &session, &body, Some(4_000..10_000))
        .await
        .unwrap();
    client.finish_upload(&name, &session, &blob).await.unwrap();
    assert!(client.has_blob(&name, &blob, Actions::Pull).await.unwrap());
    (client, name, blob)
}

#[tokio::test]
async fn an_upload_in_parts() {
    let registry = FakeRegistry::start();
    let (client, name, blob) = in_parts(registry.address()).await;
    assert_eq!(registry.blob("a", &blob.digest), Some(noise(5, 10_000)));
    // There now, and seen with the start.
    let started = client
        .start_upload(&name, Some((&blob.digest, &name)))
        .await;
    assert!(matches!(started.unwrap(), Started::Present));
}

#[tokio::test]
async fn distribution_takes_an_upload_in_parts() {
    if peers::missing(&["docker-registry"]) {
        return;
    }
    let registry = DockerRegistry::open();
    in_parts(registry.address()).await;
    let digest = sha256(&noise(5, 10_000));
    let data = registry
        .storage()
        .join("blobs/sha256")
        .join(&digest.hex()[..2]);
    let held = std::fs::read(data.join(digest.hex()).join("data")).unwrap();
    assert!(held == noise(5, 10_000));
}

#[tokio::test]
async fn an_upload_in_one_request() {
    let registry = FakeRegistry::start();
    let (client, name, blob, body) = scene(registry.address());
    let session = start(&client, &name).await;
    client
        .put_upload(&name, &session, &blob, &body)
        .await
        .unwrap();
    assert_eq!(registry.blob("a", &blob.digest), Some(noise(5, 10_000)));
}

#[tokio::test]
async fn an_upload_that_is_given_up() {
    let registry = FakeRegistry::start();
    let (client, name, _, body) = scene(registry.address());
    let session = start(&client, &name).await;
    let session = client
        .patch_upload(&name, &session, &body, Some(0..9))
        .await
        .unwrap();
    client.cancel_upload(&name, &session).await.unwrap();
    let error = client.upload_status(&name, &session).await.unwrap_err();
    assert_eq!(ApiError::of(&error).unwrap().status, 404);
    assert_eq!(registry.requests("DELETE", "/blobs/uploads/").len(), 1);
}
