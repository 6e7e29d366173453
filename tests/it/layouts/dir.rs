//! `dir:` images.

use super::*;

#[tokio::test]
async fn a_directory_is_replaced_only_when_the_new_image_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let (one, two) = (image("one"), image("two"));
    write(&DirDestination::open(path).await.unwrap(), &one).await;
    let hex = |content: &[u8]| blob(content).digest.hex().to_owned();
    let mut expected = vec![
        hex(&one.config),
        hex(&one.layer),
        "manifest.json".into(),
        "version".into(),
    ];
    expected.sort();
    assert_eq!(files(path), expected);
    let version = std::fs::read_to_string(path.join("version")).unwrap();
    assert_eq!(version, "Directory Transport Version: 1.1\n");
    for name in ["signature-1", "notes.txt"] {
        std::fs::write(path.join(name), "x").unwrap();
    }

    let to = DirDestination::open(path).await.unwrap();
    let layer = blob(&two.layer);
    to.put_blob(&layer, body(&layer, &two.layer)).await.unwrap();
    let half = blob(&two.config);
    to.put_blob(&half, broken(&two.config[..9]))
        .await
        .unwrap_err();
    drop(to);
    let old = DirSource::open(path).await.unwrap();
    assert_eq!(read(&old).await.unwrap().digest(), one.manifest.digest());

    let to = DirDestination::open(path).await.unwrap();
    assert_eq!(
        to.current().await.unwrap().as_ref(),
        Some(one.manifest.digest())
    );
    assert_eq!(to.has(&layer).await.unwrap(), Presence::Present);
    write(&to, &two).await;
    let mut expected = vec![
        hex(&two.config),
        hex(&two.layer),
        "manifest.json".into(),
        "notes.txt".into(),
        "version".into(),
    ];
    expected.sort();
    assert_eq!(files(path), expected);
    let new = DirSource::open(path).await.unwrap();
    assert_eq!(read(&new).await.unwrap().digest(), two.manifest.digest());
}

#[tokio::test]
async fn a_directory_with_other_digests_is_version_1_2() {
    let dir = tempfile::tempdir().unwrap();
    let to = DirDestination::open(dir.path()).await.unwrap();
    let mut layer = blob(b"layer");
    layer.digest = Digest::of(Algorithm::Sha512, b"layer");
    to.put_blob(&layer, body(&layer, b"layer")).await.unwrap();
    let child = image("child").manifest;
    to.put_manifest(&child, &ManifestRef::Digest(child.digest().clone()))
        .await
        .unwrap();
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [child.descriptor()],
    });
    let index = Manifest::parse(index.to_string().into(), None).unwrap();
    to.put_manifest(&index, &ManifestRef::Named).await.unwrap();
    to.finish().await.unwrap();
    let version = std::fs::read_to_string(dir.path().join("version")).unwrap();
    assert_eq!(version, "Directory Transport Version: 1.2\n");
    let names = files(dir.path());
    assert!(names.contains(&format!("sha512-{}", layer.digest.hex())));
    assert!(names.contains(&format!("{}.manifest.json", child.digest().hex())));
    let source = DirSource::open(dir.path()).await.unwrap();
    let content = read_all(source.blob(&layer, 0).await.unwrap(), MANY).await;
    assert_eq!(content.unwrap(), "layer");
    let which = ManifestRef::Digest(child.digest().clone());
    assert_eq!(source.manifest(&which).await.unwrap().raw(), child.raw());
}

#[tokio::test]
async fn a_reader_is_told_that_the_image_was_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (image("one"), image("two"));
    write(&DirDestination::open(dir.path()).await.unwrap(), &one).await;
    let reader = DirSource::open(dir.path()).await.unwrap();
    reader.manifest(&ManifestRef::Named).await.unwrap();
    let other = blob(b"never there");
    let error = reader.blob(&other, 0).await.err().unwrap();
    assert!(error.to_string().contains("has no blob"), "{error}");
    write(&DirDestination::open(dir.path()).await.unwrap(), &two).await;
    let error = reader.blob(&blob(&one.layer), 0).await.err().unwrap();
    assert_eq!(error.kind(), Kind::NotFound);
    let words = "another image was written to";
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn an_image_is_not_named_without_its_blobs() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (image("one"), image("two"));
    write(&DirDestination::open(dir.path()).await.unwrap(), &one).await;
    let to = DirDestination::open(dir.path()).await.unwrap();
    let layer = blob(&two.layer);
    to.put_blob(&layer, body(&layer, &two.layer)).await.unwrap();
    to.put_manifest(&two.manifest, &ManifestRef::Named)
        .await
        .unwrap();
    // Another program that knows nothing of the lock.
    std::fs::remove_file(dir.path().join(layer.digest.hex())).unwrap();
    let error = to.finish().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    let stands = DirSource::open(dir.path()).await.unwrap();
    assert_eq!(read(&stands).await.unwrap().digest(), one.manifest.digest());
}
