//! The requests of an upload one by one, as a program that uses the library sends them.

use std::sync::Arc;
use std::time::Duration;

use barque::Kind;
use barque::image::Descriptor;
use barque::registry::v2::{RepositoryClient, Session, Started};
use barque::registry::{Actions, ApiError, Client, UploadBody};
use barque::settings::Context;

use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{noise, sha256};
use crate::support::peers::{self, DockerRegistry};

/// A repository of this registry, a blob that is not there, and its body.
fn scene(address: &str) -> (RepositoryClient, Descriptor, UploadBody) {
    let reference = barque::image::parse_reference(&format!("{address}/a")).unwrap();
    let repository = reference.repository;
    let mut context = Context::default();
    context.timeouts.backoff = Duration::from_millis(1);
    let client = Client::new(&repository.registry, &context);
    let repository = Arc::new(client).repository(&repository.name, Actions::PullPush);
    let bytes = bytes::Bytes::from(noise(5, 10_000));
    let blob = Descriptor::new("x", sha256(&bytes), bytes.len() as u64);
    let body = UploadBody::new(blob.size, move |from| {
        let rest = bytes.slice(from as usize..);
        Box::pin(async move {
            Ok(Box::pin(futures_util::stream::iter([Ok(rest)])) as barque::registry::ByteStream)
        })
    });
    (repository, blob, body)
}

async fn start(repository: &RepositoryClient) -> Session {
    match repository.start_upload(None).await.unwrap() {
        Started::Session(session) => session,
        Started::Present => panic!("nothing was sent yet"),
    }
}

/// Uploads in two parts, with a look in between.
async fn in_parts(address: &str) -> (RepositoryClient, Descriptor) {
    let (repository, blob, body) = scene(address);
    let session = start(&repository).await;
    assert_eq!(session.min_chunk(), None);
    let session = repository
        .patch_upload(&session, &body, Some(0..4_000))
        .await
        .unwrap();
    let status = repository.upload_status(&session).await.unwrap();
    assert_eq!(status.bytes, Some(4_000));
    let session = status.session;
    let session = repository
        .patch_upload(&session, &body, Some(4_000..10_000))
        .await
        .unwrap();
    repository.finish_upload(&session, &blob).await.unwrap();
    assert!(repository.has_blob(&blob).await.unwrap());
    (repository, blob)
}

#[tokio::test]
async fn an_upload_in_parts() {
    let registry = FakeRegistry::start();
    let (repository, blob) = in_parts(registry.address()).await;
    assert_eq!(registry.blob("a", &blob.digest), Some(noise(5, 10_000)));
    // There now, and seen with the start.
    let started = repository
        .start_upload(Some((&blob.digest, repository.name())))
        .await;
    assert!(matches!(started.unwrap(), Started::Present));
}

#[tokio::test]
async fn distribution_takes_an_upload_in_parts() {
    peers::needs!("docker-registry");
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
    let (repository, blob, body) = scene(registry.address());
    let session = start(&repository).await;
    repository.put_upload(&session, &blob, &body).await.unwrap();
    assert_eq!(registry.blob("a", &blob.digest), Some(noise(5, 10_000)));
}

#[tokio::test]
async fn an_upload_that_is_given_up() {
    let registry = FakeRegistry::start();
    let (repository, _, body) = scene(registry.address());
    let session = start(&repository).await;
    let session = repository
        .patch_upload(&session, &body, Some(0..9))
        .await
        .unwrap();
    repository.cancel_upload(&session).await.unwrap();
    let error = repository.upload_status(&session).await.unwrap_err();
    assert_eq!(ApiError::of(&error).unwrap().status, 404);
    assert_eq!(registry.requests("DELETE", "/blobs/uploads/").len(), 1);
}

/// The requests that carried bytes of an upload, and those that opened one.
fn sends(registry: &FakeRegistry) -> (usize, usize) {
    let has_body = |seen: &&crate::support::fake::Seen| {
        let length = seen.header("content-length");
        length.is_some_and(|length| length != "0")
    };
    let puts = registry.requests("PUT", "/blobs/uploads/");
    let patches = registry.requests("PATCH", "/blobs/uploads/");
    let sent = puts.iter().chain(&patches).filter(has_body).count();
    (sent, registry.requests("POST", "/blobs/uploads/").len())
}

#[tokio::test]
async fn a_blob_that_never_arrives_is_sent_a_known_number_of_times() {
    // The registry keeps the first 10 bytes of each upload, and breaks off whatever follows.
    let registry = FakeRegistry::start()
        .rule(on("PUT").body_over(0).rst_request_keeping(10))
        .rule(on("PATCH").rst_request_keeping(0));
    let (repository, blob, body) = scene(registry.address());
    let error = repository.push_blob(&blob, None, &body).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    // One that brings 10 bytes, then 20 in vain: small requests are repeated at once, uploads are continued three times, and
    // seven more are begun; all of that comes out of one budget.
    assert_eq!(sends(&registry), (1 + 20, 8));
}
