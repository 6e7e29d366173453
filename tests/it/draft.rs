//! The draft of Registry V2 of 2014, against a fake server that speaks nothing else.

use std::sync::Arc;

use barque::image::{Algorithm, Descriptor};
use barque::legacy::jws::SigningKey;
use barque::legacy::tarsum::{BlobSum, TarSumVersion, TarSummer};
use barque::registry::{Actions, ApiError, Client, UploadBody};
use barque::settings::Context;
use serde_json::Value;

use crate::support::Barque;
use crate::support::fake_draft::{FakeDraft, Guard, PASSWORD, USER};
use crate::support::images::schema1::{self, Schema1};
use crate::support::images::{self, Compression, Dialect, Maker, noise, sha256};

/// A server with a signed image `fleet/old:1`, its blobs under their digests.
fn with_image() -> (FakeDraft, Schema1) {
    let fake = FakeDraft::start();
    let key = SigningKey::generate().unwrap();
    let made = schema1::image("fleet/old", "1", Some(&key), false);
    fake.with(|held| {
        let manifest = made.image.manifest.to_vec();
        held.manifests.insert("fleet/old:1".into(), manifest);
        for (digest, blob) in &made.image.blobs {
            held.blobs.insert(digest.to_string(), blob.clone());
        }
    });
    (fake, made)
}

/// The same with its layers under their TarSums, in the manifest too.
fn with_tarsums() -> (FakeDraft, Schema1) {
    with_tarsums_behind(Guard::None)
}

fn with_tarsums_behind(guard: Guard) -> (FakeDraft, Schema1) {
    let fake = FakeDraft::guarded(guard);
    let made = schema1::image("fleet/old", "1", None, false);
    let mut text = String::from_utf8(made.image.manifest.to_vec()).unwrap();
    let empty = barque::legacy::schema1::EMPTY_LAYER.to_vec();
    let empty_tar = vec![0; 1024];
    let layers = [
        (&made.layers[0], &made.tars[0]),
        (&made.layers[1], &made.tars[1]),
        (&empty, &empty_tar),
    ];
    for (blob, tar) in layers {
        let mut summer = TarSummer::new(TarSumVersion::V1, Algorithm::Sha256);
        summer.update(tar).unwrap();
        let sum = summer.finish(b"").unwrap().to_string();
        assert!(sum.starts_with("tarsum.v1+sha256:"));
        text = text.replace(&sha256(blob).to_string(), &sum);
        fake.with(|held| held.blobs.insert(sum, blob.clone()));
    }
    let key = SigningKey::generate().unwrap();
    let time = "2014-12-01T00:00:00Z".parse().unwrap();
    let signed = key.sign(text.as_bytes(), time).unwrap().to_vec();
    fake.with(|held| held.manifests.insert("fleet/old:1".into(), signed));
    (fake, made)
}

#[test]
fn a_signed_image_is_inspected() {
    let (fake, made) = with_image();
    let barque = Barque::new();
    let name = fake.docker("fleet/old:1");
    let shown = barque.args(["inspect", "--verify-signature", &name]).run();
    let shown = shown.ok().json();
    assert_eq!(shown["SignatureVerdict"], "verified");
    assert_eq!(shown["Digest"], made.image.digest.to_string());
    assert_eq!(shown["RepoTags"], serde_json::json!(["1"]));
    let raw = barque.args(["inspect", "--raw", &name]).run().ok();
    assert_eq!(raw.stdout().as_bytes(), &made.image.manifest[..]);
    let none = barque
        .args(["inspect", &fake.docker("fleet/old:2")])
        .run()
        .code(2);
    assert!(
        none.stderr().contains("MANIFEST_UNKNOWN"),
        "{}",
        none.stderr()
    );
}

#[test]
fn an_image_by_digest_becomes_an_oci_image() {
    let (fake, made) = with_image();
    let barque = Barque::new();
    let name = fake.docker("fleet/old:1");
    barque.args(["copy", &name, "oci:out:1"]).run().ok();
    barque.args(["copy", "oci:out:1", "dir:out-dir"]).run().ok();
    assert_contents(&barque, &made);
    // A forged blob is refused.
    let first = sha256(&made.layers[0]).to_string();
    fake.with(|held| held.blobs.get_mut(&first).unwrap()[20] ^= 1);
    barque.args(["copy", &name, "dir:forged"]).run().code(4);
}

#[test]
fn an_image_by_tarsum_becomes_an_oci_image() {
    let (fake, made) = with_tarsums();
    let barque = Barque::new();
    let name = fake.docker("fleet/old:1");
    barque.args(["copy", &name, "oci:out:1"]).run().ok();
    barque.args(["copy", "oci:out:1", "dir:out-dir"]).run().ok();
    assert_contents(&barque, &made);
    assert_eq!(std::fs::read_dir(barque.tmp()).unwrap().count(), 0);
    let before = fake.requests("GET /v2/fleet/old/blob/").len();
    let shown = barque.args(["inspect", &name]).run().ok().json();
    assert_eq!(shown["Labels"]["ship"], "<barque>");
    let after = fake.requests("GET /v2/fleet/old/blob/").len();
    assert_eq!(before, after, "no layer is read to inspect");
}

#[test]
fn what_does_not_match_its_tarsum_or_signature_is_refused() {
    let (fake, made) = with_tarsums();
    let barque = Barque::new();
    let name = fake.docker("fleet/old:1");
    fake.with(|held| {
        let layer = held.blobs.values_mut().find(|b| **b == made.layers[0]);
        *layer.unwrap() = images::gzip(&images::tar(&[("etc/motd", b"Pirates.\n")]));
    });
    let refused = barque.args(["copy", &name, "oci:out:1"]).run().code(4);
    let told = "does not match its recorded checksum `tarsum.v1+sha256:";
    assert!(refused.stderr().contains(told), "{}", refused.stderr());
    assert!(!barque.path("out/index.json").exists());

    let (fake, _) = with_tarsums();
    fake.with(|held| {
        let manifest = held.manifests.get_mut("fleet/old:1").unwrap();
        let text = String::from_utf8(manifest.clone()).unwrap();
        *manifest = text.replacen("1.9.1", "1.9.2", 1).into_bytes();
    });
    for args in [vec!["inspect"], vec!["copy", "--quiet"]] {
        let name = fake.docker("fleet/old:1");
        let to = (args[0] == "copy").then_some("dir:forged");
        let refused = barque.args(args).args([&*name]).args(to).run().code(4);
        let told = "signature 1 is not good";
        assert!(refused.stderr().contains(told), "{}", refused.stderr());
    }
}

/// Requires that the image in `dir:out-dir` has the layers of `made`.
#[track_caller]
fn assert_contents(barque: &Barque, made: &Schema1) {
    let manifest = std::fs::read(barque.path("out-dir/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    let found: Vec<&str> = layers
        .iter()
        .map(|l| l["digest"].as_str().unwrap())
        .collect();
    let wanted: Vec<String> = made.layers.iter().map(|l| sha256(l).to_string()).collect();
    for layer in &wanted {
        assert!(found.contains(&layer.as_str()), "{layer} of {found:?}");
    }
}

#[test]
fn a_push_goes_on_after_a_416_and_a_second_one_sends_nothing() {
    let fake = FakeDraft::start();
    fake.with(|held| held.forget = Some(1000));
    let barque = Barque::new();
    let image = Maker::new(Dialect::Docker)
        .compression(Compression::None)
        .file_layer("cargo", noise(3, 9 << 20))
        .file_layer("small", b"2")
        .make();
    images::write_dir(&barque.path("image"), &image);
    let push = || {
        let to = fake.docker("fleet/new:1");
        barque
            .args(["copy", "--format=v2s1", "dir:image", &to])
            .run()
    };
    push().ok();
    let refused = fake.with(|held| {
        let of = |line: &&String| line.contains("-> 416");
        held.log.iter().filter(of).count()
    });
    assert_eq!(refused, 1);
    for layer in [image.layer(0), image.layer(1)] {
        let held = fake.with(|held| held.blobs.get(&sha256(layer).to_string()).cloned());
        assert!(held == Some(layer.to_vec()));
    }
    fake.with(|held| assert!(held.uploads.is_empty()));
    let name = fake.docker("fleet/new:1");
    let shown = barque.args(["inspect", "--verify-signature", &name]).run();
    assert_eq!(shown.ok().json()["SignatureVerdict"], "verified");
    let puts = || fake.requests("PUT /v2/fleet/new/blob/upload/").len();
    let before = puts();
    push().ok();
    assert_eq!(puts(), before);
    // It comes back the same, and goes, whatever became of the first question.
    barque.args(["copy", &name, "oci:back:1"]).run().ok();
    fake.with(|held| held.late = true);
    let gone = barque.args(["delete", &name]).run().ok();
    assert_eq!(gone.stdout(), format!("{name}\n"));
    fake.with(|held| assert!(held.manifests.is_empty()));
}

#[test]
fn an_upload_that_ended_in_silence_is_asked_for_before_it_is_sent_again() {
    let fake = FakeDraft::start();
    fake.with(|held| held.mute = true);
    let barque = Barque::new();
    let image = images::small();
    images::write_dir(&barque.path("image"), &image);
    let args = ["copy", "--format=v2s1", "--stall-timeout=100ms"];
    let name = fake.docker("fleet/new:1");
    barque.args(args).args(["dir:image", &name]).run().ok();
    // One for each layer.
    let puts = fake.requests("PUT /v2/fleet/new/blob/upload/");
    assert_eq!(puts.len(), image.layers().len(), "{puts:?}");
}

#[test]
fn behind_a_login_all_of_it_works_and_without_one_it_is_said() {
    for guard in [Guard::Basic, Guard::Bearer] {
        let (fake, made) = with_tarsums_behind(guard);
        let barque = Barque::new();
        let creds = |flag: &str| format!("--{flag}={USER}:{PASSWORD}");
        let old = fake.docker("fleet/old:1");
        barque.args(["inspect", &creds("creds"), &old]).run().ok();
        let rescue = ["copy", &creds("src-creds"), &old, "oci:out:1"];
        barque.args(rescue).run().ok();
        barque.args(["copy", "oci:out:1", "dir:out-dir"]).run().ok();
        assert_contents(&barque, &made);

        let image = Maker::new(Dialect::Docker)
            .compression(Compression::None)
            .file_layer("cargo", noise(3, 5 << 20))
            .make();
        images::write_dir(&barque.path("image"), &image);
        let new = fake.docker("fleet/new:1");
        let push = ["copy", "--format=v2s1", "dir:image", &new];
        let with_login = barque.args(push).args([creds("dest-creds")]);
        with_login.run().ok();
        let tags = [
            "tags",
            "--plain",
            &creds("creds"),
            &fake.docker("fleet/new"),
        ];
        assert_eq!(barque.args(tags).run().ok().stdout(), "1\n");
        let back = ["copy", &creds("src-creds"), &new, "dir:back"];
        barque.args(back).run().ok();

        for args in [&push[..], &["inspect", &new], &["delete", &new]] {
            let out = barque.args(args).run().code(3);
            assert!(out.stderr().contains("barque login"), "{}", out.stderr());
        }
        let gone = barque.args(["delete", &creds("creds"), &new]).run();
        gone.ok();
        fake.with(|held| {
            assert!(!held.manifests.contains_key("fleet/new:1"));
            assert!(held.uploads.is_empty());
        });
    }
}

#[test]
fn an_image_of_today_is_refused_with_a_hint() {
    let fake = FakeDraft::start();
    let barque = Barque::new();
    images::write_dir(&barque.path("image"), &images::small());
    let to = fake.docker("fleet/new:1");
    let refused = barque.args(["copy", "dir:image", &to]).run().code(6);
    assert!(
        refused.stderr().contains("`--format v2s1` makes one"),
        "{}",
        refused.stderr()
    );
    fake.with(|held| assert!(held.manifests.is_empty()));
}

/// The whole vocabulary of an upload, in the library.
#[tokio::test]
async fn an_upload_step_by_step() {
    let fake = FakeDraft::start();
    let text = format!("{}/fleet/new", fake.address());
    let repository = barque::image::parse_reference(&text).unwrap().repository;
    let client = Client::new(&repository.registry, &Context::default());
    let repository = Arc::new(client).repository(&repository.name, Actions::PullPush);
    let bytes = bytes::Bytes::from(noise(5, 10_000));
    let blob = Descriptor::new("x", sha256(&bytes), bytes.len() as u64);
    let body = UploadBody::new(blob.size, move |from| {
        let rest = bytes.slice(from as usize..);
        Box::pin(async move {
            Ok(Box::pin(futures_util::stream::iter([Ok(rest)])) as barque::registry::ByteStream)
        })
    });
    let session = repository.draft_start_upload().await.unwrap();
    let session = repository
        .draft_put_chunk(&session, &body, 0..4_000)
        .await
        .unwrap();
    let early = repository.draft_put_chunk(&session, &body, 5_000..6_000);
    let refused = early.await.unwrap_err();
    assert_eq!(ApiError::of(&refused).unwrap().status, 416);
    let status = repository.draft_upload_status(&session).await.unwrap();
    assert_eq!(status.bytes, Some(4_000));
    // A status that says nothing is no crash.
    fake.with(|held| held.silent = true);
    let silent = repository.draft_upload_status(&session).await.unwrap();
    assert_eq!(silent.bytes, None);
    let session = repository
        .draft_put_chunk(&session, &body, 4_000..10_000)
        .await
        .unwrap();
    repository
        .draft_finish_upload(&session, &blob)
        .await
        .unwrap();
    let sum = BlobSum::Digest(blob.digest.clone());
    let size = repository.draft_blob_size(&sum).await.unwrap();
    assert_eq!(size, Some(Some(10_000)));
    assert_eq!(
        fake.requests("PUT").last().unwrap().rsplit(' ').next(),
        Some("10000-10000/10000")
    );

    let session = repository.draft_start_upload().await.unwrap();
    repository
        .draft_put_upload(&session, &blob, &body)
        .await
        .unwrap();
    let session = repository.draft_start_upload().await.unwrap();
    repository.cancel_upload(&session).await.unwrap();
    let gone = repository.draft_upload_status(&session).await;
    assert_eq!(ApiError::of(&gone.unwrap_err()).unwrap().status, 404);
    fake.with(|held| assert!(held.uploads.is_empty()));
}
