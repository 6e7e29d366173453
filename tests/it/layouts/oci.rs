//! `oci:` images.

use super::*;
use crate::support::{Barque, images};

#[tokio::test]
async fn a_layout_is_read_back_and_a_name_moves() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/layout");
    let (one, two) = (image("one"), image("two"));
    let to = oci(&path, named("v1")).await;
    assert_eq!(to.current().await.unwrap(), None);
    write(&to, &one).await;
    assert_eq!(
        to.current().await.unwrap().as_ref(),
        Some(one.manifest.digest())
    );
    let layer = blob(&one.layer);
    assert_eq!(to.has(&layer).await.unwrap(), Presence::Present);
    assert_eq!(
        to.put_blob(&layer, unopened()).await.unwrap(),
        BlobOutcome::Present
    );
    assert_eq!(files(&path), ["blobs", "index.json", "oci-layout"]);
    let text = std::fs::read_to_string(path.join("index.json")).unwrap();
    let expected = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{}","size":{},"annotations":{{"org.opencontainers.image.ref.name":"v1"}}}}]}}"#,
        MediaType::OCI_INDEX,
        MediaType::OCI_MANIFEST,
        one.manifest.digest(),
        one.manifest.raw().len()
    );
    assert_eq!(text, expected);

    write(&oci(&path, named("v1")).await, &two).await;
    write(&oci(&path, named("reg.io/a:1")).await, &one).await;
    write(&oci(&path, Selector::Only).await, &one).await;
    let manifests = index(&path)["manifests"].as_array().unwrap().len();
    assert_eq!(manifests, 3, "{}", index(&path));
    for (selector, image) in [
        (named("v1"), &two),
        (named("reg.io/a:1"), &one),
        (Selector::At(2), &one),
    ] {
        let source = OciSource::open(&path, &selector).await.unwrap();
        assert_eq!(
            read(&source).await.unwrap().raw(),
            image.manifest.raw(),
            "{}",
            source.name()
        );
    }
}

#[tokio::test]
async fn a_blob_that_is_not_there_may_be_in_its_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    write(&oci(dir.path(), Selector::Only).await, &image("one")).await;
    let source = OciSource::open(dir.path(), &Selector::Only).await.unwrap();
    let mut small = blob(b"hello");
    small.urls = Some(vec!["https://example.com/hello".into()]);
    let error = source.blob(&small, 0).await.err().unwrap();
    assert_eq!(error.kind(), Kind::NotFound);
    assert_eq!(
        error.advice(),
        Some("its content is at `https://example.com/hello`")
    );
    small.data = Some("aGVsbG8=".into());
    let content = read_all(source.blob(&small, 0).await.unwrap(), MANY).await;
    assert_eq!(content.unwrap(), "hello");
    small.data = Some("aGVsbE8=".into());
    let content = read_all(source.blob(&small, 0).await.unwrap(), MANY).await;
    assert_eq!(content.unwrap_err().kind(), Kind::Corrupt);
}

#[tokio::test]
async fn a_layout_holds_docker_types_unchanged_only_and_sha512_has_its_own_folder() {
    let dir = tempfile::tempdir().unwrap();
    let to = oci(dir.path(), named("v1")).await;
    let docker = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{}","size":1}},"layers":[]}}"#,
        MediaType::DOCKER_MANIFEST,
        MediaType::DOCKER_CONFIG,
        blob(b"x").digest
    );
    let docker = Manifest::parse(docker.into(), None).unwrap();
    assert!(!(to.can().holds)(docker.media_type()));
    assert!(to.can().holds_unchanged.unwrap()(docker.media_type()));
    to.put_manifest(&docker, &ManifestRef::Named).await.unwrap();

    let other = image("x").manifest.by(Algorithm::Sha512);
    to.put_manifest(&other, &ManifestRef::Named).await.unwrap();
    to.finish().await.unwrap();
    assert!(
        dir.path()
            .join("blobs/sha512")
            .join(other.digest().hex())
            .exists()
    );
    let source = OciSource::open(dir.path(), &named("v1")).await.unwrap();
    let read = source.manifest(&ManifestRef::Named).await.unwrap();
    assert_eq!(read.digest(), other.digest());
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_written_at_the_same_time_are_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let writers = (0..8).map(|n| {
        let path = path.clone();
        tokio::spawn(async move {
            for tag in 0..8 {
                let name = format!("t{n}-{tag}");
                write(&oci(&path, named(&name)).await, &image(&name)).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    for n in 0..8 {
        for tag in 0..8 {
            let name = format!("t{n}-{tag}");
            let source = OciSource::open(&path, &named(&name)).await.unwrap();
            assert_eq!(
                read(&source).await.unwrap().digest(),
                image(&name).manifest.digest()
            );
        }
    }
    assert_eq!(files(&path), ["blobs", "index.json", "oci-layout"]);
}

#[test]
fn an_index_that_could_not_be_read_again_is_not_written() {
    let barque = Barque::new();
    let image = images::small();
    images::write_layout(&barque.path("from"), &[("1", &image)]);
    let large = |len: usize| {
        images::write_layout(&barque.path("to"), &[("1", &image)]);
        let path = barque.path("to/index.json");
        let mut index: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        index["annotations"] = serde_json::json!({ "filler": "x".repeat(len) });
        std::fs::write(&path, index.to_string()).unwrap();
    };
    let copy = |to: &str| barque.args(["copy", "-q", "oci:from:1", to]).run();
    // More than a manifest may have.
    large(6 << 20);
    copy("oci:to:2").ok();
    barque
        .args(["copy", "-q", "oci:to:2", "oci-archive:a.tar:2"])
        .run()
        .ok();
    large((32 << 20) - 400);
    barque.args(["inspect", "oci:to:1"]).run().ok();
    let refused = copy("oci:to:2").code(6);
    assert!(
        refused.stderr().contains("would become too large"),
        "{}",
        refused.stderr()
    );
    barque.args(["inspect", "oci:to:1"]).run().ok();
}

#[test]
fn a_path_that_is_no_directory_is_explained() {
    let barque = Barque::new();
    images::write_layout(&barque.path("from"), &[("1", &images::small())]);
    std::fs::write(barque.path("file"), "").unwrap();
    std::os::unix::fs::symlink("nowhere", barque.path("link")).unwrap();
    for (to, says) in [
        ("oci:file/l:1", "`file/l` is below a file"),
        ("dir:file", "`file` is a file, not a directory"),
        (
            "dir:link",
            "`link` is a link to `nowhere`, which is not there",
        ),
        (
            "oci-archive:none/a.tar:1",
            "cannot write `none/a.tar`: No such file",
        ),
    ] {
        let refused = barque.args(["copy", "oci:from:1", to]).run().code(6);
        assert!(
            refused.stderr().contains(says),
            "{to}: {}",
            refused.stderr()
        );
    }
}
